import ArgumentParser
import GraftCompiler
import GraftIR

struct FormatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmt", abstract: "Puts graft files into canonical form.",
    discussion: """
      A file that does not parse is left as it is. '-' formats standard input to standard output.
      Example: graftc fmt --check *.graft
      """)

  @Argument(help: "Graft files; '-' is standard input.") var files: [String]
  @Flag(name: .long, help: "Write nothing; name the files that would change, and exit with 1 where there are any.")
  var check = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    var failure: ExitCode?
    var changes = false
    for file in files {
      var diagnostics = Diagnostics()
      var source: SourceText?
      do throws(Diagnostic) {
        let read = try SourceText(reading: file)
        source = read
        guard let text = formatted(read, into: &diagnostics) else { throw diagnostics.inSourceOrder[0] }
        changes = changes || text != read.text
        if check {
          if text != read.text { try console.print(file) }
        } else if file == "-" {
          try console.print(text, terminator: "")
        } else if text != read.text {
          try TextFile.replace(file, with: text)
        }
      } catch {
        diagnostics.report(error)
        console.write(DiagnosticRenderer(sources: source.map { [$0] } ?? []).render(diagnostics))
        failure = failure ?? ExitCode(error.category.exitCode)
      }
    }
    if let failure { throw failure }
    if check, changes { throw ExitCode(1) }
  }
}
