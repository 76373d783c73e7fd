import GraftIR
import GraftRunner
import Testing

/// Expected numbers: PyTorch on the CPU, `Tests/Fixtures/rng`.
@Suite struct TorchRandomTests {
  static let seeds = [0, 1, 42, -1, 2_147_483_647, 4_294_967_301, 123_456_789_012_345]

  @Test("Every recorded call gives the numbers of PyTorch", arguments: seeds)
  func recordedCalls(_ seed: Int) throws {
    let fixture = try Fixture("rng/seed_\(seed).safetensors")
    var callCount = 0
    for (name, tensor) in fixture.tensors {
      let parts = name.split(separator: ".").map(String.init)
      var random = TorchRandom(seed: seed)
      switch parts[0] {
      case "rand": #expect(random.uniforms(tensor.elementCount) == tensor.floats, "\(name)")
      case "rand64": #expect(random.uniformDoubles(tensor.elementCount) == tensor.doubles, "\(name)")
      case "randn": #expect(random.normals(tensor.elementCount) == tensor.floats, "\(name)")
      case "randn64":
        #expect(largestDifference(random.normalDoubles(tensor.elementCount), tensor.doubles) == 0, "\(name)")
      case "randint":
        let bounds = parts.dropFirst().compactMap(Int.init)
        let range = bounds.count == 1 ? 0..<bounds[0] : bounds[0]..<bounds[1]
        #expect(random.integers(tensor.elementCount, in: range) == tensor.integers, "\(name)")
      case "randperm": #expect(random.permutation(tensor.elementCount) == tensor.integers, "\(name)")
      default: continue
      }
      callCount += 1
    }
    #expect(callCount >= 28)
  }

  @Test("Calls share one stream, and small ones the spare normal number", arguments: seeds)
  func mixedCalls(_ seed: Int) throws {
    let fixture = try Fixture("rng/seed_\(seed).safetensors")
    var random = TorchRandom(seed: seed)
    let calls = fixture.tensors.keys.filter { $0.hasPrefix("mixed.") }.sorted()
    #expect(calls.count == 10)
    for name in calls {
      let expected = try fixture[name].floats
      let isUniform = name.split(separator: ".")[2] == "rand"
      #expect((isUniform ? random.uniforms(expected.count) : random.normals(expected.count)) == expected, "\(name)")
    }
  }

  @Test("PyTorch's initialisations follow from the same stream", arguments: seeds)
  func initialisations(_ seed: Int) throws {
    let fixture = try Fixture("rng/seed_\(seed).safetensors")
    var random = TorchRandom(seed: seed)
    #expect(random.normals(45).map { $0 * 0.02 } == (try fixture["normal.0.02"].floats))

    // Uniform in [-bound, bound): Glorot and Bengio's bound for 10 inputs and 6 outputs, else 1 / sqrt(inputs).
    let cases: [(names: [String], bound: Double)] = [
      (["xavier_uniform"], (6.0 / 16).squareRoot()),
      (["linear.weight", "linear.bias"], 1 / 7.0.squareRoot()),
      (["conv1d.weight", "conv1d.bias"], 1 / 4.0.squareRoot()),
    ]
    for (names, bound) in cases {
      random = TorchRandom(seed: seed)
      for name in names {
        let expected = try fixture[name].floats
        let drawn = random.uniforms(expected.count).map { $0 * Float(2 * bound) - Float(bound) }
        // Scaling may be fused or not: one unit in the last place of the bound.
        #expect(largestDifference(drawn, expected) <= Float(bound).ulp, "\(name)")
      }
    }
  }

  @Test("Nothing and one number are counts like any other")
  func smallCounts() {
    var random = TorchRandom(seed: 3)
    #expect(random.normals(0).isEmpty && random.permutation(0).isEmpty && random.integers(0, in: 0..<1).isEmpty)
    #expect(random.permutation(1) == [0])
    #expect(random.integers(3, in: 7..<8) == [7, 7, 7])
  }

  @Test("An empty range is the caller's mistake")
  func emptyRange() async {
    await #expect(processExitsWith: .failure) {
      var random = TorchRandom(seed: 0)
      _ = random.integers(1, in: 4..<4)
    }
  }
}
