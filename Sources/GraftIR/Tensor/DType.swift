/// The type of a tensor's elements, with the spellings that checkpoint formats use.
///
/// Source: safetensors 0.8.0 `Dtype`, and PyTorch's names for the same types.
public enum DType: String, Sendable, Hashable, CaseIterable {
  case bool, u8, i8, u16, i16, u32, i32, u64, i64
  case f16, bf16, f32, f64, c64, c128
  case f8e4m3, f8e5m2, f8e8m0, f8e4m3fnuz, f8e5m2fnuz
  case f6e2m3, f6e3m2, f4

  /// The width of one element in bits; 4-bit and 6-bit types are packed without gaps.
  public var bitWidth: Int {
    switch self {
    case .f4: 4
    case .f6e2m3, .f6e3m2: 6
    case .bool, .u8, .i8, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
    case .u16, .i16, .f16, .bf16: 16
    case .u32, .i32, .f32: 32
    case .u64, .i64, .f64, .c64: 64
    case .c128: 128
    }
  }

  /// The bytes of one element, or `nil` where several elements share a byte.
  public var byteWidth: Int? { bitWidth % 8 == 0 ? bitWidth / 8 : nil }

  /// Whether elements are real numbers with an exponent.
  public var isFloatingPoint: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4: true
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .c64, .c128: false
    }
  }

  /// Whether elements are whole numbers; `bool` is not.
  public var isInteger: Bool {
    switch self {
    case .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64: true
    case .bool, .f16, .bf16, .f32, .f64, .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3,
      .f6e3m2, .f4:
      false
    }
  }

  /// Whether primitives compute with it: floating point of at least 16 bits. Narrower numbers are cast first.
  public var isComputable: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz,
      .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4:
      false
    }
  }

  /// Whether numbers can be written in it; the others are only carried.
  public var isWritable: Bool {
    switch self {
    case .c64, .c128, .f6e2m3, .f6e3m2: false
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f16, .bf16, .f32, .f64, .f8e4m3, .f8e5m2, .f8e8m0,
      .f8e4m3fnuz, .f8e5m2fnuz, .f4:
      true
    }
  }

  /// The spelling of a safetensors header, or `nil` for the one type it lacks.
  public var safetensorsName: String? {
    switch self {
    case .bool: "BOOL"
    case .u8: "U8"
    case .i8: "I8"
    case .u16: "U16"
    case .i16: "I16"
    case .u32: "U32"
    case .i32: "I32"
    case .u64: "U64"
    case .i64: "I64"
    case .f16: "F16"
    case .bf16: "BF16"
    case .f32: "F32"
    case .f64: "F64"
    case .c64: "C64"
    case .c128: nil
    case .f8e4m3: "F8_E4M3"
    case .f8e5m2: "F8_E5M2"
    case .f8e8m0: "F8_E8M0"
    case .f8e4m3fnuz: "F8_E4M3FNUZ"
    case .f8e5m2fnuz: "F8_E5M2FNUZ"
    case .f6e2m3: "F6_E2M3"
    case .f6e3m2: "F6_E3M2"
    case .f4: "F4"
    }
  }

  /// The type that a safetensors header spells `name`.
  public init?(safetensorsName name: String) {
    guard let found = DType.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = found
  }

  /// The bytes that `elementCount` elements fill, or `nil` where they overflow or end inside a byte.
  public func byteCount(of elementCount: Int) -> Int? {
    let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitWidth)
    if let width = byteWidth {  // Byte counts overflow later than bit counts.
      let (bytes, tooMany) = elementCount.multipliedReportingOverflow(by: width)
      return tooMany ? nil : bytes
    }
    return overflow || bits % 8 != 0 ? nil : bits / 8
  }
}

extension DType: CustomStringConvertible {
  /// The spelling of graft text.
  public var description: String { rawValue }
}
