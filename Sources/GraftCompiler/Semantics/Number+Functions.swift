import Glibc

/// `base` to the power of `exponent`.
func graftPower(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// Ten to the power of `exponent`.
func pow10(_ exponent: Int) -> Double { pow(10, Double(exponent)) }

extension Number {
  /// The functions of one number that have no exact result.
  package static let realFunctions: [String: @Sendable (Double) -> Double] = [
    "sqrt": { $0.squareRoot() }, "exp": { exp($0) }, "log": { log($0) }, "sin": { sin($0) }, "cos": { cos($0) },
  ]
}
