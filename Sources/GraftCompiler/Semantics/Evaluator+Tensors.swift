import GraftFormats
import GraftIR

/// Primitives: nodes of a graph in a forward, formulas over weights anywhere else.
extension Evaluator {
  /// Elements of a tensor, at most.
  static let elementLimit = 1 << 40
  /// Steps of the formula of one tensor's first values, at most, and how many of them follow each other.
  static let formulaLimit = 16_384
  static let formulaDepth = 256

  /// Uses `primitive` on tensors that are all of one kind.
  func apply(
    _ primitive: String, _ inputs: [TracedTensor], _ attributes: Attributes, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let results = try applyAll(primitive, inputs, attributes, at: at, environment)
    return results.count == 1 ? .tensor(results[0]) : .list(results.map { .tensor($0) })
  }

  func applyAll(
    _ name: String, _ inputs: [TracedTensor], _ attributes: Attributes, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> [TracedTensor] {
    guard let primitive = Primitives.named(name) else {
      throw Diagnostic("graft.defect", "there is no primitive '\(name)'", at: at, category: .defect)
    }
    do {
      if let frame = environment.frame { return try frame.tracer.node(primitive, inputs, attributes, path: frame.path) }
      return try weightFormula(primitive, inputs, attributes, at: at)
    } catch { throw error.at(at) }
  }

  private func weightFormula(
    _ primitive: Primitive, _ inputs: [TracedTensor], _ attributes: Attributes, at: Location
  ) throws(Diagnostic) -> [TracedTensor] {
    var weights: [WeightExpression] = []
    for input in inputs {
      guard case .weight(let weight) = input.origin else {
        throw Diagnostic("calls.forward", "a tensor of a forward does not reach here")
      }
      weights.append(weight.widened)
    }
    let types = try primitive.infer(weights.map(\.type), attributes)
    var results: [TracedTensor] = []
    if primitive.name == "Split", let input = inputs.first {
      // A formula has one result, so a split is as many slices.
      let axis = attributes.int("axis")
      let position = axis < 0 ? axis + input.type.rank : axis
      var start = 0
      for type in types {
        let length = type.axes[position].count
        let cut: Attributes = ["axis": .int(axis), "start": .int(start), "length": .int(length)]
        results.append(try formula("Slice", cut, weights, type, at: at))
        start += length
      }
      return results
    }
    for type in types { results.append(try formula(primitive.name, attributes, weights, type, at: at)) }
    return results
  }

  private func formula(
    _ primitive: String, _ attributes: Attributes, _ arguments: [WeightExpression], _ type: TensorType, at: Location
  ) throws(Diagnostic) -> TracedTensor {
    let formula = WeightExpression.apply(primitive: primitive, attributes, arguments, type)
    // Overflow and a size in batches are no number of elements at all.
    guard let count = type.shape?.elementCount, count <= Self.elementLimit else {
      throw Diagnostic("limits.elements", "a tensor of \(type.shapeText) has more than 2^40 elements", at: at)
    }
    guard let size = formula.size(limit: Self.formulaLimit, depth: Self.formulaDepth) else {
      throw Diagnostic(
        "limits.formula",
        "a tensor's formula has more than \(Self.formulaLimit) steps, or more than \(Self.formulaDepth) in turn", at: at
      )
    }
    try spend(size, at: at)
    return TracedTensor(origin: .weight(formula), type: type)
  }
}

extension TracedTensor {
  /// The type that its values have in a formula.
  var computedDType: DType {
    guard case .weight(let weight) = origin else { return type.dtype }
    return weight.widened.type.dtype
  }
}

extension WeightExpression {
  /// The same values as f32 where a checkpoint holds narrower ones: what goes into a formula is computed with.
  var widened: WeightExpression {
    guard type.dtype.isFloatingPoint, type.dtype.bitWidth < 32, isMoved else { return self }
    return .apply(primitive: "Cast", ["to": .dtype(.f32)], [self], TensorType(.f32, type.axes))
  }

  /// The steps of the formula, or `nil` where they are more than `limit` or deeper than `depth`.
  func size(limit: Int, depth: Int) -> Int? {
    let arguments: [WeightExpression]
    switch self {
    case .source, .fill, .draw, .copies: return 1
    case .apply(_, _, let inputs, _): arguments = inputs
    case .computed(let graph): arguments = graph.arguments
    }
    if depth == 0 { return nil }
    var total = 1
    for argument in arguments {
      if total > limit { return nil }
      guard let inside = argument.size(limit: limit - total, depth: depth - 1) else { return nil }
      total += inside
    }
    return total > limit ? nil : total
  }
}
