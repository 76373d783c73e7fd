import GraftIR
import Testing

@Suite struct EvaluationTests {
  /// `y = x * weight`, named on its way.
  static func graph() throws -> Graph {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.f32, [.batch(2), 2]))
    let weight = builder.parameter("weight", TensorType(.f32, [2]))
    let product = try builder.node(.mul, [x, weight], path: "a")
    builder.boundary("a", product[0])
    let pairs = try builder.node(.reshape, product, ["shape": .dimensions([.batch(), 4])])
    builder.output("y", pairs[0])
    return builder.graph
  }

  static let weight = ["weight": Tensor([10, 100], [2])]

  @Test("A graph is worked out node by node, at the batch of its inputs")
  func values() throws {
    let x = Tensor([1, 2, 3, 4, 5, 6, 7, 8], [4, 2])
    let found = try Self.graph().evaluate(inputs: ["x": x], parameters: Self.weight, recordingBoundaries: true)
    #expect(found.outputs["y"]?.shape == [2, 4])
    #expect(found.outputs["y"]?.floats == [10, 200, 30, 400, 50, 600, 70, 800])
    #expect(found.boundaries["a"]?.shape == [4, 2])
    #expect(try Self.graph().evaluate(inputs: ["x": x], parameters: Self.weight).boundaries.isEmpty)
  }

  @Test("A tensor that is missing or not as declared is refused")
  func refusals() throws {
    let graph = try Self.graph()
    let x = Tensor([1, 2, 3, 4], [2, 2])
    #expect(rule { try graph.evaluate(inputs: [:]) } == "graph.evaluate-input")
    #expect(rule { try graph.evaluate(inputs: ["x": x]) } == "graph.evaluate-parameter")
    let odd = Tensor([1, 2, 3, 4, 5, 6], [3, 2])
    #expect(
      rule { try graph.evaluate(inputs: ["x": odd], parameters: Self.weight) }
        == "graph.evaluate-batch")
    #expect(
      rule {
        try graph.evaluate(inputs: ["x": x], parameters: ["weight": Tensor([1], [1])])
      } == "graph.evaluate-parameter")
  }
}
