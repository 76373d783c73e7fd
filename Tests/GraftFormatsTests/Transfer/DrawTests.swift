import GraftFormats
import GraftIR
import GraftKernels
import Testing

@Suite struct DrawTests {
  /// Known answers of Random123 1.14, `tests/kat_vectors`, `philox4x32 10`.
  static let answers: [([UInt32], [UInt32], [UInt32])] = [
    ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    ([.max, .max, .max, .max], [.max, .max], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]

  @Test("The generator gives the words of its reference", arguments: answers)
  func philox(_ counter: [UInt32], _ key: [UInt32], _ expected: [UInt32]) {
    var words: [UInt32] = [0, 0, 0, 0]
    graft_philox(counter, key, &words)
    #expect(words == expected)
  }

  /// FNV's published 64-bit hashes of the empty text, `a` and `foobar` (draft-eastlake-fnv).
  @Test("A stream's number is the FNV-1a hash of its name") func streamNumber() {
    func number(_ name: String) -> UInt64 { Draw(.uniform(low: 0, high: 1), seed: 0, stream: name).streamNumber }
    #expect(number("") == 0xcbf2_9ce4_8422_2325)
    #expect(number("a") == 0xaf63_dc4c_8601_ec8c)
    #expect(number("foobar") == 0x8594_4171_f739_67e8)
  }

  static let draws = [
    Draw(.uniform(low: -0.5, high: 0.5), seed: 7, stream: "x"),
    Draw(.normal(mean: 1, deviation: 2), seed: 7, stream: "x"),
  ]

  @Test("An element's value does not depend on how the draw is cut", arguments: draws)
  func cutting(_ draw: Draw) {
    let whole = draw.tensor([3000]).floats
    for (start, count) in [(0, 1), (1, 2999), (255, 2), (256, 256), (100, 1000), (2999, 1), (700, 0)] {
      let part = Tensor(zeros: .f32, [count])
      draw.fill(part.mutableBytes, startingAt: start)
      #expect(part.floats == Array(whole[start..<start + count]))
    }
  }

  /// From `Tests/Fixtures/draws/digests.py`, which follows the definition with NumPy 2.4.6.
  @Test("The bytes of a draw are the same everywhere and always") func stability() {
    #expect(
      Fixtures.digest(Self.draws[0].tensor([10000]))
        == "405f567cdd5f4977c8c08cc7c5748293cd0f0559b71a9cdb1a9013fa09be12dd")
    #expect(
      Fixtures.digest(Self.draws[1].tensor([10000]))
        == "412aacd93af321e993760157618d2b1465f3f5cefa674e9f465cf6c42659954f")
  }

  @Test("Seeds and streams give different numbers") func independence() {
    let base = Draw(.uniform(low: 0, high: 1), seed: 1, stream: "a").tensor([64]).floats
    for (seed, stream) in [(2, "a"), (1, "b"), (1 << 32, "a")] {
      let other = Draw(.uniform(low: 0, high: 1), seed: UInt64(seed), stream: stream).tensor([64]).floats
      #expect(zip(base, other).allSatisfy { $0 != $1 })
    }
  }

  /// Of a million elements the mean of a unit normal has a deviation of 0.001, its variance one of 0.0014; five
  /// deviations are allowed. A uniform's are 0.00029 and about 0.0001.
  @Test("The moments are those of the distribution") func moments() {
    let count = 1_000_000
    let normal = Draw(.normal(mean: 0, deviation: 1), seed: 3, stream: "moments").tensor([count]).doubles
    let mean = normal.reduce(0, +) / Double(count)
    let variance = normal.reduce(0) { $0 + $1 * $1 } / Double(count)
    let fourth = normal.reduce(0) { $0 + $1 * $1 * $1 * $1 } / Double(count)
    #expect(abs(mean) < 0.005 && abs(variance - 1) < 0.007 && abs(fourth - 3) < 0.05)
    let uniform = Draw(.uniform(low: -1, high: 1), seed: 3, stream: "moments").tensor([count]).doubles
    #expect(abs(uniform.reduce(0, +) / Double(count)) < 0.003)
    #expect(abs(uniform.reduce(0) { $0 + $1 * $1 } / Double(count) - 1.0 / 3) < 0.002)
    #expect(uniform.allSatisfy { $0 >= -1 && $0 < 1 })
  }

  @Test("A uniform draw never reaches its upper bound") func upperBound() {
    let high = Double(Float(1).nextUp)  // One step above 1: half of all sums would be rounded up to it.
    let values = Draw(.uniform(low: 1, high: high), seed: 3, stream: "bound").tensor([1000]).floats
    #expect(values.allSatisfy { $0 == 1 })
  }
}
