import GraftIR
import Glibc
import Synchronization

/// Whether the user asked to stop.
enum Interruption {
  private static let asked = Atomic<Bool>(false)

  /// From here on, an interrupt ends the process at once, with the exit code that says so.
  static func endAtOnce() { signal(SIGINT) { _ in _exit(Diagnostic.Category.interrupted.exitCode) } }

  /// From here on, an interrupt is noted instead of ending the process at once.
  static func watch() { signal(SIGINT) { _ in Interruption.asked.store(true, ordering: .relaxed) } }

  static var isAsked: Bool { asked.load(ordering: .relaxed) }

  static func check() throws(Diagnostic) {
    if isAsked { throw Diagnostic("command.interrupted", "interrupted", category: .interrupted) }
  }
}
