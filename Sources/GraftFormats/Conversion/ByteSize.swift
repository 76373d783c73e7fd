public import GraftIR

/// A number of bytes as a person writes it: `500000`, `512MB`, `5G`, `4GiB`.
public struct ByteSize: Sendable, Hashable {
  /// The bytes.
  public let byteCount: Int

  /// Reads `text`: K, M, G, T and KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024. A fraction is allowed.
  ///
  /// - Throws: `convert.size`.
  public init(_ text: String) throws(Diagnostic) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(number.count).drop { $0 == " " }.lowercased()
    let powers: [(String, Double)] = [("k", 1), ("m", 2), ("g", 3), ("t", 4)]
    var factor: Double? = unit.isEmpty || unit == "b" ? 1 : nil
    for (letter, power) in powers {
      if unit == letter || unit == letter + "b" { factor = repeatedProduct(1000, power) }
      if unit == letter + "ib" || unit == letter + "i" { factor = repeatedProduct(1024, power) }
    }
    guard let value = Double(number), let factor, value * factor >= 1, value * factor < 0x1p62 else {
      throw Diagnostic("convert.size", "'\(text.shortened)' is no size such as 512MB, 5G or 4GiB", category: .usage)
    }
    byteCount = Int(value * factor)
  }
}

private func repeatedProduct(_ base: Double, _ count: Double) -> Double {
  var product = 1.0
  for _ in 0..<Int(count) { product *= base }
  return product
}
