import GraftIR

extension Parser {
  /// `"..."`, with values as `\(x)` in it. A text ends on the line that it begins on.
  mutating func text() throws(Diagnostic) -> Expression {
    let start = token.range.lowerBound
    let opening = token
    let lexerBehindOpening = lexer
    let braceDepthAtOpening = braceDepth
    guard textNesting < Self.maximumTextNesting else {
      throw Diagnostic("syntax.too-deep", "texts nested deeper than \(Self.maximumTextNesting) levels", at: here)
    }
    textNesting += 1
    defer { textNesting -= 1 }
    do throws(Diagnostic) {
      var parts: [Expression.TextPart] = []
      var depth = 0
      var pieceStart = start
      while true {
        let literal = try literal(opening)
        outline?.add(pieceStart..<lexer.position, .textPiece)
        if !literal.isEmpty { parts.append(.literal(literal)) }
        guard lexer.bytes[lexer.position - 1] == UInt8(ascii: "(") else { break }
        advance(isOutlined: false)
        let value = try expression()
        guard token.lineStart == opening.lineStart else { throw unclosed(opening) }
        guard at(")") else { throw expected("')'") }
        pieceStart = token.range.lowerBound
        depth = max(depth, value.depth)
        parts.append(.value(value))
      }
      advanceBehindText()
      return try make(.text(parts), from: start, depth: depth + 1)
    } catch {
      let isUnclosed = token.lineStart != opening.lineStart && !isStopped
      // Read on behind the text, so that nothing in it is taken for a statement.
      if !isStopped {
        lexer = lexerBehindOpening
        lexer.skipText()
        token = opening
        braceDepth = braceDepthAtOpening
        advanceBehindText()
      }
      throw isUnclosed ? unclosed(opening) : error
    }
  }

  /// A text in which no values stand.
  mutating func plainText(_ what: String) throws(Diagnostic) -> Name {
    guard token.kind == .quote else { throw expected(what) }
    let value = try text()
    guard case .text(let parts) = value.kind else { throw expected(what) }
    var result = ""
    for part in parts {
      switch part {
      case .literal(let literal): result += literal
      case .value(let inner):
        throw Diagnostic("syntax.expected", "expected \(what) without values in it", at: inner.at)
      }
    }
    return Name(result, at: value.at)
  }

  private func unclosed(_ opening: Token) -> Diagnostic {
    Diagnostic("syntax.text", "text is not closed on its line", at: Location(file, opening.range))
  }

  /// The characters up to the closing sign or a value, whose sign or opening parenthesis is taken.
  private mutating func literal(_ opening: Token) throws(Diagnostic) -> String {
    var bytes: [UInt8] = []
    while lexer.position < lexer.bytes.count {
      let byte = lexer.bytes[lexer.position]
      switch byte {
      case UInt8(ascii: "\""):
        lexer.position += 1
        return String(decoding: bytes, as: UTF8.self)
      case UInt8(ascii: "\n"):
        throw unclosed(opening)
      case UInt8(ascii: "\\"):
        let place = lexer.position
        guard place + 1 < lexer.bytes.count else { throw unclosed(opening) }
        lexer.position += 2
        switch lexer.bytes[place + 1] {
        case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
        case UInt8(ascii: "t"): bytes.append(UInt8(ascii: "\t"))
        case UInt8(ascii: "\""): bytes.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "("): return String(decoding: bytes, as: UTF8.self)
        case UInt8(ascii: "\n"): throw unclosed(opening)
        default:
          throw Diagnostic(
            "syntax.escape", "'\\' stands before n, t, \", \\ or ( only", at: Location(file, place..<(place + 1)),
            label: "write '\\\\' for the sign itself")
        }
      case 0..<0x09, 0x0B..<0x20, 0x7F:
        throw Diagnostic(
          "syntax.character", "'\(excerpt(lexer.position..<(lexer.position + 1)))' cannot stand in a text",
          at: Location(file, lexer.position..<(lexer.position + 1)))
      default:
        bytes.append(byte)
        lexer.position += 1
      }
    }
    throw unclosed(opening)
  }

  /// Goes on with the token behind the text that ends before `lexer.position`.
  private mutating func advanceBehindText() {
    let end = lexer.position
    advance(isOutlined: false)
    previousEnd = end
  }
}
