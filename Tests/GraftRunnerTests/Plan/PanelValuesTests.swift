import GraftIR
import GraftRunner
import Testing

/// Linear layers one behind the other, GELU between, over 37 rows a sample: no width is a whole number of tiles, and two
/// are deeper than a block.
@Suite struct PanelValuesTests {
  private static let variants = InstructionSet.allCases.filter(\.isSupported)
  private static let widths = [40, 1301, 70, 2312, 24]

  private func graph() throws(Diagnostic) -> Graph {
    var builder = GraphBuilder(name: "layers")
    var x = builder.input("x", TensorType(.f32, [.batch(), 37, Dimension(Self.widths[0])]))
    for layer in 0..<Self.widths.count - 1 {
      if layer > 0 { x = try builder.node(.gelu, [x], ["approximate": .text("tanh")])[0] }
      let (depth, width) = (Dimension(Self.widths[layer]), Dimension(Self.widths[layer + 1]))
      let weight = builder.parameter("\(layer).weight", TensorType(.f32, [width, depth]))
      let bias = builder.parameter("\(layer).bias", TensorType(.f32, [width]))
      x = try builder.node(.linear, [x, weight, bias])[0]
    }
    builder.output("y", x)
    return builder.graph
  }

  private func output(
    batch: Int, _ isa: InstructionSet, _ weights: WeightType = .f32, threads: Int = 2, fuses: Bool = true
  ) throws -> Tensor {
    let graph = try graph()
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
    let x = random.tensor([batch, 37, Self.widths[0]])
    plan.bytes(of: plan.graph.inputs[0].value).copyMemory(from: x.bytes)
    try plan.run()
    return withExtendedLifetime(x) { plan.tensor(plan.results[0].value) }
  }

  @Test(
    "Layers that exchange panels give the bits of those that do not", arguments: variants,
    [WeightType.f32, .bf16, .f16])
  func bits(_ isa: InstructionSet, _ weights: WeightType) throws {
    for batch in [1, 3] {
      let rows = try output(batch: batch, isa, weights, fuses: false).copiedBytes
      for threads in [1, 2, 5] {
        #expect(try output(batch: batch, isa, weights, threads: threads).copiedBytes == rows)
      }
    }
  }

  @Test("Variants agree on layers that exchange panels", arguments: variants)
  func values(_ isa: InstructionSet) throws {
    let expected = try output(batch: 2, .plain, fuses: false).doubles
    let found = try output(batch: 2, isa).doubles
    let error = zip(expected, found).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
    let size = expected.map { $0 * $0 }.reduce(0, +).squareRoot()
    #expect(size > 1 && error < 1e-6 * size)
  }
}
