import GraftIR
import Testing

import GraftCompiler

/// Files, what they import, and who sees whom.
@Suite struct LibraryTests {
  private static let graft = "graft \"g\" { base dit.s2() noise\nreplace blocks[0].attn with mine() }"
  private static let mine = "operator mine(width d: Int) { forward(x: [B, N, d]) -> [B, N, d] { return x } }"

  @Test("A file sees what it imports, and what that imports in turn")
  func imports() {
    let files = ["b.graft": "import \"./c.graft\"", "./c.graft": Self.mine, "c.graft": Self.mine]
    #expect(Compiled("import \"b.graft\"\n" + Self.graft, files: files).rules == [])
  }

  @Test("An import is relative to the file that says it")
  func relative() {
    let compiler = Compiler(options: .noise) { path throws(Diagnostic) in
      let files = [
        "/x/y/a.graft": "import \"../z/b.graft\"\n" + Self.graft, "/x/y/../z/b.graft": "import \"c.graft\"",
        "/x/y/../z/c.graft": Self.mine,
      ]
      return files[path].map { Array($0.utf8) }
    }
    #expect(compiler.compile(file: "/x/y/a.graft").count == 1)
    #expect(compiler.diagnostics.items == [])
  }

  @Test("A missing file, and one that is not there at all, are told at the import")
  func missing() {
    let compiled = Compiled("import \"nowhere.graft\"\n" + Self.graft)
    #expect(compiled.rules == ["imports.missing"])
    #expect(compiled.diagnostics.first?.location?.range == 7..<22)
    let compiler = Compiler { _ throws(Diagnostic) in nil }
    #expect(compiler.compile(file: "nowhere.graft").isEmpty)
    #expect(compiler.diagnostics.items.map(\.rule) == ["files.missing"])
    #expect(compiler.diagnostics.items.first?.category == .inputMissing)
  }

  @Test("Files that import each other, or themselves by whatever spelling, are refused once")
  func cycles() {
    #expect(Compiled("import \"a.graft\"\n" + Self.graft).rules == ["imports.cycle"])
    #expect(Compiled("import \"./b/../a.graft\"\n" + Self.graft, files: [:]).rules == ["imports.cycle"])
    let round = ["b.graft": "import \"c.graft\"", "c.graft": "import \"a.graft\""]
    #expect(Compiled("import \"b.graft\"\n" + Self.graft, files: round).rules == ["imports.cycle"])
  }

  @Test("A file imported twice is read once, and a dash is a file of that name")
  func twice() {
    let files = ["b.graft": Self.mine, "c.graft": "import \"b.graft\"", "./-": "let dash = 1"]
    let text = "import \"b.graft\"\nimport \"./b.graft\"\nimport \"c.graft\"\nimport \"-\"\nlet _ = dash\n" + Self.graft
    #expect(Compiled(text, files: files).rules == [])
  }

  @Test("Imports end 64 deep, and at a thousand files")
  func bounds() {
    var deep: [String: String] = [:]
    for index in 0..<100 { deep["f\(index).graft"] = "import \"f\(index + 1).graft\"" }
    #expect(Compiled("import \"f0.graft\"", files: deep).rules == ["imports.depth"])
    var wide: [String: String] = [:]
    var text = ""
    for index in 0..<1200 {
      wide["f\(index).graft"] = ""
      text += "import \"f\(index).graft\"\n"
    }
    #expect(Compiled(text, files: wide).rules == ["limits.files"])
  }

  @Test("A mistake in an imported file is told there")
  func mistakesInside() {
    let compiled = Compiled("import \"b.graft\"", files: ["b.graft": "let a = )\n"])
    #expect(compiled.rules == ["syntax.expected"])
    #expect(compiled.diagnostics.first?.location?.file == "b.graft")
  }

  @Test("A user's operator hides the prelude's for the user, and not for the prelude")
  func shadowing() {
    let compiled = Compiled.small(
      "replace blocks[1].attn with mha()\nreplace blocks[2].attn with inner()",
      before: """
        operator mha(width d: Int) {
          only = linear(d, d)
          forward(x: [B, N, d]) -> [B, N, d] { return only(x) }
        }
        operator linear(inputs n: Int, outputs m: Int) {
          param w: [n, m] = 1
          forward(x: [..., n]) -> [..., m] { return matmul(x, w) }
        }
        operator inner(width d: Int) {
          a = linear(d, d)
          forward(x: [B, N, d]) -> [B, N, d] { return a(x) }
        }
        """)
    #expect(compiled.rules == [])
    #expect(compiled.part("blocks.0.attn")?.parts.map(\.name) == ["qkv", "proj"])
    #expect(compiled.part("blocks.1.attn")?.parts.map(\.name) == ["only"])
    #expect(compiled.part("blocks.1.attn.only")?.parameters.map(\.name) == ["w"])
    #expect(compiled.part("blocks.2.attn.a")?.parameters.map(\.name) == ["w"])
    #expect(compiled.part("blocks.3.attn.qkv")?.parameters.map(\.name) == ["weight", "bias"])
  }

  @Test("More than a thousand grafts in a file are refused")
  func grafts() {
    let text = (0...1000).map { "graft \"\($0)\" { }\n" }.joined()
    #expect(Compiled(text).rules.contains("limits.grafts"))
  }

  @Test("A graft is chosen by its name, and another name gets a suggestion")
  func chosen() {
    let text = "graft \"one\" { base dit.s2() noise }\ngraft \"two\" { base dit.s2() noise }"
    let compiler = Compiler(options: .noise) { _ throws(Diagnostic) in Array(text.utf8) }
    #expect(compiler.compile(file: "a.graft", graftName: "two").map(\.name) == ["two"])
    #expect(compiler.compile(file: "a.graft", graftName: "twoo").isEmpty)
    #expect(compiler.diagnostics.items.map(\.rule) == ["names.unknown-graft"])
    #expect(compiler.diagnostics.items.first?.help?.contains("'two'") == true)
  }
}
