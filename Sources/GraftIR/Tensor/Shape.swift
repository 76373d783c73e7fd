/// The sizes of a tensor's axes, outermost first; rank 0 is a scalar and holds one element.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral {
  /// The size of each axis.
  public let axes: [Int]  // Each at least 0.

  /// A shape of the given sizes.
  public init(_ axes: [Int]) {
    precondition(axes.allSatisfy { $0 >= 0 }, "an axis has a negative size")
    self.axes = axes
  }

  /// A shape of the sizes written.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The number of axes.
  public var rank: Int { axes.count }

  /// The number of elements, or `nil` where it does not fit an `Int`.
  public var elementCount: Int? {
    if axes.contains(0) { return 0 }  // However large the other axes are.
    var count = 1
    for axis in axes {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      if overflow { return nil }  // Sizes come out of files: an answer, not a trap.
      count = product
    }
    return count
  }

  /// Elements from one index of each axis to the next, in a contiguous row-major tensor.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      // Overflow is harmless: it needs an empty axis, and then there is no element to reach.
      strides[axis] = strides[axis + 1] &* axes[axis + 1]
    }
    return strides
  }
}

extension Shape: CustomStringConvertible {
  /// The sizes as graft text writes them: `[2, 3]`.
  public var description: String { "[" + axes.map(String.init).joined(separator: ", ") + "]" }
}
