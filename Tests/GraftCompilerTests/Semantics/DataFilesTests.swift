import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// `read("x.json")`.
@Suite struct DataFilesTests {
  static let scores =
    "{\"k32\": [0.1, 0.9, 0.5, 0.7], \"k8\": [4, 3, 2, 1], \"name\": \"é\", \"all\": {\"on\": true}, \"no\": null}"

  private func compile(
    _ statements: String, before: String = "", parameters: String = "", files: [String: String] = [:],
    settings: [(String, String)] = []
  ) -> Compiled {
    let text = "\(before)\ngraft \"g\"\(parameters) {\nbase \(Compiled.smallModel) noise\n\(statements)\n}\n"
    return Compiled(text, files: ["s.json": Self.scores].merging(files) { $1 }, options: .setting(settings))
  }

  @Test("A file's lists, records, texts and truths are values")
  func values() {
    let compiled = compile(
      """
      let s = read("s.json")
      require top(2, s.k32) == [1, 3] and top(2, s["k8"]) == [0, 1] and s.k8[1] == 3
      require s.name == "é" and s.all.on and count(s.k32) == 4 and count(s.all) == 1
      require has(s.k8) and not has(s.no) and not has(s.k9)
      replace blocks[top(2, s.k32)].attn with hyena_x()
      """)
    #expect(compiled.diagnostics == [])
    #expect(compiled.call("blocks.3.attn") == "hyena_x(width: 8, kernel: 4)")
  }

  @Test("A key may be a graft's parameter, and a file a variant's")
  func settable() {
    let statements = """
      let local = top(2, read(file)[band])
      replace blocks[local].attn with hyena_x()
      require count(local) == 2
      emit "\\(file)-\\(band).safetensors"
      """
    let compiled = compile(
      statements, parameters: "(band: Text = \"k32\", file: Text = \"s.json\")",
      files: ["t.json": "{\"k8\": [1, 2, 3, 4]}"],
      settings: [("band", "k8"), ("file", "s.json,t.json")])
    #expect(compiled.diagnostics == [])
    let local = compiled.grafts.map { graft in
      (0..<4).filter { graft.architecture[path: ["blocks", String($0), "attn"]]?.operatorName == "hyena_x" }
    }
    #expect(local == [[0, 1], [2, 3]])
  }

  @Test("A file is sought beside the text that names it")
  func relative() {
    let compiled = Compiled(
      """
      import "lib/b.graft"
      graft "g" {
        base \(Compiled.smallModel) noise
        require scores.k == 7 and read("s.json").k8[0] == 4
        replace blocks[0].attn with hyena_x(kernel: scores.k)
      }
      """,
      files: [
        "lib/b.graft": "let scores = read(\"data/s.json\")", "lib/data/s.json": "{\"k\": 7}", "s.json": Self.scores,
      ])
    #expect(compiled.diagnostics == [])
    #expect(compiled.call("blocks.0.attn") == "hyena_x(width: 8, kernel: 7)")
  }

  @Test("What was read is hashed into the output's metadata, each file once")
  func digests() throws {
    let compiled = compile(
      "let a = read(\"s.json\")\nlet b = read(\"t.json\")\nrequire read(\"s.json\").k8 == a.k8", files: ["t.json": "[]"]
    )
    let graft = try #require(compiled.grafts.first)
    let text = try #require(try graft.weightPlan(for: nil).metadata["graft.read"])
    // sha256sum of the two files.
    let digest = "b971702ab1775bd2e7d94c2e29a51001d7886e035fceb0d510aa1145c80c7c9b"
    let expected =
      "[{\"file\":\"s.json\",\"sha256\":\"\(digest)\"},"
      + "{\"file\":\"t.json\",\"sha256\":\"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945\"}]"
    #expect(text == expected)
    let plain = try #require(compile("").grafts.first)
    #expect(try plain.weightPlan(for: nil).metadata["graft.read"] == nil)
  }

  static let wrong: [(String, String, String)] = [
    ("let s = read(\"none.json\")", "{}", "files.missing"),
    ("let s = read(\"\")", "{}", "files.missing"),
    ("let s = read(\"-\")", "{}", "files.missing"),
    ("let s = read(3)", "{}", "calls.type"),
    ("let s = read()", "{}", "calls.missing"),
    ("let s = read(\"s.json\")", "{", "json.syntax"),
    ("let s = read(\"s.json\")", "[1, null]", "files.null"),
    ("let s = read(\"s.json\")", "null", "files.null"),
    ("let s = read(\"s.json\")", String(repeating: "[", count: 33) + String(repeating: "]", count: 33), "limits.list"),
    ("let s = read(\"s.json\")", String(repeating: "[", count: 100_000), "json.depth"),
    ("let s = read(\"s.json\")", "[" + String(repeating: "0,", count: 100_000) + "0]", "limits.list"),
    ("let s = read(\"s.json\")", "\"" + String(repeating: "a", count: 100_001) + "\"", "limits.text"),
    ("let s = read(\"s.json\")", "\"" + String(repeating: "a", count: 5 << 20) + "\"", "files.too-large"),
    ("let s = [read(\"s.json\") for i in 0..<1000]", "[" + String(repeating: "0,", count: 50_000) + "0]", "limits"),
    ("require read(\"s.json\").b == 1", "{\"a\": 1}", "names.no-entry"),
    ("require read(\"s.json\")[\"b\"] == 1", "{\"a\": 1}", "names.no-entry"),
    ("require top(1, read(\"s.json\")) == [0]", "{\"a\": 1}", "calls.type"),
    ("require top(1, read(\"s.json\")) == [0]", "[\"a\"]", "calls.type"),
    ("let s = read(\"s.json\")\nrequire s == s", "{\"a\": 1}", "values.compare"),
    ("replace blocks[0].attn with reading()", "{\"a\": 1}", "calls.read"),
    ("replace blocks[0].attn with running()", "{\"a\": 1}", "calls.read"),
  ]

  @Test("What cannot be read, or is too much, is told by its rule", arguments: wrong)
  func mistakes(_ statement: String, _ json: String, _ rule: String) {
    let own = """
      operator reading(width d: Int, n: Int = read("s.json").a) { forward(x: [B, N, d]) -> [B, N, d] { return n * x } }
      operator running(width d: Int) { forward(x: [B, N, d]) -> [B, N, d] { return s.a * x } }
      let s = read("s.json")
      """
    let compiled = compile(statement, before: own, files: ["s.json": json])
    #expect(compiled.rules.first?.hasPrefix(rule) == true, "\(compiled.rules)")
  }

  @Test("A start that an argument has may read, though an operator may not")
  func inStart() {
    let compiled = compile(
      "replace blocks[0].attn with lora(hyena_x() starting { out_proj.bias = read(\"s.json\").k8[0] }, rank: 2)",
      before: OperatorParameterTests.lora)
    #expect(compiled.diagnostics == [])
    #expect(compiled.weights["blocks.0.attn.inner.out_proj.bias"] == .fill(4, .f32, [8]))
  }
}
