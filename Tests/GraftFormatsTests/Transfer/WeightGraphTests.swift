import GraftFormats
import GraftIR
import Testing

@Suite struct WeightGraphTests {
  /// exp(w) + exp(w), in which exp(w) is one value.
  private func graph(of argument: WeightExpression) throws -> WeightGraph {
    var builder = GraphBuilder(name: "call")
    let w = builder.parameter("0", TensorType(.f32, [2]))
    let exp = try #require(Primitives.named("Exp"))
    let add = try #require(Primitives.named("Add"))
    let value = try builder.node(exp, [w])[0]
    builder.output("out", try builder.node(add, [value, value])[0])
    return WeightGraph(builder.graph, arguments: [argument])
  }

  private let source = WeightExpression.source(SourceTensor(source: 0, name: "w", dtype: .f32, shape: [2]))

  @Test("A graph over a source is worked out while the plan is streamed, cast like any other value")
  func streamed() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/w.safetensors"
    try TransferEngine.write([("w", Tensor([0, 1], [2]))], to: path)
    let expression = WeightExpression.computed(try graph(of: source))
    let plan = WeightPlan(
      sources: [WeightPlan.Source(file: path, key: nil)],
      tensors: [
        PlannedTensor(name: "a", dtype: .f32, shape: [2], expression: expression, origin: .computed),
        PlannedTensor(name: "b", dtype: .bf16, shape: [2], expression: expression, origin: .computed),
      ], metadata: [:])
    try TransferEngine.run(plan, readers: [try Formats.open(path)], to: folder.path + "/out.safetensors")
    let reader = try Formats.open(folder.path + "/out.safetensors")
    #expect(try reader.tensor(at: 0).floats == [2, 5.4365635])  // 2 e = 5.43656365...
    #expect(try reader.tensor(at: 1).floats == [2, 5.4375])  // To the nearest of 8 bits.
  }

  @Test("A source that a graph reads must be there")
  func missing() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/w.safetensors"
    try TransferEngine.write([("other", Tensor([0, 1], [2]))], to: path)
    let plan = WeightPlan(
      sources: [WeightPlan.Source(file: path, key: nil)],
      tensors: [
        PlannedTensor(
          name: "a", dtype: .f32, shape: [2], expression: .computed(try graph(of: source)), origin: .computed)
      ], metadata: [:])
    let reader = try Formats.open(path)
    #expect {
      try TransferEngine.run(plan, readers: [reader], to: folder.path + "/out.safetensors")
    } throws: {
      ($0 as? Diagnostic)?.rule == "transfer.missing-source"
    }
    #expect(folder.names == ["w.safetensors"])
  }

  @Test("Graphs are equal where they do the same with the same")
  func equality() throws {
    let fill = WeightExpression.fill(1, .f32, [2])
    #expect(try graph(of: source) == graph(of: source))
    #expect(try graph(of: source) != graph(of: fill))
    #expect(try graph(of: source).mapArguments { _ in fill } == graph(of: fill))
    #expect(try WeightExpression.computed(graph(of: fill)).evaluate([]).floats == [5.4365635, 5.4365635])
  }
}
