import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// What tensors hold at first.
@Suite struct PlacementTests {
  private func stream(_ weight: WeightExpression?) -> (seed: UInt64, stream: String)? {
    guard case .draw(let draw, _)? = weight else { return nil }
    return (draw.seed, draw.stream)
  }

  @Test("An operator with a rule for what it replaces adopts, any other starts fresh")
  func standard() {
    let whole = Compiled.small("").weights
    let compiled = Compiled.small("replace blocks[1].attn with hyena_x()\nreplace blocks[1].mlp with swiglu()")
    #expect(compiled.rules == [])
    #expect(compiled.weights["blocks.1.attn.in_proj.weight"] == whole["blocks.1.attn.qkv.weight"])
    #expect(compiled.weights["blocks.1.attn.out_proj.bias"] == whole["blocks.1.attn.proj.bias"])
    #expect(compiled.origins["blocks.1.attn.out_proj.bias"] == .adopted)
    #expect(compiled.origins["blocks.1.attn.short_filter.weight"] == .fresh)
    #expect(compiled.origins["blocks.1.mlp.up_proj.weight"] == .fresh)
    #expect(compiled.weights["blocks.0.attn.qkv.weight"] == whole["blocks.0.attn.qkv.weight"])
    let edits = compiled.grafts.first?.edits ?? []
    #expect(edits.map(\.path) == ["blocks[1].attn", "blocks[1].mlp"])
    #expect(edits.first?.starts == ["adopted": 4, "fresh": 2])
  }

  @Test("'fresh' takes nothing, and draws by its seed from the tensor's own stream")
  func fresh() throws {
    let compiled = Compiled.small(
      "replace blocks[1].attn with hyena_x() starting fresh(seed: 7)\nreplace blocks[2].attn with hyena_x() starting fresh"
    )
    let first = try #require(stream(compiled.weights["blocks.1.attn.in_proj.weight"]))
    #expect(first.seed == 7 && first.stream == "blocks.1.attn.in_proj.weight")
    let second = try #require(stream(compiled.weights["blocks.2.attn.in_proj.weight"]))
    #expect(second.seed == 0 && second.stream == "blocks.2.attn.in_proj.weight")
  }

  @Test("The command's seed is that of every 'fresh' that names none")
  func commandSeed() throws {
    var options = Compiler.Options.noise
    options.seed = 5
    let compiled = Compiled.small("replace blocks[1].mlp with mlp() starting fresh", options: options)
    #expect(stream(compiled.weights["blocks.1.mlp.fc1.weight"])?.seed == 5)
  }

  @Test("An edit elsewhere, before or after, changes no draw")
  func independent() {
    let statement = "replace blocks[2].attn with hyena_x() starting fresh"
    let alone = Compiled.small(statement).weights
    let others = Compiled.small(
      "replace blocks[0].mlp with mlp(hidden: 24)\n\(statement)\nparallelize blocks in pairs with merge_linear()"
    ).weights
    for name in ["in_proj.weight", "short_filter.bias", "out_proj.bias"] {
      #expect(alone["blocks.2.attn.\(name)"] == others["blocks.1.branches.0.attn.\(name)"])
    }
  }

  @Test("'adopted' without a rule takes tensors of the same name and shape, and says what stays fresh")
  func adopted() {
    let whole = Compiled.small("").weights
    let compiled = Compiled.small(
      "replace blocks[1].mlp with narrow(hidden: 24) starting adopted",
      before: """
        operator narrow(width d: Int, hidden h: Int) {
            fc1 = linear(d, h)
            fc2 = linear(h, d)
            forward(x: [..., d]) -> [..., d] { return fc2(relu(fc1(x))) }
        }
        """)
    #expect(compiled.weights["blocks.1.mlp.fc2.bias"] == whole["blocks.1.mlp.fc2.bias"])
    #expect(compiled.origins["blocks.1.mlp.fc1.weight"] == .fresh)
    #expect(compiled.grafts.first?.edits.first?.starts == ["adopted": 1, "fresh": 3])
  }

  @Test("Formulas, numbers and distributions are kept as they are said")
  func kinds() throws {
    let whole = Compiled.small("").weights
    let compiled = Compiled.small(
      """
      replace blocks[1].attn with hyena_x() starting fresh {
        in_proj = old.qkv
        out_proj.weight = old.proj.weight + blocks[2].attn.proj.weight
        out_proj.bias = blocks[3].attn.proj.bias
        short_filter = 0
        short_filter.bias = normal(0.5)
      }
      """)
    #expect(compiled.rules == [])
    let weights = compiled.weights
    #expect(weights["blocks.1.attn.in_proj.bias"] == whole["blocks.1.attn.qkv.bias"])
    #expect(weights["blocks.1.attn.out_proj.bias"] == whole["blocks.3.attn.proj.bias"])
    #expect(weights["blocks.1.attn.short_filter.weight"] == .fill(0, .f32, [24, 1, 4]))
    let law = Draw.Distribution.normal(mean: 0, deviation: 0.5)
    #expect(
      weights["blocks.1.attn.short_filter.bias"]
        == .draw(Draw(law, seed: 0, stream: "blocks.1.attn.short_filter.bias"), [24]))
    guard case .apply("Add", _, let terms, _)? = weights["blocks.1.attn.out_proj.weight"] else {
      Issue.record("a sum is wanted")
      return
    }
    #expect(
      terms == [whole["blocks.1.attn.proj.weight"], whole["blocks.2.attn.proj.weight"]].compactMap(\.self))
    #expect(compiled.origins["blocks.1.attn.out_proj.weight"] == .computed)
  }

  @Test("A part of the model may stand again elsewhere, with its weights, or with some of them changed")
  func again() {
    let whole = Compiled.small("").weights
    let compiled = Compiled.small(
      """
      replace blocks[1].attn with blocks[2].attn
      replace blocks[3].attn with old starting { qkv.bias = 0 }
      replace blocks[0].mlp with old starting fresh
      """)
    #expect(compiled.rules == [])
    #expect(compiled.weights["blocks.1.attn.qkv.bias"] == whole["blocks.2.attn.qkv.bias"])
    #expect(compiled.weights["blocks.3.attn.qkv.bias"] == .fill(0, .f32, [24]))
    #expect(compiled.weights["blocks.3.attn.qkv.weight"] == whole["blocks.3.attn.qkv.weight"])
    #expect(compiled.origins["blocks.0.mlp.fc1.weight"] == .fresh)
  }

  @Test("A declaration starts its parts from values of its own")
  func declarations() {
    let before = """
      operator mine(width d: Int) {
        gate = linear(d, d) starting fresh(seed: 3) { bias = 1 }
        rest = [silu(), linear(d, d) starting { weight = eye(d)  bias = uniform(0.5) }]
        forward(x: [B, N, d]) -> [B, N, d] { return rest(gate(x)) }
      }
      """
    let compiled = Compiled.small("replace blocks[1].attn with mine()", before: before)
    #expect(compiled.rules == [])
    #expect(compiled.weights["blocks.1.attn.gate.bias"] == .fill(1, .f32, [8]))
    #expect(stream(compiled.weights["blocks.1.attn.gate.weight"])?.seed == 3)
    #expect(stream(compiled.weights["blocks.1.attn.rest.1.bias"])?.seed == 0)
    let wrong = before.replacing("starting fresh(seed: 3)", with: "starting adopted")
    #expect(
      Compiled.small("replace blocks[1].attn with mine()", before: wrong).rules == ["starts.declaration"])
    #expect(
      Compiled.small("parallelize blocks in pairs with merge_linear() starting adopted").rules
        == ["starts.nothing-replaced"])
  }

  @Test("A base may start as training starts, or with noise that is nowhere zero")
  func bases() {
    func weights(_ source: String) -> [String: WeightExpression] {
      Compiled("graft \"g\" { base \(Compiled.smallModel) \(source) }", options: .asWritten).weights
    }
    let fresh = weights("fresh(seed: 4)")
    #expect(fresh["final_layer.linear.weight"] == .fill(0, .f32, [32, 8]))
    #expect(stream(fresh["blocks.0.attn.qkv.weight"])?.seed == 4)
    let noise = weights("noise(seed: 4)")
    #expect(stream(noise["final_layer.linear.weight"])?.seed == 4)
    #expect(noise["pos_embed"] == fresh["pos_embed"])
  }

  private static func path(_ name: String) -> String { Project.root.appending(path: "Tests/Fixtures/\(name)").path }

  @Test("A checkpoint's tensors are taken by name, and an operator's from a file of its own")
  func files() throws {
    // `mini.safetensors`: width 16, depth 8, heads 2, size 16, 10 classes. Another file of the same model serves as the
    // file of an operator, by the tensors' full paths.
    let text = """
      graft "g" {
        base dit(size: 16, width: 16, depth: 8, heads: 2, classes: 10) from "\(Self.path("dit/mini.safetensors"))"
        replace blocks[1].attn with mha() starting from "\(Self.path("dit/graft_mha_100.pt"))"
      }
      """
    let compiled = Compiled(text, options: .asWritten)
    #expect(compiled.rules == [])
    #expect(
      compiled.weights["blocks.0.attn.qkv.weight"]
        == .source(SourceTensor(source: 0, name: "blocks.0.attn.qkv.weight", dtype: .f32, shape: [48, 16])))
    guard case .source(let tensor)? = compiled.weights["blocks.1.attn.qkv.weight"] else {
      Issue.record("a tensor of the file is wanted")
      return
    }
    #expect(tensor.source == 1 && tensor.shape == [48, 16])
    #expect(compiled.origins["blocks.1.attn.qkv.weight"] == .file)
    #expect(compiled.origins["blocks.0.attn.qkv.weight"] == .kept)
  }

  static let wrong: [(String, String)] = [
    ("depth: 9", "weights.missing"), ("width: 32", "weights.shape"), ("patch: 4", "weights.shape"),
  ]

  @Test("A tensor that is missing, or of another shape, is told at the base", arguments: wrong)
  func mismatch(_ argument: String, _ rule: String) {
    var arguments = ["size: 16", "width: 16", "depth: 8", "heads: 2", "classes: 10", "patch: 2"]
    arguments.removeAll { $0.hasPrefix(argument.prefix { $0 != ":" }) }
    let call = "dit(\((arguments + [argument]).joined(separator: ", ")))"
    let compiled = Compiled(
      "graft \"g\" { base \(call) from \"\(Self.path("dit/mini.safetensors"))\" }", options: .asWritten)
    #expect(compiled.rules == [rule])
    #expect(compiled.diagnostics.first?.location?.file == "a.graft")
  }

  @Test("Tensors of whole numbers are no weights")
  func integers() throws {
    let reader = ListedCheckpoint([("a", [2])])
    let entry = TensorEntry(path: ["a"], dtype: .i64, shape: [2])
    #expect {
      try sourceTensor(entry, named: "a", source: 0, for: [2], in: reader.file, at: nil)
    } throws: { ($0 as? Diagnostic)?.rule == "weights.dtype" }
  }

  @Test("Without the checkpoint a graft is planned from the model's own shapes, and says so")
  func withoutFile() {
    let compiled = Compiled(
      "graft \"g\" { base dit.s2() from \"nowhere.pt\"\nreplace blocks[1].attn with hyena_x() starting from \"there.pt\" }",
      options: .asWritten)
    #expect(compiled.rules == [])
    #expect(compiled.notes.contains { $0.contains("nowhere.pt") })
    #expect(compiled.grafts.first?.missingFiles.flatMap(\.files) == ["nowhere.pt", "there.pt"])
  }

  @Test("Files of one line that are missing are told together, by the index that tells them apart")
  func missingFiles() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "graft-missing-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for index in [1, 5] {
      let tensors = [
        ("out_proj.weight", Shape([8, 8])), ("out_proj.bias", [8]), ("in_proj.weight", [24, 8]), ("in_proj.bias", [24]),
        ("short_filter.weight", [24, 1, 4]), ("short_filter.bias", [24]),
      ]
      try TransferEngine.write(
        tensors.map { ($0.0, Tensor(zeros: .f32, $0.1)) }, to: folder.appending(path: "block_\(index).safetensors").path
      )
    }
    let compiled = Compiled(
      """
      graft "g" {
        base dit(size: 4, width: 8, depth: 8, heads: 2) noise
        replace blocks[i in odd].attn with hyena_x() starting from "\(folder.path)/block_\\(i).safetensors"
        replace blocks[0].attn with hyena_x() starting from "one.safetensors"
      }
      """, options: .asWritten)
    #expect(compiled.rules == [])
    let missing = try #require(compiled.grafts.first).missingFiles
    #expect(missing.map(\.files.count) == [2, 1])
    #expect(
      missing.first?.message == "2 of 4 files \"\(folder.path)/block_\\(i).safetensors\" are missing: i = 3, 7")
    #expect(missing.last?.message == "there is no file 'one.safetensors'")
    #expect(missing.allSatisfy { $0.diagnostic.rule == "weights.no-file" && $0.diagnostic.category == .inputMissing })
  }
}
