package import GraftIR
import GraftKernels

/// Turns runs of elements of one type into another, to nearest with ties to even.
///
/// Whole numbers keep their low bits; floating point becomes a whole number by leaving off the fraction.
struct Cast: Sendable {
  let source: DType
  let target: DType

  /// The cast, or `nil` where a type is only carried: complex numbers, and six bits to write.
  init?(from source: DType, to target: DType) {
    switch source {
    case .c64, .c128: return nil
    default: break
    }
    switch target {
    case .c64, .c128, .f6e2m3, .f6e3m2: return nil
    default: break
    }
    self.source = source
    self.target = target
  }

  /// Casts `count` elements. Both runs start at a whole byte.
  func run(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int) {
    guard count > 0, let from = bytes.baseAddress, let to = out.baseAddress else { return }
    switch (source, target) {
    case (.f32, .bf16): graft_cast_f32_to_bf16(from, to, count)
    case (.f32, .f16): graft_cast_f32_to_f16(from, to, count)
    case (.bf16, .f32): graft_cast_bf16_to_f32(from, to, count)
    case (.f16, .f32): graft_cast_f16_to_f32(from, to, count)
    case (.f64, .f32): graft_cast_f64_to_f32(from, to, count)
    case (.f32, .f64): graft_cast_f32_to_f64(from, to, count)
    case (.f16, .bf16), (.bf16, .f16), (.f16, .f64), (.bf16, .f64): throughFloats(bytes, into: out, count: count)
    default: elementwise(bytes, into: out, count: count)
    }
  }

  /// Every value of the source is a float, so nothing is rounded twice.
  private func throughFloats(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: min(count, 4096)) { floats in
      let room = UnsafeMutableRawBufferPointer(floats)
      let (width, outWidth) = (source.bitWidth / 8, target.bitWidth / 8)
      for start in stride(from: 0, to: count, by: 4096) {
        let run = min(4096, count - start)
        Cast(from: source, to: .f32)?.run(
          UnsafeRawBufferPointer(rebasing: bytes[start * width..<(start + run) * width]), into: room, count: run)
        Cast(from: .f32, to: target)?.run(
          UnsafeRawBufferPointer(room),
          into: UnsafeMutableRawBufferPointer(rebasing: out[start * outWidth..<(start + run) * outWidth]), count: run)
      }
    }
  }

  private func elementwise(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, count: Int) {
    let isWhole = source.isInteger || source == .bool
    if isWhole && target.isInteger {
      for index in 0..<count { storeInteger(source.wholeBits(index, of: bytes), index, in: out) }
    } else if isWhole && target == .f32 {  // Through a double, large numbers would be rounded twice.
      for index in 0..<count {
        let value =
          source == .u64 ? Float(source.wholeBits(index, of: bytes)) : Float(source.loadInteger(index, from: bytes))
        out.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
      }
    } else {
      for index in 0..<count { target.store(source.load(index, from: bytes), index, in: out) }
    }
  }

  private func storeInteger(_ bits: UInt64, _ index: Int, in out: UnsafeMutableRawBufferPointer) {
    switch target.bitWidth {
    case 8: out[index] = UInt8(truncatingIfNeeded: bits)
    case 16: out.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * index, as: UInt16.self)
    case 32: out.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: 4 * index, as: UInt32.self)
    default: out.storeBytes(of: bits, toByteOffset: 8 * index, as: UInt64.self)
    }
  }
}

extension DType {
  /// Whole number `index`, widened to 64 bits.
  fileprivate func wholeBits(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UInt64 {
    self == .u64
      ? bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
      : UInt64(bitPattern: Int64(loadInteger(index, from: bytes)))
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
