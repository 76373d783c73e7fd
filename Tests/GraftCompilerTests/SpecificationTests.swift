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

  /// The rules that bullets of the pages state: - `a.b`, `c.d`: ...
  private static let stated: Set<String> = {
    var rules: Set<String> = []
    for line in read(pages).split(separator: "\n") where line.hasPrefix("- `") {
      for match in line.prefix(while: { $0 != ":" }).matches(of: /`([A-Za-z]+\.[a-z0-9-]+)`/) {
        rules.insert(String(match.output.1))
      }
    }
    return rules
  }()

  /// The rules that the compiler throws behind the parser.
  private static let thrown: [String] = {
    let files = sources.filter { $0.hasPrefix("Sources/GraftCompiler/") && !$0.contains("/Syntax/") }
    let found = read(files).matches(of: /(?:Diagnostic\(\s*|rule: )"([A-Za-z]+\.[a-z0-9-]+)"/)
    return Set(found.map { String($0.output.1) }).sorted()
  }()

  /// The rules that tests name.
  private static let expected: Set<String> = {
    let text = read(Project.files(below: "Tests", "swift"))
    return Set(text.matches(of: /"([A-Za-z]+\.[a-z0-9-]+)"/).map { String($0.output.1) })
  }()

  @Test("Every rule that is thrown is stated on a page, and expected by a test", arguments: thrown)
  func rule(_ rule: String) {
    #expect(Self.stated.contains(rule))
    #expect(Self.expected.contains(rule))
  }

  @Test("Every rule that the pages of the language state is thrown")
  func nothingElse() throws {
    let page = try ["language", "weights", "recognition", "formats/graft-metadata"]
      .map { try Project.text("specs/\($0).md") }.joined()
    let thrown = Set(Self.thrown)
    for line in page.split(separator: "\n") where line.hasPrefix("- `") && !line.hasPrefix("- `syntax.") {
      for match in line.prefix(while: { $0 != ":" }).matches(of: /`([A-Za-z]+\.[a-z0-9-]+)`/) {
        #expect(thrown.contains(String(match.output.1)), "\(match.output.1)")
      }
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
        let texts = code.matches(of: /"(?:[^"\\]|\\.)*"/).map { String($0.output) }
        let types = code.matches(of: /(?:struct|class|enum|protocol|typealias|extension) (\w+)/).map {
          String($0.output.1)
        }
        for text in texts + types { #expect(!text.contains(name), "\(path):\(number + 1): \(text)") }
      }
    }
  }
}
