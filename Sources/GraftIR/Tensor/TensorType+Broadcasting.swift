extension TensorType {
  /// The sizes that `a` and `b` spread to, or `nil` where they do not: axes are aligned at the end, and on each the
  /// sizes are equal or one of them is 1. A batch axis equals only as many batches.
  ///
  /// Source: NumPy, "Broadcasting".
  public static func broadcast(_ a: [Dimension], _ b: [Dimension]) -> [Dimension]? {
    let (long, short) = a.count >= b.count ? (a, b) : (b, a)
    var axes = long
    let missing = long.count - short.count
    for (index, size) in short.enumerated() where size != long[missing + index] {
      if long[missing + index] == 1 {
        axes[missing + index] = size
      } else if size != 1 {
        return nil
      }
    }
    return axes
  }

  /// Whether its elements repeat to fill `axes`.
  public func spreads(over axes: [Dimension]) -> Bool {
    rank <= axes.count && zip(self.axes.reversed(), axes.reversed()).allSatisfy { $0 == $1 || $0 == 1 }
  }

  /// The sizes with a 1 wherever `axes` has an axis that these lack, so that the elements spread over `axes`; `nil`
  /// where ones do not help.
  public func axesToSpread(over axes: [Dimension]) -> [Dimension]? {
    var result: [Dimension] = []
    var rest = self.axes[...]
    // From the end, as axes are aligned.
    for size in axes.reversed() {
      if let last = rest.last, last == size || last == 1 {
        result.append(last)
        rest.removeLast()
      } else {
        result.append(1)
      }
    }
    return rest.isEmpty ? result.reversed() : nil
  }

  /// Sizes as graft text writes them: `[B, 256, 1152]`.
  public static func text(of axes: [Dimension]) -> String {
    "[" + axes.map(\.description).joined(separator: ", ") + "]"
  }
}

extension Shape {
  /// Elements from one index of each axis of `shape` to the next, in a contiguous tensor of this shape that spreads
  /// over it; 0 where elements repeat.
  package func strides(over shape: Shape) -> [Int] {
    let missing = shape.rank - rank
    var strides = [Int](repeating: 0, count: missing) + self.strides
    for (index, size) in axes.enumerated() where size != shape.axes[missing + index] { strides[missing + index] = 0 }
    return strides
  }

  /// The shape as `axis` sees it: so many blocks of `length` times `inner` elements.
  func lanes(along axis: Int) -> (outer: Int, length: Int, inner: Int) {
    let inner = axes[(axis + 1)...].reduce(1, &*)
    return (axes[..<axis].reduce(1, &*), axes[axis], inner)
  }
}
