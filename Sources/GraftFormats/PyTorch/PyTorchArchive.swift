import GraftIR

// The zip layout (torch 1.6 and later): records of a zip archive.
//
//   STEM/data.pkl      the pickle
//   STEM/byteorder     `little` or `big`
//   STEM/data/KEY      the bytes of one storage
//   STEM/graft.json    metadata that graft wrote

/// The zip layout.
enum PyTorchArchive {
  /// A pickle of this size describes about two million tensors.
  static let pickleLimit = 256_000_000

  /// Reads the pickle of `archive`, which is the directory of `mapped`, and finds its storages.
  ///
  /// - Throws: rules of the pages `pytorch`, `zip` and `json`.
  static func read(_ archive: ZipArchive, _ mapped: MappedFile) throws(Diagnostic) -> PyTorchContent {
    let stem = try stem(of: archive, mapped)
    if let packed = archive.records.first(where: \.isDeflated) {
      throw Diagnostic(
        "pytorch.compressed", "'\(packed.name.shortened)' is compressed; torch only stores",
        at: Location(mapped.path, packed.range), help: "unpack the archive and zip it again without compression")
    }
    guard let record = archive["\(stem)/data.pkl"] else {
      throw Diagnostic("pytorch.no-pickle", "the archive holds no 'data.pkl'", at: Location(mapped.path))
    }
    guard record.range.count <= pickleLimit else {
      throw Diagnostic(
        "pytorch.pickle-size", "'data.pkl' has \(record.range.count) bytes, more than \(pickleLimit)",
        at: Location(mapped.path, record.range))
    }
    try ZipArchive.verify(record, in: mapped)
    let pickle = try Unpickler.read(mapped, record.range)
    let own = archive["\(stem)/\(MetadataRecord.name)"]
    return PyTorchContent(
      pickle: pickle, pickleByteCount: record.range.count,
      storages: try locate(pickle.storages, archive, stem, mapped),
      isBigEndian: try isBigEndian(archive["\(stem)/byteorder"], mapped),
      metadata: try own.map { (record) throws(Diagnostic) in try MetadataRecord.read(record, in: mapped) } ?? [:])
  }

  /// Whether `archive` is one that torch writes, a program or a checkpoint.
  static func recognises(_ archive: ZipArchive) -> Bool {
    archive.records.contains { record in
      let parts = record.name.split(separator: "/", omittingEmptySubsequences: false)
      return parts.count == 2 && (parts[1] == "data.pkl" || parts[1] == "constants.pkl" || parts[1] == "byteorder")
    }
  }

  /// The folder that all records are in: `archive`, or the name that the file was saved under.
  private static func stem(of archive: ZipArchive, _ mapped: MappedFile) throws(Diagnostic) -> String {
    for record in archive.records {
      let parts = record.name.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count >= 2 && (parts[1] == "code" || parts[1] == "constants.pkl") {
        throw Diagnostic(
          "pytorch.torchscript", "'\(mapped.path)' is a TorchScript program, not a checkpoint",
          at: Location(mapped.path), help: "save the state dict with torch.save")
      }
    }
    let pickles = archive.records.filter { $0.name.hasSuffix("/data.pkl") && $0.name.split(separator: "/").count == 2 }
    guard let first = pickles.first else {
      throw Diagnostic("pytorch.no-pickle", "the archive holds no 'data.pkl'", at: Location(mapped.path))
    }
    guard pickles.count == 1 else {
      throw Diagnostic(
        "pytorch.no-pickle", "the archive holds \(pickles.count) checkpoints, '\(first.name.shortened)' among them",
        at: Location(mapped.path))
    }
    return String(first.name.dropLast("/data.pkl".count))
  }

  private static func isBigEndian(_ record: ZipArchive.Record?, _ mapped: MappedFile) throws(Diagnostic) -> Bool {
    guard let record else { return false }  // torch before 2.1 wrote none, and only on little-endian machines.
    let bytes = UnsafeRawBufferPointer(rebasing: mapped.storage.bytes[record.range])
    if bytes.elementsEqual("little".utf8) { return false }
    if bytes.elementsEqual("big".utf8) { return true }
    throw Diagnostic(
      "pytorch.byte-order", "the record 'byteorder' is neither 'little' nor 'big'",
      at: Location(mapped.path, record.range))
  }

  /// The bytes of each storage.
  private static func locate(
    _ storages: [Pickle.StorageReference], _ archive: ZipArchive, _ stem: String, _ mapped: MappedFile
  ) throws(Diagnostic) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for storage in storages {
      var key: String { storage.key.shortened }  // Only worked out for a message.
      guard !storage.key.isEmpty, storage.key != "..", !storage.key.utf8.contains(UInt8(ascii: "/")) else {
        throw Diagnostic(
          "pytorch.storage-key", "the storage key '\(key)' is no record's name", at: Location(mapped.path))
      }
      guard let record = archive["\(stem)/data/\(storage.key)"] else {
        throw Diagnostic(
          "pytorch.storage-missing", "the archive holds no record for the storage '\(key)'", at: Location(mapped.path))
      }
      try storage.check(available: record.range.count, at: Location(mapped.path, record.range))
      ranges.append(storage.bytes(of: record.range))
    }
    return ranges
  }
}
