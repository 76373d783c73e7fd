import GraftIR
import Testing

import GraftCompiler

@Suite struct ParserTests {
  private func parsed(_ text: String) -> (tree: SyntaxTree, rules: [String], items: [Diagnostic]) {
    var diagnostics = Diagnostics()
    let tree = parse(SourceText(file: "a.graft", text: text), into: &diagnostics)
    return (tree, diagnostics.items.map(\.rule), diagnostics.items)
  }

  /// The statements of `graft "a" { TEXT }`, which must parse without a word.
  private func statements(_ text: String) throws -> [GraftStatement.Kind] {
    let (tree, _, items) = parsed("graft \"a\" {\n  \(text)\n}")
    #expect(items.isEmpty, "\(items)")
    guard case .graft(let graft) = try #require(tree.declarations.first) else { return [] }
    return graft.statements.map(\.kind)
  }

  /// The operator of `operator a(...) { ... }`, which must parse without a word.
  private func `operator`(_ text: String) throws -> OperatorDeclaration {
    let (tree, _, items) = parsed(text)
    #expect(items.isEmpty, "\(items)")
    guard case .operator(let declaration) = try #require(tree.declarations.first) else {
      throw Diagnostic("test.operator", "no operator")
    }
    return declaration
  }

  // MARK: Files

  @Test("All examples are found") func exampleCount() { #expect(Examples.names.count == 15) }

  @Test("Every example parses without a word", arguments: Examples.names)
  func example(_ name: String) throws {
    let (tree, _, items) = parsed(try Examples.text(name))
    #expect(items.isEmpty, "\(items)")
    #expect(!tree.declarations.isEmpty)
  }

  @Test("Imports, documentation and places of declarations are kept")
  func declarations() throws {
    let text = """
      // Not documentation.
      import "b.graft"

      /// One.
      ///   Two.
      preset dit.xl2(image: Int = 256) = dit(size: image / 8)
      let f(a, b) = a + b
      """
    let (tree, _, items) = parsed(text)
    #expect(items.isEmpty)
    #expect(tree.imports.map(\.file) == ["b.graft"])
    guard case .preset(let preset) = try #require(tree.declarations.first),
      case .let(let function) = try #require(tree.declarations.last)
    else { throw Diagnostic("test.kind", "") }
    #expect(preset.name.text == "dit.xl2")
    #expect(preset.documentation == "One.\n  Two.")
    #expect(Array(text.utf8)[preset.at.range.lowerBound] == UInt8(ascii: "/"))
    #expect(function.parameters?.map(\.text) == ["a", "b"])
  }

  @Test(
    "A byte order mark, carriage returns and an empty file are no errors",
    arguments: [
      "\u{FEFF}let a = 1\r\nlet b = 2\r\n", "", "// nothing", "\n\n",
    ])
  func spaces(_ text: String) { #expect(parsed(text).items.isEmpty) }

  // MARK: Grafts

  @Test("Statements of a graft")
  func graft() throws {
    let kinds = try statements(
      """
      base auto from "a.pt:ema"
      base dit.xl2(image: 256) fresh(seed: 3)
      base auto(image: 256) noise
      replace blocks[0].{attn, mlp} with a
      remove blocks[3]
      parallelize blocks in pairs with merge_linear(start: average)
      parallelize blocks[i in all where i < 4] in groups of 2 with m
      parallelize blocks in [[0, 1], [2, 3, 4]] with m
      require parameters <= 676M and depth == 14
      distill blocks[odd].attn (loss: l1, samples: 8000)
      finetune (only: blocks, ema: 0.9999)
      emit "a" as bf16, f32 for pos_embed layout diffusers shards of 2GB
      emit name
      let with = 3
      """)
    #expect(kinds.count == 14)
    guard case .base(model: nil, source: .from) = kinds[0], case .base(_, source: .fresh(let seed)) = kinds[1],
      case .base(model: .some, source: .noise(seed: nil)) = kinds[2], case .replace = kinds[3],
      case .remove = kinds[4], case .parallelize(_, grouping: .pairs, _) = kinds[5],
      case .parallelize(let place, grouping: .groups(let size), _) = kinds[6],
      case .parallelize(_, grouping: .lists, _) = kinds[7], case .require = kinds[8],
      case .training(let distill, let path, let settings) = kinds[9],
      case .training(let finetune, path: nil, _) = kinds[10], case .emit(let emit) = kinds[11],
      case .emit(let plain) = kinds[12], case .let = kinds[13]
    else { throw Diagnostic("test.kind", "\(kinds)") }
    #expect(seed.map(structure) == "3")
    #expect(structure(place) == "blocks[i in all where (i < 4)]")
    #expect(structure(size) == "2")
    #expect(distill.text == "distill" && path.map(structure) == "blocks[odd].attn" && settings.count == 2)
    #expect(finetune.text == "finetune")
    #expect(emit.dtypes.map(\.0.text) == ["bf16", "f32"])
    #expect(emit.dtypes.map { $0.path.map(structure) } == [nil, "pos_embed"])
    #expect(emit.layout?.text == "diffusers" && emit.shardSize.map(structure) == "2GB")
    #expect(plain.dtypes.isEmpty && plain.layout == nil && plain.shardSize == nil)
  }

  @Test("A new line ends an expression where a bracket or a sign follows")
  func newLines() throws {
    let declaration = try `operator`(
      """
      operator a() {
        forward(x: [B]) -> [B] {
          y = x
          z = y
            * 2
          return z
        }
        encode(x: [B]) -> ([B, n], [B] of i64) { return (x, x) }
      }
      """)
    #expect(declaration.members.count == 2)
    guard case .entry(let forward) = declaration.members[0], case .entry(let encode) = declaration.members[1] else {
      throw Diagnostic("test.kind", "")
    }
    #expect(forward.body.count == 3)
    #expect(encode.results.count == 2 && encode.results[1].dtype?.text == "i64")
    #expect(parsed("let a = b\n(c)").rules == ["syntax.expected"])
    #expect(parsed("let a = b\n[c]").rules == ["syntax.expected"])
    #expect(parsed("let a = b\n- c").rules == ["syntax.expected"])
  }

  // MARK: Operators

  @Test("Members of an operator")
  func members() throws {
    let declaration = try `operator`(
      """
      operator a(width d: Int, inner: [..., n] -> [..., m], two: ([B, n], [B] of i64) -> ([B, n], [B, m]),
                 l: [Int] = [8, 8], ll: [[Float]], start: average | fresh = average, t: Text, e: DType) {
        let h = d / 2
        param weight: [d, 2 * d] = uniform(n ** -0.5) frozen
        param pos: [1] frozen
        frozen = linear(d)
        table t: [4] = iota(4)
        recover = linear(d)
        recover width = weight[0]
        adopt = linear(d)
        adopt old: pixart.mha { frozen = old.proj  x.weight = 0 }
        cost { operator = 2 * d  features = d }
        cost = linear(d)
        if d > 2 { param bias: [m] = zeros() } else if d > 1 { y = a } else { z = b }
        for i in 0..<4 where i != 2 { let x = 3 }
        forward(outputs: [B, N, d] * n, x: [2 * B, ch, s, s] of f32) -> [] {
          let (q, k) = split(x, 2)
          if a { x = 3 } else { return x }
          for i in 0..<n { x = x + outputs[i] }
          let f(a) = a
          return sum([g for g in outputs])
        }
      }
      """)
    #expect(
      declaration.parameters.map(\.label.text) == ["width", "inner", "two", "l", "ll", "start", "t", "e"])
    #expect(declaration.parameters.map(\.name.text).first == "d")
    guard case .operator(let inputs, let results)? = declaration.parameters[2].type,
      case .list(.int)? = declaration.parameters[3].type, case .list(.list(.float))? = declaration.parameters[4].type,
      case .words(let words)? = declaration.parameters[5].type, case .dtype? = declaration.parameters[7].type
    else { throw Diagnostic("test.type", "") }
    #expect(inputs.count == 2 && inputs[1].dtype?.text == "i64" && results.count == 2)
    #expect(words.map(\.text) == ["average", "fresh"])

    let members = declaration.members
    #expect(members.count == 14)
    guard case .parameter(let weight) = members[1], case .parameter(let position) = members[2],
      case .part(let frozen, _) = members[3], case .table = members[4], case .part = members[5],
      case .recover = members[6], case .part = members[7], case .adopt(let adopt) = members[8],
      case .cost(let costs, _) = members[9], case .part = members[10],
      case .conditional(_, then: let yes, else: let no) = members[11], case .loop(let binding, _) = members[12],
      case .entry(let forward) = members[13]
    else { throw Diagnostic("test.kind", "\(members)") }
    #expect(weight.isFrozen && position.isFrozen && position.initial == nil && frozen.text == "frozen")
    #expect(adopt.operatorName.text == "pixart.mha" && adopt.assignments.count == 2)
    #expect(costs.map(\.0.text) == ["operator", "features"])
    #expect(yes.count == 1 && no.count == 1)
    #expect(binding.condition.map(structure) == "(i != 2)")
    #expect(forward.inputs[0].pattern.count.map(structure) == "n" && forward.inputs[1].pattern.dtype?.text == "f32")
    #expect(forward.results[0].items.isEmpty && forward.body.count == 5)
    guard case .destructure(let names, _) = forward.body[0] else { throw Diagnostic("test.kind", "") }
    #expect(names.map(\.text) == ["q", "k"])
  }

  // MARK: Errors

  static let wrong: [(String, [String])] = [
    ("graft \"a\" {\n  replce blocks with a\n  emit \"a\"\n}", ["syntax.statement@14"]),
    // Several, each once, and what follows is read.
    (
      "graft \"a\" {\n  replce x with a\n  emit )\n  remove )\n  emit \"a\"\n}\nlet x = = 2\nlet y = 3",
      ["syntax.statement@14", "syntax.expected@37", "syntax.expected@48", "syntax.expected@71"]
    ),
    ("oprator a() {\n  b = c(\n}\nlet y = 3", ["syntax.declaration@0"]),
    ("graft \"a\" {\n  replace blocks[odd.attn with x(1)\n  emit \"a\"\n}", ["syntax.expected@38"]),
    (
      "operator a() {\n  forward(x [B]) -> [B] {\n    return x\n  }\n  b = = 1\n}",
      ["syntax.expected@27", "syntax.expected@64"]
    ),
    ("operator a() {\n  forward(x: [B, ...]) -> [B] { return x }\n}", ["syntax.ellipsis@32"]),
    ("graft \"a\" {\n  emit \"a\"\n\ngraft \"b\" {\n  emit \"b\"\n}", ["syntax.unclosed@10"]),
    ("graft \"a\" {\n  emit \"a\"\n", ["syntax.unclosed@10"]),
    ("operator a(b: Itn) { }", ["syntax.type@14"]),
    ("operator a(b) { }", ["syntax.expected@12"]),
    ("operator for() { }", ["syntax.reserved-word@9"]),
    (
      "layout d of dit {\n  a.{0.1, b} = c\n  d.2.in = e\n  f = \n}\nlet x = 3",
      ["syntax.expected@23", "syntax.expected@55"]
    ),
    ("layout d of dit { a.0.1.2 = b.3.4  a.0 .1 = b }", ["syntax.expected@39"]),
    ("operator a() {\n  lett x = 3\n  y = b\n}", ["syntax.member@17"]),
    ("operator a() { forward(x: [B]) -> [B] { retrun x } }", ["syntax.statement@40"]),
    ("operator a() { forward(x: [B]) -> [B] { if x then y } }", ["syntax.statement@45"]),
    ("graft \"a\\(b)\" { }", ["syntax.expected@10"]),
    ("graft \"a\" { x } }", ["syntax.statement@12", "syntax.expected@16"]),
    ("graft \"a\" {\n  replace blocks with m(\n  emit \"a\"\n}", ["syntax.expected@44"]),
    ("\u{0}", ["syntax.character@0"]),
  ]

  @Test("Several mistakes are reported in source order, each once", arguments: wrong)
  func errors(_ text: String, _ expected: [String]) {
    let (_, _, items) = parsed(text)
    #expect(items.map { "\($0.rule)@\($0.location?.range.lowerBound ?? -1)" } == expected, "\(items)")
  }

  @Test(
    "A misspelt word is answered with the one that was meant",
    arguments: [
      ("graft \"a\" { replce x with y }", "replace"), ("grft \"a\" { }", "graft"),
      ("operator a() { parm x: [3] }", "param"), ("operator a() { forward(x: [B]) -> [B] { retrun x } }", "return"),
      ("graft \"a\" { replace x wiht y }", "with"), ("operator a(b: Itn) { }", "Int"),
    ])
  func suggestions(_ text: String, _ word: String) {
    #expect(parsed(text).items.first?.label == "did you mean '\(word)'?")
  }

  @Test("What is right around a mistake is kept")
  func kept() {
    let (tree, rules, _) = parsed("let a = 1\nlet b = )\nlet c = 3\noperator d() {\n  e = )\n  f = g\n}")
    #expect(rules.count == 2)
    #expect(tree.declarations.count == 3)
  }

  @Test(
    "Bytes that are not UTF-8 are refused at their offset",
    arguments: [
      ([0x61, 0xFF], 1), ([0xC3, 0xA9, 0xC3], 2), ([0xED, 0xA0, 0x80], 0), ([0xF0, 0x9F], 0),
    ] as [([UInt8], Int)])
  func encoding(_ bytes: [UInt8], _ offset: Int) {
    #expect {
      try SourceText(file: "a.graft", bytes: bytes)
    } throws: { error in
      let diagnostic = error as? Diagnostic
      return diagnostic?.rule == "syntax.encoding" && diagnostic?.location?.range.lowerBound == offset
    }
  }

  @Test("Bytes that are UTF-8 are the text")
  func loading() throws {
    #expect(try SourceText(file: "a.graft", bytes: Array("é\u{0}\n".utf8)).text == "é\u{0}\n")
  }
}
