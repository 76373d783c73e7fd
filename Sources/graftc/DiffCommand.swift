import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compares two checkpoints tensor by tensor, or two grafts as architectures.",
    discussion: "Example: graftc diff before.pt after.safetensors --atol 1e-6")

  @Argument(help: "The first checkpoint or graft file.") var first: String
  @Argument(help: "The second.") var second: String
  @Option(help: "Values may differ by this much times the larger one, whatever their types.") var rtol: Double = 0
  @Option(help: "Values may differ by this much, whatever their types.") var atol: Double = 0
  @Option(
    help: ArgumentHelp("Take tensors as this model has them, or 'model': whichever it is.", valueName: "model"))
  var layout: String?
  @Flag(help: "One JSON object.") var json = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    var isEqual = true
    try console.run { () throws(Diagnostic) in
      let grafts = [first, second].map { if case .graft = ModelAddress($0) { true } else { false } }
      guard grafts[0] == grafts[1] else {
        throw Diagnostic(
          "usage.diff", "a graft is compared with a graft, a checkpoint with a checkpoint", category: .usage)
      }
      guard rtol >= 0, atol >= 0 else {
        throw Diagnostic(
          "usage.tolerance", "--rtol is \(rtol) and --atol is \(atol), and both are at least 0", category: .usage)
      }
      if grafts[0] {
        guard layout == nil else {
          throw Diagnostic("usage.diff", "--layout is for checkpoints, and grafts are compared", category: .usage)
        }
        isEqual = try compareGrafts(console)
        return
      }
      let a = try openCheckpoint(first, layout: layout, console)
      let b = try openCheckpoint(second, layout: layout, console)
      let difference = try CheckpointDifference(a, b, relative: rtol, absolute: atol)
      if difference.missing.count == a.entries.count {
        for reader in [a, b] where reader.defaultKey != nil {
          console.note(
            "'\(reader.file)' holds \(reader.keyList); compare one of them, as '\(reader.file):\(reader.topKeys[0])'")
        }
      }
      isEqual = difference.isEqual
      if !isEqual, layout == nil {
        for reader in [a, b] where reader.holdsTurnedMatrices {
          console.note("'\(reader.file)' has matrices as its graph takes them; --layout model compares the model's")
        }
      }
      let key = SelfDescription.architectureKey
      if difference.isEqual, let architecture = a.metadata[key], let other = b.metadata[key], architecture != other {
        console.note("the tensors are equal, and the recorded architectures are not: 'graftc inspect' shows them")
      }
      try console.print(json ? difference.json.text() : difference.text)
    }
    if !isEqual { throw ExitCode(1) }
  }

  private func compareGrafts(_ console: Console) throws(Diagnostic) -> Bool {
    func rows(_ text: String) throws(Diagnostic) -> [ModelSummary.Row] {
      let compiler = Compiler()
      let address = GraftAddress(parsing: text)
      let grafts = compiler.compile(address)
      if let error = compiler.diagnostics.inSourceOrder.first(where: { $0.severity == .error }) { throw error }
      guard let graft = grafts.first, grafts.count == 1 else {
        throw Diagnostic(
          "usage.one-graft", "'\(text)' holds \(grafts.count) grafts", help: "FILE.graft:NAME", category: .usage)
      }
      return graft.grafted.operators
    }
    let a = try rows(first)
    let b = try rows(second)
    let before = Dictionary(a.map { ($0.path, $0) }, uniquingKeysWith: { x, _ in x })
    let after = Dictionary(b.map { ($0.path, $0) }, uniquingKeysWith: { x, _ in x })
    func call(_ row: ModelSummary.Row) -> String { "\(row.operator)(\(row.arguments))" }
    let missing = a.filter { after[$0.path] == nil }
    let extra = b.filter { before[$0.path] == nil }
    let changed = b.compactMap { row in before[row.path].flatMap { call($0) == call(row) ? nil : ($0, row) } }
    let isEqual = missing.isEmpty && extra.isEmpty && changed.isEmpty
    if json {
      let report: JSON = [
        "equal": .bool(isEqual), "missing": .list(missing.map { .text($0.path) }),
        "extra": .list(extra.map { .text($0.path) }),
        "changed": .list(
          changed.map { ["name": .text($0.1.path), "reason": .text("\(call($0.0)) → \(call($0.1))")] }),
      ]
      try console.print(report.text())
    } else {
      for row in missing { try console.print("missing  \(row.path): \(call(row))") }
      for row in extra { try console.print("extra    \(row.path): \(call(row))") }
      for (old, new) in changed { try console.print("changed  \(new.path): \(call(old)) → \(call(new))") }
      if isEqual { try console.print("equal") }
    }
    return isEqual
  }
}
