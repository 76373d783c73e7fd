import GraftIR

extension Parser {
  private static let memberWords = ["let", "param", "table", "recover", "adopt", "cost", "if", "for"]
  private static let statementWords = ["let", "return", "if", "for"]

  // MARK: Members

  /// One entry of the braces of an operator or model.
  mutating func member() throws(Diagnostic) -> Member {
    if token.kind == .keyword {
      switch token.text {
      case "let": return .let(try letDeclaration())
      case "param":
        advance()
        return .parameter(try tensorDeclaration())
      case "table":
        advance()
        return .table(try tensorDeclaration())
      case "if":
        let (condition, yes, no) = try conditional(.branch(isAligned: true)) { (parser) throws(Diagnostic) in
          try parser.member()
        }
        return .conditional(condition, then: yes, else: no)
      case "for":
        let (binding, body) = try loop(.branch(isAligned: true)) { (parser) throws(Diagnostic) in try parser.member() }
        return .loop(binding, body)
      default: throw noMember()
      }
    }
    guard token.kind == .name else { throw expected("a part, 'param' or 'forward'") }
    let following = peek()
    switch token.text {
    case "recover" where following.kind == .name:
      advance()
      let name = try self.name("the name of a parameter")
      try expect("=")
      return .recover(name, try expression())
    case "adopt" where following.kind == .name:
      advance()
      return .adopt(try adopt())
    case "cost" where following.isSymbol("{"):
      let start = token.range.lowerBound
      advance()
      let entries = try block(.assignments) { (parser) throws(Diagnostic) in
        let name = try parser.name("'operator' or 'features'", allowing: "operator")
        try parser.expect("=")
        return (name, try parser.expression())
      }
      return .cost(entries, at: location(from: start))
    default:
      break
    }
    if following.isSymbol("=") {
      let name = try self.name("a name")
      advance()
      return .part(name, try expression())
    }
    if following.isSymbol("(") { return .entry(try entry()) }
    throw noMember()
  }

  /// A name, or the keyword `word`, which is a name here.
  private mutating func name(_ what: String, allowing word: String) throws(Diagnostic) -> Name {
    guard token.isKeyword(word) else { return try name(what) }
    let name = Name(word, at: here)
    advance()
    return name
  }

  private func noMember() -> Diagnostic {
    let meant = suggestion(for: token.text, among: Self.memberWords + ["forward"])
    return Diagnostic(
      "syntax.member", "'\(excerpt(token.range))' begins no part, parameter or entry of an operator", at: here,
      label: meant.map { "did you mean '\($0)'?" })
  }

  private mutating func tensorDeclaration() throws(Diagnostic) -> TensorDeclaration {
    let name = try self.name("the name of a tensor")
    try expect(":")
    let shape = try pattern()
    let initial = take("=") ? try expression() : nil
    var isFrozen = false
    if token.isName("frozen") {
      let following = peek()
      if !following.isSymbol("=") && !following.isSymbol("(") { isFrozen = takeWord("frozen") }
    }
    return TensorDeclaration(name: name, shape: shape, initial: initial, isFrozen: isFrozen)
  }

  private mutating func adopt() throws(Diagnostic) -> Adopt {
    let name = try self.name("a name for the replaced operator")
    try expect(":")
    let operatorName = try dottedName("the name of an operator")
    return Adopt(name: name, operatorName: operatorName, assignments: try assignments())
  }

  private mutating func entry() throws(Diagnostic) -> Entry {
    let name = try self.name("the name of an entry")
    outline?.glue()
    try expect("(")
    let inputs = try list(until: ")") { (parser) throws(Diagnostic) in
      let name = try parser.name("the name of an input")
      try parser.expect(":")
      return Entry.Input(name: name, pattern: try parser.pattern())
    }
    try expect("->", " and the shape of the result")
    let results = try patterns()
    let body = try block(.branch(isAligned: false)) { (parser) throws(Diagnostic) in try parser.statement() }
    return Entry(name: name, inputs: inputs, results: results, body: body)
  }

  // MARK: Tensor patterns

  /// One pattern, or several in parentheses.
  mutating func patterns() throws(Diagnostic) -> [TensorPattern] {
    guard take("(") else { return [try pattern()] }
    return try list(until: ")") { (parser) throws(Diagnostic) in try parser.pattern() }
  }

  mutating func pattern() throws(Diagnostic) -> TensorPattern {
    let start = token.range.lowerBound
    try expect("[", " of a shape")
    var isFirst = true
    let items = try list(until: "]") { (parser) throws(Diagnostic) -> TensorPattern.Item in
      defer { isFirst = false }
      guard parser.at("...") else { return .size(try parser.expression()) }
      guard isFirst else {
        throw Diagnostic("syntax.ellipsis", "'...' stands at the front of a shape only", at: parser.here)
      }
      let place = parser.here
      parser.advance()
      return .ellipsis(place)
    }
    let dtype = takeWord("of") ? try name("a dtype") : nil
    let count = take("*") ? try factor() : nil
    return TensorPattern(items: items, dtype: dtype, count: count, at: location(from: start))
  }

  // MARK: Statements

  /// One line of an entry.
  private mutating func statement() throws(Diagnostic) -> Statement {
    if token.kind == .keyword {
      switch token.text {
      case "let":
        guard peek().isSymbol("(") else { return .let(try letDeclaration()) }
        advance()
        advance()
        let names = try list(until: ")") { (parser) throws(Diagnostic) in try parser.name("a name") }
        try expect("=")
        return .destructure(names, try expression())
      case "return":
        advance()
        return .return(try expression())
      case "if":
        let (condition, yes, no) = try conditional(.branch(isAligned: false)) { (parser) throws(Diagnostic) in
          try parser.statement()
        }
        return .conditional(condition, then: yes, else: no)
      case "for":
        let (binding, body) = try loop(.branch(isAligned: false)) { (parser) throws(Diagnostic) in
          try parser.statement()
        }
        return .loop(binding, body)
      default: throw noStatement()
      }
    }
    guard token.kind == .name else { throw expected("a statement") }
    guard peek().isSymbol("=") else { throw noStatement() }
    let name = try self.name("a name")
    advance()
    return .assign(name, try expression())
  }

  private func noStatement() -> Diagnostic {
    let meant = suggestion(for: token.text, among: Self.statementWords)
    return Diagnostic(
      "syntax.statement", "'\(excerpt(token.range))' begins no statement of an entry", at: here,
      label: meant.map { "did you mean '\($0)'?" })
  }

  /// `if C { ... } else { ... }`, where `else if` holds one entry.
  private mutating func conditional<Item>(
    _ kind: Outline.Block, _ item: (inout Parser) throws(Diagnostic) -> Item
  ) throws(Diagnostic) -> (Expression, [Item], [Item]) {
    try expectKeyword("if")
    let condition = try expression()
    if token.isKeyword("then") {
      throw Diagnostic(
        "syntax.statement", "'if ... then' is a value; a statement has braces", at: here, label: "write '{'")
    }
    let yes = try block(kind, item)
    guard takeKeyword("else") else { return (condition, yes, []) }
    guard token.isKeyword("if") else { return (condition, yes, try block(kind, item)) }
    let following = try nested { (parser) throws(Diagnostic) in try item(&parser) }
    return (condition, yes, [following])
  }

  private mutating func loop<Item>(
    _ kind: Outline.Block, _ item: (inout Parser) throws(Diagnostic) -> Item
  ) throws(Diagnostic) -> (Expression.Binding, [Item]) {
    try expectKeyword("for")
    let binding = try self.binding()
    return (binding, try block(kind, item))
  }
}
