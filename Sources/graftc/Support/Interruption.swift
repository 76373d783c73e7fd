import GraftIR
import Glibc
import Synchronization

/// Whether the user asked to stop: by an interrupt, by `kill`, or by closing the terminal.
enum Interruption {
  /// The signal that asked, or 0.
  private static let signalNumber = Atomic<Int32>(0)

  /// From here on, such a signal ends the process at once, with the exit code that says so.
  static func endAtOnce() { install { number in _exit(128 + number) } }

  /// From here on, such a signal is noted instead of ending the process at once.
  static func watch() { install { number in Interruption.signalNumber.store(number, ordering: .relaxed) } }

  static var isAsked: Bool { signalNumber.load(ordering: .relaxed) != 0 }

  static func check() throws(Diagnostic) {
    if isAsked { throw Diagnostic("command.interrupted", "interrupted", category: .interrupted) }
  }

  /// The exit code of a command that ends with `error`: of one that was stopped, 128 and the number of the signal.
  static func exitCode(of error: Diagnostic) -> Int32 {
    let number = signalNumber.load(ordering: .relaxed)
    return error.category == .interrupted && number != 0 ? 128 + number : error.category.exitCode
  }

  private static func install(_ handler: @escaping @convention(c) (Int32) -> Void) {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var former = sigaction()
      // Who starts a command with `nohup` wants it to go on.
      let isIgnored =
        sigaction(number, nil, &former) == 0
        && unsafeBitCast(former.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
      if number == SIGHUP && isIgnored { continue }
      signal(number, handler)
    }
  }
}
