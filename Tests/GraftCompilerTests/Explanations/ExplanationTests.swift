import Foundation
import GraftIR
import Testing

import GraftCompiler

@Suite struct ExplanationTests {
  static let pages = Project.files(below: "specs", "md").map { String($0.dropFirst("specs/".count)) }
    .filter { !$0.hasSuffix("README.md") }

  @Test("Every page of specs is part of the program")
  func embedded() throws {
    let text = try Project.text("Sources/GraftSpecification/Pages.c")
    let embedded = text.matches(of: /#embed "..\/..\/specs\/(.*)"/).map { String($0.output.1) }
    #expect(embedded.sorted() == Self.pages.sorted(), "run 'make pages'")
  }

  // MARK: Every rule

  /// The rules that code throws: what stands first in a diagnostic, or is handed to what makes one.
  static let thrown: [String] = {
    var rules: Set<String> = []
    // Keys of metadata look like rules of grafts.
    let pages = Set(Explanation.all.compactMap { $0.rule.split(separator: ".").first }).subtracting(["graft"])
    for path in Project.files(below: "Sources", "swift") {
      let text = (try? Project.text(path)) ?? ""
      for match in text.matches(of: /((?:Diagnostic\(|rule: )\s*)?"([A-Za-z]+\.[a-z0-9-]+)"/) {
        let rule = String(match.output.2)
        let page = rule.prefix { $0 != "." }
        // A file's name may look like one, too.
        if match.output.1 != nil || pages.contains(page) && !rule.hasSuffix(".json") { rules.insert(rule) }
      }
    }
    return rules.sorted()
  }()

  static let rules = Explanation.all.map(\.rule)

  @Test("Every rule that is thrown is stated on a page", arguments: thrown)
  func stated(_ rule: String) {
    #expect(
      Self.rules.contains(rule),
      "state it on a page of specs/: - `\(rule)`: what holds where it is kept. Then run 'swift build'")
  }

  /// The rules that tests name.
  static let expected: Set<String> = {
    let files = Project.files(below: "Tests", "swift").filter { !$0.hasSuffix("ExplanationTests.swift") }
    let texts = files.compactMap { try? Project.text($0) }.flatMap { $0.split(separator: "\"") }
    return Set(texts.filter(Explanation.isRule).map(String.init))
  }()

  /// What a test cannot bring about: a machine without OpenBLAS, and an interrupt between two steps, not within one.
  static let outOfReach: Set<String> = ["run.blas", "command.interrupted"]

  @Test("Where words tell what breaks a rule, a test breaks it another way")
  func toldInWords() {
    let rules = Explanation.all.filter { !$0.breaking.note.isEmpty }.map(\.rule)
    #expect(Set(rules).subtracting(Self.expected) == Self.outOfReach)
  }

  @Test("Every rule that a page states has an example that breaks it, and one that keeps it", arguments: rules)
  func explained(_ rule: String) throws {
    let explanation = try #require(Explanation.all.first { $0.rule == rule })
    let file = "specs/rules/\(rule.prefix { $0 != "." }).md"
    let breaks = explanation.breaking
    #expect(
      !breaks.note.isEmpty || !breaks.files.isEmpty || !breaks.script.isEmpty,
      "add '## \(rule)' with 'Breaks it:' and 'Keeps it:' to \(file), as specs/rules/README.md says; then 'make pages'")
    let keeps = explanation.keeping
    if breaks.note.isEmpty { #expect(!keeps.files.isEmpty || !keeps.script.isEmpty, "add 'Keeps it:' to \(file)") }
    #expect(!explanation.sentence.isEmpty)
    #expect(explanation.sentence.last == ".", "\(explanation.sentence)")
    // It stands alone.
    #expect(
      !["it", "its", "they", "that"].contains(explanation.sentence.prefix { $0 != " " }), "\(explanation.sentence)")
  }

  @Test("Nothing is shown of a rule that no page states")
  func noOthers() {
    for rule in Explanation.withExamples { #expect(Self.rules.contains(rule), "specs/rules shows \(rule)") }
    #expect(Set(Self.rules).count == Self.rules.count)
  }

  // MARK: Graphs

  /// Rules that the text of a graph shows.
  static let ofGraphs = Explanation.all.filter { $0.breaking.files.contains { $0.kind == .graph } }.map(\.rule)

  @Test("The graph that breaks a rule breaks this one, and the other is read", arguments: ofGraphs)
  func graphs(_ rule: String) throws {
    let explanation = try #require(Explanation.all.first { $0.rule == rule })
    let error = #expect(throws: Diagnostic.self) { try Program(parsing: explanation.breaking.files[0].text) }
    #expect(error?.rule == rule)
    _ = try Program(parsing: explanation.keeping.files[0].text)
  }

  // MARK: Looking up

  @Test("A rule is found by its name, several by their first half, and others are told what is near")
  func matching() throws {
    #expect(try Explanation.matching("names.unknown").map(\.rule) == ["names.unknown"])
    #expect(try Explanation.matching("names").count > 5)
    for (name, near) in [("names.unknwon", "names.unknown"), ("unknown-graft", "names.unknown-graft")] {
      let error = #expect(throws: Diagnostic.self) { try Explanation.matching(name) }
      #expect(error?.rule == "usage.rule")
      #expect(error?.help?.contains(near) == true)
    }
    let error = #expect(throws: Diagnostic.self) { try Explanation.matching("") }
    #expect(error?.rule == "usage.rule")
  }
}
