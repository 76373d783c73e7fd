import GraftIR

/// What a file is that is no checkpoint graft reads, so that the message can say so.
enum ForeignLayout: Hashable {
  case tar, barePickle, lfsPointer, html, json, gzip, packed(String)

  /// Recognises `bytes` by how they begin, or gives `nil`.
  init?(_ bytes: UnsafeRawBufferPointer) {
    func begins(_ start: [UInt8]) -> Bool { bytes.starts(with: start) }
    let text = bytes.prefix(256).drop { JSONScanner.isSpace($0) || [0xEF, 0xBB, 0xBF].contains($0) }
    func reads(_ start: String) -> Bool {
      text.prefix(start.utf8.count).map { $0 | (65...90 ~= $0 ? 0x20 : 0) }.elementsEqual(start.utf8)
    }
    if bytes.count >= 262, bytes[257..<262].elementsEqual("ustar".utf8) {
      self = .tar
    } else if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
      self = .barePickle
    } else if reads("version https://git-lfs.github.com/") || reads("version https://hawser.github.com/") {
      self = .lfsPointer
    } else if reads("<!doctype") || reads("<html") || reads("<?xml") || reads("<head") || reads("<!--") {
      self = .html
    } else if reads("{") || reads("[") {
      self = .json
    } else if begins([0x1F, 0x8B]) {
      self = .gzip
    } else if let name = Self.packers.first(where: { begins($0.start) })?.name {
      self = .packed(name)
    } else {
      return nil
    }
  }

  private static let packers: [(start: [UInt8], name: String)] = [
    ([0x28, 0xB5, 0x2F, 0xFD], "zstd"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz"), ([0x42, 0x5A, 0x68], "bzip2"),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7-Zip"), ([0x52, 0x61, 0x72, 0x21, 0x1A, 0x07], "RAR"),
  ]

  func refusal(of path: String) -> Diagnostic {
    let (what, help): (String, String?) =
      switch self {
      case .tar:
        ("is a tar archive, as torch before 0.2 wrote; it is not read", "unpack it, or save it with a newer torch")
      case .barePickle:
        ("is a bare pickle, not a checkpoint", "'graftc inspect --pickle-globals' lists what it would import")
      case .lfsPointer: ("is a git-lfs pointer, not the file itself", "fetch it with 'git lfs pull'")
      case .html: ("is a web page, not a checkpoint", "download the file itself")
      case .json: ("is a JSON text, and no index of a checkpoint", nil)
      case .gzip: ("is compressed with gzip", "unpack it first")
      case .packed(let name): ("is compressed with \(name)", "unpack it first")
      }
    return Diagnostic("checkpoint.foreign-layout", "'\(path)' \(what)", at: Location(path, 0..<8), help: help)
  }

  /// Why a zip archive that no format knows is not read.
  static func refusal(of archive: ZipArchive, _ path: String) -> Diagnostic {
    let names = Set(archive.records.map(\.name))
    let what =
      names.contains("config.json") && names.contains("metadata.json")
      ? "a Keras archive without '\(KerasArchive.weightsName)', whose tensors are elsewhere"
      : names.contains("[Content_Types].xml")
        ? "a document of an office program"
        : names.contains("META-INF/MANIFEST.MF") ? "a Java archive" : "a zip archive that holds no checkpoint"
    let examples = archive.records.prefix(3).map { "'\($0.name.shortened)'" }.joined(separator: ", ")
    return Diagnostic(
      "checkpoint.foreign-layout", "'\(path)' is \(what); it holds \(examples)", at: Location(path, 0..<4),
      help: "name a file that is packed in it, once it is unpacked")
  }

  /// Why a pickle that stands alone is not read.
  static func refusal(ofPickleNaming forbidden: PickledName?, _ path: String) -> Diagnostic {
    guard let forbidden else { return ForeignLayout.barePickle.refusal(of: path) }
    let name = forbidden.module + "." + forbidden.name
    return Diagnostic(
      "pytorch.pickle-forbidden",
      "'\(path)' is a bare pickle that names '\(name.shortened)', which is not on the list of allowed names",
      at: Location(path, forbidden.offset..<forbidden.offset + 1), help: "do not open this file elsewhere")
  }
}
