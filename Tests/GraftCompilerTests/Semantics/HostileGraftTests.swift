import Foundation
import GraftIR
import Testing

import GraftCompiler

/// No file makes the compiler trap, hang, or grow without bound.
@Suite(.serialized) struct HostileGraftTests {
  /// Debug builds try a twentieth, which is as telling and keeps the tests quick.
  #if DEBUG
    static let tries = 500
  #else
    static let tries = 10_000
  #endif

  private func rules(_ text: String, files: [String: String] = [:]) -> [String] {
    let clock = ContinuousClock()
    var rules: [String] = []
    let time = clock.measure { rules = Compiled(text, files: files).rules }
    #expect(time < HostileTextTests.limit)
    return rules
  }

  private func graft(_ statements: String, model: String = Compiled.smallModel) -> String {
    "graft \"g\" { base \(model) noise\n\(statements)\n}\n"
  }

  /// `call` as a part of a model.
  private static func operators(_ text: String, _ call: String = "a()") -> String {
    "\(text)\noperator w() { inner = \(call)\nforward(x: [B, 1]) -> [B, 1] { return x } }\n"
      + "graft \"g\" { base w() noise }"
  }

  /// `call` as a model itself.
  private static func model(_ text: String, _ call: String = "a()") -> String {
    "\(text)\ngraft \"g\" { base \(call) noise }"
  }

  static let named: [(String, [String])] = [
    (operators("operator a() { b = a() }"), ["operators.contains-itself"]),
    (operators("operator a() { b = a()  c = a() }"), ["operators.contains-itself"]),
    (operators("operator a() { c = b() }\noperator b() { c = a() }"), ["operators.contains-itself"]),
    (
      operators("operator a(n: Int = 1) { c = b(n) }\noperator b(n: Int, m: Int = n + 1) { c = [a(m), a(n)] }"),
      ["operators.contains-itself"]
    ),
    (operators("operator a(n: Int = f(1)) { }\nlet f(x) = f(x + 1)"), ["limits.depth"]),
    (operators("operator a() { for i in 0..<10000 { let x = i } b = a() }"), ["operators.contains-itself"]),
    (
      operators(
        (0..<40).map { "operator a\($0)() { x = a\($0 + 1)()  y = a\($0 + 1)() }" }.joined(separator: "\n")
          + "\noperator a40() { }", "a0()"), ["limits.modules"]
    ),
    (
      operators("operator a() { b = linear(1, 1) * 10000\nc = linear(1, 1) * 10000\nd = b\n}"),
      ["limits.modules"]
    ),
    (operators("operator a() { b = [linear(1, 1) * 10000 for i in 0..<10000] }"), ["limits.steps"]),
    (operators("operator a() { param w: [2 ** 62] }"), ["limits.elements"]),
    (
      model("operator a() { param w: [2 ** 62, 2 ** 62, 0]\nforward(x: [B, 1]) -> [B, 1] { let _ = w\nreturn x } }"),
      []
    ),
    (operators("operator a() { param w: [10 ** 30] }"), ["values.overflow"]),
    (operators("operator a() { param w: [1 / 0] }"), ["values.division-by-zero"]),
    (operators("operator a() { param w: [\(String(repeating: "1, ", count: 50))1] }"), ["limits.elements"]),
    (operators("operator a() { param w: [4] = tile(ones([1]), [10 ** 12]) }"), ["values.size"]),
    (
      operators(
        "let f(n, t) = if n == 0 then t else f(n - 1, tile(t, [10000]))\noperator a() { param w: [4] = f(9, ones([2])) }"
      ),
      ["limits.elements"]
    ),
    (
      operators(
        "let f(n, t) = if n == 0 then t else f(n - 1, concat([t, t]))\noperator a() { param w: [4] = f(50, ones([1])) }"
      ),
      ["limits.formula"]
    ),
    (
      model(
        "operator a() { forward(x: [B, 1]) -> [B, 1] { for i in 0..<90000 { for j in 0..<90000 { let y = x } } return x } }"
      ),
      ["limits.steps"]
    ),
    (
      model(
        "operator a() { forward(x: [B, 1]) -> [B, 1] { let y = x\nfor i in 0..<30000 { y = y + 1 } return y } }"), []
    ),
    (
      model(
        "operator a() { forward(x: [B, 1]) -> [B, 1] { return a(x) }\na(x: [B, 1]) -> [B, 1] { return forward(x) + forward(x) } }"
      ),
      ["limits.depth"]
    ),
    (
      model("operator a() { forward(x: [B, 1]) -> [B, 1] { let f(y) = f(y)\nreturn f(x) } }"),
      ["names.unknown-operator"]
    ),
    (
      model("operator a() { forward(x: [9223372036854775807 * B, 9223372036854775807]) -> [B] { return x } }"),
      ["shapes.mismatch"]
    ),
    (operators("preset a.b(n: Int = 10 ** 12) = dit(size: 4, width: 8, depth: n, heads: 2)", "a.b()"), ["limits.list"]),
    (operators("", "dit(size: 4, width: 8, depth: 10 ** 12, heads: 2)"), ["limits.list"]),
    (operators("", "dit(size: 4, width: 8, depth: -1, heads: 2)"), ["limits.list"]),
    (operators("", "dit(size: 10 ** 15, width: 8, depth: 1, heads: 2)"), ["values.overflow"]),
    (operators("", "dit(size: 4, width: 10 ** 9, depth: 1, heads: 2)"), ["limits.elements"]),
    (model("", "dit(size: 4, width: 8, depth: 1, heads: 0)"), ["Attention.heads"]),
    (operators("", "dit(size: 4, width: 8, depth: 1, heads: 2, patch: 0)"), ["values.division-by-zero"]),
    (operators("", "dit.xl2(image: 256) * 10 ** 9"), ["limits.list"]),
    (operators("", "dit.xl2(image: 256) * 10000"), ["limits.modules"]),
  ]

  @Test("A hostile declaration is refused by its rule, or harmless", arguments: named)
  func declaration(_ text: String, _ expected: [String]) {
    let found = rules(text)
    #expect(found.first == expected.first)
    #expect(found.count <= 2)
  }

  static let statements: [(String, String?)] = [
    (String(repeating: "replace blocks[0] with [old, old]\n", count: 40), nil),
    (String(repeating: "replace blocks[all] with [old, old]\n", count: 40), "limits"),
    (String(repeating: "replace blocks with blocks[all] + blocks[all]\n", count: 40), "limits"),
    ((0..<40).map { "let p\($0 + 1) = p\($0) + p\($0)\n" }.reduce("let p0 = blocks[all]\n", +), "limits.modules"),
    ((0..<40).map { "let p\($0 + 1) = [p\($0), p\($0)]\n" }.reduce("let p0 = [1]\n", +), "limits.list"),
    ((0..<40).map { "let p\($0 + 1) = \"\\(p\($0))\\(p\($0))\"\n" }.reduce("let p0 = \"ab\"\n", +), "limits.text"),
    ((0..<10_000).map { "let p\($0) = 1\n" }.joined(), "limits.names"),
    ((0..<3000).map { "let f\($0)(x) = x\n" }.joined(), "names.unused"),
    (
      String(
        repeating: "replace blocks[0].attn.qkv with linear(8, 24) starting { weight = old.weight + old.weight }\n",
        count: 40),
      "limits.formula"
    ),
    ("replace blocks[all] with dit_block(8, 2) * 10000", "limits.modules"),
    ("replace blocks[0].mlp with mlp(hidden: 10 ** 15)", "limits.elements"),
    ("replace blocks[0].attn with swa(window: [9223372036854775807, -9223372036854775807])", "Attention.window"),
    ("replace blocks[i in [j for j in 0..<90000]].attn with hyena_x()", "paths.out-of-range"),
    ("parallelize blocks in groups of 10 ** 15 with merge_sum()", "parallel.even"),
    ("require [i for i in 0..<90000 where [j for j in 0..<90000] == [j for j in 0..<90000]] == []", "limits.steps"),
    ("distill blocks[all].attn (samples: 10 ** 40)", "values.overflow"),
  ]

  @Test("A hostile statement is refused by its rule, or harmless", arguments: statements)
  func statement(_ text: String, _ rule: String?) {
    let found = rules(graft(text))
    if let rule { #expect(found.first?.hasPrefix(rule) == true, "\(found)") } else { #expect(found == []) }
    #expect(found.count <= 101)
  }

  @Test("What many statements and grafts ask for together is bounded")
  func together() {
    let deep = "dit(size: 4, width: 8, depth: 300, heads: 2)"
    let replaced = (0..<200).map { "replace blocks[\($0)].attn with hyena_x()" }.joined(separator: "\n")
    #expect(rules(graft(replaced, model: deep)) == ["limits.steps"])
    let several = (0..<1000).map { number in
      "graft \"g\(number)\" { base \(deep) noise\nreplace blocks[all].attn with hyena_x() }\n"
    }
    #expect(rules(several.joined()) == ["limits.steps"])
  }

  @Test("Sums of a million terms, megabytes of brackets and the like end with a word")
  func giants() {
    #expect(rules("let a = 1" + String(repeating: "+1", count: 1_000_000)) == ["syntax.too-deep"])
    #expect(rules(graft("let a = " + String(repeating: "[", count: 50_000))).first == "syntax.too-deep")
    #expect(
      rules((0..<20_000).map { "let a\($0) = a\($0 + 1)\n" }.joined() + graft("require a0 == 1")).first
        == "limits.depth")
    #expect(rules((0..<20_000).map { _ in "let a = 1\n" }.joined()).count <= 102)
    #expect(rules((0..<5000).map { "graft \"\($0)\" { }\n" }.joined()).count <= 102)
    #expect(rules((0..<5000).map { "operator a\($0)() { b = c\($0)() }\n" }.joined()).count <= 102)
    #expect(rules(graft((0..<5000).map { "remove nothing\($0)\n" }.joined())).count <= 102)
  }

  // MARK: Mutations

  /// Texts that exercise the language, on models that are quickly set up.
  private static func texts() throws -> [String] {
    let page = try Project.text("specs/language.md").components(separatedBy: "```graft\n").dropFirst()
    let pieces = page.map { $0.components(separatedBy: "```").first ?? "" }
    let examples = try Examples.names.map { try Examples.text($0) }
    let prelude = Prelude.sources.map { $0.text + "\ngraft \"g\" { base \(Compiled.smallModel) noise }\n" }
    return (examples + pieces + prelude).map { text in
      text.replacing(
        /dit\.xl[248]\(image: (256|512)\)/, with: "dit(size: 4, width: 8, depth: 28, heads: 2, classes: 3)"
      )
      .replacing("in_channels: 9", with: "in_channels: 5")
    }
  }

  private static let words = [
    "0", "1", "-1", "10 ** 18", "2 ** 62", "1 / 0", "1 / 3", "true", "\"a\"", "[]", "[1, [2]]", "old", "blocks",
    "model",
    "all", "odd", "i", "x", "B", "N", "linear(8, 8)", "hyena_x()", "mha", "dit", "f32", "split(x, 2)", "zeros([2])",
    "eye(8)", "iota(4)", "uniform(1)", "blocks[0]", "blocks[all].attn", "count(blocks)", "depth", "parameters",
    "starting { weight = 0 }", "starting adopted", "* 3", "[0]", ".attn", "(x)", "0..<4", "for i in 0..<4",
  ]

  @Test("Mutated grafts, operators and preludes compile or are refused, each soon")
  func mutations() throws {
    let texts = try Self.texts()
    let clock = ContinuousClock()
    for seed in 0..<UInt64(Self.tries) {
      var generator = HostileTextTests.Generator(state: seed)
      var text = try #require(texts.randomElement(using: &generator))
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        var tokens = text.matches(of: /[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9_]*|"[^"\n]*"|\*\*|\.\.\.|\.\.<|\S/).map(\.range)
        if tokens.isEmpty { break }
        tokens.shuffle(using: &generator)
        let word = try #require(Self.words.randomElement(using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: text.removeSubrange(tokens[0])
        case 1: text.replaceSubrange(tokens[0], with: word)
        case 2: text.insert(contentsOf: " \(word) ", at: tokens[0].lowerBound)
        case 3:
          // A token takes another's place.
          let other = String(text[tokens[tokens.count - 1]])
          text.replaceSubrange(tokens[0], with: other)
        default:
          let numbers = tokens.filter { text[$0].first?.isNumber == true }
          if let place = numbers.first {
            let number = ["0", "1", "3", "7", "1000000007", "9223372036854775807"].randomElement(using: &generator)
            text.replaceSubrange(place, with: number ?? "0")
          }
        }
      }
      let time = clock.measure {
        let compiled = Compiled(text)
        for item in compiled.diagnostics where item.category == .defect || item.rule == "graft.defect" {
          Issue.record("seed \(seed): \(item)")
        }
        for graft in compiled.grafts.prefix(2) {
          do {
            _ = try graft.program()
            _ = try graft.weightPlan(for: nil)
          } catch  where (error as? Diagnostic)?.category == .defect {
            Issue.record("seed \(seed): \(error)")
          } catch {}
        }
      }
      #expect(time < HostileTextTests.limit, "seed \(seed)")
    }
  }
}
