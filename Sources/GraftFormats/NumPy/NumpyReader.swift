import GraftIR

/// An open `.npy` file: one array, which has no name.
final class NumpyReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "npy"

  let format = NumpyReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String] = [:]
  let notes: [String]
  private let mapped: MappedFile
  private let array: NumpyArray

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads the header of `mapped`.
  ///
  /// - Throws: rules of the page `numpy`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    array = try NumpyArray(.bytes(0), byteCount: mapped.byteCount, path: [], declared: nil, in: mapped)
    entries = [array.entry]
    notes = array.header.type.isAssumed ? [NumpyArchiveReader.assumption("the array")] : []
    self.mapped = mapped
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor { try array.tensor(in: mapped) }

  func region(at index: Int) -> FileRegion? { array.region(in: mapped) }

  func arrangement(at index: Int) -> Arrangement { array.arrangement(in: mapped) }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    array.streamingByteCount(inRunsOf: byteCount, in: mapped)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    try array.stream(inRunsOf: byteCount, in: mapped, body)
  }
}

// Layout of an archive of arrays (NumPy 2.4, `numpy.savez`): a zip archive.
//
//   NAME.npy     an array file, stored or deflated; NAME may hold '/'
//   graft.json   metadata that graft wrote, with the types that NumPy cannot spell under `graft.dtypes`
//
// Local headers say that sizes are 0xFFFFFFFF, so only the directory tells them.

/// An open `.npz` file.
final class NumpyArchiveReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "npz"
  /// The metadata that hold the types which NumPy cannot spell, by tensor, as safetensors spells them.
  static let dtypesKey = "graft.dtypes"

  let format = NumpyArchiveReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  let notes: [String]
  let omissions: [Omission]
  private let mapped: MappedFile
  private let arrays: [NumpyArray]

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads the directory of `mapped` and the headers of its arrays.
  ///
  /// - Throws: rules of the pages `numpy`, `zip` and `json`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    guard ZipArchive.recognises(mapped.storage.bytes) else {
      throw Diagnostic(
        "numpy.not-zip",
        "'\(mapped.path)' is no zip archive, \(mapped.byteCount == 0 ? "it is empty" : "as an archive of arrays is")",
        at: Location(mapped.path, 0..<min(2, mapped.byteCount)))
    }
    let archive = try ZipArchive(mapped)
    var metadata: [String: String] = [:]
    if let own = archive[MetadataRecord.name] { metadata = try MetadataRecord.read(own, in: mapped) }
    let declared = try Self.dtypes(metadata.removeValue(forKey: Self.dtypesKey), mapped)
    var arrays: [NumpyArray] = []
    var others: [String] = []
    for record in archive.records where record.name != MetadataRecord.name && !record.name.hasSuffix("/") {
      guard record.name.hasSuffix(".npy") else {
        others.append(record.name)
        continue
      }
      let name = String(record.name.dropLast(4))
      arrays.append(
        try NumpyArray(
          record.isDeflated ? .record(record) : .bytes(record.range.lowerBound), byteCount: record.byteCount,
          path: [name], declared: declared[name], in: mapped))
    }
    self.mapped = mapped
    self.arrays = arrays
    self.metadata = metadata
    entries = arrays.map(\.entry)
    notes = arrays.filter(\.header.type.isAssumed).prefix(1).map { Self.assumption("'\($0.entry.name.shortened)'") }
    omissions =
      others.isEmpty
      ? []
      : [
        Omission(
          "\(counted(others.count, "record")) that \(others.count == 1 ? "is no array" : "are no arrays"): \(listed(others))"
        )
      ]
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor { try arrays[index].tensor(in: mapped) }

  func region(at index: Int) -> FileRegion? { arrays[index].region(in: mapped) }

  func arrangement(at index: Int) -> Arrangement { arrays[index].arrangement(in: mapped) }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    arrays[index].streamingByteCount(inRunsOf: byteCount, in: mapped)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    try arrays[index].stream(inRunsOf: byteCount, in: mapped, body)
  }

  /// Whether `archive` holds arrays, or only what graft writes beside them.
  static func recognises(_ archive: ZipArchive) -> Bool {
    archive.records.contains { $0.name.hasSuffix(".npy") } || archive.records.map(\.name) == [MetadataRecord.name]
  }

  static func assumption(_ what: String) -> String {
    "\(what) is of NumPy's type 'V2', two bytes of any kind, and taken for bf16"
  }

  private static func dtypes(_ text: String?, _ mapped: MappedFile) throws(Diagnostic) -> [String: DType] {
    guard let text else { return [:] }
    var dtypes: [String: DType] = [:]
    for member in try JSON(parsing: text, file: mapped.path).members ?? [] {
      guard let dtype = member.value.textValue.flatMap(DType.init(safetensorsName:)) else {
        throw Diagnostic(
          "numpy.dtypes", "'\(dtypesKey)' gives '\(member.name.shortened)' a type that is not known",
          at: Location(mapped.path))
      }
      dtypes[member.name] = dtype
    }
    return dtypes
  }
}
