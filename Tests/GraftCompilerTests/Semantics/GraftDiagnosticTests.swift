import GraftIR
import Testing

import GraftCompiler

/// What a graft does wrong is told at its place.
@Suite struct GraftDiagnosticTests {
  /// One statement on four narrow blocks: the rule, and the text that the caret stands below.
  static let statements: [(String, String, String)] = [
    ("replace blocks[odd].attn with hyena_z(kernel: 4)", "names.unknown-operator", "hyena_z"),
    ("replace blocks[odd].attn with swa(window: [i, i])", "names.unknown", "i"),
    ("replace blocks[4].attn with hyena_x()", "paths.out-of-range", "4"),
    ("replace blocks[-1].attn with hyena_x()", "paths.out-of-range", "-1"),
    ("replace blocks[first(5)].attn with hyena_x()", "paths.out-of-range", "5"),
    ("replace blocks[1, 1].attn with hyena_x()", "paths.twice", "1"),
    ("replace blocks[i in all where i > 7].attn with hyena_x()", "paths.nothing", "blocks[i in all where i > 7]"),
    ("replace blocks[1 / 2].attn with hyena_x()", "values.whole", "1 / 2"),
    ("replace blocks[true].attn with hyena_x()", "values.index", "true"),
    ("replace blocks[i in 4].attn with hyena_x()", "values.list", "4"),
    ("replace blocks[1].atn with hyena_x()", "names.no-part", "atn"),
    ("replace block[1].attn with hyena_x()", "names.unknown", "block"),
    ("replace pos_embed with hyena_x()", "paths.tensor", "pos_embed"),
    ("replace pos_embed.a with hyena_x()", "paths.tensor", "a"),
    ("replace x_embedder[0] with hyena_x()", "paths.list", "x_embedder[0]"),
    ("replace 4 with hyena_x()", "paths.path", "4"),
    ("replace blocks[1].attn with 4", "names.operator", "4"),
    ("replace blocks[1].attn with dit.xl3()", "names.unknown-operator", "dit.xl3"),
    ("replace blocks[1].attn with pos_embed", "names.unknown-operator", "pos_embed"),
    ("replace blocks[1].{attn, attn} with hyena_x()", "paths.twice", "blocks[1].{attn, attn}"),
    ("replace blocks[i in all].mlp with mlp(hidden: 8 * (i + 1) / 3)", "values.whole", "8 * (i + 1) / 3"),
    ("replace blocks[1].mlp with mlp(hidden: 0)", "values.not-finite", "mlp(hidden: 0)"),
    ("replace blocks[1].attn with hyena_x(kernel: true)", "calls.type", "true"),
    ("replace blocks[1].attn with hyena_x(kernl: 4)", "calls.label", "kernl"),
    ("replace blocks[1].attn with swa()", "calls.missing", "swa()"),
    ("replace blocks[1].attn with mamba2(head_width: 0)", "values.division-by-zero", "mamba2(head_width: 0)"),
    ("replace blocks[1].attn with mamba2(head_width: 3)", "values.whole", "mamba2(head_width: 3)"),
    (
      "replace blocks[1].attn with mamba2(head_width: 4, groups: 3)", "SelectiveScan.groups",
      "mamba2(head_width: 4, groups: 3)"
    ),
    ("replace blocks[1].attn with mha_kv(ratio: 3)", "Conv.size", "mha_kv(ratio: 3)"),
    ("replace blocks[1].attn with gqa(kv_heads: 0)", "values.division-by-zero", "gqa(kv_heads: 0)"),
    ("replace blocks[1].attn with grid_conv(kernel: 4)", "values.whole", "grid_conv(kernel: 4)"),
    ("replace blocks[1].attn with hyena_y(kernel: 0)", "values.not-finite", "hyena_y(kernel: 0)"),
    ("replace blocks[1].attn with linear(8, 9)", "replace.result", "linear(8, 9)"),
    ("replace blocks[1].attn with merge_sum()", "calls.missing", "merge_sum()"),
    ("replace blocks[1].attn with mlp() starting adopted { fc9.bias = 0 }", "names.no-part", "fc9.bias"),
    ("replace blocks[1].attn with mlp() starting adopted", "starts.adopts-nothing", "starting adopted"),
    ("replace blocks[1].attn with hyena_x() starting { proj = old.qkv }", "names.no-part", "proj"),
    ("replace blocks[1].attn with hyena_x() starting { out_proj = old.qkv }", "starts.shape", "old.qkv"),
    ("replace blocks[1].attn with hyena_x() starting { out_proj = old }", "starts.no-tensor", "old"),
    ("replace blocks[1].attn with hyena_x() starting { out_proj.bias = true }", "starts.value", "true"),
    ("replace blocks[1].attn with hyena_x() starting { in_proj[0, 1] = 1 }", "starts.target", "in_proj[0, 1]"),
    (
      "replace blocks[1].attn with hyena_x() starting { out_proj = blocks[all].attn.proj }", "values.one-part",
      "blocks[all].attn.proj"
    ),
    ("replace blocks[1].attn with hyena_x() starting fresh(seed: 1 / 2)", "values.whole", "1 / 2"),
    ("remove blocks[0].attn", "paths.no-entry", "blocks[0].attn"),
    ("parallelize blocks[0..<3] in pairs with merge_sum()", "parallel.even", "blocks[0..<3]"),
    ("parallelize blocks[0, 2] in pairs with merge_sum()", "parallel.neighbours", "blocks[0, 2]"),
    ("parallelize blocks in groups of 1 with merge_sum()", "parallel.size", "1"),
    ("parallelize blocks in [[1]] with merge_sum()", "parallel.size", "[[1]]"),
    ("parallelize blocks in [[0, 1], [1, 2]] with merge_sum()", "paths.twice", "[[0, 1], [1, 2]]"),
    ("parallelize blocks[0, 1] in [[1, 2]] with merge_sum()", "paths.out-of-range", "[[1, 2]]"),
    ("parallelize blocks in [[true, 2]] with merge_sum()", "values.index", "[[true, 2]]"),
    ("parallelize x_embedder in pairs with merge_sum()", "paths.list", "x_embedder"),
    ("parallelize blocks in pairs with linear(16, 8)", "shapes.tensor", "linear(16, 8)"),
    ("require 4", "values.truth", "4"),
    ("require parameters == 1", "require.failed", "parameters == 1"),
    ("require count(blocks[0].attn.qkv is linear)", "values.list", "blocks[0].attn.qkv is linear"),
    ("require blocks[all].attn is mha", "values.one-part", "blocks[all].attn"),
    ("require base.depths == 4", "names.no-entry", "depths"),
    ("require parameters(4) == 4", "paths.path", "4"),
    ("emit \"a.safetensors\" as bf17", "names.dtype", "bf17"), ("emit \"a.safetensors\" as i64", "names.dtype", "i64"),
    ("emit \"\"", "emit.file", "\"\""), ("emit 4", "values.text", "4"),
    ("emit \"a.safetensors\" layout difusers", "layouts.unknown", "difusers"),
    ("emit \"a.safetensors\" shards of 0", "emit.shards", "0"),
    ("base dit.xl2() noise", "graft.second-base", "base dit.xl2() noise"),
    ("distill blocks[9].attn (loss: l1)", "paths.out-of-range", "9"),
    ("distill blocks[1].attn (los: l1)", "calls.label", "los"), ("distill blocks[1].attn (l1)", "calls.label", "l1"),
    ("distill blocks[1].attn (steps: 10)", "calls.label", "steps"),
    ("distill blocks[1].attn (loss: l3)", "training.value", "l3"),
    ("distill blocks[1].attn (loss: \"l\")", "training.value", "\"l\""),
    ("distill blocks[1].attn (loss: 1)", "values.text", "1"),
    ("distill blocks[1].attn (epochs: 0)", "training.value", "0"),
    ("distill blocks[1].attn (batch: 1 / 2)", "values.whole", "1 / 2"),
    ("distill blocks[1].attn (rate: 0)", "training.value", "0"),
    ("distill blocks[1].attn (rate: l1)", "names.unknown", "l1"),
    ("finetune (samples: 4, samples: 5)", "calls.twice", "5"), ("finetune (epochs: 4)", "calls.label", "epochs"),
    ("finetune (ema: 1)", "training.value", "1"), ("finetune (warmup: -1)", "training.value", "-1"),
    ("finetune (only: 4)", "paths.path", "4"), ("finetune (only: blocks[all].atn)", "names.no-part", "atn"),
  ]

  @Test("A wrong statement is told once, with its rule, at its place", arguments: statements)
  func statement(_ text: String, _ rule: String, _ place: String) {
    let compiled = Compiled.small(text)
    #expect(compiled.rules == [rule], "\(compiled.diagnostics)")
    #expect(compiled.places == [place])
    #expect(compiled.grafts.isEmpty)
  }

  @Test("Of conditions that are joined, the one that does not hold is told with its numbers")
  func joinedConditions() {
    let compiled = Compiled.small("require depth == 4 and depth < 3 and depth > 0")
    #expect(compiled.rules == ["require.failed"])
    #expect(
      compiled.diagnostics.first?.message
        == "'depth == 4 and depth < 3 and depth > 0' does not hold: 'depth < 3' does not: 4 and 3 (+1)")
  }

  @Test("A word that an argument does not take comes with those that it does")
  func words() {
    let compiled = Compiled.small("parallelize blocks in pairs with merge_linear(start: averge)")
    #expect(compiled.rules == ["calls.type"])
    #expect(
      compiled.diagnostics.first?.message == "'start' of 'merge_linear' is average | fresh, and not 'averge'")
    #expect(compiled.diagnostics.first?.label == "did you mean 'average'?")
  }

  @Test("A misspelt name gets a suggestion")
  func suggestions() {
    func label(_ statement: String) -> String? { Compiled.small(statement).diagnostics.first?.label }
    #expect(label("replace blocks[odd].attn with hyena_z()")?.contains("'hyena_x'") == true)
    #expect(label("replace blocks[odd].atn with hyena_x()")?.contains("'attn'") == true)
    #expect(label("replace block[odd].attn with hyena_x()")?.contains("'blocks'") == true)
    #expect(label("replace blocks[od].attn with hyena_x()")?.contains("'odd'") == true)
    #expect(label("replace blocks[odd].attn with hyena_x(kernl: 4)")?.contains("'kernel'") == true)
    #expect(label("emit \"a\" as bf61")?.contains("'bf16'") == true)
    #expect(label("finetune (warm_up: 4)")?.contains("'warmup'") == true)
    #expect(label("distill blocks[1].attn (loss: l11)")?.contains("'l1'") == true)
  }

  @Test("An index that nothing binds is told how it could run over the blocks")
  func unboundIndex() {
    let first = Compiled.small("replace blocks[odd].attn with swa(window: [i, i])").diagnostics.first
    #expect(first?.help?.contains("blocks[i in all]") == true)
  }

  @Test("What lists were renumbered to is told, and where an entry of the base now stands")
  func renumbered() throws {
    let compiled = Compiled(
      """
      graft "g" {
        base dit.xl2() noise
        parallelize blocks in pairs with merge_sum()
        replace blocks[20].attn with hyena_x()
      }
      """)
    let first = try #require(compiled.diagnostics.first)
    #expect(compiled.rules == ["paths.out-of-range"])
    #expect(first.message.contains("14 entries since line 3 ('parallelize')"))
    #expect(first.help?.contains("blocks[10].branches[0]") == true)
  }

  @Test("A part of a parallel level is told the path through its branches")
  func throughBranches() {
    let compiled = Compiled.small(
      "parallelize blocks in pairs with merge_sum()\nreplace blocks[1].attn with hyena_x()")
    #expect(compiled.rules == ["names.no-part"])
    #expect(compiled.diagnostics.first?.help?.contains("blocks[1].branches[0, 1].attn") == true)
  }

  @Test("A value that must be whole is told with the index it came up at")
  func wholeAtIndex() {
    let compiled = Compiled(
      "replace blocks[i in all].mlp with mlp(hidden: 1152 * (2 + 4 * i / 27))", model: "dit.xl2()")
    let message = compiled.diagnostics.first?.message ?? ""
    #expect(message.contains("2474.67") && message.hasSuffix("at i = 1"))
  }

  @Test("A requirement that fails gives both numbers, the difference, and what it comes from")
  func requirement() {
    let message =
      Compiled(
        "replace blocks[all].mlp with mlp(hidden: 4600)\nrequire parameters == base.parameters", model: "dit.xl2()"
      )
      .diagnostics.first?.message ?? ""
    // 28 blocks lose 8 hidden units of 2 * 1152 weights and a bias.
    for part in ["674,613,312", "675,129,632", "-516,320", "blocks[all].mlp"] {
      #expect(message.contains(part), "\(message)")
    }
  }

  @Test("A result of another shape is told at the operator with both shapes")
  func otherResult() {
    let message = Compiled.small("replace blocks[1].attn with linear(8, 9)").diagnostics.first?.message ?? ""
    #expect(message.contains("[B, 4, 9]") && message.contains("[B, 4, 8]"))
  }

  @Test("A size whose parameter says what it is for is told by it, and by what the model's preset was asked for")
  func purpose() {
    let wide = Compiled("replace blocks[1].mlp with mlp_hyena_x(tokens: 256)", model: "dit.xl2(image: 512)")
    #expect(wide.diagnostics.map(\.rule) == ["shapes.mismatch"])
    #expect(
      wide.diagnostics.first?.message
        == "'mlp_hyena_x' needs 256 tokens (one filter for each), and at image 512 there are 1024")
    #expect(wide.places == ["mlp_hyena_x(tokens: 256)"])
    let small = Compiled.small("replace blocks[1].mlp with mlp_hyena_x(tokens: 5)")
    #expect(
      small.diagnostics.first?.message
        == "'mlp_hyena_x' needs 5 tokens (one filter for each), and here there are 4")
    #expect(Compiled("replace blocks[1].mlp with mlp_hyena_x()", model: "dit.xl2(image: 512)").rules == [])
  }

  @Test("An operator's own shape mistake is told at its operand, with both shapes")
  func operand() {
    let compiled = Compiled.small(
      "replace blocks[1].attn with mine()",
      before: """
        operator mine(width d: Int) {
          gate = linear(d, d)
          forward(x: [B, N, d], c: [B, d]) -> [B, N, d] { return x * gate(c) }
        }
        """)
    // [B, 8] against [B, 4, 8]
    #expect(compiled.diagnostics.count == 1)
    #expect(compiled.places == ["gate(c)"])
    let message = compiled.diagnostics.first?.message ?? ""
    #expect(message.contains("[B, 8]") && message.contains("[B, 4, 8]"))
  }

  @Test("Several mistakes are told in one run, in source order, each once; a broken name is no second mistake")
  func several() {
    let compiled = Compiled.small(
      """
      let w = 1 / 0
      replace blocks[1].attn with swa(window: [w, w])
      replace blocks[9].attn with hyena_x()
      replace blocks[1].attn with linear(8, 9)
      replace blocks[2].attn with hyena_x()
      require depth == 5
      """)
    #expect(
      compiled.rules == ["values.division-by-zero", "paths.out-of-range", "replace.result", "require.failed"])
  }

  @Test("Where a file is missing, a condition on what it would have led to is no second mistake")
  func missingFile() {
    let kept = "replace blocks with blocks[top(2, read(\"scores.json\"))]\nrequire depth == 2"
    #expect(Compiled.small("require depth == 4\n" + kept).rules == ["files.missing"])
    #expect(Compiled.small("require depth == 3\n" + kept).rules == ["require.failed", "files.missing"])
  }

  @Test("Nothing that needs a name whose 'let' failed is told, however it is used, and a new value mends it")
  func brokenNames() {
    let compiled = Compiled.small(
      """
      let made = nothing()
      let twice(x) = 2 * x
      let depth = 1 / 0
      let sum = twice(depth) + 1
      replace blocks[1].attn with made
      replace blocks[2].attn with made(kernel: 4)
      require sum == 3 and depth == 4
      let depth = 4
      require depth == 5
      """)
    #expect(compiled.rules == ["names.unknown-operator", "values.division-by-zero", "require.failed"])
    #expect(compiled.places.last == "depth == 5")
  }

  @Test("What is said of training is checked and kept")
  func training() {
    let compiled = Compiled.small(
      """
      let best = 1e-4
      distill blocks[all].attn (loss: huber, samples: 8000, epochs: 200, batch: 64, rate: best)
      finetune (samples: 128K, batch: 256, steps: 50K, rate: best, warmup: 0, ema: 0.9999, only: blocks[1].{attn, mlp})
      """)
    #expect(compiled.rules == [])
    #expect(compiled.notes.contains { $0.contains("does not train") })
  }

  @Test("A condition that does not hold leaves a plan, and nothing to compile")
  func failedRequirement() {
    let text = "graft \"g\" { base \(Compiled.smallModel) noise\nrequire depth == 5\nrequire depth == 4 }"
    let compiler = Compiler(options: .noise) { _ throws(Diagnostic) in Array(text.utf8) }
    let planned = compiler.plan(GraftAddress(file: "a.graft"))
    #expect(planned.map(\.requirements) == [["depth == 5", "depth == 4"]])
    #expect(planned.map(\.failedRequirements) == [["depth == 5"]])
    #expect(compiler.diagnostics.items.map(\.rule) == ["require.failed"])
    #expect(Compiled(text).grafts.isEmpty)
  }

  static let files: [(String, [String])] = [
    ("graft \"g\" { }", ["graft.no-base"]), ("graft \"g\" { remove blocks[0] }", ["graft.no-base"]),
    ("graft \"g\" { base linear(1, 2) noise }", []), ("graft \"g\" { base 4 noise }", ["names.operator"]),
    ("graft \"g\" { base dit.xl2(\"a\") noise }", ["calls.type"]),
    ("graft \"g\" { base dit.xl2(imag: 256) noise }", ["calls.label"]),
    ("graft \"g\" { base dit.xl2(image: 100) noise }", ["values.whole"]),
    ("graft \"g\" { base dit.xl2(image: -256) noise }", ["values.size"]),
    ("graft \"g\" { base [linear(1, 2)] noise }", ["graft.base-model"]),
    ("graft \"g\"(n: Int) { base dit.s2() noise }", ["variants.missing"]),
    ("graft \"g\" { base dit.s2() noise }\ngraft \"g\" { base dit.s2() noise }", ["names.declared-twice"]),
    ("let a = 1\nlet a = 2", ["names.declared-twice"]),
    (
      "operator a() { b = linear(1, 2) b = linear(1, 2) forward(x: [B, 1]) -> [B, 2] { return b(x) } }\n"
        + "graft \"g\" { base a() noise }", ["names.declared-twice"]
    ),
    ("operator a() { b = nothing() }", ["names.unknown-operator"]),
    ("preset a.b() = 4\ngraft \"g\" { base a.b() noise }", ["names.preset"]),
    ("preset a.b(n: Int) = linear(n, n)\ngraft \"g\" { base a.b() noise }", ["calls.missing"]),
  ]

  @Test("A wrong file is told by its rules", arguments: files)
  func file(_ text: String, _ rules: [String]) {
    #expect(Compiled(text).rules.filter { $0 != "shapes.open" } == rules)
  }

  @Test("'base auto' needs a file that is there")
  func auto() {
    #expect(Compiled("graft \"g\" { base auto from \"nowhere.pt\" }").rules == ["weights.no-file"])
    let written = Compiled("graft \"g\" { base auto from \"/nowhere/at/all.pt\" }", options: .asWritten)
    #expect(written.rules == ["weights.no-file"])
  }
}
