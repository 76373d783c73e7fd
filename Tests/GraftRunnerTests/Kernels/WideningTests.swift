import GraftKernels
import Testing

@Suite struct WideningTests {
  @Test("Every half is widened to the same float by each variant", arguments: [GRAFT_PLAIN, GRAFT_AVX2, GRAFT_AVX512])
  func halves(_ isa: graft_isa) {
    guard graft_isa_supported(isa) else { return }
    let codes: [UInt16] = Array(0...UInt16.max) + [1, 0x3C00, 0xFBFF]  // Some are left over from the vectors.
    var expected = [Float](repeating: 0, count: codes.count)
    graft_cast_f16_to_f32(codes, &expected, codes.count)
    var found = [Float](repeating: 0, count: codes.count)
    graft_widen_f16(isa, codes, &found, codes.count)
    let isSame = zip(found, expected).allSatisfy { $0.isNaN ? $1.isNaN : $0.bitPattern == $1.bitPattern }
    #expect(isSame && found[0x3C00] == 1)
  }
}
