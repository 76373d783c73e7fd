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

  /// A line of the result.
  func print(_ text: String, terminator: String = "\n") { Swift.print(text, terminator: terminator) }

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

  func write(_ text: String) {
    fflush(nil)  // What was printed before comes before.
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(2, rest.baseAddress, rest.count)
        if count <= 0 { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  /// Runs `body`, prints what went wrong and ends with the exit code that it means.
  func run(_ compiler: Compiler? = nil, _ body: () throws(Diagnostic) -> Void) throws {
    do throws(Diagnostic) { try body() } catch {
      // What the compiler found says more than what could not go on because of it.
      if let compiler, compiler.diagnostics.hasErrors { try finish(compiler) }
      fail(error, sources: compiler?.sources ?? [])
      throw ExitCode(error.category.exitCode)
    }
  }

  func fail(_ diagnostic: Diagnostic, sources: [SourceText]) {
    write(DiagnosticRenderer(sources: sources).render(diagnostic))
  }

  /// Prints what `compiler` found and ends where there are errors.
  func finish(_ compiler: Compiler) throws {
    notes(of: compiler)
    let renderer = DiagnosticRenderer(sources: compiler.sources)
    let all = compiler.diagnostics.inSourceOrder
    for diagnostic in all where diagnostic.severity == .error || !isQuiet { write(renderer.render(diagnostic)) }
    if let first = all.first(where: { $0.severity == .error }) {
      throw ExitCode(first.category.exitCode)
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
