import GraftCompiler
import GraftIR
import Testing

/// What is proved of grafts on a small model with seeded weights, none of them zero. It has four tokens.
@Suite struct ModelPairTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let statements: String
    var before = ""
  }

  private static let wide = """
    replace blocks[all].mlp with mlp(hidden: 48) starting {
        fc1.weight = concat([old.fc1.weight, 2 * split(old.fc1.weight, 2, axis: 0)[0]], axis: 0)
        fc1.bias = concat([old.fc1.bias, split(old.fc1.bias, 2)[1]])
        fc2.weight = concat([old.fc2.weight, COLUMNS], axis: 1)
        fc2.bias = old.fc2.bias
    }
    """

  private static func wide(_ columns: String) -> String { wide.replacing("COLUMNS", with: columns) }

  private static let gates = """
    let rows(w) = split(w, 6, axis: 0)
    let shut(r) = concat([r[0], r[1], 0 * r[2], r[3], r[4], 0 * r[5]], axis: 0)
    """

  static let exact = [
    Case(testDescription: "nothing", statements: ""),
    Case(testDescription: "an operator for itself", statements: "replace blocks[all].attn with mha() starting adopted"),
    Case(
      testDescription: "the same operator under other names",
      statements: "replace blocks[all].attn with own(heads: 2) starting { a = old.qkv  b = old.proj }",
      before: """
        operator own(width d: Int, heads: Int) {
            a = linear(d, 3 * d)
            b = linear(d, d)
            forward(x: [B, N, d]) -> [B, N, d] {
                let (q, k, v) = split(a(x), 3)
                return b(attention(q, k, v, heads: heads))
            }
        }
        """),
    Case(
      testDescription: "one projection as three",
      statements: """
        replace blocks[odd].attn with parted(heads: 2) starting {
            q.weight = split(old.qkv.weight, 3, axis: 0)[0]  q.bias = split(old.qkv.bias, 3)[0]
            k.weight = split(old.qkv.weight, 3, axis: 0)[1]  k.bias = split(old.qkv.bias, 3)[1]
            v.weight = split(old.qkv.weight, 3, axis: 0)[2]  v.bias = split(old.qkv.bias, 3)[2]
            proj = old.proj
        }
        """,
      before: """
        operator parted(width d: Int, heads: Int) {
            q = linear(d, d)
            k = linear(d, d)
            v = linear(d, d)
            proj = linear(d, d)
            forward(x: [B, N, d]) -> [B, N, d] { return proj(attention(q(x), k(x), v(x), heads: heads)) }
        }
        """),
    Case(testDescription: "a window over all", statements: "replace blocks[all].attn with swa(window: [3, 3])"),
    Case(testDescription: "an open window", statements: "replace blocks[all].attn with swa(window: [-1, 100])"),
    Case(testDescription: "a wider layer, adopted", statements: "replace blocks[all].mlp with mlp(ratio: 6)"),
    Case(testDescription: "as many key heads", statements: "replace blocks[all].attn with gqa(kv_heads: 2)"),
    Case(testDescription: "a wider layer", statements: wide("0 * split(old.fc2.weight, 2, axis: 1)[0]")),
    Case(
      testDescription: "identity blocks",
      statements: "replace blocks[i in odd] with [old, old starting { adaLN_modulation[1] = 0 }]"),
    Case(
      testDescription: "identity blocks whose gates alone are shut",
      statements: """
        replace blocks[2] with [old, old starting {
            adaLN_modulation[1].weight = shut(rows(old.adaLN_modulation[1].weight))
            adaLN_modulation[1].bias = shut(rows(old.adaLN_modulation[1].bias))
        }]
        """, before: gates),
    Case(
      testDescription: "identity blocks side by side, summed",
      statements: """
        replace blocks[1] with [old, old starting { adaLN_modulation[1] = 0 }, old starting { adaLN_modulation[1] = 0 }]
        parallelize blocks[2, 3] in pairs with merge_sum()
        """),
    Case(
      testDescription: "identity blocks side by side, their mean",
      statements: """
        replace blocks[1] with [old, old starting { adaLN_modulation[1] = 0 }, old starting { adaLN_modulation[1] = 0 }]
        parallelize blocks[2, 3] in pairs with merge_average()
        """),
    Case(
      testDescription: "identity blocks put in and taken out",
      statements: """
        replace blocks[1] with [old starting { adaLN_modulation[1] = 0 }, old]
        remove blocks[1]
        """),
    Case(
      testDescription: "layers of low rank beside projections, their way up shut",
      statements: "replace blocks[all].attn.{qkv, proj} with lora(old, rank: 2, alpha: 3)",
      before: OperatorParameterTests.lora),
    Case(
      testDescription: "a unit matrix behind a layer",
      statements: """
        replace blocks[all].attn.proj with behind() starting { first = old  second.weight = eye(8)  second.bias = 0 }
        """,
      before: """
        operator behind(inputs n: Int, outputs m: Int) {
            first = linear(n, m)
            second = linear(m, m)
            forward(x: [..., n]) -> [..., m] { return second(first(x)) }
        }
        """),
  ]

  static let different = [
    Case(testDescription: "another operator", statements: "replace blocks[1].attn with hyena_x()"),
    Case(testDescription: "a narrower layer", statements: "replace blocks[1].mlp with mlp(ratio: 3)"),
    Case(testDescription: "fewer key heads", statements: "replace blocks[1].attn with gqa(kv_heads: 1)"),
    Case(testDescription: "new weights", statements: "replace blocks[1].attn with mha() starting fresh"),
    Case(testDescription: "a window one short", statements: "replace blocks[1].attn with swa(window: [3, 2])"),
    Case(
      testDescription: "a wider layer, one new column not 0",
      statements: wide(
        "concat([0 * split(old.fc2.weight, 4, axis: 1)[0], split(old.fc2.weight, 4, axis: 1)[1]], axis: 1)")),
    Case(
      testDescription: "gates whose bias is not 0",
      statements: """
        replace blocks[1] with [old, old starting { adaLN_modulation[1].weight = 0  adaLN_modulation[1].bias = 1 }]
        """),
    Case(
      testDescription: "one gate of two shut",
      statements: """
        replace blocks[2] with [old, old starting {
            adaLN_modulation[1].weight = half(split(old.adaLN_modulation[1].weight, 6, axis: 0))
            adaLN_modulation[1].bias = half(split(old.adaLN_modulation[1].bias, 6, axis: 0))
        }]
        """, before: "let half(r) = concat([r[0], r[1], 0 * r[2], r[3], r[4], r[5]], axis: 0)"),
    Case(
      testDescription: "two blocks in the other order",
      statements: "replace blocks with [blocks[1], blocks[0], blocks[2], blocks[3]]"),
    Case(
      testDescription: "an identity block beside another, summed: the sum rounds",
      statements: """
        replace blocks[1] with [old, old starting { adaLN_modulation[1] = 0 }]
        parallelize blocks[1, 2] in pairs with merge_sum()
        """),
    Case(testDescription: "pairs", statements: "parallelize blocks in pairs with merge_linear(start: average)"),
  ]

  private func matches(_ one: Case) throws -> [ModelPair.Match] {
    let compiled = Compiled.small(one.statements, before: one.before)
    #expect(compiled.diagnostics == [])
    return try #require(compiled.grafts.first).pair().matches()
  }

  @Test("A rewrite that keeps the function is exact, at its output and at every block", arguments: exact)
  func keeps(_ one: Case) throws {
    let matches = try matches(one)
    #expect(matches.filter { !$0.isExact } == [])
    #expect(matches.filter(\.isOutput).map(\.path) == ["out"])
    #expect(matches.count > 5)
  }

  @Test("What does not keep the function is not exact", arguments: different)
  func changes(_ one: Case) throws {
    let matches = try matches(one)
    #expect(matches.filter(\.isOutput).map(\.isExact) == [false])
    #expect(matches.first { $0.path == "x_embedder" }?.isExact == true)
  }

  @Test("A part stands beside what stood in its place, of a level the last branch")
  func counterparts() throws {
    func pairs(_ statements: String) throws -> [String] {
      try matches(Case(testDescription: "", statements: statements)).filter { $0.path.hasPrefix("blocks") }
        .map { "\($0.path) \($0.basePath)" }
    }
    #expect(
      try pairs("replace blocks[1] with [old, old starting { adaLN_modulation[1] = 0 }]") == [
        "blocks[0] blocks[0]", "blocks[1] blocks[1]", "blocks[2] blocks[1]", "blocks[3] blocks[2]",
        "blocks[4] blocks[3]",
      ])
    #expect(
      try pairs("parallelize blocks[1, 2, 3] in groups of 3 with merge_sum()") == [
        "blocks[0] blocks[0]", "blocks[1] blocks[3]",
      ])
    #expect(try pairs("remove blocks[0, 1]") == ["blocks[0] blocks[2]", "blocks[1] blocks[3]"])
    #expect(
      try pairs("replace blocks[3] with dit_block(heads: 4)").last == "blocks[3] blocks[3]")
    #expect(
      try pairs("replace blocks with dit_block(8, 2) * 4").map { $0.prefix(9) } == [
        "blocks[0]", "blocks[1]", "blocks[2]", "blocks[3]",
      ])
    #expect(try pairs("replace blocks with dit_block(8, 2) * 2") == [])
  }

  @Test("Models that take inputs of different shapes are not compared")
  func inputs() throws {
    let compiled = Compiled(
      """
      graft "g" {
          base dit(size: 4, width: 8, depth: 1, heads: 2, classes: 3) noise(seed: 1)
          replace model with dit(size: 8, width: 8, depth: 1, heads: 2, classes: 3) starting adopted
      }
      """)
    #expect(compiled.diagnostics == [])
    let pair = try #require(compiled.grafts.first).pair()
    let error = #expect(throws: Diagnostic.self) { try pair.matches() }
    #expect(error?.rule == "verify.inputs")
  }
}
