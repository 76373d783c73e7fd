import CZlib
package import GraftIR

// Layout of a zip archive (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5):
//
//   records                    local header (30 bytes, name, extra), then the bytes
//   central directory          one header of 46 bytes, name, extra and comment for each record
//   zip64 end record, locator  where counts or offsets need 64 bits; torch writes them always
//   end record                 22 bytes and a comment, at the end of the file
//
// Only the central directory is believed: torch leaves sizes and checksums of local headers at 0, NumPy puts sizes of
// 0xFFFFFFFF there.

/// The records of a zip archive, none of which is encrypted or packed by another method than deflate.
package struct ZipArchive: Sendable {
  package struct Record: Sendable {
    package let name: String
    /// Its bytes in the file, packed where it is deflated.
    package let range: Range<Int>
    /// Whether its bytes have to be inflated.
    package let isDeflated: Bool
    /// Its bytes once they are unpacked.
    package let byteCount: Int
    /// 0 where the writer left it out.
    package let checksum: UInt32
    /// Where its header stands in the central directory.
    let position: Int
  }

  /// Whether `bytes` begin as an archive does, an empty one too.
  static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6])
  }

  /// In the order of the directory.
  package let records: [Record]
  private let byName: [String: Int]

  /// Reads the directory of `mapped`.
  ///
  /// - Throws: a rule `zip.…` of the page `pytorch`.
  package init(_ mapped: MappedFile) throws(Diagnostic) {
    let end = try ZipEndRecord(mapped)
    var reader = ByteReader(
      mapped.storage, end.directory, file: mapped.path, truncationRule: "zip.directory")
    // A header has at least 46 bytes, so a count that the directory cannot hold is found before anything is allocated.
    guard end.count <= UInt64(end.directory.count / 46) else {
      throw Diagnostic(
        "zip.directory",
        "the end record counts \(end.count) records, but the directory has only \(end.directory.count) bytes",
        at: Location(mapped.path, end.position..<end.position + 22))
    }
    var records: [Record] = []
    var spans: [(start: Int, end: Int)] = []
    var byName: [String: Int] = [:]
    for _ in 0..<end.count {
      let header = try ZipHeader(&reader)
      let location = Location(mapped.path, header.position..<reader.position)
      try header.checkName(at: location)
      guard byName.updateValue(records.count, forKey: header.name) == nil else {
        throw Diagnostic("zip.duplicate", "two records are called '\(header.name.shortened)'", at: location)
      }
      let range = try header.locate(in: mapped, before: end.directory.lowerBound, at: location)
      spans.append((Int(header.offset), range.upperBound))
      records.append(
        Record(
          name: header.name, range: range, isDeflated: header.isDeflated, byteCount: header.unpackedByteCount,
          checksum: header.checksum, position: header.position))
    }
    guard reader.remaining == 0 else {
      throw Diagnostic(
        "zip.directory", "\(reader.remaining) bytes follow the \(end.count) records that the end record counts",
        at: Location(mapped.path, reader.position..<reader.end))
    }
    spans.sort { $0.start < $1.start }
    for (before, after) in zip(spans, spans.dropFirst()) where after.start < before.end {
      throw Diagnostic(
        "zip.overlap", "two records share the bytes from \(after.start) to \(before.end)",
        at: Location(mapped.path, after.start..<before.end))
    }
    self.records = records
    self.byName = byName
  }

  /// The record called `name`, or `nil`.
  package subscript(_ name: String) -> Record? { byName[name].map { records[$0] } }

  /// Makes sure that the bytes of a stored `record` have its checksum, where it has one.
  package static func verify(_ record: Record, in mapped: MappedFile) throws(Diagnostic) {
    guard record.checksum != 0 else { return }
    let bytes = UnsafeRawBufferPointer(start: mapped.storage.start + record.range.lowerBound, count: record.range.count)
    let actual = checksum(of: bytes)
    guard actual == record.checksum else {
      throw Diagnostic(
        "zip.checksum",
        "the bytes of '\(record.name.shortened)' have the checksum \(actual), but the directory says \(record.checksum)",
        at: Location(mapped.path, record.range))
    }
  }

  /// The CRC-32 of `bytes`, going on from `seed`.
  static func checksum(of bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(UInt(seed), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
  }
}
