package import GraftIR

/// Reads a graft file into its tree, as `specs/language.md` gives the grammar.
///
/// What is wrong is reported in source order, each thing once; the tree then holds what could be read.
package func parse(_ source: SourceText, into diagnostics: inout Diagnostics) -> SyntaxTree {
  guard source.text.utf8.count <= SourceText.maximumByteCount else {
    diagnostics.report(SourceText.tooLarge(source.file, source.text.utf8.count))
    return SyntaxTree(imports: [], declarations: [])
  }
  let (tree, items) = withDeepStack {
    var parser = Parser(source)
    let tree = parser.tree()
    return (tree, parser.diagnostics.inSourceOrder)
  }
  for item in items { diagnostics.report(item) }
  return tree
}

/// How the text of `source` is put together, with all documentation in it; `nil` where it does not parse.
func outline(of source: SourceText, into diagnostics: inout Diagnostics) -> (outline: Outline, documentation: [String])?
{
  guard source.text.utf8.count <= SourceText.maximumByteCount else {
    diagnostics.report(SourceText.tooLarge(source.file, source.text.utf8.count))
    return nil
  }
  var parser = Parser(source, outline: Outline())
  let documentation = parser.tree().declarations.flatMap(\.documentation)
  for item in parser.diagnostics.inSourceOrder { diagnostics.report(item) }
  guard let outline = parser.outline, !parser.diagnostics.hasErrors else { return nil }
  return (outline, documentation)
}

/// Recursive descent with one token of lookahead, and a second where a name's meaning needs it.
struct Parser {
  /// Bounds on what a file can ask for, so that neither the stack nor memory runs out.
  static let maximumNesting = 200
  static let maximumDepth = 500
  static let maximumErrors = 100
  static let maximumNodes = 1_000_000
  static let maximumTextNesting = 16

  let file: String
  /// What the formatter needs to know; `nil` where nothing is going to be formatted.
  var outline: Outline?
  var lexer: Lexer
  var token: Token
  /// The end of the token before.
  var previousEnd = 0
  var diagnostics = Diagnostics()
  var textNesting = 0
  private var nesting = 0
  private var nodeCount = 0
  private var errorCount = 0
  var braceDepth = 0
  /// Whether names of tensors are read, in which numbers and the language's own words may stand behind a dot.
  var isInLayout = false
  /// The indentation of the line that the token stands on.
  private var lineIndent = 0
  /// The indentation of the statement that is being read: what follows deeper still belongs to it.
  private var statementIndent = 0
  private var isSkippedToEnd = false
  /// Whether a bound was passed that ends the reading.
  private(set) var isStopped = false

  init(_ source: SourceText, outline: Outline? = nil) {
    file = source.file
    self.outline = outline
    lexer = Lexer(source.text)
    token = lexer.next()
    lineIndent = token.column
  }

  // MARK: Tokens

  /// Goes on to the next token.
  ///
  /// - Parameter isOutlined: Whether the one that is left belongs to the outline: all but the signs around texts and
  ///   values in texts, which are noted with the text.
  mutating func advance(isOutlined: Bool = true) {
    if isOutlined { outline?.add(token.range) }
    if token.isSymbol("{") { braceDepth += 1 }
    if token.isSymbol("}"), braceDepth > 0 { braceDepth -= 1 }
    previousEnd = token.range.upperBound
    token = lexer.next()
    if token.isFirstOnLine { lineIndent = token.column }
  }

  func peek() -> Token {
    var ahead = lexer
    return ahead.next()
  }

  /// Whether the token is `symbol`.
  func at(_ symbol: String) -> Bool { token.isSymbol(symbol) }

  /// Takes `symbol` where it is next.
  mutating func take(_ symbol: String) -> Bool {
    guard token.isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func takeKeyword(_ word: String) -> Bool {
    guard token.isKeyword(word) else { return false }
    advance()
    return true
  }

  /// Takes a word that means something here only.
  mutating func takeWord(_ word: String) -> Bool {
    guard token.isName(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: String, _ place: String = "") throws(Diagnostic) {
    guard take(symbol) else { throw expected("'\(symbol)'\(place)") }
  }

  mutating func expectWord(_ word: String) throws(Diagnostic) {
    guard takeWord(word) else {
      let isClose = token.kind == .name && suggestion(for: token.text, among: [word]) != nil
      throw expected("'\(word)'", label: isClose ? "did you mean '\(word)'?" : nil)
    }
  }

  mutating func expectKeyword(_ word: String) throws(Diagnostic) {
    guard takeKeyword(word) else { throw expected("'\(word)'") }
  }

  mutating func name(_ what: String) throws(Diagnostic) -> Name {
    guard token.kind == .name else {
      if token.kind == .keyword {
        throw Diagnostic("syntax.reserved-word", "'\(token.text)' is a word of the language, no name", at: here)
      }
      throw expected(what)
    }
    try count()
    let name = Name(token.text, at: here)
    advance()
    return name
  }

  // MARK: Places

  var here: Location { Location(file, token.range) }

  func location(from start: Int) -> Location { Location(file, start..<max(start, previousEnd)) }

  // MARK: Failures

  /// What is said where the token is not what the grammar asks for.
  func expected(_ what: String, label: String? = nil) -> Diagnostic {
    if let invalid = invalidToken() { return invalid }
    // Where something is missing at the end of a line, the next line is not at fault.
    if token.isFirstOnLine || token.kind == .end, previousEnd > 0 {
      return Diagnostic(
        "syntax.expected", "expected \(what), found \(described(token))",
        at: token.kind == .end ? Location(file, previousEnd..<previousEnd) : here, label: label)
    }
    return Diagnostic("syntax.expected", "expected \(what), found \(described(token))", at: here, label: label)
  }

  /// What is wrong with the token itself, whatever was expected.
  func invalidToken() -> Diagnostic? {
    guard token.kind == .invalid else { return nil }
    let first = lexer.bytes[token.range.lowerBound]
    if first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") {
      return Diagnostic(
        "syntax.number", "'\(excerpt(token.range))' is no number", at: here,
        help: "a number may end in K, M, G, KB, MB, GB, KiB, MiB or GiB")
    }
    return Diagnostic("syntax.character", "'\(excerpt(token.range))' means nothing in graft text", at: here)
  }

  func described(_ token: Token) -> String {
    switch token.kind {
    case .end: "the end of the file"
    case .quote: "a text"
    case .name, .keyword, .number, .symbol, .invalid: "'\(excerpt(token.range))'"
    }
  }

  /// The text of `range` for a message: short, and without control characters.
  func excerpt(_ range: Range<Int>) -> String {
    let text = lexer.text(range.lowerBound..<min(range.upperBound, range.lowerBound + 160))
    var result = ""
    for scalar in text.unicodeScalars.prefix(40) {
      if scalar.properties.generalCategory == .control {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return range.count > result.utf8.count && text.unicodeScalars.count > 40 ? result + "..." : result
  }

  mutating func report(_ diagnostic: Diagnostic) {
    guard errorCount < Self.maximumErrors else { return }
    diagnostics.report(diagnostic)
    errorCount += 1
    if errorCount == Self.maximumErrors { stop() }
  }

  /// Reads nothing more.
  private mutating func stop() {
    lexer.position = lexer.bytes.count
    token = lexer.next()
    isSkippedToEnd = true
    isStopped = true
  }

  // MARK: Bounds

  /// Runs `body` one level deeper.
  mutating func nested<Result>(
    _ body: (inout Parser) throws(Diagnostic) -> Result
  ) throws(Diagnostic) -> Result {
    guard nesting < Self.maximumNesting else {
      throw Diagnostic(
        "syntax.too-deep", "nested deeper than \(Self.maximumNesting) levels", at: here)
    }
    nesting += 1
    defer { nesting -= 1 }
    return try body(&self)
  }

  /// Counts one more piece of the tree.
  mutating func count() throws(Diagnostic) {
    nodeCount += 1
    if nodeCount == Self.maximumNodes {
      let place = here
      stop()
      throw Diagnostic(
        "syntax.file-size", "more than \(Self.maximumNodes) names and values in one file", at: place)
    }
  }

  // MARK: Blocks and recovery

  /// Entries in braces, each read by `entry`; what is wrong in one is reported, and the next is read.
  mutating func block<Entry>(
    _ kind: Outline.Block, _ entry: (inout Parser) throws(Diagnostic) -> Entry
  ) throws(Diagnostic) -> [Entry] {
    let opening = here
    outline?.block(kind)
    try expect("{")
    let level = braceDepth
    let ownerIndent = statementIndent
    var entries: [Entry] = []
    defer { statementIndent = ownerIndent }
    guard nesting < Self.maximumNesting else {
      throw Diagnostic("syntax.too-deep", "nested deeper than \(Self.maximumNesting) levels", at: opening)
    }
    nesting += 1
    defer { nesting -= 1 }
    while !at("}") {
      if token.kind == .end || startsDeclaration {
        if !isSkippedToEnd { report(Diagnostic("syntax.unclosed", "'{' is never closed", at: opening)) }
        if token.kind == .end { isSkippedToEnd = true }
        braceDepth = level - 1
        return entries
      }
      statementIndent = lineIndent
      outline?.entry()
      let start = token.range.lowerBound
      do throws(Diagnostic) {
        entries.append(try entry(&self))
      } catch {
        report(error)
        skipStatement(from: start, level: level)
        if token.isFirstOnLine, !at("}"), statementIndent > ownerIndent, token.column <= ownerIndent {
          // The closing brace went missing with what was skipped.
          braceDepth = level - 1
          return entries
        }
      }
    }
    advance()
    return entries
  }

  /// Whether a declaration begins here that stands in no block: the block in front of it was not closed.
  private var startsDeclaration: Bool {
    guard token.isFirstOnLine else { return false }
    if token.isKeyword("preset") || token.isKeyword("graft") || token.isKeyword("import") { return true }
    // `operator = ...` stands in the braces of `cost`, and `model` may be a name.
    return (token.isKeyword("operator") || token.isName("model")) && peek().kind == .name
  }

  /// Skips the rest of a statement: up to the brace that closes its block, or to a line that stands no deeper.
  private mutating func skipStatement(from start: Int, level: Int) {
    if token.range.lowerBound == start, !at("}") { skip() }
    while token.kind != .end {
      if at("}") {
        if braceDepth <= level || (token.isFirstOnLine && token.column < statementIndent) {
          braceDepth = level
          return
        }
      } else if token.isFirstOnLine, token.column <= statementIndent {
        braceDepth = level
        return
      }
      skip()
    }
    isSkippedToEnd = true
  }

  /// Skips to where the next declaration begins.
  mutating func skipDeclaration(from start: Int) {
    if token.range.lowerBound == start { skip() }
    while token.kind != .end {
      if token.isFirstOnLine, token.column <= statementIndent, declarationWords.contains(token.text) {
        braceDepth = 0
        return
      }
      let isLast = at("}") && (braceDepth <= 1 || (token.isFirstOnLine && token.column <= statementIndent))
      skip()
      if isLast, token.isFirstOnLine, !at("}") {
        braceDepth = 0
        return
      }
    }
    isSkippedToEnd = true
  }

  private mutating func skip() {
    if token.kind == .quote { lexer.skipText() }
    advance()
  }

  /// Notes where a declaration begins.
  mutating func beginDeclaration() {
    statementIndent = lineIndent
    braceDepth = 0
    outline?.entry()
  }

  /// Values separated by commas up to `closing`, which is taken; a comma may stand behind the last.
  mutating func list<Item>(
    until closing: String, _ item: (inout Parser) throws(Diagnostic) -> Item
  ) throws(Diagnostic) -> [Item] {
    var items: [Item] = []
    while !take(closing) {
      items.append(try item(&self))
      if take(closing) { break }
      guard take(",") else { throw expected("',' or '\(closing)'") }
    }
    return items
  }
}

/// What a declaration may begin with.
let declarationWords = ["operator", "model", "preset", "graft", "let", "import", "layout"]
