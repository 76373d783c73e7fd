import Glibc
package import GraftIR

/// A regular file whose bytes are mapped read-only; they stay valid as long as its storage lives.
///
/// Another program that cuts the file short while it is mapped ends the process with SIGBUS, as it does for every
/// reader that maps. Replacing the file by a rename is harmless.
package final class MappedFile: Sendable {
  /// As it was asked for, for messages.
  let path: String
  /// All bytes of the file. Tensors are views of it.
  let storage: Storage
  /// Open as long as this object lives, so that the kernel can copy out of it.
  let descriptor: Int32
  private let identity: FileIdentity
  /// Which file it is, and in which state: another text after every change.
  let version: String

  /// Maps the file at `path`; symbolic links are followed.
  ///
  /// - Throws: `checkpoint.missing`, `checkpoint.not-a-file`, `checkpoint.unreadable`.
  package init(path: String) throws(Diagnostic) {
    guard !path.utf8.contains(0) else {
      throw Diagnostic("checkpoint.missing", "a path holds a zero byte", category: .inputMissing)
    }
    // Without O_NONBLOCK, opening a FIFO waits for a writer that never comes.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR {
        throw Diagnostic(
          "checkpoint.missing", "there is no file '\(path)'", at: Location(path), category: .inputMissing)
      }
      throw Diagnostic(
        "checkpoint.unreadable", "'\(path)' cannot be opened: \(systemMessage(code))", at: Location(path),
        category: .ioFailure)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw Diagnostic(
        "checkpoint.unreadable", "'\(path)' cannot be examined: \(systemMessage(code))", at: Location(path),
        category: .ioFailure)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw Diagnostic(
        "checkpoint.not-a-file", "'\(path)' is \(kindName(status.st_mode)), not a regular file", at: Location(path))
    }
    let byteCount = Int(status.st_size)
    if byteCount == 0 {
      storage = Storage(byteCount: 0)  // mmap refuses a length of 0.
    } else {
      guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
        let code = errno
        close(descriptor)
        throw Diagnostic(
          "checkpoint.unreadable", "'\(path)' cannot be mapped: \(systemMessage(code))", at: Location(path),
          category: .ioFailure)
      }
      let address = UInt(bitPattern: start)
      storage = Storage(start: start, byteCount: byteCount) {
        munmap(UnsafeMutableRawPointer(bitPattern: address), byteCount)
      }
    }
    self.path = path
    self.descriptor = descriptor
    identity = FileIdentity(status)
    let time = status.st_mtim
    version = "\(status.st_dev) \(status.st_ino) \(status.st_size) \(time.tv_sec) \(time.tv_nsec)"
  }

  deinit { close(descriptor) }

  /// The size of the file.
  var byteCount: Int { storage.byteCount }

  /// Whether `path` leads to this very file, under whatever name.
  func isSame(asFileAt path: String) -> Bool { FileIdentity(path: path) == identity }
}

/// What makes a file the same under all its names.
struct FileIdentity: Sendable, Hashable {
  private let device: UInt64
  private let number: UInt64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }

  /// The file at `path`, links followed, or `nil` where there is none.
  init?(path: String) {
    var status = stat()
    guard fstatat(AT_FDCWD, path, &status, 0) == 0 else { return nil }
    self.init(status)
  }
}

/// A run of bytes of a file, which the kernel can move without their passing through this process.
struct FileRegion: Sendable {
  let file: MappedFile
  let offset: Int
  let byteCount: Int
}

/// What the system calls the error `code`.
func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }

/// What stands at `path`, links followed.
package enum PathKind: Sendable, Hashable {
  case nothing, file, folder, other

  package init(of path: String) {
    var status = stat()
    guard !path.utf8.contains(0), fstatat(AT_FDCWD, path, &status, 0) == 0 else {
      self = .nothing
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .folder
    default: self = .other
    }
  }
}

private func kindName(_ mode: mode_t) -> String {
  switch mode & S_IFMT {
  case S_IFDIR: "a folder"
  case S_IFIFO: "a pipe"
  case S_IFSOCK: "a socket"
  case S_IFCHR, S_IFBLK: "a device"
  default: "something else"
  }
}
