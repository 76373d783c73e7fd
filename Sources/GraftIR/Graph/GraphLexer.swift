/// One word of the text of a graph.
struct GraphToken {
  /// What it is.
  enum Kind: Equatable {
    case end
    case word(String)
    /// Digits, and what follows them without a gap.
    case number(String)
    case quoted(String)
    /// `%` and a number.
    case value(Int)
    case symbol(Character)
  }

  let kind: Kind
  let range: Range<Int>
}

/// Cuts the text of a graph into words.
struct GraphLexer {
  private let file: String
  private let bytes: [UInt8]
  private var place = 0

  init(_ text: String, file: String) {
    self.file = file
    bytes = Array(text.utf8)
  }

  /// The next word, after any white space.
  mutating func next() throws(Diagnostic) -> GraphToken {
    while place < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[place]) { place += 1 }
    let start = place
    guard start < bytes.count else { return GraphToken(kind: .end, range: start..<start) }
    let byte = bytes[start]
    if byte == 0x22 { return try quoted() }
    if GraphText.isWordStart(byte) {
      skip(while: GraphText.isWordPart)
      return token(.word(text(start..<place)), from: start)
    }
    if (0x30...0x39).contains(byte) || byte == 0x2D {
      place += 1
      skip { GraphText.isWordPart($0) || $0 == 0x2B || $0 == 0x2D }
      return token(.number(text(start..<place)), from: start)
    }
    place += 1
    if byte == 0x25 {
      skip { (0x30...0x39).contains($0) }
      guard let index = Int(text(start + 1..<place)) else {
        throw Diagnostic("graph.syntax", "'%' must be followed by the number of a value", at: location(start..<place))
      }
      return token(.value(index), from: start)
    }
    guard "=(){}[],:*@".utf8.contains(byte) else {
      throw Diagnostic("graph.syntax", "byte \(byte) begins no word", at: location(start..<place))
    }
    return token(.symbol(Character(Unicode.Scalar(byte))), from: start)
  }

  /// Where `range` is, for a message.
  func location(_ range: Range<Int>) -> Location { Location(file, range) }

  private mutating func quoted() throws(Diagnostic) -> GraphToken {
    let start = place
    var out: [UInt8] = []
    place += 1
    while place < bytes.count, bytes[place] != 0x22 {
      let byte = bytes[place]
      place += 1
      guard byte == 0x5C else {
        out.append(byte)
        continue
      }
      let escape = place < bytes.count ? bytes[place] : 0
      place += 1
      switch escape {
      case 0x22, 0x5C: out.append(escape)
      case 0x6E: out.append(0x0A)
      case 0x74: out.append(0x09)
      case 0x72: out.append(0x0D)
      case 0x75: out += Array(String(try scalar()).utf8)
      default:
        throw Diagnostic(
          "graph.syntax", "'\\' must be followed by one of \" \\ n t r u",
          at: location(place - 2..<min(place, bytes.count)))
      }
    }
    guard place < bytes.count else {
      throw Diagnostic("graph.syntax", "a quoted text has no closing quote", at: location(start..<bytes.count))
    }
    place += 1
    return token(.quoted(String(decoding: out, as: UTF8.self)), from: start)
  }

  /// `{` hexadecimal digits `}`, after `\u`.
  private mutating func scalar() throws(Diagnostic) -> Unicode.Scalar {
    let start = place
    skip { $0 != 0x7D && $0 != 0x22 && $0 != 0x0A }
    let digits = text(start..<place)
    place = min(place + 1, bytes.count)
    guard digits.utf8.first == 0x7B, digits.utf8.count <= 9, place <= bytes.count, bytes[place - 1] == 0x7D,
      let value = UInt32(digits.dropFirst(), radix: 16), let scalar = Unicode.Scalar(value)
    else {
      throw Diagnostic(
        "graph.syntax", "'\\u' must be followed by a character's number: \\u{7f}", at: location(start..<place))
    }
    return scalar
  }

  private mutating func skip(while isPart: (UInt8) -> Bool) {
    while place < bytes.count, isPart(bytes[place]) { place += 1 }
  }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  private func token(_ kind: GraphToken.Kind, from start: Int) -> GraphToken {
    GraphToken(kind: kind, range: start..<place)
  }
}
