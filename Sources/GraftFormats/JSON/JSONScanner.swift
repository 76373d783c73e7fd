import GraftIR

/// Reads JSON from bytes in place, value by value, as the caller asks for them: a header of 100 MB never becomes a
/// tree.
///
/// Strict where hostile files profit from leniency: no comments, no trailing commas, no byte order mark, no text that
/// is not UTF-8, no lone surrogate, no name twice in an object, at most `JSONScanner.depthLimit` levels.
struct JSONScanner {
  /// Low enough that neither reading nor releasing a value runs out of stack on a thread of 512 KB.
  static let depthLimit = 128

  /// The next byte, counted from the start of `bytes`.
  private(set) var position = 0
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  /// Where `bytes` start in the file.
  private let origin: Int
  private var depth = 0

  /// Scans `bytes`, which stand at `origin` in `file`.
  init(_ bytes: UnsafeRawBufferPointer, file: String, origin: Int = 0) {
    self.bytes = bytes
    self.file = file
    self.origin = origin
  }

  /// What the next value is, by its first byte.
  enum Kind { case null, bool, number, text, list, object, none }

  /// The kind of the next value.
  mutating func kind() -> Kind {
    skipSpace()
    guard position < bytes.count else { return .none }
    switch bytes[position] {
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "\""): return .text
    case UInt8(ascii: "["): return .list
    case UInt8(ascii: "{"): return .object
    default: return .none
    }
  }

  /// Reads an object; `member` reads the value of each name.
  mutating func object(
    _ member: (_ scanner: inout JSONScanner, _ name: String) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    try open("{")
    var names: Set<String> = []
    if try closes("}") { return }
    while true {
      skipSpace()
      let start = position
      let name = try text()
      // Swift compares texts by what they look like, so 'é' in one and in two code points are one name here.
      guard names.insert(name).inserted else {
        throw failure("json.duplicate-name", "the name '\(name.shortened)' stands twice in one object", start)
      }
      try expect(":")
      try member(&self, name)
      if try closes("}") { return }
      try expect(",")
    }
  }

  /// Reads a list; `element` reads each value.
  mutating func list(_ element: (_ scanner: inout JSONScanner) throws(Diagnostic) -> Void) throws(Diagnostic) {
    try open("[")
    if try closes("]") { return }
    while true {
      try element(&self)
      if try closes("]") { return }
      try expect(",")
    }
  }

  /// Reads any value.
  mutating func value() throws(Diagnostic) -> JSON {
    switch kind() {
    case .null:
      try word("null")
      return .null
    case .bool: return .bool(try bool())
    case .number: return try number()
    case .text: return .text(try text())
    case .list:
      var elements: [JSON] = []
      try list { (scanner) throws(Diagnostic) in elements.append(try scanner.value()) }
      return .list(elements)
    case .object:
      var members: [JSON.Member] = []
      try object { (scanner, name) throws(Diagnostic) in
        members.append(JSON.Member(name, try scanner.value()))
      }
      return .object(members)
    case .none: throw unexpected("a value")
    }
  }

  /// Reads `null`.
  mutating func null() throws(Diagnostic) {
    guard kind() == .null else { throw unexpected("'null'") }
    try word("null")
  }

  /// Reads a truth.
  mutating func bool() throws(Diagnostic) -> Bool {
    guard kind() == .bool else { throw unexpected("a truth") }
    let isTrue = bytes[position] == UInt8(ascii: "t")
    try word(isTrue ? "true" : "false")
    return isTrue
  }

  /// Reads a whole number of 0 or more, or gives `nil` where the number is another one.
  mutating func count() throws(Diagnostic) -> Int? {
    guard case .int(let value) = try number(), value >= 0 else { return nil }
    return value
  }

  /// Reads a number.
  mutating func number() throws(Diagnostic) -> JSON {
    guard kind() == .number else { throw unexpected("a number") }
    let start = position
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    let first = position
    try digits()
    guard bytes[first] != UInt8(ascii: "0") || position == first + 1 else {
      throw failure("json.syntax", "a number starts with a superfluous 0", start)
    }
    var isWhole = true
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      try digits()
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
        position += 1
      }
      try digits()
    }
    // No number that anybody writes is longer, and reading a megabyte of digits is slow.
    guard position - start <= 400 else {
      throw failure("json.number", "a number of \(position - start) characters, where 400 are the most", start)
    }
    let spelling = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, spelling != "-0", let value = Int(spelling) { return .int(value) }
    guard let value = Double(spelling), value.isFinite else {
      throw failure("json.number", "the number '\(spelling.shortened)' is beyond the range of a double", start)
    }
    return .number(value)
  }

  /// Reads a text.
  mutating func text() throws(Diagnostic) -> String {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw unexpected("a text") }
    position += 1
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let text = try utf8(start..<position)
        position += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try escapedText(start) }
      guard byte >= 0x20 else {
        throw failure("json.syntax", "a text holds the control character \(byte) unescaped", position)
      }
      position += 1
    }
    throw failure("json.syntax", "a text does not end", start - 1)
  }

  /// Reads a value and forgets it.
  mutating func skipValue() throws(Diagnostic) {
    switch kind() {
    case .list: try list { (scanner) throws(Diagnostic) in try scanner.skipValue() }
    case .object: try object { (scanner, _) throws(Diagnostic) in try scanner.skipValue() }
    case .null, .bool, .number, .text, .none: _ = try value()
    }
  }

  /// Makes sure that nothing but white space is left.
  mutating func end() throws(Diagnostic) {
    skipSpace()
    guard position == bytes.count else {
      throw failure("json.syntax", "\(bytes.count - position) bytes follow the value", position)
    }
  }

  /// A failure at `position`, a place in `bytes`.
  func failure(_ rule: String, _ message: String, _ position: Int) -> Diagnostic {
    Diagnostic(rule, message, at: Location(file, origin + position..<origin + min(position + 1, bytes.count)))
  }

  /// That something else than `wanted` comes next.
  mutating func unexpected(_ wanted: String) -> Diagnostic {
    skipSpace()
    guard position < bytes.count else {
      return Diagnostic(
        "json.syntax", "\(wanted) is expected, but the text ends",
        at: Location(file, origin + bytes.count..<origin + bytes.count))
    }
    let byte = bytes[position]
    let found = byte > 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
    return failure("json.syntax", "\(wanted) is expected, but \(found) stands there", position)
  }

  private mutating func skipSpace() {
    while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
  }

  /// Whether JSON lets `byte` stand between values.
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  private mutating func open(_ character: Unicode.Scalar) throws(Diagnostic) {
    try expect(character)
    depth += 1
    guard depth <= Self.depthLimit else {
      throw failure("json.depth", "values are nested deeper than \(Self.depthLimit) levels", position - 1)
    }
  }

  private mutating func closes(_ character: Unicode.Scalar) throws(Diagnostic) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    depth -= 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Diagnostic) {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else {
      throw unexpected("'\(character)'")
    }
    position += 1
  }

  private mutating func word(_ word: StaticString) throws(Diagnostic) {
    let length = word.utf8CodeUnitCount
    guard bytes.count - position >= length,
      bytes[position..<position + length].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: length))
    else { throw failure("json.syntax", "'\(word)' is misspelt", position) }
    position += length
  }

  private mutating func digits() throws(Diagnostic) {
    let start = position
    while position < bytes.count, bytes[position] &- UInt8(ascii: "0") < 10 { position += 1 }
    guard position > start else { throw unexpected("a digit") }
  }

  private func utf8(_ range: Range<Int>) throws(Diagnostic) -> String {
    guard let text = String(validUTF8: UnsafeRawBufferPointer(rebasing: bytes[range])) else {
      throw failure("json.utf8", "a text is not UTF-8", range.lowerBound)
    }
    return text
  }

  /// The rest of a text that holds an escape at `position`; it began at `start`.
  private mutating func escapedText(_ start: Int) throws(Diagnostic) -> String {
    var out = [UInt8](bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        guard let text = String(validating: out, as: UTF8.self) else {
          throw failure("json.utf8", "a text is not UTF-8", start)
        }
        return text
      }
      if byte < 0x20 {
        throw failure("json.syntax", "a text holds the control character \(byte) unescaped", position)
      }
      position += 1
      if byte != UInt8(ascii: "\\") {
        out.append(byte)
        continue
      }
      guard position < bytes.count else { break }
      let escape = bytes[position]
      position += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(escape)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"): out += String(Character(try escapedScalar())).utf8
      default: throw failure("json.syntax", "a text holds an unknown escape", position - 1)
      }
    }
    throw failure("json.syntax", "a text does not end", start - 1)
  }

  private mutating func escapedScalar() throws(Diagnostic) -> Unicode.Scalar {
    let start = position - 2
    let first = try codeUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, bytes.count - position >= 6, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      let second = try codeUnit()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    throw failure("json.surrogate", "a text holds half of a surrogate pair", start)
  }

  private mutating func codeUnit() throws(Diagnostic) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue else {
        throw failure("json.syntax", "an escape needs four hexadecimal digits", position)
      }
      unit = unit << 4 | UInt32(digit)
      position += 1
    }
    return unit
  }
}
