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
      let blas = try BLAS.load()
      members += [("blas", .text(blas.library)), ("blas_core", .text(blas.coreName))]
      if let asked = blas.requestedCoreType {
        members += [
          ("blas_core_asked", .text(asked)),
          ("blas_core_asked_by", .text(blas.isRequestedByUser ? "OPENBLAS_CORETYPE" : "graft, for this processor")),
        ]
        if !blas.isAsRequested {
          console.note(
            "BLAS runs its kernels for '\(blas.coreName)', not '\(asked)', which "
              + (blas.isRequestedByUser ? "the environment asks for in OPENBLAS_CORETYPE" : "suits this processor")
              + ": this build of it does not have them")
        } else if let suited = blas.suitedCoreType, blas.isRequestedByUser, suited.lowercased() != asked.lowercased() {
          console.note("'\(suited)' suits this processor, and OPENBLAS_CORETYPE asks for '\(asked)'")
        }
      }
    } catch {
      members.append(("blas", .text("missing: " + error.message)))
    }
    try console.run { () throws(Diagnostic) in
      if json { return try console.print(JSON.object(members.map { JSON.Member($0.0, $0.1) }).text()) }
      for (name, value) in members {
        if case .text(let text) = value { try console.print("\(name): \(text)") }
        if case .int(let number) = value { try console.print("\(name): \(number)") }
      }
    }
  }
}
