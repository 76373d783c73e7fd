import GraftIR
import Testing

@Suite struct DiagnosticsTests {
  @Test("Source order is by file as first reported, then by place; what has no place comes last")
  func order() {
    var diagnostics = Diagnostics()
    let places: [(String, Location?)] = [
      ("b.2", Location("b", 7..<9)), ("none", nil), ("a.1", Location("a", 3..<4)), ("b.1", Location("b", 1..<2)),
    ]
    for (rule, location) in places { diagnostics.report(Diagnostic(rule, "found", at: location)) }
    #expect(diagnostics.inSourceOrder.map(\.rule) == ["b.1", "b.2", "a.1", "none"])
  }

  @Test("A rule is reported once at a place")
  func once() {
    var diagnostics = Diagnostics()
    diagnostics.report(Diagnostic("a.rule", "one", at: Location("a", 0..<1)))
    diagnostics.report(Diagnostic("a.rule", "two", at: Location("a", 0..<1)))
    diagnostics.report(Diagnostic("a.rule", "two", at: Location("a", 1..<2)))
    diagnostics.report(Diagnostic("a.rule", "two"))
    diagnostics.report(Diagnostic("a.rule", "two"))
    #expect(diagnostics.items.count == 3)
  }

  @Test("A warning is no error")
  func severity() {
    var diagnostics = Diagnostics()
    diagnostics.report(Diagnostic("a.rule", "one", severity: .warning))
    #expect(!diagnostics.hasErrors)
    diagnostics.report(Diagnostic("a.rule", "two"))
    #expect(diagnostics.hasErrors)
  }

  @Test("A place that is known is kept")
  func place() {
    let diagnostic = Diagnostic("a.rule", "one").at(Location("a", 0..<1)).at(Location("b", 2..<3))
    #expect(diagnostic.location == Location("a", 0..<1))
  }

  static let words: [(String, String?)] = [
    ("Liner", "Linear"), ("linaer", "Linear"), ("Sotfmax", "Softmax"), ("Convolution", nil), ("Ad", "Add"),
    ("Linear", nil), ("", nil),
  ]

  @Test("A misspelt word suggests the nearest name, where one is near", arguments: words)
  func suggestions(_ word: String, _ expected: String?) {
    #expect(suggestion(for: word, among: ["Add", "Linear", "Softmax"]) == expected)
  }
}
