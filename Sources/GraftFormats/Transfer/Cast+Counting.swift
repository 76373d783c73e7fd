import GraftIR
import GraftKernels

extension Cast {
  /// Adds to `counts` what became of `count` elements of `before`, at most a block, whose cast is `after`. The two
  /// rooms have space for a block of floats each.
  func count(
    _ before: UnsafeRawBufferPointer, _ after: UnsafeMutableRawBufferPointer, count: Int,
    _ values: UnsafeMutableRawBufferPointer, _ back: UnsafeMutableRawBufferPointer, _ counts: inout CastCounts?
  ) {
    guard let from = before.baseAddress, let to = after.baseAddress, let wide = values.baseAddress,
      let result = back.baseAddress
    else { return }
    guard source.isFloatingPoint, target.isFloatingPoint else {
      counts? += wholeCounts(before, UnsafeRawBufferPointer(after), count: count)
      return
    }
    var found = graft_cast_counts()
    target.decode(to, into: result, count: count)  // f64 is no target here: nothing is lost in it.
    if source == .f64 {
      graft_count_f64(from, result.assumingMemoryBound(to: Float.self), count, target.saturation, &found)
    } else if source == .f32 {
      graft_count_f32(from, result.assumingMemoryBound(to: Float.self), count, target.saturation, &found)
    } else {
      source.decode(from, into: wide, count: count)
      graft_count_f32(wide, result.assumingMemoryBound(to: Float.self), count, target.saturation, &found)
    }
    counts? += CastCounts(
      overflow: Int(found.overflow), underflow: Int(found.underflow), nan: Int(found.nan), inexact: Int(found.inexact))
  }

  /// The same where one side are whole numbers, element by element.
  private func wholeCounts(
    _ before: UnsafeRawBufferPointer, _ after: UnsafeRawBufferPointer, count: Int
  ) -> CastCounts {
    var counts = CastCounts()
    for index in 0..<count {
      if source.isFloatingPoint {
        let value = source.load(index, from: before)
        if value.isNaN {
          counts.nan += 1
          continue
        }
        let result = target.whole(index, of: after)
        if Int128(exactly: value) == result { continue }
        counts.inexact += 1
        let cut = value.rounded(.towardZero)
        if Int128(exactly: cut) != result { counts.overflow += 1 } else if cut == 0 { counts.underflow += 1 }
      } else if target.isFloatingPoint {
        let value = source.whole(index, of: before)
        let result = target.load(index, from: after)
        if Int128(exactly: result) == value { continue }
        counts.inexact += 1
        let isTooLarge = !result.isFinite || Double(value.magnitude) >= Double(target.saturation)
        if isTooLarge { counts.overflow += 1 }
      } else if source.whole(index, of: before) != target.whole(index, of: after) {
        counts.inexact += 1
        counts.overflow += 1  // Whole numbers are only lost by not fitting.
      }
    }
    return counts
  }
}
