import Glibc
package import GraftFormats
package import GraftIR

/// Finds formulas for the tensors of a checkpoint by looking at their numbers: what equals a tensor that was seen
/// before, what is one number everywhere, what ends in columns of zeros or begins with the rows of another tensor.
///
/// So what a checkpoint holds is proved from its bytes, whatever it says of itself.
package struct WeightRecovery {
  /// A tensor that others may equal.
  private struct Known {
    let name: String
    let expression: WeightExpression
    /// Kept where it is a view of a file; what is drawn is drawn again when it is asked for.
    let tensor: Tensor?
    /// The first bytes.
    let start: [UInt8]
  }

  private var known: [[Int]: [Known]] = [:]
  private let sources: WeightSources

  private static let startByteCount = 64

  /// Nothing is known yet; what is added is evaluated through `sources`.
  package init(_ sources: WeightSources) { self.sources = sources }

  /// The formula of the tensor called `name`, which `expression` stands for elsewhere; later tensors may equal it.
  package mutating func add(_ name: String, _ expression: WeightExpression) throws(Diagnostic) -> WeightExpression {
    let tensor = try sources.evaluate(expression)
    let formula = try recovered(name, tensor, expression)
    let isView = if case .source = expression { true } else { false }
    known[tensor.shape.axes, default: []].append(
      Known(name: name, expression: formula, tensor: isView ? tensor : nil, start: tensor.start(Self.startByteCount)))
    return formula
  }

  /// The formula of the tensor called `name`, for which `expression` stands where it equals nothing.
  package func recovered(
    _ name: String, _ tensor: Tensor, _ expression: WeightExpression
  ) throws(Diagnostic) -> WeightExpression {
    if let value = tensor.repeatedNumber { return .fill(value, tensor.dtype, tensor.shape) }
    if let equal = try equal(to: tensor, name) { return equal }
    if let columns = try withoutZeroColumns(name, tensor, expression) { return columns }
    return try withRows(of: tensor, name, expression) ?? expression
  }

  private func equal(to tensor: Tensor, _ name: String) throws(Diagnostic) -> WeightExpression? {
    let candidates = known[tensor.shape.axes] ?? []
    // A tensor mostly equals the one of its own name.
    for one in candidates.filter({ $0.name == name }) + candidates.filter({ $0.name != name }) {
      if try holds(tensor, beginningOf: one) { return one.expression }
    }
    return nil
  }

  /// Whether `tensor`, as far as `one` reaches, holds the bytes of `one`.
  private func holds(_ tensor: Tensor, beginningOf one: Known) throws(Diagnostic) -> Bool {
    guard one.expression.type.dtype == tensor.dtype, tensor.start(one.start.count) == one.start else { return false }
    let other = if let tensor = one.tensor { tensor } else { try sources.evaluate(one.expression) }
    // Its bytes live as long as it does.
    return withExtendedLifetime(other) { tensor.bytes.begin(with: other.bytes) }
  }

  /// `[W 0]` where the last columns are 0.
  private func withoutZeroColumns(
    _ name: String, _ tensor: Tensor, _ expression: WeightExpression
  ) throws(Diagnostic) -> WeightExpression? {
    guard tensor.shape.rank >= 2, let columns = tensor.shape.axes.last, let kept = tensor.columnsBeforeZeros,
      kept > 0, kept < columns
    else { return nil }
    let axis = tensor.shape.rank - 1
    let slice: Attributes = ["axis": .int(axis), "start": .int(0), "length": .int(kept)]
    var axes = tensor.shape.axes
    axes[axis] = kept
    guard let left = try Primitive.slice.evaluate([tensor], slice).first else { return nil }
    let own = WeightExpression.apply(primitive: "Slice", slice, [expression], TensorType(tensor.dtype, Shape(axes)))
    axes[axis] = columns - kept
    return .apply(
      primitive: "Concat", ["axis": .int(axis)],
      [try recovered(name, left, own), .fill(0, tensor.dtype, Shape(axes))], TensorType(tensor.dtype, tensor.shape))
  }

  /// `[V; W]` where the first rows are those of a known tensor V: of the same name if there is one, else the largest.
  private func withRows(
    of tensor: Tensor, _ name: String, _ expression: WeightExpression
  ) throws(Diagnostic) -> WeightExpression? {
    guard let rows = tensor.shape.axes.first else { return nil }
    let smaller = known.keys.filter { axes in
      axes.count == tensor.shape.rank && axes[0] > 0 && axes[0] < rows
        && axes.dropFirst().elementsEqual(tensor.shape.axes.dropFirst())
    }
    let candidates = smaller.sorted { $0[0] > $1[0] }.flatMap { known[$0] ?? [] }
    for one in candidates.filter({ $0.name == name }) + candidates.filter({ $0.name != name }) {
      guard try holds(tensor, beginningOf: one), let count = one.expression.type.axes.first?.count else { continue }
      var rest = tensor.shape.axes
      rest[0] -= count
      let own = WeightExpression.apply(
        primitive: "Slice", ["axis": .int(0), "start": .int(count), "length": .int(rest[0])], [expression],
        TensorType(tensor.dtype, Shape(rest)))
      return .apply(
        primitive: "Concat", ["axis": .int(0)], [one.expression, own], TensorType(tensor.dtype, tensor.shape))
    }
    return nil
  }
}

extension WeightExpression {
  /// The same with every source tensor's number raised by `count`.
  func numbered(from count: Int) -> WeightExpression {
    switch self {
    case .source(let tensor):
      .source(
        SourceTensor(
          source: tensor.source + count, name: tensor.name, dtype: tensor.dtype, shape: tensor.shape,
          blocks: tensor.blocks))
    case .fill, .draw: self
    case .apply(let name, let attributes, let arguments, let type):
      .apply(primitive: name, attributes, arguments.map { $0.numbered(from: count) }, type)
    case .computed(let graph): .computed(graph.mapArguments { $0.numbered(from: count) })
    case .copies(let all): .copies(all.map { $0.numbered(from: count) })
    }
  }
}

extension Tensor {
  /// The first bytes, `count` at most.
  fileprivate func start(_ count: Int) -> [UInt8] { Array(bytes.prefix(count)) }

  /// The finite number that stands everywhere, 0 and -0 being one; `nil` where there is none.
  fileprivate var repeatedNumber: Double? {
    guard let width = dtype.byteWidth, dtype.isFloatingPoint, elementCount > 0 else { return nil }
    let bytes = bytes
    let value = dtype.load(0, from: bytes)
    if value == 0 { return (0..<elementCount).allSatisfy { dtype.load($0, from: bytes) == 0 } ? 0 : nil }
    // All equal their predecessors where the tensor equals itself one element on.
    let following = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(width))
    return value.isFinite && bytes.begin(with: following) ? value : nil
  }

  /// The number of columns before those at the end that are 0; `nil` for elements of no whole bytes.
  fileprivate var columnsBeforeZeros: Int? {
    guard dtype.byteWidth != nil, let columns = shape.axes.last, columns > 0 else { return nil }
    let bytes = bytes
    var kept = 0
    for start in stride(from: 0, to: elementCount, by: columns) where kept < columns {
      var end = columns
      while end > kept, dtype.load(start + end - 1, from: bytes) == 0 { end -= 1 }
      kept = end
    }
    return kept
  }
}

extension UnsafeRawBufferPointer {
  /// Whether the first bytes are those of `other`.
  fileprivate func begin(with other: UnsafeRawBufferPointer) -> Bool {
    guard let start = baseAddress, let otherStart = other.baseAddress, other.count <= count else {
      return other.isEmpty
    }
    return memcmp(start, otherStart, other.count) == 0
  }
}
