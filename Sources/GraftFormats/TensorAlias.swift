public import GraftIR

/// What ties a tensor to another one of the same checkpoint whose bytes it shows, so that both change together.
public struct TensorAlias: Sendable, Hashable {
  /// The number of the tensor whose bytes are shown; it is contiguous and no alias itself.
  public let target: Int
  /// The first element that is shown, counted from the target's first.
  public let offset: Int
  /// The elements from one neighbour to the next along each axis.
  public let strides: [Int]

  /// An alias of parts of `target`.
  public init(target: Int, offset: Int, strides: [Int]) {
    self.target = target
    self.offset = offset
    self.strides = strides
  }

  /// An alias of all of `target`, which has the same `shape`.
  public init(wholeOf target: Int, shape: Shape) {
    self.init(target: target, offset: 0, strides: shape.strides)
  }

  /// The same elements of the same target, which has another number now.
  func retargeted(to target: Int) -> TensorAlias { TensorAlias(target: target, offset: offset, strides: strides) }

  /// Whether a tensor of `shape` shows all of a target of that shape, element by element.
  public func isWhole(_ shape: Shape, ofTarget target: Shape) -> Bool {
    shape == target && offset == 0 && strides == shape.strides
  }
}
