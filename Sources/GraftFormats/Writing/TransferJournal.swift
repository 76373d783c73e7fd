import Glibc
import GraftIR

// Layout of a journal, a text beside the output that is gone when the output is there:
//
//   graft-journal 1 FINGERPRINT BOOT
//   t TENSOR POSITION SEAL OVERFLOW UNDERFLOW NAN INEXACT      a tensor is in the output
//   s                                                   all of that is on disk
//   f                                                   the files are complete and may get their names
//
// Each line is written once what it says has been written. A line that a kill cut short does not end in a line feed.

/// Tells a later process how far a transfer has come that was killed.
///
/// What a killed process wrote stays in the system's cache; after the system itself went down, only what was synced
/// counts.
final class TransferJournal {
  /// A tensor that is in the output.
  struct Record: Sendable, Hashable {
    /// Its number in the plan.
    let tensor: Int
    /// Where its bytes begin in its file.
    let position: Int
    /// What the writer keeps of them.
    let seal: UInt32
    /// What casting did to them.
    let counts: CastCounts
  }

  /// What an earlier process left.
  struct State: Sendable, Hashable {
    /// In the order of the writer.
    var records: [Record] = []
    /// Whether only names are missing.
    var isFinished = false
  }

  private let path: String
  private var descriptor: Int32

  /// Starts the journal at `path` over.
  ///
  /// - Throws: `transfer.create`, `transfer.write`.
  init(at path: String, fingerprint: String) throws(Diagnostic) {
    self.path = path
    descriptor = -1
    unlink(path)
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else {
      throw Diagnostic(
        "transfer.create", "'\(path)' cannot be created: \(systemMessage(errno))", at: Location(path),
        category: .cannotCreate)
    }
    do throws(Diagnostic) { try write("graft-journal 1 \(fingerprint) \(Self.boot)\n") } catch {
      remove()
      throw error
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Notes that a tensor is in the output.
  ///
  /// - Throws: `transfer.write`.
  func append(_ record: Record) throws(Diagnostic) { try write(Self.line(record)) }

  /// Notes that all tensors noted so far are on disk.
  ///
  /// - Throws: `transfer.write`.
  func noteSync() throws(Diagnostic) { try write("s\n") }

  /// Notes, durably, that only names are missing.
  ///
  /// - Throws: `transfer.write`.
  func finish() throws(Diagnostic) {
    try write("f\n")
    fsync(descriptor)
  }

  /// Removes it.
  func remove() { unlink(path) }

  /// What the journal at `path` tells of a transfer of this `fingerprint`, or `nil` where there is none that does.
  static func read(_ path: String, fingerprint: String) -> State? {
    guard let text = text(of: path) else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()  // Behind the last line feed.
    guard let words = lines.popFirst()?.split(separator: " "), words.count == 4, words[0] == "graft-journal",
      words[1] == "1", words[2] == fingerprint
    else { return nil }
    var state = State()
    var synced = State()
    for line in lines {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { Int($0) }
      switch words.first {
      case "t" where numbers.count == 7 && numbers.allSatisfy({ $0 >= 0 }) && numbers[2] <= UInt32.max:
        state.records.append(
          Record(
            tensor: numbers[0], position: numbers[1], seal: UInt32(numbers[2]),
            counts: CastCounts(overflow: numbers[3], underflow: numbers[4], nan: numbers[5], inexact: numbers[6])))
      case "s": synced = state
      case "f":
        state.isFinished = true
        return state
      default: return nil
      }
    }
    return words[3] == boot ? state : synced
  }

  /// Whether there is one at `path`.
  static func exists(_ path: String) -> Bool { PathKind(of: path) == .file }

  private static func line(_ record: Record) -> String {
    let counts = record.counts
    let numbers = [
      record.tensor, record.position, Int(record.seal), counts.overflow, counts.underflow, counts.nan, counts.inexact,
    ]
    return "t " + numbers.map(String.init).joined(separator: " ") + "\n"
  }

  /// Names the time since the system started.
  private static var boot: String {
    let id = text(of: "/proc/sys/kernel/random/boot_id")?.filter { !$0.isWhitespace } ?? ""
    return id.isEmpty ? "-" : id
  }

  /// The text of a file of at most 64 MB, enough for a million tensors.
  private static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < 64_000_000 {
      let count = Glibc.read(descriptor, &room, room.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
      bytes += room[..<count]
    }
    return nil
  }

  private func write(_ text: String) throws(Diagnostic) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw Diagnostic(
          "transfer.write", "'\(path)' cannot be written: \(systemMessage(count == 0 ? ENOSPC : errno))",
          at: Location(path), category: .ioFailure)
      }
      rest = rest.dropFirst(count)
    }
  }
}
