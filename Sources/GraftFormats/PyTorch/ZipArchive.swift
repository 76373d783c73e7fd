import CZlib
package import GraftIR

// Layout of a zip archive as torch.save writes it (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5):
//
//   records                    local header (30 bytes, name, extra), then the bytes
//   central directory          one header of 46 bytes, name, extra and comment for each record
//   zip64 end record, locator  where counts or offsets need 64 bits; torch always writes them
//   end record                 22 bytes and a comment, at the end of the file
//
// Only the central directory is believed: torch leaves sizes and checksums of local headers at 0.

/// The records of a zip archive that holds stored, unencrypted records only.
package struct ZipArchive: Sendable {
  package struct Record: Sendable {
    package let name: String
    /// Its bytes in the file.
    package let range: Range<Int>
    /// 0 where the writer left it out.
    package let checksum: UInt32
    /// Where its header stands in the central directory.
    let position: Int
  }

  /// In the order of the directory.
  package let records: [Record]
  private let byName: [String: Int]

  /// Reads the directory of `mapped`.
  ///
  /// - Throws: a rule `pytorch.zip-…` of the page `pytorch`.
  package init(_ mapped: MappedFile) throws(Diagnostic) {
    let end = try EndRecord(mapped)
    var reader = ByteReader(
      mapped.storage, end.directory, file: mapped.path, truncationRule: "pytorch.zip-directory")
    // A header has at least 46 bytes, so a count that the directory cannot hold is found before anything is allocated.
    guard end.count <= UInt64(end.directory.count / 46) else {
      throw Diagnostic(
        "pytorch.zip-directory",
        "the end record counts \(end.count) records, but the directory has only \(end.directory.count) bytes",
        at: Location(mapped.path, end.position..<end.position + 22))
    }
    var records: [Record] = []
    var spans: [(start: Int, end: Int)] = []
    var byName: [String: Int] = [:]
    for _ in 0..<end.count {
      let header = try CentralHeader(&reader)
      let location = Location(mapped.path, header.position..<reader.position)
      try header.checkName(at: location)
      guard byName.updateValue(records.count, forKey: header.name) == nil else {
        throw Diagnostic("pytorch.zip-duplicate", "two records are called '\(header.name.shortened)'", at: location)
      }
      let range = try header.locate(in: mapped, before: end.directory.lowerBound, at: location)
      spans.append((Int(header.offset), range.upperBound))
      records.append(
        Record(name: header.name, range: range, checksum: header.checksum, position: header.position))
    }
    guard reader.remaining == 0 else {
      throw Diagnostic(
        "pytorch.zip-directory", "\(reader.remaining) bytes follow the \(end.count) records that the end record counts",
        at: Location(mapped.path, reader.position..<reader.end))
    }
    spans.sort { $0.start < $1.start }
    for (before, after) in zip(spans, spans.dropFirst()) where after.start < before.end {
      throw Diagnostic(
        "pytorch.zip-overlap", "two records share the bytes from \(after.start) to \(before.end)",
        at: Location(mapped.path, after.start..<before.end))
    }
    self.records = records
    self.byName = byName
  }

  /// The record called `name`, or `nil`.
  package subscript(_ name: String) -> Record? { byName[name].map { records[$0] } }

  /// Makes sure that the bytes of `record` have its checksum, where it has one.
  package static func verify(_ record: Record, in mapped: MappedFile) throws(Diagnostic) {
    guard record.checksum != 0 else { return }
    let bytes = UnsafeRawBufferPointer(start: mapped.storage.start + record.range.lowerBound, count: record.range.count)
    let actual = checksum(of: bytes)
    guard actual == record.checksum else {
      throw Diagnostic(
        "pytorch.zip-checksum",
        "the bytes of '\(record.name.shortened)' have the checksum \(actual), but the directory says \(record.checksum)",
        at: Location(mapped.path, record.range))
    }
  }

  /// The CRC-32 of `bytes`, going on from `seed`.
  static func checksum(of bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(UInt(seed), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
  }
}

/// Where the directory is, and how many records it lists.
private struct EndRecord {
  let directory: Range<Int>
  let count: UInt64
  let position: Int

  init(_ mapped: MappedFile) throws(Diagnostic) {
    let file = mapped.path
    let start = try Self.find(in: mapped)
    var reader = ByteReader(mapped.storage, start..<start + 22, file: file, truncationRule: "pytorch.zip-end")
    try reader.skip(4)
    let disk = try reader.number(UInt16.self)
    let directoryDisk = try reader.number(UInt16.self)
    let countHere = try reader.number(UInt16.self)
    let countAll = try reader.number(UInt16.self)
    var count = UInt64(countAll)
    var size = UInt64(try reader.number(UInt32.self))
    var offset = UInt64(try reader.number(UInt32.self))
    let place = Location(file, start..<start + 22)
    guard disk == 0 && directoryDisk == 0 && countHere == countAll else {
      throw Diagnostic(
        "pytorch.zip-disks", "the archive is part \(disk) of several files, which are not read", at: place)
    }
    var limit = start
    if start >= 20, mapped.storage.start.loadUnaligned(fromByteOffset: start - 20, as: UInt32.self) == 0x0706_4B50 {
      var locator = ByteReader(
        mapped.storage, start - 20..<start, file: file, truncationRule: "pytorch.zip-end")
      try locator.skip(4)
      let locatorDisk = try locator.number(UInt32.self)
      let wideStart = try locator.number(UInt64.self)
      let disks = try locator.number(UInt32.self)
      guard locatorDisk == 0 && disks <= 1 else {
        throw Diagnostic(
          "pytorch.zip-disks", "the archive is one of \(disks) files, which are not read",
          at: Location(file, start - 20..<start))
      }
      guard wideStart <= UInt64(start - 20), start - 20 - Int(wideStart) >= 56 else {
        throw Diagnostic(
          "pytorch.zip-end", "the zip64 end record is said to start at byte \(wideStart), behind its locator",
          at: Location(file, start - 20..<start))
      }
      limit = Int(wideStart)
      var wide = ByteReader(
        mapped.storage, limit..<limit + 56, file: file, truncationRule: "pytorch.zip-end")
      let place = Location(file, limit..<limit + 56)
      guard try wide.number(UInt32.self) == 0x0606_4B50 else {
        throw Diagnostic("pytorch.zip-end", "no zip64 end record stands where its locator says", at: place)
      }
      try wide.skip(12)
      guard try wide.number(UInt32.self) == 0, try wide.number(UInt32.self) == 0 else {
        throw Diagnostic("pytorch.zip-disks", "the archive is part of several files, which are not read", at: place)
      }
      let wideHere = try wide.number(UInt64.self)
      let wideCount = try wide.number(UInt64.self)
      let wideSize = try wide.number(UInt64.self)
      let wideOffset = try wide.number(UInt64.self)
      // A narrow field is either full, which sends the reader here, or says the same.
      guard wideHere == wideCount, countAll == .max || UInt64(countAll) == wideCount,
        size == UInt64(UInt32.max) || size == wideSize, offset == UInt64(UInt32.max) || offset == wideOffset
      else {
        throw Diagnostic("pytorch.zip-end", "the end record and the zip64 end record contradict each other", at: place)
      }
      (count, size, offset) = (wideCount, wideSize, wideOffset)
    }
    guard size <= UInt64(limit), offset <= UInt64(limit) - size else {
      throw Diagnostic(
        "pytorch.zip-end", "a directory of \(size) bytes at byte \(offset) does not end before byte \(limit)", at: place
      )
    }
    directory = Int(offset)..<Int(offset + size)
    self.count = count
    position = start
  }

  /// The end record is found from behind, since a comment of up to 65,535 bytes may follow it.
  private static func find(in mapped: MappedFile) throws(Diagnostic) -> Int {
    let total = mapped.byteCount
    let bytes = mapped.storage.bytes
    var start = total - 22
    while start >= max(0, total - 22 - 65535) {
      if bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self) == 0x0605_4B50,
        Int(bytes.loadUnaligned(fromByteOffset: start + 20, as: UInt16.self)) == total - start - 22
      {
        return start
      }
      start -= 1
    }
    throw Diagnostic(
      "pytorch.zip-end", "the zip archive has no end record: the file is cut short or damaged",
      at: Location(mapped.path, max(0, total - 22)..<total))
  }
}

/// One header of the central directory.
private struct CentralHeader {
  let position: Int
  let name: String
  let checksum: UInt32
  let offset: UInt64
  private let byteCount: UInt64
  private let nameBytes: [UInt8]

  init(_ reader: inout ByteReader) throws(Diagnostic) {
    position = reader.position
    let start = reader.position
    func place() -> Location { Location(reader.file, start..<start + 46) }
    guard try reader.number(UInt32.self) == 0x0201_4B50 else {
      throw Diagnostic("pytorch.zip-directory", "no record's header stands where one is due", at: place())
    }
    try reader.skip(4)
    let flags = try reader.number(UInt16.self)
    let method = try reader.number(UInt16.self)
    try reader.skip(4)
    checksum = try reader.number(UInt32.self)
    var packed = UInt64(try reader.number(UInt32.self))
    var unpacked = UInt64(try reader.number(UInt32.self))
    let nameLength = Int(try reader.number(UInt16.self))
    let extraLength = Int(try reader.number(UInt16.self))
    let commentLength = Int(try reader.number(UInt16.self))
    let disk = try reader.number(UInt16.self)
    try reader.skip(6)
    var offset = UInt64(try reader.number(UInt32.self))
    nameBytes = [UInt8](try reader.bytes(nameLength))
    guard let name = String(validating: nameBytes, as: UTF8.self) else {
      throw Diagnostic("pytorch.zip-name", "a record's name is not UTF-8", at: place())
    }
    self.name = name
    let extra = try reader.bytes(extraLength)
    try reader.skip(commentLength)
    try Self.widen(extra, &unpacked, &packed, &offset, at: place())
    // Bits 0 and 6: encrypted. Bit 5: a patch. Bit 13: an encrypted directory.
    guard flags & 0x2061 == 0 else {
      throw Diagnostic("pytorch.zip-encrypted", "'\(name.shortened)' is encrypted", at: place())
    }
    guard method == 0 else {
      throw Diagnostic(
        "pytorch.zip-compressed", "'\(name.shortened)' is compressed by method \(method); torch only stores",
        at: place(),
        help: "unpack the archive and zip it again without compression")
    }
    guard packed == unpacked else {
      throw Diagnostic(
        "pytorch.zip-record", "'\(name.shortened)' is stored, yet has \(packed) bytes packed and \(unpacked) unpacked",
        at: place())
    }
    guard disk == 0 || disk == .max else {
      throw Diagnostic("pytorch.zip-disks", "'\(name.shortened)' lies in part \(disk) of several files", at: place())
    }
    byteCount = packed
    self.offset = offset
  }

  /// Takes the numbers that need 64 bits from the extra field 1, where they stand in this order.
  private static func widen(
    _ extra: UnsafeRawBufferPointer, _ unpacked: inout UInt64, _ packed: inout UInt64, _ offset: inout UInt64,
    at place: Location
  ) throws(Diagnostic) {
    let full = UInt64(UInt32.max)
    var position = 0
    while extra.count - position >= 4 {
      let id = UInt16(littleEndian: extra.loadUnaligned(fromByteOffset: position, as: UInt16.self))
      let length = Int(UInt16(littleEndian: extra.loadUnaligned(fromByteOffset: position + 2, as: UInt16.self)))
      position += 4
      guard length <= extra.count - position else {
        throw Diagnostic("pytorch.zip-directory", "an extra field reaches past its record's header", at: place)
      }
      if id == 1 {
        var field = position
        func next(_ value: inout UInt64) throws(Diagnostic) {
          guard value == full else { return }
          guard position + length - field >= 8 else {
            throw Diagnostic("pytorch.zip-directory", "the zip64 field lacks a number", at: place)
          }
          value = UInt64(littleEndian: extra.loadUnaligned(fromByteOffset: field, as: UInt64.self))
          field += 8
        }
        try next(&unpacked)
        try next(&packed)
        try next(&offset)
        return
      }
      position += length
    }
  }

  /// Refuses names that lead out of a folder, although nothing is ever unpacked: nobody writes them in good faith.
  func checkName(at place: Location) throws(Diagnostic) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isUnsafe =
      name.isEmpty || name.hasPrefix("/") || name.hasPrefix("~") || parts.contains("..") || nameBytes.contains(0)
      || nameBytes.contains(UInt8(ascii: "\\")) || nameBytes.dropFirst().first == UInt8(ascii: ":")
    guard !isUnsafe else {
      throw Diagnostic("pytorch.zip-name", "the record name '\(name.shortened)' leads out of the archive", at: place)
    }
  }

  /// The record's bytes, after a look at its local header.
  func locate(in mapped: MappedFile, before limit: Int, at place: Location) throws(Diagnostic) -> Range<Int> {
    guard offset <= UInt64(limit), limit - Int(offset) >= 30 else {
      throw Diagnostic(
        "pytorch.zip-record",
        "'\(name.shortened)' is said to start at byte \(offset), past the records' end at \(limit)",
        at: place)
    }
    let start = Int(offset)
    var reader = ByteReader(mapped.storage, start..<limit, file: mapped.path, truncationRule: "pytorch.zip-record")
    guard try reader.number(UInt32.self) == 0x0403_4B50 else {
      throw Diagnostic(
        "pytorch.zip-record", "no local header of '\(name.shortened)' stands at byte \(start)", at: place)
    }
    try reader.skip(22)
    let nameLength = Int(try reader.number(UInt16.self))
    let extraLength = Int(try reader.number(UInt16.self))
    guard try reader.bytes(nameLength).elementsEqual(nameBytes) else {
      throw Diagnostic(
        "pytorch.zip-record", "the local header of '\(name.shortened)' has another name than the directory", at: place)
    }
    try reader.skip(extraLength)
    guard byteCount <= UInt64(reader.remaining) else {
      throw Diagnostic(
        "pytorch.zip-record", "'\(name.shortened)' has \(byteCount) bytes, but only \(reader.remaining) are left",
        at: place)
    }
    return reader.position..<reader.position + Int(byteCount)
  }
}
