import ArgumentParser
import GraftCompiler
import GraftIR

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
    name: .long,
    help: ArgumentHelp("The layout that the checkpoint is in, such as 'diffusers'.", valueName: "name"))
  var layout: String?

  @Option(
    name: .customLong("assume"), parsing: .singleValue,
    help: ArgumentHelp("What tensors do not tell, such as 'dit(heads: 4)'.", valueName: "operator"))
  var assumptions: [String] = []

  func options(seed: UInt64 = 0) throws(Diagnostic) -> Compiler.Options {
    var options = Compiler.Options()
    options.base = base
    options.seed = seed
    options.assumptions = assumptions
    options.layout = layout
    for setting in settings {
      guard let sign = setting.firstIndex(of: "="), sign != setting.startIndex else {
        throw Diagnostic("usage.set", "'--set \(setting)' is not NAME=VALUE", category: .usage)
      }
      options.settings.append((String(setting[..<sign]), String(setting[setting.index(after: sign)...])))
    }
    return options
  }
}

extension CompilationOptions {
  func compiler(_ console: Console, seed: UInt64 = 0) throws -> Compiler {
    var result: Compiler?
    try console.run { () throws(Diagnostic) in result = Compiler(options: try options(seed: seed)) }
    guard let result else { throw ExitCode.failure }
    return result
  }
}
