import GraftIR
import Testing

@Suite struct DTypeTests {
  @Test("A type is found by its safetensors spelling", arguments: DType.allCases)
  func spelling(_ dtype: DType) {
    guard let name = dtype.safetensorsName else {
      #expect(dtype == .c128)
      return
    }
    #expect(DType(safetensorsName: name) == dtype)
  }

  @Test("Bytes are counted where they are whole and fit")
  func byteCount() {
    #expect(DType.f32.byteCount(of: 3) == 12)
    #expect(DType.f4.byteCount(of: 3) == nil)
    #expect(DType.f6e2m3.byteCount(of: 4) == 3)
    #expect(DType.i64.byteCount(of: .max / 4) == nil)
    #expect(DType.u8.byteCount(of: .max) == .max)
  }

  static let integers: [(DType, Double, Int)] = [
    (.i8, -128, -128), (.u8, 255, 255), (.i16, -1.9, -1), (.i64, 1e300, .max), (.i64, -1e300, .min), (.i32, .nan, 0),
    (.u64, 0x1p63, .min), (.u64, 1e300, -1), (.u64, 3, 3),
  ]

  @Test("A number is written as its whole part; u64 is shown by its bits", arguments: integers)
  func wholePart(_ dtype: DType, _ value: Double, _ expected: Int) {
    let tensor = Tensor(dtype, [1], doubles: [value])
    let found = dtype == .u64 ? tensor.bytes.loadUnaligned(as: Int.self) : tensor.integers[0]
    #expect(found == expected)
  }

  @Test("Numbers read from bytes that are not aligned are the same")
  func unaligned() {
    let bytes = Storage(byteCount: 17)
    let tensor = Tensor(.f64, [2], storage: bytes, offsetInBytes: 1)
    tensor.mutableBytes.storeBytes(of: 2.5, toByteOffset: 8, as: Double.self)
    #expect(!tensor.isAligned)
    #expect(tensor.doubles == [0, 2.5])
    #expect(tensor.floats == [0, 2.5])
  }

  @Test("A tensor past its storage is a caller's mistake")
  func pastStorage() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(.f32, [2], storage: Storage(byteCount: 8), offsetInBytes: 1)
    }
  }
}
