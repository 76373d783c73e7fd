import GraftIR
import GraftRunner
import Testing

@Suite struct ExecutionPlanTests {
  private func plan(
    _ graph: Graph, batch: Int, _ parameters: [String: Tensor] = [:], threads: Int = 2, fuses: Bool = true
  ) throws(Diagnostic) -> ExecutionPlan {
    try ExecutionPlan(
      graph, batch: batch, options: ExecutionPlan.Options(pool: ThreadPool(threadCount: threads), fuses: fuses)
    ) { name, _ throws(Diagnostic) in
      guard let tensor = parameters[name] else { throw Diagnostic("test.parameter", "no '\(name)'") }
      return tensor
    }
  }

  @Test("A run of a transformer dispatches each live node that is not folded, fuses it, or renames memory")
  func dispatches() throws {
    let network = SmallDiT()
    var graph = try network.graph()
    graph.boundaries = []
    let live = try graph.applying([.removeUnusedNodes]).nodes.map(\.primitive)
    let plan = try plan(graph, batch: 2, network.parameters(of: graph))
    #expect(plan.dispatches.isEmpty)
    for runs in 1...2 {
      try run(plan, network.inputs(batch: 2))
      #expect(plan.dispatches.values.reduce(0, +) == runs * (live.count - plan.folded.count - plan.renaming.count))
      #expect(plan.dispatches["Attention"] == runs * 2)
      #expect(plan.dispatches["Linear"] == runs * (2 + 2 * 5 + 2))
      #expect(plan.dispatches["LayerNormalization"] == runs * 5)
      #expect(plan.dispatches["Conv"] == runs)
      #expect(plan.dispatches["Exp"] == nil)
      #expect(plan.dispatches["Reshape"] == nil)
    }
    // Attention reads queries, keys and values where the layer before it left them.
    #expect(plan.renaming.filter { $0 == "Split" }.count == 2)
    // Frequencies are constants.
    #expect(plan.folded.filter { $0 == "Exp" || $0 == "Iota" } == ["Iota", "Exp"])
    let launched = plan.steps.flatMap(\.primitives)
    #expect((launched + plan.folded + plan.renaming).sorted() == live.sorted())
    let fused = live.count - plan.folded.count - plan.renaming.count - plan.steps.count
    #expect(plan.steps.map(\.launchCount).reduce(0, +) == 2 * plan.steps.count)
    let names = plan.steps.map(\.name)
    #expect(names.filter { $0 == "LayerNormalization + Mul + Add" }.count == 5)
    #expect(names.filter { $0 == "Linear + Gelu" }.count == 2)
    #expect(names.filter { $0 == "Linear + Mul + Add" }.count == 4)
    #expect(fused >= 5 * 2 + 2 + 4 * 2)
  }

  @Test("Neither planning nor a run evaluates a primitive by its reference")
  func noReference() throws {
    let network = SmallDiT()
    let graph = try network.graph()
    let evaluations = EvaluationCount()
    try Primitive.$evaluations.withValue(evaluations) {
      // The caller is its only thread, so that everything is counted.
      let plan = try plan(graph, batch: 2, network.parameters(of: graph), threads: 1)
      try run(plan, network.inputs(batch: 2))
      #expect(plan.dispatches.values.reduce(0, +) > 0)
      #expect(evaluations.count == 0)
      _ = try Primitive.exp.evaluate([Tensor([1], [1])], [:])
      #expect(evaluations.count == 1)
    }
  }

  private func run(_ plan: ExecutionPlan, _ inputs: [String: Tensor]) throws {
    plan.poison()
    for input in plan.graph.inputs {
      let tensor = try #require(inputs[input.name])
      let own = Tensor(plan.graph.type(of: input.value).dtype, tensor.shape, doubles: tensor.doubles)
      plan.bytes(of: input.value).copyMemory(from: own.bytes)
    }
    try plan.run()
  }

  @Test("Neither fusing nor panels change a bit", arguments: [8, 16])
  func fusing(_ size: Int) throws {
    // 16 tokens fill no panel of 32 rows, 64 tokens do.
    let network = SmallDiT(size: size)
    let graph = try network.graph()
    let inputs = network.inputs(batch: 2)
    func run(_ fuses: Bool) throws -> [UInt8] {
      let plan = try plan(graph, batch: 2, network.parameters(of: graph), fuses: fuses)
      try self.run(plan, inputs)
      return plan.tensor(plan.results[0].value).copiedBytes
    }
    #expect(try run(true) == run(false))
  }

  @Test("Blocks that are needed at one time never overlap, and the arena is smaller than their sum")
  func arena() throws {
    let network = SmallDiT(layers: 4)
    let graph = try network.graph()
    let plan = try plan(graph, batch: 3, network.parameters(of: graph))
    expectNoOverlap(plan.arenaBlocks, plan.arenaOffsets, plan.arenaByteCount)
    #expect(plan.arenaByteCount * 3 < plan.arenaBlocks.map(\.byteCount).reduce(0, +))
  }

  @Test("Any blocks are laid out without overlap", arguments: 0..<20)
  func layout(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    let blocks = (0..<60).map { _ in
      let first = Int.random(in: 0..<40, using: &random)
      return ArenaLayout.Block(
        byteCount: Int.random(in: 0...5000, using: &random), first: first,
        last: first + Int.random(in: 0...9, using: &random))
    }
    let layout = ArenaLayout(blocks)
    expectNoOverlap(blocks, layout.offsets, layout.byteCount)
  }

  private func expectNoOverlap(_ blocks: [ArenaLayout.Block], _ offsets: [Int], _ byteCount: Int) {
    for a in blocks.indices {
      #expect(offsets[a] % ArenaLayout.alignment == 0 && offsets[a] + blocks[a].byteCount <= byteCount)
      for b in 0..<a where blocks[a].first <= blocks[b].last && blocks[b].first <= blocks[a].last {
        let apart =
          offsets[a] + blocks[a].byteCount <= offsets[b] || offsets[b] + blocks[b].byteCount <= offsets[a]
        #expect(apart || blocks[a].byteCount == 0 || blocks[b].byteCount == 0, "blocks \(a) and \(b)")
      }
    }
  }

  @Test("Random graphs agree with the reference, fused or not", arguments: 0..<60)
  func randomGraphs(_ seed: Int) throws {
    var random = SplitMix(state: UInt64(1000 + seed))
    let (graph, given) = try Self.randomGraph(&random)
    let want = try reference(graph, batch: 2, given)
    var previous: [[UInt8]]?
    for fuses in [true, false] {
      let plan = try plan(graph, batch: 2, given, fuses: fuses)
      expectNoOverlap(plan.arenaBlocks, plan.arenaOffsets, plan.arenaByteCount)
      var bits: [[UInt8]] = []
      for _ in 0..<2 {
        try run(plan, given)
        bits = plan.results.map { plan.tensor($0.value).copiedBytes }
        #expect(previous == nil || previous == bits, "seed \(seed), fused \(fuses)")
        previous = bits
      }
      for (result, output) in zip(plan.results, graph.outputs) {
        // Products and functions of values of order 1, a dozen deep.
        expect(
          plan.tensor(result.value), near: try #require(want[output.value]), .ulpsOfLargest(200),
          "seed \(seed), \(output.name)")
      }
    }
  }

  /// Elementwise nodes, views, products and norms over [2, 5, 64] and what is broadcast to it; any value may be used
  /// again, and some are outputs though others read them.
  static func randomGraph(_ random: inout SplitMix) throws(Diagnostic) -> (Graph, [String: Tensor]) {
    var builder = GraphBuilder(name: "forward")
    var given: [String: Tensor] = [:]
    var full: [Value] = []
    var narrow: [Value] = []
    func input(_ shape: Shape, _ random: inout SplitMix) -> Value {
      let name = "x\(given.count)"
      given[name] = random.tensor(shape, in: -1...1)
      if Bool.random(using: &random) { return builder.parameter(name, TensorType(.f32, shape)) }
      return builder.input(name, TensorType(.f32, shape))
    }
    func one(_ primitive: Primitive, _ inputs: [Value], _ attributes: Attributes = [:]) throws(Diagnostic) -> Value {
      try builder.node(primitive, inputs, attributes)[0]
    }
    for _ in 0..<3 { full.append(input([2, 5, 64], &random)) }
    for shape: Shape in [[64], [2, 1, 64], [5, 64], [2, 5, 1], []] { narrow.append(input(shape, &random)) }
    let weight = input([64, 64], &random)
    for _ in 0..<Int.random(in: 3...16, using: &random) {
      let x = full[Int.random(in: 0..<full.count, using: &random)]
      let pool = full + narrow
      let other = pool[Int.random(in: 0..<pool.count, using: &random)]
      let pair = Bool.random(using: &random) ? [x, other] : [other, x]
      switch Int.random(in: 0..<11, using: &random) {
      case 0: full.append(try one(.add, pair))
      case 1: full.append(try one(.mul, pair))
      case 2: full.append(try one(.sub, pair))
      case 3: full.append(try one(.tanh, [x]))
      case 4: full.append(try one(.silu, [x]))
      case 5: full.append(try one(.linear, [one(.tanh, [x]), weight, narrow[0]]))
      case 6: full.append(try one(.layerNormalization, [x], ["epsilon": .float(1e-2)]))
      case 7:
        let flat = try one(.reshape, [x], ["shape": .ints([10, 64])])
        full.append(try one(.reshape, [one(.neg, [flat])], ["shape": .ints([2, 5, 64])]))
      case 8:
        let halves = try builder.node(.split, [x], ["axis": .int(2), "sizes": .ints([24, 40])])
        full.append(try one(.concat, [halves[1], halves[0]], ["axis": .int(2)]))
      case 9:
        let turned = try one(.transpose, [x], ["perm": .ints([1, 0, 2])])
        full.append(try one(.transpose, [one(.relu, [turned])], ["perm": .ints([1, 0, 2])]))
      default:
        let first = try one(.slice, [x], ["axis": .int(0), "start": .int(1), "length": .int(1)])
        narrow.append(first)
        full.append(try one(.add, [x, first]))
      }
    }
    builder.output("y0", full[full.count - 1])
    builder.output("y1", full[Int.random(in: 0..<full.count, using: &random)])
    builder.output("y2", narrow[narrow.count - 1])
    return (builder.graph, given)
  }

  @Test("A value is a batch of rows where the operand is broadcast in one run of axes")
  func rowLayouts() {
    let result: Shape = [2, 5, 64]
    #expect(
      RowLayout([64], over: result).map { [$0.divisor, $0.modulus, $0.rowStride, $0.columnStride] } == [10, 1, 64, 1])
    #expect(
      RowLayout([2, 1, 64], over: result).map { [$0.divisor, $0.modulus, $0.rowStride, $0.columnStride] } == [
        5, 2, 64, 1,
      ])
    #expect(
      RowLayout([5, 64], over: result).map { [$0.divisor, $0.modulus, $0.rowStride, $0.columnStride] } == [1, 5, 64, 1])
    #expect(
      RowLayout([2, 5, 1], over: result).map { [$0.divisor, $0.modulus, $0.rowStride, $0.columnStride] } == [
        1, 10, 1, 0,
      ])
    #expect(RowLayout([2, 1, 3, 64], over: [2, 5, 3, 64]) == nil)
  }
}
