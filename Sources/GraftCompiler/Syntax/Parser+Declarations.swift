import GraftIR

extension Parser {
  /// The whole file.
  mutating func tree() -> SyntaxTree {
    var tree = SyntaxTree(imports: [], declarations: [])
    while token.kind != .end {
      let start = token.range.lowerBound
      beginDeclaration()
      do throws(Diagnostic) {
        if token.isKeyword("import") {
          advance()
          let name = try plainText("the name of a file")
          tree.imports.append(SyntaxTree.Import(file: name.text, at: name.at))
        } else {
          tree.declarations.append(try declaration())
        }
      } catch {
        report(error)
        skipDeclaration(from: start)
      }
    }
    return tree
  }

  private mutating func declaration() throws(Diagnostic) -> Declaration {
    let documentation = self.documentation
    let start = token.documentation?.lowerBound ?? token.range.lowerBound
    let word = token
    switch word.text {
    case "operator" where word.kind == .keyword, "model" where word.kind == .name:
      advance()
      let name = try self.name("the name of \(word.text == "model" ? "a model" : "an operator")")
      let parameters = try self.parameters()
      let members = try block(.body(isAligned: true)) { (parser) throws(Diagnostic) in try parser.member() }
      return .operator(
        OperatorDeclaration(
          isModel: word.text == "model", name: name, parameters: parameters, members: members,
          documentation: documentation, at: location(from: start)))
    case "preset" where word.kind == .keyword:
      advance()
      let name = try dottedName("the name of a preset")
      let parameters = try self.parameters()
      try expect("=")
      let value = try expression()
      return .preset(
        PresetDeclaration(
          name: name, parameters: parameters, value: value, documentation: documentation, at: location(from: start)))
    case "graft" where word.kind == .keyword:
      advance()
      let name = try plainText("the name of a graft in quotes")
      let parameters = try self.parameters()
      let statements = try block(.body(isAligned: false)) { (parser) throws(Diagnostic) in
        try parser.graftStatement()
      }
      return .graft(
        GraftDeclaration(
          name: name, parameters: parameters, statements: statements, documentation: documentation,
          at: location(from: start)))
    case "let" where word.kind == .keyword:
      return .let(try letDeclaration())
    case "layout" where word.kind == .name:
      advance()
      return .layout(try layout(documentation, from: start))
    default:
      guard word.kind == .name || word.kind == .keyword else { throw expected("a declaration") }
      let meant = suggestion(for: word.text, among: declarationWords)
      throw Diagnostic(
        "syntax.declaration", "'\(excerpt(word.range))' begins no declaration", at: here,
        label: meant.map { "did you mean '\($0)'?" },
        help: meant == nil ? "declarations are " + declarationWords.joined(separator: ", ") : nil)
    }
  }

  /// The lines of `///` in front of the token.
  private var documentation: String {
    guard let range = token.documentation else { return "" }
    // By scalars: a carriage return and a line feed are one character.
    let lines = lexer.text(range).unicodeScalars.split(separator: "\n").map { line in
      var text = Substring(line).drop { $0 == " " || $0 == "\t" }.dropFirst(3)
      if text.first == " " { text = text.dropFirst() }
      while text.last?.isWhitespace == true { text = text.dropLast() }
      return String(text)
    }
    return lines.joined(separator: "\n")
  }

  /// `let NAME = VALUE` or `let NAME(a, b) = VALUE`
  mutating func letDeclaration() throws(Diagnostic) -> LetDeclaration {
    let start = token.range.lowerBound
    try expectKeyword("let")
    let name = try self.name("a name")
    var parameters: [Name]?
    if at("(") {
      outline?.glue()
      advance()
      parameters = try list(until: ")") { (parser) throws(Diagnostic) in try parser.name("a name") }
    }
    try expect("=")
    let value = try expression()
    return LetDeclaration(name: name, parameters: parameters, value: value, at: location(from: start))
  }

  /// A name with dots in it.
  mutating func dottedName(_ what: String) throws(Diagnostic) -> Name {
    let first = try name(what)
    var text = first.text
    while take(".") { text += "." + (try name(what)).text }
    return Name(text, at: location(from: first.at.range.lowerBound))
  }

  // MARK: Parameters

  /// `(label name: Type = default, ...)`; none where there are no parentheses.
  private mutating func parameters() throws(Diagnostic) -> [ParameterDeclaration] {
    guard at("(") else { return [] }
    outline?.glue()
    advance()
    return try list(until: ")") { (parser) throws(Diagnostic) in
      let documentation = parser.documentation
      let label = try parser.name("the name of a parameter")
      let name = parser.token.kind == .name ? try parser.name("a name") : label
      try parser.expect(":", " and the type of '\(label.text)'")
      let type = try parser.parameterType()
      let value = parser.take("=") ? try parser.expression() : nil
      return ParameterDeclaration(
        label: label, name: name, type: type, defaultValue: value, documentation: documentation)
    }
  }

  private static let typeNames = ["Int", "Float", "Bool", "Text", "DType"]

  private mutating func parameterType() throws(Diagnostic) -> ParameterType {
    if at("(") || (at("[") && !isListType) {
      let inputs = try patterns()
      try expect("->", " and the shape of the result")
      return .operator(inputs: inputs, results: try patterns())
    }
    if take("[") {
      let element = try nested { (parser) throws(Diagnostic) in try parser.parameterType() }
      try expect("]")
      return .list(element)
    }
    let word = try name("a type")
    switch word.text {
    case "Int": return .int
    case "Float": return .float
    case "Bool": return .bool
    case "Text": return .text
    case "DType": return .dtype
    default: break
    }
    guard at("|") else {
      let meant = suggestion(for: word.text, among: Self.typeNames)
      throw Diagnostic(
        "syntax.type", "'\(excerpt(word.at.range))' is no type", at: word.at,
        label: meant.map { "did you mean '\($0)'?" },
        help: meant == nil ? "types are Int, Float, Bool, Text, DType, [Int], 'one | other' and [B, n] -> [B, m]" : nil)
    }
    var words = [word]
    while take("|") { words.append(try name("a word")) }
    return .words(words)
  }

  /// Whether the bracket opens the type of a list, as `[Int]` does, and not a shape.
  private var isListType: Bool {
    var ahead = lexer
    var next = ahead.next()
    for _ in 0..<Self.maximumNesting where next.isSymbol("[") { next = ahead.next() }
    return next.kind == .name && Self.typeNames.contains(next.text)
  }
}
