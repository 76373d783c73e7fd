package import GraftIR
import GraftKernels

/// Turns runs of elements of one type into another, to nearest with ties to even.
///
/// Whole numbers keep their low bits; floating point becomes a whole number by leaving off the fraction. Complex
/// numbers become complex numbers alone.
package struct Cast: Sendable {
  package let source: DType
  package let target: DType

  /// The elements that pass through the cache together. A multiple of what fills whole bytes in every type.
  private static let block = 4096

  /// The cast, or `nil` between complex and real numbers.
  package init?(from source: DType, to target: DType) {
    guard source.isComplex == target.isComplex else { return nil }
    self.source = source
    self.target = target
  }

  /// Whether every value of the source is one of the target, NaN aside.
  package var isExact: Bool {
    if source == target { return true }
    guard let from = source.range, let to = target.range else { return false }
    return from.digits <= to.digits && from.low >= to.low && from.high <= to.high && (to.isSigned || !from.isSigned)
      && (to.hasZero || !from.hasZero) && (to.hasInfinity || !from.hasInfinity)
  }

  /// Whether a NaN of the source would become a number.
  package var losesNaN: Bool { source.hasNaN && !target.hasNaN }

  /// Casts `count` elements. Both runs start at a whole byte.
  package func run(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int) {
    var ignored: CastCounts?
    run(bytes, into: out, count: count, counts: &ignored)
  }

  /// Casts `count` elements and adds to `counts`, where it is given, what became of them.
  package func run(
    _ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int, counts: inout CastCounts?
  ) {
    if source.isComplex {
      let (from, to): (DType, DType) = (source == .c64 ? .f32 : .f64, target == .c64 ? .f32 : .f64)
      Cast(from: from, to: to)?.run(bytes, into: out, count: 2 * count, counts: &counts)
      return
    }
    let mustCount = counts != nil && (!isExact || losesNaN)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * Self.block) { floats in
      let values = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(floats)[..<(4 * Self.block)])
      let back = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(floats)[(4 * Self.block)...])
      for start in stride(from: 0, to: count, by: Self.block) {
        let run = min(Self.block, count - start)
        let from = UnsafeRawBufferPointer(rebasing: bytes[(start * source.bitWidth / 8)...])
        let to = UnsafeMutableRawBufferPointer(rebasing: out[(start * target.bitWidth / 8)...])
        cast(from, into: to, count: run, through: values)
        if mustCount { self.count(from, to, count: run, values, back, &counts) }
      }
    }
  }

  private func cast(
    _ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int,
    through floats: UnsafeMutableRawBufferPointer
  ) {
    guard let from = bytes.baseAddress, let to = out.baseAddress, let middle = floats.baseAddress else { return }
    if source == target {
      to.copyMemory(from: from, byteCount: count * source.bitWidth / 8)
    } else if source == .f64, target == .f32 {
      graft_cast_f64_to_f32(from, to, count)
    } else if source == .f32, target.isFloatingPoint {
      target.encode(from, into: to, count: count)
    } else if target == .f32, source.isFloatingPoint {
      source.decode(from, into: to, count: count)
    } else if source.isFloatingPoint, target.isFloatingPoint {
      // Every value of the other types is a float; a double rounded to odd is rounded only once more.
      source.decode(from, into: middle, count: count)
      target.encode(middle, into: to, count: count)
    } else if target.isFloatingPoint && target != .f64 {
      for index in 0..<count {
        middle.storeBytes(of: source.oddFloat(index, of: bytes), toByteOffset: 4 * index, as: Float.self)
      }
      if target == .f32 { return nearestFloats(bytes, into: out, count: count) }
      target.encode(middle, into: to, count: count)
    } else {
      wholeNumbers(bytes, into: out, count: count)
    }
  }

  private func nearestFloats(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int) {
    for index in 0..<count {
      let value =
        source == .u64 ? Float(source.wholeBits(index, of: bytes)) : Float(source.loadInteger(index, from: bytes))
      out.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
    }
  }

  private func wholeNumbers(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int) {
    if source.isFloatingPoint || !target.isInteger {
      for index in 0..<count { target.store(source.load(index, from: bytes), index, in: out) }
    } else {
      for index in 0..<count { target.store(bits: source.wholeBits(index, of: bytes), index, in: out) }
    }
  }
}

extension Tensor {
  /// The same values as another type, or `nil` where there is no cast.
  package func cast(to target: DType) -> Tensor? {
    if target == dtype { return self }
    guard let cast = Cast(from: dtype, to: target), target.byteCount(of: elementCount) != nil else { return nil }
    let result = Tensor(zeros: target, shape)
    cast.run(bytes, into: result.mutableBytes, count: elementCount)
    return result
  }
}
