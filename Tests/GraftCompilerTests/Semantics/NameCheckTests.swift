import GraftIR
import Testing

/// Names in operators and presets that nobody uses.
@Suite struct NameCheckTests {
  /// The rule and the text under the caret of every mistake in `declaration`, which nothing uses.
  private func mistakes(_ declaration: String) -> [String] {
    let compiled = Compiled.small("", before: declaration)
    return zip(compiled.rules, compiled.places).map { rule, place in "\(rule) \(place)" }
  }

  static let wrong: [(String, String)] = [
    (
      "operator f(d: Int) { a = lnear(d, d)\nforward(x: [B, d]) -> [B, d] { return a(x) } }",
      "names.unknown-operator lnear"
    ),
    ("operator f(d: Int) { a = linear(d, dd)\nforward(x: [B, d]) -> [B, d] { return a(x) } }", "names.unknown dd"),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { return gellu(x) } }", "names.unknown-operator gellu"),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { return softmax(x, axs: 1) } }", "calls.label axs"),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { return x + y } }", "names.unknown y"),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { if dd > 3 { return x }\nreturn x } }", "names.unknown dd"),
    (
      "operator f(d: Int) { forward(x: [B, d]) -> [B, d] { for i in 0..<3 { x = x + i }\nreturn x * i2 } }",
      "names.unknown i2"
    ),
    ("operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return a(x, x) } }", "calls.count x"),
    (
      "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return x * a.wieght } }",
      "names.no-part wieght"
    ),
    ("operator f(d: Int) { param w: [d, e] = 0\nforward(x: [B, d]) -> [B, d] { return x } }", "names.unknown e"),
    ("operator f(d: Int = dd) { forward(x: [B, d]) -> [B, d] { return x } }", "names.unknown dd"),
    (
      "operator f(d: Int) { a = linear(d, d) starting { wieght = 0 }\nforward(x: [B, d]) -> [B, d] { return a(x) } }",
      "names.no-part wieght"
    ),
    (
      "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return a(x) }\nadopt old: mah { a = old.proj } }",
      "names.unknown-operator mah"
    ),
    (
      "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return a(x) }\nadopt old: mha { b = old.proj } }",
      "names.no-part b"
    ),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { return x }\nrecover e = 3 }", "calls.label e"),
    ("preset f.small = linear(inputs: 8, outptus: 8)", "calls.label outptus"),
  ]

  @Test("A mistake in an operator or preset that nobody uses is told", arguments: wrong)
  func isTold(_ declaration: String, _ expected: String) {
    #expect(mistakes(declaration) == [expected])
  }

  static let right = [
    // Letters of a type, of a shape, and what a loop's rounds share.
    "operator f(inner: [..., n] -> [..., m], k: Int = n) { a = linear(n, k)\nforward(x: [..., n]) -> [..., m] { let _ = a\nreturn inner(x) } }",
    "operator f(d: Int) { forward(x: [B, N, d]) -> [B, N, d] { let n = N\nfor i in 0..<2 { if i > 0 { x = y }\nlet y = x * n }\nreturn x } }",
    // A part that only some sizes have, and one asked for.
    "operator f(d: Int) { if d > 3 { a = linear(d, d) }\nforward(x: [B, d]) -> [B, d] { if has(a) { return a(x) }\nreturn x } }",
    "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return a(x) }\nadopt old: mha { a = old.proj } }",
    "preset f.small = linear(inputs: 8, outputs: 8)",
  ]

  @Test("Nothing that could be right is told", arguments: right)
  func isAccepted(_ declaration: String) {
    #expect(mistakes(declaration) == [])
  }

  @Test("Each mistake is told once, in order, though the operator is used")
  func once() {
    let text = """
      operator f(d: Int) {
        forward(x: [B, N, d]) -> [B, N, d] { return gellu(x) + y }
      }
      """
    #expect(
      Compiled.small("replace blocks[all].attn with f(8)", before: text).rules
        == ["names.unknown-operator", "names.unknown"])
  }

  @Test("At most a hundred mistakes of an operator are told")
  func bounded() {
    let sum = (0..<2_000).map { "y\($0)" }.joined(separator: " + ")
    let found = mistakes(
      "operator f(d: Int) { forward(x: [B, d]) -> [B, d] { let z = x\nreturn x\n} }".replacing(
        "let z = x", with: "let z = \(sum)"))
    #expect((1...101).contains(found.count))
  }
}
