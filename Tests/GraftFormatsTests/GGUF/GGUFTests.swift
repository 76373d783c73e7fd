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
    #expect(Set(packed.entries.compactMap(\.blocks)) == Set(BlockType.allCases))
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

  @Test("Blocks are made as gguf-py makes them, byte for byte", arguments: ["q8_0", "q5_0", "q4_0"])
  func packing(_ type: String) throws {
    let numbers = try Formats.open(Fixtures.folder + "/blocks/numbers.safetensors")
    let output = try Output()
    var options = ConversionOptions()
    options.dtypes = [try DTypeRule(type)]
    let (ledger, _) = try Conversion(numbers, to: output.path, options: options).run()
    #expect(!ledger.isLossless)
    let found = try Formats.open(output.path)
    let blocks = try #require(BlockType(spelling: type))
    #expect(found.entries == [TensorEntry(path: ["x"], dtype: .f32, shape: [24, 96], blocks: blocks)])
    let count = blocks.byteCount(of: 24 * 96)
    let reference = try Fixtures.bytes(Fixtures.folder + "/blocks/\(type).gguf")
    #expect(try Fixtures.bytes(output.path).suffix(count) == reference.suffix(count))
  }

  @Test("Blocks go from file to file as they are, K types and all, and their values stay what is said")
  func carrying() throws {
    let source = try Formats.open(Self.folder + "/quantised.gguf")
    let output = try Output()
    let (ledger, _) = try Conversion(source, to: output.path).run()
    #expect(ledger.items.isEmpty && ledger.isLossless)
    let copy = try Formats.open(output.path)
    #expect(copy.entries == source.entries)
    #expect(copy.metadata == source.metadata)
    let sizes = source.entries.map(\.storedByteCount)
    #expect(sizes.allSatisfy { $0 > 0 } && copy.entries.map(\.storedByteCount) == sizes)
    #expect(try CheckpointDifference(source, copy).isEqual)
  }

  @Test("What a rule's blocks do not fit stays as it is and is told, before a value is read") func misfits() throws {
    let output = try Output()
    let source = output.path + ".safetensors"
    try TransferEngine.write(
      [
        ("conv", Tensor(zeros: .f32, [64, 4, 2, 2])), ("bias", Tensor(zeros: .f32, [64])),
        ("weight", Tensor(zeros: .bf16, [64, 64])), ("ids", Tensor(zeros: .i32, [2, 32])),
      ], to: source)
    let reader = try Formats.open(source)
    var options = ConversionOptions()
    options.dtypes = [try DTypeRule("Q4_0")]
    let conversion = try Conversion(reader, to: output.path, options: options)
    let changes = conversion.ledger.items.reduce(into: [:]) { $0[$1.name] = $1.changes }
    #expect(changes["conv"] == [.unfit(.q4_0, reason: "blocks of 32 do not fill rows of 2")])
    #expect(changes["bias"] == [.unfit(.q4_0, reason: "ggml leaves vectors as they are")])
    #expect(changes["weight"] == [.packed(from: .bf16, into: .q4_0, CastCounts())])
    #expect(changes["ids"] == nil)
    _ = try conversion.run()
    let written = try Formats.open(output.path)
    #expect(written.entries.count == 4)
    #expect(written.entries.first { $0.name == "weight" }?.blocks == .q4_0)
    for (text, target) in [("conv=q8_0", "a.gguf"), ("ids=q8_0", "a.gguf"), ("q6_k", "a.gguf"), ("q8_0", "a.npz")] {
      options.dtypes = [try DTypeRule(text)]
      #expect(rule { _ = try Conversion(reader, to: target, options: options) } == "convert.blocks", "\(text)")
    }
    options.dtypes = [try DTypeRule("bias=q8_0")]
    #expect(try Conversion(reader, to: "a.gguf", options: options).plan.tensors.contains { $0.blocks == .q8_0 })
  }

  @Test("Every file of several leads to all of them, and a folder of them does") func splitting() throws {
    let source = try Formats.open(Self.folder + "/quantised.gguf")
    let output = try Output()
    var options = ConversionOptions()
    options.shardByteCount = 600
    _ = try Conversion(source, to: output.path, options: options).run()
    let folder = String(output.path.dropLast("/out.gguf".count))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".gguf") }.sorted()
    #expect(names.count > 2)
    for name in names {
      let joined = try Formats.open(folder + "/" + name)
      #expect(joined.entries == source.entries)
      #expect(joined.metadata == source.metadata)
      #expect(try CheckpointDifference(source, joined).isEqual)
    }
    let manager = FileManager.default
    try manager.removeItem(atPath: output.path + ".index.json")
    #expect(try Formats.open(folder).entries.count == source.entries.count)

    let (first, second) = (folder + "/" + names[0], folder + "/" + names[1])
    try manager.copyItem(atPath: first, toPath: folder + "/other.gguf")
    #expect(rule { _ = try Formats.open(folder + "/other.gguf") } == "gguf.split")
    try manager.moveItem(atPath: second, toPath: folder + "/kept")
    #expect(rule { _ = try Formats.open(first) } == "checkpoint.missing")
    try manager.copyItem(atPath: first, toPath: second)
    #expect(rule { _ = try Formats.open(first) } == "gguf.split")
  }

  @Test("Numbers that no file of several can have are refused, and files that tell of different sums")
  func splitNumbers() throws {
    func write(_ name: String, to output: Output, _ number: String, _ count: String, _ tensors: String) throws -> String
    {
      let path = String(output.path.dropLast("out.gguf".count)) + name
      try TransferEngine.write(
        [(name, Tensor(zeros: .f32, [4]))],
        metadata: [
          "split.no": number, "split.count": count, "split.tensors.count": tensors,
          "graft.gguf-types": #"{"split.no": "i64", "split.count": "i64", "split.tensors.count": "i64"}"#,
        ], to: path)
      return path
    }
    let largest = String(Int.max)
    for (number, count) in [(largest, "2"), ("-1", "2"), ("2", "2"), ("0", largest), (String(Int.min), largest)] {
      let output = try Output()
      let path = try write("a-00001-of-00002.gguf", to: output, number, count, "1")
      #expect(rule { _ = try Formats.open(path) } == "gguf.split", "\(number) of \(count)")
    }
    let output = try Output()
    let first = try write("b-00001-of-00002.gguf", to: output, "0", "2", "2")
    _ = try write("b-00002-of-00002.gguf", to: output, "1", "2", "3")
    #expect(rule { _ = try Formats.open(first) } == "gguf.split")
  }

  @Test("What is no alignment is not written as one")
  func alignment() throws {
    for (text, type) in [("64", nil), ("64", "i32"), ("48", "u32"), ("064", "u32"), ("64", "u32")]
      as [(String, String?)]
    {
      let output = try Output()
      var metadata = ["general.alignment": text]
      if let type { metadata["graft.gguf-types"] = #"{"general.alignment": "\#(type)"}"# }
      try TransferEngine.write([("w", Tensor(zeros: .f32, [4]))], metadata: metadata, to: output.path)
      let isKept = text == "64" && type == "u32"
      #expect(try Formats.open(output.path).metadata["general.alignment"] == (isKept ? "64" : nil), "\(text)")
    }
  }

  // Expected: gguf-py 0.19.0 on NumPy 2.4.6, whose product and sum are each rounded to f32; in f64 the second is 11.
  @Test("Sums of a block are rounded one by one, as the reference does")
  func rounding() throws {
    var values = [Float](repeating: 0, count: 32)
    values[0] = -0x1.2344cp+1
    values[1] = 0x1.fdb84cp-1
    let source = try Output()
    try TransferEngine.write([("w", Tensor(values, [1, 32]))], to: source.path)
    let packed = try Output()
    var options = ConversionOptions()
    options.dtypes = [try DTypeRule("w=q4_0")]
    _ = try Conversion(try Formats.open(source.path), to: packed.path, options: options).run()
    let found = try Formats.open(packed.path).tensor(at: 0).floats
    // Codes 0 and 12 of blocks whose zero is 8.
    #expect(found[0] < 0 && found[1] == found[0] / -2)
  }

  @Test("A file says what most of its weights are, as ggml's programs ask for") func contents() throws {
    let output = try Output()
    try TransferEngine.write(
      [("w", Tensor(zeros: .bf16, [4, 64])), ("b", Tensor(zeros: .f32, [4]))],
      metadata: ["general.architecture": "dit"], to: output.path)
    #expect(try holds(output.path, "general.file_type", 32))
    #expect(try !holds(output.path, "general.quantization_version", 2))
    let packed = try Output()
    var options = ConversionOptions()
    options.dtypes = [try DTypeRule("w=q5_0")]
    _ = try Conversion(try Formats.open(output.path), to: packed.path, options: options).run()
    #expect(try holds(packed.path, "general.file_type", 8) && holds(packed.path, "general.quantization_version", 2))
    #expect(try Formats.open(packed.path).metadata == ["general.architecture": "dit"])
  }

  /// Whether the file has the value, as a u32.
  private func holds(_ path: String, _ key: String, _ value: UInt8) throws -> Bool {
    try Data(Fixtures.bytes(path)).range(of: Data(key.utf8 + [4, 0, 0, 0, value, 0, 0, 0])) != nil
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
