import GraftIR

/// Which numbers a type has: those of at most `digits` binary digits in a row, from 2^`low` to below 2^`high`.
///
/// Source: IEEE 754, and the layouts that `MiniFloat` names.
struct NumberRange: Sendable, Hashable {
  /// Binary digits of a significand, the leading one counted.
  let digits: Int
  /// The exponent of the smallest positive number.
  let low: Int
  /// All magnitudes lie below two to this.
  let high: Int
  var isSigned = true
  var hasZero = true
  var hasInfinity = false
}

extension DType {
  /// The numbers of the type, or `nil` for complex numbers.
  var range: NumberRange? {
    switch self {
    case .bool: NumberRange(digits: 1, low: 0, high: 1, isSigned: false)
    case .u8, .u16, .u32, .u64: NumberRange(digits: bitWidth, low: 0, high: bitWidth, isSigned: false)
    case .i8, .i16, .i32, .i64: NumberRange(digits: bitWidth - 1, low: 0, high: bitWidth)  // -2^7 is one digit.
    case .f16: NumberRange(digits: 11, low: -24, high: 16, hasInfinity: true)
    case .bf16: NumberRange(digits: 8, low: -133, high: 128, hasInfinity: true)
    case .f32: NumberRange(digits: 24, low: -149, high: 128, hasInfinity: true)
    case .f64: NumberRange(digits: 53, low: -1074, high: 1024, hasInfinity: true)
    case .f8e4m3: NumberRange(digits: 4, low: -9, high: 9)
    case .f8e5m2: NumberRange(digits: 3, low: -16, high: 16, hasInfinity: true)
    case .f8e4m3fnuz: NumberRange(digits: 4, low: -10, high: 8)
    case .f8e5m2fnuz: NumberRange(digits: 3, low: -17, high: 16)
    case .f8e8m0: NumberRange(digits: 1, low: -127, high: 128, isSigned: false, hasZero: false)
    case .f6e2m3: NumberRange(digits: 4, low: -3, high: 3)
    case .f6e3m2: NumberRange(digits: 3, low: -4, high: 5)
    case .f4: NumberRange(digits: 2, low: -1, high: 3)
    case .c64, .c128: nil
    }
  }

  /// Whether elements are pairs of a real and an imaginary part.
  var isComplex: Bool { self == .c64 || self == .c128 }

  /// Whether it can say that something is no number.
  var hasNaN: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64, .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: true
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f6e2m3, .f6e3m2, .f4: false
    }
  }

  /// The least magnitude that becomes the largest value because the type has neither infinity nor NaN, else NaN.
  /// It lies halfway between the largest value and the next that there would be, which is the even one.
  var saturation: Float {
    switch self {
    case .f6e2m3: 7.75
    case .f6e3m2: 30
    case .f4: 7
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f16, .bf16, .f32, .f64, .c64, .c128, .f8e4m3, .f8e5m2,
      .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz:
      .nan
    }
  }
}
