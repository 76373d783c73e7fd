import CPNG
import Foundation
import GraftIR
import GraftRunner
import Testing

@Suite struct PNGWriterTests {
  @Test("libpng reads back every pixel", arguments: [(1, 1), (7, 3), (300, 2)])
  func roundTrip(_ width: Int, _ height: Int) throws {
    let bytes = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 * 37) }
    let picture = Picture(width: width, height: height, bytes: bytes)
    let file = try PNGWriter.encode(picture)
    #expect(try decode(file) == picture)
    #expect(try PNGWriter.encode(picture) == file)
  }

  @Test("A picture beyond libpng's limit is refused")
  func tooLarge() {
    // libpng takes sides of up to a million pixels unless told otherwise.
    let picture = Picture(width: 1_000_001, height: 1, grey: 0)
    #expect {
      _ = try PNGWriter.encode(picture)
    } throws: {
      ($0 as? Diagnostic)?.rule == "pictures.too-large"
    }
  }

  @Test("A file is there whole, and nothing beside it")
  func writing() throws {
    try inEmptyFolder { folder in
      let path = folder.appending(path: "grid.png").path
      let picture = Picture(width: 4, height: 4, grey: 9)
      try Data("killed".utf8).write(to: folder.appending(path: ".grid.png.graft-partial"))
      try PNGWriter.write(picture, to: path, replacing: false)
      #expect(try decode(Array(Data(contentsOf: URL(filePath: path)))) == picture)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["grid.png"])
    }
  }

  @Test("What exists is replaced only on demand")
  func existing() throws {
    try inEmptyFolder { folder in
      let path = folder.appending(path: "grid.png").path
      try Data("mine".utf8).write(to: URL(filePath: path))
      let picture = Picture(width: 1, height: 1, grey: 0)
      expectRefusal("transfer.exists") { try PNGWriter.write(picture, to: path, replacing: false) }
      #expect(try Data(contentsOf: URL(filePath: path)) == Data("mine".utf8))
      try PNGWriter.write(picture, to: path, replacing: true)
      #expect(try decode(Array(Data(contentsOf: URL(filePath: path)))) == picture)
    }
  }

  @Test(
    "Where no file can be, there is a refusal and no rest",
    arguments: [
      ("missing/grid.png", "transfer.folder"), ("", "transfer.create"), ("taken", "transfer.exists"),
      ("taken/", "transfer.create"),
    ])
  func impossiblePath(_ name: String, _ rule: String) throws {
    try inEmptyFolder { folder in
      try FileManager.default.createDirectory(
        at: folder.appending(path: "taken/inside"), withIntermediateDirectories: true)
      let path = name.isEmpty ? "" : folder.path + "/" + name
      expectRefusal(rule) {
        try PNGWriter.write(Picture(width: 1, height: 1, grey: 0), to: path, replacing: true)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken"])
    }
  }

  @Test("A disk that takes no more leaves nothing behind")
  func fullDisk() async {
    await #expect(processExitsWith: .success) {
      // Files of this process end after 100 bytes; the error is that of a full disk but for its number.
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 100, rlim_max: 100)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let folder = FileManager.default.temporaryDirectory.appending(path: "graft-png-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }
      let picture = Picture(width: 100, height: 100, bytes: bytes)
      #expect {
        try PNGWriter.write(picture, to: folder.appending(path: "grid.png").path, replacing: false)
      } throws: {
        ($0 as? Diagnostic)?.rule == "transfer.write" && ($0 as? Diagnostic)?.category == .ioFailure
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  private func expectRefusal(_ rule: String, _ body: () throws -> Void) {
    #expect {
      try body()
    } throws: {
      ($0 as? Diagnostic)?.rule == rule && ($0 as? Diagnostic)?.category == .cannotCreate
    }
  }

  private func decode(_ file: [UInt8]) throws -> Picture {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    try #require(png_image_begin_read_from_memory(&image, file, file.count) != 0)
    #expect(image.format == UInt32(PNG_FORMAT_FLAG_COLOR))
    let (width, height) = (Int(image.width), Int(image.height))
    var bytes = [UInt8](repeating: 0, count: 3 * width * height)
    try #require(png_image_finish_read(&image, nil, &bytes, 0, nil) != 0)
    return Picture(width: width, height: height, bytes: bytes)
  }

  private func inEmptyFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "graft-png-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}
