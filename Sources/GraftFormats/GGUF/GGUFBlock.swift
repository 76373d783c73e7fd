import GraftKernels

/// A kind of block of quantised numbers, and what numbers its bytes are.
///
/// Source: ggml `ggml-quants.c`, the functions `dequantize_row_*`; products and sums in single precision, as there.
enum GGUFBlock: Sendable, Hashable {
  case q4_0, q4_1, q5_0, q5_1, q8_0, q2K, q3K, q4K, q5K, q6K

  /// The kind of `type`, or `nil` where its blocks are not read.
  init?(_ type: GGUFType) {
    let kinds: [String: GGUFBlock] = [
      "Q4_0": .q4_0, "Q4_1": .q4_1, "Q5_0": .q5_0, "Q5_1": .q5_1, "Q8_0": .q8_0, "Q2_K": .q2K, "Q3_K": .q3K,
      "Q4_K": .q4K, "Q5_K": .q5K, "Q6_K": .q6K,
    ]
    guard let kind = kinds[type.name] else { return nil }
    self = kind
  }

  /// Writes the numbers of the block at `block` to `numbers`, which has room for all of them.
  func unpack(_ block: UnsafeRawPointer, to numbers: UnsafeMutablePointer<Float>) {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1: Self.unpackNibbles(self, block, numbers)
    case .q8_0:
      let scale = Self.half(block, 0)
      for index in 0..<32 { numbers[index] = Float(Self.signed(block, 2 + index)) * scale }
    case .q2K: Self.unpackQ2K(block, numbers)
    case .q3K: Self.unpackQ3K(block, numbers)
    case .q4K: Self.unpackQ45K(block, numbers, hasFifthBit: false)
    case .q5K: Self.unpackQ45K(block, numbers, hasFifthBit: true)
    case .q6K: Self.unpackQ6K(block, numbers)
    }
  }

  private static func byte(_ block: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(block.load(fromByteOffset: offset, as: UInt8.self))
  }

  private static func signed(_ block: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(block.load(fromByteOffset: offset, as: Int8.self))
  }

  private static func half(_ block: UnsafeRawPointer, _ offset: Int) -> Float {
    var value: Float = 0
    graft_cast_f16_to_f32(block + offset, &value, 1)
    return value
  }

  /// 32 numbers of 4 or 5 bits: f16 scale, f16 minimum (`_1`), u32 of fifth bits (`q5`), 16 bytes of nibbles, of which the
  /// low ones are the first half of the numbers.
  private static func unpackNibbles(
    _ kind: GGUFBlock, _ block: UnsafeRawPointer, _ numbers: UnsafeMutablePointer<Float>
  ) {
    let hasMinimum = kind == .q4_1 || kind == .q5_1
    let hasFifthBit = kind == .q5_0 || kind == .q5_1
    let scale = half(block, 0)
    let minimum = hasMinimum ? half(block, 2) : 0
    let start = hasMinimum ? 4 : 2
    let fifth = hasFifthBit ? Int(block.loadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian) : 0
    let nibbles = start + (hasFifthBit ? 4 : 0)
    let zero = hasMinimum ? 0 : hasFifthBit ? 16 : 8
    for index in 0..<16 {
      let pair = byte(block, nibbles + index)
      let low = pair & 15 | ((fifth >> index & 1) << 4)
      let high = pair >> 4 | ((fifth >> (index + 16) & 1) << 4)
      numbers[index] = Float(low - zero) * scale + minimum
      numbers[index + 16] = Float(high - zero) * scale + minimum
    }
  }

  /// 16 bytes of scales and minima, 64 of two bits a number, f16 scale and minimum of these.
  private static func unpackQ2K(_ block: UnsafeRawPointer, _ numbers: UnsafeMutablePointer<Float>) {
    let (scale, minimum) = (half(block, 80), half(block, 82))
    for part in 0..<16 {
      let (pass, shift, half) = (part / 8, part % 8 / 2 * 2, part % 2)
      let packed = byte(block, part)
      let (step, offset) = (scale * Float(packed & 15), minimum * Float(packed >> 4))
      for index in 0..<16 {
        let bits = byte(block, 16 + 32 * pass + 16 * half + index) >> shift & 3
        numbers[16 * part + index] = step * Float(bits) - offset
      }
    }
  }

  /// 32 bytes of third bits, 64 of two bits a number, 12 of scales of six bits, f16 scale of these.
  private static func unpackQ3K(_ block: UnsafeRawPointer, _ numbers: UnsafeMutablePointer<Float>) {
    let scale = half(block, 108)
    for part in 0..<16 {
      let (pass, group, half) = (part / 8, part % 8 / 2, part % 2)
      // Low four bits in bytes 0 to 7, both nibbles; high two bits in bytes 8 to 11.
      let low = part < 8 ? byte(block, 96 + part) & 15 : byte(block, 96 + part - 8) >> 4
      let high = byte(block, 104 + part % 4) >> (part / 4 * 2) & 3
      let step = scale * Float((low | (high << 4)) - 32)
      for index in 0..<16 {
        let bits = byte(block, 32 + 32 * pass + 16 * half + index) >> (2 * group) & 3
        let isThere = byte(block, 16 * half + index) >> (4 * pass + group) & 1 != 0
        numbers[16 * part + index] = step * Float(isThere ? bits : bits - 4)
      }
    }
  }

  /// f16 scale and minimum, 12 bytes of eight scales and minima of six bits, 32 of fifth bits (`Q5_K`), 128 of nibbles.
  private static func unpackQ45K(
    _ block: UnsafeRawPointer, _ numbers: UnsafeMutablePointer<Float>, hasFifthBit: Bool
  ) {
    let (scale, minimum) = (half(block, 0), half(block, 2))
    let nibbles = hasFifthBit ? 48 : 16
    for part in 0..<8 {
      func packed(_ index: Int) -> Int { byte(block, 4 + index) }
      let (first, second) =
        part < 4
        ? (packed(part) & 63, packed(part + 4) & 63)
        : (
          packed(part + 4) & 15 | ((packed(part - 4) >> 6) << 4), packed(part + 4) >> 4 | ((packed(part) >> 6) << 4)
        )
      let (step, offset) = (scale * Float(first), minimum * Float(second))
      for index in 0..<32 {
        let pair = byte(block, nibbles + part / 2 * 32 + index)
        var bits = part % 2 == 0 ? pair & 15 : pair >> 4
        if hasFifthBit, byte(block, 16 + index) >> part & 1 != 0 { bits += 16 }
        numbers[32 * part + index] = step * Float(bits) - offset
      }
    }
  }

  /// 128 bytes of low nibbles, 64 of the two high bits, 16 scales of eight bits, f16 scale of these.
  private static func unpackQ6K(_ block: UnsafeRawPointer, _ numbers: UnsafeMutablePointer<Float>) {
    let scale = half(block, 208)
    for pass in 0..<2 {
      for index in 0..<32 {
        let high = byte(block, 128 + 32 * pass + index)
        for group in 0..<4 {
          let pair = byte(block, 64 * pass + 32 * (group % 2) + index)
          let bits = (group < 2 ? pair & 15 : pair >> 4) | ((high >> (2 * group) & 3) << 4)
          let step = scale * Float(signed(block, 192 + 8 * pass + 2 * group + index / 16))
          numbers[128 * pass + 32 * group + index] = step * Float(bits - 32)
        }
      }
    }
  }
}
