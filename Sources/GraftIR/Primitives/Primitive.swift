import Synchronization

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
  /// The cost rule of what multiplies and adds up nothing: it moves elements, or works each out by itself.
  static let noMultiplyAdds: CostRule = { _, _, _ in Cost() }
  /// The results by the plainest loops, for reading and for tests. Never on the executor's way.
  public typealias Evaluate =
    @Sendable (_ inputs: [Tensor], _ attributes: Attributes) throws(Diagnostic) -> [Tensor]
  /// The same, for a primitive's own file: `results` are the types that its shape rule gave, all sizes numbers.
  typealias Compute =
    @Sendable (_ inputs: [Tensor], _ results: [TensorType], _ attributes: Attributes) throws(Diagnostic) -> [Tensor]
  /// The same results as a graph of smaller primitives; `inputs` are values of the builder.
  public typealias Definition =
    @Sendable (_ builder: inout GraphBuilder, _ inputs: [Value], _ attributes: Attributes) throws(Diagnostic) -> [Value]

  /// The name in graphs and on its page.
  public let name: String
  /// How many inputs it takes.
  public let inputCount: ClosedRange<Int>
  /// The attributes it knows; any other is refused.
  public let attributes: [AttributeDeclaration]
  /// The shape rule.
  public let infer: Infer
  /// The cost rule.
  public let cost: CostRule
  /// The reference.
  public let evaluate: Evaluate
  /// `nil` for what nothing smaller explains.
  public let definition: Definition?
  /// Small cases whose results were worked out by hand or by another program.
  public let examples: [Example]

  /// Counts the evaluations of the current task, where a test wants to know of any.
  @TaskLocal package static var evaluations: EvaluationCount?

  /// A primitive.
  ///
  /// The number of inputs, the kinds of the attributes and the sizes of all types are checked here, before and after
  /// `infer`, so that a shape rule may index its inputs and add sizes without fear of overflow. `evaluate` is called
  /// with what `infer` accepts and nothing else.
  init(
    name: String, inputs inputCount: ClosedRange<Int>, attributes declarations: [AttributeDeclaration] = [],
    infer: @escaping Infer, cost: @escaping CostRule, evaluate: @escaping Compute,
    definition: Definition? = nil, examples: [Example]
  ) {
    let checked: Infer = { inputs, attributes throws(Diagnostic) in
      guard inputCount.contains(inputs.count) else {
        let expected = inputCount.count == 1 ? "\(inputCount.lowerBound)" : "at least \(inputCount.lowerBound)"
        throw Diagnostic("\(name).inputs", "'\(name)' has \(inputs.count) inputs, and takes \(expected)")
      }
      try Primitive.check(attributes, against: declarations, of: name)
      try Primitive.checkSizes(of: inputs)
      let results = try infer(inputs, attributes)
      try Primitive.checkSizes(of: results)
      return results
    }
    self.name = name
    self.inputCount = inputCount
    self.attributes = declarations
    self.infer = checked
    self.cost = cost
    self.evaluate = { inputs, attributes throws(Diagnostic) in
      Primitive.evaluations?.add()
      let results = try checked(inputs.map(\.type), attributes)
      for result in results {
        guard let count = result.shape?.elementCount, result.dtype.byteCount(of: count) != nil, count <= 1 << 32 else {
          throw Diagnostic("graph.evaluate-size", "a result of '\(name)' is \(result), more than 2^32 elements")
        }
      }
      return try evaluate(inputs, results, attributes)
    }
    self.definition = definition
    self.examples = examples
  }

  private static func check(
    _ attributes: Attributes, against declarations: [AttributeDeclaration], of name: String
  ) throws(Diagnostic) {
    var known = 0
    for declaration in declarations {
      guard let attribute = attributes[declaration.name] else {
        if declaration.isRequired {
          throw Diagnostic("\(name).attributes", "'\(name)' lacks its attribute '\(declaration.name)'")
        }
        continue
      }
      known += 1
      guard attribute.isUsable(as: declaration.kind) else {
        throw Diagnostic(
          "\(name).attributes",
          "'\(declaration.name)' of '\(name)' is of kind \(attribute.kind), and must be of kind \(declaration.kind)")
      }
    }
    if known == attributes.count { return }
    let names = declarations.map(\.name)
    let unknown = attributes.keys.filter { !names.contains($0) }.sorted()
    throw Diagnostic("\(name).attributes", "'\(name)' has no attribute '\(unknown[0])'")
  }

  private static func checkSizes(of types: [TensorType]) throws(Diagnostic) {
    for type in types where !type.isPlausible {
      throw Diagnostic("graph.type", "\(type) has a size below 0 or more than 2^48 elements")
    }
  }
}

/// An attribute that a primitive takes.
public struct AttributeDeclaration: Sendable, Hashable {
  /// The name.
  public let name: String
  /// What it holds.
  public let kind: Attribute.Kind
  /// Whether there is no default.
  public let isRequired: Bool

  /// An attribute that must be there.
  static func required(_ name: String, _ kind: Attribute.Kind) -> AttributeDeclaration {
    AttributeDeclaration(name: name, kind: kind, isRequired: true)
  }

  /// An attribute with a default.
  static func optional(_ name: String, _ kind: Attribute.Kind) -> AttributeDeclaration {
    AttributeDeclaration(name: name, kind: kind, isRequired: false)
  }
}

/// The work of one node.
public struct Cost: Sendable, Hashable {
  /// Products of linear layers, convolutions, attention and scan; nothing elementwise.
  public var multiplyAdds: Int

  /// Work of `multiplyAdds` products.
  public init(multiplyAdds: Int = 0) { self.multiplyAdds = multiplyAdds }

  /// Work of as many products as the sizes multiply to; at most `Int.max`, since sizes may come out of files.
  init(product sizes: [Int]) {
    var product = 1
    for size in sizes {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      product = overflow ? .max : next
    }
    multiplyAdds = sizes.contains(0) ? 0 : product
  }
}

/// How often primitives were evaluated by their reference.
package final class EvaluationCount: Sendable {
  private let value = Atomic(0)

  package init() {}

  /// The number so far.
  package var count: Int { value.load(ordering: .relaxed) }

  func add() { value.add(1, ordering: .relaxed) }
}

/// One small case of a primitive: it is documentation and test at once.
public struct Example: Sendable {
  /// What the primitive is given.
  public let inputs: [Tensor]
  /// What it is told.
  public let attributes: Attributes
  /// What it must give.
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
