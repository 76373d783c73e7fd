import GraftIR

/// The tensors that a conversion takes, with their new names and types.
struct ConversionSelection {
  /// What is taken, under its old names.
  let part: SelectedCheckpoint
  /// What is left out.
  let dropped: [TensorEntry]
  /// Whether every tensor of the source is there under its old name.
  let keepsNames: Bool
  /// The options that are for no tensor.
  let unusedRules: [String]
  private let holdsOneTensor: Bool
  private let names: [String]
  private let forms: [Form]
  /// The dictionaries of the source, by their joined keys.
  private let dictionaries: [String: [String]]
  /// For each tensor of the part, what it is tied to in the output.
  private let aliases: [Int: TensorAlias]

  /// - Throws: `convert.nothing`, `convert.one-tensor`, `convert.name-clash`, `convert.cast`, `convert.pattern`.
  init(_ reader: any CheckpointReader, _ options: ConversionOptions, to format: Format) throws(Diagnostic) {
    var indices: [Int] = []
    var dropped: [TensorEntry] = []
    for (index, entry) in reader.entries.enumerated() {
      let isIncluded = options.includes.isEmpty || options.includes.contains { $0.matches(entry.name) }
      let isTaken = isIncluded && !options.excludes.contains { $0.matches(entry.name) }
      if isTaken { indices.append(index) } else { dropped.append(entry) }
    }
    guard !indices.isEmpty || reader.entries.isEmpty else {
      throw Diagnostic(
        "convert.nothing", "of the \(reader.entries.count) tensors of '\(reader.file)' none is left",
        at: Location(reader.file), help: "a pattern has to match a whole name: 'model/*', '*.weight'",
        category: .usage)
    }
    guard !format.holdsOneTensor || indices.count == 1 else {
      throw Diagnostic(
        "convert.one-tensor", "\(format.name) holds one tensor, and \(indices.count) are to be written",
        at: Location(reader.file), help: "take one with --include, or write another format", category: .usage)
    }
    part = SelectedCheckpoint(reader, key: nil, entries: indices.map { reader.entries[$0] }, indices: indices)
    self.dropped = dropped
    holdsOneTensor = format.holdsOneTensor
    var (usedRenames, usedDTypes): (Set<Int>, Set<Int>) = ([], [])
    names =
      format.holdsOneTensor
      ? [""] : try Self.names(of: part.entries, options.renames, file: reader.file, used: &usedRenames)
    forms = try Self.forms(of: part.entries, options.dtypes, to: format, file: reader.file, used: &usedDTypes)
    func unused(_ option: String, _ patterns: [NamePattern]) -> [String] {
      patterns.filter { pattern in !reader.entries.contains { pattern.matches($0.name) } }.map {
        "\(option) '\($0.text)'"
      }
    }
    let renames = format.holdsOneTensor ? [] : options.renames.enumerated().filter { !usedRenames.contains($0.offset) }
    unusedRules =
      unused("--include", options.includes) + unused("--exclude", options.excludes)
      + renames.map { "--rename '\($0.element.text)'" }
      + options.dtypes.enumerated().filter { !usedDTypes.contains($0.offset) }.map { "--dtype '\($0.element.text)'" }
    var dictionaries: [String: [String]] = [:]
    for entry in reader.entries where entry.path.count > 1 {
      let keys = Array(entry.path.dropLast())
      dictionaries[keys.joined(separator: "/")] = keys
    }
    self.dictionaries = dictionaries
    let forms = forms
    let entries = part.entries
    aliases = part.aliases.filter { index, alias in
      // Elements that share a byte are not counted from the start of another tensor.
      let isWhole = alias.isWhole(entries[index].shape, ofTarget: entries[alias.target].shape)
      return forms[index].dtype == forms[alias.target].dtype && (isWhole || forms[index].dtype.byteWidth != nil)
    }
    keepsNames = dropped.isEmpty && zip(part.entries, names).allSatisfy { $0.name == $1 }
  }

  /// The groups that hold a tensor of `reader` and none of the output, themselves or by a group in them.
  func emptiedGroups(of reader: any CheckpointReader) -> Set<String> {
    func groups(of names: [String]) -> Set<String> {
      var groups: Set<String> = []
      for name in names {
        var end = name.endIndex
        while let slash = name[..<end].lastIndex(of: "/") {
          // Who has the inner group has the outer ones.
          guard groups.insert(String(name[..<slash])).inserted else { break }
          end = slash
        }
      }
      return groups
    }
    return groups(of: reader.entries.map(\.name)).subtracting(groups(of: names))
  }

  /// Tensor `number` of the part as it is written, and what happens to it. A tie that stays one is told of where
  /// `tellsTies` says so.
  func plan(_ number: Int, tellsTies: Bool) -> (PlannedTensor, [Ledger.Change]) {
    let entry = part.entries[number]
    let source = SourceTensor(source: 0, entry)
    var planned = PlannedTensor(
      name: names[number], dtype: forms[number].dtype, shape: entry.shape, expression: .source(source), origin: .kept,
      alias: aliases[number])
    planned.keys = dictionaries.keys(of: names[number])
    planned.blocks = aliases[number] == nil ? forms[number].blocks : nil
    planned.keepsBlocks = forms[number].isCarried
    var changes: [Ledger.Change] = []
    if names[number] != entry.name {
      changes.append(holdsOneTensor ? .unnamed(from: entry.name) : .renamed(from: entry.name))
    }
    if let alias = part.aliases[number] {
      let target = names[alias.target]
      if aliases[number] == nil { changes.append(.untied(from: target)) }
      if aliases[number] != nil && tellsTies { changes.append(.alias(of: target)) }
    }
    switch part.arrangement(at: number) {
    case .plain, .bigEndian, .compressed: break
    case .strided: if aliases[number] == nil { changes.append(.reordered) }
    case .firstAxisFastest: changes.append(.transposed)
    }
    return (planned, changes + formChanges(of: number))
  }

  /// What the tensor's values go through.
  private func formChanges(of number: Int) -> [Ledger.Change] {
    let (entry, form) = (part.entries[number], forms[number])
    let counts = aliases[number] == nil ? CastCounts() : nil
    var changes: [Ledger.Change] = []
    if let blocks = form.unfit, let reason = blocks.obstacle(to: entry.shape) {
      changes.append(.unfit(blocks, reason: reason))
    }
    guard !form.isCarried else { return changes }
    if let blocks = entry.blocks { changes.append(.unpacked(from: blocks)) }
    if let blocks = form.blocks {
      changes.append(.packed(from: entry.dtype, into: blocks, counts))
    } else if form.dtype != entry.dtype {
      changes.append(.cast(from: entry.dtype, to: form.dtype, counts))
    }
    return changes
  }

  private static func names(
    of entries: [TensorEntry], _ rules: [RenameRule], file: String, used: inout Set<Int>
  ) throws(Diagnostic) -> [String] {
    var names: [String] = []
    var owners: [String: String] = [:]
    var budget = RenameRule.stepLimit
    for entry in entries {
      var name = entry.name
      for (index, rule) in rules.enumerated().reversed() {
        guard let new = try rule.newName(for: entry.name, budget: &budget) else { continue }
        used.insert(index)
        name = new
        break
      }
      if let other = owners.updateValue(entry.name, forKey: name) {
        throw Diagnostic(
          "convert.name-clash",
          "'\(other.shortened)' and '\(entry.name.shortened)' would both be called '\(name.shortened)'",
          at: Location(file, tensor: entry.name), category: .usage)
      }
      names.append(name)
    }
    return names
  }

  /// How a tensor's values are written.
  private struct Form {
    var dtype: DType
    var blocks: BlockType?
    /// Whether the blocks are the source's own.
    var isCarried = false
    /// Blocks that a rule says and that do not fit.
    var unfit: BlockType?
  }

  private static func forms(
    of entries: [TensorEntry], _ rules: [DTypeRule], to format: Format, file: String, used: inout Set<Int>
  ) throws(Diagnostic) -> [Form] {
    for case let blocks? in rules.map(\.blocks) {
      if let obstacle = blocks.obstacle(in: format, for: entries.map(\.shape)) {
        throw Diagnostic("convert.blocks", obstacle.message, at: Location(file), help: obstacle.help, category: .usage)
      }
    }
    var forms: [Form] = []
    for entry in entries {
      let number = rules.lastIndex { $0.target(for: entry.name, entry.dtype) != nil }
      if let number { used.insert(number) }
      forms.append(try form(of: entry, number.map { rules[$0] }, format, file))
    }
    return forms
  }

  private static func form(
    of entry: TensorEntry, _ rule: DTypeRule?, _ format: Format, _ file: String
  ) throws(Diagnostic) -> Form {
    guard let rule else {
      return Form(
        dtype: entry.dtype, blocks: format.holdsBlocks ? entry.blocks : nil,
        isCarried: format.holdsBlocks && entry.blocks != nil)
    }
    if let kind = rule.blocks {
      if kind == entry.blocks { return Form(dtype: .f32, blocks: kind, isCarried: true) }
      let isNamed = rule.pattern?.isPlainName == true
      if kind.fits(entry.shape), entry.dtype.isFloatingPoint, isNamed || entry.shape.rank >= 2 {
        return Form(dtype: .f32, blocks: kind)
      }
      guard isNamed else {
        return Form(dtype: entry.dtype, blocks: entry.blocks, isCarried: entry.blocks != nil, unfit: kind)
      }
      throw Diagnostic(
        "convert.blocks",
        "'\(entry.name.shortened)' of \(entry.dtype) \(entry.shape) does not fill \(kind.rawValue), blocks of \(kind.elementCount) floats",
        at: Location(file, tensor: entry.name), category: .usage)
    }
    let target = rule.dtype
    let count = entry.shape.elementCount ?? 0
    guard target == entry.dtype || (Cast(from: entry.dtype, to: target) != nil && target.byteCount(of: count) != nil)
    else {
      throw Diagnostic(
        "convert.cast",
        "'\(entry.name.shortened)' of \(entry.dtype) \(entry.shape) cannot become \(target)"
          + (target.byteWidth == nil ? ", whose elements would not fill whole bytes" : ""),
        at: Location(file, tensor: entry.name), category: .usage)
    }
    return Form(dtype: target)
  }
}
