import Foundation
import GraftFormats
import Testing

@Suite struct PlanCommandTests {
  @Test("The plan tells in which types, and of what parts, a file is written")
  func emittedTypes() throws {
    let folder = try TemporaryFolder()
    let base = "base \(Small.model) noise"
    try folder.write(
      "graft \"g\" {\n\(base)\nemit \"g.npz\" as bf16, f32 for pos_embed, f16 for blocks[all].attn\n}\n", as: "g.graft")
    let plan = try Graftc.succeed(["plan", "g.graft"], folder: folder.path).output
    #expect(plan.contains("  emits g.npz as bf16, f32 for pos_embed, f16 for blocks.0.attn ... blocks."))
  }

  @Test(
    "The plan tells which tensors do not go into the blocks that are asked for, and a graft of such a file keeps its blocks"
  )
  func blocks() throws {
    let folder = try TemporaryFolder()
    let model = "dit(size: 4, width: 32, depth: 2, heads: 2, in_channels: 3, classes: 3)"
    try folder.write(
      "graft \"g\" {\nbase \(model) noise\nemit \"g.gguf\" as q8_0, f32 for blocks[0].attn.qkv\n}\n", as: "g.graft")
    let plan = try Graftc.succeed(["plan", "g.graft"], folder: folder.path).output
    #expect(plan.contains("  emits g.gguf as q8_0, f32 for blocks.0.attn.qkv\n"))
    #expect(plan.contains("      not q8_0, since blocks of 32 do not fill rows of 2: x_embedder.proj.weight\n"))
    #expect(plan.contains("      not q8_0, since ggml leaves vectors as they are: "))
    try Graftc.succeed(["compile", "g.graft"], folder: folder.path)
    let written = try Formats.open(folder("g.gguf"))
    let kinds = Dictionary(
      written.entries.map { ($0.name, $0.blocks) }, uniquingKeysWith: { first, _ in first })
    #expect(kinds["blocks.1.attn.qkv.weight"] == .q8_0 && kinds["blocks.0.attn.qkv.weight"] == .some(nil))

    let packed = written.entries.reduce(0) { $0 + $1.storedByteCount }
    let plain = written.entries.reduce(0) { $0 + $1.byteCount }
    for (types, expected) in [("", BlockType.q8_0), (" as f32", nil)] {
      let bytes = expected == nil ? plain : packed
      let text =
        "graft \"h\" {\nbase \(model) from \"g.gguf\"\nrequire bytes == \(bytes) and base.bytes == \(packed)\n"
        + "emit \"h.gguf\"\(types)\n}\n"
      try folder.write(text, as: "h.graft")
      let plan = try Graftc.succeed(["plan", "h.graft", "--json"], folder: folder.path).json()
      #expect(plan["base"]?["bytes"]?.intValue == packed && plan["grafted"]?["bytes"]?.intValue == bytes)
      let told = try Graftc.succeed(["compile", "h.graft", "--force"], folder: folder.path).error
      #expect(told.filter { $0 != "," }.contains(" \(bytes) bytes"))
      let kept = try Formats.open(folder("h.gguf"))
      #expect(kept.entries.first { $0.name == "blocks.1.attn.qkv.weight" }?.blocks == expected)
      #expect(try CheckpointDifference(written, kept).isEqual)
    }
  }

  @Test("The JSON has the promised keys, and its operators add up to the totals")
  func json() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    let report = try Graftc.succeed(["plan", folder("small.graft"), "--json"]).json()
    #expect(
      report.members?.map(\.name)
        == ["model", "set", "base", "grafted", "edits", "requirements", "failed", "emits", "missing"])
    for side in ["base", "grafted"] {
      let figures = try #require(report[side])
      let promised: Set<String> = ["parameters", "macs", "bytes", "depth", "operators"]
      #expect(promised.isSubset(of: Set(figures.members?.map(\.name) ?? [])))
      let rows = try #require(figures["operators"]?.listValue)
      for row in rows {
        #expect(Set(["path", "operator", "parameters", "macs"]).isSubset(of: Set(row.members?.map(\.name) ?? [])))
        #expect(row["arguments"]?.members != nil)
      }
      for total in ["parameters", "macs"] {
        #expect(rows.compactMap { $0[total]?.intValue }.reduce(0, +) == figures[total]?.intValue)
      }
      #expect(figures["bytes"]?.intValue == figures["parameters"]?.intValue.map { 4 * $0 })
      #expect(figures["depth"] == .int(4))
    }
    let row = try #require(report["grafted"]?["operators"]?.listValue?.first { $0["path"] == "blocks[1].attn" })
    #expect(row["arguments"] == ["width": 16, "kernel": 4])
    let edit = try #require(report["edits"]?.listValue?.first)
    #expect(edit["path"]?.textValue == "blocks[1].attn")
    #expect(edit["starts"]?["adopted"] == .int(4))
  }

  @Test(
    "Products are those that the command line's page states",
    arguments: [
      ("dit.xl2(image: 256)", 118_621_421_568), ("dit.xl2(image: 512)", 524_538_298_368),
    ])
  func publishedProducts(_ model: String, _ macs: Int) throws {
    let folder = try TemporaryFolder()
    try folder.write("graft \"g\" { base \(model) from \"none.pt\" emit \"x.pt\" }", as: "g.graft")
    let report = try Graftc.succeed(["plan", folder("g.graft"), "--json"]).json()
    #expect(report["base"]?["macs"]?.intValue == macs)
    #expect(report["grafted"]?["macs"]?.intValue == macs)
  }

  @Test("Rows have their papers' figures where operators state them, and --published sums them by what was replaced")
  func published() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      graft "g" {
          base dit.xl2() noise
          replace blocks[odd].attn with swa(window: [4, 4]) starting fresh
          replace blocks[all].mlp with mlp(ratio: 3) starting fresh
      }
      """, as: "g.graft")
    let report = try Graftc.succeed(["plan", folder("g.graft"), "--json"]).json()
    let rows = try #require(report["grafted"]?["operators"]?.listValue)
    #expect(
      rows.first { $0["path"] == "blocks[0].attn" }?["published"] == [
        "operator": 304_087_040, "features": 2_717_908_992,
      ])
    #expect(rows.first { $0["path"] == "blocks[1].mlp" }?["published"]?["features"] == 0)
    #expect(rows.first { $0["path"] == "final_layer" }?["published"] == nil)
    let text = try Graftc.succeed(["plan", folder("g.graft"), "--published"]).output
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    // Table 4 of the grafting paper: SWA at 50 %, MLPs of ratio 3 at 100 %.
    let attention = try #require(lines.last { $0.first == "mha" })
    #expect(attention[3] == "-48.24" && attention[6] == "+0.0" && attention[9] == "+0.0")
    let mlps = try #require(lines.last { $0.first == "mlp" })
    #expect(mlps[3] == "-25.0" && mlps[6] == "+0.0" && mlps[9] == "-25.0")
  }

  @Test("Each variant is one object a line, with the values that it was given")
  func variants() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    let lines = try Graftc.succeed(["plan", folder("small.graft"), "--json", "--set", "kernel=2,3,8"]).jsonLines()
    #expect(lines.map { $0["set"] } == [["kernel": 2], ["kernel": 3], ["kernel": 8]])
    #expect(lines.allSatisfy { $0["model"]?.textValue == "small" })
    let parameters = lines.compactMap { $0["grafted"]?["parameters"]?.intValue }
    // Two blocks, a filter of 48 channels: one tap more is 96 parameters more.
    #expect(parameters.map { $0 - parameters[0] } == [0, 96, 6 * 96])
    let text = try Graftc.succeed(["plan", folder("small.graft"), "--set", "kernel=2..<4"]).output
    #expect(text.contains("kernel=2") && text.contains("kernel=3"))
  }

  @Test("Without the base's file the plan says so and goes by the model's own shapes")
  func missingBase() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "graft \"g\" { base \(Small.model) from \"none.safetensors\" remove blocks[0] emit \"x.pt\" }", as: "g.graft")
    try folder.write("graft \"g\" { base auto from \"none.safetensors\" emit \"x.pt\" }", as: "auto.graft")
    let result = try Graftc.succeed(["plan", folder("g.graft")])
    #expect(result.error.contains("none.safetensors"))
    let report = try Graftc.succeed(["plan", folder("g.graft"), "--json"]).json()
    #expect(report["grafted"]?["depth"] == .int(3))
    #expect(report["missing"]?.listValue?.count == 1)
    try Graftc.succeed(["check", folder("g.graft")])
    try Graftc.fail(66, ["plan", folder("auto.graft")], rule: "weights.no-file")
    try Graftc.fail(66, ["check", folder("auto.graft")], rule: "weights.no-file")
  }

  @Test("A plan that breaks a condition is shown, and then what it breaks")
  func failedRequirement() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "graft \"g\" { base \(Small.model) noise require parameters == 4 require depth == 4 }", as: "g.graft")
    let result = try Graftc.run(["plan", folder("g.graft")])
    #expect(result.code == 65)
    #expect(result.error.contains("rule: require.failed"))
    #expect(result.output.contains("does not hold: parameters == 4") && result.output.contains("  holds: depth == 4"))
    #expect(result.output.contains("multiply-adds"))
    let json = try Graftc.run(["plan", folder("g.graft"), "--json"])
    #expect(json.code == 65)
    let report = try JSON(parsing: json.output, file: "standard output")
    #expect(report["failed"] == ["parameters == 4"] && report["base"]?["depth"] == .int(4))
    try Graftc.fail(65, ["check", folder("g.graft")], rule: "require.failed")
    try Graftc.fail(65, ["compile", folder("g.graft"), "-o", folder("x.pt")], rule: "require.failed")
  }

  @Test("Levels say which blocks of the base run side by side, of levels of levels too")
  func levels() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      graft "g" {
          base \(Small.model) noise
          replace blocks[3] with [old, dit_block()]
          remove blocks[0]
          parallelize blocks in pairs with merge_sum()
          parallelize blocks in pairs with merge_average()
      }
      """, as: "g.graft")
    let report = try Graftc.succeed(["plan", folder("g.graft"), "--json"]).json()
    let edits = try #require(report["edits"]?.listValue)
    #expect(
      edits.suffix(3).map { $0["branches"] } == [
        ["blocks[1]", "blocks[2]"], ["blocks[3]", "dit_block(width: 16, heads: 2, ratio: 4)"],
        ["(blocks[1] | blocks[2])", "(blocks[3] | dit_block(width: 16, heads: 2, ratio: 4))"],
      ])
    let text = try Graftc.succeed(["plan", folder("g.graft")]).output
    #expect(text.contains("blocks[0].merge: side by side blocks[1] | blocks[2] of the base"))
  }

  @Test("Bytes are those of the file that is emitted")
  func bytes() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      graft "half" { base \(Small.model) noise emit "half.safetensors" as bf16 }
      graft "next" { base auto from "half.safetensors" replace blocks[0].mlp with mlp(ratio: 2) emit "next.safetensors" }
      """, as: "g.graft")
    for (name, before) in [("half", 4), ("next", 2)] {
      let report = try Graftc.succeed(["plan", folder("g.graft:\(name)"), "--json"]).json()
      #expect(report["base"]?["bytes"]?.intValue == report["base"]?["parameters"]?.intValue.map { $0 * before })
      try Graftc.succeed(["compile", folder("g.graft:\(name)"), "--quiet"])
      let tensors = try Golden.tensors(folder("\(name).safetensors"))
      #expect(report["grafted"]?["bytes"]?.intValue == tensors.values.reduce(0) { $0 + $1.byteCount })
    }
  }

  @Test("The base of the command line takes the place of the graft's")
  func base() throws {
    let folder = try TemporaryFolder()
    try folder.write("graft \"g\" { base auto from \"none.pt\" remove blocks[0] emit \"x.pt\" }", as: "g.graft")
    let report = try Graftc.succeed(["plan", folder("g.graft"), "--json", "--base", Golden.shapesModel]).json()
    #expect(report["base"]?["parameters"] == .int(2_485_344))
    #expect(report["grafted"]?["depth"] == .int(7))
  }
}
