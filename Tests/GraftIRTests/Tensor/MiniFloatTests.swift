import GraftIR
import Testing

@Suite struct MiniFloatTests {
  static let layouts: [(DType, MiniFloat)] = [
    (.f16, .f16), (.bf16, .bf16), (.f8e4m3, .f8e4m3), (.f8e5m2, .f8e5m2), (.f8e4m3fnuz, .f8e4m3fnuz),
    (.f8e5m2fnuz, .f8e5m2fnuz), (.f6e2m3, .f6e2m3), (.f6e3m2, .f6e3m2), (.f4, .f4),
  ]

  @Test("Every code is read and written back, and a NaN stays one", arguments: layouts)
  func codes(_ dtype: DType, _ layout: MiniFloat) {
    for code in 0..<UInt32(1) << UInt32(dtype.bitWidth) {
      let value = layout.decode(code)
      let written = layout.encode(value)
      // No expectation for each code: there are 65,536 of them.
      if value.isNaN ? !layout.decode(written).isNaN : written != code {
        Issue.record("\(code) is \(value), which is written as \(written)")
      }
    }
  }

  @Test("Halfway between neighbours the even code is taken, beside it the nearer one", arguments: layouts)
  func ties(_ dtype: DType, _ layout: MiniFloat) {
    let positive = UInt32(1) << UInt32(dtype.bitWidth - 1)
    for code in 0..<positive - 1 {
      let (low, high) = (layout.decode(code), layout.decode(code + 1))
      guard low.isFinite, high.isFinite else { continue }
      let middle = (low + high) / 2
      let found = [middle, middle.nextDown, middle.nextUp].map { layout.encode($0) }
      if found != [code + code % 2, code, code + 1] { Issue.record("around \(middle): \(found)") }
    }
  }

  /// Largest values and what lies beyond: IEEE 754 for f16, the OCP specification's table 1 for e4m3 and e5m2.
  static let edges: [(DType, Double, Double)] = [
    (.f16, 65519.99, 65504), (.f16, 65520, .infinity), (.f16, -1e300, -.infinity), (.f16, 0x1p-25, 0),
    (.f16, 0x1.8p-25, 0x1p-24), (.f16, 0x1p-24, 0x1p-24), (.bf16, 1 + 0x1p-8, 1), (.bf16, 1 + 0x1.8p-7, 1 + 0x1p-6),
    (.f8e4m3, 464, 448), (.f8e4m3, 465, .nan), (.f8e5m2, 57344, 57344), (.f8e5m2, 61440, .infinity),
    (.f8e4m3fnuz, 240, 240), (.f8e4m3fnuz, 1e9, .nan), (.f4, 100, 6), (.f4, 2.5, 2), (.f4, 3.5, 4),
    (.f8e8m0, 1.4, 1), (.f8e8m0, 1.5, 2), (.f8e8m0, 0x1p-127, 0x1p-127), (.f8e8m0, 1e300, .nan),
    (.f8e8m0, 0x1.7p127, 0x1p127),
    (.f8e8m0, -1, .nan),
  ]

  @Test("What lies beyond the largest and below the smallest number is rounded as the types say", arguments: edges)
  func limits(_ dtype: DType, _ value: Double, _ expected: Double) {
    let found = Tensor(dtype, [2], doubles: [0, value]).doubles[1]
    #expect(found == expected || (found.isNaN && expected.isNaN))
  }

  @Test("-0 keeps its sign where there is one")
  func negativeZero() {
    #expect(Tensor(.f16, [1], doubles: [-0.0]).doubles[0].sign == .minus)
    #expect(Tensor(.f8e4m3fnuz, [1], doubles: [-0.0]).doubles[0].sign == .plus)
  }

  @Test("Packed types lie without gaps, the first element in the low bits")
  func packed() {
    let four = Tensor(.f4, [4], doubles: [1, -6, 0.5, 3])
    #expect(Array(four.bytes) == [0xF2, 0x51])
    #expect(four.doubles == [1, -6, 0.5, 3])
    // Codes 1, 2, 3, 4 of six bits: 0x103081 from the low end.
    let six = Tensor(zeros: .f6e2m3, [4])
    six.mutableBytes.copyBytes(from: [0x81, 0x30, 0x10] as [UInt8])
    #expect(six.doubles == [0.125, 0.25, 0.375, 0.5])
  }
}
