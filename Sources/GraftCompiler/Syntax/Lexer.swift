/// One word, number or sign of a graft file.
struct Token {
  enum Kind {
    case name
    /// A word that can be no name, such as `for`.
    case keyword
    case number
    /// The sign that opens a text; the parser reads the rest, because values may stand in it.
    case quote
    case symbol
    /// A byte that nothing begins with, or a number with a wrong end.
    case invalid
    case end
  }

  var kind: Kind
  /// Empty for quotes, the end, and what is invalid.
  var text: String
  /// In bytes from the start of the file.
  var range: Range<Int>
  /// Where the line that it stands on begins.
  var lineStart: Int
  var isFirstOnLine: Bool
  /// The lines of `///` right in front of it.
  var documentation: Range<Int>?

  var column: Int { range.lowerBound - lineStart }

  func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
  func isKeyword(_ word: String) -> Bool { kind == .keyword && text == word }
  func isName(_ word: String) -> Bool { kind == .name && text == word }
}

/// Cuts the bytes of a graft file into tokens, one at a time, so that memory does not follow the size of the file.
struct Lexer {
  static let keywords: Set<String> = [
    "operator", "preset", "graft", "let", "import", "param", "table", "if", "then", "else", "for", "in", "return",
    "not", "and", "or", "is", "true", "false", "starting", "shared",
  ]
  static let suffixes: Set<String> = ["K", "M", "G", "KB", "MB", "GB", "KiB", "MiB", "GiB"]

  let bytes: [UInt8]
  /// Behind the token that was read last.
  var position = 0
  private var lineStart = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
    // A byte order mark, as some editors write it.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      position = 3
      lineStart = 3
    }
  }

  /// The text of `range`.
  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The next token; at the end of the file the end, again and again.
  mutating func next() -> Token {
    var isFirst = position == lineStart
    var documentation: Range<Int>?
    var newlines = 0
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\n"):
        position += 1
        lineStart = position
        isFirst = true
        newlines += 1
        if newlines > 1 { documentation = nil }
        continue
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        position += 1
        continue
      case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"):
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
        let isDocumentation = start + 2 < position && bytes[start + 2] == UInt8(ascii: "/")
        documentation = isDocumentation && isFirst ? (documentation?.lowerBound ?? start)..<position : nil
        newlines = 0
        continue
      default:
        break
      }
      break
    }
    let start = position
    var token = Token(
      kind: .end, text: "", range: start..<start, lineStart: lineStart, isFirstOnLine: isFirst,
      documentation: documentation)
    guard start < bytes.count else { return token }
    switch bytes[start] {
    case let first where Self.isLetter(first):
      while position < bytes.count, Self.isLetter(bytes[position]) || Self.isDigit(bytes[position]) { position += 1 }
      token.text = text(start..<position)
      token.kind = Self.keywords.contains(token.text) ? .keyword : .name
    case let first where Self.isDigit(first):
      token.kind = number() ? .number : .invalid
      if token.kind == .number { token.text = text(start..<position) }
    case UInt8(ascii: "\""):
      position += 1
      token.kind = .quote
    default:
      if let symbol = symbol() {
        token.kind = .symbol
        token.text = symbol
        position += symbol.utf8.count
      } else {
        token.kind = .invalid
        while position < bytes.count, !Self.isPlain(bytes[position]) { position += 1 }
      }
    }
    token.range = start..<position
    return token
  }

  /// Goes on behind the text whose opening sign was read, or to the end of its line where it is not closed.
  mutating func skipText() {
    var isText = true
    // How many parentheses are open in each value that is being skipped.
    var open: [Int] = []
    while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
      let current = bytes[position]
      position += 1
      switch current {
      case UInt8(ascii: "\\") where isText:
        guard position < bytes.count, bytes[position] != UInt8(ascii: "\n") else { return }
        if bytes[position] == UInt8(ascii: "("), open.count < 200 {
          open.append(1)
          isText = false
        }
        position += 1
      case UInt8(ascii: "\""):
        if isText, open.isEmpty { return }
        isText.toggle()
      case UInt8(ascii: "(") where !isText:
        open[open.count - 1] += 1
      case UInt8(ascii: ")") where !isText:
        open[open.count - 1] -= 1
        if open[open.count - 1] == 0 {
          open.removeLast()
          isText = true
        }
      default:
        break
      }
    }
  }

  private func byte(_ distance: Int) -> UInt8? {
    position + distance < bytes.count ? bytes[position + distance] : nil
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// Whether something may begin with `byte`.
  private static func isPlain(_ byte: UInt8) -> Bool {
    if isLetter(byte) || isDigit(byte) { return true }
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"), UInt8(ascii: "\""),
      UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
      UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "|"), UInt8(ascii: "%"),
      UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "<"),
      UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "."):
      return true
    default:
      return false
    }
  }

  private func symbol() -> String? {
    let second = byte(1)
    switch bytes[position] {
    case UInt8(ascii: "("): return "("
    case UInt8(ascii: ")"): return ")"
    case UInt8(ascii: "["): return "["
    case UInt8(ascii: "]"): return "]"
    case UInt8(ascii: "{"): return "{"
    case UInt8(ascii: "}"): return "}"
    case UInt8(ascii: ","): return ","
    case UInt8(ascii: ":"): return ":"
    case UInt8(ascii: "|"): return "|"
    case UInt8(ascii: "%"): return "%"
    case UInt8(ascii: "+"): return "+"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "-"): return second == UInt8(ascii: ">") ? "->" : "-"
    case UInt8(ascii: "*"): return second == UInt8(ascii: "*") ? "**" : "*"
    case UInt8(ascii: "<"): return second == UInt8(ascii: "=") ? "<=" : "<"
    case UInt8(ascii: ">"): return second == UInt8(ascii: "=") ? ">=" : ">"
    case UInt8(ascii: "="): return second == UInt8(ascii: "=") ? "==" : "="
    case UInt8(ascii: "!"): return second == UInt8(ascii: "=") ? "!=" : nil
    case UInt8(ascii: "."):
      guard second == UInt8(ascii: ".") else { return "." }
      if byte(2) == UInt8(ascii: ".") { return "..." }
      return byte(2) == UInt8(ascii: "<") ? "..<" : "."
    default: return nil
    }
  }

  /// Reads a number; `false` where it has a wrong end, such as `4x` or `2Gb`.
  private mutating func number() -> Bool {
    digits()
    if byte(0) == UInt8(ascii: "."), let digit = byte(1), Self.isDigit(digit) {
      position += 1
      digits()
    }
    if byte(0).map({ $0 | 0x20 }) == UInt8(ascii: "e") {
      let hasSign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-")
      if let digit = byte(hasSign ? 2 : 1), Self.isDigit(digit) {
        position += hasSign ? 2 : 1
        digits()
      }
    }
    let isPadded = bytes[position - 1] == UInt8(ascii: "_")
    let start = position
    while position < bytes.count, Self.isLetter(bytes[position]) || Self.isDigit(bytes[position]) { position += 1 }
    return !isPadded && (start == position || Self.suffixes.contains(text(start..<position)))
  }

  private mutating func digits() {
    while position < bytes.count, Self.isDigit(bytes[position]) || bytes[position] == UInt8(ascii: "_") {
      position += 1
    }
  }
}
