import GraftIR
import Testing

@Suite struct GraphBuilderTests {
  @Test("The same use of the same inputs is made once; -0 is not 0")
  func commonUses() throws {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.f32, [.batch(), 4]))
    let first = try builder.node(.exp, [x], path: "a")
    #expect(try builder.node(.exp, [x], path: "b") == first)
    let zero = try builder.node(.constant, [], ["values": .floats([0])])
    #expect(try builder.node(.constant, [], ["values": .floats([-0.0])]) != zero)
    #expect(builder.graph.nodes.count == 3)
    #expect(builder.type(of: first[0]) == TensorType(.f32, [.batch(), 4]))
  }

  @Test("A parameter is one value however often it is asked for")
  func parameters() {
    var builder = GraphBuilder(name: "forward")
    let weight = builder.parameter("weight", TensorType(.f32, [4]))
    #expect(builder.parameter("weight", TensorType(.f32, [4])) == weight)
    #expect(builder.graph.parameters.count == 1)
  }

  @Test("A node that a shape rule refuses is not added")
  func refused() {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.i32, [4]))
    #expect(throws: Diagnostic.self) { try builder.node(.exp, [x]) }
    #expect(builder.graph.nodes.isEmpty)
  }
}
