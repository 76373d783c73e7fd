import GraftIR

// Layout of a superblock (HDF5 File Format Specification 3.0, II.A), all numbers little-endian; O is the width of an
// offset:
//
//    0  signature   89 "HDF" 0D 0A 1A 0A
//    8  version     0 to 3
//   versions 0 and 1                          versions 2 and 3
//   13  O, then the width of a length          9  O, then the width of a length
//   24  (28) base address, free space,        12  base address, extension,
//       end of the file, drivers                  end of the file, root group
//
// It stands at 0, or at 512, 1024, 2048 and so on, behind bytes that are a user's own.

/// Where a file's structure begins, and where it says that it ends.
enum HDF5Superblock {
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Where `bytes` have the signature, or `nil`.
  static func position(in bytes: UnsafeRawBufferPointer) -> Int? {
    var position = 0
    while position <= bytes.count - signature.count {
      if bytes[position..<position + signature.count].elementsEqual(signature) { return position }
      position = position == 0 ? 512 : 2 * position
    }
    return nil
  }

  /// Makes sure that the file that is `range` of `mapped` is all there: a child process need not be started for one
  /// that is not.
  ///
  /// - Throws: `hdf5.signature`, `hdf5.version`, `hdf5.superblock`, `hdf5.truncated`.
  static func check(_ mapped: MappedFile, _ range: Range<Int>) throws(Diagnostic) {
    let bytes = UnsafeRawBufferPointer(rebasing: mapped.storage.bytes[range])
    guard let position = position(in: bytes) else {
      throw Diagnostic(
        "hdf5.signature",
        "the file begins with \(shown(UnsafeRawBufferPointer(rebasing: bytes.prefix(8)))), and not with the signature of HDF5",
        at: Location(mapped.path, range.lowerBound..<range.lowerBound + min(8, range.count)))
    }
    let start = range.lowerBound + position
    var reader = ByteReader(
      mapped.storage, start..<range.upperBound, file: mapped.path, truncationRule: "hdf5.truncated")
    try reader.skip(8)
    let version = Int(try reader.number(UInt8.self))
    guard version <= 3 else {
      throw Diagnostic(
        "hdf5.version", "the superblock has version \(version), and 0 to 3 are read",
        at: Location(mapped.path, start + 8..<start + 9))
    }
    if version < 2 { try reader.skip(4) }
    let widths = (Int(try reader.number(UInt8.self)), Int(try reader.number(UInt8.self)))
    guard [2, 4, 8].contains(widths.0), [2, 4, 8].contains(widths.1) else {
      throw Diagnostic(
        "hdf5.superblock",
        "offsets of \(widths.0) bytes and lengths of \(widths.1) are not read, but such of 2, 4 or 8",
        at: Location(mapped.path, reader.position - 2..<reader.position))
    }
    try reader.skip([9, 13, 1, 1][version] + 2 * widths.0)
    let place = reader.position
    let end = try number(&reader, widths.0)
    guard let end = Int(exactly: end), end <= range.count else {
      throw Diagnostic(
        "hdf5.truncated", "the file says that it has \(end) bytes, but has \(range.count)",
        at: Location(mapped.path, place..<place + widths.0))
    }
  }

  private static func number(_ reader: inout ByteReader, _ width: Int) throws(Diagnostic) -> UInt64 {
    switch width {
    case 2: UInt64(try reader.number(UInt16.self))
    case 4: UInt64(try reader.number(UInt32.self))
    default: try reader.number(UInt64.self)
    }
  }
}
