import ArgumentParser
import GraftCompiler
import GraftIR

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Checks graft files.",
    discussion: "Example: graftc check swap.graft --set kernel=4,8")

  @Argument(help: "Graft files; '-' is standard input.") var files: [String]
  @OptionGroup var compilation: CompilationOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    var code: ExitCode?
    for file in files {
      try console.run {
        () throws(Diagnostic) in
        let compiler = Compiler(options: try compilation.options())
        let address = GraftAddress(parsing: file)
        compiler.check(address)
        do { try console.finish(compiler) } catch { code = code ?? (error as? ExitCode) ?? .failure }
      }
    }
    if let code { throw code }
  }
}
