import GraftFormats
import GraftIR
import Testing

import GraftCompiler

@Suite struct RecognitionTests {
  private func fixture(
    _ name: String, assuming assumptions: [String] = []
  ) throws -> (module: Module, reader: any CheckpointReader) {
    var options = Compiler.Options()
    options.assumptions = assumptions
    let path = Project.root.appending(path: "Tests/Fixtures/\(name)").path
    let opened = try #require(try openCheckpoint(path))
    return (try Compiler(options: options).recognise(opened, Library.prelude, Evaluator()), opened.reader)
  }

  private func calls(_ module: Module, _ part: String) -> [String] {
    (module.part("blocks")?.parts ?? []).map { $0.module.part(part)?.callText ?? $0.module.operatorName }
  }

  private func scope(_ text: String) -> FileScope {
    Library { _ throws(Diagnostic) in nil }.load(SourceText(file: "a.graft", text: text))
  }

  private func small(_ statements: String) throws -> Module {
    try #require(Compiled.small(statements).architecture)
  }

  // Widths, depths and operators as the manifests beside the files say.
  static let files: [(String, String, String)] = [
    (
      "dit/mini.safetensors", "dit(heads: 2)",
      "size: 16, width: 16, depth: 8, heads: 2, patch: 2, in_channels: 4, out_channels: 8"
    ),
    (
      "dit/tiny.safetensors", "dit(heads: 4)",
      "size: 16, width: 64, depth: 8, heads: 4, patch: 2, in_channels: 4, out_channels: 8"
    ),
    (
      "dit/patch4.safetensors", "dit(heads: 3)",
      "size: 32, width: 36, depth: 2, heads: 3, patch: 4, in_channels: 3, out_channels: 6"
    ),
  ]

  @Test("A model is read off its tensors", arguments: files)
  func plain(_ name: String, _ assumption: String, _ arguments: String) throws {
    let module = try fixture(name, assuming: [assumption]).module
    #expect(module.callText == "dit(\(arguments), classes: 10)")
  }

  static let grafted: [(String, String, [Int: String])] = [
    ("hyena_x_50", "attn", [1: "hyena_x(width: 16, kernel: 4)", 3: "", 5: "", 7: ""]),
    ("swa_50", "attn", [1: "swa(width: 16, heads: 2, window: [4, 4])", 3: "", 5: "", 7: ""]),
    ("mha_100", "attn", [:]),
    ("mlp_r3_50", "mlp", [1: "mlp(width: 16, ratio: 3, hidden: 48)", 3: "", 5: "", 7: ""]),
    ("mlp_r6_75", "mlp", [1: "mlp(width: 16, ratio: 6, hidden: 96)", 2: "", 3: "", 5: "", 6: "", 7: ""]),
  ]

  @Test("Grafted blocks are recognised by their tensors", arguments: grafted)
  func releases(_ name: String, _ part: String, _ changed: [Int: String]) throws {
    let opened = try fixture(
      "dit/graft_\(name).pt", assuming: ["dit(heads: 2)", "swa(window: [4, 4])"])
    let standard = part == "attn" ? "mha(width: 16, heads: 2)" : "mlp(width: 16, ratio: 4, hidden: 64)"
    let graft = changed[1] ?? standard
    #expect(calls(opened.module, part) == (0..<8).map { changed[$0] == nil ? standard : graft })
    var names: Set<String> = []
    opened.module.forEachParameter { name, _ in names.insert(name) }
    #expect(names.count == opened.reader.entries.count)
  }

  @Test("Any mixture of operators is told from tensors alone, which stand in the order of the checkpoint")
  func mixture() throws {
    let (module, reader) = try fixture("dit/graft_mixed.pt", assuming: ["dit(heads: 2)", "swa(window: [4, 4])"])
    let mamba = "mamba2(width: 16, state: 16, kernel: 4, expand: 2, head_width: 16, groups: 1)"
    let swa = "swa(width: 16, heads: 2, window: [4, 4])"
    #expect(
      calls(module, "attn") == [
        swa, mamba, "hyena_se(width: 16, kernel: 4, inner_kernel: 4)", "hyena_x(width: 16, kernel: 4)",
        "hyena_y(width: 16, kernel: 4)", swa, mamba, "mha(width: 16, heads: 2)",
      ])
    let hyena = "mlp_hyena_x(width: 16, ratio: 2, kernel: 4, tokens: 64)"
    let (three, six) = ("mlp(width: 16, ratio: 3, hidden: 48)", "mlp(width: 16, ratio: 6, hidden: 96)")
    #expect(
      calls(module, "mlp") == ["mlp(width: 16, ratio: 4, hidden: 64)", hyena, six, three, hyena, six, three, hyena])
    var names: [String] = []
    module.forEachParameter { name, _ in names.append(name) }
    #expect(names == reader.entries.map(\.name))
  }

  @Test(
    "Operators of every kind are told from their tensors",
    arguments: [
      "mha_kv(ratio: 1, qk_norm: true)", "gqa(kv_heads: 1)", "linear_attention()", "grid_conv(kernel: 3)",
      "hyena_se(kernel: 3, inner_kernel: 5)", "hyena_y(kernel: 2)", "hyena_se_bi(inner_kernel: 3)",
      "hyena_x_bi(kernel: 6)",
      "hyena_y_bi()", "mamba2(state: 6, kernel: 2, expand: 3, head_width: 12)", "mamba2_bi(state: 5, head_width: 8)",
      "lora(old, rank: 3)", "lora(hyena_x(), rank: 2)", "swiglu(hidden: 13, bias: true)", "swiglu()", "mlp(hidden: 13)",
      "mlp_hyena_x(ratio: 1.5, kernel: 3)",
    ])
  func every(_ call: String) throws {
    let part = ["mlp", "swiglu"].contains { call.hasPrefix($0) } ? "mlp" : "attn"
    let module = try small("replace blocks[1].\(part) with \(call)")
    let found = try ListedCheckpoint(module).recognised(assuming: ["dit(heads: 2)"])
    // A ratio is what the tensors say, not what was rounded to it.
    func spelled(_ module: Module) -> [String] {
      calls(module, part).map { $0.replacing(/ratio: [0-9.]+, hidden/, with: "hidden") }
    }
    #expect(spelled(found) == spelled(module))
  }

  @Test("The window of a graft of DiT-XL/2 is that of the published ones, unless a person says another")
  func window() throws {
    let model = "dit(size: 32, width: 1152, depth: 2, heads: 16)"
    let module = try #require(Compiled("replace blocks[1].attn with swa(window: [4, 4])", model: model).architecture)
    let reader = ListedCheckpoint(module)
    #expect(try reader.recognised().isSameTree(as: module))
    #expect(
      calls(try reader.recognised(assuming: ["swa(window: [1, 2])"]), "attn")[1]
        == "swa(width: 1152, heads: 16, window: [1, 2])")
  }

  @Test("Groups are a person's word, and a rule that reads the state takes it into account")
  func groups() throws {
    let module = try small("replace blocks[1].attn with mamba2(state: 4, head_width: 4, groups: 2)")
    let reader = ListedCheckpoint(module)
    #expect(
      calls(try reader.recognised(assuming: ["dit(heads: 2)"]), "attn")[1]
        == "mamba2(width: 8, state: 8, kernel: 4, expand: 2, head_width: 4, groups: 1)")
    #expect(
      calls(try reader.recognised(assuming: ["dit(heads: 2)", "mamba2(groups: 2)"]), "attn")[1]
        == "mamba2(width: 8, state: 4, kernel: 4, expand: 2, head_width: 4, groups: 2)")
  }

  @Test("Of operators with the same tensors, the one that takes what its place gives is meant")
  func places() throws {
    // With as many tokens as three widths the filters of both Hyenas have one shape.
    let tensors = try small("replace blocks[1].attn with hyena_x()")
    #expect(
      calls(try ListedCheckpoint(tensors).recognised(assuming: ["dit(heads: 2)"]), "attn")[1].hasPrefix("hyena_x("))
    let model = "dit(size: 12, width: 12, depth: 2, heads: 2, classes: 3)"
    let both = try #require(Compiled("replace blocks[1].attn with hyena_x()", model: model).architecture)
    let error = #expect(throws: Diagnostic.self) { try ListedCheckpoint(both).recognised(assuming: ["dit(heads: 2)"]) }
    #expect(error?.rule == "recognise.ask")
  }

  static let parallel: [(String, Int, Int)] = [
    ("pairs_average", 4, 2), ("pairs_random", 4, 2), ("fours_average", 2, 4), ("hybrid_pairs_random", 4, 2),
  ]

  @Test("Parallel levels are recognised, whatever their branches are", arguments: parallel)
  func levels(_ name: String, _ depth: Int, _ width: Int) throws {
    let module = try fixture(
      "parallel/\(name).safetensors", assuming: ["dit(heads: 4)", "swa(window: [4, 4])"]
    ).module
    let blocks = try #require(module.part("blocks"))
    #expect(blocks.parts.count == depth)
    for (_, level) in blocks.parts {
      #expect(level.part("branches")?.parts.count == width)
      #expect(level.part("merge")?.callText == "merge_linear(width: 32, branches: \(width), start: average)")
    }
    if name.hasPrefix("hybrid") {
      #expect(module[path: ["blocks", "0", "branches", "1", "attn"]]?.operatorName == "hyena_x")
      #expect(module[path: ["blocks", "2", "branches", "0", "attn"]]?.operatorName == "swa")
    }
  }

  @Test("Parts of single branches are assumed by their paths")
  func branches() throws {
    func call(_ window: String, _ path: String) throws -> String? {
      try fixture(
        "parallel/hybrid_pairs_random.safetensors",
        assuming: ["dit(heads: 4)", "blocks[i in all where i == 2].branches[0].attn = swa(window: \(window))"]
      ).module[path: path.split(separator: ".").map(String.init)]?.callText
    }
    #expect(try call("[2 * i, 4]", "blocks.2.branches.0.attn") == "swa(width: 32, heads: 4, window: [4, 4])")
    #expect(try call("[4, 4]", "blocks.0.branches.1.attn") == "hyena_x(width: 32, kernel: 4)")
    #expect(try call("[4, 4]", "blocks.3.branches.0.attn") == "mha(width: 32, heads: 4)")
  }

  @Test("What tensors cannot tell is asked for, with the very words to say it")
  func asks() throws {
    let module = try small("")
    let reader = ListedCheckpoint(module)
    let error = #expect(throws: Diagnostic.self) { try reader.recognised() }
    #expect(error?.rule == "recognise.ask")
    #expect(error?.help?.contains("--assume 'dit(heads: ...)'") == true)
    #expect(try reader.recognised(assuming: ["dit(heads: 2)"]).isSameTree(as: module))
    let window = ListedCheckpoint(try small("replace blocks[1].attn with swa(window: [2, 3])"))
    let second = #expect(throws: Diagnostic.self) { try window.recognised(assuming: ["dit(heads: 2)"]) }
    #expect(second?.help?.contains("--assume 'swa(window: ...)'") == true)
  }

  @Test("An assumption speaks of an operator, of all its uses, or of some parts with their index")
  func assumptions() throws {
    let module = try small("replace blocks[i in odd].attn with swa(window: [i, 4 + i])")
    let reader = ListedCheckpoint(module)
    let found = try reader.recognised(assuming: [
      "dit(heads: 2)", "blocks[i in odd].attn = swa(window: [i, 4 + i])",
    ])
    #expect(found.isSameTree(as: module))
    let same = try reader.recognised(assuming: ["dit(heads: 2)", "swa(window: [1, 1])"])
    #expect(calls(same, "attn")[3] == "swa(width: 8, heads: 2, window: [1, 1])")
    let heads = try ListedCheckpoint(try small("")).recognised(assuming: [
      "dit(heads: 2)", "blocks[2].attn = mha(heads: 4)",
    ])
    #expect(calls(heads, "attn")[1...2] == ["mha(width: 8, heads: 2)", "mha(width: 8, heads: 4)"])
  }

  static let wrongAssumptions = [
    "dit", "4", "dat(heads: 2)", "dit(2)", "dit(head: 2)", "blocks[0].attn = 4", ")", "",
  ]

  @Test("A wrong assumption is a mistake of usage", arguments: wrongAssumptions)
  func wrongAssumption(_ text: String) throws {
    let reader = ListedCheckpoint(try small(""))
    let error = #expect(throws: Diagnostic.self) { try reader.recognised(assuming: [text]) }
    #expect(["usage.assume", "usage.expression"].contains(error?.rule))
    #expect(error?.category == .usage)
  }

  @Test("The file's own notes tell the heads, and so do presets of the same width that agree")
  func notes() throws {
    let reader = ListedCheckpoint(try small(""), metadata: ["args/num_heads": "2"])
    #expect(try reader.recognised().callText.contains("heads: 2"))
    let wide = try #require(Compiled("", model: "dit(size: 4, width: 384, depth: 2, heads: 6)").architecture)
    #expect(try ListedCheckpoint(wide).recognised().callText.contains("heads: 6"))
    // A person's word goes before both.
    #expect(try ListedCheckpoint(wide).recognised(assuming: ["dit(heads: 12)"]).callText.contains("heads: 12"))
  }

  @Test("Operators that cannot be told apart are asked for")
  func ambiguous() throws {
    let twins = """
      operator one(width d: Int) {
        inner = linear(d, d)
        forward(x: [B, N, d]) -> [B, N, d] { return inner(x) }
        recover width = inner.weight[0]
      }
      operator two(width d: Int) {
        inner = linear(d, d)
        forward(x: [B, N, d]) -> [B, N, d] { return -inner(x) }
        recover width = inner.weight[0]
      }
      """
    let compiled = Compiled.small("replace blocks[1].attn with two()", before: twins)
    let reader = ListedCheckpoint(try #require(compiled.architecture))
    let error = #expect(throws: Diagnostic.self) { try reader.recognised(scope(twins), assuming: ["dit(heads: 2)"]) }
    #expect(error?.rule == "recognise.ask")
    #expect(error?.help?.contains("--assume 'blocks[1].attn = one(width: 8)'") == true)
    for text in ["two(width: 8)", "blocks[1].attn = two(width: 8)"] {
      let module = try reader.recognised(scope(twins), assuming: ["dit(heads: 2)", text])
      #expect(calls(module, "attn")[1] == "two(width: 8)")
    }
  }

  @Test("What belongs to no model, and what is too much or too little, is told")
  func refused() throws {
    func rule(_ tensors: [(String, Shape)]) -> String? {
      let error = #expect(throws: Diagnostic.self) {
        try ListedCheckpoint(tensors).recognised(assuming: ["dit(heads: 2)"])
      }
      return error?.rule
    }
    var tensors: [(String, Shape)] = []
    try small("").forEachParameter { name, parameter in tensors.append((name, parameter.shape)) }
    #expect(rule([]) == "recognise.unknown-model")
    #expect(rule([("a", [2]), ("", []), ("a.b", [1]), ("..", [3])]) == "recognise.unknown-model")
    #expect(rule(tensors + [("extra.weight", [2])]) == "recognise.extra")
    #expect(rule(tensors.filter { $0.0 != "blocks.2.mlp.fc2.weight" }) == "weights.missing")
    #expect(rule(tensors.map { $0.0 == "blocks.2.mlp.fc2.bias" ? ($0.0, [9]) : $0 }) == "weights.shape")
    let strange = tensors.map { ($0.0.replacing("blocks.2.attn.qkv", with: "blocks.2.attn.abc"), $0.1) }
    #expect(["weights.missing", "recognise.unknown-operator"].contains(rule(strange)))
    let huge = tensors.map { ($0.0, Shape($0.1.axes.map { _ in 1 << 40 })) }
    #expect(rule(huge) != nil)
    let levels =
      tensors.map { ($0.0.replacing("blocks.", with: "blocks.0.branches."), $0.1) } + [("blocks.0.merge.a", [1])]
    #expect(rule(levels) != nil)
    // Entries by the hundred thousand, none of them like a block.
    #expect(rule((0..<100_000).map { ("blocks.\($0).w", [1]) }) != nil)
    #expect(rule([(String(repeating: "a.", count: 50_000), [1])]) == "recognise.unknown-model")
  }

  @Test("A damaged file is told what it lacks before anything is asked")
  func damagedBeforeAsked() throws {
    let reader = try fixture("dit/mini.safetensors", assuming: ["dit(heads: 2)"]).reader
    let whole = reader.entries.map { ($0.name, $0.shape) }
    func refusal(_ tensors: [(String, Shape)]) -> Diagnostic? {
      #expect(throws: Diagnostic.self) { try ListedCheckpoint(tensors).recognised(assuming: []) }
    }
    // No preset is 16 wide, so the heads of a whole file are asked for.
    #expect(refusal(whole)?.rule == "recognise.ask")

    let missing = refusal(whole.filter { $0.0 != "blocks.3.attn.qkv.weight" })
    #expect(missing?.rule == "weights.missing")
    #expect(
      missing?.message.contains("'blocks.3.attn.qkv.weight'") == true
        && missing?.message.contains("f32 [48, 16]") == true)

    let renamed = refusal(
      whole.map { $0.0 == "blocks.3.attn.qkv.weight" ? ("blocks.3.attn.to_q.weight", $0.1) : $0 })
    #expect(renamed?.rule == "weights.missing")
    #expect(renamed?.help == "the file has 'blocks.3.attn.to_q.weight', which looks like layout 'diffusers'")

    let cut = refusal(whole.map { $0.0 == "blocks.3.attn.qkv.weight" ? ($0.0, [40, 16]) : $0 })
    #expect(cut?.rule == "weights.shape")
  }

  @Test("Whichever tensor is missing, or of another shape, is the one that is named")
  func everyTensor() throws {
    let reader = try fixture("dit/mini.safetensors", assuming: ["dit(heads: 2)"]).reader
    let whole = reader.entries.map { ($0.name, $0.shape) }
    for assumptions in [[], ["dit(heads: 2)"]] {
      for (name, shape) in whole {
        func refusal(_ tensors: [(String, Shape)]) -> Diagnostic? {
          #expect(throws: Diagnostic.self) { try ListedCheckpoint(tensors).recognised(assuming: assumptions) }
        }
        let missing = refusal(whole.filter { $0.0 != name })
        #expect(missing?.rule == "weights.missing", "missing \(name)")
        #expect(missing?.message.contains("'\(name)'") == true, "\(name): \(missing?.message ?? "")")
        var axes = shape.axes
        axes[axes.count - 1] += 1
        let misshapen = refusal(whole.map { $0.0 == name ? (name, Shape(axes)) : $0 })
        #expect(misshapen?.rule == "weights.shape", "last \(name)")
        #expect(misshapen?.message.contains("'\(name)'") == true, "\(name): \(misshapen?.message ?? "")")
        axes = shape.axes
        axes[0] += 1
        // More classes, or another width, are another model.
        if name.hasPrefix("y_embedder") || name == "x_embedder.proj.weight" { continue }
        let longer = refusal(whole.map { $0.0 == name ? (name, Shape(axes)) : $0 })
        #expect(longer?.rule == "weights.shape", "first \(name)")
        #expect(longer?.message.contains("'\(name)'") == true, "\(name): \(longer?.message ?? "")")
      }
    }
  }

  @Test("A model that is only looked at, its heads open, is refused where a tensor is missing or misshapen")
  func openAndDamaged() throws {
    let whole = try fixture("dit/mini.safetensors", assuming: ["dit(heads: 2)"]).reader.entries.map {
      ($0.name, $0.shape)
    }
    for (name, shape) in whole where name.hasPrefix("blocks.1.") {
      for axis in shape.axes.indices {
        var axes = shape.axes
        axes[axis] += 1
        let tensors = whole.map { $0.0 == name ? (name, Shape(axes)) : $0 }
        #expect(throws: Diagnostic.self, "\(name) \(axes)") {
          try ListedCheckpoint(tensors).recognised(leavesOpen: true)
        }
      }
      let tensors = whole.filter { $0.0 != name }
      #expect(throws: Diagnostic.self, "\(name)") { try ListedCheckpoint(tensors).recognised(leavesOpen: true) }
    }
  }

  @Test("Where a block's own operator is damaged, its tensor is named, and what belongs nowhere is named first")
  func damagedGraft() throws {
    let module = try small("replace blocks[odd].attn with hyena_x()")
    func refusal(_ change: ([(String, Shape)]) -> [(String, Shape)]) -> Diagnostic? {
      let tensors = change(ListedCheckpoint(module).entries.map { ($0.name, $0.shape) })
      return #expect(throws: Diagnostic.self) {
        try ListedCheckpoint(tensors).recognised(assuming: ["dit(heads: 2)"])
      }
    }
    let lacking = refusal { $0.filter { $0.0 != "blocks.3.attn.in_proj.bias" } }
    #expect(lacking?.rule == "weights.missing")
    #expect(lacking?.message.contains("'blocks.3.attn.in_proj.bias'") == true, "\(lacking?.message ?? "")")
    let surplus = refusal { $0 + [("zzz", [3])] }
    #expect(surplus?.rule == "recognise.extra")
    #expect(surplus?.message.contains("'zzz'") == true, "\(surplus?.message ?? "")")
  }

  @Test("An operator of the user's is recognised without a rule where its place tells all that it needs")
  func withoutRecover() throws {
    let own = """
      operator gated(width d: Int) {
        proj = linear(d, d)
        param gate: [d] = 0
        forward(x: [B, N, d]) -> [B, N, d] { return gate * proj(x) }
      }
      """
    let compiled = Compiled.small("replace blocks[odd].attn with gated()", before: own)
    let reader = ListedCheckpoint(try #require(compiled.architecture))
    #expect(throws: Diagnostic.self) { try reader.recognised(assuming: ["dit(heads: 2)"]) }
    let module = try reader.recognised(scope(own), assuming: ["dit(heads: 2)"])
    #expect(module.part("blocks")?.part("1")?.part("attn")?.operatorName == "gated")
  }

  @Test("A part with some of its tensors only is damaged unless a person says that it is meant so")
  func lacking() throws {
    let module = try small("replace blocks[2].attn.proj with linear(bias: false)")
    let reader = ListedCheckpoint(module)
    let refused = #expect(throws: Diagnostic.self) { try reader.recognised(assuming: ["dit(heads: 2)"]) }
    #expect(refused?.rule == "weights.missing")
    #expect(refused?.message.contains("'blocks.2.attn.proj.bias'") == true)
    let hint = try #require(refused?.help?.split(separator: "'").dropFirst().first.map(String.init))
    let read = try reader.recognised(assuming: ["dit(heads: 2)", hint])
    #expect(read.isSameTree(as: module))
  }

  @Test("Sizes that contradict each other are told with what was read")
  func contradiction() throws {
    let reader = try fixture("dit/mini.safetensors", assuming: ["dit(heads: 2)"]).reader
    let tensors = reader.entries.map { ($0.name, $0.name == "x_embedder.proj.weight" ? [18, 4, 2, 2] : $0.shape) }
    let refused = #expect(throws: Diagnostic.self) {
      try ListedCheckpoint(tensors).recognised(assuming: ["dit(heads: 4)"])
    }
    #expect(refused?.rule == "recognise.arguments")
    #expect(refused?.message.contains("width: 18") == true)
  }
}
