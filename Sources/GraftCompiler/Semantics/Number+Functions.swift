import Glibc

/// `base` to the power of `exponent`.
func graftPower(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// Ten to the power of `exponent`.
func pow10(_ exponent: Int) -> Double { pow(10, Double(exponent)) }

extension Number {
  /// The functions of one number that have no exact result.
  package static let realFunctions: [String: @Sendable (Double) -> Double] = [
    "sqrt": { $0.squareRoot() }, "exp": { exp($0) }, "log": { log($0) }, "sin": { sin($0) }, "cos": { cos($0) },
    "rsqrt": { 1 / $0.squareRoot() }, "tanh": { tanh($0) }, "erf": { erf($0) }, "sigmoid": { 1 / (1 + exp(-$0)) },
    "silu": { $0 / (1 + exp(-$0)) }, "softplus": { max($0, 0) + log1p(exp(-abs($0))) }, "relu": { max($0, 0) },
  ]
}
