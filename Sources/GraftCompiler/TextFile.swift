import Glibc
import GraftFormats
package import GraftIR

/// Files of graft text.
package enum TextFile {
  package static let limit = 16 << 20

  /// All bytes of the file at `path`, or of standard input for `-`; `nil` where there is no such file.
  package static func read(_ path: String) throws(Diagnostic) -> [UInt8]? {
    let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw Diagnostic(
        "files.unreadable", "'\(path)' cannot be opened: \(String(cString: strerror(errno)))", at: Location(path),
        category: .ioFailure)
    }
    defer { if path != "-" { close(descriptor) } }
    var information = stat()
    if path != "-", fstat(descriptor, &information) != 0 || information.st_mode & S_IFMT != S_IFREG {
      throw Diagnostic(
        "files.not-a-file", "'\(path)' is not a regular file", at: Location(path), category: .inputMissing)
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw Diagnostic(
          "files.unreadable", "'\(path)' cannot be read: \(String(cString: strerror(errno)))", at: Location(path),
          category: .ioFailure)
      }
      bytes += buffer[..<count]
      if bytes.count > limit {
        throw Diagnostic("files.too-large", "'\(path)' is larger than 16 MiB", at: Location(path))
      }
    }
  }

  /// Puts `text` into the place of what the file at `path` holds, whole or not at all; a link goes on to point at it.
  ///
  /// - Throws: `transfer.folder`, `transfer.busy`, `transfer.create`, `transfer.write`.
  package static func replace(_ path: String, with text: String) throws(Diagnostic) {
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    let output = try OutputFile(path: resolved.map { String(cString: $0) } ?? path, force: true)
    output.takePermissions(of: path)
    try output.append(Array(text.utf8))
    try output.commit()
  }
}

extension SourceText {
  /// The graft file at `path`, or standard input for `-`.
  ///
  /// - Throws: `files.missing` where there is none, `files.unreadable`, `files.not-a-file`, `files.too-large`,
  ///   `syntax.encoding`.
  package init(reading path: String) throws(Diagnostic) {
    guard let bytes = try TextFile.read(path) else {
      throw Diagnostic("files.missing", "there is no file '\(path)'", category: .inputMissing)
    }
    try self.init(file: path, bytes: bytes)
  }
}
