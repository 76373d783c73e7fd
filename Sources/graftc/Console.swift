import ArgumentParser
import GraftCompiler
import GraftIR
import Glibc
import Synchronization

/// What every command understands.
struct CommonOptions: ParsableArguments {
  @Flag(name: .long, help: "Print nothing but results and errors.")
  var quiet = false

  @Flag(name: .long, help: "Tell more of what is done.")
  var verbose = false
}

/// How a command names a model or graft, beside its files.
struct CompilationOptions: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "A value for a parameter of the graft; several values make variants.", valueName: "name=v1,v2"))
  var settings: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Take this instead of the file that a graft names; 'noise' for seeded weights.", valueName: "checkpoint"))
  var base: String?

  @Option(
    name: .customLong("assume"), parsing: .singleValue,
    help: ArgumentHelp("What tensors do not tell, such as 'dit(heads: 4)'.", valueName: "operator"))
  var assumptions: [String] = []

  func options(seed: UInt64 = 0) throws(Diagnostic) -> Compiler.Options {
    var options = Compiler.Options()
    options.base = base
    options.seed = seed
    options.assumptions = assumptions
    for setting in settings {
      guard let sign = setting.firstIndex(of: "="), sign != setting.startIndex else {
        throw Diagnostic("usage.set", "'--set \(setting)' is not NAME=VALUE", category: .usage)
      }
      options.settings.append((String(setting[..<sign]), String(setting[setting.index(after: sign)...])))
    }
    return options
  }
}

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
