import Foundation
import GraftIR
import Testing

import GraftCompiler

/// The pages of `specs/`, the sources and the tests say the same.
@Suite struct SpecificationTests {
  private static let pages = Project.files(below: "specs", "md")
  private static let sources = Project.files(below: "Sources", "swift")

  private static func read(_ paths: [String]) -> String {
    paths.compactMap { try? Project.text($0) }.joined(separator: "\n")
  }

  /// `page.rule-in-kebab-case`
  private static func isRule(_ text: Substring) -> Bool {
    let halves = text.split(separator: ".", omittingEmptySubsequences: false)
    return halves.count == 2
      && halves.allSatisfy { half in !half.isEmpty && half.allSatisfy { $0.isLetter || $0 == "-" || $0.isNumber } }
  }

  /// The rules that a bullet states: - `a.b`, `c.d`: ...
  private static func rules(of page: String) -> [String] {
    page.split(separator: "\n").filter { $0.hasPrefix("- `") }.flatMap { line in
      line.prefix { $0 != ":" }.split(separator: "`").filter(isRule).map(String.init)
    }
  }

  private static let stated = Set(rules(of: read(pages)))

  /// The rules that the compiler throws behind the parser: texts that stand first in a diagnostic.
  private static let thrown: [String] = {
    let files = sources.filter { $0.hasPrefix("Sources/GraftCompiler/") && !$0.contains("/Syntax/") }
    var rules: Set<String> = []
    let code = read(files)
    for start in ["Diagnostic(", "rule: "] {
      for piece in code.components(separatedBy: start).dropFirst() {
        let text = piece.drop { $0.isWhitespace }
        guard text.first == "\"" else { continue }
        let rule = text.dropFirst().prefix { $0 != "\"" }
        if isRule(rule) { rules.insert(String(rule)) }
      }
    }
    return rules.sorted()
  }()

  /// The rules that tests name, or examples that are tests show.
  private static let expected = Set(
    read(Project.files(below: "Tests", "swift")).split(separator: "\"").filter(isRule).map(String.init)
      + Explanation.all.filter { $0.breaking.note.isEmpty }.map(\.rule))

  @Test("Every rule that is thrown is stated on a page, and expected by a test", arguments: thrown)
  func rule(_ rule: String) {
    #expect(Self.stated.contains(rule))
    #expect(Self.expected.contains(rule))
  }

  @Test("Every rule that the pages of the language state is thrown")
  func nothingElse() throws {
    let page = try ["language", "weights", "recognition", "formats/graft-metadata"]
      .map { try Project.text("specs/\($0).md") }.joined()
    #expect(Self.thrown.count > 100)
    for rule in Self.rules(of: page) where !rule.hasPrefix("syntax.") {
      #expect(Self.thrown.contains(rule), "\(rule)")
    }
  }

  private static let examples: [String] = {
    let pieces = read(["specs/language.md"]).components(separatedBy: "```graft\n").dropFirst()
    return pieces.map { $0.components(separatedBy: "```").first ?? "" }
  }()

  @Test("Every example of the language's page compiles", arguments: examples)
  func example(_ text: String) {
    let compiled = Compiled(text)
    #expect(compiled.diagnostics == [])
    #expect(compiled.grafts.count == text.matches(of: /\ngraft "|^graft "/).count)
  }

  /// Words of models and operators that the prelude declares.
  private static let names = ["hyena", "mamba", "dit_block", "qkv", "adaLN", "blocks."]

  @Test("No Swift file knows a model or an operator by name", arguments: names)
  func noNames(_ name: String) throws {
    for path in Self.sources {
      for (number, line) in try Project.text(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      {
        let code = line.trimmingCharacters(in: .whitespaces)
        if code.hasPrefix("//") { continue }
        guard code.contains(name) else { continue }
        // Every second piece between quotes is a text.
        let texts = code.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
          .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        let words = code.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        let kinds = ["struct", "class", "enum", "protocol", "typealias", "extension"]
        let types = zip(words, words.dropFirst()).filter { kinds.contains($0.0) }.map(\.1)
        for text in texts + types { #expect(!text.contains(name), "\(path):\(number + 1): \(text)") }
      }
    }
  }
}
