import GraftIR

/// Reads little-endian numbers from a run of a file's bytes, one after the other, never past its end.
struct ByteReader: Sendable {
  /// The rule that a read past the end breaks.
  let truncationRule: String
  let file: String
  /// The next byte, counted from the start of the file.
  private(set) var position: Int
  /// One past the last byte that may be read.
  let end: Int
  private let storage: Storage

  /// Reads `range` of `file`, whose bytes are `storage`; `range` lies inside it.
  init(_ storage: Storage, _ range: Range<Int>, file: String, truncationRule: String) {
    precondition(range.lowerBound >= 0 && range.upperBound <= storage.byteCount, "a range reaches past its storage")
    self.storage = storage
    self.file = file
    self.truncationRule = truncationRule
    position = range.lowerBound
    end = range.upperBound
  }

  /// The bytes that are left.
  var remaining: Int { end - position }

  /// The next byte.
  mutating func byte() throws(Diagnostic) -> UInt8 {
    guard position < end else { throw truncation(1) }
    defer { position += 1 }
    return storage.start.load(fromByteOffset: position, as: UInt8.self)
  }

  /// The next little-endian number.
  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws(Diagnostic) -> Number {
    let width = MemoryLayout<Number>.size
    guard width <= remaining else { throw truncation(width) }
    defer { position += width }
    return Number(littleEndian: storage.start.loadUnaligned(fromByteOffset: position, as: Number.self))
  }

  /// The next `count` bytes, valid as long as the storage lives.
  mutating func bytes(_ count: Int) throws(Diagnostic) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else { throw truncation(count) }
    defer { position += count }
    return UnsafeRawBufferPointer(start: storage.start + position, count: count)
  }

  /// Leaves out `count` bytes.
  mutating func skip(_ count: Int) throws(Diagnostic) { _ = try bytes(count) }

  /// The bytes up to the next line feed, which is read too and comes within `limit` bytes.
  mutating func line(limit: Int = 1 << 20) throws(Diagnostic) -> UnsafeRawBufferPointer {
    let rest = UnsafeRawBufferPointer(start: storage.start + position, count: min(limit, remaining))
    guard let length = rest.firstIndex(of: 0x0A) else { throw truncation(remaining + 1) }
    position += length + 1
    return UnsafeRawBufferPointer(rebasing: rest[0..<length])
  }

  private func truncation(_ wanted: Int) -> Diagnostic {
    Diagnostic(
      truncationRule, "\(wanted) bytes are needed at byte \(position), but only \(remaining) are left",
      at: Location(file, position..<end))
  }
}

extension String {
  /// The text that `bytes` spell in UTF-8, or `nil` where they spell none.
  init?(validUTF8 bytes: UnsafeRawBufferPointer) {
    guard let text = bytes.withMemoryRebound(to: UInt8.self, { String(validating: $0, as: UTF8.self) }) else {
      return nil
    }
    self = text
  }
}
