import GraftIR

/// The type of a metadata value in a GGUF file.
///
/// Source: ggml `docs/gguf.md`.
enum GGUFValueType: UInt32, Sendable, CaseIterable {
  case u8, i8, u16, i16, u32, i32, f32, bool, text, list, u64, i64, f64

  /// The least bytes that a value takes.
  var byteCount: Int {
    switch self {
    case .u8, .i8, .bool: 1
    case .u16, .i16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64, .text: 8
    case .list: 12
    }
  }

  /// How graft's record of types spells it.
  var name: String { "\(self)" }
}

/// What a metadata value of a GGUF file is: how graft spells it, and of which type it was.
struct GGUFValue: Sendable, Hashable {
  /// A text as it is, anything else as JSON.
  let text: String
  /// `u32`, `text`, `list i32`.
  let type: String
}

extension GGUFHeader {
  /// Lists inside lists, at most; the reference reader takes none.
  static let depthLimit = 8
  /// Entries of all lists together, at most: a vocabulary has some 100,000.
  static let listLimit = 4_000_000
  /// Bytes of all keys, texts and names together, at most.
  static let textLimit = 256 << 20

  /// Reads a value of `type`, whose lists take their entries from `entriesLeft`.
  static func value(
    _ type: GGUFValueType, _ reader: inout ByteReader, entriesLeft: inout Int
  ) throws(Diagnostic) -> GGUFValue {
    var types: [String] = []
    let value = try json(type, &reader, depth: 0, &types, &entriesLeft)
    let text = if case .text(let text) = value { text } else { value.text() }
    return GGUFValue(text: text, type: types.joined(separator: " "))
  }

  private static func json(
    _ type: GGUFValueType, _ reader: inout ByteReader, depth: Int, _ types: inout [String], _ entriesLeft: inout Int
  ) throws(Diagnostic) -> JSON {
    if types.count == depth { types.append(type.name) }
    switch type {
    case .u8: return .int(Int(try reader.number(UInt8.self)))
    case .i8: return .int(Int(try reader.number(Int8.self)))
    case .u16: return .int(Int(try reader.number(UInt16.self)))
    case .i16: return .int(Int(try reader.number(Int16.self)))
    case .u32: return .int(Int(try reader.number(UInt32.self)))
    case .i32: return .int(Int(try reader.number(Int32.self)))
    case .f32: return number(Double(Float(bitPattern: try reader.number(UInt32.self))))
    case .f64: return number(Double(bitPattern: try reader.number(UInt64.self)))
    case .i64: return .int(Int(try reader.number(Int64.self)))
    case .u64:
      let value = try reader.number(UInt64.self)
      return Int(exactly: value).map { .int($0) } ?? .text(String(value))
    case .bool:
      let place = Location(reader.file, reader.position..<reader.position + 1)
      let value = try reader.byte()
      guard value <= 1 else { throw Diagnostic("gguf.bool", "a truth is \(value), neither 0 nor 1", at: place) }
      return .bool(value == 1)
    case .text: return .text(try text(&reader, "a text"))
    case .list:
      guard depth < depthLimit else {
        throw Diagnostic(
          "gguf.depth", "lists are nested deeper than \(depthLimit) levels",
          at: Location(reader.file, reader.position..<reader.position))
      }
      let element = try valueType(&reader)
      let count = try count(&reader, of: element.byteCount, "a list")
      entriesLeft -= count
      guard entriesLeft >= 0 else {
        throw Diagnostic(
          "gguf.list", "lists of more than \(listLimit) entries together",
          at: Location(reader.file, reader.position..<reader.position))
      }
      var items: [JSON] = []
      for _ in 0..<count { items.append(try json(element, &reader, depth: depth + 1, &types, &entriesLeft)) }
      if count == 0, types.count == depth + 1 { types.append(element.name) }
      return .list(items)
    }
  }

  /// JSON has no number that is not finite.
  private static func number(_ value: Double) -> JSON { value.isFinite ? .number(value) : .text("\(value)") }

  static func valueType(_ reader: inout ByteReader) throws(Diagnostic) -> GGUFValueType {
    let place = Location(reader.file, reader.position..<reader.position + 4)
    let id = try reader.number(UInt32.self)
    guard let type = GGUFValueType(rawValue: id) else {
      throw Diagnostic("gguf.value-type", "a value of the unknown type \(id)", at: place)
    }
    return type
  }

  /// A number of things of at least `byteCount` bytes each, which have to fit the file.
  static func count(_ reader: inout ByteReader, of byteCount: Int, _ what: String) throws(Diagnostic) -> Int {
    let place = Location(reader.file, reader.position..<min(reader.position + 8, reader.end))
    let given = try reader.number(UInt64.self)
    // A file that was cut short lacks a part of what its counts say; counts beyond the whole file were never true.
    guard let count = Int(exactly: given), count <= reader.end / max(1, byteCount) else {
      throw Diagnostic(
        "gguf.count", "\(what) claims \(given) entries, which no file of \(reader.end) bytes holds", at: place)
    }
    guard count <= reader.remaining / max(1, byteCount) else {
      throw Diagnostic(
        "gguf.truncated", "\(what) claims \(given) entries, but only \(reader.remaining) bytes are left", at: place)
    }
    return count
  }

  /// A text: its length, then UTF-8.
  static func text(_ reader: inout ByteReader, _ what: String) throws(Diagnostic) -> String {
    let length = try count(&reader, of: 1, what)
    let place = Location(reader.file, reader.position..<reader.position + length)
    // Everything before the data is read into memory: it must not be as large as a file may be.
    guard reader.position + length <= textLimit else {
      throw Diagnostic(
        "gguf.list",
        "\(what) ends at byte \(reader.position + length): keys, texts and names of over \(textLimit) bytes",
        at: place)
    }
    guard let text = String(validUTF8: try reader.bytes(length)) else {
      throw Diagnostic("gguf.utf8", "\(what) is not UTF-8", at: place)
    }
    return text
  }
}
