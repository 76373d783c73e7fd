import GraftCompiler
import GraftFormats
import GraftIR
import Testing

/// Expected tensors: `Tests/Fixtures/parallel`, made with PyTorch.
@Suite struct ParallelTests {
  static let averages = Golden.cases("parallel") { $0.facts["start"]?.textValue == "average" }

  @Test("There are pairs and fours")
  func groups() { #expect(Self.averages.compactMap { $0.facts["group"]?.intValue } == [2, 4]) }

  @Test("Blocks made parallel are those of PyTorch, bit for bit", arguments: averages)
  func average(_ golden: GoldenCase) throws {
    let folder = try TemporaryFolder()
    let group = try #require(golden.facts["group"]?.intValue)
    let file = try folder.write(
      """
      graft "parallel" {
          base auto from "\(golden.path(golden.name + "_base.safetensors"))"
          parallelize blocks in groups of \(group) with merge_linear(start: average)
          emit "parallel.safetensors"
      }
      """, as: "parallel.graft")
    var options = Compiler.Options()
    options.assumptions = ["dit(heads: 4)"]
    let compiler = Compiler(options: options)
    let grafts = compiler.compile(file: file)
    #expect(compiler.diagnostics.items.map(\.message) == [])
    let graft = try #require(grafts.first)
    try TransferEngine.run(
      try graft.weightPlan(for: graft.emits.first), readers: graft.readers.compactMap(\.self),
      to: folder("parallel.safetensors"))
    expectSameBits(try Golden.tensors(folder("parallel.safetensors")), try golden.tensors())
  }
}
