import Foundation
import GraftFormats
import GraftIR
import Testing

/// The built `graftc`, run as its users run it.
struct Graftc {
  /// What one run left.
  struct Result {
    /// The exit code, or the negative number of the signal that ended it.
    let code: Int32
    let output: String
    let error: String
    /// The seconds that it kept processors busy.
    let processorSeconds: Double
    let peakByteCount: Int

    /// The one JSON object on standard output.
    func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> JSON {
      let lines = try jsonLines(sourceLocation: sourceLocation)
      try #require(lines.count == 1, "\(output)", sourceLocation: sourceLocation)
      return lines[0]
    }

    /// A JSON object for each line of standard output.
    func jsonLines(sourceLocation: SourceLocation = #_sourceLocation) throws -> [JSON] {
      try #require(code == 0 || code == 1, "\(error)", sourceLocation: sourceLocation)
      return try output.split(separator: "\n").map { try JSON(parsing: String($0), file: "standard output") }
    }
  }

  /// It stands beside the program that runs the tests.
  static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "graftc").path

  /// Runs it to its end and gives what it left.
  static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], folder: String? = nil
  ) throws -> Result {
    try start(arguments, input: input, environment: environment, folder: folder).wait()
  }

  /// Runs it and expects the exit code `code`, nothing on standard output where that is a failure, and a reason on
  /// standard error.
  @discardableResult
  static func fail(
    _ code: Int32, _ arguments: [String], rule: String? = nil, folder: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Result {
    let result = try run(arguments, folder: folder)
    #expect(result.code == code, "\(arguments) \(result.error)", sourceLocation: sourceLocation)
    #expect(result.output == "", "\(arguments)", sourceLocation: sourceLocation)
    #expect(!result.error.isEmpty, "\(arguments)", sourceLocation: sourceLocation)
    if let rule { #expect(result.error.contains("rule: \(rule)"), "\(result.error)", sourceLocation: sourceLocation) }
    return result
  }

  /// Runs it and expects that it did what it was told.
  @discardableResult
  static func succeed(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], folder: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Result {
    let result = try run(arguments, input: input, environment: environment, folder: folder)
    try #require(result.code == 0, "\(arguments) \(result.error)", sourceLocation: sourceLocation)
    return result
  }

  /// A run that is under way.
  struct Started {
    let process: pid_t
    fileprivate let folder: TemporaryFolder

    func send(_ signal: Int32) { kill(process, signal) }

    /// The most private memory (RssAnon) that it has until it ends, by looking often; it is not waited for.
    func peakAnonymousByteCount() -> Int {
      var peak = 0
      while let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") })
      {
        peak = max(peak, (Int(line.filter(\.isNumber)) ?? 0) << 10)
        usleep(1000)
      }
      return peak
    }

    /// Waits for the end.
    func wait() throws -> Result {
      var status: Int32 = 0
      var usage = rusage()
      while wait4(process, &status, 0, &usage) < 0 { try #require(errno == EINTR) }
      func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
      return Result(
        code: status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F),
        output: String(decoding: try folder.bytes("out"), as: UTF8.self),
        error: String(decoding: try folder.bytes("error"), as: UTF8.self),
        processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), peakByteCount: usage.ru_maxrss << 10)
    }
  }

  /// Starts it, or another program. Standard output and error go to files, so that no pipe fills and no other process
  /// holds them open.
  static func start(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], folder: String? = nil,
    program: String = path
  ) throws -> Started {
    let streams = try TemporaryFolder()
    try streams.write(input, as: "in")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, streams("in"), O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, streams("out"), O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, streams("error"), O_WRONLY | O_CREAT, 0o600)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
    // The C library's module has no action that changes the folder; env(1) does, and becomes the program.
    let command = (folder.map { ["/usr/bin/env", "-C", $0] } ?? []) + [program] + arguments
    var words = command.map { strdup($0) } + [nil]
    var settings = variables.map { strdup($0) } + [nil]
    defer { (words + settings).forEach { free($0) } }
    // Threads that run tests block signals, and what they start would too.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process: pid_t = 0
    let code = posix_spawn(&process, command[0], &actions, &attributes, &words, &settings)
    try #require(code == 0, "\(path) cannot be started: \(String(cString: strerror(code)))")
    return Started(process: process, folder: streams)
  }
}

/// Grafts and inputs of the tests of commands.
enum Small {
  /// A model whose forward pass takes milliseconds.
  static let model = "dit(size: 8, width: 16, depth: 4, heads: 2, patch: 2, in_channels: 4, classes: 3)"

  /// A graft of it that reads no file.
  static let graft = """
    graft "small" (kernel: Int = 4) {
        base \(model) noise(seed: 7)
        replace blocks[i in odd].attn with hyena_x(kernel: kernel)
        emit "small-\\(kernel).safetensors"
    }
    """

  /// Writes inputs for `model` as `name` and gives its path.
  static func inputs(_ folder: TemporaryFolder, as name: String = "in.safetensors") throws -> String {
    let values = (0..<512).map { (index: Int) -> Float in Float(index * 37 % 101 - 50) / 40 }
    let classes = Tensor(.i64, [2], integers: [1, 3])
    try TransferEngine.write(
      [
        ("x", Tensor(values, [2, 4, 8, 8])), ("t", Tensor([Float(17), 940], [2])),
        ("y", classes),
        ("cfg_scale", Tensor([Float(2.5)], [])),
      ], to: folder(name))
    return folder(name)
  }
}
