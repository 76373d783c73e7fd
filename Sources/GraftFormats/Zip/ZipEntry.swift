import GraftIR

/// One stored record of an archive to be written (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 to 4.3.16, 4.5.3).
package struct ZipEntry {
  static let alignment = 64

  let name: String
  let byteCount: Int
  /// Where its local header starts.
  let offset: Int
  var checksum: UInt32 = 0

  package init(name: String, byteCount: Int, offset: Int) {
    self.name = name
    self.byteCount = byteCount
    self.offset = offset
  }

  /// Whether `name` leads nowhere but into the archive, and fits its length field.
  static func isSafe(_ name: String) -> Bool {
    let bytes = name.utf8
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return !name.isEmpty && bytes.count <= 60_000 && !name.hasPrefix("/") && !name.hasPrefix("~")
      && !parts.contains("..") && !bytes.contains(0) && !bytes.contains(UInt8(ascii: "\\"))
      && bytes.dropFirst().first != UInt8(ascii: ":")
  }

  /// Where its bytes start.
  var dataOffset: Int { offset + localHeader.count }

  private static let full = Int(UInt32.max)
  private var isWide: Bool { byteCount >= Self.full }

  /// The header before the bytes, filled up with a field of torch's own (`FB`) so that they are aligned.
  package var localHeader: [UInt8] {
    var extra: [UInt8] = []
    if isWide {
      extra += little(UInt16(1)) + little(UInt16(16)) + little(UInt64(byteCount)) + little(UInt64(byteCount))
    }
    let unpadded = offset + 30 + name.utf8.count + extra.count + 4
    let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
    extra += [UInt8(ascii: "F"), UInt8(ascii: "B")] + little(UInt16(padding))
    extra += repeatElement(UInt8(ascii: "Z"), count: padding)
    return little(UInt32(0x0403_4B50)) + common(extra.count) + Array(name.utf8) + extra
  }

  /// The header in the directory.
  package var centralHeader: [UInt8] {
    var wide: [UInt8] = []
    if isWide { wide += little(UInt64(byteCount)) + little(UInt64(byteCount)) }
    if offset >= Self.full { wide += little(UInt64(offset)) }
    let extra = wide.isEmpty ? [] : little(UInt16(1)) + little(UInt16(wide.count)) + wide
    // Comment, disk, and two sets of attributes are nothing.
    return little(UInt32(0x0201_4B50)) + little(UInt16(45)) + common(extra.count) + [UInt8](repeating: 0, count: 10)
      + little(UInt32(clamping: offset)) + Array(name.utf8) + extra
  }

  /// What both headers share: version, flags, method, time, checksum, sizes and lengths.
  private func common(_ extraLength: Int) -> [UInt8] {
    little(UInt16(45)) + little(UInt16(0x0800)) + little(UInt16(0)) + little(UInt16(0)) + little(UInt16(0x21))
      + little(checksum) + little(UInt32(clamping: byteCount)) + little(UInt32(clamping: byteCount))
      + little(UInt16(name.utf8.count)) + little(UInt16(extraLength))
  }

  /// What ends an archive whose directory of `count` records starts at `start`. The zip64 record always stands there,
  /// as it does in torch's files.
  package static func endRecords(count: Int, start: Int, byteCount: Int) -> [UInt8] {
    let wide =
      little(UInt32(0x0606_4B50)) + little(UInt64(44)) + little(UInt16(45)) + little(UInt16(45)) + little(UInt64(0))
      + little(UInt64(count)) + little(UInt64(count)) + little(UInt64(byteCount)) + little(UInt64(start))
    let locator =
      little(UInt32(0x0706_4B50)) + little(UInt32(0)) + little(UInt64(start + byteCount)) + little(UInt32(1))
    let end =
      little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(UInt16(clamping: count))
      + little(UInt16(clamping: count))
      + little(UInt32(clamping: byteCount)) + little(UInt32(clamping: start)) + little(UInt16(0))
    return wide + locator + end
  }
}

/// The bytes of `value`, lowest first.
private func little(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
