import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// Calls of parts while a graft is compiled.
@Suite struct ComputedCallTests {
  /// `statements` on the small model, and what tensor `name` then holds.
  private func tensor(_ name: String, _ statements: String, before: String = "") throws -> Tensor {
    let compiled = Compiled.small(statements, before: before)
    try #require(compiled.diagnostics == [])
    return try #require(compiled.weights[name]).evaluate([])
  }

  private static let holder = """
    operator holder(width d: Int) { param v: [1, 8] = 0
      forward(x: [B, N, d]) -> [B, N, d] { return x + v } }

    """

  @Test("A call gives what the part gives in a forward")
  func value() throws {
    let statements = "replace blocks[0].attn with holder() starting { v = t_embedder([500]) + y_embedder([3]) }"
    let found = try tensor("blocks.0.attn.v", statements, before: Self.holder)
    // The same by hand: the model's own graph from its inputs to `c`, evaluated by the interpreter.
    let own = """
      operator condition(width d: Int, classes: Int) {
        t_embedder = timestep_embed(d)
        y_embedder = label_embed(classes, d)
        forward(t: [B], y: [B] of i64) -> [B, d] { return t_embedder(t) + y_embedder(y) }
      }

      """
    let other = Compiled("\(own)graft \"g\" { base condition(width: 8, classes: 3) noise(seed: 1) }")
    let graph = try #require(try other.grafts.first?.program().graphs.first)
    var parameters: [String: Tensor] = [:]
    for (name, weight) in other.weights { parameters[name] = try weight.evaluate([]) }
    let inputs = ["t": Tensor([Float(500)], [1]), "y": Tensor(.i64, [1], integers: [3])]
    let expected = try #require(try graph.evaluate(inputs: inputs, parameters: parameters).outputs["out"])
    #expect(found.floats == expected.floats)
    #expect(found.floats.contains { $0 != 0 })
  }

  @Test("Lists of parts, parts of `old`, tensors, numbers and results that are several are taken and given")
  func forms() throws {
    let statements = """
      let c = t_embedder([7, 8])
      let halves(x) = split(x, 2, axis: 0)
      replace blocks[i in 1...3].attn with holder() starting {
        v = if i == 1 then halves(old.proj(c))[1] else blocks[i - 1].adaLN_modulation([[0, 1, 2, 3, 4, 5, 6, 7]])[0] * 0 + 1
      }
      """
    let own = Self.holder
    let broken = Compiled.small(statements, before: own)
    #expect(broken.rules == ["values.index"])  // A tensor is sliced, not indexed.
    let right = statements.replacing(
      "([[0, 1, 2, 3, 4, 5, 6, 7]])[0] * 0 + 1", with: "([[0, 1, 2, 3, 4, 5, 6, 7]]) * 0 + 1"
    )
    .replacing("adaLN_modulation", with: "attn.proj")
    let first = try tensor("blocks.1.attn.v", right, before: own)
    let second = try tensor("blocks.3.attn.v", right, before: own)
    #expect(first.floats.contains { $0 != 0 })
    #expect(second.floats == [Float](repeating: 1, count: 8))
  }

  @Test("A whole block runs, its condition taken by name from the lets around")
  func block() throws {
    let statements = """
      let c = t_embedder([5]) + y_embedder([0])
      let y = blocks[0](reshape(iota(32), [1, 4, 8]) / 32)
      replace blocks[1].attn with holder() starting { v = reshape(slice(blocks[2](y, c), 0, 1, axis: 1), [1, 8]) }
      """
    let found = try tensor("blocks.1.attn.v", statements, before: Self.holder)
    #expect(found.floats.allSatisfy { $0.isFinite } && found.floats.contains { $0 != 0 })
  }

  @Test("A part that has an operator's name is called through the model; a parallel level is called as one")
  func names() throws {
    let own = """
      model m(width d: Int) { mlp = mlp(d)  v = holder(d)
        forward(x: [B, 1, d]) -> [B, 1, d] { return v(mlp(x)) } }

      """
    let statements = """
      let y = model.mlp([[[0, 1, 2, 3, 4, 5, 6, 7]]])
      replace mlp with mlp(ratio: 2)
      replace v with holder() starting { v = reshape(y, [1, 8]) }
      """
    let compiled = Compiled(Self.holder + own + "graft \"g\" { base m(width: 8) noise\n\(statements)\n}")
    #expect(compiled.diagnostics == [])
    #expect(try compiled.weights["v.v"]?.evaluate([]).floats.contains { $0 != 0 } == true)
    let level = """
      parallelize blocks in pairs with merge_linear()
      let y = blocks[0](reshape(iota(32), [1, 4, 8]), t_embedder([3]))
      replace blocks[1].branches[0].attn with holder() starting { v = mean(reshape(y, [4, 8]), axes: [0]) }
      """
    #expect(try tensor("blocks.1.branches.0.attn.v", level, before: Self.holder).shape == [1, 8])
  }

  static let wrong: [(String, String)] = [
    ("let c = t_embedder([500, \"a\"])", "shapes.tensor"),
    ("let c = t_embedder([[500]])", "shapes.mismatch"),
    ("let c = t_embedder([[1], [2, 3]])", "shapes.tensor"),
    ("let c = t_embedder([1, [2]])", "shapes.tensor"),
    ("let _ = t_embedder([])", ""),
    ("let c = t_embedder(500)", "shapes.mismatch"),
    ("let c = y_embedder([1 / 2])", "values.whole"),
    ("let c = y_embedder([0.5])", "values.whole"),
    ("let c = t_embedder()", "calls.missing-input"),
    ("let c = t_embedder([1], [2])", "calls.count"),
    ("let c = t_embeder([1])", "names.unknown-operator"),
    ("let c = blocks[0](zeros([1, 4, 8]))", "calls.missing-input"),
    ("let c = blocks[0].attn(zeros([1, 4, 9]))", "shapes.mismatch"),
    ("let c = blocks[0].attn.proj.weight([1])", "paths.tensor"),
    ("let c = t_embedder([1]).x", "names.no-member"),
    ("let _ = blocks[0, 1](zeros([1, 4, 8]), zeros([1, 8]))", ""),
    ("require t_embedder([1]) == 3", "values.truth"),
    // Enormous calls: a value, the work of one, and the formula of many.
    ("let c = blocks[0].mlp(zeros([2 ** 28, 8]))", "limits.elements"),
    ("let c = blocks[0].attn(zeros([1, 2 ** 16, 8]))", "limits.steps"),
    (
      "let c = blocks[0].mlp.fc1(zeros([2 ** 23, 8]))\n"
        + String(repeating: "let d = blocks[0].mlp.fc1(zeros([2 ** 23, 8]))\n", count: 1000), "limits.steps"
    ),
    (
      (1...300).map { "let c\($0) = blocks[0].attn.proj(c\($0 - 1))\n" }.reduce("let c0 = zeros([1, 8])\n", +),
      "limits.formula"
    ),
    (
      (1...40).map { "let c\($0) = blocks[0].attn.proj(c\($0 - 1)) + c\($0 - 1)\n" }.reduce(
        "let c0 = zeros([1, 8])\n", +), "limits.formula"
    ),
    ("let f(x) = f(t_embedder(x))\nlet c = f([1])", "names.unknown-operator"),
    ("let f(x) = f(blocks[0].attn.proj(x))\nlet c = f(zeros([1, 8]))", "names.unknown-operator"),
  ]

  @Test("What cannot be called, or is too much, is told by its rule", arguments: wrong)
  func mistakes(_ statements: String, _ rule: String) {
    let clock = ContinuousClock()
    var found: [String] = []
    let time = clock.measure { found = Compiled.small(statements).rules }
    if rule.isEmpty {
      #expect(found == [])
    } else {
      #expect(found.first?.hasPrefix(rule) == true, "\(found)")
    }
    #expect(time < HostileTextTests.limit)
  }
}
