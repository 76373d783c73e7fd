import GraftIR
import GraftRunner
import Testing

@Suite struct SeededInputsTests {
  /// A graph that looks `y` up in one table as it is, and in a smaller one behind other moves.
  private func graph() throws -> Graph {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.f32, [.batch(), 64]))
    let y = builder.input("y", TensorType(.i64, [.batch()]))
    _ = builder.input("n", TensorType(.i64, [.batch(), 100]))
    let large = builder.parameter("large", TensorType(.f32, [1000, 4]))
    let small = builder.parameter("small", TensorType(.f32, [7, 4]))
    let first = try builder.node(.gather, [large, y])[0]
    let column = try builder.node(.reshape, [y], ["shape": .dimensions([.batch(), 1])])[0]
    let second = try builder.node(.gather, [small, column])[0]
    builder.output("x", x)
    builder.output("first", first)
    builder.output("second", second)
    return builder.graph
  }

  @Test("Floating point is normal, indices are rows of every table they look up, other whole numbers are 0 or 1")
  func draws() throws {
    let inputs = try SeededInputs.draw(for: [graph()], batch: 200, seed: 3)
    #expect(inputs.map(\.name) == ["x", "y", "n"])
    #expect(inputs.map(\.tensor.shape) == [[200, 64], [200], [200, 100]])
    let x = inputs[0].tensor.doubles
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(x.count)
    // 12,800 normal draws: the mean is within 0.009 of 0, the variance within 0.0125 of 1, by one deviation each.
    #expect(abs(mean) < 0.05 && abs(variance - 1) < 0.07)
    #expect(Set(inputs[1].tensor.integers) == Set(0..<7))
    #expect(Set(inputs[2].tensor.integers) == [0, 1])
  }

  @Test("The same seed gives the same inputs, another seed others, and an input of two graphs is drawn once")
  func seeds() throws {
    func all(_ graphs: [Graph], seed: UInt64) throws -> [[Double]] {
      try SeededInputs.draw(for: graphs, batch: 2, seed: seed).map(\.tensor.doubles)
    }
    let graph = try graph()
    #expect(try all([graph], seed: 1) == all([graph, graph], seed: 1))
    #expect(try all([graph], seed: 1) != all([graph], seed: 2))
  }

  @Test(
    "Every type that a graph can take is drawn", arguments: DType.allCases.filter { $0.isComputable || $0.isInteger })
  func types(_ dtype: DType) throws {
    var builder = GraphBuilder(name: "forward")
    builder.output("x", builder.input("x", TensorType(dtype, [.batch(), 3])))
    let tensor = try #require(try SeededInputs.draw(for: [builder.graph], batch: 2, seed: 0).first?.tensor)
    #expect(tensor.dtype == dtype && tensor.shape == [2, 3])
  }
}
