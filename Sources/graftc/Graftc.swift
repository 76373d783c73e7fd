import ArgumentParser
import GraftCompiler
import GraftIR
import GraftRunner
import Glibc

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

  static func main() {
    Console.holdClosedStreams()
    // A limit on the size of files is told as what it is, an output that cannot be written.
    signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try parseAsRoot()
      try Console.run { () throws(Diagnostic) in
        try refuseRepeatedOutput(CommandLine.arguments)
        try InstructionSet.checkRequest()
      }
      try command.run()
    } catch {
      let text = fullMessage(for: error)
      guard exitCode(for: error) == .success, !text.isEmpty else { exit(withError: error) }
      // Help and version are results too.
      do {
        try Console.run { () throws(Diagnostic) in try Console.print(text) }
      } catch { exit(withError: error) }
    }
  }

  /// Of two outputs the parser would take the last and say nothing.
  private static func refuseRepeatedOutput(_ arguments: [String]) throws(Diagnostic) {
    let outputs = arguments.prefix { $0 != "--" }.filter {
      $0 == "-o" || $0 == "--output" || $0.hasPrefix("--output=") || $0.hasPrefix("-o=")
    }
    guard outputs.count > 1 else { return }
    throw Diagnostic("usage.output", "-o is given \(outputs.count) times, and names one file", category: .usage)
  }
}
