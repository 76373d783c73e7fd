public import GraftIR

/// A picture of red, green and blue bytes, row by row from the top left.
public struct Picture: Sendable, Hashable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// Three bytes a pixel.
  public private(set) var bytes: [UInt8]

  /// A picture of the given bytes, 3 · width · height of them.
  public init(width: Int, height: Int, bytes: [UInt8]) {
    precondition(width > 0 && height > 0 && bytes.count == 3 * width * height, "a picture's bytes do not fit its size")
    self.width = width
    self.height = height
    self.bytes = bytes
  }

  /// A picture of one grey.
  public init(width: Int, height: Int, grey: UInt8) {
    self.init(width: width, height: height, bytes: [UInt8](repeating: grey, count: 3 * width * height))
  }

  /// Makes sure that samples of `shape` [C, H, W] are pictures: of three colours, or of one grey.
  ///
  /// - Throws: `pictures.sample-shape`.
  public static func check(_ shape: Shape) throws(Diagnostic) {
    let axes = shape.axes
    guard axes.count == 3, axes[0] == 3 || axes[0] == 1, axes[1] > 0, axes[2] > 0 else {
      throw Diagnostic(
        "pictures.sample-shape", "samples of \(shape) are no pictures, expected [3, height, width]",
        help: "write them to a .safetensors file; latents need an autoencoder to become pictures")
    }
  }

  /// The pictures that `samples` [n, C, H, W] show, C being 3 for colours or 1 for grey.
  ///
  ///     byte = truncate(clamp(127.5 x + 128, 0, 255)),  0 where x is not a number
  ///
  /// - Throws: `pictures.sample-shape` where the samples have another shape.
  public static func pictures(of samples: Tensor) throws(Diagnostic) -> [Picture] {
    let axes = samples.shape.axes
    guard samples.dtype.isFloatingPoint, axes.count == 4 else {
      throw Diagnostic(
        "pictures.sample-shape",
        "samples of \(samples.type) are no pictures, expected floating point [n, 3, height, width]")
    }
    try check(Shape(Array(axes.dropFirst())))
    let (channels, pixels) = (axes[1], axes[2] * axes[3])
    let values = samples.floats
    return (0..<axes[0]).map { index in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(3 * pixels)
      for pixel in 0..<pixels {
        for channel in 0..<3 {
          bytes.append(byte(values[(index * channels + min(channel, channels - 1)) * pixels + pixel]))
        }
      }
      return Picture(width: axes[3], height: axes[2], bytes: bytes)
    }
  }

  private static func byte(_ value: Float) -> UInt8 {
    let level = 127.5 * value + 128
    return level > 0 ? UInt8(min(level, 255)) : 0
  }

  /// The picture with every pixel as a square of `factor` by `factor`.
  public func enlarged(by factor: Int) -> Picture {
    precondition(factor > 0, "a picture is enlarged by less than one")
    if factor == 1 { return self }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count * factor * factor)
    for row in 0..<height {
      var line: [UInt8] = []
      for column in 0..<width {
        let start = 3 * (row * width + column)
        for _ in 0..<factor { line += bytes[start..<start + 3] }
      }
      for _ in 0..<factor { result += line }
    }
    return Picture(width: width * factor, height: height * factor, bytes: result)
  }

  /// Copies `picture` over this one, its top left at (`left`, `top`); it must lie inside.
  mutating func place(_ picture: Picture, left: Int, top: Int) {
    precondition(
      left >= 0 && top >= 0 && left + picture.width <= width && top + picture.height <= height,
      "a picture is placed outside another")
    for row in 0..<picture.height {
      let start = 3 * ((top + row) * width + left)
      let source = 3 * row * picture.width
      bytes.replaceSubrange(
        start..<start + 3 * picture.width, with: picture.bytes[source..<source + 3 * picture.width])
    }
  }

  /// Writes `text` in black, each dot of the font a square of `scale` by `scale`, from (`left`, `top`) on. What lies
  /// outside is left out.
  mutating func draw(_ text: String, left: Int, top: Int, scale: Int) {
    for (index, character) in text.enumerated() {
      let ink = BitmapFont.ink(of: character)
      for row in 0..<BitmapFont.glyphHeight * scale {
        for column in 0..<BitmapFont.glyphWidth * scale {
          let x = left + index * BitmapFont.advance * scale + column
          let y = top + row
          guard ink[row / scale * BitmapFont.glyphWidth + column / scale], 0..<width ~= x, 0..<height ~= y else {
            continue
          }
          for channel in 0..<3 { bytes[3 * (y * width + x) + channel] = 0 }
        }
      }
    }
  }
}
