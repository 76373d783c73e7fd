import Foundation
import GraftIR
import Testing

import GraftCompiler

@Suite struct FormatterTests {
  /// `text` in canonical form; an empty text and the first rule where it does not parse.
  private func format(_ text: String) -> (text: String, rule: String?) {
    var diagnostics = Diagnostics()
    let result = formatted(SourceText(file: "a.graft", text: text), into: &diagnostics)
    return (result ?? "", diagnostics.items.first?.rule)
  }

  /// The tree of `text` without places.
  private func tree(_ text: String) throws -> String {
    var diagnostics = Diagnostics()
    let tree = parse(SourceText(file: "a.graft", text: text), into: &diagnostics)
    try #require(diagnostics.items.isEmpty, "\(diagnostics.items.map { ($0.rule, $0.message) })\n\(text)")
    return described(tree)
  }

  /// Everything that `value` holds, but for places.
  private func described(_ value: Any) -> String {
    if value is Location { return "" }
    let mirror = Mirror(reflecting: value)
    if mirror.children.isEmpty { return "\(value)" }
    return "(" + mirror.children.map { "\($0.label ?? ""):\(described($0.value))" }.joined(separator: ",") + ")"
  }

  // MARK: Random programs

  @Test("Random programs keep their tree and comments, and formatting again changes nothing", arguments: 0..<8)
  func randomPrograms(_ part: Int) throws {
    for seed in (part * 50)..<(part * 50 + 50) {
      let program = RandomProgram(seed: seed)
      let (text, comments) = program.spelled(seed: seed + 1, comments: true)
      let (result, rule) = format(text)
      try #require(rule == nil, "seed \(seed): \(rule ?? "")\n\(text)")
      #expect(try tree(text) == tree(result), "seed \(seed)\n\(text)\n\(result)")
      let kept = result.matches(of: /\/\/[\/ \t]*text, "\(\\\( }{ #\d+/).map { String($0.output) }
      #expect(kept == comments, "seed \(seed)\n\(text)\n\(result)")
      #expect(format(result).text == result, "seed \(seed)\n\(text)\n\(result)")
    }
  }

  @Test("However a program is spaced, it comes out the same", arguments: 0..<4)
  func spaces(_ part: Int) {
    for seed in (part * 50)..<(part * 50 + 50) {
      let program = RandomProgram(seed: seed)
      let results = (1...3).map { format(program.spelled(seed: seed + $0, comments: false).text) }
      #expect(results[0].rule == nil, "seed \(seed)")
      #expect(Set(results.map(\.text)).count == 1, "seed \(seed)\n\(results.map(\.text))")
    }
  }

  // MARK: Style

  /// What is written, and what it becomes; the same where it is left out.
  static let cases: [(String, String?)] = [
    ("", nil),
    ("\n\n  \n", ""),
    ("// alone", "// alone\n"),
    ("\u{FEFF}let a=1\r\n\r\n\r\nlet b = 2", "let a = 1\n\nlet b = 2\n"),
    ("let f ( x,y, ) = - x ** - y + a [ 1 ] . { b , c } ( )", "let f(x, y) = -x ** -y + a[1].{b, c}()\n"),
    ("let t = \"\\( i+1 ) \\(f ( \"\\(x)\" ))\"", "let t = \"\\(i + 1) \\(f(\"\\(x)\"))\"\n"),
    ("let t = (1,)\nlet u = (1)", "let t = (1,)\nlet u = (1)\n"),
    ("let s = a ... b-1 step 2", "let s = a...b - 1 step 2\n"),
    (
      "operator a() { p=b() long_name=c()\nq = d()\nforward(x: [...]) -> [...] { return x }\nadopt o: m { p = o.p q = o } }",
      """
      operator a() {
          p         = b()
          long_name = c()
          q         = d()

          forward(x: [...]) -> [...] { return x }

          adopt o: m { p = o.p  q = o }
      }

      """
    ),
    (
      "graft \"g\" { base auto from \"a\"\n\n\n\ndistill x.y(a:1)\nfinetune(b:2)\n\n}\nlet a = 1",
      """
      graft "g" {
          base auto from "a"

          distill x.y (a: 1)
          finetune (b: 2)
      }

      let a = 1

      """
    ),
    (
      """
      /// Documentation.
      // No documentation.

      /// Documentation of b.
      let b = x // trailing
          // own
          + y

      """,
      """
      /// Documentation.
      // No documentation.

      /// Documentation of b.
      let b = x  // trailing
          // own
          + y

      """
    ),
    (
      "operator a(\n/// Its width.\nwidth: Int,\n\n/// Nothing's.\n\n/// Its depth.\ndepth: Int) {}",
      """
      operator a(
          /// Its width.
          width: Int,

          /// Nothing's.

          /// Its depth.
          depth: Int
      ) {}

      """
    ),
    // On one line, `step` would go on with the range.
    (
      "operator a() { p = b starting { x = 0..<2\nstep.y = 1 } }",
      """
      operator a() {
          p = b starting {
              x      = 0..<2
              step.y = 1
          }
      }

      """
    ),
    (
      "operator a() { if b { p = q } else if c { long = q } else { x = 1\ny = 2 } }",
      """
      operator a() {
          if b {
              p = q
          } else if c {
              long = q
          } else {
              x = 1
              y = 2
          }
      }

      """
    ),
  ]

  @Test("A text becomes the canonical one", arguments: cases)
  func style(_ text: String, _ expected: String?) {
    let result = format(text)
    #expect(result.rule == nil)
    #expect(result.text == expected ?? text)
  }

  @Test("Lines that are too long end where that is easy to read")
  func longLines() {
    let name = String(repeating: "a", count: 40)
    let text = """
      let sum = \(name) * \(name) +
          \(name) -
          \(name)
      let below =
          f(\(name), \(name), 1234567890123456789012)
      let call = f(
          \(name),
          label: \(name),
          \(name)
      )
      let numbers = [
          \((100..<123).map(String.init).joined(separator: ", ")),
          \((123..<135).map(String.init).joined(separator: ", "))
      ]
      let choice = if \(name) then \(name)
          else if \(name) then \(name)
          else 1

      graft "g" {
          replace \(name).\(name)
              with f(\(name), \(name))
          replace \(name) with f(\(name)) starting {
              x  = \(name)
              yy = 1
          }
          replace blocks[
              i in all
              where \(name) == 12345 and \(name) == 12345
          ].attn with x
      }

      """
    #expect(format(text).text == text)
    #expect(format(text.replacing("\n", with: " ")).text == text)
  }

  @Test("A text that does not parse has no canonical form")
  func wrong() {
    #expect(format("let a =") == ("", "syntax.expected"))
    #expect(format("graft \"a\" {") == ("", "syntax.unclosed"))
  }

  @Test("Deep texts are formatted without a crash, and too deep ones refused")
  func deep() {
    let brackets = "let a = " + String(repeating: "[", count: 150) + String(repeating: "]", count: 150)
    #expect(format(brackets).rule == nil)
    let sum = "let a = " + String(repeating: "1 + ", count: 450) + "1"
    #expect(format(sum).rule == nil)
    #expect(format(String(repeating: "(", count: 100_000)).rule != nil)
  }

  // MARK: The tree

  static let files = Project.files(below: "", "graft")

  @Test("Every graft file of the project is in canonical form", arguments: files)
  func file(_ path: String) throws {
    let text = try Project.text(path)
    let (result, rule) = format(text)
    #expect(rule == nil)
    #expect(result == text, "graftc fmt \(path)")
  }

  static let pages = Project.files(below: "specs", "md") + ["README.md"]

  @Test("Every example on a page that parses is in canonical form", arguments: pages)
  func examples(_ page: String) throws {
    for piece in try Project.text(page).split(separator: "\n```graft").dropFirst() {
      // The rest of the first line may name a file.
      let text = String(
        piece.prefix(upTo: piece.firstRange(of: "```")?.lowerBound ?? piece.endIndex).drop { $0 != "\n" }.dropFirst())
      let (result, rule) = format(text)
      if rule == nil { #expect(result == text) }
    }
  }
}
