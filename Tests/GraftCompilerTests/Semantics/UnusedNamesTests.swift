import GraftIR
import Testing

import GraftCompiler

@Suite struct UnusedNamesTests {
  /// The text under the caret of every warning in `declarations` and a graft that holds `statements`.
  private func unused(_ declarations: String, _ statements: String = "") -> [String] {
    let compiled = Compiled.small(statements, before: declarations)
    return zip(compiled.rules, compiled.places).map { $0 == "names.unused" ? $1 : "\($0) \($1)" }
  }

  static let operators: [(String, [String])] = [
    ("operator f(d: Int, k: Int = 3) { forward(x: [B, d]) -> [B, d] { return x } }", ["k"]),
    ("operator f(d: Int, _k: Int = 3) { forward(x: [B, d]) -> [B, d] { return x } }", []),
    ("operator f(size d: Int) { forward(x: [B, d]) -> [B, d] { return x } }", []),
    ("operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return x } }", ["a"]),
    ("operator f(d: Int) { param w: [d] = 1\nforward(x: [B, d]) -> [B, d] { return x } }", ["w"]),
    ("operator f(d: Int) { table w: [d] = 1\nforward(x: [B, d]) -> [B, d] { return x } }", ["w"]),
    ("operator f(d: Int) { let k = d\nforward(x: [B, d]) -> [B, d] { let y = 2\nreturn x } }", ["k", "y"]),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { let (a, b) = split(x, 2)\nreturn concat([a, a]) } }", ["b"]),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { let (a, _b) = split(x, 2)\nreturn concat([a, a]) } }", []),
    ("operator f(d: Int) { forward(x: [B, d]) -> [B, d] { if d > 2 { let y = x }\nreturn x } }", ["y"]),
    // An input is what callers give, and an index what a loop needs.
    ("operator f(d: Int) { forward(x: [B, d], c: [B, d]) -> [B, d] { for i in 0..<2 { x = x + 1 }\nreturn x } }", []),
    // A part takes 'heads' by its name.
    ("operator f(d: Int, heads: Int) { a = mha(d)\nforward(x: [B, N, d]) -> [B, N, d] { return a(x) } }", []),
    ("operator f(d: Int, heads: Int) { forward(x: [B, N, d]) -> [B, N, d] { return x } }", ["heads"]),
    // Another operator asks for it.
    (
      "operator f(d: Int, k: Int = 3) { forward(x: [B, d]) -> [B, d] { return x } }\n"
        + "operator g(d: Int) { a = f(d)\nforward(x: [B, d]) -> [B, d] { return a(x) * a.k } }", []
    ),
    // A label stays what callers give.
    ("operator f(d: Int, k _k: Int = 3) { forward(x: [B, d]) -> [B, d] { return x } }", []),
    // What stands in the place of a part may ask for the input 'c', and cannot for 'y'.
    (
      "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { let c = x\nlet y = a(x)\nreturn a(x) } }",
      ["y"]
    ),
    (
      "operator f() { a = dit.s2()\nforward(x: [B, 4, 32, 32]) -> [B, 8, 32, 32] { let y = [1]\nlet t = [2]\nlet z = 3\nreturn a(x) } }",
      ["z"]
    ),
    (
      "operator f(inner: [..., n] -> [..., m], heads: Int) { forward(x: [..., n]) -> [..., m] { return inner(x) } }", []
    ),
    ("operator f(core: [..., n] -> [..., m]) { forward(x: [..., n]) -> [..., n] { return x } }", ["core"]),
    // Where a name stands inside of other things.
    (
      "operator f(d: Int, k: Int = 3, h: Int = k) { param w: [h] = 1\nforward(x: [B, d]) -> [B, d] { return x * mean(w) } }",
      []
    ),
    (
      "operator f(d: Int, k: Int = 3) { param w: [d, 2] = 1\nforward(x: [B, d]) -> [B, d] { return matmul(x, w) }\nrecover d = w.weight[0]\ncost { operator = k * d } }",
      []
    ),
    (
      "operator f(d: Int, k: Int = 3) { a = linear(d, d) starting fresh(seed: k)\nforward(x: [B, d]) -> [B, d] { return a(x) } }",
      []
    ),
    (
      "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return x }\nadopt old: mha { a = old.qkv } }",
      ["a"]
    ),
    ("operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { let _ = a\nreturn x } }", []),
    (
      "operator f(d: Int) { a = linear(d, d)\nforward(x: [B, d]) -> [B, d] { return x }\nback(x: [B, d]) -> [B, d] { return a(x) } }",
      []
    ),
    ("preset f.small(k: Int = 3) = linear(8, 8)", ["k"]),
    ("preset f.small(k: Int = 3) = linear(8, k)", []),
    ("let far = 3", ["far"]),
    ("let far(i) = 3\nlet near = far(1)", ["near", "i"]),
  ]

  @Test("What a declaration declares and nothing reads is told", arguments: operators)
  func declarations(_ text: String, _ expected: [String]) { #expect(unused(text).sorted() == expected.sorted()) }

  static let statements: [(String, [String])] = [
    ("let far = 3", ["far"]), ("let _far = 3", []), ("let far = 3\nremove blocks[far - 3]", []),
    ("let w(i) = 4\nremove blocks[w(0) - 4]", ["i"]), ("remove blocks[i in [0]]", []),
    ("let far = 3\nemit \"x-\\(far).pt\"", []), ("let far = 3\nrequire depth > far", []),
    ("let far = 3\nrequire count([i for i in 0..<9 where i > far]) == 5", []),
    ("let far = 3\nreplace blocks[i in all where i > far - 1].attn with hyena_x()", []),
    ("let far = 3\nreplace blocks[0].attn with hyena_x(kernel: far) starting { in_proj.weight = far }", []),
    ("let far = 3\nparallelize blocks in groups of far - 1 with merge_sum()", []),
    ("let far = 3\ndistill blocks[0].attn (samples: far)", []),
    ("let far = 3\nemit \"x.pt\" as bf16, f32 for blocks[far]", []), ("let far = \"x.pt\"\nemit far", []),
  ]

  @Test("What a graft declares and nothing reads is told", arguments: statements)
  func grafts(_ text: String, _ expected: [String]) { #expect(unused("", text).sorted() == expected.sorted()) }

  @Test("An import of which nothing is read is told, and not what the imported file declares")
  func imports() {
    let files = [
      "b.graft": "let near = 4\noperator f(d: Int, k: Int = 3) { forward(x: [B, d]) -> [B, d] { return x } }",
      "c.graft": "import \"b.graft\"", "layout.graft": "layout short of dit { p = pos_embed }",
    ]
    func places(_ text: String) -> [String] { Compiled(text, files: files).places }
    #expect(places("import \"b.graft\"\ngraft \"g\" { base dit.s2() noise }") == ["\"b.graft\""])
    #expect(places("import \"b.graft\"\ngraft \"g\" { base dit.s2() noise\nrequire depth > near }") == [])
    #expect(places("import \"c.graft\"\ngraft \"g\" { base dit.s2() noise\nrequire depth > near }") == [])
    // Another file may read them, and so may whoever opens a checkpoint.
    #expect(places("import \"b.graft\"\nlet far = near") == [])
    #expect(places("import \"b.graft\"\n") == [])
    #expect(places("import \"layout.graft\"\ngraft \"g\" { base dit.s2() noise }") == [])
  }

  @Test("Beyond a number of names the rest is counted, in the order of the file")
  func limit() throws {
    func lets(_ count: Int) -> String { (0..<count).map { "let p\($0) = 1\n" }.joined() }
    #expect(unused("", lets(UnusedNames.limit)) == (0..<UnusedNames.limit).map { "p\($0)" })
    let one = Compiled.small(lets(UnusedNames.limit + 1))
    #expect(one.diagnostics.count == UnusedNames.limit + 1)
    #expect(
      one.diagnostics.last?.message == "nothing reads 1 further name from here on"
        && one.places.last == "p\(UnusedNames.limit)")
    let many = Compiled.small(lets(1000), before: "operator f(d: Int, k: Int = 1) { }\n")
    #expect(many.diagnostics.count == UnusedNames.limit + 1)
    #expect(many.places.first == "d")
    #expect(many.diagnostics.last?.message == "nothing reads \(1002 - UnusedNames.limit) further names from here on")
  }

  @Test("What helps is a name with an underscore, behind the label that callers say")
  func help() {
    func help(_ declarations: String, _ statements: String = "") -> String? {
      Compiled.small(statements, before: declarations).diagnostics.first?.help
    }
    #expect(help("", "let far = 3")?.hasPrefix("'_far' ") == true)
    #expect(help("operator f(k: Int = 3) { }")?.hasPrefix("'k _k' ") == true)
    #expect(help("operator f(kernel k: Int = 3) { }")?.hasPrefix("'kernel _k' ") == true)
    #expect(help("operator f() { a = linear(2, 2) }")?.contains("'let _ = a'") == true)
  }

  @Test("A warning stands among errors in the order of the file, and lets the graft compile")
  func order() {
    let warned = Compiled.small("let far = 3")
    #expect(warned.grafts.count == 1 && warned.diagnostics.map(\.severity) == [.warning])
    let failed = Compiled.small("let far = 3\nrequire depth == 3\nlet near = 3\nrequire depth == 5")
    #expect(failed.rules == ["names.unused", "require.failed", "names.unused", "require.failed"])
    // What is not there may be what should have read it.
    #expect(Compiled.small("let far = 3\nremove blocks[fra]").rules == ["names.unknown"])
  }

  @Test("Nothing that ships is told")
  func shipped() {
    #expect(UnusedNames.warnings(in: Library.prelude, grafts: []).map(\.message) == [])
    for design in Zoo.items { #expect(Compiled(design.text).diagnostics == [], "\(design.name)") }
  }
}
