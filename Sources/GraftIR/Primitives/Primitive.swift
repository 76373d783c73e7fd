/// A tensor operation that graphs are made of: what types it gives, what it costs, and what it means.
///
/// Names are spelled as ONNX spells them, where ONNX has the operation. `specs/primitives` holds a page for each.
public struct Primitive: Sendable {
  /// The types of the results, or what is wrong with the inputs or attributes.
  public typealias Infer =
    @Sendable (_ inputs: [TensorType], _ attributes: Attributes) throws(Diagnostic) -> [TensorType]
  /// The work for inputs and results whose sizes are all numbers.
  public typealias CostRule =
    @Sendable (_ inputs: [TensorType], _ results: [TensorType], _ attributes: Attributes) -> Cost
  /// The results by the plainest loops, for reading and for tests. Never on the executor's way.
  public typealias Evaluate =
    @Sendable (_ inputs: [Tensor], _ attributes: Attributes) throws(Diagnostic) -> [Tensor]
  /// The same results as a graph of smaller primitives; `inputs` are values of the builder.
  public typealias Definition =
    @Sendable (_ builder: inout GraphBuilder, _ inputs: [Value], _ attributes: Attributes) throws(Diagnostic) -> [Value]

  public let name: String
  public let infer: Infer
  public let cost: CostRule
  public let evaluate: Evaluate
  /// `nil` for what nothing smaller explains.
  public let definition: Definition?
  /// Small cases whose results were worked out by hand or by another program.
  public let examples: [Example]

  /// A primitive; `cost` is nothing where it is left out.
  public init(
    name: String, infer: @escaping Infer, cost: @escaping CostRule = { _, _, _ in Cost() },
    evaluate: @escaping Evaluate, definition: Definition? = nil, examples: [Example]
  ) {
    self.name = name
    self.infer = infer
    self.cost = cost
    self.evaluate = evaluate
    self.definition = definition
    self.examples = examples
  }
}

/// The work of one node.
public struct Cost: Sendable, Hashable {
  /// Products of linear layers, convolutions, attention and scan; nothing elementwise.
  public var multiplyAdds: Int

  /// Work of `multiplyAdds` products.
  public init(multiplyAdds: Int = 0) { self.multiplyAdds = multiplyAdds }
}

/// One small case of a primitive: it is documentation and test at once.
public struct Example: Sendable {
  public let inputs: [Tensor]
  public let attributes: Attributes
  public let outputs: [Tensor]
  /// The largest absolute difference that rounding of `f32` explains; 0 where the result is exact.
  public let tolerance: Double

  /// A case whose results must match within `tolerance`.
  public init(attributes: Attributes = [:], inputs: [Tensor], outputs: [Tensor], tolerance: Double = 0) {
    self.inputs = inputs
    self.attributes = attributes
    self.outputs = outputs
    self.tolerance = tolerance
  }
}
