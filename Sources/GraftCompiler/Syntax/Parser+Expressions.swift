import GraftIR

extension Parser {
  /// Any value: a condition between two, or a formula.
  mutating func expression() throws(Diagnostic) -> Expression {
    try nested { (parser) throws(Diagnostic) in
      guard parser.token.isKeyword("if") else { return try parser.formula(above: 0) }
      let start = parser.token.range.lowerBound
      let sign = parser.here
      parser.advance()
      let condition = try parser.expression()
      try parser.expectKeyword("then")
      let yes = try parser.expression()
      try parser.expectKeyword("else")
      let no = try parser.expression()
      parser.outline?.conditional(from: start, then: yes.at.range.lowerBound, else: no.at.range.lowerBound)
      return try parser.make(.conditional(condition, yes, no), from: start, over: [condition, yes, no], sign: sign)
    }
  }

  /// A path: no operators, and no `starting`.
  mutating func path() throws(Diagnostic) -> Expression {
    try nested { (parser) throws(Diagnostic) in try parser.postfix() }
  }

  /// An expression over `operands`, refused where it is deeper than a walk can follow.
  mutating func make(
    _ kind: Expression.Kind, from start: Int, over operands: [Expression] = [], sign: Location? = nil
  ) throws(Diagnostic) -> Expression {
    var depth = 0
    for operand in operands { depth = max(depth, operand.depth) }
    return try make(kind, from: start, depth: depth + 1, sign: sign)
  }

  mutating func make(
    _ kind: Expression.Kind, from start: Int, depth: Int, sign: Location? = nil
  ) throws(Diagnostic) -> Expression {
    guard depth <= Self.maximumDepth else {
      throw Diagnostic(
        "syntax.too-deep", "formula deeper than \(Self.maximumDepth) operations", at: sign ?? location(from: start),
        help: "name a part of it with 'let'")
    }
    try count()
    return Expression(kind, at: location(from: start), depth: depth)
  }

  // MARK: Operators

  private struct Infix {
    let level: Int
    /// `nil` for ranges.
    let operation: Expression.BinaryOperator?
    let tokenCount: Int
  }

  private static let notLevel = 3
  private static let comparisonLevel = 4
  private static let rangeLevel = 5
  private static let productLevel = 7
  private static let powerLevel = 8

  /// The operator that goes on with the expression in front, where there is one.
  private var infix: Infix? {
    guard token.kind == .symbol || token.kind == .keyword else { return nil }
    switch token.text {
    case "or": return Infix(level: 1, operation: .or, tokenCount: 1)
    case "and": return Infix(level: 2, operation: .and, tokenCount: 1)
    case "==": return Infix(level: Self.comparisonLevel, operation: .equal, tokenCount: 1)
    case "!=": return Infix(level: Self.comparisonLevel, operation: .notEqual, tokenCount: 1)
    case "<": return Infix(level: Self.comparisonLevel, operation: .less, tokenCount: 1)
    case "<=": return Infix(level: Self.comparisonLevel, operation: .lessOrEqual, tokenCount: 1)
    case ">": return Infix(level: Self.comparisonLevel, operation: .greater, tokenCount: 1)
    case ">=": return Infix(level: Self.comparisonLevel, operation: .greaterOrEqual, tokenCount: 1)
    case "in": return Infix(level: Self.comparisonLevel, operation: .in, tokenCount: 1)
    case "not":
      return peek().isKeyword("in") ? Infix(level: Self.comparisonLevel, operation: .notIn, tokenCount: 2) : nil
    case "is":
      return peek().isKeyword("not")
        ? Infix(level: Self.comparisonLevel, operation: .isNot, tokenCount: 2)
        : Infix(level: Self.comparisonLevel, operation: .is, tokenCount: 1)
    case "..<", "...": return Infix(level: Self.rangeLevel, operation: nil, tokenCount: 1)
    case "+": return Infix(level: 6, operation: .add, tokenCount: 1)
    // On a new line a sign belongs to what follows.
    case "-": return token.isFirstOnLine ? nil : Infix(level: 6, operation: .subtract, tokenCount: 1)
    case "*": return Infix(level: Self.productLevel, operation: .multiply, tokenCount: 1)
    case "/": return Infix(level: Self.productLevel, operation: .divide, tokenCount: 1)
    case "%": return Infix(level: Self.productLevel, operation: .remainder, tokenCount: 1)
    default: return nil
    }
  }

  /// Operators that bind tighter than `level`, by precedence climbing.
  private mutating func formula(above level: Int) throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    var left: Expression
    if level < Self.notLevel, token.isKeyword("not") {
      let sign = here
      advance()
      let operand = try nested { (parser) throws(Diagnostic) in try parser.formula(above: Self.notLevel - 1) }
      left = try make(.unary(.not, operand), from: start, over: [operand], sign: sign)
    } else {
      left = try unary()
    }
    // Comparisons and ranges stand alone at their level.
    var closed: Int?
    while let infix, infix.level > level {
      let sign = Location(file, token.range.lowerBound..<token.range.upperBound)
      if closed == infix.level {
        throw Diagnostic(
          "syntax.chain", "'\(token.text)' cannot follow another \(infix.operation == nil ? "range" : "comparison")",
          at: sign, help: infix.operation == nil ? nil : "join two comparisons with 'and'")
      }
      for _ in 0..<infix.tokenCount { advance() }
      let isClosed = lexer.bytes[sign.range.upperBound - 1] == UInt8(ascii: ".")
      let right = try formula(above: infix.level)
      guard let operation = infix.operation else {
        let step = try rangeStep()
        outline?.infix(level: infix.level, sign: sign.range.lowerBound, isRange: true, from: start)
        left = try make(
          .range(lower: left, upper: right, isClosed: isClosed, step: step), from: start,
          over: [left, right] + (step.map { [$0] } ?? []), sign: sign)
        closed = infix.level
        continue
      }
      outline?.infix(level: infix.level, sign: sign.range.lowerBound, from: start)
      left = try make(.binary(operation, left, right, sign: sign), from: start, over: [left, right], sign: sign)
      closed = infix.level == Self.comparisonLevel ? infix.level : nil
    }
    return left
  }

  private mutating func rangeStep() throws(Diagnostic) -> Expression? {
    guard token.isName("step"), !token.isFirstOnLine, !peek().isSymbol("=") else { return nil }
    advance()
    return try formula(above: Self.rangeLevel)
  }

  private mutating func unary() throws(Diagnostic) -> Expression {
    guard at("-") else { return try power() }
    let start = token.range.lowerBound
    let sign = here
    advance()
    let operand = try nested { (parser) throws(Diagnostic) in try parser.unary() }
    return try make(.unary(.minus, operand), from: start, over: [operand], sign: sign)
  }

  private mutating func power() throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    let base = try operand()
    guard at("**") else { return base }
    let sign = here
    advance()
    let exponent = try nested { (parser) throws(Diagnostic) in try parser.unary() }
    outline?.infix(level: Self.powerLevel, sign: sign.range.lowerBound, from: start)
    return try make(.binary(.power, base, exponent, sign: sign), from: start, over: [base, exponent], sign: sign)
  }

  /// What `* n` of a tensor pattern repeats by.
  mutating func factor() throws(Diagnostic) -> Expression {
    try nested { (parser) throws(Diagnostic) in try parser.unary() }
  }

  /// A path or call, with what it starts from.
  private mutating func operand() throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    var value: Expression
    if takeKeyword("shared") {
      let path = try postfix()
      value = try make(.shared(path), from: start, over: [path])
    } else {
      value = try postfix()
    }
    while token.isKeyword("starting") {
      let sign = here
      let (begin, depth) = try self.start()
      value = try make(.starting(value, begin), from: start, depth: max(value.depth, depth) + 1, sign: sign)
    }
    return value
  }

  // MARK: Paths and calls

  private mutating func postfix() throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    var value = try primary()
    while token.kind == .symbol {
      let sign = here
      switch token.text {
      case "(" where !token.isFirstOnLine:
        outline?.glue()
        advance()
        let arguments = try self.arguments()
        value = try make(
          .call(value, arguments), from: start, over: [value] + arguments.map(\.value), sign: sign)
      case "[" where !token.isFirstOnLine:
        outline?.glue()
        advance()
        if at("]") { throw expected("an index") }
        let items = try list(until: "]") { (parser) throws(Diagnostic) in try parser.indexItem() }
        var depth = value.depth
        for item in items {
          switch item {
          case .value(let index): depth = max(depth, index.depth)
          case .binding(let binding): depth = max(depth, binding.depth)
          }
        }
        value = try make(.index(value, items), from: start, depth: depth + 1, sign: sign)
      case ".":
        advance()
        if take("{") {
          if at("}") { throw expected("a name") }
          let names = try list(until: "}") { (parser) throws(Diagnostic) in
            parser.isInLayout ? try parser.layoutStep() : try parser.name("a name")
          }
          value = try make(.members(value, names), from: start, over: [value], sign: sign)
        } else if isInLayout {
          for name in try layoutSteps() {
            value = try make(.member(value, name), from: start, over: [value], sign: sign)
          }
        } else {
          let name = try self.name("the name of a part")
          value = try make(.member(value, name), from: start, over: [value], sign: sign)
        }
      default:
        return value
      }
    }
    return value
  }

  /// What stands in the parentheses of a call, whose opening one was taken.
  mutating func arguments() throws(Diagnostic) -> [Expression.Argument] {
    try list(until: ")") { (parser) throws(Diagnostic) in
      guard parser.token.kind == .name, parser.peek().isSymbol(":") else {
        return Expression.Argument(label: nil, value: try parser.expression())
      }
      let label = try parser.name("a label")
      parser.advance()
      return Expression.Argument(label: label, value: try parser.expression())
    }
  }

  private mutating func indexItem() throws(Diagnostic) -> Expression.IndexItem {
    guard token.kind == .name, peek().isKeyword("in") else { return .value(try expression()) }
    return .binding(try binding())
  }

  /// `NAME in LIST [where CONDITION]`
  mutating func binding() throws(Diagnostic) -> Expression.Binding {
    let name = try self.name("a name for the index")
    try expectKeyword("in")
    let list = try expression()
    var condition: Expression?
    if token.isName("where") {
      outline?.softBreak()
      advance()
      condition = try expression()
    }
    return Expression.Binding(name: name, list: list, condition: condition)
  }

  // MARK: Beginnings

  private mutating func primary() throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    switch token.kind {
    case .number:
      let text = token.text
      advance()
      return try make(.number(text), from: start)
    case .quote:
      return try text()
    case .name:
      let text = token.text
      advance()
      return try make(.name(text), from: start)
    case .keyword where token.text == "true" || token.text == "false":
      let value = token.text == "true"
      advance()
      return try make(.bool(value), from: start)
    case .keyword where token.text == "if" || token.text == "not":
      throw expected("a value", label: "put it in parentheses")
    case .symbol where token.text == "[":
      return try listLiteral()
    case .symbol where token.text == "(":
      advance()
      let first = try expression()
      if take(")") {
        // The parentheses belong to its place, so that a message about it shows them.
        return Expression(first.kind, at: location(from: start), depth: first.depth)
      }
      guard take(",") else { throw expected("',' or ')'") }
      let items = [first] + (try list(until: ")") { (parser) throws(Diagnostic) in try parser.expression() })
      return try make(.tuple(items), from: start, over: items)
    case .keyword, .symbol, .invalid, .end:
      throw expected("a value")
    }
  }

  private mutating func listLiteral() throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    try expect("[")
    if take("]") { return try make(.list([]), from: start) }
    let first = try expression()
    if token.isKeyword("for") {
      outline?.softBreak()
      advance()
      let binding = try self.binding()
      try expect("]")
      return try make(.comprehension(first, binding), from: start, depth: max(first.depth, binding.depth) + 1)
    }
    var items = [first]
    if !take("]") {
      guard take(",") else { throw expected("',' or ']'") }
      items += try list(until: "]") { (parser) throws(Diagnostic) in try parser.expression() }
    }
    return try make(.list(items), from: start, over: items)
  }

  // MARK: Starts

  /// `starting ...`, and how deep it is.
  private mutating func start() throws(Diagnostic) -> (Start, depth: Int) {
    let start = token.range.lowerBound
    try expectKeyword("starting")
    var base: Start.Base?
    var depth = 0
    if takeWord("fresh") {
      let seed = try self.seed()
      depth = seed?.depth ?? 0
      base = .fresh(seed: seed)
    } else if takeWord("adopted") {
      base = .adopted
    } else if takeWord("from") {
      let file = try path()
      depth = file.depth
      base = .from(file)
    } else if !at("{") {
      let words = ["fresh", "adopted", "from"]
      let meant = token.kind == .name ? suggestion(for: token.text, among: words) : nil
      throw expected("'fresh', 'adopted', 'from' or '{'", label: meant.map { "did you mean '\($0)'?" })
    }
    var assignments: [Assignment] = []
    if at("{") {
      assignments = try self.assignments()
      for assignment in assignments { depth = max(depth, assignment.target.depth, assignment.value.depth) }
    }
    return (Start(base: base, assignments: assignments, at: location(from: start)), depth)
  }

  /// `(seed: 0)`, where it is written.
  mutating func seed() throws(Diagnostic) -> Expression? {
    guard at("("), !token.isFirstOnLine else { return nil }
    outline?.glue()
    advance()
    try expectWord("seed")
    try expect(":")
    let value = try expression()
    try expect(")")
    return value
  }

  /// `{ PATH = VALUE ... }`
  mutating func assignments() throws(Diagnostic) -> [Assignment] {
    try block(.assignments) { (parser) throws(Diagnostic) in
      guard parser.token.kind == .name else { throw parser.expected("the name of a part or tensor") }
      let target = try parser.path()
      try parser.expect("=")
      return Assignment(target: target, value: try parser.expression())
    }
  }
}

extension Expression.Binding {
  /// The depth of what it holds.
  var depth: Int { max(list.depth, condition?.depth ?? 0) }
}
