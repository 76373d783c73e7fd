import GraftIR
import Testing

@Suite struct InterpreterTests {
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

  @Test("Removing unused nodes and folding constants keep every output", arguments: 0..<40)
  func passes(seed: Int) throws {
    var random = Seeded(seed)
    let graph = random.program(batches: false).graphs[0]
    func tensors(_ values: [NamedValue]) -> [String: Tensor]? {
      var named: [String: Tensor] = [:]
      for value in values {
        let type = graph.type(of: value.value)
        guard let shape = type.shape, type.dtype.byteCount(of: shape.elementCount ?? 0) != nil else { return nil }
        named[value.name] = random.tensor(type.dtype, shape)
      }
      return named
    }
    guard let inputs = tensors(graph.inputs), let parameters = tensors(graph.parameters),
      // A random graph may gather rows that are not there, or hold sizes in batches that nothing binds.
      let expected = try? graph.evaluate(inputs: inputs, parameters: parameters)
    else { return }
    let folded = graph.foldingConstants()
    for (name, changed) in [
      ("removed", graph.removingUnusedNodes()), ("folded", folded), ("both", folded.removingUnusedNodes()),
      ("bare", graph.removingUnusedNodes(keepingBoundaries: false)),
    ] {
      try changed.verify()
      let found = try changed.evaluate(inputs: inputs, parameters: parameters)
      for (output, tensor) in expected.outputs {
        let other = try #require(found.outputs[output])
        #expect(other.type == tensor.type)
        #expect(other.largestDifference(from: tensor) == 0, "seed \(seed), \(name), \(output)")
      }
    }
  }

  @Test("A constant expression becomes one constant, and what nothing needs goes")
  func folding() throws {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.f32, [2]))
    let one = try builder.node(.constant, [], ["shape": .ints([2]), "values": .floats([1])])
    let iota = try builder.node(.iota, [], ["count": .int(2)])
    let sum = try builder.node(.add, one + iota)
    let y = try builder.node(.mul, [x] + sum)
    _ = try builder.node(.exp, [x])
    builder.output("y", y[0])
    let graph = builder.graph.foldingConstants().removingUnusedNodes()
    #expect(graph.nodes.map(\.primitive) == ["Constant", "Mul"])
    #expect(graph.nodes[0].attributes["values"] == .floats([1, 2]))
    try graph.verify()
  }
}
