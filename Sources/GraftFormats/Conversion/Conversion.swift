public import GraftIR

/// A checkpoint turned into one of another format: a weight plan without a model.
///
/// Making one reads headers only, and finds what can be wrong; `run` writes.
public struct Conversion: Sendable {
  /// Where each tensor of the output comes from.
  public let plan: WeightPlan
  /// What is known of the changes before a value is read.
  public let ledger: Ledger
  private let reader: any CheckpointReader
  private let path: String
  private let options: ConversionOptions

  /// Plans the conversion of all that `reader` holds to `path`.
  ///
  /// - Throws: rules of the page `convert`, `transfer.format`, and `transfer.own-source`.
  public init(
    _ reader: any CheckpointReader, to path: String, options: ConversionOptions = ConversionOptions()
  ) throws(Diagnostic) {
    let format = try TransferEngine.format(for: path, named: options.format)
    let selection = try ConversionSelection(reader, options, to: format)
    let source = Formats.named(reader.format)
    let tellsTies = !format.keepsAliases && source?.keepsAliases ?? true
    let tellsKeys = !format.keepsKeys && source?.keepsKeys ?? true
    var tensors: [PlannedTensor] = []
    var items: [Ledger.Item] = []
    for number in selection.part.entries.indices {
      let (planned, changes) = selection.plan(number, tellsTies: tellsTies)
      tensors.append(planned)
      if !changes.isEmpty {
        items.append(
          Ledger.Item(name: planned.name, elementCount: planned.shape.elementCount ?? 0, changes: changes))
      }
    }
    for entry in selection.dropped {
      items.append(
        Ledger.Item(name: entry.name, elementCount: entry.shape.elementCount ?? 0, changes: [.dropped]))
    }
    let metadata: [String: String]
    var texts: [Ledger.TextChange]
    (metadata, texts) = Self.metadata(of: reader, to: format, selection)
    if tellsKeys, tensors.contains(where: { !$0.keys.isEmpty }) {
      texts.append(
        Ledger.TextChange(
          name: KeyRecord.key, isAdded: true, reason: "the dictionaries that names begin with, for the way back",
          isLoss: false))
    }
    plan = WeightPlan(
      sources: [WeightPlan.Source(file: reader.file, key: (reader as? SelectedCheckpoint)?.key)], tensors: tensors,
      metadata: metadata)
    let declarations = tensors.map(TensorDeclaration.init)
    ledger = Ledger(
      output: path, format: format.name, tensorCount: tensors.count,
      byteCount: Declarations.byteCount(of: declarations), items: items, texts: texts,
      warnings: selection.unusedRules.map {
        Diagnostic("convert.unused", "\($0) is for no tensor", severity: .warning)
      } + format.lint(declarations, metadata), notes: reader.notes, omissions: reader.omissions)
    self.reader = reader
    self.path = path
    self.options = options
    try TransferEngine.checkSources([reader], areNot: path)
    if options.isStrict, let loss = ledger.firstLoss {
      throw Diagnostic("convert.loss", loss, at: Location(reader.file), help: "without --strict it is told and done")
    }
  }

  /// Writes the output, whole or not at all, and tells what changed. `notes` tell what came of resuming.
  ///
  /// - Throws: rules of the pages `transfer` and `convert`, and of the formats.
  public func run(
    progress: (TransferEngine.Progress) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(Diagnostic) -> (ledger: Ledger, report: TransferReport) {
    var transfer = TransferEngine.Options()
    transfer.format = options.format
    transfer.force = options.force
    transfer.resumes = options.resumes
    transfer.shardByteCount = options.shardByteCount
    transfer.memoryLimit = options.memoryLimit
    transfer.recordsDigests = false  // The metadata are the source's own, so that the way back gives them again.
    transfer.countsCasts = true
    transfer.refusesLosses = options.isStrict
    try TransferEngine.checkOutput(path, options: transfer)
    var result = ledger
    result.candidates = try Candidate.all(in: reader, isCancelled: isCancelled)
    let report = try TransferEngine.run(
      plan, readers: [reader], to: path, options: transfer, progress: progress, isCancelled: isCancelled)
    result.add(report.counts, of: plan)
    return (result, report)
  }

  /// The texts that tell of other texts and of groups, and not of a model.
  private static let keysOfContainers: Set<String> = [GGUFReader.typesKey, HDF5Reader.attributesKey]

  /// The texts of the output, and what became of the source's.
  private static func metadata(
    of reader: any CheckpointReader, to format: Format, _ selection: ConversionSelection
  ) -> ([String: String], [Ledger.TextChange]) {
    let mark = Lint.formatMark
    var metadata = reader.metadata
    var changes: [Ledger.TextChange] = []
    func change(_ name: String, isAdded: Bool, isLoss: Bool, _ reason: String) {
      changes.append(Ledger.TextChange(name: name, isAdded: isAdded, reason: reason, isLoss: isLoss))
    }
    if format.holdsOneTensor {
      for name in metadata.keys.sorted() {
        change(name, isAdded: false, isLoss: name != mark.name, "\(format.name) has no room for metadata")
      }
      return ([:], changes)
    }
    if !selection.keepsNames {
      if let text = metadata[HDF5Reader.attributesKey] {
        let (kept, gone) = HDF5Metadata.attributes(text, without: selection.emptiedGroups(of: reader))
        metadata[HDF5Reader.attributesKey] = kept
        for group in gone {
          change(
            "\(HDF5Reader.attributesKey) of '\(group.shortened)'", isAdded: false, isLoss: false,
            "none of its tensors is there")
        }
      }
      // The model is described by its tensors' names, and would no longer be found under them.
      for name in metadata.keys.sorted() where name.hasPrefix("graft.") && !Self.keysOfContainers.contains(name) {
        metadata[name] = nil
        change(name, isAdded: false, isLoss: false, "it describes tensors by names that are no longer there")
      }
    }
    if format.name == Format.safetensors.name, reader.format == Format.pytorch.name, metadata[mark.name] == nil {
      metadata[mark.name] = mark.text
      change(mark.name, isAdded: true, isLoss: false, "'\(mark.text)', as transformers asks for")
    }
    if format.name == Format.pytorch.name, metadata[mark.name] == mark.text {
      metadata[mark.name] = nil
      change(mark.name, isAdded: false, isLoss: false, "every file of the format says so by itself")
    }
    return (metadata, changes)
  }
}

extension Ledger {
  /// Puts what casts did, by number of the plan's tensor, into the casts that are noted.
  fileprivate mutating func add(_ counts: [Int: CastCounts], of plan: WeightPlan) {
    let numbers = Dictionary(
      items.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    for (index, found) in counts {
      guard let number = numbers[plan.tensors[index].name] else { continue }
      items[number].changes = items[number].changes.map { change in
        switch change {
        case .cast(let from, let to, _): return .cast(from: from, to: to, found)
        case .packed(let from, let blocks, _): return .packed(from: from, into: blocks, found)
        case .unpacked, .unfit, .renamed, .unnamed, .alias, .untied, .reordered, .transposed, .reshaped,
          .dropped:
          return change
        }
      }
    }
  }
}
