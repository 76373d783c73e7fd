import GraftFormats
import GraftIR
import Testing

@Suite struct CastTests {
  static let patterns: [UInt32] = {
    var random = SeededNumbers(seed: 11)
    // 65504 is the largest f16, 65520 the first float that rounds to infinity, 0x33800000 is 2^-24.
    let special: [UInt32] = [
      0, 0x8000_0000, 0x3F80_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F80_0001, 0xFFFF_FFFF, 0x477F_E000,
      0x477F_EFFF, 0x477F_F000, 0x3380_0000, 0x3300_0000, 0x3300_0001, 0x387F_FFFF, 0x3880_0000, 0x3F80_8000,
      0x3F81_8000,
      0x7F7F_FFFF, 1, 0x0080_0000,
    ]
    return special + (0..<5000).map { _ in UInt32(truncatingIfNeeded: random.next()) }
  }()

  /// The reference is `DType.store`, which rounds one value at a time.
  @Test("Casts round like the reference", arguments: [DType.bf16, .f16, .f64, .f8e4m3, .f8e5m2, .i32, .bool])
  func reference(_ target: DType) throws {
    let source = Tensor(Self.patterns.map { Float(bitPattern: $0) }, [Self.patterns.count])
    let result = try #require(source.cast(to: target))
    let expected = Tensor(target, source.shape, doubles: source.doubles)
    #expect(result.bytes.elementsEqual(expected.bytes))
  }

  @Test("Every half comes back from f32 as it was", arguments: [DType.bf16, .f16])
  func halves(_ dtype: DType) throws {
    let bits = (0..<65536).filter { !dtype.isNaN($0) }
    let source = Tensor(dtype, [bits.count], storage: Tensor(.u16, [bits.count], integers: bits).storage)
    let wide = try #require(source.cast(to: .f32))
    #expect(wide.doubles == source.doubles)
    let narrow = try #require(wide.cast(to: dtype))
    #expect(narrow.bytes.elementsEqual(source.bytes))
  }

  @Test("Whole numbers are not rounded on the way") func integers() throws {
    let large = Tensor(.i64, [3], integers: [.max, 1 << 53 | 1, -5])
    let unsigned = try #require(large.cast(to: .u64))
    #expect(unsigned.bytes.elementsEqual(large.bytes))
    #expect(try #require(large.cast(to: .i8)).integers == [-1, 1, -5])
    #expect(try #require(Tensor(.i64, [1], integers: [0x40_0000_4000_0001]).cast(to: .f32)).floats == [0x1.000002p54])
  }

  @Test("Complex numbers are only carried") func carried() {
    #expect(Tensor(zeros: .c64, [1]).cast(to: .f32) == nil)
    #expect(Tensor(zeros: .f32, [4]).cast(to: .f6e2m3) == nil)
  }
}

extension DType {
  fileprivate func isNaN(_ bits: Int) -> Bool {
    self == .f16 ? bits & 0x7FFF > 0x7C00 : bits & 0x7FFF > 0x7F80
  }
}
