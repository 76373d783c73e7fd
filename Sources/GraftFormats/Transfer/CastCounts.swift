/// What casting a run of elements did to their values.
public struct CastCounts: Sendable, Hashable {
  /// Elements that became infinity, NaN or the largest value because the target has nothing near.
  public var overflow = 0
  /// Elements that were not zero and became zero.
  public var underflow = 0
  /// Elements that were NaN. They stay NaN where the target has one.
  public var nan = 0
  /// Elements of another value than before, those of `overflow` and `underflow` among them.
  public var inexact = 0

  /// Nothing counted yet.
  public init() {}

  /// Counts of the given kinds.
  public init(overflow: Int, underflow: Int, nan: Int, inexact: Int) {
    self.overflow = overflow
    self.underflow = underflow
    self.nan = nan
    self.inexact = inexact
  }

  /// Adds `other`.
  public static func += (sum: inout CastCounts, other: CastCounts) {
    sum.overflow += other.overflow
    sum.underflow += other.underflow
    sum.nan += other.nan
    sum.inexact += other.inexact
  }
}
