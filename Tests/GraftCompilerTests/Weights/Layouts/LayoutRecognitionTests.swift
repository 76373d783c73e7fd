import GraftCompiler
import GraftFormats
import GraftIR
import Testing

/// Models in files whose tensors are called as in a layout.
@Suite struct LayoutRecognitionTests {
  /// A file with the tensors that `statements` on a small DiT make, in diffusers' names.
  private func file(_ statements: String = "", of compiled: Compiled? = nil) throws -> (Module, ListedCheckpoint) {
    let compiled = compiled ?? Compiled.small("\(statements)\nemit \"a.safetensors\" layout diffusers")
    let graft = try #require(compiled.grafts.first, "\(compiled.diagnostics)")
    let plan = try graft.weightPlan(for: graft.emits.first)
    return (graft.architecture, ListedCheckpoint(plan.tensors.map { ($0.name, $0.shape) }))
  }

  @Test("DiT-XL/2 has the 538 tensors of diffusers' release, and as many parameters")
  func published() throws {
    let compiled = Compiled("graft \"xl\" {\n base dit.xl2() noise\n emit \"a.safetensors\" layout diffusers\n}")
    let (_, checkpoint) = try file(of: compiled)
    // The counts of facebook/DiT-XL-2-256, whose blocks each hold the embeddings of time and class.
    #expect(checkpoint.entries.count == 538)
    #expect(checkpoint.entries.reduce(0) { $0 + ($1.shape.elementCount ?? 0) } == 749_826_464)
    let shapes = Dictionary(uniqueKeysWithValues: checkpoint.entries.map { ($0.name, $0.shape) })
    #expect(shapes["transformer_blocks.27.attn1.to_v.weight"] == [1152, 1152])
    #expect(shapes["transformer_blocks.3.norm1.emb.class_embedder.embedding_table.weight"] == [1001, 1152])
    #expect(shapes["proj_out_1.weight"] == [2304, 1152] && shapes["pos_embed"] == nil)
  }

  static let edits = [
    "", "replace blocks[odd].attn with hyena_x()", "replace blocks[0].attn with swa(window: [1, 1])",
    "replace blocks[0].mlp with mlp(hidden: 24)", "replace blocks[1].attn with gqa(kv_heads: 1)",
    "replace blocks[all].attn.{qkv, proj} with lora(old, rank: 2)", "remove blocks[last(2)]",
    "parallelize blocks in pairs with merge_linear()\nreplace blocks[0].branches[1].mlp with swiglu()",
    "parallelize blocks[0, 1] in pairs with merge_sum()", "replace blocks with blocks[0...2] + blocks[1...3]",
  ]

  @Test("A grafted model is recognised in a layout as in its own names", arguments: edits)
  func recognised(_ edits: String) throws {
    let (model, checkpoint) = try file(edits)
    var assumptions = ["dit(size: 4, heads: 2)"]
    if edits.contains("swa") { assumptions.append("swa(window: [1, 1])") }
    if edits.contains("merge_sum") { return }  // A merge without tensors is told by metadata alone.
    let found = try checkpoint.recognised(assuming: assumptions)
    var (expected, names) = ([String](), [String]())
    model.forEachParameter { name, parameter in expected.append("\(name) \(parameter.shape)") }
    found.forEachParameter { name, parameter in names.append("\(name) \(parameter.shape)") }
    #expect(names == expected)
    #expect(found.isSameTree(as: try ListedCheckpoint(model).recognised(assuming: assumptions)))
  }

  @Test("What stands in the place of a part keeps its own names behind the part's")
  func replaced() throws {
    let names = try file(Self.edits[1]).1.entries.map(\.name)
    #expect(names.contains("transformer_blocks.1.attn1.in_proj.weight"))
    #expect(names.contains("transformer_blocks.0.attn1.to_q.weight"))
    let adapted = try file(Self.edits[5]).1.entries.map(\.name)
    #expect(adapted.contains("transformer_blocks.1.attn1.qkv.inner.weight"))
    #expect(adapted.contains("transformer_blocks.1.attn1.to_out.0.down.weight"))
    let parallel = try file(Self.edits[7]).1.entries.map(\.name)
    #expect(parallel.contains("transformer_blocks.1.branches.0.attn1.to_k.bias"))
    #expect(parallel.contains("transformer_blocks.1.merge.weight"))
  }

  @Test("What a layout leaves out is asked for, and a missing tensor is told in the file's own names")
  func open() throws {
    let (_, checkpoint) = try file()
    let question = #expect(throws: Diagnostic.self) { try checkpoint.recognised(assuming: ["dit(heads: 2)"]) }
    #expect(question?.rule == "recognise.ask" && question?.help?.contains("dit(size:") == true)
    var tensors = checkpoint.entries.map { ($0.name, $0.shape) }
    tensors.removeAll { $0.0 == "transformer_blocks.2.attn1.to_k.weight" }
    let missing = #expect(throws: Diagnostic.self) {
      try ListedCheckpoint(tensors).recognised(assuming: ["dit(size: 4, heads: 2)"])
    }
    #expect(missing?.rule == "weights.missing")
    #expect(missing?.location?.tensor == "transformer_blocks.2.attn1.to_k.weight")
  }

  @Test("In a file in the model's own names, a tensor of a layout is pointed out")
  func stranger() throws {
    var tensors: [(String, Shape)] = []
    Compiled.small("").architecture?.forEachParameter { tensors.append(($0, $1.shape)) }
    tensors.removeAll { $0.0 == "blocks.3.attn.qkv.weight" }
    tensors += ["q", "k", "v"].map { ("blocks.3.attn.to_\($0).weight", [8, 8]) }
    let error = #expect(throws: Diagnostic.self) {
      try ListedCheckpoint(tensors).recognised(assuming: ["dit(heads: 2)"])
    }
    #expect(error?.rule == "weights.missing" && error?.location?.tensor == "blocks.3.attn.qkv.weight")
    #expect(error?.help == "the file has 'blocks.3.attn.to_q.weight', which looks like layout 'diffusers'")
  }

  @Test("A file whose names are those of two layouts is asked about")
  func twoLayouts() throws {
    let text = """
      model net(width d: Int) {
          a = linear(d, d)
          forward(x: [B, d]) -> [B, d] { return a(x) }
          recover width = a.bias[0]
      }
      layout one of net { b = a }
      layout two of net { b.weight = transpose(a.weight, [1, 0])  b.bias = a.bias }
      let c = 1
      """
    let names = try #require(Library { _ throws(Diagnostic) in Array(text.utf8) }.load("a.graft"))
    let file = ListedCheckpoint([("b.weight", [4, 4]), ("b.bias", [4])])
    let error = #expect(throws: Diagnostic.self) { try file.recognised(names) }
    #expect(error?.rule == "layouts.ask")
  }
}
