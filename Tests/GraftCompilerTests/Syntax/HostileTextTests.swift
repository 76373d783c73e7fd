import GraftIR
import Testing

import GraftCompiler

/// No text makes the parser trap, hang, or report without end.
@Suite(.serialized) struct HostileTextTests {
  /// Generous for debug builds on a busy machine: what is wrong here takes minutes or memory, not seconds.
  static let limit = Duration.seconds(20)

  /// Debug builds read a tenth, which is as telling and keeps the tests quick.
  #if DEBUG
    static let megabyte = 100_000
  #else
    static let megabyte = 1_000_000
  #endif

  private func parsed(_ text: String) -> [Diagnostic] {
    var diagnostics = Diagnostics()
    let clock = ContinuousClock()
    let time = clock.measure { _ = parse(SourceText(file: "a.graft", text: text), into: &diagnostics) }
    #expect(time < Self.limit)
    return diagnostics.items
  }

  @Test("A chain of a million terms is refused once, at the operator that passes the bound")
  func longChain() {
    let items = parsed("let a = 1" + String(repeating: "+1", count: 1_000_000) + "\nlet b = )")
    #expect(items.map(\.rule) == ["syntax.too-deep", "syntax.expected"])
    // The first sum has depth 2, so the 500th operator is the first beyond.
    #expect(items.first?.location?.range == 1007..<1008)
  }

  static let nests: [(String, String)] = [
    ("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("2 ** ", ""), ("f(", ")"), ("a[", "]"),
    ("f starting { a = ", "}"),
    ("if a then b else ", ""), ("if ", ""), ("shared ", ""), ("\"\\(", ")\""), ("[a for b in ", "]"), ("a.{", "}"),
    ("a or b and c == d ..< e + f * (", ")"), ("if a or b and c == d ..< e + -f ** [f(g: ", ")] then b else c"),
  ]

  @Test("Levels without end are refused once", arguments: nests)
  func deepNesting(_ opening: String, _ closing: String) {
    let whole =
      "let a = " + String(repeating: opening, count: Self.megabyte / 10) + "1"
      + String(repeating: closing, count: Self.megabyte / 10)
    #expect(parsed(whole).count == 1)
    #expect(parsed("let a = " + String(repeating: opening, count: Self.megabyte / 10)).count == 1)
  }

  static let blocks: [(String, String)] = [
    ("if a {\n", "}\n"), ("if a { ", "} "), ("for i in a { ", "} "), ("if a { } else ", ""), ("if a { } else {", "}"),
    ("{", "}"), ("a = f starting { ", "} "),
  ]

  @Test("Nested blocks without end are refused", arguments: blocks)
  func deepBlocks(_ opening: String, _ closing: String) {
    for head in ["operator a() {\n", "operator a() {\n  forward(x: [B]) -> [B] {\n"] {
      let nest = String(repeating: opening, count: Self.megabyte / 10)
      #expect(!parsed(head + nest + String(repeating: closing, count: Self.megabyte / 10) + "}\n}").isEmpty)
      #expect(!parsed(head + nest).isEmpty)
    }
    #expect(!parsed("operator a(b: " + String(repeating: "[", count: 1_000_000)).isEmpty)
  }

  static let garbage = [
    "a ", "( ", "{ ", "} ", "\" ", "\"\\(", "= ", "\u{0}", "$", "é", "let ", "graft ", "operator a() { ", "1", "1 ",
    "//\n",
    "///\n", "\n", "if a ", "}\n", "let a = )\n", "a.", "[a in ", "_", "...", "a = b ",
  ]

  @Test("Megabytes of garbage end, with at most 100 errors", arguments: garbage)
  func repeated(_ piece: String) {
    let text = String(repeating: piece, count: 10 * Self.megabyte / piece.utf8.count)
    for head in ["", "graft \"a\" { "] { #expect(parsed(head + text).count <= 100) }
  }

  @Test("Too many values are refused once")
  func manyValues() {
    let items = parsed("let a = [" + String(repeating: "1,", count: 2_000_000) + "]\nlet b = )")
    #expect(items.map(\.rule) == ["syntax.file-size"])
  }

  @Test("More than 16 MiB are refused before they are read")
  func largeFile() {
    #expect(parsed(String(repeating: " ", count: (16 << 20) + 1)).map(\.rule) == ["syntax.file-size"])
    #expect(throws: Diagnostic.self) {
      try SourceText(file: "a.graft", bytes: Array(repeating: 0x20, count: (16 << 20) + 1))
    }
  }

  // MARK: Random texts

  /// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): the same on every
  /// machine.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  /// Whatever the text, its errors have places in it, and can be shown.
  private func check(_ text: String, _ seed: UInt64) {
    var diagnostics = Diagnostics()
    let source = SourceText(file: "a.graft", text: text)
    let tree = parse(source, into: &diagnostics)
    let renderer = DiagnosticRenderer(sources: [source])
    for item in diagnostics.items {
      #expect((item.location?.range.upperBound ?? .max) <= text.utf8.count, "seed \(seed): \(item)")
      #expect(!renderer.render(item).isEmpty)
    }
    #expect(diagnostics.items.count <= 100, "seed \(seed)")
    for declaration in tree.declarations {
      guard case .let(let value) = declaration else { continue }
      _ = GraftCompiler.text(of: value.value)
    }
  }

  @Test("Mutated examples and prelude texts are read or refused")
  func mutations() throws {
    let texts = try Examples.names.map(Examples.text) + Prelude.sources.map(\.text)
    for seed in 0..<UInt64(6000) {
      var generator = Generator(state: seed)
      var bytes = Array(try #require(texts.randomElement(using: &generator)).utf8)
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, place + Int.random(in: 0...20, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes.removeSubrange(place..<end)
        case 1: bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0..<bytes.count, using: &generator))
        case 2: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 3: bytes.insert(try #require("(){}[]\"\\=.,:-*\n".utf8.randomElement(using: &generator)), at: place)
        default: bytes.removeSubrange(place...)
        }
        if bytes.isEmpty { break }
      }
      check(String(decoding: bytes, as: UTF8.self), seed)
    }
  }

  @Test("Soups of tokens are read or refused")
  func soups() {
    let words = [
      "operator", "model", "preset", "graft", "let", "import", "param", "table", "if", "then", "else", "for", "in",
      "return", "not", "and", "or", "is", "true", "starting", "shared", "fresh", "from", "with", "replace", "base",
      "parallelize", "pairs", "groups", "of", "emit", "as", "forward", "adopt", "recover", "cost", "frozen", "where",
      "step", "a", "b", "x", "1", "2GB", "0.5", "\"t\"", "\"\\(", "\"", "(", ")", "[", "]", "{", "}", ",", ":", ".",
      "...", "..<", "->", "=", "==", "+", "-", "*", "**", "/", "|", "\n", "\n", "//", "///", "$", "\u{0}", "é",
    ]
    let heads = ["", "graft \"a\" {\n", "operator a() {\n", "operator a() { forward(x: [B]) -> [B] {\n", "let a = "]
    for seed in 0..<UInt64(4000) {
      var generator = Generator(state: seed)
      var text = heads.randomElement(using: &generator) ?? ""
      for _ in 0..<Int.random(in: 1...80, using: &generator) {
        text += words.randomElement(using: &generator) ?? ""
        if Bool.random(using: &generator) { text += " " }
      }
      check(text, seed)
    }
  }
}
