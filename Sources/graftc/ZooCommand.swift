import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct ZooCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoo",
    abstract: "Lists every graft, operator, model, preset and layout that ships with graft, or prints one.",
    discussion: "Example: graftc zoo dit-xl2-parallel-d14")

  @Argument(help: "What to print; without it, everything is listed.") var name: String?
  @Flag(help: "A JSON list of names, kinds and summaries, or one object.") var json = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    let compiler = Compiler()
    try console.run(compiler) { () throws(Diagnostic) in
      if let name { try show(name, compiler, console) } else { try list(console) }
    }
    try console.finish(compiler)
  }

  private func list(_ console: Console) throws(Diagnostic) {
    if json { return try console.print(JSON.list(Zoo.items.map { .object($0.members) }).text()) }
    let width = Zoo.items.map(\.name.count).max() ?? 0
    for (index, item) in Zoo.items.enumerated() {
      if index == 0 || Zoo.items[index - 1].kind != item.kind { try console.print("\(item.kind.rawValue)s") }
      let space = String(repeating: " ", count: width - item.name.count)
      try console.print("  \(item.name)\(space)  \(item.summary)")
    }
  }

  private func show(_ name: String, _ compiler: Compiler, _ console: Console) throws(Diagnostic) {
    guard let item = Zoo.items.first(where: { $0.name == name }) else {
      let near = suggestion(for: name, among: Zoo.items.map(\.name))
      throw Diagnostic(
        "usage.zoo", "nothing that ships with graft is called '\(name)'",
        label: near.map { "did you mean '\($0)'?" }, help: "'graftc zoo' lists what there is", category: .usage)
    }
    let plans = item.kind == .graft ? compiler.plan(GraftAddress(file: item.name)).map { PlanReport($0) } : []
    if json {
      let more = [JSON.Member("text", .text(item.text)), JSON.Member("plans", .list(plans.map(\.json)))]
      return try console.print(JSON.object(item.members + more).text())
    }
    try console.print(item.text.hasSuffix("\n") ? item.text : item.text + "\n")
    for plan in plans { try console.print(plan.text) }
    guard item.isModelPreset else { return }
    let call = ModelAddress.expression(ExpressionAddress(parsing: item.name + "()"))
    for model in try compiler.open(call, randomWeights: true) {
      let summary = model.summary
      try console.print(
        "\(groupedDigits(summary.parameters)) parameters, \(groupedDigits(summary.macs)) multiply-adds, depth \(summary.depth)"
      )
      for tensor in model.tensors { try console.print("  \(tensor.name)  \(tensor.shape)") }
    }
  }
}

extension Zoo.Item {
  /// What the list says of it.
  fileprivate var members: [JSON.Member] {
    [
      JSON.Member("name", .text(name)), JSON.Member("kind", .text(kind.rawValue)),
      JSON.Member("summary", .text(summary)),
    ]
  }
}
