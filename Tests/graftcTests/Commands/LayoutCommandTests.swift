import Foundation
import GraftFormats
import GraftIR
import Testing

/// Checkpoints in the names of another library, from the command line.
@Suite struct LayoutCommandTests {
  private static let fixtures = Golden.folder + "/layouts"
  private static let diffusers = fixtures + "/transformer"
  private static let weights = diffusers + "/diffusion_pytorch_model.safetensors"
  private static let model = "dit(size: 8, width: 16, depth: 3, heads: 2, classes: 5)"

  private func expectEqual(_ a: String, _ b: String, besides: Set<String> = []) throws {
    let (a, b) = (try Golden.tensors(a), try Golden.tensors(b))
    #expect(Set(a.keys).subtracting(besides) == Set(b.keys).subtracting(besides))
    for (name, tensor) in a {
      guard let other = b[name] else { continue }
      #expect(tensor.type == other.type && tensor.bytes.elementsEqual(other.bytes), "\(name)")
    }
  }

  /// Compiles `statements` on the model in `file`, in `folder`.
  private func compile(_ statements: String, from file: String, in folder: TemporaryFolder) throws {
    try folder.write("graft \"g\" {\n base \(Self.model) from \"\(file)\"\n \(statements)\n}\n", as: "g.graft")
    try Graftc.succeed(["compile", folder("g.graft"), "--force"])
  }

  @Test("A checkpoint of diffusers' names is that of its authors' names, both ways and to the bit")
  func bothWays() throws {
    let folder = try TemporaryFolder()
    try compile(
      "emit \"own.safetensors\"\n emit \"same.safetensors\" layout diffusers", from: Self.diffusers, in: folder)
    try expectEqual(folder("own.safetensors"), Self.fixtures + "/dit.safetensors")
    try expectEqual(folder("same.safetensors"), Self.weights)
    try compile("emit \"there.pt\" layout diffusers", from: Self.fixtures + "/dit.safetensors", in: folder)
    try expectEqual(folder("there.pt"), Self.weights)
    // Narrow tensors stay narrow.
    try compile("emit \"narrow.safetensors\" as bf16 layout diffusers", from: Self.diffusers, in: folder)
    try compile("emit \"again.safetensors\" layout diffusers", from: folder("narrow.safetensors"), in: folder)
    try expectEqual(folder("again.safetensors"), folder("narrow.safetensors"))
    #expect(try Golden.tensors(folder("again.safetensors")).values.allSatisfy { $0.dtype == .bf16 })
  }

  private func run(_ model: String, _ more: [String] = [], in folder: TemporaryFolder) throws -> Tensor {
    try Graftc.succeed(
      [
        "run", model, "--input", Self.fixtures + "/inputs.safetensors", "--output", folder("out.safetensors"),
        "--force",
      ]
        + more)
    let out = try #require(try Golden.tensors(folder("out.safetensors"))["out"])
    #expect(out.floats.contains { $0.magnitude > 0.1 })
    return out
  }

  @Test("It runs to the same bits, with what its folder notes or a person says")
  func forward() throws {
    let folder = try TemporaryFolder()
    let own = try run(Self.fixtures + "/dit.safetensors", ["--assume", "dit(heads: 2)"], in: folder)
    #expect(try run(Self.diffusers, in: folder).floats == own.floats)
    let said = ["--assume", "dit(size: 8, heads: 2)"]
    #expect(try run(Self.weights, said, in: folder).floats == own.floats)
    #expect(try run(Self.weights, said + ["--layout", "diffusers"], in: folder).floats == own.floats)
  }

  @Test("A grafted model explains itself in every layout, and runs to the same bits")
  func grafted() throws {
    let folder = try TemporaryFolder()
    let edits = """
      replace blocks[0].attn with hyena_x()
      replace blocks[1].mlp with mlp(hidden: 96)
      parallelize blocks[1, 2] in pairs with merge_linear(start: average)
      emit "a.safetensors" layout diffusers
      emit "b.pt"
      emit "c.safetensors" layout diffusers shards of 40KB
      """
    try compile(edits, from: Self.diffusers, in: folder)
    let names = Set(try Golden.tensors(folder("a.safetensors")).keys)
    #expect(names.contains("transformer_blocks.0.attn1.in_proj.weight"))
    #expect(names.contains("transformer_blocks.1.branches.1.attn1.to_q.weight"))
    let out = try run(folder("b.pt"), in: folder)
    #expect(try run(folder("a.safetensors"), in: folder).floats == out.floats)
    #expect(folder.names.contains("c.safetensors.index.json") && folder.names.contains("c-00001-of-00004.safetensors"))
    #expect(try run(folder("c.safetensors.index.json"), in: folder).floats == out.floats)
  }

  @Test("'inspect' tells the layout")
  func inspect() throws {
    let model = try Graftc.run(["inspect", Self.diffusers, "--json"]).json()["model"]
    #expect(model?["layout"] == "diffusers" && model?["arguments"]?["size"] == 8)
    let own = try Graftc.run(["inspect", Self.fixtures + "/dit.safetensors", "--json"]).json()["model"]
    #expect(own?["layout"] == "model")
    // What is left out is open, and asked for.
    let file = try Graftc.succeed(["inspect", Self.weights])
    #expect(file.output.contains("in layout 'diffusers'") && file.output.contains("--assume 'dit(size: ...)'"))
  }

  @Test("A layout that is named is one that there is, and the one that is read")
  func named() throws {
    let folder = try TemporaryFolder()
    let inputs = ["--input", Self.fixtures + "/inputs.safetensors", "--output", folder("out.safetensors")]
    try Graftc.fail(64, ["run", Self.diffusers, "--layout", "difusers"] + inputs, rule: "layouts.unknown")
    try Graftc.fail(65, ["run", Self.diffusers, "--layout", "model"] + inputs, rule: "weights.missing")
    try folder.write(
      "graft \"g\" {\n base \(Self.model) from \"\(Self.diffusers)\" layout model\n emit \"a.safetensors\"\n}\n",
      as: "g.graft")
    let result = try Graftc.fail(65, ["compile", folder("g.graft")], rule: "weights.missing")
    #expect(result.error.contains("looks like layout 'diffusers': --layout diffusers reads it so"))
    try Graftc.succeed(["compile", folder("g.graft"), "--layout", "diffusers"])
    try expectEqual(folder("a.safetensors"), Self.fixtures + "/dit.safetensors")
  }

  /// The fixture with one tensor changed.
  private func changed(_ name: String, in folder: TemporaryFolder, of file: String) throws -> String {
    var tensors = try Golden.tensors(file)
    let tensor = try #require(tensors[name])
    tensors[name] = Tensor(tensor.floats.map { $0 + 1 }, tensor.shape)
    let path = folder("changed.safetensors")
    try TransferEngine.write(tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: path)
    return path
  }

  @Test("Copies of one tensor that differ are refused, whatever is done with them")
  func copies() throws {
    let folder = try TemporaryFolder()
    let name = "transformer_blocks.2.norm1.emb.timestep_embedder.linear_2.bias"
    let path = try changed(name, in: folder, of: Self.weights)
    let inputs = ["--input", Self.fixtures + "/inputs.safetensors", "--output", folder("out.safetensors")]
    let said = ["--assume", "dit(size: 8, heads: 2)"]
    let result = try Graftc.fail(65, ["run", path] + said + inputs, rule: "transfer.copies")
    #expect(result.error.contains(name))
    try folder.write("graft \"g\" {\n base \(Self.model) from \"\(path)\"\n emit \"a.safetensors\"\n}\n", as: "g.graft")
    try Graftc.fail(65, ["compile", folder("g.graft")], rule: "transfer.copies")
    #expect(!folder.names.contains("a.safetensors"))
  }

  @Test("A table that readers would work out otherwise is not left out")
  func omission() throws {
    let folder = try TemporaryFolder()
    let path = try changed("pos_embed", in: folder, of: Self.fixtures + "/dit.safetensors")
    let text = "graft \"g\" {\n base \(Self.model) from \"\(path)\"\n emit \"a.safetensors\" layout diffusers\n}\n"
    try folder.write(text, as: "g.graft")
    try Graftc.fail(65, ["compile", folder("g.graft")], rule: "transfer.omission")
    #expect(!folder.names.contains("a.safetensors"))
  }
}
