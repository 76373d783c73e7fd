/// The bytes of protobuf messages, field by field, so that tests can make what no library writes.
enum ONNXBuilder {
  static func varint(_ value: UInt64) -> [UInt8] {
    var out: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      out.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  static func number(_ field: UInt64, _ value: Int64) -> [UInt8] {
    varint(field << 3) + varint(UInt64(bitPattern: value))
  }

  static func bytes(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(content.count)) + content
  }

  static func text(_ field: UInt64, _ text: String) -> [UInt8] { bytes(field, Array(text.utf8)) }

  static func float(_ field: UInt64, _ value: Float) -> [UInt8] {
    varint(field << 3 | 5) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  /// A model whose graph has these fields.
  static func model(_ graph: [UInt8], _ rest: [UInt8] = []) -> [UInt8] { number(1, 8) + rest + bytes(7, graph) }

  /// A `TensorProto`; `data` are the fields that hold its elements.
  static func tensor(_ name: String, _ type: Int64, _ dims: [Int64], _ data: [UInt8]) -> [UInt8] {
    dims.flatMap { number(1, $0) } + number(2, type) + (name.isEmpty ? [] : text(8, name)) + data
  }

  /// A `NodeProto`.
  static func node(
    _ operation: String, _ inputs: [String] = [], _ outputs: [String] = [], name: String = "", _ rest: [UInt8] = []
  ) -> [UInt8] {
    inputs.flatMap { text(1, $0) } + outputs.flatMap { text(2, $0) } + (name.isEmpty ? [] : text(3, name))
      + text(4, operation) + rest
  }

  /// The fields that name an attribute, and what it holds.
  static func attribute(_ name: String, _ value: [UInt8]) -> [UInt8] { bytes(5, text(1, name) + value) }

  /// An initializer of four bytes.
  static func initializer(_ name: String, _ dims: [Int64] = [1]) -> [UInt8] {
    let count = dims.reduce(1, *)
    return bytes(5, tensor(name, 1, dims, bytes(9, (0..<(4 * count)).map { UInt8(truncatingIfNeeded: $0) })))
  }
}
