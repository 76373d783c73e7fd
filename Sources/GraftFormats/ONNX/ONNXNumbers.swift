import GraftIR

/// The elements of a tensor that stand one by one in a field of a message, packed or not.
///
///     packed    tag (wire type 2), length, element, element, …      several such runs may follow each other
///     not       tag, element, tag, element, …
///
/// Whole numbers are varints, so that how many there are shows only when all are seen. `int32_data` holds narrower
/// types as well: whole numbers by value, and floating-point types by their bits.
struct ONNXNumbers: Sendable {
  let mapped: MappedFile
  /// The message that holds the field.
  let message: Range<Int>
  let field: Int
  let kind: ONNXType.Field
  let dtype: DType
  let tensor: String

  /// The bytes that one number takes in a tensor: a complex number is two, and two of 4 bits are one.
  private var width: Int {
    switch kind {
    case .floats: 4
    case .doubles, .int64s: 8
    case .int32s: max(1, dtype.bitWidth / 8)
    case .uint64s: dtype.bitWidth / 8
    }
  }

  /// The bytes that all numbers take in a tensor; those that a type may lack are looked at.
  ///
  /// - Throws: rules of the page `onnx`.
  func byteCount() throws(Diagnostic) -> Int {
    var count = 0
    try forEachPiece { (wire, range) throws(Diagnostic) in
      switch kind {
      case .floats, .doubles:
        guard range.count % width == 0 else {
          throw failure("onnx.truncated", "ends within a number", range)
        }
        count += range.count / width
      case .int32s, .uint64s:
        var numbers = ONNXWire(mapped, range)
        while numbers.position < range.upperBound {
          _ = try bits(&numbers)
          count += 1
        }
      case .int64s:
        guard wire == .bytes else {
          count += 1
          return
        }
        let bytes = UnsafeRawBufferPointer(start: mapped.storage.start + range.lowerBound, count: range.count)
        guard (bytes.last ?? 0) < 0x80 else { throw failure("onnx.truncated", "ends within a number", range) }
        var ends = 0
        for byte in bytes where byte < 0x80 { ends += 1 }
        count += ends
      }
    }
    return count * width
  }

  /// Hands the elements to `body`, little-endian, in runs of `byteCount`, the last one shorter.
  ///
  /// - Throws: what `body` throws; `byteCount` has found what is wrong with the numbers.
  func forEachRun(
    of byteCount: Int, total: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let run = Storage(byteCount: min(byteCount, total))
    let room = UnsafeMutableRawBufferPointer(start: run.start, count: min(byteCount, total))
    var filled = 0
    func flushIfFull() throws(Diagnostic) {
      guard filled == room.count, filled > 0 else { return }
      try body(UnsafeRawBufferPointer(room))
      filled = 0
    }
    try forEachPiece { (wire, range) throws(Diagnostic) in
      switch kind {
      case .floats, .doubles:
        var position = range.lowerBound
        while position < range.upperBound {
          let count = min(range.upperBound - position, room.count - filled)
          (run.start + filled).copyMemory(from: mapped.storage.start + position, byteCount: count)
          position += count
          filled += count
          try flushIfFull()
        }
      case .int32s, .int64s, .uint64s:
        var numbers = ONNXWire(mapped, range)
        while numbers.position < range.upperBound {
          let bits = try bits(&numbers)
          withUnsafeBytes(of: bits.littleEndian) {
            UnsafeMutableRawBufferPointer(rebasing: room[filled...]).copyMemory(
              from: UnsafeRawBufferPointer(rebasing: $0[..<width]))
          }
          filled += width
          try flushIfFull()
        }
      }
    }
    if filled > 0 { try body(UnsafeRawBufferPointer(rebasing: room[..<filled])) }
  }

  /// The low bytes that stand for the next of `numbers` in a tensor.
  ///
  /// - Throws: `onnx.value` where the type has no such number.
  private func bits(_ numbers: inout ONNXWire) throws(Diagnostic) -> UInt64 {
    let start = numbers.position
    let value = try numbers.varint()
    if let bits = bits(of: value) { return bits }
    let text = kind == .uint64s ? "\(value)" : "\(Int64(bitPattern: value))"
    throw failure("onnx.value", "holds \(text), which \(dtype) does not", start..<numbers.position)
  }

  /// The low bytes that stand for `value` in a tensor, or `nil` where the type has no such number.
  private func bits(of value: UInt64) -> UInt64? {
    let signed = Int64(bitPattern: value)
    func within(_ range: ClosedRange<Int64>) -> UInt64? { range.contains(signed) ? value : nil }
    switch kind {
    case .floats, .doubles, .int64s: return value
    case .uint64s: return dtype == .u32 && value > UInt64(UInt32.max) ? nil : value
    case .int32s:
      switch dtype {
      case .bool: return within(0...1)
      case .i8: return within(-128...127)
      case .i16: return within(-32_768...32_767)
      case .u16, .f16, .bf16: return within(0...65_535)
      case .u8, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4: return within(0...255)
      case .i32, .u32, .i64, .u64, .f32, .f64, .c64, .c128: return within(-2_147_483_648...2_147_483_647)
      }
    }
  }

  /// Every run of numbers: what a packed field holds, or a number that stands alone.
  private func forEachPiece(
    _ body: (ONNXField.Wire, Range<Int>) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    var fields = ONNXWire(mapped, message)
    while let found = try fields.next() {
      guard found.number == field else { continue }
      let single: ONNXField.Wire =
        switch kind {
        case .floats: .fourBytes
        case .doubles: .eightBytes
        case .int32s, .int64s, .uint64s: .varint
        }
      guard found.wire == single || found.wire == .bytes else {
        throw failure("onnx.wire-type", "has data of wire type \(found.wire.rawValue)", found.whole)
      }
      try body(found.wire, found.content)
    }
  }

  private func failure(_ rule: String, _ message: String, _ range: Range<Int>) -> Diagnostic {
    Diagnostic(rule, "'\(tensor.shortened)' \(message)", at: Location(mapped.path, range, tensor: tensor))
  }
}
