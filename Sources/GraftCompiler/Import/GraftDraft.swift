import GraftFormats
import GraftIR

/// A graft that is being put together from a configuration.
struct GraftDraft {
  let name: String
  /// The configuration's file, without its folder.
  let source: String
  /// The call of the base, and the file of its weights.
  let model: String
  let checkpoint: String?
  /// The path of the part that is replaced, with `{i}` for the block.
  let part: String
  let call: OperatorCall
  let blocks: [Int]
  /// Labels of implied arguments that have to be said.
  var spelled: Set<String> = []
  /// The file that holds the whole grafted model; the files of the operators otherwise.
  var whole: String?
  var weights = WeightFiles([])
  /// What `graftc sample` is to be told.
  var options = ""
  /// The arguments of `finetune`.
  var training: [(label: String, value: String)] = []

  /// The name under which diagnostics show the text.
  var file: String { name + ".graft" }

  /// The graft file.
  var text: String {
    let table = ImportTable.shared
    var lines = ["/// As \(source) says." + (options.isEmpty ? "" : " Samples are drawn with \(options).")]
    lines.append("graft \(quoted(name)) {")
    if let checkpoint, whole == nil {
      lines.append("    base \(model) from \(quoted(checkpoint))")
    } else {
      // What is loaded as a whole needs no other file first.
      lines.append("    base \(model) fresh")
    }
    lines.append("")
    let operatorCall = call.text(spelling: spelled)
    var rest = Set(blocks)
    for group in weights.groups {
      rest.subtract(group.indices)
      let pieces = group.pieces.map(escaped)
      let file = "\"" + pieces.joined(separator: "\\(i)") + ":\(table.key("weights_part"))\""
      let index = group.pieces.count > 1 ? "i in \(list(group.indices))" : indexListText(group.indices)
      lines.append("    replace \(path(index)) with \(operatorCall) starting from \(file)")
    }
    if !rest.isEmpty {
      lines.append("    replace \(path(indexListText(rest.sorted()))) with \(operatorCall) starting fresh")
    }
    if let whole {
      lines.append("    replace model with old starting from \(quoted(whole + ":" + table.key("checkpoint_part")))")
    }
    if !training.isEmpty {
      lines.append("    finetune(" + training.map { "\($0.label): \($0.value)" }.joined(separator: ", ") + ")")
    }
    if lines.last != "" { lines.append("") }
    lines.append("    emit \(quoted(name + ".safetensors"))")
    return (lines + ["}", ""]).joined(separator: "\n")
  }

  private func path(_ index: String) -> String { part.replacing("{i}", with: index) }

  /// Indices as a value: one run as it is, several numbers as a list.
  private func list(_ indices: [Int]) -> String {
    let text = indexListText(indices)
    return text.contains("...") && !text.contains(",")
      ? text : "[" + indices.map(String.init).joined(separator: ", ") + "]"
  }

  private func quoted(_ text: String) -> String { "\"" + escaped(text) + "\"" }

  private func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      .replacing("\t", with: "\\t")
  }

  /// Sees that every text can stand in a graft.
  ///
  /// - Throws: `import.text`.
  func checkTexts(at place: Location) throws(Diagnostic) {
    for text in [name, source, whole ?? ""] + weights.groups.flatMap(\.pieces) {
      if text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
        throw Diagnostic("import.text", "a name holds control characters, which no graft text does", at: place)
      }
    }
  }

  /// Labels of arguments that have another value in `graft` than the configuration gives.
  func differing(from graft: CompiledGraft) -> Set<String> {
    guard let block = blocks.first, let row = graft.grafted.operators.first(where: { $0.path == path(String(block)) })
    else { return [] }
    return Set(
      call.arguments.filter { argument in
        row.argumentValues[argument.label].map { !OperatorCall.isEqual($0, argument.value) } ?? true
      }.map(\.label))
  }
}
