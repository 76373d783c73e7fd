/// One size in a graph: a number known at compile time, or a whole multiple of the batch, which is bound at run time.
public struct Dimension: Sendable, Hashable, ExpressibleByIntegerLiteral {
  /// The size, or how many times the batch it is.
  public let count: Int
  /// Whether `count` is in batches.
  public let isBatch: Bool

  /// A size known at compile time.
  public init(_ count: Int) {
    self.count = count
    isBatch = false
  }

  /// A size known at compile time, as it is written.
  public init(integerLiteral value: Int) { self.init(value) }

  /// `multiple` times the batch.
  public static func batch(_ multiple: Int = 1) -> Dimension { Dimension(batchMultiple: multiple) }

  private init(batchMultiple: Int) {
    count = batchMultiple
    isBatch = true
  }

  /// The size where the batch is `batch`, or `nil` where it does not fit an `Int`.
  public func bound(batch: Int) -> Int? {
    if !isBatch { return count }
    let (size, overflow) = count.multipliedReportingOverflow(by: batch)
    return overflow ? nil : size
  }
}

extension Dimension: CustomStringConvertible {
  /// The size as graft text writes it: `256`, `B` or `2 * B`.
  public var description: String {
    if !isBatch { return String(count) }
    return count == 1 ? "B" : "\(count) * B"
  }
}

/// What is known of a tensor before it exists: the type of its elements and the size of each axis.
public struct TensorType: Sendable, Hashable {
  /// The type of the elements.
  public let dtype: DType
  /// The size of each axis, outermost first.
  public let axes: [Dimension]

  /// A type of the given sizes.
  public init(_ dtype: DType, _ axes: [Dimension]) {
    self.dtype = dtype
    self.axes = axes
  }

  /// A type whose sizes are all numbers.
  public init(_ dtype: DType, _ shape: Shape) { self.init(dtype, shape.axes.map { Dimension($0) }) }

  /// The number of axes.
  public var rank: Int { axes.count }

  /// The shape, or `nil` where an axis counts in batches.
  public var shape: Shape? { axes.contains(where: \.isBatch) ? nil : Shape(axes.map(\.count)) }

  /// The shape where the batch is `batch`, or `nil` where a size does not fit an `Int`.
  public func shape(batch: Int) -> Shape? {
    var sizes: [Int] = []
    for axis in axes {
      guard let size = axis.bound(batch: batch) else { return nil }
      sizes.append(size)
    }
    return Shape(sizes)
  }

  /// Whether no size is negative and all together stay below 2^48, an empty axis counted as 1. Sizes of plausible types
  /// can be added without overflow.
  public var isPlausible: Bool {
    var count = 1
    for axis in axes {
      let (product, overflow) = count.multipliedReportingOverflow(by: max(axis.count, 1))
      if axis.count < 0 || overflow || product > 1 << 48 { return false }
      count = product
    }
    return true
  }

  /// The product of all sizes: a number, or a multiple of the batch, or `nil` where it is neither or overflows.
  public var elementCount: Dimension? {
    if axes.contains(where: { $0.count == 0 }) { return 0 }  // However large the other axes are.
    var count = 1
    var isBatch = false
    for axis in axes {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis.count)
      if overflow || (axis.isBatch && isBatch) { return nil }
      count = product
      isBatch = isBatch || axis.isBatch
    }
    return isBatch ? .batch(count) : Dimension(count)
  }
}

extension TensorType: CustomStringConvertible {
  /// The type as graft text writes it: `f32[B, 256, 1152]`.
  public var description: String { "\(dtype)\(shapeText)" }

  /// The sizes alone, as graft text writes them: `[B, 256, 1152]`.
  public var shapeText: String { "[" + axes.map(\.description).joined(separator: ", ") + "]" }
}
