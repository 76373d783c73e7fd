public import GraftIR

/// A JSON value: members keep their order, and whole numbers that fit stay whole.
///
/// Source: RFC 8259; stricter where it leaves a choice (`specs/formats/json.md`).
public enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  case int(Int)
  /// A number with a fraction or an exponent, or beyond `Int`.
  case number(Double)
  case text(String)
  case list([JSON])
  case object([Member])

  /// One name of an object and what it stands for.
  public struct Member: Sendable, Hashable {
    /// The name.
    public let name: String
    /// What it stands for.
    public let value: JSON

    /// `value` under `name`.
    public init(_ name: String, _ value: JSON) {
      self.name = name
      self.value = value
    }
  }

  /// The value that `bytes` spell; `file` is named in messages.
  ///
  /// - Throws: a rule of the page `json`, with the byte.
  public init(parsing bytes: some Sequence<UInt8>, file: String) throws(Diagnostic) {
    let result = Array(bytes).withUnsafeBytes { buffer in
      Result { () throws(Diagnostic) -> JSON in try JSON(scanning: buffer, file: file) }
    }
    self = try result.get()
  }

  /// The value that `bytes` spell, which stand at `origin` in `file`.
  init(scanning bytes: UnsafeRawBufferPointer, file: String, origin: Int = 0) throws(Diagnostic) {
    var scanner = JSONScanner(bytes, file: file, origin: origin)
    self = try scanner.value()
    try scanner.end()
  }

  /// The value that `text` spells; `file` is named in messages.
  ///
  /// - Throws: a rule of the page `json`, with the byte.
  public init(parsing text: String, file: String) throws(Diagnostic) {
    try self.init(parsing: text.utf8, file: file)
  }

  /// An object of texts, sorted by name.
  public init(_ texts: [String: String]) {
    self = .object(texts.sorted { $0.key < $1.key }.map { Member($0.key, .text($0.value)) })
  }
}

extension JSON {
  /// What an object holds under `name`, or `nil`.
  public subscript(_ name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// The text, where it is one.
  public var textValue: String? {
    if case .text(let value) = self { return value }
    return nil
  }

  /// The whole number, where it is one.
  public var intValue: Int? {
    if case .int(let value) = self { return value }
    return nil
  }

  /// The number, where it is one, whole or not.
  public var doubleValue: Double? {
    switch self {
    case .int(let value): Double(value)
    case .number(let value): value
    case .null, .bool, .text, .list, .object: nil
    }
  }

  /// The truth, where it is one.
  public var boolValue: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The elements, where it is a list.
  public var listValue: [JSON]? {
    if case .list(let value) = self { return value }
    return nil
  }

  /// The members, where it is an object.
  public var members: [Member]? {
    if case .object(let value) = self { return value }
    return nil
  }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// A truth.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A text.
  public init(stringLiteral value: String) { self = .text(value) }
  /// A list.
  public init(arrayLiteral elements: JSON...) { self = .list(elements) }
  /// An object, its members in the order of the literal.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
}
