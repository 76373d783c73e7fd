import GraftIR
import Testing

import GraftCompiler

@Suite struct DiagnosticRendererTests {
  static let source = SourceText(
    file: "night.graft",
    text: """
      graft "night" {
          base dit.xl2(image: 256) from "DiT-XL-2-256x256.pt"

          replace blocks[odd].attn with hyena_z(kernel: 4)
      }
      """)

  private func render(_ diagnostic: Diagnostic, _ text: String? = nil) -> [String] {
    let source = text.map { SourceText(file: "a.graft", text: $0) } ?? Self.source
    return DiagnosticRenderer(sources: [source]).render(diagnostic).split(separator: "\n").map(String.init)
  }

  @Test("A diagnostic shows its line, a caret under each character, the label, the help and the rule")
  func whole() throws {
    let start = try #require(Self.source.text.range(of: "hyena_z")).lowerBound.utf16Offset(in: Self.source.text)
    let diagnostic = Diagnostic(
      "names.unknown-operator", "'hyena_z' is not an operator", at: Location("night.graft", start..<(start + 7)),
      label: "did you mean 'hyena_x'?", help: "operators are listed by 'graftc list'")
    let expected = """
      error: 'hyena_z' is not an operator
        --> night.graft:4:35
         |
       4 |     replace blocks[odd].attn with hyena_z(kernel: 4)
         |                                   ^^^^^^^ did you mean 'hyena_x'?
         = help: operators are listed by 'graftc list'
         = rule: names.unknown-operator

      """
    #expect(DiagnosticRenderer(sources: [Self.source]).render(diagnostic) == expected)
  }

  @Test("Columns count characters, not bytes")
  func characters() {
    let text = "// é𝕏👩‍👩‍👧 x"
    let end = text.utf8.count
    let lines = render(Diagnostic("a.b", "m", at: Location("a.graft", (end - 1)..<end)), text)
    #expect(lines[1] == "  --> a.graft:1:8")
    #expect(lines[4] == "   |        ^")
  }

  @Test("A tab is shown as four spaces and counts as one column")
  func tabs() {
    let lines = render(Diagnostic("a.b", "m", at: Location("a.graft", 2..<4)), "\t xy")
    #expect(lines[1] == "  --> a.graft:1:3")
    #expect(lines[3] == " 1 |      xy")
    #expect(lines[4] == "   |      ^^")
  }

  @Test("A range over several lines shows the first")
  func severalLines() {
    let lines = render(Diagnostic("a.b", "m", at: Location("a.graft", 1..<6)), "abc\r\ndef")
    #expect(lines[3] == " 1 | abc")
    #expect(lines[4] == "   |  ^^")
  }

  @Test("The margin is as wide as the number of the line")
  func margin() {
    let text = String(repeating: "\n", count: 99) + "x"
    let lines = render(Diagnostic("a.b", "m", at: Location("a.graft", 99..<100)), text)
    #expect(lines[1] == "  --> a.graft:100:1")
    #expect(lines[2] == "     |")
    #expect(lines[3] == " 100 | x")
    #expect(lines[4] == "     | ^")
  }

  @Test("A long line is cut on both sides of the caret", arguments: [150, 3000, 100_000])
  func longLine(_ start: Int) {
    let text = String(repeating: "a", count: start) + "!" + String(repeating: "b", count: 100_000)
    let lines = render(Diagnostic("a.b", "m", at: Location("a.graft", start..<(start + 1))), text)
    #expect(lines[1] == "  --> a.graft:1:\(start + 1)")
    #expect(lines[3].hasPrefix(" 1 | ...a"))
    #expect(lines[3].hasSuffix("b..."))
    #expect(lines[3].count < 140)
    #expect(lines[3].firstIndex(of: "!") == lines[4].firstIndex(of: "^"))
  }

  @Test("The end of a file has a place", arguments: ["", "\n", "x"])
  func end(_ text: String) {
    let end = text.utf8.count
    let lines = render(Diagnostic("a.b", "m", at: Location("a.graft", end..<end)), text)
    #expect(lines.contains { $0.hasSuffix("^") })
  }

  @Test("A place without text is its bytes and tensor")
  func checkpoint() {
    let diagnostic = Diagnostic("a.b", "m", at: Location("x.safetensors", 8..<20, tensor: "x"))
    #expect(render(diagnostic)[1] == "  --> x.safetensors, bytes 8 to 20, tensor 'x'")
    #expect(render(Diagnostic("a.b", "m", at: Location("x.safetensors")))[1] == "  --> x.safetensors")
    #expect(render(Diagnostic("a.b", "m")) == ["error: m", "   = rule: a.b"])
  }

  @Test("Places outside the text do not trap", arguments: [50..<60, 3..<50, 0..<0, 1..<2])
  func outside(_ range: Range<Int>) {
    #expect(!render(Diagnostic("a.b", "m", at: Location("a.graft", range)), "é€x").isEmpty)
  }

  @Test("Control characters of names and lines reach no terminal")
  func control() {
    let diagnostic = Diagnostic("a.b", "'\u{1B}[2J'", at: Location("a.graft", 0..<1))
    let output = DiagnosticRenderer(sources: [SourceText(file: "a.graft", text: "x \u{1B}[2J")]).render(diagnostic)
    #expect(!output.unicodeScalars.contains("\u{1B}"))
  }
}
