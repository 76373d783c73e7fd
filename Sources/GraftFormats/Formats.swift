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

  /// Whether the first bytes of a file are those of this format.
  let recognises: @Sendable (UnsafeRawBufferPointer) -> Bool
  let open: @Sendable (MappedFile) throws(Diagnostic) -> any LocatedCheckpoint
  let makeWriter: (@Sendable (WriterRequest) throws(Diagnostic) -> any StreamingCheckpointWriter)?
}

/// The registry: every format, in the order in which content is tried.
public enum Formats {
  /// All formats.
  public static let all: [Format] = [.pytorch, .safetensors]

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

  /// The format called `name`, or `nil`.
  public static func named(_ name: String) -> Format? { all.first { $0.name == name } }

  private static func openFile(_ path: String) throws(Diagnostic) -> any LocatedCheckpoint {
    if path.hasSuffix(ShardPlan.indexSuffix) {
      return try AliasedCheckpoint.restoring(try ShardedCheckpoint(indexPath: path))
    }
    return try AliasedCheckpoint.restoring(try openSingle(try MappedFile(path: path)))
  }

  /// Opens a file that is no index.
  static func openSingle(_ mapped: MappedFile) throws(Diagnostic) -> any LocatedCheckpoint {
    let bytes = mapped.storage.bytes
    if let format = all.first(where: { $0.recognises(bytes) }) { return try format.open(mapped) }
    if let layout = ForeignLayout(bytes) { throw layout.refusal(of: mapped.path) }
    if let format = format(ofPath: mapped.path) { return try format.open(mapped) }
    throw Diagnostic(
      "checkpoint.unknown-format", "'\(mapped.path)' is of no format that is known", at: Location(mapped.path),
      help: "formats: " + all.map(\.name).joined(separator: ", "))
  }
}

extension Format {
  static let safetensors = Format(
    name: SafetensorsReader.formatName, extensions: [".safetensors"], keepsAliases: false,
    recognises: { bytes in
      // The header's length, then its first brace; anything else with this name is refused for what it lacks.
      bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
        && UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= UInt64(SafetensorsReader.headerLimit)
    },
    open: { mapped throws(Diagnostic) in try SafetensorsReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try SafetensorsWriter(request) })

  static let pytorch = Format(
    name: PyTorchReader.formatName, extensions: [".pt", ".pth", ".bin", ".ckpt"], keepsAliases: true,
    recognises: { $0.starts(with: [0x50, 0x4B, 0x03, 0x04]) },
    open: { mapped throws(Diagnostic) in try PyTorchReader(mapped) },
    makeWriter: { request throws(Diagnostic) in try PyTorchWriter(request) })
}

/// What a file is that is no checkpoint graft reads, so that the message can say so.
enum ForeignLayout {
  case legacyPyTorch, tar, barePickle, lfsPointer, html, hdf5, gguf, numpy, gzip

  /// Recognises `bytes` by how they begin, or gives `nil`.
  init?(_ bytes: UnsafeRawBufferPointer) {
    func begins(_ start: [UInt8]) -> Bool { bytes.starts(with: start) }
    func begins(_ start: String) -> Bool { bytes.starts(with: start.utf8) }
    // The pickled number 0x1950a86a20f9469cfc6c stands first in every file of torch before 1.6.
    let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    if bytes.prefix(32).count > 13, bytes[0] == 0x80, bytes.dropFirst(2).prefix(20).elements(contain: magic) {
      self = .legacyPyTorch
    } else if bytes.count >= 262, bytes[257..<262].elementsEqual("ustar".utf8) {
      self = .tar
    } else if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
      self = .barePickle
    } else if begins("version https://git-lfs.github.com/") {
      self = .lfsPointer
    } else if begins("<!DOCTYPE") || begins("<!doctype") || begins("<html") || begins("<HTML") || begins("<?xml") {
      self = .html
    } else if begins([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .hdf5
    } else if begins("GGUF") {
      self = .gguf
    } else if begins([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) {
      self = .numpy
    } else if begins([0x1F, 0x8B]) {
      self = .gzip
    } else {
      return nil
    }
  }

  func refusal(of path: String) -> Diagnostic {
    let (what, help): (String, String?) =
      switch self {
      case .legacyPyTorch:
        (
          "is a PyTorch file of the legacy layout (torch before 1.6), which is not read",
          "load and save it once with a newer torch"
        )
      case .tar: ("is a tar archive, as torch before 0.2 wrote; it is not read", "save it again with a newer torch")
      case .barePickle: ("is a bare pickle, not a checkpoint", nil)
      case .lfsPointer: ("is a git-lfs pointer, not the file itself", "fetch it with 'git lfs pull'")
      case .html: ("is a web page, not a checkpoint", "download the file itself")
      case .hdf5: ("is an HDF5 file, which is not read yet", nil)
      case .gguf: ("is a GGUF file, which is not read yet", nil)
      case .numpy: ("is a NumPy file, which is not read yet", nil)
      case .gzip: ("is compressed with gzip", "unpack it first")
      }
    return Diagnostic("checkpoint.foreign-layout", "'\(path)' \(what)", at: Location(path, 0..<8), help: help)
  }
}

extension Sequence<UInt8> {
  fileprivate func elements(contain pattern: [UInt8]) -> Bool {
    let all = Array(self)
    guard all.count >= pattern.count else { return false }
    return (0...all.count - pattern.count).contains { all[$0..<$0 + pattern.count].elementsEqual(pattern) }
  }
}
