public import GraftIR

/// A checkpoint format that graft knows.
public struct Format: Sendable {
  /// As `inspect` prints it and `--to` takes it.
  public let name: String
  /// What names of such files end in, the preferred one first.
  public let extensions: [String]
  /// Whether graft writes it.
  public var isWritable: Bool { makeWriter != nil }
  /// Whether tied tensors stay tied in a file; elsewhere `graft.aliases` in the metadata tells of them.
  let keepsAliases: Bool
  /// Whether tensors are in dictionaries; elsewhere `graft.keys` in the metadata tells of them.
  let keepsKeys: Bool

  /// Whether a file is of this format, by its bytes and, where it is a zip archive, by what that holds.
  let recognises: @Sendable (UnsafeRawBufferPointer, ZipArchive?) -> Bool
  let open: @Sendable (MappedFile) throws(Diagnostic) -> any LocatedCheckpoint
  let makeWriter: (@Sendable (WriterRequest) throws(Diagnostic) -> any StreamingCheckpointWriter)?
  /// The second file that a checkpoint at `path` needs for `declarations`, which holds data alone, where the format has
  /// such: with over `limit` bytes of tensors, or more than the format takes.
  var companion: (@Sendable (_ declarations: [TensorDeclaration], _ limit: Int?, _ path: String) -> String?)?
  /// Whether a file is one tensor, with room for neither its name nor metadata.
  var holdsOneTensor = false
  /// Whether a file can hold tensors in blocks.
  package var holdsBlocks = false
  /// What names end in of files that those whom they are for open as one file alone.
  var wholeExtensions: [String] = []
  /// What common readers of the format will refuse, or take otherwise, of a file that is going to be written.
  var lint: @Sendable (_ tensors: [TensorDeclaration], _ metadata: [String: String]) -> [Diagnostic] = { _, _ in [] }
}

/// The registry: every format, in the order in which content is tried.
public enum Formats {
  /// All formats.
  public static let all: [Format] = [.pytorch, .safetensors, .npz, .npy, .gguf, .hdf5, .onnx]

  /// Opens the checkpoint at `path`: a file of any format, an index of several, or a folder that holds one of them.
  ///
  /// What the bytes say counts before what the name says.
  /// - Throws: rules of the page `checkpoint`, and of the format's own.
  public static func open(_ path: String) throws(Diagnostic) -> any CheckpointReader {
    switch PathKind(of: path) {
    case .folder: return try openFile(try Folder.checkpoint(in: path))
    case .nothing, .file, .other: return try openFile(path)
    }
  }

  /// The format that is meant by a name ending in an extension of its own, or `nil`.
  public static func format(ofPath path: String) -> Format? {
    all.first { format in format.extensions.contains { path.lowercased().hasSuffix($0) } }
  }

  /// The formats that have blocks, as messages list them.
  static var withBlocks: String {
    all.filter(\.holdsBlocks).map { "\($0.name) (\($0.extensions.joined(separator: ", ")))" }.joined(separator: ", ")
  }

  /// The format called `name`, or `nil`.
  public static func named(_ name: String) -> Format? { all.first { $0.name == name } }

  private static func openFile(_ path: String) throws(Diagnostic) -> any LocatedCheckpoint {
    if path.hasSuffix(ShardPlan.indexSuffix) {
      return try restoring(try ShardedCheckpoint(indexPath: path))
    }
    let mapped = try MappedFile(path: path)
    if ShardedCheckpoint.recognises(mapped.storage.bytes) {
      return try restoring(try ShardedCheckpoint(indexPath: path))
    }
    let single = try openSingle(mapped)
    if let part = single as? GGUFReader, let split = part.split { return try restoring(try split.joined(part)) }
    return try restoring(single)
  }

  /// `checkpoint` with the ties and dictionaries that its metadata tell of.
  private static func restoring(_ checkpoint: any LocatedCheckpoint) throws(Diagnostic) -> any LocatedCheckpoint {
    try KeyedCheckpoint.restoring(try AliasedCheckpoint.restoring(checkpoint))
  }

  /// Whether an output at `path` can hold blocks; that of no known format is refused elsewhere.
  package static func holdsBlocks(outputPath path: String) -> Bool {
    format(ofPath: ShardPlan.basePath(of: path))?.holdsBlocks ?? true
  }

  /// Opens a file that is no index.
  static func openSingle(_ mapped: MappedFile) throws(Diagnostic) -> any LocatedCheckpoint {
    let bytes = mapped.storage.bytes
    let archive = ZipArchive.recognises(bytes) ? try ZipArchive(mapped) : nil
    if let format = all.first(where: { $0.recognises(bytes, archive) }) { return try format.open(mapped) }
    if let archive, !archive.records.isEmpty { throw ForeignLayout.refusal(of: archive, mapped.path) }
    if let layout = ForeignLayout(bytes), layout != .barePickle { throw layout.refusal(of: mapped.path) }
    let (isPickle, forbidden) = PickleGlobals.barePickle(mapped)
    if isPickle { throw ForeignLayout.refusal(ofPickleNaming: forbidden, mapped.path) }
    if let format = format(ofPath: mapped.path) {
      do throws(Diagnostic) { return try format.open(mapped) } catch {
        guard let content = plainContent(bytes) else { throw error }
        throw Diagnostic(
          error.rule, error.message, at: error.location, label: error.label, help: error.help ?? content,
          category: error.category)
      }
    }
    throw Diagnostic(
      "checkpoint.unknown-format", "'\(mapped.path)' is of no format that is known", at: Location(mapped.path),
      help: mapped.path.hasSuffix(".graft")
        ? "'graftc plan \(mapped.path)' tells of a graft" : "formats: " + all.map(\.name).joined(separator: ", "))
  }
}

extension Formats {
  /// What is said of a file that holds nothing, or a text; `nil` where it holds something else.
  private static func plainContent(_ bytes: UnsafeRawBufferPointer) -> String? {
    if bytes.isEmpty { return "the file is empty" }
    let isText = bytes.prefix(512).allSatisfy { (0x20..<0x7F).contains($0) || (9...13).contains($0) }
    return isText ? "the file holds a text, whatever its name says" : nil
  }
}

extension Format {
  static let safetensors = Format(
    name: SafetensorsReader.formatName, extensions: [".safetensors"], keepsAliases: false, keepsKeys: false,
    recognises: { bytes, _ in
      // The header's length, then its first brace; anything else with this name is refused for what it lacks.
      bytes.dropFirst(8).prefix(256).first { !JSONScanner.isSpace($0) } == UInt8(ascii: "{")
        && UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= UInt64(SafetensorsReader.headerLimit)
    },
    open: { mapped throws(Diagnostic) in try SafetensorsReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try SafetensorsWriter(request) },
    lint: Lint.safetensors)

  static let pytorch = Format(
    name: PyTorchReader.formatName, extensions: [".pt", ".pth", ".bin", ".ckpt"], keepsAliases: true, keepsKeys: true,
    recognises: { bytes, archive in
      archive.map(PyTorchArchive.recognises) ?? LegacyLayout.recognises(bytes)
    },
    open: { mapped throws(Diagnostic) in try PyTorchReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try PyTorchWriter(request) },
    lint: Lint.pytorch)

  static let npz = Format(
    name: NumpyArchiveReader.formatName, extensions: [".npz"], keepsAliases: false, keepsKeys: false,
    recognises: { _, archive in archive.map(NumpyArchiveReader.recognises) ?? false },
    open: { mapped throws(Diagnostic) in try NumpyArchiveReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try NumpyArchiveWriter(request) },
    lint: Lint.numpy)

  static let npy = Format(
    name: NumpyReader.formatName, extensions: [".npy"], keepsAliases: false, keepsKeys: false,
    recognises: { bytes, _ in bytes.starts(with: NumpyHeader.magic) },
    open: { mapped throws(Diagnostic) in try NumpyReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try NumpyWriter(request) },
    holdsOneTensor: true, lint: Lint.numpy)

  static let gguf = Format(
    name: GGUFReader.formatName, extensions: [".gguf"], keepsAliases: false, keepsKeys: false,
    recognises: { bytes, _ in bytes.starts(with: GGUFHeader.magic) },
    open: { mapped throws(Diagnostic) in try GGUFReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try GGUFWriter(request) },
    holdsBlocks: true, lint: Lint.gguf)

  /// Plain files, and the archives of Keras 3, which hold one.
  static let hdf5 = Format(
    name: HDF5Reader.formatName, extensions: [".h5", ".hdf5", ".keras"], keepsAliases: false, keepsKeys: false,
    recognises: { bytes, archive in
      archive.map(KerasArchive.recognises) ?? (HDF5Superblock.position(in: bytes) != nil)
    },
    open: { mapped throws(Diagnostic) in
      ZipArchive.recognises(mapped.storage.bytes) ? try KerasArchive.open(mapped) : try HDF5Reader(mapped)
    },
    makeWriter: { request throws(Diagnostic) in try HDF5Writer(request) },
    wholeExtensions: [".keras", ".weights.h5"])

  static let onnx = Format(
    name: ONNXReader.formatName, extensions: [".onnx"], keepsAliases: false, keepsKeys: false,
    recognises: { bytes, _ in ONNXModel.recognises(bytes) },
    open: { mapped throws(Diagnostic) in try ONNXReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try ONNXWriter(request) },
    companion: { declarations, limit, path in ONNXWriter.companion(declarations, limit: limit, path: path) },
    lint: Lint.onnx)
}
