public import GraftIR

/// A class-conditional model as a sampler sees it: noisy samples and a time in, its prediction out.
///
/// The model's graphs say all there is to know: `forward` takes `x` [B, C, H, W], times `t` [B] and classes `y` [B];
/// where there is `forward_with_cfg`, guidance is its own, its scale the scalar `cfg_scale`.
public struct Denoiser: Sendable {
  /// The shape of one sample, [C, H, W].
  public let shape: Shape
  /// Whether the batch is doubled: classes first, then as many times no class.
  public let isGuided: Bool
  private let model: Model
  private let labels: Tensor
  private let guidance: Double
  /// What the model works out of times and classes alone, and the function that is left.
  private let known: (table: ConditionTable, rest: String)?

  /// A model that draws samples of `classes`; a guidance of 1 is none.
  ///
  /// - Parameter times: the times of the run, in order, where they are known: what depends on them and on classes alone
  ///   is then worked out for many of them at once.
  /// - Throws: `sample.model` where the graphs are not as above; `sample.label` where a class is out of range.
  public init(_ model: Model, classes: [Int], guidance: Double, times: [Int] = []) throws(Diagnostic) {
    self.guidance = guidance
    isGuided = guidance != 1
    guard let graph = model.program.graph(named: "forward"),
      let x = graph.inputs.first(where: { $0.name == "x" }), graph.inputs.contains(where: { $0.name == "t" }),
      let y = graph.inputs.first(where: { $0.name == "y" })
    else { throw Diagnostic("sample.model", "a model to sample from has the inputs 'x', 't' and 'y'") }
    let sizes = graph.type(of: x.value).axes.dropFirst().map(\.count)
    guard sizes.count == 3 else {
      throw Diagnostic("sample.model", "'x' is \(graph.type(of: x.value).shapeText), not [B, C, H, W]")
    }
    shape = Shape(sizes)
    guard !isGuided || model.program.graph(named: "forward_with_cfg") != nil else {
      throw Diagnostic(
        "sample.guidance", "the model has no 'forward_with_cfg'", help: "--guidance 1 samples without guidance",
        category: .usage)
    }
    // The table of classes has one row more than there are classes: the last one means none.
    guard let rows = graph.tableRows(of: y.value) else {
      throw Diagnostic("sample.model", "no table is indexed by 'y', so what means 'no class' is not known")
    }
    guard let wrong = classes.first(where: { !(0..<rows).contains($0) }) else {
      let all = isGuided ? classes + [Int](repeating: rows - 1, count: classes.count) : classes
      labels = Tensor(.i64, [all.count], integers: all)
      let function = model.program.graph(named: isGuided ? "forward_with_cfg" : "forward")
      if times.count > 1, let function, let split = ConditionSplit(function, conditionInputs: ["t", "y"]) {
        let parts = model.splitting(split)
        self.model = parts
        known = (ConditionTable(parts, split, labels: labels, times: times), split.rest.name)
      } else {
        self.model = model
        known = nil
      }
      return
    }
    throw Diagnostic(
      "sample.label", "class \(wrong) is out of range: 0 to \(rows - 2), and \(rows - 1) for none", category: .usage)
  }

  /// What the model says of `samples` [n, C, H, W], all at `time`.
  public func predict(_ samples: Tensor, at time: Int) throws(Diagnostic) -> Tensor {
    let count = samples.shape.axes.first ?? 0
    var inputs = ["x": samples, "t": Tensor([Float](repeating: Float(time), count: count), [count]), "y": labels]
    if isGuided { inputs["cfg_scale"] = Tensor([Float(guidance)], []) }
    var function = isGuided ? "forward_with_cfg" : "forward"
    if let known, count == labels.elementCount, let conditions = try known.table.conditions(at: time) {
      inputs.merge(conditions) { own, _ in own }
      function = known.rest
    }
    let results = try model.run(function: function, inputs: inputs)
    guard let out = results.first?.tensor else { throw Diagnostic("sample.model", "the model gives nothing") }
    return out
  }
}

extension Graph {
  /// The rows of the table that `indices` looks things up in.
  fileprivate func tableRows(of indices: Value) -> Int? {
    for node in nodes where node.primitive == "Gather" && node.inputs.last == indices {
      if let table = node.inputs.first, let rows = type(of: table).axes.first, !rows.isBatch { return rows.count }
    }
    return nil
  }
}
