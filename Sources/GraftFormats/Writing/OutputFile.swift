import CLinux
import Glibc
package import GraftIR

/// A file that appears under its name when it is complete, and not at all otherwise.
///
/// It grows as `.NAME.graft-partial` in the folder of its name, so that the last step is a rename within one file
/// system. Whoever drops it without `commit` leaves nothing behind; only a killed process does, and a later one may
/// take that up (`keptByteCount`).
package final class OutputFile {
  let path: String
  /// The bytes written so far, or passed over.
  private(set) var byteCount = 0
  /// The bytes that an earlier process left. They stay until they are written over or the file is published.
  private(set) var keptByteCount = 0
  let folder: String
  private let partialPath: String
  private var descriptor: Int32
  private var flushed = 0
  /// What is known of the bytes to come before the first: at least those of the tensors.
  var expectedByteCount = 0

  /// How much is handed to the disk at a time, so that the last sync does not wait for everything.
  private static let flushStep = 32 << 20

  /// Starts a file that is going to be called `path`, or takes up what an earlier process left of it.
  ///
  /// - Throws: `transfer.exists`, `transfer.folder`, `transfer.busy`, `transfer.create`; then nothing was made.
  package init(path: String, force: Bool, resumes: Bool = false) throws(Diagnostic) {
    let name = OutputName(path)
    self.path = path
    folder = name.folder
    partialPath = name.partialPath
    descriptor = -1
    try Self.check(path, force: force)
    // A journal tells of the file that is now going to be replaced.
    if !resumes { unlink(name.journalPath) }
    let created = try Self.create(partialPath, for: path, keeps: resumes)
    descriptor = created.descriptor
    keptByteCount = created.byteCount
  }

  /// Finds what keeps a file from being called `path`, as far as that shows without making one.
  ///
  /// - Throws: `transfer.exists`, `transfer.folder`, `transfer.create`.
  static func check(_ path: String, force: Bool) throws(Diagnostic) {
    let (folder, name) = (OutputName(path).folder, OutputName(path).name)
    guard !name.isEmpty, name != ".", name != "..", !path.utf8.contains(0) else {
      throw Self.refusal("transfer.create", "'\(path)' is no name for a file", path)
    }
    switch PathKind(of: folder.isEmpty ? "." : folder) {
    case .folder: break
    case .nothing: throw Self.refusal("transfer.folder", "there is no folder '\(folder)'", path)
    case .file, .other: throw Self.refusal("transfer.folder", "'\(folder)' is no folder", path)
    }
    var status = stat()
    if fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 {
      guard status.st_mode & S_IFMT != S_IFDIR else {
        throw Self.refusal("transfer.exists", "'\(path)' is a folder", path)
      }
      guard force else {
        throw Self.refusal("transfer.exists", "'\(path)' exists already", path, help: "replace it with --force")
      }
    }
  }

  /// Finds what keeps a file from being made there, by making one and removing it.
  ///
  /// - Throws: `transfer.exists`, `transfer.folder`, `transfer.create`.
  static func probe(_ path: String, force: Bool) throws(Diagnostic) {
    try check(path, force: force)
    let partial = OutputName(path).partialPath
    let descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let code = errno
      if code == EEXIST { return }  // Another process's, or what a kill left for a later one.
      throw refusal("transfer.create", "'\(path)' cannot be created: \(systemMessage(code))", path)
    }
    unlink(partial)
    close(descriptor)
  }

  deinit { abandon() }

  /// Removes what was written.
  func abandon() {
    guard descriptor >= 0 else { return }
    unlink(partialPath)
    close(descriptor)
    descriptor = -1
  }

  /// Lets go of what was written, which stays for a later process.
  func release() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
  }

  /// Sets disk blocks aside for what is expected, where the file system does that: writing is faster then, and a disk
  /// that is too full is told of before long work.
  ///
  /// - Throws: `transfer.write`.
  func reserve() throws(Diagnostic) {
    let isDone = fallocate(descriptor, Int32(GRAFT_FALLOC_FL_KEEP_SIZE), 0, off_t(expectedByteCount)) == 0
    guard isDone || errno != ENOSPC && errno != EDQUOT else {
      throw failure(errno, "with \(max(0, expectedByteCount - keptByteCount)) bytes to come")
    }
  }

  /// Writes `bytes` behind what is there.
  ///
  /// - Throws: `transfer.write`.
  func append(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic) {
    try write(bytes, at: byteCount)
    byteCount += bytes.count
    flush()
  }

  /// Writes `bytes` behind what is there.
  ///
  /// - Throws: `transfer.write`.
  package func append(_ bytes: [UInt8]) throws(Diagnostic) {
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(Diagnostic) in try append(buffer) }
    }.get()
  }

  /// Has the kernel copy `region` behind what is there; where it cannot, the bytes go from the map to the file.
  ///
  /// - Throws: `transfer.write`.
  func append(copying region: FileRegion) throws(Diagnostic) {
    var source = off_t(region.offset)
    var target = off_t(byteCount)
    var left = region.byteCount
    while left > 0 {
      let count = copy_file_range(region.file.descriptor, &source, descriptor, &target, min(left, Self.flushStep), 0)
      if count < 0 && errno == EINTR { continue }
      // File systems refuse for many reasons, none of which keeps a plain write from working.
      guard count > 0 else { break }
      left -= count
      byteCount += count
      flush()
    }
    guard left > 0 else { return }
    try append(
      UnsafeRawBufferPointer(
        start: region.file.storage.start + region.offset + region.byteCount - left, count: left))
  }

  /// Leaves the next `count` bytes as an earlier process wrote them.
  func passOver(_ count: Int) {
    precondition(count >= 0 && count <= keptByteCount - byteCount, "only what was written is passed over")
    byteCount += count
    flushed = byteCount
  }

  /// Writes `bytes` over what stands at `offset`.
  ///
  /// - Throws: `transfer.write`.
  func overwrite(_ bytes: [UInt8], at offset: Int) throws(Diagnostic) {
    precondition(offset >= 0 && offset + bytes.count <= byteCount, "only what was written is written over")
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(Diagnostic) in try write(buffer, at: offset) }
    }.get()
  }

  /// Writes deferred metadata, of 64 bytes each, over what stands at their `places`.
  ///
  /// - Throws: `transfer.write`.
  func fill(_ places: [String: Int], with texts: [String: String]) throws(Diagnostic) {
    for (name, place) in places.sorted(by: { $0.value < $1.value }) {
      guard let text = texts[name] else { continue }
      precondition(text.utf8.count == WriterRequest.deferredByteCount, "deferred metadata have 64 bytes")
      try overwrite(Array(text.utf8), at: place)
    }
  }

  /// Lets those read, write and run it who may do so with the file at `other`.
  package func takePermissions(of other: String) {
    var status = stat()
    // Where that does not work, it is what any new file would be.
    if stat(other, &status) == 0 { fchmod(descriptor, status.st_mode & 0o7777) }
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `transfer.write`.
  package func commit() throws(Diagnostic) {
    try sync()
    try publish()
    Self.syncFolder(folder)
  }

  /// Waits until the file as it is now is on disk.
  ///
  /// - Throws: `transfer.write`.
  func sync() throws(Diagnostic) {
    guard fsync(descriptor) == 0 else { throw failure(errno) }
  }

  /// Cuts off what an earlier process wrote beyond the end, and what was set aside beyond it.
  ///
  /// - Throws: `transfer.write`.
  func trim() throws(Diagnostic) {
    guard max(keptByteCount, expectedByteCount) > byteCount else { return }
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failure(errno) }
  }

  /// Gives the file its name; the name is durable once its folder is.
  ///
  /// - Throws: `transfer.write`.
  func publish() throws(Diagnostic) {
    guard rename(partialPath, path) == 0 else { throw failure(errno) }
    close(descriptor)
    descriptor = -1
  }

  /// Makes the names in `folder` durable, as far as the file system does that.
  static func syncFolder(_ folder: String) {
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Diagnostic) {
    var done = 0
    while done < bytes.count {
      guard let start = bytes.baseAddress else { break }
      let count = pwrite(descriptor, start + done, min(bytes.count - done, 1 << 30), off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure(count == 0 ? ENOSPC : errno) }
      done += count
    }
  }

  /// Starts writing to disk what has come together since the last time.
  private func flush() {
    guard byteCount - flushed >= Self.flushStep else { return }
    sync_file_range(descriptor, off_t(flushed), off_t(byteCount - flushed), UInt32(GRAFT_SYNC_FILE_RANGE_WRITE))
    flushed = byteCount
  }

  private func failure(_ code: Int32, _ progress: String? = nil) -> Diagnostic {
    Diagnostic(
      "transfer.write",
      "'\(path)' cannot be written: \(systemMessage(code)) \(progress ?? "after \(byteCount) bytes")",
      at: Location(path), category: .ioFailure)
  }

  private static func refusal(_ rule: String, _ message: String, _ path: String, help: String? = nil) -> Diagnostic {
    Diagnostic(rule, message, at: Location(path), help: help, category: .cannotCreate)
  }

  private static func create(
    _ partial: String, for path: String, keeps: Bool
  ) throws(Diagnostic) -> (descriptor: Int32, byteCount: Int) {
    let busy = refusal("transfer.busy", "another process is writing '\(path)'", path)
    let stale = open(partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    if stale >= 0 {
      var status = stat()
      // A lock outlives no process, so an unlocked file is what a kill left behind.
      let isFree = flock(stale, LOCK_EX | LOCK_NB) == 0
      if isFree, keeps, fstat(stale, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 {
        return (stale, Int(status.st_size))
      }
      if isFree { unlink(partial) }
      close(stale)
      guard isFree else { throw busy }
    }
    let descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let code = errno
      if code == EEXIST { throw busy }
      throw refusal("transfer.create", "'\(path)' cannot be created: \(systemMessage(code))", path)
    }
    // Before the lock is held, another process may have taken the file for a stale one and removed it.
    var status = stat()
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0, status.st_nlink > 0 else {
      close(descriptor)
      throw busy
    }
    return (descriptor, 0)
  }
}

/// The parts of an output's path, and what stands beside it while it is made.
struct OutputName {
  /// With the slash at its end; empty for the current folder.
  let folder: String
  let name: String

  init(_ path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    name = parts.last.map(String.init) ?? ""
    folder = parts.count > 1 ? parts.dropLast().joined(separator: "/") + "/" : ""
  }

  /// Where the file grows.
  var partialPath: String { folder + "." + name + ".graft-partial" }
  /// What tells how far it has come.
  var journalPath: String { folder + "." + name + ".graft-journal" }
}
