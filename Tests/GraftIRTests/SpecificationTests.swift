import Foundation
import GraftIR
import Testing

/// The pages of `specs/` and the sources, as texts.
enum Specification {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")

  /// The page `specs/<name>.md`.
  static func page(_ name: String) throws -> String {
    try String(contentsOf: root.appending(path: "specs/\(name).md"), encoding: .utf8)
  }

  /// All Swift files of a folder of GraftIR, one behind the other.
  static func sources(_ folder: String) throws -> String {
    let folder = root.appending(path: "Sources/GraftIR/\(folder)")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    return try files.filter { $0.pathExtension == "swift" }
      .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
  }

  /// The rules that a page lists: `- \`page.rule\`: ...`.
  static func rules(of page: String) -> [String] {
    page.matches(of: #/- `([A-Za-z]+\.[a-z-]+)`: /#).map { String($0.output.1) }
  }
}

@Suite struct SpecificationTests {
  @Test("A rule of a primitive's page is thrown somewhere, and each rule that is thrown by name is on the page")
  func primitiveRules() throws {
    let sources = try Specification.sources("Primitives")
    var listed: Set<String> = []
    for primitive in Primitives.all {
      for rule in Specification.rules(of: try Specification.page("primitives/\(primitive.name)")) {
        #expect(rule.hasPrefix(primitive.name + "."))
        let suffix = rule.dropFirst(primitive.name.count)
        #expect(
          sources.contains("\"\(rule)\"") || sources.contains("\"\\(name)\(suffix)\"")
            || sources.contains("\"\\(name).\\(what)\""), "\(rule)")
        #expect(listed.insert(rule).inserted, "\(rule)")
      }
    }
    for match in sources.matches(of: #/"([A-Z][A-Za-z]+\.[a-z-]+)"/#) {
      #expect(listed.contains(String(match.output.1)), "\(match.output.1)")
    }
  }

  @Test(
    "A primitive's page states its cost, and says no multiply-adds where there are none",
    arguments: Primitives.all.map(\.name))
  func costs(_ name: String) throws {
    let primitive = try #require(Primitives.named(name))
    let lines = try Specification.page("primitives/\(name)").split(separator: "\n").filter { $0.hasPrefix("- Cost: ") }
    #expect(lines.count == 1)
    let isFree = lines.first?.hasPrefix("- Cost: no multiply-adds") ?? false
    for example in primitive.examples {
      let types = example.inputs.map(\.type)
      let results = try primitive.infer(types, example.attributes)
      #expect((primitive.cost(types, results, example.attributes).multiplyAdds == 0) == isFree)
    }
  }

  @Test("A rule of graphs is on its page, and each on the page is thrown")
  func graphRules() throws {
    let sources = try ["Graph", "Passes", "Primitives"].map { try Specification.sources($0) }.joined()
    let thrown = Set(sources.matches(of: #/"(graph\.[a-z-]+)"/#).map { String($0.output.1) })
    #expect(Set(Specification.rules(of: try Specification.page("graph"))) == thrown)
  }

  @Test("The example on the page of graphs is read, and printed as it stands")
  func graphExample() throws {
    let lines = try Specification.page("graph").split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex(of: "    graft program 1"))
    let end = try #require(lines[start...].firstIndex(of: "    }"))
    let text = lines[start...end].map { $0.dropFirst(4) }.joined(separator: "\n") + "\n"
    #expect(try Program(parsing: text).description == text)
  }

  @Test("The table of primitives names every primitive and no other")
  func table() throws {
    let page = try Specification.page("primitives/README")
    let rows = page.matches(of: #/\n\| ([A-Z][A-Za-z ]+) \|/#).flatMap { $0.output.1.split(separator: " ") }
    #expect(rows.map(String.init).sorted() == Primitives.all.map(\.name).sorted())
  }
}
