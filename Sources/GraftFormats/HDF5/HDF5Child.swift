import CHDF5
import Glibc
import GraftIR

/// The child process in which libhdf5 looks at a file: the library crashes on some damaged ones, and takes the child
/// along.
enum HDF5Child {
  /// How the child has ended.
  private enum End {
    case exit(Int32)
    case signal(Int32)
    /// Unknown, since this process was started such that the system tells it nothing of its children.
    case untold(Int32)
  }

  /// What a child says of the file that is `range` of `mapped` (`Sources/CHDF5/Survey.c`).
  ///
  /// - Throws: `hdf5.child`, `hdf5.library`, `hdf5.limit`, `hdf5.crash`, `hdf5.damaged`, `hdf5.version`.
  static func survey(_ mapped: MappedFile, _ range: Range<Int>) throws(Diagnostic) -> Storage {
    var answer: Int32 = -1
    var child: pid_t = 0
    let code = graft_hdf5_start_survey(
      mapped.descriptor, Int64(range.lowerBound), Int64(range.count), &answer, &child)
    guard code == 0 else {
      throw Diagnostic(
        "hdf5.child", "no process can be started to read '\(mapped.path)' in: \(systemMessage(code))",
        at: Location(mapped.path, range), category: .ioFailure)
    }
    let limit = Int(graft_hdf5_answer_limit(Int64(range.count)))
    let result = collect(answer, limit: limit, milliseconds: 1000 * seconds(for: range.count))
    close(answer)
    // It ends by itself once the pipe is closed; one that does not is ended.
    if case .failure = result { kill(child, SIGKILL) }
    let end = wait(for: child)
    let bytes: [UInt8]
    switch result {
    case .success(let all): bytes = all
    case .failure(.tooLong):
      throw excess(mapped, range, "has more names, texts and chunks than its bytes could hold")
    case .failure(.late):
      throw excess(mapped, range, "takes libhdf5 longer than \(counted(seconds(for: range.count), "second"))")
    }
    let storage = Storage(byteCount: bytes.count)
    storage.start.copyMemory(from: bytes, byteCount: bytes.count)
    return try checked(storage, end, mapped, range)
  }

  /// How many seconds a child may take in all for a file of `byteCount` bytes.
  private static func seconds(for byteCount: Int) -> Int { 20 + byteCount / (16 << 20) }

  /// The answer of a child that ended as it should.
  private static func checked(
    _ answer: Storage, _ end: End, _ mapped: MappedFile, _ range: Range<Int>
  ) throws(Diagnostic) -> Storage {
    let place = Location(mapped.path, range)
    switch end {
    case .exit(0): return answer
    case .exit(Int32(GRAFT_HDF5_TOO_MUCH)):
      let (path, text) = try complaint(answer, mapped.path)
      throw excess(mapped, range, text, path: path)
    case .exit(Int32(GRAFT_HDF5_FAILED)):
      let (path, text) = try complaint(answer, mapped.path)
      throw failure(text, mapped, range, path: path)
    case .exit(Int32(GRAFT_HDF5_NO_LIBRARY)):
      throw Diagnostic(
        "hdf5.library", "there is no libhdf5 1.10 to read '\(mapped.path)' with", at: place,
        help: "on Debian: apt-get install libhdf5-dev", category: .ioFailure)
    case .exit(let code):
      throw Diagnostic(
        "hdf5.child", "the process that reads '\(mapped.path)' ended with \(code)", at: place, category: .ioFailure)
    case .signal(SIGXCPU):
      let seconds = Int(graft_hdf5_processor_seconds(Int64(range.count)))
      throw excess(mapped, range, "takes libhdf5 more than \(counted(seconds, "second")) of processor time")
    case .signal(SIGKILL):
      throw excess(mapped, range, "takes libhdf5 so much that the system, or a person, has killed it")
    case .signal(let signal):
      throw Diagnostic(
        "hdf5.crash", "libhdf5 crashes on '\(mapped.path)', which is damaged: \(String(cString: strsignal(signal)))",
        at: place)
    case .untold(let code):
      // Only what is whole ends so; a piece that happens to is found out when it is read.
      if answer.bytes.last == UInt8(GRAFT_HDF5_END) { return answer }
      throw Diagnostic(
        "hdf5.child",
        "the system does not tell how the process that reads '\(mapped.path)' ended: "
          + systemMessage(code), at: place,
        help: "start graftc without ignoring SIGCHLD", category: .ioFailure)
    }
  }

  /// Waits for the end of `child`, and lets go of it.
  private static func wait(for child: pid_t) -> End {
    var status: Int32 = 0
    while waitpid(child, &status, 0) != child {
      guard errno == EINTR else { return .untold(errno) }
    }
    let signal = status & 0x7F
    return signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal)
  }

  /// What an answer ends with where there is none, and the path that it is about.
  private static func complaint(_ answer: Storage, _ file: String) throws(Diagnostic) -> (path: String, text: String) {
    let end = max(0, answer.byteCount - 4)
    var length = ByteReader(answer, end..<answer.byteCount, file: file, truncationRule: "hdf5.answer")
    let count = Int(try length.number(UInt32.self))
    var reader = ByteReader(answer, max(0, end - count)..<end, file: file, truncationRule: "hdf5.answer")
    let path = String(decoding: try reader.textBytes(), as: UTF8.self)
    return (path, String(decoding: try reader.textBytes(), as: UTF8.self))
  }

  /// What the library says where it cannot go on.
  private static func failure(
    _ text: String, _ mapped: MappedFile, _ range: Range<Int>, path: String
  ) -> Diagnostic {
    let what = path.isEmpty ? "the file" : "'\(path.shortened)'"
    let place = Location(mapped.path, range, tensor: path.isEmpty ? nil : path)
    guard !text.contains("bad version number") else {
      return Diagnostic(
        "hdf5.version", "\(what) is of a newer HDF5 than libhdf5 1.10 reads, or damaged: \(text)", at: place,
        help: "write it again without libver='latest', or with HDF5 1.10 to 1.14")
    }
    return Diagnostic("hdf5.damaged", "libhdf5 cannot read \(what): \(text.shortened)", at: place)
  }

  /// What the file at hand, or what is at `path` in it, has or takes too much of.
  private static func excess(
    _ mapped: MappedFile, _ range: Range<Int>, _ text: String, path: String = ""
  ) -> Diagnostic {
    Diagnostic(
      "hdf5.limit", (path.isEmpty ? "the file" : "'\(path.shortened)'") + " " + text,
      at: Location(mapped.path, range, tensor: path.isEmpty ? nil : path))
  }

  private enum Trouble: Error { case late, tooLong }

  /// All that comes through `descriptor`, at most `limit` bytes.
  private static func collect(
    _ descriptor: Int32, limit: Int, milliseconds: Int
  ) -> Result<[UInt8], Trouble> {
    let start = ContinuousClock.now
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let left = milliseconds - Int((ContinuousClock.now - start) / .milliseconds(1))
      guard left > 0 else { return .failure(.late) }
      guard bytes.count <= limit else { return .failure(.tooLong) }
      var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&wanted, 1, Int32(min(left, 1 << 30)))
      if ready < 0 && errno == EINTR { continue }
      guard ready > 0 else { return .failure(.late) }
      let count = read(descriptor, &room, room.count)
      if count < 0 && errno == EINTR { continue }
      // Where the pipe breaks, what came is no whole answer.
      guard count > 0 else { return .success(bytes) }
      bytes += room[..<count]
    }
  }
}
