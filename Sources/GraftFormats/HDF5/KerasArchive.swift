import GraftIR

// Layout of a Keras 3 archive (keras 3.15 `saving_lib.py`): a zip archive.
//
//   metadata.json      the version of Keras, and when it was saved
//   config.json        the layers, which graft carries and never builds
//   model.weights.h5   the tensors
//   graft.json         metadata that graft wrote

/// A `.keras` file.
enum KerasArchive {
  static let weightsName = "model.weights.h5"
  /// Records that are metadata of their names.
  static let textNames = ["config.json", "metadata.json"]

  static func recognises(_ archive: ZipArchive) -> Bool { archive[weightsName] != nil }

  /// Opens the tensors in `mapped`, with the texts beside them.
  ///
  /// - Throws: rules of the pages `hdf5`, `zip` and `json`.
  static func open(_ mapped: MappedFile) throws(Diagnostic) -> HDF5Reader {
    let archive = try ZipArchive(mapped)
    guard let weights = archive[weightsName] else {
      throw Diagnostic("hdf5.archive", "the archive holds no '\(weightsName)'", at: Location(mapped.path, 0..<4))
    }
    guard !weights.isDeflated else {
      throw Diagnostic(
        "hdf5.archive", "'\(weightsName)' is compressed, as Keras never writes it",
        at: Location(mapped.path, weights.range),
        help: "zip the archive again without compression ('zip -0')")
    }
    try ZipArchive.verify(weights, in: mapped)
    var texts: [String: String] = [:]
    for name in textNames {
      guard let record = archive[name] else { continue }
      texts[name] = try text(record, in: mapped)
    }
    if let own = archive[MetadataRecord.name] {
      texts.merge(try MetadataRecord.read(own, in: mapped)) { _, later in later }
    }
    let others = archive.records.filter {
      $0.name != weightsName && !textNames.contains($0.name) && $0.name != MetadataRecord.name
        && !$0.name.hasSuffix("/")
    }
    let omissions =
      others.isEmpty
      ? [] : [Omission("\(counted(others.count, "record")) of the archive: \(listed(others.map(\.name)))")]
    return try HDF5Reader(mapped, window: weights.range, texts: texts, omissions: omissions)
  }

  /// A record of at most 64 MB as text.
  private static func text(_ record: ZipArchive.Record, in mapped: MappedFile) throws(Diagnostic) -> String {
    guard record.byteCount <= 64 << 20 else {
      throw Diagnostic(
        "hdf5.archive", "'\(record.name)' has \(record.byteCount) bytes, more than a text may",
        at: Location(mapped.path, record.range))
    }
    let bytes: Storage
    if record.isDeflated {
      bytes = Storage(byteCount: record.byteCount)
      let inflater = try Inflater(record, in: mapped)
      _ = try inflater.read(into: UnsafeMutableRawBufferPointer(start: bytes.start, count: bytes.byteCount))
      try inflater.finish()
    } else {
      try ZipArchive.verify(record, in: mapped)
      bytes = Storage(byteCount: record.byteCount)
      bytes.start.copyMemory(from: mapped.storage.start + record.range.lowerBound, byteCount: record.byteCount)
    }
    guard let text = String(validUTF8: bytes.bytes) else {
      throw Diagnostic("hdf5.utf8", "'\(record.name)' is not UTF-8", at: Location(mapped.path, record.range))
    }
    return text
  }
}
