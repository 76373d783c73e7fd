import GraftIR
import Testing

@testable import GraftCompiler

@Suite struct ParserTests {
  @Test("All examples are found") func exampleCount() { #expect(Examples.names.count == 15) }

  @Test("Every example parses without a word", arguments: Examples.names)
  func example(_ name: String) throws {
    var diagnostics = Diagnostics()
    let tree = parse(SourceText(file: name, text: try Examples.text(name)), into: &diagnostics)
    #expect(diagnostics.items.isEmpty, "\(diagnostics.items)")
    #expect(!tree.declarations.isEmpty)
  }
}
