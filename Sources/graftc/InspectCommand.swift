import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Tells what a checkpoint holds, and which model it is.",
    discussion: "Example: graftc inspect model.pt --json")

  @Argument(help: "Checkpoints; 'train.pt:ema' is the part under that key.") var checkpoints: [String]
  @Flag(help: "Print back the graft file that a checkpoint was made from.") var program = false
  @Flag(help: "List what the pickles of a PyTorch file would have imported; nothing is.") var pickleGlobals = false
  @Flag(help: "One JSON object a line.") var json = false
  @Option(
    name: .customLong("assume"), parsing: .singleValue, help: "What tensors do not tell, such as 'dit(heads: 4)'.")
  var assumptions: [String] = []
  @Option(help: "The layout that the checkpoints are in, such as 'diffusers'.") var layout: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    for address in checkpoints {
      try console.run { () throws(Diagnostic) in try inspect(address, console) }
    }
  }

  private func inspect(_ address: String, _ console: Console) throws(Diagnostic) {
    if pickleGlobals {
      let names = try PickleGlobals.list(CheckpointAddress(parsing: address).file)
      try console.print(json ? jsonList(names).text() : textList(names, address))
      return
    }
    var reader = try Formats.open(CheckpointAddress(parsing: address))
    if program {
      guard let source = reader.metadata["graft.source"] else {
        throw Diagnostic("inspect.no-program", "'\(address)' was not made by graft", at: Location(reader.file))
      }
      // The text as it was, so that what is printed is the file.
      try console.print(source, terminator: "")
      return
    }
    var options = Compiler.Options()
    options.assumptions = assumptions
    options.layout = layout
    options.leavesOpen = true
    let compiler = Compiler(options: options)
    var model: OpenModel?
    var reason: String?
    do throws(Diagnostic) { model = try compiler.open(.checkpoint(address), randomWeights: false).first } catch {
      // Other advice is for graft files.
      reason = error.message + (error.help.map { $0.contains("--assume") ? " (\($0))" : "" } ?? "")
      console.detail("no model is recognised: \(error.message)")
    }
    // As a layout says, and not as an exporter left them.
    if layout == SelfDescription.ownLayout || layout != nil && model != nil {
      reader = reader.asModel.strippingWrapperPrefixes().reader
    }
    for note in reader.notes { console.note(note) }
    for omission in reader.omissions { console.note("beside tensors and texts the file holds \(omission.text)") }
    console.notes(of: compiler)
    try console.print(json ? jsonReport(reader, model).text() : textReport(reader, model, reason))
  }

  private func jsonReport(_ reader: any CheckpointReader, _ model: OpenModel?) -> JSON {
    let metadata = reader.metadata.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .text($0.value)) }
    return [
      "format": .text(reader.format),
      "model": model.map(self.json) ?? .null,
      "metadata": .object(metadata),
      "tensors": .list(reader.entries.indices.map { json(of: $0, in: reader) }),
    ]
  }

  private func json(of index: Int, in reader: any CheckpointReader) -> JSON {
    let entry = reader.entries[index]
    var members: [JSON.Member] = [
      JSON.Member("name", .text(entry.name)), JSON.Member("path", .list(entry.path.map { .text($0) })),
      JSON.Member("dtype", .text(entry.dtype.safetensorsName ?? entry.dtype.rawValue.uppercased())),
      JSON.Member("shape", .list(entry.shape.axes.map { .int($0) })), JSON.Member("bytes", .int(entry.storedByteCount)),
    ]
    if let blocks = entry.blocks { members.append(JSON.Member("blocks", .text(blocks.rawValue))) }
    if let alias = reader.aliases[index] {
      members.append(JSON.Member("alias", .text(reader.entries[alias.target].name)))
    }
    return .object(members)
  }

  private func jsonList(_ names: [PickledName]) -> JSON {
    [
      "globals": .list(
        names.map {
          [
            "module": .text($0.module), "name": .text($0.name), "allowed": .bool($0.isAllowed),
            "called": .bool($0.isCalled), "offset": .int($0.offset),
          ]
        })
    ]
  }

  private func textList(_ names: [PickledName], _ address: String) -> String {
    guard !names.isEmpty else { return "\(address): no pickle mentions any name" }
    let rows = names.map {
      [
        "\($0.module).\($0.name)", $0.isCalled ? "called" : "mentioned", $0.isAllowed ? "data" : "refused",
        groupedDigits($0.offset),
      ]
    }
    return table(["name", "would be", "graft takes it for", "byte"], rows).joined(separator: "\n")
  }

  private func json(_ model: OpenModel) -> JSON {
    [
      "name": .text(model.name), "arguments": model.argumentValues, "layout": .text(model.layout),
      "parameters": .int(model.summary.parameters), "depth": .int(model.summary.depth),
      "assumed": .list(model.assumed.map { .text($0) }),
      "blocks": .list(
        model.blocks.map { row in
          ["path": .text(row.path), "operator": .text(row.operator), "arguments": row.argumentValues]
        }),
    ]
  }

  private func textReport(_ reader: any CheckpointReader, _ model: OpenModel?, _ reason: String?) -> String {
    var lines = [
      "\(reader.file): \(reader.format), \(groupedDigits(reader.byteCount)) bytes, \(reader.entries.count) tensors"
    ]
    if let model {
      let edits = parsed(reader.metadata["graft.edits"])?.listValue ?? []
      let layout = model.layout == SelfDescription.ownLayout ? "" : ", in layout '\(model.layout)'"
      // The arguments are those that the model was built with, before anything was replaced, removed or made parallel.
      lines.append("model \(edits.isEmpty ? "" : "grafted from ")\(model.name)(\(model.arguments))\(layout)")
      lines.append("  \(groupedDigits(model.summary.parameters)) parameters, depth \(model.summary.depth)")
      for question in model.questions { lines.append("  tensors do not tell, and running needs, \(question)") }
      lines += blockLines(model)
    } else {
      lines.append("no model is recognised" + (reason.map { ": \($0)" } ?? ""))
    }
    lines += graftLines(reader.metadata)
    let long = reader.metadata.filter { !$0.key.hasPrefix("graft.") }
    if !long.isEmpty { lines.append("metadata") }
    for (key, value) in long.sorted(by: { $0.key < $1.key }) {
      let first = value.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init) ?? ""
      lines.append("  \(key): \(first.prefix(100))\(first.count > 100 || value.contains("\n") ? " ..." : "")")
    }
    lines.append("tensors")
    let rows = TensorGroup.groups(of: reader.entries).map {
      [$0.name, $0.blocks?.spelling ?? $0.dtype.rawValue, $0.shape.description, groupedDigits($0.byteCount)]
    }
    lines += table(["name", "dtype", "shape", "bytes"], rows)
    if !reader.aliases.isEmpty {
      lines.append("tied")
      for (index, alias) in reader.aliases.sorted(by: { $0.key < $1.key }) {
        let (entry, target) = (reader.entries[index], reader.entries[alias.target])
        let isWhole = alias.isWhole(entry.shape, ofTarget: target.shape)
        lines.append("  \(entry.name) = \(isWhole ? "" : "a part of ")\(target.name)")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// What graft says of a file that it wrote: graft and settings, base and its hash, edits.
  private func graftLines(_ metadata: [String: String]) -> [String] {
    guard let name = metadata["graft.name"] else { return [] }
    var lines = ["graft \"\(name)\" of \(metadata["graft.file"] ?? "?"), by graft \(metadata["graft.version"] ?? "?")"]
    for (key, value) in parsed(metadata["graft.settings"])?.members?.map({ ($0.name, $0.value.textValue ?? "") }) ?? []
    {
      lines.append("  \(key) = \(value)")
    }
    lines.append("  base  \(metadata["graft.base"] ?? "?")")
    if let file = metadata["graft.base-file"], !file.isEmpty { lines.append("  from  \(file)") }
    if let digest = metadata["graft.source.0.sha256"] { lines.append("  SHA-256  \(digest)") }
    for edit in parsed(metadata["graft.edits"])?.listValue ?? [] {
      let call = edit["operator"]?.textValue ?? ""
      lines.append(
        "  \(edit["word"]?.textValue ?? "?")  \(edit["path"]?.textValue ?? "?")" + (call.isEmpty ? "" : " → \(call)"))
    }
    if let record = parsed(metadata[ComparisonReport.metadataKey]) { lines += verifiedLines(record) }
    return lines
  }

  /// What `verify --record` wrote.
  private func verifiedLines(_ record: JSON) -> [String] {
    let machine = record["machine"]
    let inputs = record["inputs"]?.members?.map { input in
      "\(input.name) \(input.value["dtype"]?.textValue ?? "?")"
        + "[\((input.value["shape"]?.listValue ?? []).map { $0.intValue.map(String.init) ?? "?" }.joined(separator: ", "))]"
    }
    var lines = [
      "  verified  seed \(record["seed"]?.intValue ?? 0), \(inputs?.joined(separator: ", ") ?? "?"), on "
        + "\(machine?["processor"]?.textValue ?? "?"), \(machine?["isa"]?.textValue ?? "?"), "
        + "\(machine?["blas_core"]?.textValue ?? "?"), \(machine?["threads"]?.intValue ?? 0) threads"
    ]
    for output in record["outputs"]?.listValue ?? [] {
      func number(_ name: String) -> String { output[name]?.doubleValue.map { "\($0)" } ?? "?" }
      lines.append(
        "    \(output["path"]?.textValue ?? "?"): max abs \(number("max_abs")), relative L2 \(number("relative_l2")), "
          + (output["exact"] == .bool(true) ? "proved exact" : "not proved exact"))
    }
    return lines
  }

  private func parsed(_ text: String?) -> JSON? { text.flatMap { try? JSON(parsing: $0, file: "metadata") } }

  /// Runs of blocks with equal operators on one line.
  private func blockLines(_ model: OpenModel) -> [String] {
    var order: [String] = []
    var parts: [String: [String]] = [:]
    for row in model.blocks where row.operator != "list" {
      guard let dot = row.path.lastIndex(of: "]") else { continue }
      let block = String(row.path[...dot])
      if parts[block] == nil { order.append(block) }
      let name = row.path[row.path.index(after: dot)...].drop { $0 == "." }
      parts[block, default: []].append((name.isEmpty ? "" : "\(name) = ") + "\(row.operator)(\(row.arguments))")
    }
    var lines: [String] = []
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count, parts[order[end + 1]] == parts[order[start]] { end += 1 }
      let name = start == end ? order[start] : "\(order[start]) ... \(order[end])"
      lines.append("  \(name): " + (parts[order[start]] ?? []).joined(separator: ", "))
      start = end + 1
    }
    return lines
  }
}

extension OpenModel {
  /// The parts of the model's blocks, in order.
  var blocks: [ModelSummary.Row] { summary.operators.filter { $0.path.contains("[") } }
}
