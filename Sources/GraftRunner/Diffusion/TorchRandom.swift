import Glibc

/// A random stream with the numbers of PyTorch's CPU generator, so that a seed draws the pictures it draws there.
///
/// Each method is one call of the function named in its comment, on a contiguous tensor of `count` elements. Uniform
/// numbers, whole numbers, permutations and fewer than 16 normal numbers agree bit for bit. From 16 on, normal numbers
/// follow the vector code of x86-64 with AVX2 (`BoxMuller`).
///
/// - Source: the behaviour of PyTorch 2, recorded in `Tests/Fixtures/rng`; `specs/diffusion.md` states the rules.
public struct TorchRandom: Sendable {
  private var engine: MersenneTwister
  /// The second half of a pair of normal numbers, kept for the next call of fewer than 16.
  private var spare: Double?

  /// The stream after `torch.manual_seed(seed)`. Only the low 32 bits of the seed count.
  public init(seed: Int) {
    engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
  }

  /// `torch.rand(count)`: uniform in [0, 1), 24 random bits each.
  public mutating func uniforms(_ count: Int) -> [Float] {
    (0..<count).map { _ in uniform() }
  }

  /// `torch.rand(count, dtype=torch.float64)`: uniform in [0, 1), 53 random bits each.
  public mutating func uniformDoubles(_ count: Int) -> [Double] {
    (0..<count).map { _ in uniformDouble() }
  }

  /// `torch.randn(count)`: mean 0, deviation 1.
  public mutating func normals(_ count: Int) -> [Float] {
    if count < BoxMuller.blockSize { return (0..<count).map { _ in Float(normal()) } }
    var values = uniforms(count)
    BoxMuller.transform(&values) { uniform() }
    return values
  }

  /// `torch.randn(count, dtype=torch.float64)`: mean 0, deviation 1.
  public mutating func normalDoubles(_ count: Int) -> [Double] {
    if count < BoxMuller.blockSize { return (0..<count).map { _ in normal() } }
    var values = uniformDoubles(count)
    BoxMuller.transform(&values) { uniformDouble() }
    return values
  }

  /// `torch.randint(range.lowerBound, range.upperBound, (count,))`.
  ///
  /// A span of 2^28 and more draws 64 bits a number, a smaller one 32.
  public mutating func integers(_ count: Int, in range: Range<Int>) -> [Int] {
    precondition(!range.isEmpty, "whole numbers are drawn from an empty range")
    let span = UInt64(bitPattern: Int64(range.upperBound)) &- UInt64(bitPattern: Int64(range.lowerBound))
    return (0..<count).map { _ in
      let drawn = span >= 1 << 28 ? word64() : UInt64(engine.next())
      return range.lowerBound &+ Int(truncatingIfNeeded: drawn % span)
    }
  }

  /// `torch.randperm(count)`: the numbers below `count` in random order.
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for index in 0..<max(0, count - 1) {
      order.swapAt(index, index + Int(engine.next()) % (count - index))
    }
    return order
  }

  private mutating func word64() -> UInt64 {
    let high = UInt64(engine.next())
    return high << 32 | UInt64(engine.next())
  }

  private mutating func uniform() -> Float {
    Float(engine.next() & 0xFF_FFFF) * 0x1p-24
  }

  private mutating func uniformDouble() -> Double {
    Double(word64() & (1 << 53 - 1)) * 0x1p-53
  }

  /// One normal number; every second one is free.
  private mutating func normal() -> Double {
    if let value = spare {
      spare = nil
      return value
    }
    let angle = 2 * Double.pi * uniformDouble()
    let radius = (-2 * log1p(-uniformDouble())).squareRoot()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }
}
