import ArgumentParser
import GraftCompiler

@main
struct Graftc: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graftc",
    abstract: "Compiles architecture edits of pretrained diffusion transformers, and runs what comes out.",
    version: graftVersion,
    subcommands: [
      CheckCommand.self, FormatCommand.self, PlanCommand.self, CompileCommand.self, InspectCommand.self,
      ConvertCommand.self, DiffCommand.self, RunCommand.self, SampleCommand.self, BenchCommand.self, VerifyCommand.self,
      ZooCommand.self, ImportCommand.self, ExplainCommand.self, VersionCommand.self,
    ])
}
