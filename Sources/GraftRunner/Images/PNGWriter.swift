import CPNG
import GraftFormats
public import GraftIR

/// PNG files of eight-bit colours, written by libpng. The same picture gives the same bytes under one libpng.
///
/// - Source: ISO/IEC 15948, Portable Network Graphics.
public enum PNGWriter {
  /// Writes `picture` to `path`, whole or not at all.
  ///
  /// - Throws: `pictures.too-large`; `transfer.exists` where there is something at `path` and it is not to be replaced, and
  ///   other rules of the page `transfer`.
  public static func write(_ picture: Picture, to path: String, replacing: Bool) throws(Diagnostic) {
    let bytes = try encode(picture)
    let output = try OutputFile(path: path, force: replacing)
    try output.append(bytes)
    try output.commit()
  }

  /// The bytes of a PNG file that shows `picture`.
  ///
  /// - Throws: `pictures.too-large` where libpng refuses the size, or has no memory.
  public static func encode(_ picture: Picture) throws(Diagnostic) -> [UInt8] {
    guard let width = UInt32(exactly: picture.width), let height = UInt32(exactly: picture.height) else {
      throw tooLarge(picture, "sides are 32 bits")
    }
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = width
    image.height = height
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
    defer { png_image_free(&image) }

    // The simplified interface needs no setjmp. It compresses twice: once to learn the size, once to write.
    var byteCount = 0
    guard png_image_write_to_memory(&image, nil, &byteCount, 0, picture.bytes, 0, nil) != 0 else {
      throw tooLarge(picture, message(of: image))
    }
    var file = [UInt8](repeating: 0, count: byteCount)
    guard png_image_write_to_memory(&image, &file, &byteCount, 0, picture.bytes, 0, nil) != 0 else {
      throw tooLarge(picture, message(of: image))
    }
    return file
  }

  private static func message(of image: png_image) -> String {
    withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func tooLarge(_ picture: Picture, _ reason: String) -> Diagnostic {
    Diagnostic(
      "pictures.too-large",
      "a picture of \(picture.width) by \(picture.height) pixels does not fit a PNG file: \(reason)",
      category: .cannotCreate)
  }
}
