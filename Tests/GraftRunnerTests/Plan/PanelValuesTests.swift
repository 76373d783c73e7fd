import GraftIR
import GraftRunner
import Testing

@Suite struct PanelValuesTests {
  private static let variants = InstructionSet.allCases.filter(\.isSupported)
  /// Of linear layers one behind the other, GELU between: no width is a whole number of tiles, and two are deeper than a
  /// block.
  private static let widths = [40, 1301, 70, 2312, 24]

  /// Those layers over 37 rows a sample, whose last panel is not full.
  private func layers() throws(Diagnostic) -> Graph {
    var builder = GraphBuilder(name: "layers")
    var x = builder.input("x", TensorType(.f32, [.batch(), 37, Dimension(Self.widths[0])]))
    for layer in 0..<Self.widths.count - 1 {
      if layer > 0 { x = try builder.node(.gelu, [x], ["approximate": .text("tanh")])[0] }
      x = try linear(&builder, x, "\(layer)", Self.widths[layer], Self.widths[layer + 1])
    }
    builder.output("y", x)
    return builder.graph
  }

  /// LayerNorm, a linear layer, attention in a window with fewer keys' heads, a linear layer, over `tokens` rows a sample.
  private func mixer(tokens: Int) throws(Diagnostic) -> Graph {
    var builder = GraphBuilder(name: "mixer")
    let x = builder.input("x", TensorType(.f32, [.batch(), Dimension(tokens), 40]))
    let normed = try builder.node(.layerNormalization, [x], ["epsilon": .float(1e-6)])[0]
    let parts = try builder.node(
      .split, [linear(&builder, normed, "qkv", 40, 80)], ["axis": .int(2), "sizes": .dimensions([40, 20, 20])])
    let mixed = try builder.node(
      .attention, parts, ["heads": .int(4), "kv_heads": .int(2), "window": .ints([4, 4])])[0]
    builder.output("y", try linear(&builder, mixed, "proj", 40, 24))
    return builder.graph
  }

  private func linear(
    _ builder: inout GraphBuilder, _ x: Value, _ name: String, _ depth: Int, _ width: Int
  ) throws(Diagnostic) -> Value {
    let weight = builder.parameter(name + ".weight", TensorType(.f32, [Dimension(width), Dimension(depth)]))
    let bias = builder.parameter(name + ".bias", TensorType(.f32, [Dimension(width)]))
    return try builder.node(.linear, [x, weight, bias])[0]
  }

  private func output(
    of graph: Graph, batch: Int, _ isa: InstructionSet, _ weights: WeightType = .f32, threads: Int = 2,
    fuses: Bool = true
  ) throws -> Tensor {
    var random = SplitMix(state: 11)
    var given: [String: Tensor] = [:]
    for parameter in graph.parameters {
      let shape = try #require(graph.type(of: parameter.value).shape)
      // Layers keep the size of what goes through.
      let spread = Float(3.4) / Float(shape.axes.last ?? 1).squareRoot()
      given[parameter.name] = random.tensor(shape, in: -spread...spread)
    }
    let options = ExecutionPlan.Options(
      isa: isa, pool: ThreadPool(threadCount: threads), weights: weights, fuses: fuses)
    let plan = try ExecutionPlan(graph, batch: batch, options: options) { name, type throws(Diagnostic) in
      guard let tensor = given[name] else { throw Diagnostic("test.parameter", "no '\(name)'") }
      return type == .f32 ? tensor : Tensor(type == .bf16 ? .bf16 : .f16, tensor.shape, doubles: tensor.doubles)
    }
    plan.poison()
    let x = random.tensor(try #require(graph.type(of: graph.inputs[0].value).shape(batch: batch)))
    plan.bytes(of: plan.graph.inputs[0].value).copyMemory(from: x.bytes)
    try plan.run()
    return withExtendedLifetime(x) { plan.tensor(plan.results[0].value) }
  }

  /// Checks that panels change no bit, whatever the number of threads.
  private func expectSameBits(_ graph: Graph, _ isa: InstructionSet, _ weights: WeightType = .f32) throws {
    for batch in [1, 3] {
      let rows = try output(of: graph, batch: batch, isa, weights, fuses: false).copiedBytes
      for threads in [1, 2, 5] {
        #expect(try output(of: graph, batch: batch, isa, weights, threads: threads).copiedBytes == rows)
      }
    }
  }

  @Test(
    "Layers that exchange panels give the bits of those that do not", arguments: variants,
    [WeightType.f32, .bf16, .f16])
  func layerBits(_ isa: InstructionSet, _ weights: WeightType) throws {
    try expectSameBits(layers(), isa, weights)
  }

  @Test("Norms and attention that write panels give the bits of rows", arguments: variants, [37, 64])
  func mixerBits(_ isa: InstructionSet, _ tokens: Int) throws {
    try expectSameBits(mixer(tokens: tokens), isa)
  }

  @Test("Variants agree on layers that exchange panels", arguments: variants)
  func values(_ isa: InstructionSet) throws {
    for graph in [try layers(), try mixer(tokens: 64)] {
      let expected = try output(of: graph, batch: 2, .plain, fuses: false).doubles
      let found = try output(of: graph, batch: 2, isa).doubles
      let error = zip(expected, found).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
      let size = expected.map { $0 * $0 }.reduce(0, +).squareRoot()
      #expect(size > 1 && error < 1e-6 * size)
    }
  }
}
