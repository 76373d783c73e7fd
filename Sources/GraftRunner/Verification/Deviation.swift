package import GraftIR

/// How far a tensor is from the one that it is to be.
public struct Deviation: Sendable, Hashable {
  /// The largest difference of two elements; NaN where one of them is and the other is not.
  public let maxAbs: Double
  /// The norm of the difference over the norm of the original, or of nothing where the original is 0 everywhere.
  public let relativeL2: Double
  /// Whether every two elements are the same number, 0 and -0 being one, NaN and NaN too.
  public let isSame: Bool
  /// Whether no two elements differ by more than was allowed.
  public let isClose: Bool

  /// Compares `found` with `original`, of one shape; two elements may differ by `absolute` plus `relative` times the
  /// larger one.
  package init(of found: Tensor, from original: Tensor, relative: Double = 0, absolute: Double = 0) {
    precondition(found.shape == original.shape, "only tensors of one shape are compared")
    var largest = 0.0
    var square = 0.0
    var norm = 0.0
    var isClose = true
    withExtendedLifetime((found, original)) {
      let (a, b) = (found.bytes, original.bytes)
      for index in 0..<found.elementCount {
        let (x, y) = (found.dtype.load(index, from: a), original.dtype.load(index, from: b))
        norm += y.isFinite ? y * y : 0
        if x == y || (x.isNaN && y.isNaN) { continue }
        let difference = abs(x - y)
        if !(difference <= largest), !largest.isNaN { largest = difference }
        square += difference * difference
        if !(difference <= absolute + relative * max(abs(x), abs(y))) { isClose = false }
      }
    }
    maxAbs = largest
    relativeL2 = norm == 0 ? square.squareRoot() : (square / norm).squareRoot()
    isSame = largest == 0
    self.isClose = isClose
  }
}
