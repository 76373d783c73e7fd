import GraftFormats
import GraftIR
import Testing

/// Casts beside `Fixtures/casts`, which numpy and ml_dtypes made.
@Suite struct CastTests {
  struct Pair: Sendable, CustomTestStringConvertible {
    let source: DType
    let target: DType
    var name: String { "\(source).\(target)" }
    var testDescription: String { name }
  }

  static let small: [DType] = [.f8e4m3, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0, .f6e2m3, .f6e3m2, .f4]
  static let halves: [DType] = [.f16, .bf16]
  static let floats = small + halves + [.f32, .f64]
  static let exhaustive = (small + halves).flatMap { source in
    floats.filter { $0 != source }.map { Pair(source: source, target: $0) }
  }
  static let sampled =
    [DType.f32, .f64].flatMap { source in (small + halves).map { Pair(source: source, target: $0) } }
    + [Pair(source: .f64, target: .f32)]

  @Test("Every code of at most 16 bits becomes what it should", arguments: exhaustive)
  func everyCode(_ pair: Pair) throws {
    let expected = try #require(try Fixtures.json("casts/exhaustive.json")["sha256"]?[pair.name]?.textValue)
    let result = try #require(Self.everyCode(of: pair.source).cast(to: pair.target))
    #expect(Self.codes(of: result).withUnsafeBytes { Fixtures.digest($0) } == expected)
  }

  @Test("Values around every border of a type become what they should", arguments: sampled)
  func borders(_ pair: Pair) throws {
    let fixture = try Formats.open(Fixtures.folder + "/casts/sampled.safetensors")
    func tensor(_ name: String) throws -> Tensor {
      try fixture.tensor(at: try #require(fixture.entries.firstIndex { $0.name == "\(pair.name).\(name)" }))
    }
    let source = try tensor("in")
    // Four bytes short of whole codes of six bits are filled up with zeros.
    let padding = (4 - source.elementCount % 4) % 4
    let padded = Tensor(zeros: source.dtype, [source.elementCount + padding])
    padded.mutableBytes.copyMemory(from: source.bytes)
    let result = try #require(padded.cast(to: pair.target))
    let codes = Self.codes(of: result)
    let expected = Array(try tensor("out").bytes)
    #expect(Array(codes.prefix(expected.count)) == expected)
  }

  @Test("Counts are those of the values before and after", arguments: exhaustive + sampled)
  func counts(_ pair: Pair) throws {
    let fixture = try Formats.open(Fixtures.folder + "/casts/sampled.safetensors")
    let index = fixture.entries.firstIndex { $0.name == "\(pair.name).in" }
    var source = try index.map { (index) throws in try fixture.tensor(at: index) } ?? Self.everyCode(of: pair.source)
    let whole = source.elementCount / 8 * 8
    source = Tensor(source.dtype, [whole], storage: source.storage, offsetInBytes: source.offsetInBytes)
    let cast = try #require(Cast(from: pair.source, to: pair.target))
    let result = Tensor(zeros: pair.target, [whole])
    var counts: CastCounts? = CastCounts()
    cast.run(source.bytes, into: result.mutableBytes, count: whole, counts: &counts)

    var expected = CastCounts()
    let largest = Self.largest[pair.target]
    for (a, b) in zip(source.doubles, result.doubles) {
      if a.isNaN {
        expected.nan += 1
      } else if a != b {
        expected.inexact += 1
        if b == 0 { expected.underflow += 1 }
        if !b.isFinite || largest.map({ abs(a) >= $0 }) == true { expected.overflow += 1 }
      }
    }
    let isLossless = expected.inexact == 0 && (expected.nan == 0 || !cast.losesNaN)
    #expect(!cast.isExact || expected.inexact == 0, "a cast that calls itself exact is not")
    if isLossless && cast.isExact { return #expect(counts == CastCounts()) }  // Not even looked at.
    #expect(counts == expected)
  }

  /// Half a step beyond the largest value of the types without infinity and NaN (OCP Microscaling Formats 1.0).
  static let largest: [DType: Double] = [.f4: 7, .f6e2m3: 7.75, .f6e3m2: 30]

  @Test("A cast is exact where every value of one type is one of the other") func exactness() throws {
    // By the tables of values: all pairs of types of at most 16 bits.
    for source in Self.small + Self.halves {
      let values = Set(Self.everyCode(of: source).doubles.filter { !$0.isNaN })
      for target in Self.small + Self.halves where target != source {
        let isExact = values.isSubset(of: Self.everyCode(of: target).doubles)
        #expect(Cast(from: source, to: target)?.isExact == isExact, "\(source) to \(target)")
      }
    }
    #expect(Cast(from: .f32, to: .f64)?.isExact == true && Cast(from: .f64, to: .f32)?.isExact == false)
    #expect(Cast(from: .i8, to: .u8)?.isExact == false && Cast(from: .u8, to: .i8)?.isExact == false)
    #expect(Cast(from: .u8, to: .bf16)?.isExact == true && Cast(from: .i16, to: .bf16)?.isExact == false)
    #expect(Cast(from: .i64, to: .f64)?.isExact == false && Cast(from: .bool, to: .f4)?.isExact == true)
  }

  @Test("Whole numbers are rounded once, and counted where they do not fit") func integers() throws {
    let large = Tensor(.i64, [3], integers: [.max, 1 << 53 | 1, -5])
    let unsigned = try #require(large.cast(to: .u64))
    #expect(unsigned.bytes.elementsEqual(large.bytes))
    #expect(try #require(large.cast(to: .i8)).integers == [-1, 1, -5])
    #expect(try #require(Tensor(.i64, [1], integers: [0x40_0000_4000_0001]).cast(to: .f32)).floats == [0x1.000002p54])
    // Just above halfway between two bf16, which a float rounds to halfway.
    #expect(try #require(Tensor(.i64, [1], integers: [0x1010_0000_0000_0001]).cast(to: .bf16)).doubles == [0x1.02p60])
    #expect(try counted(large, as: .i8) == CastCounts(overflow: 2, underflow: 0, nan: 0, inexact: 2))
    #expect(try counted(large, as: .f64) == CastCounts(overflow: 0, underflow: 0, nan: 0, inexact: 2))
    #expect(
      try counted(Tensor(.i32, [2], integers: [70_000, 7]), as: .f16)
        == CastCounts(overflow: 1, underflow: 0, nan: 0, inexact: 1))
    #expect(
      try counted(Tensor([0.5, 300, -1.5, .nan, 4], [5]), as: .u8)
        == CastCounts(overflow: 2, underflow: 1, nan: 1, inexact: 3))
    #expect(
      try counted(Tensor(.u8, [3], integers: [0, 1, 2]), as: .bool)
        == CastCounts(overflow: 1, underflow: 0, nan: 0, inexact: 1))
  }

  @Test("Complex numbers become complex numbers alone, each part rounded") func complex() throws {
    let source = Tensor(.f64, [4], doubles: [1, 1 + 0x1p-30, -2, 1e300])
    let pairs = Tensor(.c128, [2], storage: source.storage)
    let result = try #require(pairs.cast(to: .c64))
    #expect(Tensor(.f32, [4], storage: result.storage).floats == [1, 1, -2, .infinity])
    #expect(try counted(pairs, as: .c64) == CastCounts(overflow: 1, underflow: 0, nan: 0, inexact: 2))
    #expect(Tensor(zeros: .c64, [1]).cast(to: .f32) == nil && Tensor(zeros: .f32, [4]).cast(to: .c128) == nil)
  }

  @Test("A long run is cast like its parts, from any byte on", arguments: [DType.bf16, .f8e5m2, .f4, .f6e3m2, .f64])
  func blocks(_ target: DType) throws {
    var random = SeededNumbers(seed: 3)
    let values = (0..<20_008).map { _ in Float.random(in: -8...8, using: &random) }
    let bytes = Storage(byteCount: 4 * values.count + 1)
    UnsafeMutableRawBufferPointer(start: bytes.start + 1, count: 4 * values.count).copyBytes(
      from: values.withUnsafeBytes(Array.init))
    let unaligned = Tensor(.f32, [values.count], storage: bytes, offsetInBytes: 1)
    let whole = try #require(unaligned.cast(to: target))
    var parts: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: 8) {
      let part = try #require(Tensor(Array(values[start..<start + 8]), [8]).cast(to: target))
      withExtendedLifetime(part) { parts += part.bytes }
    }
    withExtendedLifetime(whole) { #expect(whole.bytes.elementsEqual(parts)) }
  }

  private func counted(_ tensor: Tensor, as target: DType) throws -> CastCounts? {
    var counts: CastCounts? = CastCounts()
    let out = Tensor(zeros: target, tensor.shape)
    try #require(Cast(from: tensor.dtype, to: target))
      .run(tensor.bytes, into: out.mutableBytes, count: tensor.elementCount, counts: &counts)
    return counts
  }

  /// Every code of a type of at most 16 bits, in order.
  static func everyCode(of dtype: DType) -> Tensor {
    let count = 1 << dtype.bitWidth
    let tensor = Tensor(zeros: dtype, [count])
    let bytes = tensor.mutableBytes
    for code in 0..<count {
      if dtype.bitWidth == 16 {
        bytes.storeBytes(of: UInt16(code), toByteOffset: 2 * code, as: UInt16.self)
      } else {
        let bit = code * dtype.bitWidth
        let pair = UInt16(code) << UInt16(bit % 8)
        bytes[bit / 8] |= UInt8(truncatingIfNeeded: pair)
        if bit / 8 + 1 < bytes.count { bytes[bit / 8 + 1] |= UInt8(truncatingIfNeeded: pair >> 8) }
      }
    }
    return tensor
  }

  /// The elements' bytes; narrower elements fill a byte each.
  static func codes(of tensor: Tensor) -> [UInt8] {
    let bits = tensor.dtype.bitWidth
    let bytes = withExtendedLifetime(tensor) { Array(tensor.bytes) }
    guard bits < 8 else { return bytes }
    return (0..<tensor.elementCount).map { index in
      let bit = index * bits
      let low = UInt16(bytes[bit / 8])
      let high = bit / 8 + 1 < bytes.count ? UInt16(bytes[bit / 8 + 1]) : 0
      return UInt8((low | high << 8) >> UInt16(bit % 8) & (1 << UInt16(bits) - 1))
    }
  }
}
