/// The 32-bit Mersenne Twister MT19937.
///
/// - Source: Matsumoto, Nishimura, "Mersenne Twister: A 623-Dimensionally Equidistributed Uniform Pseudo-Random Number
///   Generator", 1998; seeding from the authors' revision of 2002.
struct MersenneTwister: Sendable {
  private static let wordCount = 624
  private static let middle = 397

  private var state: [UInt32]
  private var position: Int

  /// The stream of `seed`.
  init(seed: UInt32) {
    var state = [seed]
    state.reserveCapacity(Self.wordCount)
    var previous = seed
    for index in 1..<Self.wordCount {
      previous = 1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(index)
      state.append(previous)
    }
    self.state = state
    position = Self.wordCount
  }

  /// The next 32 bits.
  mutating func next() -> UInt32 {
    if position == Self.wordCount { turn() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  /// Replaces every word: the new word i mixes the old words i, i + 1 and i + 397, around the end.
  private mutating func turn() {
    for index in 0..<Self.wordCount {
      let following = state[index + 1 < Self.wordCount ? index + 1 : 0]
      let distant = index + Self.middle
      let mixed = (state[index] & 0x8000_0000) | (following & 0x7FFF_FFFF)
      state[index] =
        state[distant < Self.wordCount ? distant : distant - Self.wordCount]
        ^ (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    position = 0
  }
}
