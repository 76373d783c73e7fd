/// What a graph gave for some inputs.
public struct Evaluation: Sendable {
  /// The outputs, by name.
  public let outputs: [String: Tensor]
  /// What each module gave, by path; empty where it was not asked for.
  public let boundaries: [String: Tensor]
}

extension Graph {
  /// Works the graph out node by node with each primitive's plain loops: for tests and small things.
  ///
  /// The batch is bound by the inputs' shapes, and is 1 where none counts in batches. A tensor is let go after its last
  /// use.
  ///
  /// - Throws: `graph.evaluate-input`, `graph.evaluate-parameter` or `graph.evaluate-batch` where a tensor is missing
  ///   or is not as declared; what `verify` and the primitives throw.
  public func evaluate(
    inputs: [String: Tensor], parameters: [String: Tensor] = [:], recordingBoundaries: Bool = false
  ) throws(Diagnostic) -> Evaluation {
    try verify()
    let batch = try boundBatch(inputs)
    var tensors: [Value: Tensor] = [:]
    for input in self.inputs {
      tensors[input.value] = try checked(inputs[input.name], input, batch, "graph.evaluate-input")
    }
    for parameter in self.parameters {
      tensors[parameter.value] = try checked(
        parameters[parameter.name], parameter, batch, "graph.evaluate-parameter")
    }
    let kept = Set((outputs + (recordingBoundaries ? boundaries : [])).map(\.value))
    var lastUse: [Value: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for value in node.inputs + node.results where !kept.contains(value) { lastUse[value] = index }
    }

    for (index, node) in nodes.enumerated() {
      guard let primitive = Primitives.named(node.primitive), let attributes = node.attributes.bound(batch: batch)
      else { throw Diagnostic("graph.evaluate-batch", "a size of '\(node.primitive)' overflows at batch \(batch)") }
      let results = try primitive.evaluate(node.inputs.compactMap { tensors[$0] }, attributes)
      for (value, tensor) in zip(node.results, results) { tensors[value] = tensor }
      for value in node.inputs + node.results where lastUse[value] == index { tensors[value] = nil }
    }
    func collected(_ values: [NamedValue]) -> [String: Tensor] {
      var named: [String: Tensor] = [:]
      for value in values { named[value.name] = tensors[value.value] }
      return named
    }
    return Evaluation(outputs: collected(outputs), boundaries: recordingBoundaries ? collected(boundaries) : [:])
  }

  private func boundBatch(_ tensors: [String: Tensor]) throws(Diagnostic) -> Int {
    var batch: Int?
    for input in inputs {
      guard let tensor = tensors[input.name] else { continue }
      for (axis, size) in zip(type(of: input.value).axes, tensor.shape.axes) where axis.isBatch && axis.count > 0 {
        guard size % axis.count == 0, size >= axis.count, batch == nil || batch == size / axis.count else {
          throw Diagnostic(
            "graph.evaluate-batch",
            "input '\(input.name)' is \(tensor.shape), which does not fit \(type(of: input.value).shapeText)"
              + (batch.map { " where B is \($0)" } ?? ""))
        }
        batch = size / axis.count
      }
    }
    return batch ?? 1
  }

  private func checked(
    _ tensor: Tensor?, _ declared: NamedValue, _ batch: Int, _ rule: String
  ) throws(Diagnostic) -> Tensor {
    let type = type(of: declared.value)
    guard let tensor else { throw Diagnostic(rule, "no tensor is given for '\(declared.name)', which is \(type)") }
    guard tensor.dtype == type.dtype, tensor.shape == type.shape(batch: batch) else {
      throw Diagnostic(rule, "'\(declared.name)' is \(type), but the tensor given is \(tensor.type)")
    }
    return tensor
  }
}
