/// A floating-point layout of at most 16 bits: sign, exponent, mantissa, and what it says of infinity and NaN.
///
/// Source: OCP "8-bit Floating Point Specification" 1.0 (e4m3fn, e5m2), "Microscaling Formats" 1.0 (e2m1, e2m3, e3m2),
/// and for the fnuz variants Noune et al., "8-bit Numerical Formats for Deep Neural Networks", 2022.
public struct MiniFloat: Sendable {
  /// What the largest codes mean.
  enum Special { case ieee, nanOnly, negativeZeroIsNaN, none }

  let exponentBits: Int
  let mantissaBits: Int
  let bias: Int
  let special: Special

  package static let f16 = MiniFloat(exponentBits: 5, mantissaBits: 10, bias: 15, special: .ieee)
  package static let bf16 = MiniFloat(exponentBits: 8, mantissaBits: 7, bias: 127, special: .ieee)
  package static let f8e4m3 = MiniFloat(exponentBits: 4, mantissaBits: 3, bias: 7, special: .nanOnly)
  package static let f8e5m2 = MiniFloat(exponentBits: 5, mantissaBits: 2, bias: 15, special: .ieee)
  package static let f8e4m3fnuz = MiniFloat(exponentBits: 4, mantissaBits: 3, bias: 8, special: .negativeZeroIsNaN)
  package static let f8e5m2fnuz = MiniFloat(exponentBits: 5, mantissaBits: 2, bias: 16, special: .negativeZeroIsNaN)
  package static let f6e2m3 = MiniFloat(exponentBits: 2, mantissaBits: 3, bias: 1, special: .none)
  package static let f6e3m2 = MiniFloat(exponentBits: 3, mantissaBits: 2, bias: 3, special: .none)
  package static let f4 = MiniFloat(exponentBits: 2, mantissaBits: 1, bias: 1, special: .none)

  private var signBit: UInt32 { 1 << UInt32(exponentBits + mantissaBits) }
  private var topExponent: Int { (1 << exponentBits) - 1 }

  /// The value of the low bits of `code`.
  package func decode(_ code: UInt32) -> Double {
    let negative = code & signBit != 0
    let exponent = Int(code >> UInt32(mantissaBits)) & topExponent
    let mantissa = Int(code) & ((1 << mantissaBits) - 1)
    switch special {
    case .ieee where exponent == topExponent:
      return mantissa != 0 ? .nan : negative ? -.infinity : .infinity
    case .nanOnly where exponent == topExponent && mantissa == (1 << mantissaBits) - 1: return .nan
    case .negativeZeroIsNaN where code == signBit: return .nan
    case .ieee, .nanOnly, .negativeZeroIsNaN, .none: break
    }
    var magnitude = Double(mantissa) * Double(sign: .plus, exponent: 1 - bias - mantissaBits, significand: 1)
    if exponent > 0 {  // A normal number is one in double too: the same mantissa, and another bias.
      let bits = UInt64(exponent + 1023 - bias) << 52 | UInt64(mantissa) << UInt64(52 - mantissaBits)
      magnitude = Double(bitPattern: bits)
    }
    return negative ? -magnitude : magnitude
  }

  /// The code nearest to `value`, ties to even; too large becomes infinity where there is one, NaN where there is
  /// only that, and the largest value where there is neither.
  package func encode(_ value: Double) -> UInt32 {
    let sign = value.sign == .minus ? signBit : 0
    let mantissaMask = UInt32(1 << mantissaBits) - 1
    if value.isNaN {
      switch special {
      case .ieee: return sign | UInt32(topExponent) << UInt32(mantissaBits) | 1 << UInt32(mantissaBits - 1)
      case .nanOnly: return sign | UInt32(topExponent) << UInt32(mantissaBits) | mantissaMask
      case .negativeZeroIsNaN: return signBit
      case .none: return 0
      }
    }
    let largest: UInt32 =
      switch special {
      case .ieee: UInt32(topExponent) << UInt32(mantissaBits) - 1
      case .nanOnly: UInt32(topExponent) << UInt32(mantissaBits) | (mantissaMask - 1)
      case .negativeZeroIsNaN, .none: UInt32(topExponent) << UInt32(mantissaBits) | mantissaMask
      }
    let magnitude = abs(value)
    let dropped = UInt64(52 - mantissaBits)
    var code = largest + 1
    if magnitude.bitPattern >= UInt64(1024 - bias) << 52, magnitude.isFinite {
      // Normal here and there. Half of what is dropped, less one unless the last bit kept is odd, carries into the bits
      // kept exactly where they are to be rounded up, and from the mantissa into the exponent.
      let bits = magnitude.bitPattern
      let rounded = (bits + (1 << (dropped - 1)) - 1 + (bits >> dropped & 1)) >> dropped
      code = UInt32(min(rounded - UInt64(1023 - bias) << UInt64(mantissaBits), UInt64(largest) + 1))
    } else if magnitude.isFinite {
      let unit = Double(sign: .plus, exponent: 1 - bias - mantissaBits, significand: 1)
      code = UInt32((magnitude / unit).rounded(.toNearestOrEven))
    }
    if code > largest {
      switch special {
      case .ieee: return sign | UInt32(topExponent) << UInt32(mantissaBits)
      case .nanOnly: return sign | UInt32(topExponent) << UInt32(mantissaBits) | mantissaMask
      case .negativeZeroIsNaN: return signBit
      case .none: return sign | largest
      }
    }
    if code == 0, special == .negativeZeroIsNaN { return 0 }
    return sign | code
  }
}
