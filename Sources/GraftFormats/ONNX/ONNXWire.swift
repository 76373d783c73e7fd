import GraftIR

// Layout of a protobuf message, field after field in any order (protobuf, "Encoding"):
//
//   tag      varint   field number × 8 + wire type
//   content  by the wire type: 0 a varint, 1 eight bytes, 2 a varint length and as many bytes, 5 four bytes,
//            3 fields up to a tag of the same number and type 4: a group, which ONNX does not use

/// One field of a message: where it lies in the file.
struct ONNXField {
  /// How the content is spelled.
  enum Wire: UInt8, Sendable, Hashable {
    case varint, eightBytes, bytes, groupStart, groupEnd, fourBytes
  }

  let number: Int
  let wire: Wire
  /// With the tag.
  let whole: Range<Int>
  /// Without tag and length.
  let content: Range<Int>
  /// The number where it is a varint.
  let value: UInt64
}

/// Walks the fields of a message where they lie in a mapped file, and looks into none of them.
struct ONNXWire {
  /// Messages or groups in each other, at most. A graph in a node of a graph is three.
  static let depthLimit = 64

  let file: String
  private(set) var position: Int
  let end: Int
  private let storage: Storage

  /// Walks `range` of `mapped`.
  init(_ mapped: MappedFile, _ range: Range<Int>) {
    storage = mapped.storage
    file = mapped.path
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next field, or `nil` at the end of the message. Groups are passed over.
  ///
  /// - Throws: `onnx.truncated`, `onnx.varint`, `onnx.field`, `onnx.wire-type`, `onnx.depth`.
  mutating func next() throws(Diagnostic) -> ONNXField? {
    var groups: [Int] = []
    while position < end {
      let field = try field()
      switch field.wire {
      case .groupStart:
        groups.append(field.number)
        guard groups.count <= Self.depthLimit else {
          throw failure("onnx.depth", "groups are in each other more than \(Self.depthLimit) times", field.whole)
        }
      case .groupEnd:
        guard groups.popLast() == field.number else {
          throw failure("onnx.wire-type", "a group ends that did not begin", field.whole)
        }
      case .varint, .eightBytes, .bytes, .fourBytes: if groups.isEmpty { return field }
      }
    }
    guard groups.isEmpty else { throw truncation("a group", position) }
    return nil
  }

  private mutating func field() throws(Diagnostic) -> ONNXField {
    let start = position
    let tag = try varint()
    let number = tag >> 3
    guard number > 0, number < 1 << 29 else {
      throw failure("onnx.field", "\(number) is no number of a field", start..<position)
    }
    guard let wire = ONNXField.Wire(rawValue: UInt8(tag & 7)) else {
      throw failure(
        "onnx.wire-type", "field \(number) is of wire type \(tag & 7), which there is not", start..<position)
    }
    var content = position
    var value: UInt64 = 0
    switch wire {
    case .varint: value = try varint()
    case .eightBytes: try skip(8, of: number)
    case .fourBytes: try skip(4, of: number)
    case .bytes:
      let length = try varint()
      content = position
      try skip(length, of: number)
    case .groupStart, .groupEnd: break
    }
    return ONNXField(
      number: Int(number), wire: wire, whole: start..<position, content: content..<position, value: value)
  }

  /// The next number of seven bits a byte, the low ones first.
  mutating func varint() throws(Diagnostic) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard position < end else { throw truncation("a number", start) }
      let byte = storage.start.load(fromByteOffset: position, as: UInt8.self)
      position += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw failure("onnx.varint", "a number has over ten bytes", start..<position)
  }

  /// The next little-endian number of four or eight bytes.
  mutating func fixed<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) throws(Diagnostic) -> Number {
    let start = position
    try skip(UInt64(MemoryLayout<Number>.size), of: 0)
    return Number(littleEndian: storage.start.loadUnaligned(fromByteOffset: start, as: Number.self))
  }

  private mutating func skip(_ count: UInt64, of field: UInt64) throws(Diagnostic) {
    guard count <= UInt64(end - position) else {
      throw failure(
        "onnx.truncated", "field \(field) claims \(count) bytes, but only \(end - position) are left", position..<end)
    }
    position += Int(count)
  }

  private func truncation(_ what: String, _ start: Int) -> Diagnostic {
    failure("onnx.truncated", "the message ends within \(what)", start..<end)
  }

  private func failure(_ rule: String, _ message: String, _ range: Range<Int>) -> Diagnostic {
    Diagnostic(rule, message, at: Location(file, range))
  }
}

extension ONNXField {
  /// The content of a field that is a message, a text or bytes.
  ///
  /// - Throws: `onnx.wire-type` where it is a number.
  func bytes(_ name: String, _ file: String) throws(Diagnostic) -> Range<Int> {
    guard wire == .bytes else { throw mismatch(name, file) }
    return content
  }

  /// The number of a field that is a varint.
  ///
  /// - Throws: `onnx.wire-type` where it is something else.
  func number(_ name: String, _ file: String) throws(Diagnostic) -> Int64 {
    guard wire == .varint else { throw mismatch(name, file) }
    return Int64(bitPattern: value)
  }

  private func mismatch(_ name: String, _ file: String) -> Diagnostic {
    Diagnostic("onnx.wire-type", "'\(name)' is of wire type \(wire.rawValue)", at: Location(file, whole))
  }
}
