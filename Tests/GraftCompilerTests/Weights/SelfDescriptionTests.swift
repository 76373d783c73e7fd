import GraftFormats
import GraftIR
import Testing

import GraftCompiler

@Suite struct SelfDescriptionTests {
  private func metadata(_ module: Module) throws -> [String: String] {
    let description = try SelfDescription(module, Evaluator())
    return [
      SelfDescription.declarationsKey: description.declarations,
      SelfDescription.architectureKey: description.architecture,
    ]
  }

  private func read(_ metadata: [String: String]) throws -> Module? {
    try onDeepStack { () throws(Diagnostic) in
      try SelfDescription.module(from: metadata, file: "x.safetensors", Evaluator())
    }
  }

  private static let own = """
    let twice(n) = 2 * n
    operator linear(inputs n: Int, outputs m: Int) {
      param w: [n, m] = 1
      forward(x: [..., n]) -> [..., m] { return matmul(x, w) }
    }
    operator mine(width d: Int, kind: wide | slim = slim, share _share: Float = 1 / 3, ks _ks: [Int] = [1, 2], name _name: Text = "é\\"") {
      let h = if kind == wide then twice(d) else d
      inner = linear(d, h)
      outer = linear(h, d)
      if kind == wide { extra = mha(d, 2) }
      forward(x: [B, N, d]) -> [B, N, d] { return if kind == wide then extra(outer(inner(x))) else outer(inner(x)) }
      adopt old: mha { }
    }
    """

  private static let around = """
    operator around(width d: Int) { inner = outer(d)  twice = [outer(d), outer(d)]
      forward(x: [B, N, d]) -> [B, N, d] { return twice(inner(x)) } }
    operator outer(width d: Int) { near = mha(d)  far = swa(d, window: [1, 1])
      forward(x: [B, N, d]) -> [B, N, d] { return near(x) + far(x) } }
    """

  static let grafts = [
    "", "replace blocks[1].attn with hyena_x(kernel: 3)\nreplace blocks[2].mlp with mlp(hidden: 24)",
    "parallelize blocks in pairs with merge_linear()\nparallelize blocks in pairs with merge_sum()",
    "replace blocks[i in odd].attn with mine(kind: if i == 1 then \"wide\" else \"slim\", share: i / 7)",
    "remove blocks[0]\nreplace blocks[0] with [old, old]\nreplace blocks[0].attn with swa(window: [1, -1])",
    "parallelize blocks[1...3] in groups of 3 with merge_average()\nreplace blocks[1].branches[2].attn with mine()",
    "replace blocks[0].adaLN_modulation with [silu(), linear(8, 48), silu()]",
    "replace blocks[all].attn.{qkv, proj} with lora(old, rank: 2)",
    // Letters that only the place told, an operator in an operator, a list, and a part that asks what stands around.
    "replace blocks[0].mlp with lora(silu(), alpha: 1 / 3)\nreplace blocks[1].mlp with lora(lora(mlp(hidden: 12)))",
    "replace blocks[2].adaLN_modulation with lora([silu(), linear(8, 48)])",
    "replace blocks[3] with around()\nreplace blocks[3].inner.near with hyena_x()",
  ]

  /// `statements`, and the operators that they speak of.
  private func compiled(_ statements: String) -> Compiled {
    var own = statements.contains("mine") ? Self.own : ""
    if statements.contains("lora(") { own = OperatorParameterTests.lora }
    if statements.contains("around(") { own = Self.around }
    return Compiled.small(statements, before: own)
  }

  @Test("What a checkpoint says of its model is read back as the same model", arguments: grafts)
  func roundTrip(_ statements: String) throws {
    let compiled = compiled(statements)
    #expect(compiled.rules == [])
    let module = try #require(compiled.architecture)
    let texts = try metadata(module)
    let back = try #require(try read(texts))
    #expect(back.isSameTree(as: module))
    var (names, backNames): ([String], [String]) = ([], [])
    module.forEachParameter { name, parameter in names.append("\(name) \(parameter.shape)") }
    back.forEachParameter { name, parameter in backNames.append("\(name) \(parameter.shape)") }
    #expect(names == backNames)
    #expect(try lower(back, Evaluator()) == lower(module, Evaluator()))
    // And describes itself in the same words.
    #expect(try metadata(back)[SelfDescription.architectureKey] == texts[SelfDescription.architectureKey])
    // A checkpoint with these texts is opened without a word about what tensors cannot tell.
    #expect(try ListedCheckpoint(module, metadata: texts).recognised().isSameTree(as: module))
  }

  @Test("The model that a graft began with is told beside it, by the same declarations", arguments: grafts)
  func base(_ statements: String) throws {
    let graft = try #require(compiled(statements).grafts.first)
    let texts = try graft.weightPlan(for: nil).metadata
    let base = try onDeepStack { () throws(Diagnostic) in
      try SelfDescription.module(
        from: texts, key: SelfDescription.baseArchitectureKey, file: "x.safetensors", Evaluator())
    }
    #expect(base?.isSameTree(as: graft.baseArchitecture) == true)
    #expect(try read(texts)?.isSameTree(as: graft.architecture) == true)
  }

  @Test("Operators of several files that see each other are read back, in whatever order they are used")
  func severalFiles() throws {
    let compiled = Compiled(
      """
      import "b.graft"
      operator near(width d: Int) { f = far(d)
        forward(x: [B, N, d]) -> [B, N, d] { return f(x) } }
      graft "g" {
        base dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3) noise
        replace blocks[0].attn with far()
        replace blocks[1].attn with near()
        replace blocks[2].attn with mha()
      }
      """,
      files: [
        "b.graft": """
        operator mha(width d: Int) { forward(x: [B, N, d]) -> [B, N, d] { return -x } }
        operator far(width d: Int) { m = mha(d)
          forward(x: [B, N, d]) -> [B, N, d] { return m(x) } }
        """
      ])
    #expect(compiled.rules == [])
    let module = try #require(compiled.architecture)
    let back = try #require(try read(try metadata(module)))
    #expect(try lower(back, Evaluator()) == lower(module, Evaluator()))
  }

  @Test("Texts without a description are no damage")
  func absent() throws {
    #expect(try read([:]) == nil)
    #expect(try read([SelfDescription.declarationsKey: "[]"]) == nil)
  }

  static let damaged: [(String, String)] = [
    ("", ""), ("{}", "{}"), ("[]", "[]"), ("[1]", "{}"), ("[{}]", "{}"), ("[]", "{\"operator\": \"a\", \"unit\": 0}"),
    ("[{\"file\": \"a\", \"text\": \"\", \"sees\": [0]}]", "{}"),
    ("[{\"file\": \"a\", \"text\": \"\", \"sees\": [-1]}]", "{}"),
    ("[{\"file\": \"a\", \"text\": \"\", \"sees\": [9223372036854775807]}]", "{}"),
    ("[{\"file\": \"a\", \"text\": \"let a = )\", \"sees\": []}]", "{}"),
    (unit("operator a() { }"), "{\"operator\": \"a\", \"unit\": 1}"),
    (unit("operator a() { }"), "{\"operator\": \"a\", \"unit\": -1}"),
    (unit("operator a() { }"), "{\"operator\": \"a\", \"unit\": 0, \"parts\": {\"b\": {\"kind\": \"list\"}}}"),
    (unit("operator a(n: Int) { }"), "{\"operator\": \"a\", \"unit\": 0, \"arguments\": {\"n\": {}}}"),
    (unit("operator a(n: Int) { }"), "{\"operator\": \"a\", \"unit\": 0, \"arguments\": {\"n\": \"x\"}}"),
    (
      unit("operator a(n: Int) { }"),
      "{\"operator\": \"a\", \"unit\": 0, \"arguments\": {\"n\": {\"fraction\": [1, 0]}}}"
    ),
    (
      unit("operator a(n: Int) { }"),
      "{\"operator\": \"a\", \"unit\": 0, \"arguments\": {\"n\": {\"fraction\": [-9223372036854775808, -1]}}}"
    ),
    (
      unit("operator a(n: Int) { param w: [n] }"),
      "{\"operator\": \"a\", \"unit\": 0, \"arguments\": {\"n\": -9223372036854775808}}"
    ),
    (unit("operator a() { b = a() }"), "{\"operator\": \"a\", \"unit\": 0}"),
    (unit("operator a(f: [n] -> [n]) { }"), "{\"operator\": \"a\", \"unit\": 0}"),
    (unit("operator a(f: [n] -> [n]) { }"), "{\"operator\": \"a\", \"unit\": 0, \"arguments\": {\"f\": 1}}"),
    (
      unit("operator a(f: [n] -> [n]) { }"),
      "{\"operator\": \"a\", \"unit\": 0, \"letters\": {\"n\": \"x\"}, \"parts\": {\"f\": {\"kind\": \"list\"}}}"
    ),
    (
      unit("operator a(f: [n] -> [n]) { forward(x: [B, n]) -> [B, n] { return f(x) } }"),
      "{\"operator\": \"a\", \"unit\": 0, \"letters\": {\"n\": -9223372036854775808}, \"parts\": {\"f\": {\"kind\": \"list\"}}}"
    ),
    ("[]", "{\"kind\": \"list\", \"parts\": {\"1\": {\"kind\": \"list\"}}}"), ("[]", "{\"kind\": \"parallel\"}"),
    (
      "[]", "{\"kind\": \"parallel\", \"parts\": {\"merge\": {\"kind\": \"list\"}, \"branches\": {\"kind\": \"list\"}}}"
    ),
    (
      "[]",
      String(repeating: "{\"kind\": \"list\", \"parts\": {\"0\": ", count: 62) + "{}"
        + String(repeating: "}}", count: 62)
    ),
    ("[]", String(repeating: "{\"kind\": \"list\", \"parts\": {\"0\": ", count: 5000)),
    (String(repeating: "[", count: 100_000), "{}"),
  ]

  private static func unit(_ text: String) -> String {
    "[{\"file\": \"a\", \"prelude\": false, \"sees\": [], \"text\": \"\(text)\"}]"
  }

  @Test("What is no list of units, or no tree of theirs, is malformed")
  func malformed() {
    for (declarations, architecture) in [("[1]", "{}"), ("{}", "{}"), ("[]", "{\"operator\": \"a\", \"unit\": 0}")] {
      let texts = [SelfDescription.declarationsKey: declarations, SelfDescription.architectureKey: architecture]
      #expect { try read(texts) } throws: { ($0 as? Diagnostic)?.rule == "metadata.malformed" }
    }
  }

  @Test("Damaged texts are refused, never a trap", arguments: damaged)
  func damage(_ declarations: String, _ architecture: String) {
    let texts = [SelfDescription.declarationsKey: declarations, SelfDescription.architectureKey: architecture]
    #expect(throws: Diagnostic.self) {
      let module = try #require(try read(texts))
      // A tree that reads well but is no model is refused where it is run.
      _ = try lower(module, Evaluator())
    }
  }

  @Test("Mutated descriptions are read or refused, and what is read can be lowered or refused")
  func mutated() throws {
    let module = try #require(
      Compiled.small(
        "parallelize blocks in pairs with merge_linear()\nreplace blocks[0].branches[1].attn with swa(window: [1, 1])"
      )
      .architecture)
    let texts = try metadata(module)
    for seed in 0..<UInt64(150) {
      var generator = HostileTextTests.Generator(state: seed)
      var copy = texts
      let key = Bool.random(using: &generator) ? SelfDescription.declarationsKey : SelfDescription.architectureKey
      var bytes = Array((texts[key] ?? "").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(try #require("{}[],\"0123456789-e".utf8.randomElement(using: &generator)), at: place)
        default: bytes[place] = try #require("abc0189\"{".utf8.randomElement(using: &generator))
        }
      }
      copy[key] = String(decoding: bytes, as: UTF8.self)
      do { if let module = try read(copy) { _ = try lower(module, Evaluator()) } } catch {
        #expect((error as? Diagnostic)?.category != .defect, "seed \(seed): \(error)")
      }
    }
  }

  @Test("An argument without a spelling in metadata is refused")
  func argument() throws {
    var module = try #require(Compiled.small("").architecture)
    module.arguments[0].value = .distribution(.normal(mean: 0, deviation: 1))
    #expect { try metadata(module) } throws: { ($0 as? Diagnostic)?.rule == "metadata.argument" }
  }
}
