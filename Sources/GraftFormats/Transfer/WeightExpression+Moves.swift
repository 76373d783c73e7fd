package import GraftIR

/// Formulas that only move elements: nothing is computed, so they can be turned round, and keep their type.
///
/// Each is made as simple as it can be: what cuts a tensor out of a joined one is that tensor again, so a checkpoint
/// that is written as it was read is copied and not computed.
extension WeightExpression {
  /// The most natural number of pieces that a cut through joined tensors is followed into.
  private static let pieceLimit = 4096

  /// `length` places of `axis`, from `start` on. The range lies inside the axis.
  package func sliced(axis: Int, start: Int, length: Int) -> WeightExpression {
    let axes = type.axes.map(\.count)
    if start == 0, length == axes[axis] { return self }
    switch self {
    case .apply("Concat", let attributes, let pieces, _)
    where attributes.axis(rank: axes.count) == axis && pieces.count <= Self.pieceLimit:
      var parts: [WeightExpression] = []
      var first = 0
      for piece in pieces {
        let size = piece.type.axes[axis].count
        let (from, to) = (max(start, first), min(start + length, first + size))
        if from < to { parts.append(piece.sliced(axis: axis, start: from - first, length: to - from)) }
        first += size
      }
      if !parts.isEmpty { return .joined(parts, axis: axis) }
    case .apply("Slice", let attributes, let arguments, _)
    where attributes.axis(rank: axes.count) == axis && arguments.count == 1:
      return arguments[0].sliced(axis: axis, start: attributes.dimension("start").count + start, length: length)
    case .apply("Transpose", let attributes, let arguments, _) where arguments.count == 1:
      let order = attributes.ints("perm")
      return arguments[0].sliced(axis: order[axis], start: start, length: length).transposed(order)
    default: break
    }
    var result = axes
    result[axis] = length
    return moved("Slice", ["axis": .int(axis), "start": .int(start), "length": .int(length)], [self], result)
  }

  /// `pieces` one behind the other along `axis`; they are at least one, and of one type but for the size of that axis.
  package static func joined(_ pieces: [WeightExpression], axis: Int) -> WeightExpression {
    var parts: [WeightExpression] = []
    for piece in pieces {
      // Neighbours that were cut out of one tensor are one piece of it.
      if case .apply("Slice", let a, let old, _)? = parts.last, case .apply("Slice", let b, let new, _) = piece,
        a.axis(rank: piece.type.rank) == axis, b.axis(rank: piece.type.rank) == axis, old == new, old.count == 1,
        a.dimension("start").count + a.dimension("length").count == b.dimension("start").count
      {
        parts[parts.count - 1] = old[0].sliced(
          axis: axis, start: a.dimension("start").count,
          length: a.dimension("length").count + b.dimension("length").count)
      } else {
        parts.append(piece)
      }
    }
    if parts.count == 1 { return parts[0] }
    var axes = parts[0].type.axes.map(\.count)
    axes[axis] = parts.reduce(0) { $0 + $1.type.axes[axis].count }
    return parts[0].moved("Concat", ["axis": .int(axis)], parts, axes)
  }

  /// The axes in another order: axis `i` is what axis `order[i]` was.
  package func transposed(_ order: [Int]) -> WeightExpression {
    if order == Array(order.indices) { return self }
    if case .apply("Transpose", let attributes, let arguments, _) = self, arguments.count == 1 {
      let inner = attributes.ints("perm")
      return arguments[0].transposed(order.map { inner[$0] })
    }
    return moved("Transpose", ["perm": .ints(order)], [self], order.map { type.axes[$0].count })
  }

  /// The same elements under other sizes, as many.
  package func reshaped(_ shape: Shape) -> WeightExpression {
    if type.shape == shape { return self }
    if case .apply("Reshape", _, let arguments, _) = self, arguments.count == 1 { return arguments[0].reshaped(shape) }
    return moved("Reshape", ["shape": .ints(shape.axes)], [self], shape.axes)
  }

  /// One axis from its end to its start.
  package func reversed(axis: Int) -> WeightExpression {
    if case .apply("Reverse", let attributes, let arguments, _) = self, arguments.count == 1,
      attributes.axis(rank: type.rank) == axis
    {
      return arguments[0]
    }
    return moved("Reverse", ["axis": .int(axis)], [self], type.axes.map(\.count))
  }

  private func moved(
    _ primitive: String, _ attributes: Attributes, _ arguments: [WeightExpression], _ axes: [Int]
  ) -> WeightExpression {
    .apply(primitive: primitive, attributes, arguments, TensorType(arguments[0].type.dtype, Shape(axes)))
  }

  /// Whether it only moves, or checks, what sources hold: its values are those of a checkpoint, to the bit.
  package var isMoved: Bool {
    switch self {
    case .source: true
    case .copies(let all): all.allSatisfy(\.isMoved)
    case .apply("Slice", _, let arguments, _), .apply("Concat", _, let arguments, _),
      .apply("Transpose", _, let arguments, _), .apply("Reshape", _, let arguments, _),
      .apply("Reverse", _, let arguments, _):
      arguments.allSatisfy(\.isMoved)
    case .fill, .draw, .apply, .computed: false
    }
  }

  /// The formula with what `tensor` gives for each source tensor, of the same shape but maybe of another type; pieces
  /// of several types that are joined become the widest of them. `self` moves elements only.
  package func substituting(
    _ tensor: (SourceTensor) throws(Diagnostic) -> WeightExpression
  ) throws(Diagnostic) -> WeightExpression {
    switch self {
    case .source(let source): return try tensor(source)
    case .copies(let all):
      var copies: [WeightExpression] = []
      for copy in all { copies.append(try copy.substituting(tensor)) }
      return .copies(copies)
    case .apply(let primitive, let attributes, let arguments, let type):
      var inputs: [WeightExpression] = []
      for argument in arguments { inputs.append(try argument.substituting(tensor)) }
      let axis = attributes.axis(rank: inputs[0].type.rank)
      switch primitive {
      case "Slice":
        return inputs[0].sliced(
          axis: axis, start: attributes.dimension("start").count, length: attributes.dimension("length").count)
      case "Concat": return .joined(inputs.ofOneType, axis: axis)
      case "Transpose": return inputs[0].transposed(attributes.ints("perm"))
      case "Reshape": return inputs[0].reshaped(type.shape ?? [])
      case "Reverse": return inputs[0].reversed(axis: axis)
      default: preconditionFailure("'\(primitive)' moves no elements")
      }
    case .fill, .draw, .computed: return self
    }
  }
}

extension [WeightExpression] {
  /// All as the widest type among them, which is f64 or f32 where they are not of one type.
  fileprivate var ofOneType: [WeightExpression] {
    let types = Set(map(\.type.dtype))
    guard types.count > 1 else { return self }
    let widest = types.contains(.f64) ? DType.f64 : .f32
    return map { one in
      one.type.dtype == widest
        ? one : .apply(primitive: "Cast", ["to": .dtype(widest)], [one], TensorType(widest, one.type.axes))
    }
  }
}
