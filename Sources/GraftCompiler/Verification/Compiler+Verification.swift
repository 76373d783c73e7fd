import GraftFormats
public import GraftIR

extension Compiler {
  /// The pairs to verify: one for each variant of a graft file's grafts, or that of a checkpoint and its base.
  ///
  /// A checkpoint's base is the file that `--base` names, else the one that its metadata name, beside the checkpoint or
  /// in the working directory; the file's SHA-256 must be the recorded one.
  ///
  /// - Throws: `verify.expression`, `verify.no-base`, `verify.base-digest`; rules of `weights` and `recognition`.
  public func openPairs(_ address: ModelAddress) throws(Diagnostic) -> [ModelPair] {
    switch address {
    case .graft(let address):
      useSettings(options.settings.map(\.name))
      let grafts = compile(address)
      if let first = diagnostics.inSourceOrder.first(where: { $0.severity == .error }) { throw first }
      return try grafts.map { graft throws(Diagnostic) in try graft.pair() }
    case .checkpoint(let text): return [try onDeepStack { () throws(Diagnostic) in try checkpointPair(text) }]
    case .expression(let address):
      throw Diagnostic(
        "verify.expression", "'\(address.text)' was made from nothing that it could be compared with",
        help: "verify takes a graft file or a checkpoint", category: .usage)
    }
  }

  private func checkpointPair(_ text: String) throws(Diagnostic) -> ModelPair {
    guard let grafted = try open(.checkpoint(text), randomWeights: false).first, let reader = grafted.readers.first
    else { throw Diagnostic("weights.no-file", "there is no file '\(text)'", category: .inputMissing) }
    let metadata = reader.metadata
    let (base, source) = try base(of: text, reader.file, metadata)
    guard let baseSources = base.sources, let sources = grafted.sources else {
      throw Diagnostic("weights.no-file", "there is no file '\(source)'", category: .inputMissing)
    }
    // What the file says of its tensors is not asked: their numbers tell which are the base's.
    var recovery = WeightRecovery(baseSources)
    var baseWeights: [String: WeightExpression] = [:]
    for (name, weight) in base.weights.sorted(by: { $0.key < $1.key }) {
      baseWeights[name] = try recovery.add(name, weight.asWritten)
    }
    var weights: [String: WeightExpression] = [:]
    for (name, weight) in grafted.weights.sorted(by: { $0.key < $1.key }) {
      weights[name] = try recovery.recovered(
        name, try sources.evaluate(weight), weight.numbered(from: baseSources.readers.count))
    }
    return ModelPair(
      checkpoint: text, metadata: metadata, base: base, grafted: grafted, baseSource: source,
      weights: PairedWeights(base: baseWeights, grafted: weights))
  }

  /// The model that a checkpoint was made from, and where its weights are.
  private func base(
    of checkpoint: String, _ file: String, _ metadata: [String: String]
  ) throws(Diagnostic) -> (model: OpenModel, source: String) {
    let evaluator = Evaluator()
    var described = try SelfDescription.module(
      from: metadata, key: SelfDescription.baseArchitectureKey, file: file, evaluator)
    if options.base == "noise" {
      guard var module = described else {
        throw Diagnostic(
          "verify.no-base", "'\(checkpoint)' does not say what it was made from", help: "--base CHECKPOINT",
          category: .inputMissing)
      }
      try module.settleNoise(path: "", seed: metadata["graft.base-seed"].flatMap { UInt64($0) } ?? 0)
      return (
        OpenModel(module, program: try lower(module, evaluator), assumed: [], readers: [], files: []), "seeded weights"
      )
    }
    // A name and no path: what a file says leads nowhere else.
    let recorded = metadata["graft.base-file"].flatMap { $0.isEmpty ? nil : $0.lastPathPart }
    guard let address = options.base ?? recorded.map({ found($0, beside: file) }) else {
      throw Diagnostic(
        "verify.no-base", "'\(checkpoint)' names no checkpoint that it was made from",
        help: "--base CHECKPOINT, or --base noise where its base was noise", category: .inputMissing)
    }
    let checkpoints = Checkpoints { address throws(Diagnostic) in try openCheckpoint(address) }
    guard let opened = try checkpoints.use(address).checkpoint else {
      throw Diagnostic(
        "weights.no-file", "there is no file '\(address)'", at: Location(address),
        help: options.base == nil ? "--base CHECKPOINT says where the original is" : nil, category: .inputMissing)
    }
    for text in opened.notes { note(text) }
    if recorded != nil, let digest = metadata["graft.source.0.sha256"], try Formats.digest(of: opened.reader) != digest
    {
      guard options.base != nil else {
        throw Diagnostic(
          "verify.base-digest", "'\(address)' is not the file that '\(checkpoint)' was made from: its SHA-256 differs",
          at: Location(address), help: "--base CHECKPOINT compares with it all the same")
      }
      note("'\(address)' is not the file that '\(checkpoint)' was made from: its SHA-256 differs")
    }
    if described == nil {
      described = try recognise(opened, Library.prelude, evaluator)
    }
    guard var module = described else { throw Diagnostic("graft.base-model", "a base is a model") }
    try fill(&module, from: opened, number: 0, Library.prelude, at: nil, evaluator)
    return (
      OpenModel(
        module, program: try lower(module, evaluator), assumed: [], readers: checkpoints.readers, files: [address]),
      address
    )
  }

  /// `name` in the folder of `file` where it is there, else as it stands.
  private func found(_ name: String, beside file: String) -> String {
    let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let beside = folder.isEmpty && !file.hasPrefix("/") ? name : folder + "/" + name
    return PathKind(of: CheckpointAddress(parsing: beside).file) == .nothing ? name : beside
  }
}

extension CompiledGraft {
  /// The base model and the grafted one, side by side.
  public func pair() throws(Diagnostic) -> ModelPair {
    let files = checkpoints.sources.map(\.file)
    func opened(_ module: Module) throws(Diagnostic) -> OpenModel {
      let program = try onDeepStack { () throws(Diagnostic) in try lower(module, evaluator) }
      return OpenModel(
        module, program: program, assumed: [], readers: checkpoints.readers, files: files, settings: settings)
    }
    return ModelPair(self, base: try opened(baseArchitecture), grafted: try opened(architecture))
  }
}

extension WeightExpression {
  /// The formula with the type that a checkpoint has it in: what is computed in double precision is written in single.
  fileprivate var asWritten: WeightExpression {
    if isMoved { return self }
    if type.dtype == .f32 { return self }
    return .apply(primitive: "Cast", ["to": .dtype(.f32)], [self], TensorType(.f32, type.axes))
  }
}
