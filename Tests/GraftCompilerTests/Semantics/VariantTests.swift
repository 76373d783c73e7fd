import GraftIR
import Testing

import GraftCompiler

/// A graft's parameters, and what `--set` makes of them.
@Suite struct VariantTests {
  private static let sweep = """
    graft "sweep"(window: Int = 4, every: Int = 2, start: adopted | fresh = fresh, note: Text = "x", on: Bool = true) {
      base dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3) noise
      replace blocks[i in all where i % every != 0].attn with swa(window: [window, window])
      emit "swa-w\\(window)-e\\(every)-\\(start)-\\(note)-\\(on).safetensors"
    }
    """

  private func outputs(_ settings: [(String, String)]) -> [String] {
    Compiled(Self.sweep, options: .setting(settings)).grafts.flatMap(\.emits).map(\.file)
  }

  @Test("Without settings the defaults count")
  func defaults() { #expect(outputs([]) == ["swa-w4-e2-fresh-x-true.safetensors"]) }

  @Test("Several values make variants, several names their product, in order")
  func product() {
    #expect(
      outputs([("window", "1,2"), ("every", "2..<4")]) == [
        "swa-w1-e2-fresh-x-true.safetensors", "swa-w1-e3-fresh-x-true.safetensors",
        "swa-w2-e2-fresh-x-true.safetensors", "swa-w2-e3-fresh-x-true.safetensors",
      ])
    #expect(
      outputs([("start", "adopted,fresh"), ("note", "a,b"), ("on", "false")]).map { $0.dropFirst(10) } == [
        "adopted-a-false.safetensors", "adopted-b-false.safetensors", "fresh-a-false.safetensors",
        "fresh-b-false.safetensors",
      ])
  }

  @Test("A variant says what was set, and has the model that follows from it")
  func variant() throws {
    let compiled = Compiled(Self.sweep, options: .setting([("window", "7")]))
    #expect(compiled.grafts.first?.settings.map(\.value) == ["7"])
    #expect(compiled.call("blocks.1.attn") == "swa(width: 8, heads: 2, window: [7, 7])")
  }

  static let mistakes: [(String, String, String)] = [
    ("windw", "4", "variants.unknown"), ("window", "1/2", "variants.value"), ("window", "true", "variants.value"),
    ("window", ")", "variants.value"), ("window", "1 / 0", "variants.value"), ("start", "warm", "variants.value"),
    ("every", "0..<20000", "limits.variants"), ("every", "0", "values.division-by-zero"),
  ]

  @Test("A setting that does not fit is refused", arguments: mistakes)
  func mistake(_ name: String, _ values: String, _ rule: String) {
    #expect(Compiled(Self.sweep, options: .setting([(name, values)])).rules == [rule])
  }

  @Test("Variants that write one file are told once, with the name that would tell them apart")
  func sameFile() throws {
    let text = """
      graft "g"(window: Int = 4) {
        base dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3) noise
        replace blocks[1].attn with swa(window: [window, window])
        emit "swa.safetensors"
      }
      """
    let compiled = Compiled(text, options: .setting([("window", "1,2,3,4,5,6,7,8")]))
    #expect(compiled.rules == ["emit.same-file"])
    #expect(compiled.places == ["\"swa.safetensors\""])
    let item = try #require(compiled.diagnostics.first)
    #expect(item.message.contains("8 variants write \"swa.safetensors\""))
    #expect(item.help?.contains("\"swa-\\(window).safetensors\"") == true)
    #expect(compiled.grafts.isEmpty)
  }

  @Test("Two grafts, and two lines of one, must not write one file either")
  func sameFileElsewhere() {
    func graft(_ name: String) -> String {
      "graft \"\(name)\" { base dit.s2() noise\nemit \"a.safetensors\" }\n"
    }
    #expect(Compiled(graft("a") + graft("b")).rules == ["emit.same-file"])
    #expect(Compiled.small("emit \"a.safetensors\"\nemit \"a.safetensors\" as bf16").rules == ["emit.same-file"])
  }
}
