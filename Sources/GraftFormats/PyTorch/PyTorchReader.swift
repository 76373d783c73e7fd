import GraftIR

/// An open PyTorch checkpoint, of the zip layout or the legacy one.
final class PyTorchReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "pytorch"

  let format = PyTorchReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  let aliases: [Int: TensorAlias]
  let omissions: [Omission]
  private let mapped: MappedFile
  private let views: [StridedView]
  private let isBigEndian: Bool

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads everything but the tensors' values.
  ///
  /// - Throws: rules of the pages `pytorch`, `zip` and `json`.
  convenience init(_ mapped: MappedFile) throws(Diagnostic) {
    if LegacyLayout.recognises(mapped.storage.bytes) {
      try self.init(mapped, try LegacyLayout.read(mapped))
      return
    }
    guard mapped.storage.bytes.starts(with: [0x50, 0x4B]) else {
      throw Diagnostic(
        "pytorch.not-zip",
        "'\(mapped.path)' is no zip archive, \(mapped.byteCount == 0 ? "it is empty" : "as torch writes")",
        at: Location(mapped.path, 0..<min(2, mapped.byteCount)))
    }
    try self.init(mapped, try PyTorchArchive.read(try ZipArchive(mapped), mapped))
  }

  private init(_ mapped: MappedFile, _ content: PyTorchContent) throws(Diagnostic) {
    let pickle = content.pickle
    let tree = try PickleTree(pickle, byteCount: content.pickleByteCount, file: mapped.path)
    var entries: [TensorEntry] = []
    var views: [StridedView] = []
    var names: Set<String> = []
    for leaf in tree.tensors {
      let tensor = leaf.tensor
      let view = try StridedView(
        tensor, of: pickle.storages[tensor.storage], at: content.storages[tensor.storage],
        Location(mapped.path, tensor.position..<tensor.position + 1, tensor: leaf.path.joined(separator: "/")))
      let entry = TensorEntry(path: leaf.path, dtype: view.dtype, shape: view.shape)
      guard names.insert(entry.name).inserted else {
        throw Diagnostic(
          "pytorch.duplicate-key", "two tensors are called '\(entry.name.shortened)'", at: Location(mapped.path))
      }
      entries.append(entry)
      views.append(view)
    }
    self.mapped = mapped
    self.entries = entries
    self.views = views
    metadata = tree.metadata.merging(content.metadata) { _, own in own }
    aliases = StridedView.aliases(among: views)
    omissions = tree.omissions
    isBigEndian = content.isBigEndian
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    let view = views[index]
    if let region = region(at: index) {
      return Tensor(view.dtype, view.shape, storage: mapped.storage, offsetInBytes: region.offset)
    }
    let tensor = Tensor(zeros: view.dtype, view.shape)
    view.gather(from: mapped.storage.bytes, into: tensor.mutableBytes)
    if isBigEndian { swapBytes(of: view.dtype, in: tensor.mutableBytes) }
    if view.sign != .none { negate(view.sign, view.dtype, in: tensor.mutableBytes) }
    return tensor
  }

  func region(at index: Int) -> FileRegion? {
    let view = views[index]
    guard view.isContiguous, view.sign == .none, !isBigEndian || view.dtype.bitWidth <= 8 else { return nil }
    return FileRegion(file: mapped, offset: view.offsetInBytes, byteCount: entries[index].byteCount)
  }

  func arrangement(at index: Int) -> Arrangement {
    if region(at: index) != nil { return .plain }
    return views[index].isContiguous && views[index].sign == .none ? .bigEndian : .strided
  }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    region(at: index) == nil ? min(byteCount, entries[index].byteCount) : 0
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let view = views[index]
    let total = entries[index].byteCount
    if let region = region(at: index) {
      for start in stride(from: 0, to: total, by: byteCount) {
        let run = region.offset + start..<region.offset + min(start + byteCount, total)
        try body(UnsafeRawBufferPointer(rebasing: mapped.storage.bytes[run]))
      }
      return
    }
    let room = Storage(byteCount: min(byteCount, total))
    for start in stride(from: 0, to: total, by: byteCount) {
      let run = UnsafeMutableRawBufferPointer(start: room.start, count: min(byteCount, total - start))
      view.gather(from: mapped.storage.bytes, first: start / view.width, into: run)
      if isBigEndian { swapBytes(of: view.dtype, in: run) }
      if view.sign != .none { negate(view.sign, view.dtype, in: run) }
      try body(UnsafeRawBufferPointer(run))
    }
  }
}
