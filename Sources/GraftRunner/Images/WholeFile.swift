import Glibc
import GraftIR

/// Files that are there whole or not at all.
enum WholeFile {
  /// Writes `bytes` to `path` through a file beside it, which takes the name when it is complete and on the disk.
  ///
  /// - Throws: `pictures.exists`, `pictures.cannot-create`, `pictures.write-failed`.
  static func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws(Diagnostic) {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let folder = slash.map { path[...$0] } ?? ""
    guard !name.isEmpty else {
      throw Diagnostic("pictures.cannot-create", "'\(path)' names no file", category: .cannotCreate)
    }
    var information = stat()
    guard replacing || lstat(path, &information) != 0 else {
      throw Diagnostic(
        "pictures.exists", "'\(path)' exists", help: "'--force' replaces it", category: .cannotCreate)
    }

    let partial = "\(folder).\(name).graft-partial"
    unlink(partial)  // Left by a run that was killed.
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("pictures.cannot-create", path, .cannotCreate) }
    let isWritten = writeAll(bytes, to: descriptor) && fsync(descriptor) == 0
    let problem = isWritten ? nil : failure("pictures.write-failed", path, .ioFailure)
    close(descriptor)
    if let problem {
      unlink(partial)
      throw problem
    }
    guard rename(partial, path) == 0 else {
      let problem = failure("pictures.cannot-create", path, .cannotCreate)
      unlink(partial)
      throw problem
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }

  /// Says why the last system call failed.
  private static func failure(_ rule: String, _ path: String, _ category: Diagnostic.Category) -> Diagnostic {
    Diagnostic(rule, "'\(path)': \(String(cString: strerror(errno)))", category: category)
  }
}
