import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Tells what a graft would do and cost, opening no more than headers.",
    discussion: "Example: graftc plan swa.graft --set window=1,2,4,8 --json")

  @Argument(help: "A graft file, or FILE.graft:NAME.") var file: String
  @OptionGroup var compilation: CompilationOptions
  @Flag(help: "One JSON object a line for each variant.") var json = false
  @Flag(help: "Also tell what replaced operators cost by their papers' own formulas.") var published = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    let compiler = try compilation.compiler(console)
    let address = GraftAddress(parsing: file)
    // What a condition is broken by stands in the table, so that comes first.
    let grafts = compiler.plan(address)
    console.notes(of: compiler)
    try console.run { () throws(Diagnostic) in
      for graft in grafts {
        let report = PlanReport(graft)
        try console.print(json ? report.json.text() : report.text + (published ? report.publishedText : ""))
      }
    }
    try console.finish(compiler)
  }
}

extension CompiledGraft.Emit {
  /// What is said of how it is written.
  fileprivate var form: String {
    let types = [type].compactMap(\.self) + exceptionTexts
    return (types.isEmpty ? "" : " as " + types.joined(separator: ", "))
      + (layoutName == SelfDescription.ownLayout ? "" : " in layout '\(layoutName)'")
      + (shardByteCount.map { " in shards of \(groupedDigits($0)) bytes" } ?? "")
  }

  /// `f32 for pos_embed`, neighbours of one type together.
  private var exceptionTexts: [String] {
    var runs: [(type: String, paths: [String])] = []
    for (path, type) in exceptions {
      if runs.last?.type == type { runs[runs.count - 1].paths.append(path) } else { runs.append((type, [path])) }
    }
    return runs.map { run in
      let (first, last) = (run.paths[0], run.paths[run.paths.count - 1])
      return "\(run.type) for \(first)" + (run.paths.count > 1 ? " ... \(last), \(run.paths.count) in all" : "")
    }
  }
}

/// A plan as a person or a program reads it.
struct PlanReport {
  let graft: CompiledGraft

  init(_ graft: CompiledGraft) { self.graft = graft }

  var json: JSON {
    .object([
      JSON.Member("model", .text(graft.name)),
      JSON.Member("set", JSON(settings: graft.settings)),
      JSON.Member("base", Self.json(graft.base)),
      JSON.Member("grafted", Self.json(graft.grafted)),
      JSON.Member("edits", .list(graft.edits.map(Self.json))),
      JSON.Member("requirements", .list(graft.requirements.map { .text($0) })),
      JSON.Member("failed", .list(graft.failedRequirements.map { .text($0) })),
      JSON.Member("emits", .list(graft.emits.map { .text($0.file) })),
      JSON.Member("missing", .list(graft.missingFiles.flatMap(\.files).map { .text($0) })),
    ])
  }

  private static func json(_ summary: ModelSummary) -> JSON {
    [
      "name": .text(summary.name), "parameters": .int(summary.parameters), "macs": .int(summary.macs),
      "bytes": .int(summary.bytes), "depth": .int(summary.depth),
      "operators": .list(
        summary.operators.map { row in
          var members: [(String, JSON)] = [
            ("path", .text(row.path)), ("operator", .text(row.operator)), ("arguments", row.argumentValues),
            ("parameters", .int(row.parameters)), ("macs", .int(row.macs)),
          ]
          if let published = row.published { members.append(("published", published.json)) }
          return .object(members.map { JSON.Member($0.0, $0.1) })
        }),
    ]
  }

  private static func json(_ edit: CompiledGraft.Edit) -> JSON {
    let starts = edit.starts.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .int($0.value)) }
    return [
      "statement": .text(edit.word), "path": .text(edit.path), "operator": .text(edit.operator),
      "starts": .object(starts), "branches": .list(edit.branches.map { .text($0) }),
    ]
  }

  var text: String {
    var lines: [String] = []
    let settings = graft.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    lines.append("graft \"\(graft.name)\"" + (settings.isEmpty ? "" : "  \(settings)"))
    lines.append("  base  \(graft.baseText)")
    for (edits, count) in grouped(graft.edits) {
      let paths = count == 1 ? edits[0].path : "\(edits[0].path) ... \(edits[count - 1].path), \(count) in all"
      let what = edits[0].operator.isEmpty ? "" : " → \(edits[0].operator)"
      lines.append("  \(edits[0].word)  \(paths)\(what)")
      let starts = edits[0].starts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      if !starts.isEmpty { lines.append("      tensors of each: " + starts.joined(separator: ", ")) }
      for edit in edits where !edit.branches.isEmpty {
        lines.append("      \(edit.path): side by side \(edit.branches.joined(separator: " | ")) of the base")
      }
    }
    lines.append("")
    lines += table(
      ["", "base", "grafted", "change"],
      [
        figure("parameters", graft.base.parameters, graft.grafted.parameters),
        figure("multiply-adds", graft.base.macs, graft.grafted.macs),
        figure("bytes", graft.base.bytes, graft.grafted.bytes),
        figure("depth", graft.base.depth, graft.grafted.depth),
      ])
    lines.append("")
    lines += table(["operator", "parts", "parameters", "multiply-adds"], operatorRows)
    for requirement in graft.requirements {
      let holds = !graft.failedRequirements.contains(requirement)
      lines.append("  \(holds ? "holds" : "does not hold"): \(requirement)")
    }
    for missing in graft.missingFiles { lines.append("  not at hand: \(missing.message)") }
    for emit in graft.emits {
      lines.append("  emits \(emit.file)" + emit.form)
      for (kind, reason, names) in (try? graft.unfit(for: emit)) ?? [] {
        let more = names.count > 1 ? " and \(names.count - 1) more" : ""
        lines.append("      not \(kind.spelling), since \(reason): \(names[0])\(more)")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// Neighbouring edits that differ in their path only.
  private func grouped(_ edits: [CompiledGraft.Edit]) -> [([CompiledGraft.Edit], Int)] {
    var groups: [[CompiledGraft.Edit]] = []
    for edit in edits {
      if let last = groups.last?.first, last.word == edit.word, last.operator == edit.operator,
        last.starts == edit.starts
      {
        groups[groups.count - 1].append(edit)
      } else {
        groups.append([edit])
      }
    }
    return groups.map { ($0, $0.count) }
  }

  private func figure(_ name: String, _ base: Int, _ grafted: Int) -> [String] {
    let percent = base == 0 ? 0 : Double(grafted - base) / Double(base) * 100
    let rounded = (percent * 100).rounded() / 100
    return [name, groupedDigits(base), groupedDigits(grafted), (rounded >= 0 ? "+" : "") + "\(rounded) %"]
  }

  private var operatorRows: [[String]] {
    graft.grafted.totals.map { total in
      [total.operator, String(total.parts), groupedDigits(total.parameters), groupedDigits(total.macs)]
    }
  }
}
