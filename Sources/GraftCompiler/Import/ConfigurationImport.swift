public import GraftIR

/// A published YAML configuration as a graft: which blocks of which model another operator takes, and from which
/// weights.
///
///     operator:       { type, name, config_filepath }      the part, the operator, and the file of its arguments
///     sample_config:  { dit_model_name, image_size, graft_indexes, graft_weights, ... }      or train_config
///
/// What the published code does wrong with a configuration is reported, and done right. `specs/import.md` has the
/// rules.
public struct ConfigurationImport {
  /// Graft text that compiles; `nil` where `diagnostics` have errors.
  public private(set) var text: String?
  /// What is wrong, and what was left out or mended.
  public private(set) var diagnostics = Diagnostics()
  /// The texts that diagnostics point into.
  public private(set) var sources: [SourceText] = []

  private var path: String
  private var operatorFile: String?
  private var read: Library.ReadFile

  /// Imports the configuration at `path`; `operatorFile` takes the place of the operator's configuration that it names.
  public init(_ path: String, operatorFile: String? = nil) {
    self.init(path, operatorFile: operatorFile) { path throws(Diagnostic) in try TextFile.read(path) }
  }

  package init(_ path: String, operatorFile: String? = nil, read: @escaping Library.ReadFile) {
    self.path = path
    self.operatorFile = operatorFile
    self.read = read
    var copy = self
    let failure: Diagnostic? = withDeepStack {
      do throws(Diagnostic) { try copy.run() } catch { return error }
      return nil
    }
    if let failure { copy.diagnostics.report(failure) }
    if copy.diagnostics.hasErrors { copy.text = nil }
    self = copy
  }

  private var table: ImportTable { .shared }

  private mutating func run() throws(Diagnostic) {
    guard let root = try load(path) else {
      throw Diagnostic("import.missing", "there is no file '\(path)'", at: Location(path), category: .inputMissing)
    }
    let section = try section(of: root)
    let name = try required(table.key("operator", "name"), of: try required(table.key("operator", "section"), of: root))
    let part = try part(root)
    let model = try model(section.value)
    let configuration = try operatorConfiguration(root)
    let call = try OperatorCall(name, configuration, &diagnostics)
    let blocks = try blocks(section.value)
    var draft = GraftDraft(
      name: stem, source: path.lastPathPart, model: model.call, checkpoint: model.checkpoint, part: part, call: call,
      blocks: blocks)
    draft.whole = whole(section)
    if draft.whole == nil { draft.weights = try weights(section.value, blocks) }
    draft.options = options(section)
    draft.training = training(root, section)
    reportUnknownKeys(root, section)
    if diagnostics.hasErrors { return }
    try finish(&draft)
  }

  /// The file's name without folder and extension.
  private var stem: String {
    let name = path.lastPathPart
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }

  private mutating func load(_ path: String) throws(Diagnostic) -> YAMLValue? {
    guard let bytes = try read(path) else { return nil }
    let source = try SourceText(file: path, bytes: bytes)
    sources.append(source)
    return try YAMLValue(source)
  }

  private func required(_ key: String, of map: YAMLValue) throws(Diagnostic) -> YAMLValue {
    guard let value = map[key] else {
      throw Diagnostic("import.missing-key", "'\(key)' is missing", at: map.at)
    }
    return value
  }

  private func text(_ key: String, of map: YAMLValue) throws(Diagnostic) -> (text: String, at: Location) {
    let value = try required(key, of: map)
    guard let text = value.text else { throw Diagnostic("import.value", "'\(key)' is a text", at: value.at) }
    return (text, value.at)
  }

  // MARK: Sections

  private typealias Section = (rule: ImportTable.Section, value: YAMLValue)

  private func section(of root: YAMLValue) throws(Diagnostic) -> Section {
    let names = table.sections.map { "'\($0.name)'" }.joined(separator: " or ")
    for rule in table.sections {
      if let value = root[rule.name] {
        guard value.entries != nil else {
          throw Diagnostic("import.value", "'\(rule.name)' is a map", at: value.at)
        }
        return (rule, value)
      }
    }
    let keys = root.entries?.map(\.key) ?? []
    let isOperator =
      !keys.isEmpty
      && table.operators.contains { item in
        keys.allSatisfy { key in item.keys.contains { $0.name == key } }
      }
    throw Diagnostic(
      "import.section", "a configuration has '\(table.key("operator", "section"))' and \(names)", at: root.at,
      help: isOperator ? "this is an operator's configuration; import the one that names it" : nil)
  }

  private func part(_ root: YAMLValue) throws(Diagnostic) -> String {
    let section = try required(table.key("operator", "section"), of: root)
    let (type, at) = try text(table.key("operator", "type"), of: section)
    guard let part = table.parts.first(where: { $0.type == type }) else {
      let known = table.parts.map { "'\($0.type)'" }.joined(separator: " or ")
      throw Diagnostic("import.operator", "'\(type)' is no part that is replaced: \(known)", at: at)
    }
    return part.path
  }

  private func model(_ section: YAMLValue) throws(Diagnostic) -> (call: String, checkpoint: String?) {
    let (name, at) = try text(table.key("model"), of: section)
    let image = try required(table.key("image"), of: section)
    guard let size = image.json.intValue, (1...1 << 16).contains(size) else {
      throw Diagnostic("import.value", "'\(table.key("image"))' is a whole number of pixels", at: image.at)
    }
    guard let model = table.models.first(where: { $0.name == name }) else {
      let hint = suggestion(for: name, among: table.models.map(\.name))
      throw Diagnostic(
        "import.model", "'\(name)' is no model that graft imports", at: at, label: hint.map { "did you mean '\($0)'?" })
    }
    func filled(_ text: String) -> String { text.replacing("{image}", with: String(size)) }
    return (filled(model.call), model.checkpoint.map(filled))
  }

  /// The arguments of the operator: in the file that is named, looked for from the working directory, from the folder
  /// of the configuration and from those around it, or in the section itself.
  private mutating func operatorConfiguration(_ root: YAMLValue) throws(Diagnostic) -> YAMLValue {
    let section = try required(table.key("operator", "section"), of: root)
    if let operatorFile {
      guard let value = try load(operatorFile) else {
        throw Diagnostic(
          "import.no-config", "there is no file '\(operatorFile)'", at: Location(operatorFile), category: .inputMissing)
      }
      return value
    }
    let (file, at) = try text(table.key("operator", "file"), of: section)
    var folder = path[...]
    var candidates = [file]
    while !file.hasPrefix("/"), candidates.count < 16, let slash = folder.lastIndex(of: "/") {
      folder = folder[..<slash]
      candidates.append(folder + "/" + file)
    }
    for candidate in candidates { if let value = try load(candidate) { return value } }
    throw Diagnostic(
      "import.no-config", "the operator's configuration '\(file)' is not there", at: at,
      help: "name the one that is meant: --operator-config FILE", category: .inputMissing)
  }

  // MARK: Blocks and weights

  /// The blocks that are replaced, ascending; none where nothing is said.
  private mutating func blocks(_ section: YAMLValue) throws(Diagnostic) -> [Int] {
    let key = table.key("indices")
    let value = try required(key, of: section)
    if value.isNull { return [] }
    guard let items = value.items else { throw Diagnostic("import.value", "'\(key)' is a list", at: value.at) }
    var blocks: Set<Int> = []
    for item in items {
      guard let index = item.json.intValue, index >= 0 else {
        throw Diagnostic("import.value", "'\(key)' holds whole numbers from 0", at: item.at)
      }
      if !blocks.insert(index).inserted {
        diagnostics.report(
          Diagnostic("import.fault", "block \(index) is named twice", at: item.at, severity: .warning))
      }
    }
    return blocks.sorted()
  }

  /// The file of each block, as few texts.
  private mutating func weights(_ section: YAMLValue, _ blocks: [Int]) throws(Diagnostic) -> WeightFiles {
    let key = table.key("weights")
    guard let value = section[key], !value.isNull else { return WeightFiles([]) }
    var entries = value.entries ?? []
    if let items = value.items {
      entries = items.flatMap { $0.entries ?? [] }
      guard entries.count == items.count else {
        throw Diagnostic("import.value", "'\(key)' is a map of blocks to files", at: value.at)
      }
      diagnostics.report(
        Diagnostic(
          "import.fault",
          "'\(key)' is a list of maps: the published loader finds no block in it and leaves all of them without weights",
          at: value.at, help: "the graft loads them", severity: .warning))
    } else if value.entries == nil {
      throw Diagnostic("import.value", "'\(key)' is a map of blocks to files", at: value.at)
    }
    var files: [(index: Int, file: String)] = []
    var places: [Int: Location] = [:]
    for entry in entries {
      guard let index = Int(entry.key), index >= 0, let file = entry.value.text else {
        throw Diagnostic("import.value", "'\(key)' names a file for the number of a block", at: entry.at)
      }
      guard blocks.contains(index), places[index] == nil else {
        let reason = places[index] == nil ? "is not replaced" : "has weights already"
        diagnostics.report(
          Diagnostic("import.weights", "block \(index) \(reason)", at: entry.at, severity: .warning))
        continue
      }
      places[index] = entry.value.at
      files.append((index, file))
    }
    let result = WeightFiles(files)
    for slip in result.slips {
      diagnostics.report(
        Diagnostic(
          "import.fault", "block \(slip.index) has the file of another block: '\(slip.file)'",
          at: places[slip.index], help: "the graft takes '\(slip.meant)'", severity: .warning))
    }
    let without = blocks.filter { places[$0] == nil }
    if !files.isEmpty, !without.isEmpty {
      diagnostics.report(
        Diagnostic(
          "import.weights", "no weights are named for blocks \(indexListText(without)), which start fresh",
          at: value.at,
          severity: .warning))
    }
    return result
  }

  /// The file that holds every tensor of the grafted model.
  private func whole(_ section: Section) -> String? {
    // Python's `None` is a text to YAML.
    guard let text = section.value[section.rule.checkpoint]?.text, !text.isEmpty, text != "None" else { return nil }
    return text
  }

  // MARK: What else it says

  /// What `graftc sample` is to be told.
  private func options(_ section: Section) -> String {
    var options: [String] = []
    for key in section.rule.keys {
      guard let option = key.option, let value = section.value[key.name]?.json, value.doubleValue != nil else {
        continue
      }
      options.append("\(option) \(value.text())")
    }
    return options.joined(separator: " ")
  }

  /// The arguments of `finetune`, where the configuration trains.
  private func training(_ root: YAMLValue, _ section: Section) -> [(label: String, value: String)] {
    var given: [String: YAMLValue] = [:]
    for key in section.rule.keys {
      if let label = key.training, let value = section.value[key.name] { given[label] = value }
    }
    guard !given.isEmpty else { return [] }
    let data = root[table.key("data", "section")]
    func count(_ key: String) -> Int? { data?[table.key("data", key)]?.json.intValue.flatMap { $0 > 0 ? $0 : nil } }
    var result: [(label: String, value: String)] = []
    if let samples = count("samples") {
      result.append(("samples", String(samples)))
      if let one = count("batch"), let workers = count("workers") {
        let batch = one.multipliedClamped(by: workers)
        result.append(("batch", String(batch)))
        if let epochs = given["epochs"]?.json.intValue, epochs > 0 {
          result.append(("steps", String(samples.multipliedClamped(by: epochs) / batch)))
        }
      }
    }
    if let rate = given["rate"]?.json, let value = rate.doubleValue, value > 0 { result.append(("rate", rate.text())) }
    return result
  }

  private mutating func reportUnknownKeys(_ root: YAMLValue, _ section: Section) {
    func report(_ entry: (key: String, at: Location, value: YAMLValue), _ known: [String]) {
      let hint = suggestion(for: entry.key, among: known)
      diagnostics.report(
        Diagnostic(
          "import.unknown-key", "'\(entry.key)' means nothing to graft and is left out", at: entry.at,
          label: hint.map { "did you mean '\($0)'?" }, severity: .warning))
    }
    let operatorKey = table.key("operator", "section")
    let sections = [operatorKey, table.key("data", "section")] + table.sections.map(\.name) + table.otherSections
    for entry in root.entries ?? [] where !sections.contains(entry.key) { report(entry, sections) }
    let operatorKeys = ["type", "name", "file"].map { table.key("operator", $0) }
    for entry in root[operatorKey]?.entries ?? [] where !operatorKeys.contains(entry.key) {
      report(entry, operatorKeys)
    }
    let keys =
      ["model", "image", "indices", "weights"].map { table.key($0) } + [section.rule.checkpoint]
      + section.rule.keys.map(\.name)
    for entry in section.value.entries ?? [] where !keys.contains(entry.key) { report(entry, keys) }
    for key in section.rule.keys {
      OperatorCall.check(key, section.value[key.name], section.value, section.rule.name, &diagnostics)
    }
  }

  // MARK: The graft

  /// Spells what the place of the operator does not give by itself, and sees that the graft compiles.
  private mutating func finish(_ draft: inout GraftDraft) throws(Diagnostic) {
    try draft.checkTexts(at: Location(path))
    var compiled = compile(draft)
    if let graft = compiled.graft {
      draft.spelled = draft.differing(from: graft)
    } else {
      draft.spelled = Set(draft.call.arguments.map(\.label))
    }
    if !draft.spelled.isEmpty { compiled = compile(draft) }
    guard let graft = compiled.graft, draft.differing(from: graft).isEmpty else {
      sources.append(SourceText(file: draft.file, text: draft.text))
      diagnostics.report(compiled.diagnostics)
      if compiled.graft != nil {
        throw Diagnostic("graft.defect", "an argument of '\(draft.call.name)' has no effect", category: .defect)
      }
      return
    }
    text = formatted(SourceText(file: draft.file, text: draft.text), into: &diagnostics)
  }

  private func compile(_ draft: GraftDraft) -> (graft: CompiledGraft?, diagnostics: Diagnostics) {
    var options = Compiler.Options()
    options.base = "noise"
    let compiler = Compiler(options: options) { _ throws(Diagnostic) in Array(draft.text.utf8) }
    let graft = compiler.compile(file: draft.file).first
    return (graft, compiler.diagnostics)
  }
}
