extension Tensor {
  /// An f32 tensor of the given values, row by row.
  public init(_ values: [Float], _ shape: Shape) {
    precondition(values.count == shape.elementCount, "as many values as elements")
    self.init(zeros: .f32, shape)
    values.withUnsafeBytes { mutableBytes.copyMemory(from: $0) }
  }

  /// A tensor of `values` rounded to `dtype`: floating point to nearest, ties to even; integers must fit, and
  /// wrap where they do not.
  public init(_ dtype: DType, _ shape: Shape, doubles values: [Double]) {
    precondition(values.count == shape.elementCount, "as many values as elements")
    self.init(zeros: dtype, shape)
    let out = mutableBytes
    switch dtype {
    case .f32:  // By far the most common type: no question of the type for each element.
      for (index, value) in values.enumerated() {
        out.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
      }
    case .f64: values.withUnsafeBytes { out.copyMemory(from: $0) }
    default: for (index, value) in values.enumerated() { dtype.store(value, index, in: out) }
    }
  }

  /// A tensor of whole numbers.
  public init(_ dtype: DType, _ shape: Shape, integers values: [Int]) {
    precondition(values.count == shape.elementCount && (dtype.isInteger || dtype == .bool), "whole numbers, one each")
    self.init(zeros: dtype, shape)
    let out = mutableBytes
    for (index, value) in values.enumerated() { dtype.store(integer: value, index, in: out) }
  }

  /// Every element as a double, row by row. Exact for every type but 64-bit integers beyond 2^53.
  public var doubles: [Double] {
    let bytes = bytes
    switch dtype {
    case .f32:
      return (0..<elementCount).map { Double(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
    case .f64: return (0..<elementCount).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    default: return (0..<elementCount).map { dtype.load($0, from: bytes) }
    }
  }

  /// Every element as a float, row by row.
  public var floats: [Float] {
    let bytes = bytes
    if dtype == .f32 {
      return [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        count = elementCount
      }
    }
    return (0..<elementCount).map { Float(dtype.load($0, from: bytes)) }
  }

  /// Every element of an integer or boolean tensor, row by row.
  public var integers: [Int] {
    precondition(dtype.isInteger || dtype == .bool, "whole numbers")
    let bytes = bytes
    return (0..<elementCount).map { dtype.loadInteger($0, from: bytes) }
  }
}

extension DType {
  /// Element `index` of packed little-endian `bytes`; a complex number gives its real part.
  public func load(_ index: Int, from bytes: UnsafeRawBufferPointer) -> Double {
    switch self {
    case .f64: bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
    case .f32: Double(bytes.loadUnaligned(fromByteOffset: index * 4, as: Float.self))
    case .f16: MiniFloat.f16.decode(UInt32(bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
    case .bf16:
      Double(
        Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)) << 16))
    case .f8e4m3: MiniFloat.f8e4m3.decode(UInt32(bytes[index]))
    case .f8e5m2: MiniFloat.f8e5m2.decode(UInt32(bytes[index]))
    case .f8e4m3fnuz: MiniFloat.f8e4m3fnuz.decode(UInt32(bytes[index]))
    case .f8e5m2fnuz: MiniFloat.f8e5m2fnuz.decode(UInt32(bytes[index]))
    case .f8e8m0: bytes[index] == 0xFF ? .nan : Double(sign: .plus, exponent: Int(bytes[index]) - 127, significand: 1)
    case .f4: MiniFloat.f4.decode(UInt32(bytes[index / 2] >> (index % 2 * 4)) & 0xF)
    case .f6e2m3, .f6e3m2:
      (self == .f6e2m3 ? MiniFloat.f6e2m3 : MiniFloat.f6e3m2).decode(sixBits(index, of: bytes))
    case .c64: Double(bytes.loadUnaligned(fromByteOffset: index * 8, as: Float.self))
    case .c128: bytes.loadUnaligned(fromByteOffset: index * 16, as: Double.self)
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64:
      self == .u64
        ? Double(bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        : Double(loadInteger(index, from: bytes))
    }
  }

  /// Element `index` of packed integers or booleans; `u64` beyond `Int.max` is clamped.
  public func loadInteger(_ index: Int, from bytes: UnsafeRawBufferPointer) -> Int {
    switch self {
    case .bool: bytes[index] == 0 ? 0 : 1
    case .u8: Int(bytes[index])
    case .i8: Int(Int8(bitPattern: bytes[index]))
    case .u16: Int(bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
    case .i16: Int(bytes.loadUnaligned(fromByteOffset: index * 2, as: Int16.self))
    case .u32: Int(bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
    case .i32: Int(bytes.loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
    case .u64: Int(clamping: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    case .i64: Int(bytes.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
    case .f16, .bf16, .f32, .f64, .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2,
      .f4:
      preconditionFailure("\(self) holds no whole numbers")
    }
  }

  /// Writes `value`, rounded to nearest with ties to even, as element `index`.
  public func store(_ value: Double, _ index: Int, in bytes: UnsafeMutableRawBufferPointer) {
    switch self {
    case .f64: bytes.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
    case .f32: bytes.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
    case .f16:
      bytes.storeBytes(of: UInt16(MiniFloat.f16.encode(value)), toByteOffset: index * 2, as: UInt16.self)
    case .bf16:
      bytes.storeBytes(of: UInt16(MiniFloat.bf16.encode(value)), toByteOffset: index * 2, as: UInt16.self)
    case .f8e4m3: bytes[index] = UInt8(MiniFloat.f8e4m3.encode(value))
    case .f8e5m2: bytes[index] = UInt8(MiniFloat.f8e5m2.encode(value))
    case .f8e4m3fnuz: bytes[index] = UInt8(MiniFloat.f8e4m3fnuz.encode(value))
    case .f8e5m2fnuz: bytes[index] = UInt8(MiniFloat.f8e5m2fnuz.encode(value))
    case .f8e8m0:
      // A power of two; halfway between two of them, at 1.5, is the upper one, and what is too large is NaN, as PyTorch
      // rounds them.
      let exponent = value.isFinite && value > 0 ? Int(value.exponent) + (value.significand >= 1.5 ? 1 : 0) : 0
      bytes[index] = value.isFinite && value > 0 ? UInt8(max(0, min(255, exponent + 127))) : 0xFF
    case .f4:
      let shift = UInt8(index % 2 * 4)
      let bits = UInt8(MiniFloat.f4.encode(value)) << shift
      bytes[index / 2] = bytes[index / 2] & ~(0xF << shift) | bits
    case .f6e2m3, .f6e3m2, .c64, .c128: preconditionFailure("\(self) is carried, never computed")
    case .bool: bytes[index] = value == 0 ? 0 : 1
    case .u64 where value >= 0x1p63:  // Where `Int64` ends and `UInt64` does not.
      let whole = value >= 0x1p64 ? UInt64.max : UInt64(value)
      bytes.storeBytes(of: whole, toByteOffset: index * 8, as: UInt64.self)
    case .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64:
      store(integer: Int(Int64(clampingToRange: value)), index, in: bytes)
    }
  }

  /// Writes the low bits of a whole number as element `index`.
  func store(integer value: Int, _ index: Int, in bytes: UnsafeMutableRawBufferPointer) {
    switch bitWidth {
    case 8: bytes[index] = UInt8(truncatingIfNeeded: value)
    case 16: bytes.storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: index * 2, as: UInt16.self)
    case 32: bytes.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: index * 4, as: UInt32.self)
    default: bytes.storeBytes(of: value, toByteOffset: index * 8, as: Int.self)
    }
  }

  private func sixBits(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UInt32 {
    let bit = index * 6
    let low = UInt32(bytes[bit / 8])
    let high = bit / 8 + 1 < bytes.count ? UInt32(bytes[bit / 8 + 1]) : 0
    return (low | high << 8) >> UInt32(bit % 8) & 0x3F
  }
}

extension Int64 {
  /// The whole part of `value`, at the nearest end of the range where it lies outside; NaN gives 0.
  fileprivate init(clampingToRange value: Double) {
    if value.isNaN {
      self = 0
    } else if value >= 0x1p63 {
      self = .max
    } else if value < -0x1p63 {
      self = .min
    } else {
      self = Int64(value)
    }
  }
}
