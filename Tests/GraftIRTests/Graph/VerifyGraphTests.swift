import GraftIR
import Testing

@Suite struct VerifyGraphTests {
  static let type = TensorType(.f32, [2])

  /// `y = exp(x) * weight`, before something is done to it.
  static func program(_ change: (inout Program) -> Void) -> Program {
    var graph = Graph(name: "forward")
    graph.types = [type, type, type, type]
    graph.inputs = [NamedValue("x", Value(0))]
    graph.parameters = [NamedValue("weight", Value(1))]
    graph.nodes = [
      Node(primitive: "Exp", attributes: [:], inputs: [Value(0)], results: [Value(2)], path: ""),
      Node(primitive: "Mul", attributes: [:], inputs: [Value(2), Value(1)], results: [Value(3)], path: ""),
    ]
    graph.outputs = [NamedValue("y", Value(3))]
    graph.boundaries = [NamedValue("a", Value(2))]
    var program = Program(parameters: [Parameter(name: "weight", type: type)], graphs: [graph])
    change(&program)
    return program
  }

  static let breaks: [(String, @Sendable (inout Program) -> Void)] = [
    ("graph.value", { $0.graphs[0].inputs[0] = NamedValue("x", Value(9)) }),
    ("graph.value", { $0.graphs[0].inputs[0] = NamedValue("x", Value(-1)) }),
    ("graph.defined-once", { $0.graphs[0].inputs.append(NamedValue("z", Value(0))) }),
    ("graph.defined-once", { $0.graphs[0].types.append(type) }),
    ("graph.defined-before-use", { $0.graphs[0].nodes.swapAt(0, 1) }),
    ("graph.defined-before-use", { $0.graphs[0].outputs = [NamedValue("y", Value(4))] }),
    ("graph.defined-before-use", { $0.graphs[0].boundaries = [NamedValue("y", Value(.min))] }),
    (
      "graph.primitive",
      {
        $0.graphs[0].nodes[0] = Node(
          primitive: "Expp", attributes: [:], inputs: [Value(0)], results: [Value(2)], path: "")
      }
    ),
    ("graph.result", { $0.graphs[0].types[3] = TensorType(.f32, [3]) }),
    ("graph.result", { $0.graphs[0].types[2] = TensorType(.f16, [2]) }),
    ("graph.type", { $0.graphs[0].types[0] = TensorType(.f32, [-2]) }),
    ("graph.type", { $0.graphs[0].types[0] = TensorType(.f32, [Dimension(.max), Dimension(.max)]) }),
    ("graph.type", { $0.parameters[0] = Parameter(name: "weight", type: TensorType(.f32, [-1])) }),
    ("graph.names", { $0.graphs[0].outputs.append(NamedValue("y", Value(2))) }),
    ("graph.names", { $0.graphs[0].boundaries.append(NamedValue("a", Value(3))) }),
    ("graph.names", { $0.parameters.append($0.parameters[0]) }),
    ("graph.names", { $0.graphs.append($0.graphs[0]) }),
    ("graph.parameter", { $0.parameters = [] }),
    ("graph.parameter", { $0.parameters = [Parameter(name: "weight", type: TensorType(.f32, [3]))] }),
    (
      "Mul.attributes",
      {
        $0.graphs[0].nodes[1] = Node(
          primitive: "Mul", attributes: ["axis": .int(0)], inputs: [Value(2), Value(1)], results: [Value(3)], path: "")
      }
    ),
  ]

  @Test("A broken rule is found", arguments: breaks)
  func refusals(_ expected: String, _ change: @Sendable (inout Program) -> Void) {
    #expect(rule { try Self.program(change).verify() } == expected)
  }

  @Test("A valid program passes")
  func valid() throws {
    try Self.program { _ in }.verify()
  }

  @Test("A misspelt primitive suggests the right one")
  func suggested() {
    var program = Self.program { _ in }
    program.graphs[0].nodes[0] = Node(
      primitive: "Epx", attributes: [:], inputs: [Value(0)], results: [Value(2)], path: "")
    do {
      try program.verify()
      Issue.record("the primitive does not exist")
    } catch { #expect(error.label == "did you mean 'Exp'?") }
  }
}
