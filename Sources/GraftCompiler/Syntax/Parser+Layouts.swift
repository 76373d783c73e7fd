import GraftIR

/// `layout NAME of MODEL { ... }`
extension Parser {
  /// What stands behind the word `layout`.
  mutating func layout(_ documentation: String, from start: Int) throws(Diagnostic) -> LayoutDeclaration {
    let name = try self.name("the name of a layout")
    try expectWord("of")
    let model = try self.name("the name of a model")
    isInLayout = true
    defer { isInLayout = false }
    let lines = try block(.body(isAligned: true)) { (parser) throws(Diagnostic) in try parser.layoutLine() }
    return LayoutDeclaration(
      name: name, model: model, lines: lines, documentation: documentation, at: location(from: start))
  }

  private mutating func layoutLine() throws(Diagnostic) -> LayoutDeclaration.Line {
    guard token.kind == .name else { throw expected("names of tensors, or 'without'") }
    if token.isName("without"), !peek().isSymbol("."), !peek().isSymbol("=") {
      advance()
      return .without(try path())
    }
    let names = try path()
    try expect("=")
    return .relation(names: names, value: try expression())
  }

  /// A step of a tensor's name: a name, a number, or a word that is no name elsewhere.
  mutating func layoutStep() throws(Diagnostic) -> Name {
    let steps = try layoutSteps()
    guard let step = steps.first, steps.count == 1 else {
      throw Diagnostic(
        "syntax.expected", "expected one step of a name, found '\(steps.map(\.text).joined(separator: "."))'",
        at: steps.first?.at ?? here)
    }
    return step
  }

  /// The same where `0.1` are two steps.
  mutating func layoutSteps() throws(Diagnostic) -> [Name] {
    switch token.kind {
    case .name, .keyword, .number:
      let steps = token.text.split(separator: ".").map { Name(String($0), at: here) }
      guard steps.allSatisfy({ $0.text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } }) else { break }
      for _ in steps { try count() }
      let isNumber = token.kind == .number
      advance()
      // Where a space may stand, `0 .1` would be another word than the `0.1` that it is written as.
      let next = peek()
      if isNumber, at("."), next.kind == .number,
        token.range.lowerBound != previousEnd || next.range.lowerBound != token.range.upperBound
      {
        throw Diagnostic("syntax.expected", "expected '.' between two numbers of a name without spaces", at: here)
      }
      return steps
    case .quote, .symbol, .invalid, .end: break
    }
    throw expected("the name of a part or tensor")
  }
}
