import GraftIR
import Testing

@Suite struct PassTests {
  /// Seeds whose program can be evaluated: a random one may gather rows that are not there, or count in batches.
  static let seeds = (0..<400).filter { (try? evaluated($0)) != nil }.prefix(40)

  private struct Evaluated {
    var graph: Graph
    var inputs: [String: Tensor]
    var parameters: [String: Tensor]
    var evaluation: Evaluation
  }

  private static func evaluated(_ seed: Int) throws -> Evaluated {
    var random = Seeded(seed)
    let graph = random.program(batches: false).graphs[0]
    func tensors(_ values: [NamedValue]) throws -> [String: Tensor] {
      var named: [String: Tensor] = [:]
      for value in values {
        let type = graph.type(of: value.value)
        let shape = try #require(type.shape)
        _ = try #require(type.dtype.byteCount(of: shape.elementCount ?? 0))
        named[value.name] = random.tensor(type.dtype, shape)
      }
      return named
    }
    let (inputs, parameters) = (try tensors(graph.inputs), try tensors(graph.parameters))
    let evaluation = try graph.evaluate(inputs: inputs, parameters: parameters, recordingBoundaries: true)
    return Evaluated(graph: graph, inputs: inputs, parameters: parameters, evaluation: evaluation)
  }

  static let pipelines: [[Pass]] = [
    [.removeUnusedNodes], [.foldConstants], Pass.lowering, Pass.planning, Pass.lowering + Pass.planning,
  ]

  @Test("Passes keep every output and boundary, in any order", arguments: seeds, pipelines)
  func results(seed: Int, _ passes: [Pass]) throws {
    let given = try Self.evaluated(seed)
    let changed = try given.graph.applying(passes)
    let found = try changed.evaluate(
      inputs: given.inputs, parameters: given.parameters, recordingBoundaries: true)
    for (want, found) in [
      (given.evaluation.outputs, found.outputs), (given.evaluation.boundaries, found.boundaries),
    ] {
      #expect(want.keys.sorted() == found.keys.sorted())
      for (name, tensor) in want {
        let other = try #require(found[name])
        #expect(other.type == tensor.type)
        #expect(other.largestDifference(from: tensor) == 0, "seed \(seed), \(passes.map(\.name)), \(name)")
      }
    }
  }

  @Test("Forty random programs can be evaluated")
  func enough() { #expect(Self.seeds.count == 40) }

  /// Passes that break a graph of `y = exp(x) * weight`, each in its own way.
  static let broken: [(Pass, String)] = [
    (Pass("LosesNode") { with($0) { _ = $0.nodes.removeFirst() } }, "graph.defined-before-use"),
    (Pass("TurnsAround") { with($0) { $0.nodes.reverse() } }, "graph.defined-before-use"),
    (Pass("LeavesType") { with($0) { $0.types.append(TensorType(.f32, [2])) } }, "graph.defined-once"),
    (Pass("ChangesType") { with($0) { $0.types[3] = TensorType(.f16, [2]) } }, "graph.result"),
    (Pass("RepeatsOutput") { with($0) { $0.outputs += $0.outputs } }, "graph.names"),
  ]

  private static func with(_ graph: Graph, _ change: (inout Graph) -> Void) -> Graph {
    var copy = graph
    change(&copy)
    return copy
  }

  @Test("The verifier names the pass that broke a graph, and the rule", arguments: broken)
  func namesThePass(_ pass: Pass, _ rule: String) {
    let program = VerifyGraphTests.program { _ in }
    let passes = [Pass.foldConstants, pass, .removeUnusedNodes]
    for apply in [
      { _ = try program.applying(passes) }, { _ = try program.graphs[0].applying(passes) },
    ] {
      let error = #expect(throws: Diagnostic.self) { try apply() }
      #expect(error?.rule == "graph.pass")
      #expect(error?.category == .defect)
      #expect(error?.message.contains("'\(pass.name)'") == true)
      #expect(error?.message.contains("'\(rule)'") == true)
    }
  }

  @Test("A pass that renames a parameter breaks the program, though not the graph")
  func programRules() {
    let pass = Pass("RenamesParameter") { graph in
      Self.with(graph) { $0.parameters = [NamedValue("other", $0.parameters[0].value)] }
    }
    let error = #expect(throws: Diagnostic.self) { try VerifyGraphTests.program { _ in }.applying([pass]) }
    #expect(error?.rule == "graph.pass")
    #expect(error?.message.contains("'graph.parameter'") == true)
  }

  @Test("What was broken before the first pass is told as it is")
  func brokenBefore() {
    var graph = VerifyGraphTests.program { _ in }.graphs[0]
    graph.nodes.removeFirst()
    #expect(rule { _ = try graph.applying(Pass.lowering) } == "graph.defined-before-use")
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
    let graph = try builder.graph.applying(Pass.lowering)
    #expect(graph.nodes.map(\.primitive) == ["Constant", "Mul"])
    #expect(graph.nodes[0].attributes["values"] == .floats([1, 2]))
  }

  @Test("What cannot be worked out, or is large, stays")
  func unfolded() throws {
    var builder = GraphBuilder(name: "forward")
    let zero = try builder.node(.constant, [], ["dtype": .dtype(.i32), "values": .floats([0])])
    builder.output("quotient", try builder.node(.div, zero + zero)[0])
    let many = try builder.node(.iota, [], ["count": .int(1 << 20)])
    builder.output("negative", try builder.node(.neg, many)[0])
    #expect(try builder.graph.applying([.foldConstants]) == builder.graph)
  }
}
