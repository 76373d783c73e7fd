import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explains a rule that a diagnostic names.",
    discussion: """
      Without a rule, or with the first half of some, it lists rules.
      Example: graftc explain names.unknown
      """)

  @Argument(help: "A rule, such as 'names.unknown', or the first half of some, such as 'names'.") var rule: String?
  @Flag(name: .long, help: "Print JSON.") var json = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    try console.run {
      () throws(Diagnostic) in
      let found = try rule.map { (name) throws(Diagnostic) in try Explanation.matching(name) } ?? Explanation.all
      if let one = found.first, one.rule == rule {
        try console.print(json ? object(one, isWhole: true).text() : text(one))
      } else if json {
        try console.print(JSON.list(found.map { object($0, isWhole: false) }).text())
      } else {
        try list(found, console)
      }
    }
  }

  private func list(_ explanations: [Explanation], _ console: Console) throws(Diagnostic) {
    let width = explanations.map(\.rule.count).max() ?? 0
    var page: String?
    for one in explanations {
      if one.page != page { try console.print((page == nil ? "" : "\n") + "specs/\(one.page)") }
      page = one.page
      let padding = String(repeating: " ", count: width - one.rule.count)
      try console.print("  \(one.rule)\(padding)  \(one.sentence.split(separator: "\n").first ?? "")")
    }
  }

  private func text(_ one: Explanation) -> String {
    var blocks = ["\(one.rule)\(one.isWarning ? " (a warning)" : ""): \(one.sentence)\n  specs/\(one.page)"]
    for (title, example) in [("Breaks it:", one.breaking), ("Keeps it:", one.keeping)] {
      if !example.note.isEmpty { blocks.append("\(title) \(example.note)") }
      if example.files.isEmpty && example.script.isEmpty { continue }
      blocks.append(title)
      for file in example.files { blocks.append(heading(of: file) + indented(file.text)) }
      if !example.script.isEmpty { blocks.append(indented(example.script, by: "    $ ")) }
    }
    if (one.breaking.script + one.keeping.script).contains("$FIXTURES") {
      blocks.append("$FIXTURES is Tests/Fixtures in graft's sources.")
    }
    return blocks.joined(separator: "\n\n")
  }

  /// What a file is, where that is not clear.
  private func heading(of file: RuleExample.File) -> String {
    switch file.kind {
    case .text: file.name == "a.graft" ? "" : "  \(file.name)\n"
    case .tensors: "  \(file.name), a checkpoint of\n"
    case .header(let count): "  \(file.name), a header and \(count) bytes behind it\n"
    case .graph: ""
    }
  }

  private func indented(_ text: String, by indent: String = "    ") -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map { $0.isEmpty ? "" : indent + $0 }.joined(separator: "\n")
  }

  private func object(_ one: Explanation, isWhole: Bool) -> JSON {
    var members = [
      JSON.Member("rule", .text(one.rule)), JSON.Member("sentence", .text(one.sentence)),
      JSON.Member("page", .text("specs/" + one.page)),
    ]
    if isWhole {
      members += [JSON.Member("breaks", object(one.breaking)), JSON.Member("keeps", object(one.keeping))]
    }
    return .object(members)
  }

  private func object(_ example: RuleExample) -> JSON {
    let files = example.files.map { file -> JSON in
      ["name": .text(file.name), "kind": .text(word(for: file.kind)), "text": .text(file.text)]
    }
    return ["note": .text(example.note), "files": .list(files), "script": .text(example.script)]
  }

  private func word(for kind: RuleExample.Kind) -> String {
    switch kind {
    case .text: "text"
    case .tensors: "tensors"
    case .header: "header"
    case .graph: "graph"
    }
  }
}
