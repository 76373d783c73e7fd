/// What has to be done at least, whoever does it.
public struct Work: Sendable, Hashable {
  /// Floating-point operations of products, two for each multiply-add.
  public internal(set) var operations = 0.0
  /// The same of products of 8-bit integers.
  public internal(set) var integerOperations = 0.0
  /// The bytes of weights and activations that are read and written, each once.
  public internal(set) var byteCount = 0.0

  static func + (a: Work, b: Work) -> Work {
    var sum = a
    sum.operations += b.operations
    sum.integerOperations += b.integerOperations
    sum.byteCount += b.byteCount
    return sum
  }
}
