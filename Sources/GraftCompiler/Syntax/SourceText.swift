public import GraftIR

/// A file of graft text, for parsing it and for showing places in it.
public struct SourceText: Sendable, Hashable {
  /// As messages name it.
  public let file: String
  /// What it says, as it was read.
  public let text: String

  /// The most that a file may hold.
  static let maximumByteCount = 16 << 20

  /// The text of `file`.
  public init(file: String, text: String) {
    self.file = file
    self.text = text
  }

  /// The text that `bytes` spell.
  ///
  /// - Throws: `syntax.file-size` above 16 MiB, `syntax.encoding` where they are not UTF-8.
  public init(file: String, bytes: [UInt8]) throws(Diagnostic) {
    guard bytes.count <= Self.maximumByteCount else { throw Self.tooLarge(file, bytes.count) }
    var decoder = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var offset = 0
    scan: while true {
      switch decoder.parseScalar(from: &iterator) {
      case .valid(let scalar): offset += scalar.count
      case .emptyInput: break scan
      case .error:
        throw Diagnostic(
          "syntax.encoding", "byte \(offset) of '\(file)' is not UTF-8", at: Location(file, offset..<(offset + 1)),
          help: "save the file as UTF-8")
      }
    }
    self.init(file: file, text: String(decoding: bytes, as: UTF8.self))
  }

  static func tooLarge(_ file: String, _ byteCount: Int) -> Diagnostic {
    Diagnostic(
      "syntax.file-size", "'\(file)' has \(byteCount) bytes, and graft text has at most \(maximumByteCount)",
      at: Location(file))
  }
}
