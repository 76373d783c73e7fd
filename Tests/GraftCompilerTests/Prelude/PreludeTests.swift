import GraftIR
import Testing

import GraftCompiler

@Suite struct PreludeTests {
  @Test("Every text of the prelude is there and parses", arguments: Prelude.sources)
  func parses(_ source: SourceText) {
    var diagnostics = Diagnostics()
    let tree = parse(source, into: &diagnostics)
    #expect(diagnostics.items.isEmpty, "\(diagnostics.items)")
    #expect(!tree.declarations.isEmpty)
  }

  @Test("The texts are whole")
  func whole() throws {
    let linear = try #require(Prelude.sources.first { $0.file == "prelude/linear.graft" })
    #expect(linear.text.hasPrefix("/// y = x weightᵀ + bias"))
    #expect(linear.text.hasSuffix("}\n"))
  }
}
