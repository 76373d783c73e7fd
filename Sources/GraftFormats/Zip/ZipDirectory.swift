import GraftIR

/// Where the directory is, and how many records it lists.
struct ZipEndRecord {
  let directory: Range<Int>
  let count: UInt64
  let position: Int

  init(_ mapped: MappedFile) throws(Diagnostic) {
    let file = mapped.path
    let start = try Self.find(in: mapped)
    var reader = ByteReader(mapped.storage, start..<start + 22, file: file, truncationRule: "zip.end")
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
        "zip.disks", "the archive is part \(disk) of several files, which are not read", at: place)
    }
    var limit = start
    if start >= 20, mapped.storage.start.loadUnaligned(fromByteOffset: start - 20, as: UInt32.self) == 0x0706_4B50 {
      var locator = ByteReader(
        mapped.storage, start - 20..<start, file: file, truncationRule: "zip.end")
      try locator.skip(4)
      let locatorDisk = try locator.number(UInt32.self)
      let wideStart = try locator.number(UInt64.self)
      let disks = try locator.number(UInt32.self)
      guard locatorDisk == 0 && disks <= 1 else {
        throw Diagnostic(
          "zip.disks", "the archive is one of \(disks) files, which are not read",
          at: Location(file, start - 20..<start))
      }
      guard wideStart <= UInt64(start - 20), start - 20 - Int(wideStart) >= 56 else {
        throw Diagnostic(
          "zip.end", "the zip64 end record is said to start at byte \(wideStart), behind its locator",
          at: Location(file, start - 20..<start))
      }
      limit = Int(wideStart)
      var wide = ByteReader(
        mapped.storage, limit..<limit + 56, file: file, truncationRule: "zip.end")
      let place = Location(file, limit..<limit + 56)
      guard try wide.number(UInt32.self) == 0x0606_4B50 else {
        throw Diagnostic("zip.end", "no zip64 end record stands where its locator says", at: place)
      }
      try wide.skip(12)
      guard try wide.number(UInt32.self) == 0, try wide.number(UInt32.self) == 0 else {
        throw Diagnostic("zip.disks", "the archive is part of several files, which are not read", at: place)
      }
      let wideHere = try wide.number(UInt64.self)
      let wideCount = try wide.number(UInt64.self)
      let wideSize = try wide.number(UInt64.self)
      let wideOffset = try wide.number(UInt64.self)
      // A narrow field is either full, which sends the reader here, or says the same.
      guard wideHere == wideCount, countAll == .max || UInt64(countAll) == wideCount,
        size == UInt64(UInt32.max) || size == wideSize, offset == UInt64(UInt32.max) || offset == wideOffset
      else {
        throw Diagnostic("zip.end", "the end record and the zip64 end record contradict each other", at: place)
      }
      (count, size, offset) = (wideCount, wideSize, wideOffset)
    }
    guard size <= UInt64(limit), offset <= UInt64(limit) - size else {
      throw Diagnostic(
        "zip.end", "a directory of \(size) bytes at byte \(offset) does not end before byte \(limit)", at: place
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
      "zip.end", "the zip archive has no end record: the file is cut short or damaged",
      at: Location(mapped.path, max(0, total - 22)..<total))
  }
}

/// One header of the central directory.
struct ZipHeader {
  let position: Int
  let name: String
  let checksum: UInt32
  let offset: UInt64
  let isDeflated: Bool
  let unpackedByteCount: Int
  private let byteCount: UInt64
  private let nameBytes: [UInt8]

  /// The most that deflate makes of a byte (zlib's documentation, "Maximum Compression Factor").
  private static let deflateLimit: UInt64 = 1032

  init(_ reader: inout ByteReader) throws(Diagnostic) {
    position = reader.position
    let start = reader.position
    func place() -> Location { Location(reader.file, start..<start + 46) }
    guard try reader.number(UInt32.self) == 0x0201_4B50 else {
      throw Diagnostic("zip.directory", "no record's header stands where one is due", at: place())
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
      throw Diagnostic("zip.name", "a record's name is not UTF-8", at: place())
    }
    self.name = name
    let extra = try reader.bytes(extraLength)
    try reader.skip(commentLength)
    try Self.widen(extra, &unpacked, &packed, &offset, at: place())
    // Bits 0 and 6: encrypted. Bit 5: a patch. Bit 13: an encrypted directory.
    guard flags & 0x2061 == 0 else {
      throw Diagnostic("zip.encrypted", "'\(name.shortened)' is encrypted", at: place())
    }
    guard method == 0 || method == 8 else {
      throw Diagnostic(
        "zip.method", "'\(name.shortened)' is packed by method \(method); 0 (stored) and 8 (deflated) are read",
        at: place(), help: "unpack the archive and zip it again without compression")
    }
    isDeflated = method == 8
    guard isDeflated || packed == unpacked else {
      throw Diagnostic(
        "zip.record", "'\(name.shortened)' is stored, yet has \(packed) bytes packed and \(unpacked) unpacked",
        at: place())
    }
    // Deflate spends at least a bit and a half on 258 bytes, so more is a lie, and would cost memory to find out.
    guard unpacked / Self.deflateLimit <= packed, unpacked <= UInt64(Int.max) else {
      throw Diagnostic(
        "zip.size", "'\(name.shortened)' is said to unpack from \(packed) to \(unpacked) bytes, which nothing does",
        at: place())
    }
    unpackedByteCount = Int(unpacked)
    guard disk == 0 || disk == .max else {
      throw Diagnostic("zip.disks", "'\(name.shortened)' lies in part \(disk) of several files", at: place())
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
        throw Diagnostic("zip.directory", "an extra field reaches past its record's header", at: place)
      }
      if id == 1 {
        var field = position
        func next(_ value: inout UInt64) throws(Diagnostic) {
          guard value == full else { return }
          guard position + length - field >= 8 else {
            throw Diagnostic("zip.directory", "the zip64 field lacks a number", at: place)
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
    guard ZipEntry.isSafe(name) else {
      throw Diagnostic("zip.name", "the record name '\(name.shortened)' leads out of the archive", at: place)
    }
  }

  /// The record's bytes, after a look at its local header.
  func locate(in mapped: MappedFile, before limit: Int, at place: Location) throws(Diagnostic) -> Range<Int> {
    guard offset <= UInt64(limit), limit - Int(offset) >= 30 else {
      throw Diagnostic(
        "zip.record",
        "'\(name.shortened)' is said to start at byte \(offset), past the records' end at \(limit)",
        at: place)
    }
    let start = Int(offset)
    var reader = ByteReader(mapped.storage, start..<limit, file: mapped.path, truncationRule: "zip.record")
    guard try reader.number(UInt32.self) == 0x0403_4B50 else {
      throw Diagnostic(
        "zip.record", "no local header of '\(name.shortened)' stands at byte \(start)", at: place)
    }
    try reader.skip(22)
    let nameLength = Int(try reader.number(UInt16.self))
    let extraLength = Int(try reader.number(UInt16.self))
    guard try reader.bytes(nameLength).elementsEqual(nameBytes) else {
      throw Diagnostic(
        "zip.record", "the local header of '\(name.shortened)' has another name than the directory", at: place)
    }
    try reader.skip(extraLength)
    guard byteCount <= UInt64(reader.remaining) else {
      throw Diagnostic(
        "zip.record", "'\(name.shortened)' has \(byteCount) bytes, but only \(reader.remaining) are left",
        at: place)
    }
    return reader.position..<reader.position + Int(byteCount)
  }
}
