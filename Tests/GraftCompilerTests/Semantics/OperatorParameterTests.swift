import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// Operators that are given to operators.
@Suite struct OperatorParameterTests {
  static let lora = """
    /// y = inner(x) + alpha / rank * up(down(x)); equals inner until trained.
    operator lora(inner: [..., n] -> [..., m], rank: Int = 64, alpha: Float = rank) {
        down = linear(n, rank, bias: false)
        up   = linear(rank, m, bias: false) starting { weight = 0 }

        forward(x: [..., n]) -> [..., m] { return inner(x) + alpha / rank * up(down(x)) }
        recover rank = down.weight[0]
    }

    """

  private func shapes(_ compiled: Compiled, below path: String) -> [String] {
    var result: [String] = []
    compiled.part(path)?.forEachParameter { name, parameter in result.append("\(name) \(parameter.shape)") }
    return result
  }

  @Test("An operator parameter is a part of that name; letters of its type come from the operator given")
  func part() {
    let compiled = Compiled.small("replace blocks[all].attn.{qkv, proj} with lora(old, rank: 2)", before: Self.lora)
    #expect(compiled.diagnostics == [])
    #expect(
      shapes(compiled, below: "blocks.1.attn.qkv")
        == ["inner.weight [24, 8]", "inner.bias [24]", "down.weight [2, 8]", "up.weight [24, 2]"])
    #expect(
      compiled.call("blocks.1.attn.proj")
        == "lora(inner: linear(inputs: 8, outputs: 8, bias: true), rank: 2, alpha: 2)")
    #expect(compiled.weights["blocks.1.attn.qkv.up.weight"] == .fill(0, .f32, [24, 2]))
    // The weights of what it wraps are those that stood there.
    let plain = Compiled.small("")
    #expect(compiled.weights["blocks.1.attn.qkv.inner.weight"] == plain.weights["blocks.1.attn.qkv.weight"])
  }

  static let letterCases: [(String, String, String)] = [
    ("attn.qkv", "lora(linear(8, 24), rank: 3)", "[3, 8] [24, 3]"),
    // What a list does first and last; that which passes any shape says nothing.
    ("adaLN_modulation", "lora([silu(), linear(8, 48)], rank: 3)", "[3, 8] [48, 3]"),
    ("adaLN_modulation", "lora([silu(), old, silu()], rank: 3)", "[3, 8] [48, 3]"),
    // An operator that takes any shape: the place tells.
    ("mlp", "lora(silu(), rank: 3)", "[3, 8] [8, 3]"),
    ("mlp", "lora(old, rank: 3)", "[3, 8] [8, 3]"),
    ("attn", "lora(hyena_x(), rank: 3)", "[3, 8] [8, 3]"),
    ("attn", "lora(old.qkv, rank: 3, alpha: 1) starting { }", ""),
    ("mlp", "lora(lora(old, rank: 2), rank: 3)", "[3, 8] [8, 3]"),
    // A name, a path, and a choice are operators as well.
    ("mlp", "lora(mlp, rank: 3)", "[3, 8] [8, 3]"),
    ("mlp", "lora(blocks[0].mlp, rank: 3)", "[3, 8] [8, 3]"),
    ("attn.proj", "lora(if depth > 3 then old else linear(), rank: 3)", "[3, 8] [8, 3]"),
    ("attn.qkv", "lora(inner: linear(outputs: 24), rank: 3)", "[3, 8] [24, 3]"),
  ]

  @Test("The sizes of a type's letters", arguments: letterCases)
  func letters(_ part: String, _ call: String, _ expected: String) {
    let compiled = Compiled.small("replace blocks[1].\(part) with \(call)", before: Self.lora)
    if expected.isEmpty {
      #expect(compiled.rules == ["replace.result"])
      return
    }
    #expect(compiled.diagnostics == [])
    let tensors = shapes(compiled, below: "blocks.1.\(part)").filter { $0.hasPrefix("down") || $0.hasPrefix("up") }
    #expect(tensors.map { String($0.drop { $0 != "[" }) }.joined(separator: " ") == expected)
  }

  static let typed = """
    operator typed(width d: Int, rows n: Int, inner: [B, d] -> [B, n * d], f: [..., k] -> [..., 2 * k] = linear(3, 6)) {
      param rows: [n, d, k]
      forward(x: [B, N, d], c: [B, d]) -> [B, N, d] { return x + 0 * reshape(inner(c), [B, n, d]) }
      adopt old: mha { }
    }

    """

  @Test("A type may use parameters, and settle those that stand further on")
  func parameters() {
    let compiled = Compiled.small(
      "replace blocks[1].attn with typed(rows: 6, inner: blocks[0].adaLN_modulation)", before: Self.typed)
    #expect(compiled.rules == ["Add.broadcast"])  // [B, 4, 8] + [B, 6, 8], so the letters were settled.
    let late = """
      operator late(inner: [..., d] -> [..., h], width d: Int, hidden h: Int) {
        out = linear(h, d)
        forward(x: [B, N, d]) -> [B, N, d] { return out(inner(x)) }
      }
      """
    let other = Compiled.small("replace blocks[1].mlp with late(linear(8, 20))", before: late)
    #expect(other.diagnostics == [])
    #expect(shapes(other, below: "blocks.1.mlp").last == "out.bias [8]")
    #expect(
      other.call("blocks.1.mlp") == "late(inner: linear(inputs: 8, outputs: 20, bias: true), width: 8, hidden: 20)")
  }

  static let wrong: [(String, String, String, String)] = [
    (
      "mlp", "typed(rows: 6, inner: linear(8, 40))", "shapes.mismatch",
      "'inner' is [B, 8] -> [B, 48], and 'linear' is [..., 8] -> [..., 40]"
    ),
    (
      "mlp", "typed(rows: 6, inner: linear(7, 48))", "shapes.mismatch",
      "'inner' is [B, 8] -> [B, 48], and 'linear' is [..., 7] -> [..., 48]"
    ),
    (
      "mlp", "typed(rows: 6, inner: embedding(10, 48))", "shapes.mismatch",
      "'inner' is [B, 8] -> [B, 48], and 'embedding' is [...] -> [..., 48]"
    ),
    (
      "mlp", "typed(rows: 6, inner: [silu(), linear(8, 40)])", "shapes.mismatch",
      "'inner' is [B, 8] -> [B, 48], and 'list' is [..., 8] -> [..., 40]"
    ),
    (
      "mlp", "typed(rows: 6, inner: linear(8, 48), f: linear(3, 7))", "shapes.mismatch",
      "'f' is [..., 3] -> [..., 6], and 'linear' is [..., 3] -> [..., 7]"
    ),
    ("mlp", "lora(3)", "names.operator", "an operator is wanted here, and this is a number"),
    ("mlp", "lora(loro)", "names.unknown-operator", "'loro' is not an operator"),
    ("mlp", "lora(rank: 3)", "calls.missing", "'lora' needs 'inner', an operator"),
    (
      "mlp", "lora(blocks[0].mlp.fc1.weight)", "paths.tensor", "'blocks[0].mlp.fc1.weight' is a tensor, and no operator"
    ),
    (
      "mlp", "odd(silu())", "operators.letter",
      "what 'k' in the type of 'inner' is, neither 'silu' nor the place tells"
    ),
    (
      "mlp", "lora(odd(silu()))", "operators.letter",
      "what 'k' in the type of 'inner' is, neither 'silu' nor the place tells"
    ),
    ("mlp", "lora(empty())", "operators.no-entry", "'empty', given as 'inner', has no 'forward'"),
  ]

  @Test("An operator that is not of the type is an error with both shapes", arguments: wrong)
  func mismatch(_ part: String, _ call: String, _ rule: String, _ message: String) {
    let own = """
      operator odd(inner: [..., k] -> [..., k]) { w = linear(k, k)
        forward(x: [B, N, 8]) -> [B, N, 8] { return inner(x) } }
      operator empty() { }

      """
    let compiled = Compiled.small("replace blocks[1].\(part) with \(call)", before: Self.lora + Self.typed + own)
    #expect(compiled.rules == [rule])
    #expect(compiled.diagnostics.first?.message == message)
  }

  @Test("What a part of a parameter's name takes and gives is checked where it is called")
  func calls() {
    let own = """
      operator pass(inner: [B, N, d] -> [B, N, d], width d: Int) {
        forward(x: [B, N, d]) -> [B, N, d] { return inner(x) }
      }
      operator flat(width d: Int) { forward(x: [B, N, d]) -> [B, N, K] { return concat([x, x]) } }
      operator short(inner: [B, d] -> [B, d], width d: Int) {
        forward(x: [B, N, d]) -> [B, N, d] { return inner(x) }
      }

      """
    let given = Compiled.small("replace blocks[1].mlp with pass(flat(8))", before: own)
    #expect(given.rules == ["shapes.mismatch"])
    #expect(given.diagnostics.first?.message == "what 'inner' gives is [B, 4, 8], and this is [B, 4, 16]")
    let taken = Compiled.small("replace blocks[1].mlp with short(silu())", before: own)
    #expect(taken.diagnostics.first?.message == "what 'inner' takes is [B, 8], and this is [B, 4, 8]")
  }

  @Test("An operator that is given starts as its own clause says, and draws from its own stream")
  func starting() {
    let compiled = Compiled.small(
      """
      replace blocks[1].attn with lora(hyena_x() starting adopted { out_proj.bias = 2 }, rank: 2)
      replace blocks[2].attn with lora(hyena_x() starting fresh(seed: 5), rank: 2)
      replace blocks[3].attn with lora(hyena_x(), rank: 2)
      replace blocks[0].attn with lora(old starting { proj.bias = 3 }, rank: 2)
      """, before: Self.lora)
    #expect(compiled.diagnostics == [])
    let plain = Compiled.small("").weights
    #expect(compiled.weights["blocks.1.attn.inner.in_proj.weight"] == plain["blocks.1.attn.qkv.weight"])
    #expect(compiled.weights["blocks.1.attn.inner.out_proj.bias"] == .fill(2, .f32, [8]))
    // A rule for what is replaced holds for the operator that is given too.
    #expect(compiled.weights["blocks.3.attn.inner.in_proj.weight"] == plain["blocks.3.attn.qkv.weight"])
    #expect(compiled.weights["blocks.0.attn.inner.proj.bias"] == .fill(3, .f32, [8]))
    #expect(compiled.weights["blocks.0.attn.inner.proj.weight"] == plain["blocks.0.attn.proj.weight"])
    guard case .draw(let draw, _)? = compiled.weights["blocks.2.attn.inner.in_proj.weight"] else {
      Issue.record("no draw")
      return
    }
    #expect(draw.stream == "blocks.2.attn.inner.in_proj.weight" && draw.seed == 5)
  }

  @Test("A parameter without a default is taken from the same parameter of what is replaced")
  func fromOld() {
    let compiled = Compiled.small(
      "replace blocks[1].mlp with lora(old, rank: 2)\nreplace blocks[1].mlp with lora(rank: 3)", before: Self.lora)
    #expect(compiled.diagnostics == [])
    #expect(
      compiled.call("blocks.1.mlp")
        == "lora(inner: mlp(width: 8, ratio: 4, hidden: 32), rank: 3, alpha: 3)")
    #expect(compiled.weights["blocks.1.mlp.inner.fc1.weight"] == Compiled.small("").weights["blocks.1.mlp.fc1.weight"])
  }

  @Test("A graft's parameter may be an operator, and a part in a body is given what stands around")
  func graftParameter() {
    var options = Compiled.small("").grafts.isEmpty ? Compiler.Options.noise : .noise
    options.settings = [("op", "hyena_x(kernel: 3),swa(window: [1, 1])")]
    let text = """
      operator block(width d: Int) { attn = mha(d)
        forward(x: [B, N, d]) -> [B, N, d] { return attn(x) } }
      graft "g"(op: [B, N, d] -> [B, N, d], _name: Text = "a") {
        base \(Compiled.smallModel) noise
        replace blocks[1].attn with op
        replace blocks[2].attn with block()
      }
      """
    let compiled = Compiled(text, options: options)
    #expect(compiled.diagnostics == [])
    #expect(
      compiled.grafts.map { $0.architecture[path: ["blocks", "1", "attn"]]?.operatorName } == ["hyena_x", "swa"])
    #expect(compiled.call("blocks.2.attn.attn") == "mha(width: 8, heads: 2)")
  }

  static let recognisable = [
    "replace blocks[all].attn.{qkv, proj} with lora(old, rank: 2)",
    "replace blocks[1].mlp with lora(mlp(ratio: 1.5), rank: 3)\nreplace blocks[2].attn with lora(hyena_x(), rank: 4)",
    "replace blocks[1].mlp with lora(old, rank: 3)\nreplace blocks[1].mlp.inner.fc1 with lora(old, rank: 1)",
    "replace blocks[0].adaLN_modulation with lora(old, rank: 3)",
    "parallelize blocks in pairs with merge_linear()\nreplace blocks[0].branches[1].attn with lora(old, rank: 2)",
  ]

  @Test("Operators that hold operators are recognised by their tensors", arguments: recognisable)
  func recognition(_ statements: String) throws {
    let names = Library { _ throws(Diagnostic) in nil }.load(SourceText(file: "a.graft", text: Self.lora))
    let module = try #require(Compiled.small(statements, before: Self.lora).architecture)
    let found = try ListedCheckpoint(module).recognised(names, assuming: ["dit(heads: 2)"])
    // A parallelized model's depth is that of its levels.
    let (blocks, expected) = (try #require(found.part("blocks")), try #require(module.part("blocks")))
    let isSame = blocks.isSameTree(as: expected)
    #expect(isSame)
  }

  @Test("Tensors whose names nest lora in lora end recognition soon")
  func hostileRecognition() throws {
    let names = Library { _ throws(Diagnostic) in nil }.load(SourceText(file: "a.graft", text: Self.lora))
    let module = try #require(Compiled.small("").architecture)
    var tensors: [(String, Shape)] = []
    module.forEachParameter { name, parameter in
      if !name.hasPrefix("blocks.1.mlp") { tensors.append((name, parameter.shape)) }
    }
    var prefix = "blocks.1.mlp"
    for _ in 0..<25 {
      tensors += [("\(prefix).down.weight", [2, 8]), ("\(prefix).up.weight", [8, 2])]
      prefix += ".inner"
    }
    tensors.append(("\(prefix).odd", [1]))
    let time = ContinuousClock().measure {
      #expect(throws: Diagnostic.self) {
        try ListedCheckpoint(tensors).recognised(names, assuming: ["dit(heads: 2)"])
      }
    }
    #expect(time < HostileTextTests.limit)
  }
}
