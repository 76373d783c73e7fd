/// The value of elements that were never written.
struct HDF5Fill: Sendable {
  /// As the file has it; none for zeros.
  private let value: [UInt8]

  /// What the file says of elements of `width` bytes, which may be another type's.
  init(_ value: [UInt8], width: Int) {
    self.value = value.count != width || value.allSatisfy { $0 == 0 } ? [] : value
  }

  /// Fills `target`, which begins with an element.
  func write(into target: UnsafeMutableRawBufferPointer) {
    guard let start = target.baseAddress, !value.isEmpty else {
      target.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    target.copyBytes(from: value.prefix(target.count))
    var filled = min(value.count, target.count)
    while filled < target.count {
      let count = min(filled, target.count - filled)
      (start + filled).copyMemory(from: start, byteCount: count)
      filled += count
    }
  }
}
