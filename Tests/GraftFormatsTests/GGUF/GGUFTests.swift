import Foundation
import GraftIR
import Testing

import GraftFormats

@Suite struct GGUFTests {
  private static let folder = Fixtures.folder + "/formats/gguf"

  /// A path in a folder of its own, which goes when the test ends.
  private final class Output {
    let path: String
    private let folder: URL

    init(_ name: String = "out.gguf") throws {
      folder = FileManager.default.temporaryDirectory.appending(path: "gguf-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      path = folder.appending(path: name).path
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
  }

  private func rule(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return (error as? Diagnostic)?.rule }
    return nil
  }

  @Test("Blocks of every kind are the numbers of ggml, whole and in runs")
  func blocks() throws {
    let packed = try Formats.open(Self.folder + "/quantised.gguf")
    let numbers = try Formats.open(Self.folder + "/quantised_values.safetensors")
    #expect(packed.entries.count == 10)
    #expect(packed.notes.count == 1 && packed.notes[0].contains("10 tensors of Q2_K, Q3_K"))
    for (index, entry) in packed.entries.enumerated() {
      let other = try #require(numbers.entries.firstIndex { $0.name == entry.name })
      let (found, expected) = (try packed.tensor(at: index), try numbers.tensor(at: other))
      #expect(found.type == expected.type)
      let largest = expected.floats.map(abs).max() ?? 0
      #expect(largest > 0)
      for (x, y) in zip(found.floats, expected.floats) { #expect(abs(x - y) <= largest * 1e-6, "\(entry.name)") }
    }
    let output = try Output("values.safetensors")
    _ = try Conversion(packed, to: output.path).run()
    let difference = try CheckpointDifference(packed, try Formats.open(output.path))
    #expect(difference.isEqual)
  }

  @Test("Values of every type and tensors without axes come back", arguments: ["plain.gguf", "aligned.gguf"])
  func roundTrip(_ name: String) throws {
    let source = try Formats.open(Self.folder + "/" + name)
    let output = try Output()
    try TransferEngine.write(
      try source.entries.indices.map { (source.entries[$0].name, try source.tensor(at: $0)) }
        + [("alone", Tensor([Float(7)], []))],
      metadata: source.metadata, to: output.path)
    let copy = try Formats.open(output.path)
    #expect(copy.format == "gguf")
    #expect(copy.metadata == source.metadata)
    #expect(copy.entries.dropLast() == source.entries[...])
    #expect(copy.entries.last?.shape == [])
    for index in source.entries.indices { #expect(try copy.tensor(at: index) == source.tensor(at: index)) }
    if name == "aligned.gguf" { #expect(copy.byteCount % 128 == 0) }
  }

  @Test(
    "What GGUF has no room for is refused",
    arguments: [Tensor(zeros: .u8, [2]), Tensor(zeros: .f32, [1, 1, 1, 1, 1])])
  func unwritable(_ tensor: Tensor) throws {
    let output = try Output()
    #expect(rule { try TransferEngine.write([("x", tensor)], to: output.path) } == "gguf.unwritable")
    #expect(!FileManager.default.fileExists(atPath: output.path))
  }

  @Test("Lists have a limit together")
  func longList() throws {
    var bytes = Array("GGUF".utf8) + [3, 0, 0, 0] + [UInt8](repeating: 0, count: 8) + [1, 0, 0, 0, 0, 0, 0, 0]
    bytes += [1, 0, 0, 0, 0, 0, 0, 0, UInt8(ascii: "k"), 9, 0, 0, 0, 0, 0, 0, 0]
    bytes += withUnsafeBytes(of: UInt64(4_000_001).littleEndian) { Array($0) }
    bytes += [UInt8](repeating: 1, count: 4_000_001)
    let output = try Output("long.gguf")
    try Data(bytes).write(to: URL(filePath: output.path))
    #expect(rule { _ = try Formats.open(output.path) } == "gguf.list")
  }
}
