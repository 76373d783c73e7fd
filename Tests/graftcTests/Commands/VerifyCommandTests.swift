import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct VerifyCommandTests {
  private static let mini = Golden.folder + "/dit/mini.safetensors"
  /// The fixture `dit/mini`: 64 tokens.
  private static let base = "base dit(size: 16, width: 16, depth: 8, heads: 2, classes: 10) from \"mini.safetensors\""

  /// A folder with the fixture, and `statements` on it as `g.graft`.
  private func folder(_ statements: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Self.mini, toPath: folder("mini.safetensors"))
    try folder.write(
      "graft \"g\" {\n\(Self.base)\n\(statements)\nemit \"g.safetensors\"\n}\n", as: "g.graft")
    return folder
  }

  static let exact: [String] = [
    "replace blocks[all].attn with mha() starting adopted",
    "replace blocks[all].attn with swa(window: [63, 63])",
    "replace blocks[i in all where i % 4 == 3] with [old, old starting { adaLN_modulation[1] = 0 }]",
    "replace blocks[all].mlp with mlp(ratio: 6)",
    """
    replace blocks[all].mlp with mlp(ratio: 6) starting {
        fc1.weight = concat([old.fc1.weight, split(old.fc1.weight, 2, axis: 0)[0]], axis: 0)
        fc1.bias = concat([old.fc1.bias, split(old.fc1.bias, 2)[1]])
        fc2.weight = concat([old.fc2.weight, 0 * split(old.fc2.weight, 2, axis: 1)[0]], axis: 1)
        fc2.bias = old.fc2.bias
    }
    """,
  ]

  @Test(
    "What keeps the function is proved, of the graft and of both kinds of checkpoints, and the reference agrees",
    arguments: exact)
  func keeps(_ statements: String) throws {
    let folder = try folder(statements)
    try Graftc.succeed(["compile", folder("g.graft")])
    try Graftc.succeed(["compile", folder("g.graft"), "-o", folder("g.pt")])
    for model in ["g.graft", "g.safetensors", "g.pt"] {
      let report = try Graftc.succeed(["verify", folder(model), "--json", "--batch", "1"]).json()
      #expect(report["exact"] == .bool(true), "\(model)")
      #expect(report["found"] == [])
      let rows = (report["parts"]?.listValue ?? []) + (report["outputs"]?.listValue ?? [])
      #expect(rows.count >= 13)
      for row in rows {
        #expect(row["exact"] == .bool(true), "\(model) \(row)")
        #expect(row["reference"]?["equal"] == .bool(true), "\(model) \(row)")
        // f32 in another order of sums: through eight blocks a few units in the last place, 6e-8 each.
        #expect(try #require(row["relative_l2"]?.doubleValue) < 1e-6, "\(model) \(row)")
      }
    }
  }

  @Test("The model that ships is itself where its attention adopts itself, and another one where that is Hyena-X")
  func shapes() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Golden.shapesModel, toPath: folder("dit-shapes.pt"))
    let base =
      "base dit(size: 32, width: 128, depth: 8, heads: 4, patch: 4, in_channels: 3, classes: 10) from \"dit-shapes.pt\""
    try folder.write(
      """
      graft "self" { \(base)  replace blocks[all].attn with mha() starting adopted }
      graft "hyena" { \(base)  replace blocks[odd].attn with hyena_x() }
      """, as: "shapes.graft")
    let reports = try Graftc.succeed(["verify", folder("shapes.graft"), "--json", "--no-reference"]).jsonLines()
    #expect(reports.map { $0["model"]?.textValue } == ["self", "hyena"])
    #expect(reports.map { $0["exact"] } == [.bool(true), .bool(false)])
    #expect(reports[0]["outputs"]?.listValue?.map { $0["max_abs"]?.doubleValue } == [0])
    let parts = try #require(reports[1]["parts"]?.listValue)
    let blocks = parts.filter { $0["path"]?.textValue?.hasPrefix("blocks") == true }
    #expect(blocks.map { $0["path"]?.textValue } == (0..<8).map { "blocks[\($0)]" })
    #expect(blocks.first?["exact"] == .bool(true))
    #expect(blocks.dropFirst().allSatisfy { $0["exact"] == .bool(false) && ($0["max_abs"]?.doubleValue ?? 0) > 0 })
    #expect((reports[1]["outputs"]?.listValue?.first?["relative_l2"]?.doubleValue ?? 0) > 1e-3)
  }

  @Test("The text is a line for each part, the same on every run, and each variant has its own")
  func text() throws {
    let folder = try folder("")
    try folder.write(
      "graft \"g\"(w: Int) { \(Self.base)  replace blocks[0].attn with swa(window: [w, w]) }", as: "w.graft")
    let arguments = ["verify", folder("w.graft"), "--set", "w=62,63", "--seed", "4", "--batch", "1"]
    let result = try Graftc.succeed(arguments)
    #expect(try Graftc.succeed(arguments).output == result.output)
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines.filter { $0.hasPrefix("g w=") }.map { $0.prefix(6) } == ["g w=62", "g w=63"])
    #expect(lines.filter { $0.contains("blocks[7]") }.count == 2)
    #expect(
      lines.filter { $0.contains("proved to be the same function") } == [
        "not proved to be the same function", "exact: proved to be the same function",
      ])
    #expect(lines.contains { $0.contains("inputs of seed 4: x f32[1, 4, 16, 16], t f32[1], y i64[1]") })
  }

  @Test("A difference alone is no failure; one beyond --atol or --rtol is exit code 1")
  func bounds() throws {
    let folder = try folder("replace blocks[odd].attn with hyena_x()")
    let report = try Graftc.succeed(["verify", folder("g.graft"), "--json"]).json()
    let largest = try #require(report["outputs"]?.listValue?.first?["max_abs"]?.doubleValue)
    try Graftc.succeed(["verify", folder("g.graft"), "--atol", "\(largest)"])
    let result = try Graftc.run(["verify", folder("g.graft"), "--atol", "\(largest / 2)", "--json"])
    #expect(result.code == 1)
    #expect(try result.json()["found"]?.listValue?.map { $0["rule"]?.textValue } == ["verify.bound"])
    #expect(try Graftc.run(["verify", folder("g.graft"), "--rtol", "0"]).code == 1)
  }

  @Test("Weights that are written in fewer bits are not the same, whatever the graft proves")
  func narrow() throws {
    let folder = try folder("replace blocks[all].attn with mha() starting adopted")
    try folder.write(
      "graft \"n\" { \(Self.base)  replace blocks[0].attn with mha() starting adopted  emit \"n.safetensors\" as bf16 }",
      as: "n.graft")
    try Graftc.succeed(["compile", folder("n.graft")])
    #expect(try Graftc.succeed(["verify", folder("n.graft"), "--json"]).json()["exact"] == .bool(true))
    let report = try Graftc.succeed(["verify", folder("n.safetensors"), "--json"]).json()
    #expect(report["exact"] == .bool(false))
    #expect((report["outputs"]?.listValue?.first?["max_abs"]?.doubleValue ?? 0) > 0)
  }

  // MARK: Checkpoints

  @Test("A checkpoint's parts stand beside those that they were, and its original is found beside it")
  func original() throws {
    let folder = try folder("parallelize blocks in pairs with merge_linear(start: average)")
    try Graftc.succeed(["compile", folder("g.graft")])
    let report = try Graftc.succeed(["verify", folder("g.safetensors"), "--json"], folder: "/").json()
    let blocks = try #require(report["parts"]?.listValue).filter { $0["path"]?.textValue?.hasPrefix("blocks") == true }
    #expect(blocks.map { $0["base"]?.textValue } == ["blocks[1]", "blocks[3]", "blocks[5]", "blocks[7]"])
    // From elsewhere it is looked for in the working directory, too.
    try FileManager.default.createDirectory(atPath: folder("other"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: folder("mini.safetensors"), toPath: folder("other/mini.safetensors"))
    let elsewhere = try Graftc.succeed(["verify", folder("g.safetensors"), "--json"], folder: folder("other")).json()
    #expect(elsewhere["outputs"] == report["outputs"])
    try Graftc.fail(66, ["verify", folder("g.safetensors")], rule: "weights.no-file", folder: folder.path)
    try Graftc.succeed(["verify", folder("g.safetensors"), "--base", folder("other/mini.safetensors")])
  }

  @Test("The original has to be the file that was recorded, unless --base says another")
  func digest() throws {
    let folder = try folder("replace blocks[all].attn with mha() starting adopted")
    try Graftc.succeed(["compile", folder("g.graft")])
    // Another file of the same model: one number differs.
    try FileManager.default.removeItem(atPath: folder("mini.safetensors"))
    var tensors = try Golden.tensors(Self.mini)
    let bias = try #require(tensors["blocks.3.mlp.fc1.bias"])
    tensors["blocks.3.mlp.fc1.bias"] = Tensor(bias.floats.map { $0 + 1 }, bias.shape)
    try TransferEngine.write(
      tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: folder("mini.safetensors"))
    try Graftc.fail(65, ["verify", folder("g.safetensors")], rule: "verify.base-digest")
    let result = try Graftc.succeed(["verify", folder("g.safetensors"), "--base", folder("mini.safetensors"), "--json"])
    #expect(result.error.contains("SHA-256"))
    let parts = try #require(result.json()["parts"]?.listValue)
    let exact = Dictionary(
      parts.map { ($0["path"]?.textValue ?? "", $0["exact"] == .bool(true)) }, uniquingKeysWith: { first, _ in first })
    #expect(exact["blocks[2]"] == true && exact["blocks[3]"] == false && exact["blocks[7]"] == false)
  }

  @Test("A checkpoint that graft did not write is compared with the one that --base names")
  func foreign() throws {
    let assume = ["--assume", "dit(heads: 2)"]
    try Graftc.fail(66, ["verify", Self.mini] + assume, rule: "verify.no-base")
    try Graftc.fail(66, ["verify", Self.mini, "--base", "noise"] + assume, rule: "verify.no-base")
    let report = try Graftc.succeed(["verify", Self.mini, "--base", Self.mini, "--json"] + assume).json()
    #expect(report["exact"] == .bool(true))
    let result = try Graftc.run(["verify", Self.mini, "--base", Self.mini, "--record"] + assume)
    #expect(result.code == 65 && result.error.contains("rule: verify.not-grafts-own"))
  }

  @Test("A model made from seeded weights is verified without a file")
  func noise() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "graft \"g\" { base \(Small.model) noise(seed: 0)  replace blocks[2] with [old, old starting { adaLN_modulation[1] = 0 }]  emit \"g.pt\" }",
      as: "g.graft")
    try Graftc.succeed(["compile", folder("g.graft")])
    try Graftc.fail(66, ["verify", folder("g.pt")], rule: "verify.no-base")
    let report = try Graftc.succeed(["verify", folder("g.pt"), "--base", "noise", "--json"]).json()
    #expect(report["exact"] == .bool(true))
    #expect(try Graftc.succeed(["verify", folder("g.graft"), "--json"]).json()["exact"] == .bool(true))
  }

  // MARK: Recording

  @Test("--record writes the result into the metadata and nothing else", arguments: ["g.safetensors", "g.pt"])
  func record(_ name: String) throws {
    let folder = try folder("replace blocks[odd].attn with hyena_x()")
    try Graftc.succeed(["compile", folder("g.graft"), "-o", folder(name)])
    let before = try Formats.open(folder(name)).metadata
    let tensors = try Golden.tensors(folder(name)).mapValues { Array($0.bytes) }
    let report = try Graftc.succeed(["verify", folder(name), "--record", "--json"]).json()
    var after = try Formats.open(folder(name)).metadata
    let recorded = after.removeValue(forKey: "graft.verified")
    let text = try #require(recorded)
    #expect(after == before)
    #expect(try Golden.tensors(folder(name)).mapValues { Array($0.bytes) } == tensors)
    let record = try JSON(parsing: text, file: name)
    for member in ["seed", "batch", "inputs", "machine", "exact", "parts", "outputs"] {
      #expect(record[member] == report[member] && record[member] != nil, "\(member)")
    }
    #expect(folder.names == [name, "g.graft", "mini.safetensors"].sorted())

    // Once more gives the same bytes, and so does a copy.
    let bytes = try folder.bytes(name)
    try Graftc.succeed(["verify", folder(name), "--record"])
    #expect(try folder.bytes(name) == bytes)
    try Graftc.succeed(["verify", folder(name), "--record", "-o", folder("copy-" + name)])
    #expect(try folder.bytes("copy-" + name) == bytes)
    try Graftc.fail(73, ["verify", folder(name), "--record", "-o", folder("copy-" + name)], rule: "transfer.exists")

    let lines = try Graftc.succeed(["inspect", folder(name)]).output
    #expect(lines.contains("verified  seed 0") && lines.contains("not proved exact"))
    // What is recorded is found again.
    try Graftc.succeed(["verify", folder(name)])
  }

  @Test("A recorded result that is not found again is exit code 1")
  func changedRecord() throws {
    let folder = try folder("replace blocks[odd].attn with hyena_x()")
    try Graftc.succeed(["compile", folder("g.graft")])
    try Graftc.succeed(["verify", folder("g.safetensors"), "--record"])
    var metadata = try Formats.open(folder("g.safetensors")).metadata
    let text = try #require(metadata["graft.verified"])
    metadata["graft.verified"] = text.replacingOccurrences(of: "\"exact\":false", with: "\"exact\":true")
    try TransferEngine.rewrite(folder("g.safetensors"), metadata: metadata, to: folder("g.safetensors"))
    let result = try Graftc.run(["verify", folder("g.safetensors"), "--json"])
    #expect(result.code == 1)
    #expect(try result.json()["found"]?.listValue?.map { $0["rule"]?.textValue } == ["verify.record"])
    // On other inputs there is nothing to compare.
    try Graftc.succeed(["verify", folder("g.safetensors"), "--seed", "1"])
    // A damaged record is as none.
    metadata["graft.verified"] = "{"
    try TransferEngine.rewrite(folder("g.safetensors"), metadata: metadata, to: folder("g.safetensors"))
    try Graftc.succeed(["verify", folder("g.safetensors")])
    try Graftc.succeed(["inspect", folder("g.safetensors")])
  }

  @Test("What cannot be verified is refused")
  func refusals() throws {
    let folder = try folder("replace blocks[0].attn with hyena_x()")
    try Graftc.fail(64, ["verify", Small.model], rule: "verify.expression")
    try Graftc.fail(64, ["verify", folder("g.graft"), "--record"], rule: "usage.record")
    try Graftc.fail(64, ["verify", folder("g.graft"), "-o", folder("x.pt")], rule: "usage.record")
    try Graftc.fail(64, ["verify", folder("g.graft"), "--batch", "0"], rule: "usage.batch")
    try Graftc.fail(64, ["verify", folder("g.graft"), "--atol=-1"], rule: "usage.tolerance")
    try Graftc.fail(66, ["verify", folder("none.pt")])
    try Graftc.fail(66, ["verify", folder("g.graft"), "--base", folder("none.pt")], rule: "weights.no-file")
    try Graftc.fail(65, ["verify", try folder.write("graft \"g\" { emit \"x.pt\" }", as: "bad.graft")])
  }
}
