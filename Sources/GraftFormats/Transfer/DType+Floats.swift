import GraftIR
import GraftKernels

extension DType {
  /// The kernels' name of a floating-point type of at most a byte.
  private var small: graft_small_float? {
    switch self {
    case .f8e4m3: GRAFT_F8E4M3
    case .f8e5m2: GRAFT_F8E5M2
    case .f8e4m3fnuz: GRAFT_F8E4M3FNUZ
    case .f8e5m2fnuz: GRAFT_F8E5M2FNUZ
    case .f8e8m0: GRAFT_F8E8M0
    case .f6e2m3: GRAFT_F6E2M3
    case .f6e3m2: GRAFT_F6E3M2
    case .f4: GRAFT_F4
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f16, .bf16, .f32, .f64, .c64, .c128: nil
    }
  }

  /// Turns `count` elements of this floating-point type into f32: exactly, or a double to the neighbour whose last bit
  /// is odd.
  func decode(_ from: UnsafeRawPointer, into to: UnsafeMutableRawPointer, count: Int) {
    switch self {
    case .f16: graft_cast_f16_to_f32(from, to, count)
    case .bf16: graft_cast_bf16_to_f32(from, to, count)
    case .f64: graft_cast_f64_to_f32_odd(from, to, count)
    case .f32: to.copyMemory(from: from, byteCount: 4 * count)
    case .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4:
      guard let small else { return }
      let bytes = from.assumingMemoryBound(to: UInt8.self)
      if bitWidth == 8 { return graft_cast_small_to_f32(small, bytes, to, count) }
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { codes in
        guard let start = codes.baseAddress else { return }
        graft_unpack_codes(Int32(bitWidth), bytes, start, count)
        graft_cast_small_to_f32(small, start, to, count)
      }
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .c64, .c128:
      preconditionFailure("\(self) is no floating-point type")
    }
  }

  /// Rounds `count` floats to this floating-point type.
  func encode(_ from: UnsafeRawPointer, into to: UnsafeMutableRawPointer, count: Int) {
    switch self {
    case .f16: graft_cast_f32_to_f16(from, to, count)
    case .bf16: graft_cast_f32_to_bf16(from, to, count)
    case .f64: graft_cast_f32_to_f64(from, to, count)
    case .f32: to.copyMemory(from: from, byteCount: 4 * count)
    case .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4:
      guard let small else { return }
      let bytes = to.assumingMemoryBound(to: UInt8.self)
      if bitWidth == 8 { return graft_cast_f32_to_small(small, from, bytes, count) }
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { codes in
        guard let start = codes.baseAddress else { return }
        graft_cast_f32_to_small(small, from, start, count)
        graft_pack_codes(Int32(bitWidth), start, bytes, count)
      }
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .c64, .c128:
      preconditionFailure("\(self) is no floating-point type")
    }
  }

  /// Whole number or truth `index`, widened to 64 bits.
  func wholeBits(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UInt64 {
    self == .u64
      ? bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
      : UInt64(bitPattern: Int64(loadInteger(index, from: bytes)))
  }

  /// Whole number or truth `index` as it is.
  func whole(_ index: Int, of bytes: UnsafeRawBufferPointer) -> Int128 {
    self == .u64 ? Int128(wholeBits(index, of: bytes)) : Int128(loadInteger(index, from: bytes))
  }

  /// Whole number or truth `index` as a float; where none holds it, the neighbour whose last bit is odd.
  func oddFloat(_ index: Int, of bytes: UnsafeRawBufferPointer) -> Float {
    let value = whole(index, of: bytes)
    let magnitude = value.magnitude
    let dropped = max(0, 128 - 24 - magnitude.leadingZeroBitCount)
    let kept = magnitude >> UInt128(dropped)
    let odd = kept << UInt128(dropped) == magnitude ? kept : kept | 1
    let float = Float(sign: .plus, exponent: dropped, significand: Float(UInt32(odd)))
    return value < 0 ? -float : float
  }

  /// Writes the low bits of a whole number as element `index` of this type of whole numbers.
  func store(bits: UInt64, _ index: Int, in out: UnsafeMutableRawBufferPointer) {
    switch bitWidth {
    case 8: out[index] = UInt8(truncatingIfNeeded: bits)
    case 16: out.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * index, as: UInt16.self)
    case 32: out.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: 4 * index, as: UInt32.self)
    default: out.storeBytes(of: bits, toByteOffset: 8 * index, as: UInt64.self)
    }
  }
}
