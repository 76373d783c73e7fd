import GraftIR
import Testing

import GraftCompiler

@Suite struct PublishedCostTests {
  /// Operators at DiT-XL/2's place: 256 tokens of width 1152, 16 heads. The numbers are worked out by hand from the
  /// formulas that reproduce the grafting paper's table 4.
  static let operators: [(place: String, call: String, operator: Double, features: Double)] = [
    ("attn", "mha()", 304_087_040, 2_717_908_992),
    ("attn", "swa(window: [4, 4])", 304_087_040 / 256 * 9, 2_717_908_992),
    ("attn", "swa(window: [-1, 4])", 304_087_040, 2_717_908_992),
    ("attn", "swa(window: [200, 300])", 304_087_040, 2_717_908_992),
    ("attn", "hyena_x()", 2 * 256 * 1152, 2_717_908_992 + 6 * 4 * 256 * 1152),
    ("attn", "hyena_x(kernel: 2)", 2 * 256 * 1152, 2_717_908_992 + 6 * 2 * 256 * 1152),
    ("mlp", "mlp(ratio: 3)", 4_076_863_488, 0), ("mlp", "mlp(hidden: 6912)", 8_153_726_976, 0),
  ]

  @Test("Operators of the prelude state the formulas of the grafting paper", arguments: operators)
  func states(_ place: String, _ call: String, _ operation: Double, _ features: Double) throws {
    let compiled = Compiled("replace blocks[5].\(place) with \(call) starting fresh", model: "dit.xl2()")
    let row = try #require(compiled.grafts.first?.grafted.operators.first { $0.path == "blocks[5].\(place)" })
    #expect(row.published == PublishedCost(operatorFlops: operation, featureFlops: features))
  }

  @Test("A cost follows the tokens of its place: four times as many are 16 times the scores")
  func tokens() throws {
    let summary = try #require(Compiled("", model: "dit.xl2(image: 512)").grafts.first?.base)
    let row = try #require(summary.operators.first { $0.path == "blocks[0].attn" })
    #expect(row.published == PublishedCost(operatorFlops: 16 * 304_087_040, featureFlops: 4 * 2_717_908_992))
  }

  static let scaling = """
    operator scaled(width d: Int) {
        param weight: [d] = 1
        let twice = 2 * d
        forward(x: [..., d]) -> [..., d] { return x * weight }
        if d > 4 {
            cost {
                operator = N / 3
                features = twice * N
            }
        }
    }
    """

  @Test("Open axes are N, a value need not be whole, and what states no formula has no figures")
  func letters() throws {
    let compiled = Compiled.small("replace blocks[1].attn with scaled() starting fresh", before: Self.scaling)
    let summary = try #require(compiled.grafts.first?.grafted)
    let published = summary.operators.first { $0.path == "blocks[1].attn" }?.published
    #expect(published == PublishedCost(operatorFlops: 4.0 / 3, featureFlops: 64))
    #expect(published?.json == ["operator": .number(4.0 / 3), "features": 64])
    #expect(summary.operators.first { $0.path == "x_embedder" }?.published == nil)
  }

  @Test("A part that is never called costs nothing, and what a block does itself is no whole operator")
  func beside() throws {
    let before = """
      operator outer(width d: Int, heads: Int) {
          param scale: [d] = 1
          inner = mha(d, heads)
          idle  = mha(d, heads)
          forward(x: [B, N, d]) -> [B, N, d] { return inner(x) * scale }
          cost { operator = 7  features = 0 }
      }
      """
    let compiled = Compiled.small("replace blocks[1] with outer() starting fresh", before: before)
    let rows = try #require(compiled.grafts.first?.grafted.operators)
    #expect(rows.first { $0.path == "blocks[1]" }?.published == nil)
    #expect(rows.first { $0.path == "blocks[1].idle" }?.published == nil)
    // 8 N d², 4 tokens of width 8.
    #expect(rows.first { $0.path == "blocks[1].inner" }?.published?.featureFlops == 2048)
  }

  // The cost, the rule that it breaks, and where.
  static let wrong: [(cost: String, rule: String, place: String)] = [
    ("operator = N", "cost.name", "cost { operator = N }"), ("features = 1", "cost.name", "cost { features = 1 }"),
    ("operator = 1  memory = 2  features = 3", "cost.name", "memory"),
    ("operator = 1  features = 2  operator = 3", "cost.name", "operator"),
    ("operator = 0 - N  features = 1", "cost.value", "0 - N"),
    ("operator = 1e300 * 1e300  features = 1", "values.not-finite", "*"),
    ("operator = M  features = 1", "names.unknown", "M"), ("operator = true  features = 1", "values.number", "true"),
  ]

  @Test("A cost says two finite numbers from 0, of names that it sees", arguments: wrong)
  func isRefused(_ cost: String, _ rule: String, _ place: String) throws {
    let before = "operator o(width d: Int) { forward(x: [B, N, d]) -> [B, N, d] { return x } cost { \(cost) } }"
    let compiled = Compiled.small("replace blocks[1].attn with o() starting fresh", before: before)
    #expect(compiled.rules == [rule])
    #expect(compiled.places == [place])
  }
}
