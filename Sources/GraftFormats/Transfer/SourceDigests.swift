import Dispatch
public import GraftIR

/// Takes the SHA-256 of the sources' files on a thread of its own, while the transfer goes on.
final class SourceDigests: @unchecked Sendable {
  // Safe to share: `digests` is written before `done` is signalled and read after, and the flag is only ever set.
  private let done = DispatchSemaphore(value: 0)
  private var digests: [String]?
  private let isCancelled = Flag()

  /// Starts working through `sources`; the files of one source are taken as if they were one.
  init(_ sources: [[MappedFile]]) {
    let queue = DispatchQueue(label: "graft.digests", qos: .userInitiated)
    let flag = isCancelled
    queue.async {
      var all: [String] = []
      for files in sources {
        guard let digest = Self.digest(of: files, unless: flag) else { break }
        all.append(digest)
      }
      self.digests = all.count == sources.count ? all : nil
      self.done.signal()
    }
  }

  /// Whether the work is over after waiting for at most `interval`.
  func isDone(within interval: DispatchTimeInterval) -> Bool {
    guard done.wait(timeout: .now() + interval) == .success else { return false }
    done.signal()
    return true
  }

  /// Waits for the digests, in hexadecimal, one for each source; `nil` after `cancel`.
  func wait() -> [String]? {
    done.wait()
    defer { done.signal() }
    return digests
  }

  /// Ends the work early.
  func cancel() {
    isCancelled.raise()
    _ = wait()
  }

  /// The digest of `files` as if they were one; `nil` when the flag is raised, or without libcrypto.
  static func digest(of files: [MappedFile], unless flag: Flag) -> String? {
    guard let digest = SHA256() else { return nil }
    for file in files {
      let bytes = file.storage.bytes
      for start in stride(from: 0, to: bytes.count, by: 1 << 22) {
        if flag.isRaised { return nil }
        guard digest.update(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 1 << 22, bytes.count)])) else {
          return nil
        }
      }
    }
    return digest.finish()
  }
}

extension Formats {
  /// The SHA-256 of the files that `reader` reads, in order as if they were one: what a checkpoint made from them
  /// records.
  ///
  /// - Throws: `transfer.digest`.
  public static func digest(of reader: any CheckpointReader) throws(Diagnostic) -> String {
    let files = (reader as? any LocatedCheckpoint)?.files ?? []
    guard let digest = SourceDigests.digest(of: files, unless: Flag()) else {
      throw Diagnostic("transfer.digest", "the SHA-256 of '\(reader.file)' cannot be taken", category: .defect)
    }
    return digest
  }
}
