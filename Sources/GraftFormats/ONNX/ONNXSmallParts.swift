import GraftIR

/// The fields of a message that are small, for protobuf-c to unpack.
enum ONNXSmallParts {
  /// The fields of `range` whose numbers are in `wires`, one after the other. Each has the wire type that is given, or
  /// is a run of such.
  ///
  /// - Throws: `onnx.wire-type`, `onnx.limit` where they have more than `limit` bytes, and rules of the wire format.
  static func bytes(
    of range: Range<Int>, _ mapped: MappedFile, _ wires: [Int: ONNXField.Wire], limit: Int
  ) throws(Diagnostic) -> [UInt8] {
    var bytes: [UInt8] = []
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      guard let wire = wires[field.number] else { continue }
      guard field.wire == wire || wire == .varint && field.wire == .bytes else {
        throw Diagnostic(
          "onnx.wire-type", "field \(field.number) is of wire type \(field.wire.rawValue)",
          at: Location(mapped.path, field.whole))
      }
      guard bytes.count + field.whole.count <= limit else {
        throw Diagnostic(
          "onnx.limit", "names and the like have over \(limit) bytes", at: Location(mapped.path, field.whole))
      }
      bytes += UnsafeRawBufferPointer(start: mapped.storage.start + field.whole.lowerBound, count: field.whole.count)
    }
    return bytes
  }

  static func refusal(_ what: String, _ file: String, _ range: Range<Int>) -> Diagnostic {
    Diagnostic("onnx.message", "\(what) cannot be unpacked", at: Location(file, range.lowerBound..<range.lowerBound))
  }
}
