public import GraftFormats
public import GraftIR

/// A graft that was checked to the end: what it makes, from what, and what that costs.
public final class CompiledGraft {
  /// One file to write.
  public struct Emit {
    /// The path of the file, as seen from the working directory.
    public let file: String
    /// Where the graft says it.
    public let at: Location
    let types: EmittedTypes
    package let layout: LayoutSymbol?
    /// The most bytes of tensors in one file, or `nil` for one file.
    public let shardByteCount: Int?

    /// The name of the layout; `model` where tensors are called as the model calls them.
    public var layoutName: String { layout?.name ?? SelfDescription.ownLayout }

    /// The type of every tensor, as the graft spells it, or `nil` to keep each as it is.
    public var type: String? { types.general?.text }

    /// Types that parts have instead, by the path that names of their tensors begin with; the last that fits counts.
    public var exceptions: [(path: String, type: String)] { types.special.map { ($0.prefix, $0.type.text) } }

    /// The type of the numbers of the tensor called `name`, or `nil` for its own.
    public func dtype(of name: String) -> DType? {
      switch types.type(of: name) {
      case .dtype(let dtype): dtype
      case .blocks: .f32
      case nil: nil
      }
    }
  }

  /// What a statement did to one part.
  public struct Edit: Sendable, Hashable {
    /// The statement's first word: `replace`, `remove` or `parallelize`.
    public let word: String
    /// As a graft writes it: `blocks[3].attn`.
    public let path: String
    /// The call of the operator that stands there now; empty where nothing does.
    public let `operator`: String
    /// How many tensors start in each way, by `WeightOrigin.rawValue`.
    public let starts: [String: Int]
    /// Of a level that `parallelize` made: for each branch, what runs there, by its place in the base model.
    public let branches: [String]
  }

  /// The graft's name.
  public let name: String
  /// The values of the graft's parameters that `--set` gave.
  public let settings: [(name: String, value: String)]
  /// The graft file.
  public let file: String
  /// The whole text of the graft file.
  public let source: String
  /// The base model as a call with every argument said.
  public let baseText: String
  /// The figures of the base model.
  public let base: ModelSummary
  /// The figures of what the statements made of it; bytes as the first `emit` writes them.
  public let grafted: ModelSummary
  /// What the statements did, in order, one for each part.
  public let edits: [Edit]
  /// The files to write, in order.
  public let emits: [Emit]
  /// The conditions that `require` states, as they are written.
  public let requirements: [String]
  /// Those that do not hold; a graft with any is planned, and never compiled.
  public let failedRequirements: [String]
  /// The files that the plan reads and that are not there, those of one line of the graft together.
  public let missingFiles: [MissingFiles]
  package let architecture: Module
  package let baseArchitecture: Module
  /// The checkpoint of the base as the graft or `--base` names it; `nil` where its weights are drawn.
  let baseFile: String?
  /// The seed of a base whose weights are seeded noise.
  let noiseSeed: UInt64?
  let checkpoints: Checkpoints
  let evaluator: Evaluator

  init(
    name: String, settings: [(String, String)], file: String, source: String, baseText: String, baseFile: String?,
    noiseSeed: UInt64?, architecture: Module, baseArchitecture: Module, base: ModelSummary, grafted: ModelSummary,
    edits: [PlannedEdit],
    emits: [Emit], requirements: [String], failedRequirements: [String], missingFiles: [MissingFiles],
    checkpoints: Checkpoints, evaluator: Evaluator
  ) {
    self.name = name
    self.settings = settings
    self.file = file
    self.source = source
    self.baseText = baseText
    self.baseFile = baseFile
    self.noiseSeed = noiseSeed
    self.baseArchitecture = baseArchitecture
    self.architecture = architecture
    self.base = base
    self.grafted = grafted
    self.edits = edits.map { edit in
      Edit(
        word: edit.word, path: edit.path, operator: edit.operatorText,
        starts: Dictionary(uniqueKeysWithValues: edit.starts.map { ($0.origin.rawValue, $0.tensors) }),
        branches: edit.branches)
    }
    self.emits = emits
    self.requirements = requirements
    self.failedRequirements = failedRequirements
    self.missingFiles = missingFiles
    self.checkpoints = checkpoints
    self.evaluator = evaluator
  }

  /// The checkpoints that the plan reads, by their number; `nil` where a file is not there.
  public var readers: [(any CheckpointReader)?] { checkpoints.readers }

  /// The graphs of every entry.
  public func program() throws(Diagnostic) -> Program {
    try onDeepStack { () throws(Diagnostic) in try lower(architecture, evaluator) }
  }

  /// Where each tensor of the output comes from. `emit` decides the types; without one tensors keep their own.
  public func weightPlan(for emit: Emit?) throws(Diagnostic) -> WeightPlan {
    if let layout = emit?.layout {
      return try onDeepStack { () throws(Diagnostic) in
        let map = try LayoutMap(layout, of: self.architecture, self.evaluator)
        return try self.weightPlan(for: emit, through: map, try self.metadata(layout))
      }
    }
    var tensors: [PlannedTensor] = []
    architecture.forEachParameter { name, parameter in
      guard let weight = parameter.weight else { return }
      let types = emit?.types ?? EmittedTypes()
      let form = types.form(of: name, parameter, parameter.shape)
      var planned = PlannedTensor(
        name: name, dtype: form.dtype, shape: parameter.shape, expression: weight, origin: parameter.origin)
      planned.blocks = form.blocks
      planned.keepsBlocks = types.type(of: name) == nil
      tensors.append(planned)
    }
    return WeightPlan(sources: checkpoints.sources, tensors: tensors, metadata: try metadata(nil))
  }

  /// The tensors that `emit` does not put into the blocks that it asks for: how many, the first one's name and the
  /// reason, those of one reason together.
  public func unfit(for emit: Emit) throws(Diagnostic) -> [(blocks: BlockType, reason: String, names: [String])] {
    var groups: [(blocks: BlockType, reason: String, names: [String])] = []
    for tensor in try weightPlan(for: emit).tensors where tensor.blocks == nil {
      guard case .blocks(let blocks) = emit.types.type(of: tensor.name), let reason = blocks.obstacle(to: tensor.shape)
      else { continue }
      if let index = groups.firstIndex(where: { $0.blocks == blocks && $0.reason == reason }) {
        groups[index].names.append(tensor.name)
      } else {
        groups.append((blocks, reason, [tensor.name]))
      }
    }
    return groups
  }

  /// The same for tensors as a layout has them.
  private func weightPlan(
    for emit: Emit?, through map: LayoutMap, _ metadata: [String: String]
  ) throws(Diagnostic) -> WeightPlan {
    var parameters: [String: ModuleParameter] = [:]
    var omissions: [WeightPlan.Omission] = []
    architecture.forEachParameter { name, parameter in
      parameters[name] = parameter
      guard map.omitted.contains(name), let weight = parameter.weight else { return }
      omissions.append(
        WeightPlan.Omission(
          name: name, expression: weight, expected: freshWeight(parameter, name: name, seed: 0),
          form: "layout '\(map.name)'"))
    }
    var tensors: [PlannedTensor] = []
    for stored in map.stored {
      let shape = stored.formula.type.shape ?? []
      var types: Set<DType> = []
      var blocks: Set<BlockType?> = []
      var isLeftAlone = true
      var origin: WeightOrigin?
      let expression = try stored.formula.substituting { (tensor) throws(Diagnostic) in
        guard let parameter = parameters[tensor.name], let weight = parameter.weight else {
          throw Diagnostic("graft.defect", "'\(tensor.name)' holds nothing", category: .defect)
        }
        // What fills blocks is the tensor as it is stored, which may be turned.
        let form = (emit?.types ?? EmittedTypes()).form(of: tensor.name, parameter, shape)
        types.insert(form.dtype)
        blocks.insert(form.blocks)
        if emit?.types.type(of: tensor.name) != nil { isLeftAlone = false }
        origin = origin ?? parameter.origin
        return weight
      }
      // What is made of tensors of several types is of the widest.
      let dtype = types.count == 1 ? types.first : types.contains(.f64) ? .f64 : .f32
      var planned = PlannedTensor(
        name: stored.name, dtype: dtype ?? .f32, shape: expression.type.shape ?? [], expression: expression,
        origin: origin ?? .computed)
      planned.blocks = blocks.count == 1 ? blocks.first ?? nil : nil
      planned.keepsBlocks = isLeftAlone
      tensors.append(planned)
    }
    var plan = WeightPlan(sources: checkpoints.sources, tensors: tensors, metadata: metadata)
    plan.omissions = omissions
    return plan
  }

  /// What the output says of itself.
  private func metadata(_ layout: LayoutSymbol?) throws(Diagnostic) -> [String: String] {
    let description = try onDeepStack { () throws(Diagnostic) in
      try SelfDescription(architecture, base: baseArchitecture, layout: layout, evaluator)
    }
    let edits = self.edits.map { edit in
      JSON([("word", .text(edit.word)), ("path", .text(edit.path)), ("operator", .text(edit.operator))])
    }
    var texts = [
      "format": "pt",
      "graft.version": graftVersion,
      "graft.name": name,
      "graft.file": file.lastPathPart,
      "graft.source": source,
      "graft.settings": JSON(settings.map { ($0.name, JSON.text($0.value)) }).text(),
      "graft.base": baseText,
      "graft.base-file": baseFile?.lastPathPart ?? "",
      "graft.edits": JSON.list(edits).text(),
      SelfDescription.layoutKey: layout?.name ?? SelfDescription.ownLayout,
      SelfDescription.declarationsKey: description.declarations,
      SelfDescription.architectureKey: description.architecture,
    ]
    if !evaluator.filesRead.isEmpty {
      let files = evaluator.filesRead.map { JSON([("file", .text($0.name)), ("sha256", .text($0.digest))]) }
      texts["graft.read"] = JSON.list(files).text()
    }
    if let noiseSeed, noiseSeed != 0 { texts["graft.base-seed"] = "\(noiseSeed)" }
    texts[SelfDescription.baseArchitectureKey] = description.baseArchitecture
    texts[ModelPair.partsKey] = ModelPair.partsText(architecture.counterparts(in: baseArchitecture))
    return texts
  }
}

/// The version of graft.
public let graftVersion = "0.1.0"

extension JSON {
  /// An object of these members, in order.
  init(_ members: [(String, JSON)]) { self = .object(members.map { JSON.Member($0.0, $0.1) }) }
}

/// Runs `body` where deep trees are safe.
package func onDeepStack<Result>(_ body: () throws(Diagnostic) -> Result) throws(Diagnostic) -> Result {
  let result: Swift.Result<Result, Diagnostic> = withDeepStack {
    do throws(Diagnostic) { return .success(try body()) } catch { return .failure(error) }
  }
  return try result.get()
}

/// The graphs of every entry of a model, `forward` first.
package func lower(_ module: Module, _ evaluator: Evaluator) throws(Diagnostic) -> Program {
  guard let symbol = module.symbol else { throw Diagnostic("graft.base-model", "a list is no model") }
  guard symbol.entry("forward") != nil else {
    throw Diagnostic("operators.no-entry", "'\(symbol.name)' has no 'forward'", at: symbol.declaration.name.at)
  }
  var parameters: [Parameter] = []
  module.forEachParameter { name, parameter in
    parameters.append(Parameter(name: name, type: TensorType(.f32, parameter.shape), isFrozen: parameter.isFrozen))
  }
  var graphs: [Graph] = []
  for entry in symbol.entries.map(\.name.text).sorted(by: { ($0 == "forward" ? 0 : 1) < ($1 == "forward" ? 0 : 1) }) {
    let tracer = Tracer(name: entry)
    try tracer.traceEntry(entry, of: module, sizes: [:], evaluator)
    graphs.append(tracer.builder.graph)
  }
  return try Program(parameters: parameters, graphs: graphs).applying(Pass.lowering)
}
