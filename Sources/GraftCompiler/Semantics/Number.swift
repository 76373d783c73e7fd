package import GraftIR

/// A number of the language: exact as long as it can be, and possibly a whole multiple of the batch.
///
/// Division is exact, so `64 * round(18 * (2 + 4 * i / 27))` means what it says. What has no exact fraction (a root, a
/// logarithm, a fraction beyond 64 bits) goes on as a double.
package enum Number: Sendable, Hashable {
  /// A fraction in lowest terms; the denominator is positive.
  case fraction(Int, Int)
  case approximate(Double)
  /// So many times the batch, which is bound at run time.
  case batch(Int)

  package init(_ value: Int) { self = .fraction(value, 1) }

  /// The number as a double, to nearest; a multiple of the batch has none.
  package var double: Double? {
    switch self {
    case .fraction(let top, let bottom): Double(top) / Double(bottom)
    case .approximate(let value): value
    case .batch: nil
    }
  }

  /// The number where it is whole and known at compile time.
  package var whole: Int? {
    switch self {
    case .fraction(let top, 1): top
    case .approximate(let value):
      value.rounded() == value && abs(value) < 0x1p53 ? Int(value) : nil
    case .fraction, .batch: nil
    }
  }

  /// The number as a size of a tensor.
  package var dimension: Dimension? {
    if case .batch(let count) = self { return .batch(count) }
    return whole.map { Dimension($0) }
  }

  package init(_ dimension: Dimension) {
    self = dimension.isBatch ? .batch(dimension.count) : Number(dimension.count)
  }
}

extension Number {
  /// The number as messages tell it: at most six digits of a fraction.
  package var short: String {
    guard whole == nil, let value = double, value.isFinite, value != 0, abs(value) < 1e6, abs(value) >= 1e-4 else {
      return description
    }
    var scale = 1.0
    while abs(value) * scale < 1e5 { scale *= 10 }
    return "\((value * scale).rounded() / scale)"
  }
}

extension Number: CustomStringConvertible {
  package var description: String {
    switch self {
    case .fraction(let top, 1): return String(top)
    case .fraction(let top, let bottom):
      let short = shortDecimal(Double(top) / Double(bottom))
      return short
    case .approximate(let value): return shortDecimal(value)
    case .batch(let count): return Dimension.batch(count).description
    }
  }

  private func shortDecimal(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15, value == 0 || abs(value) >= 1e-4 else { return "\(value)" }
    let rounded = (value * 1e6).rounded() / 1e6
    return rounded == rounded.rounded() ? String(Int(rounded)) : "\(rounded)"
  }
}

// MARK: Arithmetic

extension Number {
  /// What is wrong with an operation, told without its place.
  package struct Failure: Error {
    package let rule: String
    package let message: String
  }

  /// The number that a literal spells: digits with `_`, a fraction, an exponent, a suffix.
  package init?(literal: String) {
    var text = literal.filter { $0 != "_" }
    var factor = 1
    let suffixes = [
      ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
      ("K", 1000), ("M", 1_000_000), ("G", 1_000_000_000),
    ]
    for (suffix, value) in suffixes where text.hasSuffix(suffix) {
      text.removeLast(suffix.count)
      factor = value
      break
    }
    var exponent = 0
    if let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
      guard let value = Int(text[text.index(after: mark)...]), (-399...399).contains(value) else { return nil }
      exponent = value
      text = String(text[..<mark])
    }
    let halves = text.split(separator: ".", omittingEmptySubsequences: false)
    guard halves.count <= 2, let first = halves.first, !first.isEmpty else { return nil }
    let decimals = halves.count == 2 ? String(halves[1]) : ""
    guard let digits = Int(first + decimals), digits >= 0 else {
      guard let value = Double(text), value.isFinite else { return nil }
      if decimals.isEmpty && exponent == 0 { return nil }  // A whole number that does not fit.
      self = .approximate(value * Double(sign: .plus, exponent: 0, significand: 1) * pow10(exponent) * Double(factor))
      return
    }
    var number = Number(digits)
    let scale = exponent - decimals.count
    do throws(Failure) {
      for _ in 0..<abs(scale) { number = scale > 0 ? try number * Number(10) : try number / Number(10) }
      self = try number * Number(factor)
    } catch {
      self = .approximate(Double(digits) * pow10(scale) * Double(factor))
    }
  }

  package static func + (a: Number, b: Number) throws(Failure) -> Number {
    switch (a, b) {
    case (.batch(let x), .batch(let y)):
      let (sum, overflow) = x.addingReportingOverflow(y)
      if overflow { throw tooLarge }
      return .batch(sum)
    case (.batch, let other), (let other, .batch):
      if other.whole == 0 { return a.whole == 0 ? b : a }
      throw mixed(a, b, "+")
    case (.fraction(let t1, let b1), .fraction(let t2, let b2)):
      let (x, o1) = t1.multipliedReportingOverflow(by: b2)
      let (y, o2) = t2.multipliedReportingOverflow(by: b1)
      let (sum, o3) = x.addingReportingOverflow(y)
      let (bottom, o4) = b1.multipliedReportingOverflow(by: b2)
      if !(o1 || o2 || o3 || o4) { return reduced(sum, bottom) }
      if b1 == 1 && b2 == 1 { throw tooLarge }
      return approximate(Double(t1) / Double(b1) + Double(t2) / Double(b2))
    default: return try finite((a.double ?? .nan) + (b.double ?? .nan))
    }
  }

  package static prefix func - (a: Number) throws(Failure) -> Number {
    switch a {
    case .batch(let x): return .batch(0 &- x)
    case .fraction(let top, let bottom):
      if top == .min { throw tooLarge }
      return .fraction(-top, bottom)
    case .approximate(let value): return .approximate(-value)
    }
  }

  package static func - (a: Number, b: Number) throws(Failure) -> Number { try a + (try -b) }

  package static func * (a: Number, b: Number) throws(Failure) -> Number {
    switch (a, b) {
    case (.batch(let x), let other), (let other, .batch(let x)):
      guard case .fraction(let top, let bottom) = other else { throw mixed(a, b, "*") }
      let (product, overflow) = x.multipliedReportingOverflow(by: top)
      if overflow { throw tooLarge }
      if product % bottom != 0 { throw mixed(a, b, "*") }
      return .batch(product / bottom)
    case (.fraction(let t1, let b1), .fraction(let t2, let b2)):
      // Crossing out first keeps what fits from overflowing on the way.
      let g1 = gcd(t1, b2)
      let g2 = gcd(t2, b1)
      let (top, o1) = (t1 / g1).multipliedReportingOverflow(by: t2 / g2)
      let (bottom, o2) = (b1 / g2).multipliedReportingOverflow(by: b2 / g1)
      if !(o1 || o2) { return reduced(top, bottom) }
      if b1 == 1 && b2 == 1 { throw tooLarge }
      return approximate(Double(t1) / Double(b1) * (Double(t2) / Double(b2)))
    default: return try finite((a.double ?? .nan) * (b.double ?? .nan))
    }
  }

  package static func / (a: Number, b: Number) throws(Failure) -> Number {
    switch b {
    case .batch(let y):
      guard case .batch(let x) = a, y != 0 else { throw mixed(a, b, "/") }
      return reduced(x, y)
    case .fraction(let top, let bottom):
      if top == 0 { throw Failure(rule: "values.division-by-zero", message: "\(a) is divided by zero") }
      if top == .min { throw tooLarge }
      return try a * (top < 0 ? .fraction(-bottom, -top) : .fraction(bottom, top))
    case .approximate(let value):
      if value == 0 { throw Failure(rule: "values.division-by-zero", message: "\(a) is divided by zero") }
      return try finite((a.double ?? .nan) / value)
    }
  }

  /// The rest of a floored division; it has the sign of `b`.
  package static func % (a: Number, b: Number) throws(Failure) -> Number {
    try a - (try b * (try (try a / b).rounded(.down)))
  }

  package func power(_ exponent: Number) throws(Failure) -> Number {
    if let count = exponent.whole, case .fraction = self, count.magnitude <= 4096 {
      let factor = count < 0 ? try Number(1) / self : self
      var result = Number(1)
      for _ in 0..<count.magnitude { result = try result * factor }
      return result
    }
    guard let base = double, let power = exponent.double else { throw Number.mixed(self, exponent, "**") }
    return try Number.finite(graftPower(base, power))
  }

  package func rounded(_ rule: FloatingPointRoundingRule) throws(Failure) -> Number {
    switch self {
    case .fraction(let top, let bottom):
      let (quotient, remainder) = top.quotientAndRemainder(dividingBy: bottom)
      let floor = remainder < 0 ? quotient - 1 : quotient
      let rest = remainder < 0 ? remainder + bottom : remainder
      switch rule {
      case .down: return Number(floor)
      case .up: return Number(rest == 0 ? floor : floor + 1)
      default:
        if rest > bottom - rest { return Number(floor + 1) }
        if rest < bottom - rest { return Number(floor) }
        return Number(floor % 2 == 0 ? floor : floor + 1)  // Half goes to the even neighbour.
      }
    case .approximate(let value):
      let whole = value.rounded(rule)
      guard abs(whole) < 0x1p53 else { throw Number.tooLarge }
      return Number(Int(whole))
    case .batch: return self
    }
  }

  /// Whether `a < b`; multiples of the batch compare with each other only.
  package static func isLess(_ a: Number, _ b: Number) throws(Failure) -> Bool {
    switch (a, b) {
    case (.batch(let x), .batch(let y)): return x < y
    case (.batch, _), (_, .batch): throw mixed(a, b, "<")
    case (.fraction(let t1, let b1), .fraction(let t2, let b2)):
      let x = t1.multipliedFullWidth(by: b2)  // All 128 bits: a comparison is exact.
      let y = t2.multipliedFullWidth(by: b1)
      return x.high == y.high ? x.low < y.low : x.high < y.high
    default: return (a.double ?? .nan) < (b.double ?? .nan)
    }
  }

  package static func isEqual(_ a: Number, _ b: Number) -> Bool {
    if a == b { return true }
    guard let x = a.double, let y = b.double else { return false }
    if case .fraction = a, case .fraction = b { return false }
    return x == y
  }

  package static func finite(_ value: Double) throws(Failure) -> Number {
    guard value.isFinite else { throw Failure(rule: "values.not-finite", message: "the result is no finite number") }
    return .approximate(value)
  }

  private static var tooLarge: Failure {
    Failure(rule: "values.overflow", message: "the result does not fit 64 bits")
  }

  private static func mixed(_ a: Number, _ b: Number, _ sign: String) -> Failure {
    Failure(
      rule: "values.batch",
      message: "'\(a) \(sign) \(b)' is no whole multiple of the batch, which is known at run time only")
  }

  private static func reduced(_ top: Int, _ bottom: Int) -> Number {
    if top == .min || bottom == .min { return .approximate(Double(top) / Double(bottom)) }
    let divisor = gcd(top, bottom)
    return bottom < 0 ? .fraction(-top / divisor, -bottom / divisor) : .fraction(top / divisor, bottom / divisor)
  }

  private static func gcd(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a.magnitude, b.magnitude)
    while y != 0 { (x, y) = (y, x % y) }
    return x > UInt(Int.max) || x == 0 ? 1 : Int(x)
  }
}
