import GraftIR

/// An open PyTorch checkpoint of the zip layout (torch 1.6 and later).
final class PyTorchReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "pytorch"
  /// A pickle of this size describes about two million tensors.
  static let pickleLimit = 256_000_000

  let format = PyTorchReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  let aliases: [Int: TensorAlias]
  private let mapped: MappedFile
  private let views: [StridedView]
  private let isBigEndian: Bool

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads the directory and the pickle of `mapped`.
  ///
  /// - Throws: a rule of the pages `pytorch` and `json`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    guard mapped.storage.bytes.starts(with: [0x50, 0x4B]) else {
      throw Diagnostic(
        "pytorch.not-zip",
        "'\(mapped.path)' is no zip archive, \(mapped.byteCount == 0 ? "it is empty" : "as torch writes")",
        at: Location(mapped.path, 0..<min(2, mapped.byteCount)))
    }
    let archive = try ZipArchive(mapped)
    let stem = try Self.stem(of: archive, mapped)
    guard let record = archive["\(stem)/data.pkl"] else {
      throw Diagnostic("pytorch.no-pickle", "the archive holds no 'data.pkl'", at: Location(mapped.path))
    }
    guard record.range.count <= Self.pickleLimit else {
      throw Diagnostic(
        "pytorch.pickle-size", "'data.pkl' has \(record.range.count) bytes, more than \(Self.pickleLimit)",
        at: Location(mapped.path, record.range))
    }
    try ZipArchive.verify(record, in: mapped)
    let pickle = try Unpickler.read(mapped, record.range)
    let tree = try PickleTree(pickle, byteCount: record.range.count, file: mapped.path)
    isBigEndian = try Self.isBigEndian(archive["\(stem)/byteorder"], mapped)

    let storages = try Self.locate(pickle.storages, archive, stem, mapped)
    var entries: [TensorEntry] = []
    var views: [StridedView] = []
    var names: Set<String> = []
    for leaf in tree.tensors {
      let tensor = pickle.tensors[leaf.tensor]
      let view = try StridedView(
        tensor, of: pickle.storages[tensor.storage], at: storages[tensor.storage],
        Location(mapped.path, tensor.position..<tensor.position + 1, tensor: leaf.path.joined(separator: "/")))
      let entry = TensorEntry(path: leaf.path, dtype: view.dtype, shape: view.shape)
      guard names.insert(entry.name).inserted else {
        throw Diagnostic(
          "pytorch.duplicate-key", "two tensors are called '\(entry.name.shortened)'", at: Location(mapped.path))
      }
      entries.append(entry)
      views.append(view)
    }
    var metadata = tree.metadata
    if let own = archive["\(stem)/graft.json"] {
      for (name, text) in try Self.texts(own, mapped) { metadata[name] = text }
    }
    self.mapped = mapped
    self.entries = entries
    self.views = views
    aliases = StridedView.aliases(among: views)
    self.metadata = metadata
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    let view = views[index]
    if let region = region(at: index) {
      return Tensor(view.dtype, view.shape, storage: mapped.storage, offsetInBytes: region.offset)
    }
    let tensor = Tensor(zeros: view.dtype, view.shape)
    view.gather(from: mapped.storage.bytes, into: tensor.mutableBytes)
    if isBigEndian { swapBytes(of: view.dtype, in: tensor.mutableBytes) }
    return tensor
  }

  func region(at index: Int) -> FileRegion? {
    let view = views[index]
    guard view.isContiguous, !isBigEndian || view.dtype.bitWidth <= 8 else { return nil }
    return FileRegion(file: mapped, offset: view.offsetInBytes, byteCount: entries[index].byteCount)
  }

  /// The folder that all records are in: `archive`, or the name that the file was saved under.
  private static func stem(of archive: ZipArchive, _ mapped: MappedFile) throws(Diagnostic) -> String {
    for record in archive.records {
      let parts = record.name.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count >= 2 && (parts[1] == "code" || parts[1] == "constants.pkl") {
        throw Diagnostic(
          "pytorch.torchscript", "the file is a TorchScript program, not a checkpoint", at: Location(mapped.path),
          help: "save the state dict with torch.save")
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
      guard let width = storage.byteWidth else {
        throw Diagnostic(
          "pytorch.dtype", "the storage '\(key)' is a '\(storage.typeName)', which is not read",
          at: Location(mapped.path))
      }
      guard let record = archive["\(stem)/data/\(storage.key)"] else {
        throw Diagnostic(
          "pytorch.storage-missing", "the archive holds no record for the storage '\(key)'", at: Location(mapped.path))
      }
      let (byteCount, overflow) = storage.count.multipliedReportingOverflow(by: width)
      guard !overflow, byteCount == record.range.count else {
        throw Diagnostic(
          "pytorch.storage-size",
          "the storage '\(key)' claims \(storage.count) elements of \(width) bytes, but its record has \(record.range.count) bytes",
          at: Location(mapped.path, record.range))
      }
      ranges.append(record.range)
    }
    return ranges
  }

  private static func texts(_ record: ZipArchive.Record, _ mapped: MappedFile) throws(Diagnostic) -> [String: String] {
    let bytes = UnsafeRawBufferPointer(rebasing: mapped.storage.bytes[record.range])
    let json = try JSON(scanning: bytes, file: mapped.path, origin: record.range.lowerBound)
    guard let members = json.members else {
      throw Diagnostic(
        "pytorch.metadata", "'graft.json' is no object of texts", at: Location(mapped.path, record.range))
    }
    var texts: [String: String] = [:]
    for member in members {
      guard case .text(let text) = member.value else {
        throw Diagnostic(
          "pytorch.metadata", "'\(member.name.shortened)' of 'graft.json' is no text",
          at: Location(mapped.path, record.range))
      }
      texts[member.name] = text
    }
    return texts
  }
}

extension Pickle.StorageReference {
  /// The element type that the class implies; `nil` for bytes without a type.
  var dtype: DType? { PyTorchTypes.storages[typeName] }

  /// The bytes of one of the elements that `count` counts, or `nil` where the class is not read.
  var byteWidth: Int? { typeName == "UntypedStorage" ? 1 : dtype?.byteWidth }
}
