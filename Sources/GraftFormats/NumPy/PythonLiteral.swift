import GraftIR

/// Reads a Python literal of dictionaries, lists, tuples, texts, whole numbers and truths. Nothing is evaluated.
struct PythonLiteral {
  /// An array's header nests twice.
  static let depthLimit = 16

  indirect enum Value: Sendable, Hashable {
    case none
    case bool(Bool)
    case integer(Int)
    /// A number that is no whole one, or too long for 64 bits.
    case otherNumber
    case text(String)
    case tuple([Value])
    case list([Value])
    case dictionary([Member])
  }

  struct Member: Sendable, Hashable {
    let key: String
    let value: Value
  }

  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private let origin: Int
  private var position = 0

  /// Reads `bytes`, which stand at `origin` in `file`.
  init(_ bytes: UnsafeRawBufferPointer, file: String, origin: Int) {
    self.bytes = bytes
    self.file = file
    self.origin = origin
  }

  /// The literal that fills the bytes, but for white space around it.
  ///
  /// - Throws: `numpy.header`, `numpy.header-depth`.
  mutating func read() throws(Diagnostic) -> Value {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw failure("something follows the header's dictionary") }
    return value
  }

  private mutating func value(depth: Int) throws(Diagnostic) -> Value {
    guard depth < Self.depthLimit else {
      throw Diagnostic(
        "numpy.header-depth", "the header nests deeper than \(Self.depthLimit) levels", at: place)
    }
    skipSpace()
    guard let byte = next else { throw failure("the header ends early") }
    switch byte {
    case UInt8(ascii: "{"): return .dictionary(try members(depth: depth))
    case UInt8(ascii: "["): return .list(try elements(until: "]", depth: depth).values)
    case UInt8(ascii: "("):
      let (values, hasComma) = try elements(until: ")", depth: depth)
      return values.count == 1 && !hasComma ? values[0] : .tuple(values)
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      for (word, value) in [("True", Value.bool(true)), ("False", .bool(false)), ("None", .none)]
      where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return value
      }
      // Texts of Python 2 may be marked.
      if "ubUB".utf8.contains(byte), position + 1 < bytes.count, "'\"".utf8.contains(bytes[position + 1]) {
        position += 1
        return .text(try text())
      }
      throw failure("the header holds something else than a literal")
    }
  }

  private mutating func members(depth: Int) throws(Diagnostic) -> [Member] {
    position += 1
    var members: [Member] = []
    while true {
      skipSpace()
      if try take("}") { return members }
      guard case .text(let key) = try value(depth: depth + 1) else { throw failure("a key of the header is no text") }
      skipSpace()
      guard try take(":") else { throw failure("a key of the header has no value") }
      members.append(Member(key: key, value: try value(depth: depth + 1)))
      skipSpace()
      if try take(",") { continue }
      guard try take("}") else { throw failure("the header's dictionary does not end") }
      return members
    }
  }

  private mutating func elements(
    until end: Unicode.Scalar, depth: Int
  ) throws(Diagnostic) -> (values: [Value], hasComma: Bool) {
    position += 1
    var values: [Value] = []
    var hasComma = false
    while true {
      skipSpace()
      if try take(end) { return (values, hasComma) }
      values.append(try value(depth: depth + 1))
      skipSpace()
      if try take(",") {
        hasComma = true
        continue
      }
      guard try take(end) else { throw failure("a list of the header does not end") }
      return (values, hasComma)
    }
  }

  private mutating func text() throws(Diagnostic) -> String {
    let quote = bytes[position]
    position += 1
    guard let length = bytes[position...].firstIndex(of: quote).map({ $0 - position }) else {
      throw failure("a text of the header does not end")
    }
    let content = bytes[position..<position + length]
    guard !content.contains(UInt8(ascii: "\\")) else { throw failure("a text of the header holds an escape") }
    position += length + 1
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func number() throws(Diagnostic) -> Value {
    let start = position
    position += 1
    let others = "0123456789.eE+-_xXoObBjJaAcCdDfF"
    while let byte = next, others.utf8.contains(byte) { position += 1 }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    // Long whole numbers of Python 2 end in a letter.
    if let byte = next, byte == UInt8(ascii: "L") || byte == UInt8(ascii: "l") { position += 1 }
    return Int(digits).map { .integer($0) } ?? .otherNumber
  }

  private mutating func take(_ character: Unicode.Scalar) throws(Diagnostic) -> Bool {
    guard let byte = next else { throw failure("the header ends early") }
    guard byte == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
  }

  private var place: Location { Location(file, origin + position..<origin + position + 1) }

  private func failure(_ message: String) -> Diagnostic { Diagnostic("numpy.header", message, at: place) }
}
