import GraftIR
import GraftRunner
import Testing

@Suite struct PictureTests {
  /// truncate(clamp(127.5 x + 128, 0, 255)), by hand.
  static let levels: [(Float, UInt8)] = [
    (-1, 0), (0, 128), (1, 255), (0.5, 191), (-0.5, 64), (0.99, 254), (-2, 0), (7, 255),
    (.infinity, 255), (-.infinity, 0), (.nan, 0),
  ]

  @Test("A value becomes the byte of the published sampler", arguments: levels)
  func level(_ value: Float, _ byte: UInt8) throws {
    let pictures = try Picture.pictures(of: Tensor([value], [1, 1, 1, 1]))
    #expect(pictures == [Picture(width: 1, height: 1, bytes: [byte, byte, byte])])
  }

  @Test("Planes of colour become pixels, sample by sample")
  func planes() throws {
    // Bytes 1 to 24, as values that lie in the middle of theirs.
    let values = (1...24).map { (Float($0) + 0.5 - 128) / 127.5 }
    let pictures = try Picture.pictures(of: Tensor(values, [2, 3, 1, 4]))
    #expect(pictures.count == 2)
    #expect(pictures[0].width == 4 && pictures[0].height == 1)
    #expect(pictures[0].bytes == [1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12])
    #expect(pictures[1].bytes == [13, 17, 21, 14, 18, 22, 15, 19, 23, 16, 20, 24])
  }

  @Test(
    "What is no picture is refused",
    arguments: [Tensor(zeros: .f32, [1, 4, 8, 8]), Tensor(zeros: .f32, [3, 8, 8]), Tensor(zeros: .u8, [1, 3, 2, 2])])
  func refusal(_ samples: Tensor) {
    #expect {
      _ = try Picture.pictures(of: samples)
    } throws: {
      ($0 as? Diagnostic)?.rule == "pictures.sample-shape"
    }
  }

  @Test("Enlarging repeats pixels")
  func enlarged() {
    let picture = Picture(width: 2, height: 1, bytes: [1, 2, 3, 4, 5, 6]).enlarged(by: 2)
    let line: [UInt8] = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]
    #expect(picture == Picture(width: 4, height: 2, bytes: line + line))
  }

  @Test("Bytes that do not fit the size are the caller's mistake")
  func wrongSize() async {
    await #expect(processExitsWith: .failure) { _ = Picture(width: 2, height: 2, bytes: [0]) }
  }
}
