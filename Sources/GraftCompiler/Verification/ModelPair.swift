import GraftFormats
public import GraftIR

/// An original model, what was made of it, and which of their values are to be compared.
public struct ModelPair: Sendable {
  /// A part of both models, or an output.
  public struct Match: Sendable, Hashable {
    /// The boundary or output of the grafted model's graph.
    public let name: String
    /// That of the base model's graph.
    public let baseName: String
    /// Whether it is an output of the model.
    public let isOutput: Bool
    /// Whether both are proved to be the same numbers.
    public let isExact: Bool

    /// The name as a path is written: `blocks[3].attn`.
    public var path: String { isOutput ? name : spelledPath(name.split(separator: ".").map(String.init)) }
    /// The base's name, written likewise.
    public var basePath: String { isOutput ? baseName : spelledPath(baseName.split(separator: ".").map(String.init)) }
  }

  /// What the graft is called, or the checkpoint.
  public let name: String
  /// The values of the graft's parameters that `--set` gave.
  public let settings: [(name: String, value: String)]
  /// The model that the graft began with.
  public let base: OpenModel
  /// The model that it made.
  public let grafted: OpenModel
  /// What the base's weights are from: a file, or a text for a person.
  public let baseSource: String
  /// The metadata of the grafted model's checkpoint; none where a graft file is verified.
  public let metadata: [String: String]
  /// Boundaries of the grafted model's parts, each with that of its counterpart.
  let parts: [(name: String, baseName: String)]
  /// The formulas of each model's parameters over leaves that both share.
  let weights: PairedWeights

  /// The metadata that hold the counterparts of a grafted model's parts.
  static let partsKey = "graft.base-parts"

  init(
    _ graft: CompiledGraft, base: OpenModel, grafted: OpenModel
  ) {
    name = graft.name
    settings = graft.settings
    self.base = base
    self.grafted = grafted
    baseSource = graft.baseFile ?? "seeded weights"
    metadata = [:]
    parts = Self.names(of: graft.architecture.counterparts(in: graft.baseArchitecture))
    // Both speak of the same sources.
    weights = PairedWeights(base: base.weights, grafted: grafted.weights)
  }

  init(
    checkpoint: String, metadata: [String: String], base: OpenModel, grafted: OpenModel, baseSource: String,
    weights: PairedWeights
  ) {
    name = checkpoint
    settings = []
    self.base = base
    self.grafted = grafted
    self.baseSource = baseSource
    self.metadata = metadata
    parts = Self.parts(from: metadata) ?? Self.names(of: grafted.module.counterparts(in: base.module))
    self.weights = weights
  }

  private static func names(
    of counterparts: [(path: [String], basePath: [String])]
  ) -> [(name: String, baseName: String)] {
    counterparts.map { ($0.path.joined(separator: "."), $0.basePath.joined(separator: ".")) }
  }

  /// The counterparts as a text for metadata.
  static func partsText(_ counterparts: [(path: [String], basePath: [String])]) -> String {
    JSON.object(names(of: counterparts).map { JSON.Member($0.name, .text($0.baseName)) }).text()
  }

  private static func parts(from metadata: [String: String]) -> [(name: String, baseName: String)]? {
    guard let text = metadata[partsKey], let json = try? JSON(parsing: text, file: partsKey) else { return nil }
    return json.members?.compactMap { member in member.value.textValue.map { (member.name, $0) } }
  }

  /// Whether the grafted model is a checkpoint that graft wrote.
  public var isGraftsOwn: Bool { metadata[SelfDescription.architectureKey] != nil }

  // MARK: Proof

  /// Every part that both models have, and every output, with whether it is proved to be the same.
  ///
  /// - Throws: `verify.inputs` where the models do not take the same inputs.
  public func matches() throws(Diagnostic) -> [Match] {
    try onDeepStack { () throws(Diagnostic) in try self.matchesOnThisStack() }
  }

  private func matchesOnThisStack() throws(Diagnostic) -> [Match] {
    guard let baseGraph = base.program.graph(named: "forward"), let graph = grafted.program.graph(named: "forward")
    else { throw Diagnostic("run.function", "a model has no function 'forward'") }
    for input in graph.inputs {
      guard let other = baseGraph.inputs.first(where: { $0.name == input.name }) else { continue }
      let (found, expected) = (graph.type(of: input.value), baseGraph.type(of: other.value))
      guard found == expected else {
        throw Diagnostic(
          "verify.inputs",
          "input '\(input.name)' of the grafted model is \(found), and \(expected) in the original: there are no inputs "
            + "that both take")
      }
    }
    var table = FormulaTable()
    var binder = WeightBinder()
    let baseFormulas = try table.add(baseGraph) { table, name, type throws(Diagnostic) in
      binder.formula(weights.base[name], name: "base \(name)", type, &table)
    }
    let formulas = try table.add(graph) { table, name, type throws(Diagnostic) in
      binder.formula(weights.grafted[name], name: "grafted \(name)", type, &table)
    }
    func match(_ value: NamedValue, _ other: NamedValue, isOutput: Bool) -> Match {
      Match(
        name: value.name, baseName: other.name, isOutput: isOutput,
        isExact: formulas[value.value.index] == baseFormulas[other.value.index])
    }
    let boundaries = Dictionary(graph.boundaries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let baseBoundaries = Dictionary(baseGraph.boundaries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var result: [Match] = []
    for part in parts {
      guard let value = boundaries[part.name], let other = baseBoundaries[part.baseName] else { continue }
      result.append(match(value, other, isOutput: false))
    }
    for output in graph.outputs {
      guard let other = baseGraph.outputs.first(where: { $0.name == output.name }) else { continue }
      result.append(match(output, other, isOutput: true))
    }
    return result
  }
}

/// What the parameters of two models hold, in formulas whose leaves mean the same in both.
struct PairedWeights: Sendable {
  let base: [String: WeightExpression]
  let grafted: [String: WeightExpression]
}

/// Reads weight expressions into a table of formulas.
private struct WeightBinder {
  /// Parts of expressions that are read, at most: a `let` used twice in each of many doubles them each time.
  private var budget = 1 << 20

  /// What a parameter of type `type` holds; where nothing is known of it, it is a leaf called `name`.
  mutating func formula(
    _ expression: WeightExpression?, name: String, _ type: TensorType, _ table: inout FormulaTable
  ) -> Formula {
    guard let expression, let formula = read(expression, &table) else { return table.leaf(name, type) }
    if table.type(formula) == type { return formula }
    // A model computes with what its tensors are converted to.
    let cast = try? table.apply(.cast, ["to": .dtype(type.dtype)], [formula])
    guard let cast = cast?.first, table.type(cast) == type else { return table.leaf(name, type) }
    return cast
  }

  private mutating func read(_ expression: WeightExpression, _ table: inout FormulaTable) -> Formula? {
    budget -= 1
    guard budget > 0 else { return nil }
    switch expression {
    case .source, .draw, .computed: return table.leaf(expression, expression.type)
    case .copies(let all): return read(all[0], &table)
    case .fill(let value, _, _): return table.fill(value, expression.type) ?? table.leaf(expression, expression.type)
    case .apply(let name, let attributes, let arguments, let type):
      guard let primitive = Primitives.named(name) else { return nil }
      var formulas: [Formula] = []
      for argument in arguments {
        guard let formula = read(argument, &table) else { return nil }
        formulas.append(formula)
      }
      let made = try? table.apply(primitive, attributes, formulas)
      guard let made, made.count == 1, table.type(made[0]) == type else { return nil }
      return made[0]
    }
  }
}
