// What the shape rules of several primitives ask for. `name` is the primitive's, so that each rule has its own page.

extension TensorType {
  /// Checks that the primitive `name` can compute with it.
  func requireComputable(_ input: String, of name: String) throws(Diagnostic) {
    if dtype.isComputable { return }
    throw Diagnostic("\(name).dtype", "'\(input)' is \(self), and must be f16, bf16, f32 or f64")
  }

  /// Checks that its elements can be moved one by one.
  func requireWholeBytes(_ input: String, of name: String) throws(Diagnostic) {
    if dtype.byteWidth != nil { return }
    throw Diagnostic("\(name).whole-bytes", "'\(input)' is \(self), whose elements share bytes")
  }

  /// Checks that it has the type of the elements of `x`.
  func requireDType(of x: TensorType, _ input: String, of name: String) throws(Diagnostic) {
    if dtype == x.dtype { return }
    throw Diagnostic("\(name).dtype", "'\(input)' is \(self), but 'x' is \(x): types of elements must be equal")
  }

  /// Checks that it has exactly these sizes.
  func requireAxes(_ axes: [Dimension], _ input: String, _ rule: String) throws(Diagnostic) {
    if self.axes == axes { return }
    throw Diagnostic(rule, "'\(input)' is \(shapeText), and must be \(TensorType.text(of: axes))")
  }

  /// The axis under the attribute `axis`; -1 is the last.
  func axis(
    in attributes: Attributes, default fallback: Int = 0, of name: String
  ) throws(Diagnostic) -> Int {
    let given = attributes.int("axis", default: fallback)
    guard given >= -rank, given < rank else {
      throw Diagnostic("\(name).axis", "'axis' is \(given), but 'x' is \(shapeText)")
    }
    return given < 0 ? given + rank : given
  }

  /// The same type with another size on `axis`.
  func replacing(_ axis: Int, with size: Dimension) -> TensorType {
    var axes = axes
    axes[axis] = size
    return TensorType(dtype, axes)
  }

  /// The sizes that two inputs spread to.
  static func spread(_ a: TensorType, _ b: TensorType, of name: String) throws(Diagnostic) -> [Dimension] {
    if let axes = broadcast(a.axes, b.axes) { return axes }
    let (long, short) = a.rank >= b.rank ? (a, b) : (b, a)
    throw Diagnostic("\(name).broadcast", "\(short.shapeText) does not spread over \(long.shapeText)")
  }
}

extension Dimension {
  /// The sum, or `nil` where one counts in batches and the other does not; nothing is nothing of either kind.
  func adding(_ other: Dimension) -> Dimension? {
    if other.count == 0 { return self }
    if count == 0 { return other }
    let (sum, overflow) = count.addingReportingOverflow(other.count)
    if isBatch != other.isBatch || overflow { return nil }
    return isBatch ? .batch(sum) : Dimension(sum)
  }
}

extension [TensorType] {
  /// The shape of result `index`, in `evaluate`, where all sizes are numbers.
  func shape(_ index: Int = 0) -> Shape { self[index].shape ?? [] }
}
