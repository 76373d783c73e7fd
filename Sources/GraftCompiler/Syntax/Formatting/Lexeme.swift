/// A word of a text as the formatter sees it: with the comments in front of it.
struct Lexeme {
  /// A comment on lines of its own.
  struct Comment {
    let text: String
    /// Whether an empty line stands in front of it.
    let followsEmptyLine: Bool
  }

  let text: String
  let kind: Outline.Word.Kind
  /// The comment that ends the line of the word before.
  var trailing: String?
  var comments: [Comment] = []
  var followsEmptyLine = false
  /// The bracket that belongs to this one.
  var partner: Int?

  var hasComments: Bool { trailing != nil || !comments.isEmpty }

  /// Whether it is a bracket, or the sign in front of a value in a text.
  var opens: Bool {
    kind == .textPiece ? text.utf8.last != UInt8(ascii: "\"") : text == "(" || text == "[" || text == "{"
  }

  /// Whether it ends what another opens.
  var closes: Bool {
    kind == .textPiece ? text.utf8.first == UInt8(ascii: ")") : text == ")" || text == "]" || text == "}"
  }
}

extension Lexeme {
  /// The words of `outline`, which was made from `bytes`, and one without text for the end of the file.
  static func all(of outline: Outline, in bytes: [UInt8]) -> [Lexeme] {
    var result: [Lexeme] = []
    result.reserveCapacity(outline.words.count + 1)
    var open: [Int] = []
    // A byte order mark belongs to no word.
    var end = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    for word in outline.words {
      var lexeme = Lexeme(text: String(decoding: bytes[word.range], as: UTF8.self), kind: word.kind)
      lexeme.readGap(bytes, end..<word.range.lowerBound, isFirst: result.isEmpty)
      if lexeme.closes, let opening = open.popLast() {
        lexeme.partner = opening
        result[opening].partner = result.count
      }
      if lexeme.opens { open.append(result.count) }
      result.append(lexeme)
      end = word.range.upperBound
    }
    var last = Lexeme(text: "", kind: .plain)
    last.readGap(bytes, end..<bytes.count, isFirst: result.isEmpty)
    result.append(last)
    return result
  }

  /// Takes the comments from `gap`, which holds only these and white space.
  private mutating func readGap(_ bytes: [UInt8], _ gap: Range<Int>, isFirst: Bool) {
    var lineEnds = 0
    var position = gap.lowerBound
    while position < gap.upperBound {
      if bytes[position] == UInt8(ascii: "\n") { lineEnds += 1 }
      guard bytes[position] == UInt8(ascii: "/") else {
        position += 1
        continue
      }
      let end = bytes[position..<gap.upperBound].firstIndex(of: UInt8(ascii: "\n")) ?? gap.upperBound
      var trimmed = bytes[position..<end]
      while let last = trimmed.last, last == 0x20 || last == 0x09 || last == 0x0D { trimmed.removeLast() }
      let text = String(decoding: trimmed, as: UTF8.self)
      if lineEnds == 0, !isFirst {
        trailing = text
      } else {
        comments.append(Comment(text: text, followsEmptyLine: lineEnds > 1))
      }
      lineEnds = 0
      position = end
    }
    followsEmptyLine = lineEnds > 1
  }
}
