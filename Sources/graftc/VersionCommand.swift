import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Tells version, processor features in use, BLAS and its core type.",
    discussion: "Example: graftc version --json")

  @Flag(help: "One JSON object.") var json = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    #if DEBUG
      let build = "debug"
    #else
      let build = "release"
    #endif
    var members: [(String, JSON)] = [
      ("version", .text(graftVersion)), ("build", .text(build)), ("isa", .text(Machine.instructionSet)),
      ("threads", .int(Machine.threadCount)),
    ]
    do throws(Diagnostic) {
      let blas = try Machine.blas()
      members += [("blas", .text(blas.library)), ("blas_core", .text(blas.core))]
    } catch {
      members.append(("blas", .text("missing: " + error.message)))
    }
    if json {
      console.print(JSON.object(members.map { JSON.Member($0.0, $0.1) }).text())
      return
    }
    for (name, value) in members {
      if case .text(let text) = value { console.print("\(name): \(text)") }
      if case .int(let number) = value { console.print("\(name): \(number)") }
    }
  }
}
