import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import Glibc

/// Standard output and standard error, and how a command ends.
struct Console {
  let isQuiet: Bool
  let isVerbose: Bool
  private let told = Told()

  /// The notes that were printed, so that none is twice.
  private final class Told { var notes: Set<String> = [] }

  init(_ options: CommonOptions) {
    isQuiet = options.quiet
    isVerbose = options.verbose
    Interruption.endAtOnce()
  }

  /// A line of the result, handed to the system at once, so that what is not written is known.
  ///
  /// - Throws: `command.output`.
  func print(_ text: String, terminator: String = "\n") throws(Diagnostic) {
    try Self.print(text, terminator: terminator)
  }

  static func print(_ text: String, terminator: String = "\n") throws(Diagnostic) {
    if let code = write(text + terminator, to: 1) {
      throw Diagnostic(
        "command.output", "standard output cannot be written: \(String(cString: strerror(code)))", category: .ioFailure)
    }
  }

  /// A line for a person, on standard error.
  func note(_ text: String) {
    if !isQuiet, told.notes.insert(text).inserted { write("note: " + text + "\n") }
  }

  /// A line for a person who asked for more.
  func detail(_ text: String) {
    if isVerbose { note(text) }
  }

  func notes(of compiler: Compiler) { for text in compiler.notes { note(text) } }

  /// What came of going on from where a killed process stopped.
  func noteResuming(_ report: TransferReport) {
    if let reason = report.restartReason { note("\(reason); starting over") }
    if report.resumedCount > 0 { note("\(report.resumedCount) tensors were there already") }
  }

  /// Writes to standard error; where that cannot be written, there is no one to tell.
  func write(_ text: String) { _ = Self.write(text, to: 2) }

  /// Writes all of `text`, or gives the system's code of what kept it from that.
  private static func write(_ text: String, to descriptor: Int32) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0 {
          let code = errno
          if code == EINTR { continue }
          guard code == EAGAIN else { return code }
          var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&wait, 1, -1)  // Who reads it made it not wait by itself.
          continue
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return nil
    }
  }

  /// Takes the places of standard streams that the caller closed, so that no file that is opened later gets one of
  /// them; writing to standard output then fails as it did.
  static func holdClosedStreams() {
    for stream: Int32 in 0...2 where fcntl(stream, F_GETFD) < 0 {
      _ = open("/dev/null", stream == 1 ? O_RDONLY : O_RDWR)
    }
  }

  /// Runs `body`, prints what went wrong and ends with the exit code that it means.
  func run(_ compiler: Compiler? = nil, _ body: () throws(Diagnostic) -> Void) throws {
    do throws(Diagnostic) { try body() } catch {
      // What the compiler found says more than what could not go on because of it.
      if let compiler, compiler.diagnostics.hasErrors { try finish(compiler) }
      fail(error, sources: compiler?.sources ?? [])
      throw ExitCode(Interruption.exitCode(of: error))
    }
  }

  /// The same for what no command's options say anything of.
  static func run(_ body: () throws(Diagnostic) -> Void) throws {
    do throws(Diagnostic) { try body() } catch {
      _ = write(DiagnosticRenderer(sources: []).render(error), to: 2)
      throw ExitCode(Interruption.exitCode(of: error))
    }
  }

  func fail(_ diagnostic: Diagnostic, sources: [SourceText]) {
    write(DiagnosticRenderer(sources: sources).render(diagnostic))
  }

  /// Prints what `compiler` found and ends where there are errors.
  func finish(_ compiler: Compiler) throws {
    notes(of: compiler)
    try finish(compiler.diagnostics.inSourceOrder, compiler.sources)
  }

  /// Prints `all` and ends where there are errors.
  func finish(_ all: [Diagnostic], _ sources: [SourceText]) throws {
    let renderer = DiagnosticRenderer(sources: sources)
    for diagnostic in all where diagnostic.severity == .error || !isQuiet { write(renderer.render(diagnostic)) }
    let errors = all.filter { $0.severity == .error }
    // What is wrong counts before what is missing: that is no one's mistake.
    if let first = errors.first(where: { $0.category != .inputMissing }) ?? errors.first {
      throw ExitCode(Interruption.exitCode(of: first))
    }
  }

  /// A progress bar on a terminal, nothing elsewhere; its closure takes what is done and what there is to do.
  func progressBar(_ title: String) -> (Int, Int) -> Void {
    guard !isQuiet, isatty(2) != 0 else { return { _, _ in } }
    return { done, total in
      let width = 30
      let filled = total == 0 ? width : done * width / total
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
      write("\r\(title) \(bar) \(done)/\(total)" + (done == total ? "\n" : ""))
    }
  }
}
