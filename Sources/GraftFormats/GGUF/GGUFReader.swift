import GraftIR

/// An open GGUF file. Tensors in blocks of quantised numbers are read as f32.
final class GGUFReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "gguf"
  /// The metadata that hold of which type each value was, by key, where it was no text.
  static let typesKey = "graft.gguf-types"
  /// The metadata that name tensors without axes, which the format gives one of size 1.
  static let scalarsKey = "graft.gguf-scalars"
  /// What graft says of whose model a file is, where nothing else does: readers want something.
  static let ownArchitecture = (key: "general.architecture", text: "graft")

  let format = GGUFReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  /// What it says of being one of several files; `nil` where it is the only one.
  let split: GGUFSplit?
  private let mapped: MappedFile
  private let tensors: [GGUFHeader.DeclaredTensor]

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads everything of `mapped` but its data.
  ///
  /// - Throws: rules of the pages `gguf` and `json`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    let header = try GGUFHeader(mapped)
    var metadata: [String: String] = [:]
    var types: [String: String] = [:]
    for (key, value) in header.values {
      metadata[key] = value.text
      if value.type != "text" { types[key] = value.type }
    }
    let scalars = Set(try Self.names(metadata.removeValue(forKey: Self.scalarsKey), mapped))
    split = GGUFSplit(metadata)
    var derived = GGUFSplit.keys + (try Self.names(metadata.removeValue(forKey: GGUFContents.addedKey), mapped))
    if metadata[Self.ownArchitecture.key] == Self.ownArchitecture.text { derived.append(Self.ownArchitecture.key) }
    for key in derived { (metadata[key], types[key]) = (nil, nil) }
    if !types.isEmpty { metadata[Self.typesKey] = JSON(types).text() }
    self.metadata = metadata
    self.mapped = mapped
    tensors = header.tensors
    entries = header.tensors.map { tensor in
      let isScalar = scalars.contains(tensor.name) && tensor.shape == [1]
      return TensorEntry(
        path: [tensor.name], dtype: tensor.type.dtype ?? .f32, shape: isScalar ? [] : tensor.shape,
        blocks: tensor.type.blocks)
    }
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    let entry = entries[index]
    if let region = region(at: index) {
      return Tensor(entry.dtype, entry.shape, storage: mapped.storage, offsetInBytes: region.offset)
    }
    let tensor = Tensor(zeros: entry.dtype, entry.shape)
    unpack(index, from: 0, into: tensor.mutableBytes)
    return tensor
  }

  func region(at index: Int) -> FileRegion? {
    tensors[index].type.dtype == nil ? nil : stored(index)
  }

  func blockRegion(at index: Int) -> FileRegion? { tensors[index].type.blocks == nil ? nil : stored(index) }

  private func stored(_ index: Int) -> FileRegion {
    FileRegion(file: mapped, offset: tensors[index].offset, byteCount: tensors[index].byteCount)
  }

  func arrangement(at index: Int) -> Arrangement { tensors[index].type.dtype == nil ? .compressed : .plain }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    region(at: index) == nil ? min(byteCount, entries[index].byteCount) : 0
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard region(at: index) == nil else { return try tensor(at: index).forEachRun(of: byteCount, body) }
    let total = entries[index].byteCount
    let room = Storage(byteCount: min(byteCount, total))
    // A run of 4096 bytes is four blocks of the longest kind, so that none is cut.
    for start in stride(from: 0, to: total, by: byteCount) {
      let run = UnsafeMutableRawBufferPointer(start: room.start, count: min(byteCount, total - start))
      unpack(index, from: start / 4, into: run)
      try body(UnsafeRawBufferPointer(run))
    }
  }

  /// Fills `bytes` with the numbers of tensor `index` from element `first` on, which begins a block.
  private func unpack(_ index: Int, from first: Int, into bytes: UnsafeMutableRawBufferPointer) {
    let tensor = tensors[index]
    guard let blocks = tensor.type.blocks else { return }
    blocks.unpack(mapped.storage.start + tensor.offset + blocks.byteCount(of: first), into: bytes)
  }

  /// The bytes of such a list, at most: more than names of half a million tensors.
  private static let namesLimit = 16 << 20

  private static func names(_ text: String?, _ mapped: MappedFile) throws(Diagnostic) -> [String] {
    guard let text else { return [] }
    guard text.utf8.count <= namesLimit else {
      throw Diagnostic(
        "gguf.list", "a list of names has \(text.utf8.count) bytes, more than \(namesLimit)", at: Location(mapped.path))
    }
    return (try JSON(parsing: text, file: mapped.path).listValue ?? []).compactMap(\.textValue)
  }
}
