import Glibc

/// Normal numbers from uniform ones, sixteen at a time: number j of the first eight gives the radius and number j of
/// the last eight the angle of a point whose two coordinates replace them.
///
///     radius = sqrt(-2 log(1 - u[j]))     angle = 2 pi u[j + 8]
///     u[j] = radius cos(angle)            u[j + 8] = radius sin(angle)
///
/// - Source: Box, Muller, "A Note on the Generation of Random Normal Deviates", 1958.
enum BoxMuller {
  static let blockSize = 16

  /// Replaces uniform `values`, at least 16, by normal ones. Where their number is no multiple of 16, the last 16 are
  /// drawn again and transformed as a block of their own.
  static func transform<Value: BoxMullerValue>(_ values: inout [Value], redraw: () -> Value) {
    precondition(values.count >= blockSize, "a block of normal numbers is not full")
    for start in stride(from: 0, through: values.count - blockSize, by: blockSize) {
      transformBlock(&values, from: start)
    }
    if values.count % blockSize == 0 { return }
    let last = values.count - blockSize
    for index in last..<values.count { values[index] = redraw() }
    transformBlock(&values, from: last)
  }

  private static func transformBlock<Value: BoxMullerValue>(_ values: inout [Value], from start: Int) {
    for first in start..<start + blockSize / 2 {
      let second = first + blockSize / 2
      let radius = (-2 * Value.logarithm(1 - values[first])).squareRoot()
      // Swift's `Float.pi` is rounded towards zero, not to nearest.
      let (sine, cosine) = Value.sineAndCosine(Value(2 * Double.pi) * values[second])
      values[first] = radius * cosine
      values[second] = radius * sine
    }
  }
}

/// A type of number that the transformation is computed in.
protocol BoxMullerValue: BinaryFloatingPoint {
  /// The natural logarithm of a number in (0, 1].
  static func logarithm(_ x: Self) -> Self
  /// Sine and cosine of an angle in [0, 2 pi].
  static func sineAndCosine(_ angle: Self) -> (sine: Self, cosine: Self)
}

extension Double: BoxMullerValue {
  static func logarithm(_ x: Double) -> Double { log(x) }
  static func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) { (sin(angle), cos(angle)) }
}

/// The single-precision polynomials of the Cephes library, with every product fused into the sum that follows, as the
/// vector code of PyTorch evaluates them. Other logarithms and sines are as good, but would draw other pictures.
///
/// - Source: Moshier, "Methods and Programs for Mathematical Functions", 1989: `logf`, `sinf` and `cosf`.
extension Float: BoxMullerValue {
  static func logarithm(_ x: Float) -> Float {
    // x = 2^exponent (1 + f), with 1 + f between sqrt(1/2) and sqrt(2).
    var exponent = Float(x.exponent + 1)
    var f = x.significand / 2
    if f < 0.707106781186547524 {
      exponent -= 1
      f = f - 1 + f
    } else {
      f -= 1
    }
    let square = f * f
    var series: Float = 7.0376836292e-2
    series = fused(series, f, -1.1514610310e-1)
    series = fused(series, f, 1.1676998740e-1)
    series = fused(series, f, -1.2420140846e-1)
    series = fused(series, f, 1.4249322787e-1)
    series = fused(series, f, -1.6668057665e-1)
    series = fused(series, f, 2.0000714765e-1)
    series = fused(series, f, -2.4999993993e-1)
    series = fused(series, f, 3.3333331174e-1)
    // log 2 in two parts, of which the longer is added last.
    series = fused(series * f, square, exponent * -2.12194440e-4)
    series = fused(square, -0.5, series)
    return fused(exponent, 0.693359375, f + series)
  }

  static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
    // The nearest even multiple of pi/4 is taken off, pi/4 in three parts so that nothing is lost.
    let octant = (Int(angle * 1.27323954473516) + 1) & ~1
    let multiple = Float(octant)
    var x = fused(multiple, -0.78515625, angle)
    x = fused(multiple, -2.4187564849853515625e-4, x)
    x = fused(multiple, -3.77489497744594108e-8, x)
    let square = x * x
    var cosine = fused(2.443315711809948e-5, square, -1.388731625493765e-3)
    cosine = fused(cosine, square, 4.166664568298827e-2)
    cosine = fused(cosine * square, square, square * -0.5) + 1
    var sine = fused(-1.9515295891e-4, square, 8.3321608736e-3)
    sine = fused(sine, square, -1.6666654611e-1)
    sine = fused(sine * square, x, x)
    switch octant / 2 % 4 {  // Quarter turns.
    case 0: return (sine, cosine)
    case 1: return (cosine, -sine)
    case 2: return (-sine, -cosine)
    default: return (-cosine, sine)
    }
  }

  /// a b + c, rounded once.
  private static func fused(_ a: Float, _ b: Float, _ c: Float) -> Float { c.addingProduct(a, b) }
}
