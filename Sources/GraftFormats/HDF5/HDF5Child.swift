import CHDF5
import Glibc
import GraftIR

/// The child process in which libhdf5 looks at a file: the library crashes on some damaged ones, and takes the child along.
enum HDF5Child {
  /// How long a child may take, beside a second for each 16 MB.
  private static let seconds = 20

  /// What a child says of the file that is `range` of `mapped` (`Sources/CHDF5/Survey.c`).
  ///
  /// - Throws: `hdf5.child`, `hdf5.library`, `hdf5.limit`, `hdf5.crash`.
  static func survey(_ mapped: MappedFile, _ range: Range<Int>) throws(Diagnostic) -> Storage {
    let place = Location(mapped.path, range)
    var answer: Int32 = -1
    var child: pid_t = 0
    let code = graft_hdf5_start_survey(
      mapped.descriptor, Int64(range.lowerBound), Int64(range.count), &answer, &child)
    guard code == 0 else {
      throw Diagnostic(
        "hdf5.child", "no process can be started to read '\(mapped.path)' in: \(systemMessage(code))", at: place,
        category: .ioFailure)
    }
    let bytes = collect(answer, limit: Int(graft_hdf5_answer_limit(Int64(range.count))), wait(for: range))
    close(answer)
    // It ends by itself once the pipe is closed; one that does not is ended.
    if bytes == nil { kill(child, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    guard let bytes else { throw limit(mapped, place) }
    let signal = status & 0x7F
    guard signal == 0 else {
      if signal == SIGXCPU || signal == SIGKILL || signal == SIGXFSZ { throw limit(mapped, place) }
      throw Diagnostic(
        "hdf5.crash", "libhdf5 crashes on '\(mapped.path)' (signal \(signal)), which is damaged", at: place)
    }
    let storage = Storage(byteCount: bytes.count)
    storage.start.copyMemory(from: bytes, byteCount: bytes.count)
    switch status >> 8 & 0xFF {
    case 0: return storage
    case Int32(GRAFT_HDF5_FAILED): throw try failure(storage, mapped, range)
    case Int32(GRAFT_HDF5_NO_LIBRARY):
      throw Diagnostic(
        "hdf5.library", "there is no libhdf5 1.10 to read '\(mapped.path)' with", at: place,
        help: "on Debian: apt-get install libhdf5-dev", category: .ioFailure)
    default: throw limit(mapped, place)
    }
  }

  /// What the library said where it could not go on.
  private static func failure(
    _ answer: Storage, _ mapped: MappedFile, _ range: Range<Int>
  ) throws(Diagnostic) -> Diagnostic {
    let end = max(0, answer.byteCount - 4)
    var length = ByteReader(answer, end..<answer.byteCount, file: mapped.path, truncationRule: "hdf5.answer")
    let count = Int(try length.number(UInt32.self))
    var reader = ByteReader(
      answer, max(0, end - count)..<end, file: mapped.path, truncationRule: "hdf5.answer")
    let path = String(decoding: try reader.textBytes(), as: UTF8.self)
    let complaint = String(decoding: try reader.textBytes(), as: UTF8.self)
    let what = path.isEmpty ? "the file" : "'\(path.shortened)'"
    let place = Location(mapped.path, range, tensor: path.isEmpty ? nil : path)
    guard !complaint.contains("bad version number") else {
      return Diagnostic(
        "hdf5.version", "\(what) is of a newer HDF5 than libhdf5 1.10 reads, or damaged: \(complaint)", at: place,
        help: "write it again without libver='latest', or with HDF5 1.10 to 1.14")
    }
    return Diagnostic("hdf5.damaged", "libhdf5 cannot read \(what): \(complaint.shortened)", at: place)
  }

  private static func wait(for range: Range<Int>) -> Int { 1000 * (seconds + range.count / (16 << 20)) }

  private static func limit(_ mapped: MappedFile, _ place: Location) -> Diagnostic {
    Diagnostic(
      "hdf5.limit", "libhdf5 takes more time or memory for '\(mapped.path)' than a file of its size may", at: place)
  }

  /// All that comes through `descriptor`, or `nil` where it is more than `limit` bytes or takes longer.
  private static func collect(_ descriptor: Int32, limit: Int, _ milliseconds: Int) -> [UInt8]? {
    let start = ContinuousClock.now
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let left = milliseconds - Int((ContinuousClock.now - start) / .milliseconds(1))
      guard left > 0, bytes.count <= limit else { return nil }
      var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&wanted, 1, Int32(min(left, 1 << 30)))
      if ready < 0 && errno == EINTR { continue }
      guard ready > 0 else { return nil }
      let count = read(descriptor, &room, room.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? bytes : nil }
      bytes += room[..<count]
    }
  }
}
