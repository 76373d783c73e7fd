import GraftIR
import Testing

@Suite struct GraphPassesTests {
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

  @Test("What cannot be worked out, or is large, stays")
  func unfolded() throws {
    var builder = GraphBuilder(name: "forward")
    let zero = try builder.node(.constant, [], ["dtype": .dtype(.i32), "values": .floats([0])])
    builder.output("quotient", try builder.node(.div, zero + zero)[0])
    let many = try builder.node(.iota, [], ["count": .int(1 << 20)])
    builder.output("negative", try builder.node(.neg, many)[0])
    #expect(builder.graph.foldingConstants() == builder.graph)
  }
}
