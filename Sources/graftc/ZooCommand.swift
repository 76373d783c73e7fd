import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct ZooCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoo", abstract: "Lists every graft, operator, model and preset that ships with graft, or prints one.",
    discussion: "Example: graftc zoo dit-xl2-parallel-d14")

  @Argument(help: "What to print; without it, everything is listed.") var name: String?
  @Flag(help: "A JSON list of names, kinds and summaries, or one object.") var json = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    guard let name else {
      if json { return console.print(JSON.list(Zoo.items.map(\.json)).text()) }
      let width = Zoo.items.map(\.name.count).max() ?? 0
      for (index, item) in Zoo.items.enumerated() {
        if index == 0 || Zoo.items[index - 1].kind != item.kind { console.print("\(item.kind.rawValue)s") }
        let space = String(repeating: " ", count: width - item.name.count)
        console.print("  \(item.name)\(space)  \(item.summary)")
      }
      return
    }
    try console.run { () throws(Diagnostic) in
      guard let item = Zoo.items.first(where: { $0.name == name }) else {
        let near = suggestion(for: name, among: Zoo.items.map(\.name))
        throw Diagnostic(
          "usage.zoo", "nothing that ships with graft is called '\(name)'",
          label: near.map { "did you mean '\($0)'?" }, category: .usage)
      }
      let compiler = Compiler()
      let plans = item.kind == .graft ? compiler.plan(GraftAddress(file: item.name)) : []
      let models =
        item.kind == .preset
        ? try compiler.open(.expression(ExpressionAddress(parsing: item.name + "()")), randomWeights: true) : []
      if json { return console.print(item.json(plans).text()) }
      console.print(item.text.hasSuffix("\n") ? item.text : item.text + "\n")
      for plan in plans { console.print(PlanReport(plan).text) }
      for model in models {
        let summary = model.summary
        console.print(
          "\(groupedDigits(summary.parameters)) parameters, \(groupedDigits(summary.macs)) multiply-adds, depth \(summary.depth)"
        )
        for tensor in model.tensors { console.print("  \(tensor.name)  \(tensor.shape)") }
      }
    }
  }
}

extension Zoo.Item {
  fileprivate var json: JSON {
    ["name": .text(name), "kind": .text(kind.rawValue), "summary": .text(summary)]
  }

  /// The same with the text and, of a graft, its plans.
  fileprivate func json(_ plans: [CompiledGraft]) -> JSON {
    [
      "name": .text(name), "kind": .text(kind.rawValue), "summary": .text(summary), "text": .text(text),
      "plans": .list(plans.map { PlanReport($0).json }),
    ]
  }
}
