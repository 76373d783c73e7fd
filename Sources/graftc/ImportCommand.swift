import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Turns a YAML configuration of the grafting paper's code into a graft file.",
    discussion: "Example: graftc import configs/sampling/mha_swaps/50p_swa.yaml -o swa.graft")

  @Argument(help: "A configuration that names an operator and the blocks that it takes.") var configuration: String
  @Option(name: .shortAndLong, help: "Write here instead of to standard output.") var output: String?
  @Option(help: ArgumentHelp("The operator's own configuration, in place of the one that is named.", valueName: "file"))
  var operatorConfig: String?
  @Flag(help: "Replace a file that exists.") var force = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    let result = ConfigurationImport(configuration, operatorFile: operatorConfig)
    try console.finish(result.diagnostics.inSourceOrder, result.sources)
    guard let text = result.text else { return }
    try console.run { () throws(Diagnostic) in
      guard let output else { return try console.print(text, terminator: "") }
      let file = try OutputFile(path: output, force: force)
      try file.append(Array(text.utf8))
      try file.commit()
    }
  }
}
