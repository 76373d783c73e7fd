import GraftIR

extension Parser {
  private static let statementWords = [
    "base", "replace", "remove", "parallelize", "let", "require", "distill", "finetune", "emit",
  ]

  /// One line of a graft.
  mutating func graftStatement() throws(Diagnostic) -> GraftStatement {
    let start = token.range.lowerBound
    let kind = try graftStatementKind()
    return GraftStatement(kind, at: location(from: start))
  }

  private mutating func graftStatementKind() throws(Diagnostic) -> GraftStatement.Kind {
    if token.isKeyword("let") { return .let(try letDeclaration()) }
    guard token.kind == .name, Self.statementWords.contains(token.text) else { throw noStatement() }
    let word = Name(token.text, at: here)
    advance()
    switch word.text {
    case "base":
      return try base()
    case "replace":
      let place = try path()
      outline?.hang()
      try expectWord("with")
      return .replace(place, with: try expression())
    case "remove":
      return .remove(try path())
    case "parallelize":
      let place = try path()
      try expectKeyword("in")
      let grouping = try self.grouping()
      outline?.hang()
      try expectWord("with")
      return .parallelize(place, grouping: grouping, with: try expression())
    case "require":
      return .require(try expression())
    case "emit":
      return .emit(try emit())
    case "distill":
      // The path and the settings read like a call.
      let place = try path()
      guard case .call(let callee, let arguments) = place.kind else { throw expected("'('") }
      outline?.unglue(from: callee.at.range.upperBound)
      return .training(word, path: callee, arguments: arguments)
    default:
      try expect("(")
      return .training(word, path: nil, arguments: try arguments())
    }
  }

  private func noStatement() -> Diagnostic {
    guard token.kind == .name || token.kind == .keyword else { return expected("a statement") }
    let meant = suggestion(for: token.text, among: Self.statementWords)
    return Diagnostic(
      "syntax.statement", "'\(excerpt(token.range))' is no statement of a graft", at: here,
      label: meant.map { "did you mean '\($0)'?" },
      help: meant == nil ? "statements are " + Self.statementWords.joined(separator: ", ") : nil)
  }

  private mutating func base() throws(Diagnostic) -> GraftStatement.Kind {
    var model: Expression?
    if token.isName("auto"), peek().isName("from") {
      advance()
    } else {
      model = try path()
    }
    outline?.hang()
    if takeWord("from") {
      let file = try expression()
      let layout = takeWord("layout") ? try name("the name of a layout") : nil
      return .base(model: model, source: .from(file, layout: layout))
    }
    if takeWord("fresh") { return .base(model: model, source: .fresh(seed: try seed())) }
    if takeWord("noise") { return .base(model: model, source: .noise(seed: try seed())) }
    throw expected("'from', 'fresh' or 'noise'")
  }

  private mutating func grouping() throws(Diagnostic) -> GraftStatement.Grouping {
    if token.isName("pairs"), peek().isName("with") {
      advance()
      return .pairs
    }
    if token.isName("groups"), peek().isName("of") {
      advance()
      advance()
      return .groups(try expression())
    }
    return .lists(try expression())
  }

  private mutating func emit() throws(Diagnostic) -> GraftStatement.Emit {
    let file = try path()
    var dtypes: [(Name, path: Expression?)] = []
    if ["as", "layout", "shards"].contains(where: token.isName) { outline?.hang() }
    if takeWord("as") {
      repeat {
        let dtype = try name("a dtype")
        dtypes.append((dtype, path: takeKeyword("for") ? try path() : nil))
      } while take(",")
    }
    var layout: Name?
    if takeWord("layout") { layout = try name("the name of a layout") }
    var shardSize: Expression?
    if takeWord("shards") {
      try expectWord("of")
      shardSize = try path()
    }
    return GraftStatement.Emit(file: file, dtypes: dtypes, layout: layout, shardSize: shardSize)
  }
}
