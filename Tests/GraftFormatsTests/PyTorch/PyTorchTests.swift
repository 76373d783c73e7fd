import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct PyTorchTests {
  /// An archive of the given records.
  private func archive(_ records: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for record in records {
      let entry = ZipEntry(name: record.name, byteCount: record.bytes.count, offset: bytes.count)
      bytes += entry.localHeader + record.bytes
      directory += entry.centralHeader
    }
    return bytes + directory
      + ZipEntry.endRecords(count: records.count, start: bytes.count, byteCount: directory.count)
  }

  private func open(_ bytes: [UInt8]) throws -> any CheckpointReader {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try Formats.open(try folder.write(bytes, as: "x.pt"))
  }

  private static let dictionary = Array("\u{80}\u{2}}.".unicodeScalars.map { UInt8($0.value) })

  @Test("Plain entries become metadata under their keys") func metadata() throws {
    let reader = try Formats.open(Fixtures.folder + "/formats/torch/nested.pt")
    let file = try #require(
      try Fixtures.json("formats/expected.json")["files"]?.listValue?.first { $0["file"] == "torch/nested.pt" })
    for member in try #require(file["values"]?.members) {
      #expect(reader.metadata[member.name] == member.value.textValue ?? member.value.text())
    }
    #expect(reader.metadata["args/image_size"] == "256")
    #expect(reader.metadata["args/tags"] == #"["a","b"]"#)
    #expect(reader.metadata["torch.Size"] == "[2,3]")
    #expect(reader.metadata["torch.dtype"] == "torch.bfloat16")
    #expect(reader.metadata["torch.device"] == "cpu")
  }

  @Test("Tensors are views of the file where its layout allows it") func views() throws {
    let reader = try Formats.open(Fixtures.folder + "/formats/torch/zip.pt")
    let byteCount = try Fixtures.bytes(reader.file).count
    /// The tensor, where it looks at the bytes of the whole file.
    func view(_ name: String) throws -> Tensor? {
      let tensor = try reader.tensor(at: try #require(reader.entries.firstIndex { $0.name == name }))
      return tensor.storage.byteCount == byteCount ? tensor : nil
    }
    let whole = try #require(try view("conv.weight"))
    #expect(whole.byteCount == 1440)
    #expect(try view("view.rows")?.storage === whole.storage)
    #expect(try view("view.transposed") == nil)
    #expect(try view("view.expanded") == nil)
    #expect(try #require(try view("shared.a")).offsetInBytes == view("shared.b")?.offsetInBytes)
  }

  @Test("Values that wait to be conjugated are refused") func lazyBits() {
    let error = #expect(throws: Diagnostic.self) { try Formats.open(Fixtures.folder + "/formats/torch/lazy_bits.pt") }
    #expect(error?.rule == "pytorch.tensor-kind")
  }

  @Test("Quantised tensors are refused by their type") func quantised() throws {
    var pickle = "\u{80}\u{2}ctorch._utils\n_rebuild_tensor_v2\n((".unicodeScalars.map { UInt8($0.value) }
    func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + text.utf8 }
    pickle += text("storage") + "ctorch\nQInt8Storage\n".utf8 + text("0") + text("cpu") + "K\u{1}tQK\0)".utf8
    pickle += ")\u{89}}tR.".unicodeScalars.map { UInt8($0.value) }
    let error = #expect(throws: Diagnostic.self) { try open(archive([("a/data.pkl", pickle), ("a/data/0", [1])])) }
    #expect(error?.rule == "pytorch.dtype")
  }

  @Test("An archive's own metadata are texts") func ownMetadata() throws {
    let good = try open(archive([("a/data.pkl", Self.dictionary), ("a/graft.json", Array(#"{"k":"v"}"#.utf8))]))
    #expect(good.metadata == ["k": "v"])
    for text in ["[]", #"{"k":1}"#] {
      let error = #expect(throws: Diagnostic.self) {
        try open(archive([("a/data.pkl", Self.dictionary), ("a/graft.json", Array(text.utf8))]))
      }
      #expect(error?.rule == "pytorch.metadata")
    }
  }

  @Test("Records that share bytes are refused") func overlap() throws {
    // A second record's header and bytes stand inside the first record's bytes.
    let outer = "a/data.pkl"
    let shell = ZipEntry(name: outer, byteCount: 0, offset: 0).localHeader.count
    let inner = ZipEntry(name: "a/b", byteCount: 4, offset: shell)
    let content = inner.localHeader + Self.dictionary
    var bytes = ZipEntry(name: outer, byteCount: content.count, offset: 0).localHeader + content
    let directory = ZipEntry(name: outer, byteCount: content.count, offset: 0).centralHeader + inner.centralHeader
    bytes += directory + ZipEntry.endRecords(count: 2, start: bytes.count, byteCount: directory.count)
    let error = #expect(throws: Diagnostic.self) { try open(bytes) }
    #expect(error?.rule == "pytorch.zip-overlap")
  }

  @Test(
    "What torch lacks is not written",
    arguments: [(DType.f6e2m3, Shape([4])), (.f4, Shape([2, 1])), (.f4, Shape([4, 1]))])
  func unwritable(_ dtype: DType, _ shape: Shape) throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.write([("w", Tensor(zeros: dtype, shape))], to: folder.path + "/x.pt")
    }
    #expect(error?.rule == "pytorch.unwritable")
    #expect(folder.names == [])
  }

  /// CRC-32 of `123456789` is 0xCBF43926, as every description of the polynomial gives.
  @Test("Written records carry their checksum in both headers, at multiples of 64") func records() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.pt"
    let tensor = Tensor(.u8, [9], integers: (1...9).map { 48 + $0 })
    try TransferEngine.write([("w", tensor)], metadata: ["k": "v"], to: path)
    let mapped = try MappedFile(path: path)
    let archive = try ZipArchive(mapped)
    #expect(archive.records.allSatisfy { $0.range.lowerBound % 64 == 0 })
    #expect(archive.records.last?.name == "archive/graft.json")
    let record = try #require(archive["archive/data/0"])
    #expect(record.checksum == 0xCBF4_3926)
    for record in archive.records { try ZipArchive.verify(record, in: mapped) }
    // Local headers, for programs that read a zip file from its start: signature, then the checksum 14 bytes on.
    let bytes = try Fixtures.bytes(path)
    let header = try #require((0..<record.range.lowerBound).last { bytes[$0...].starts(with: [0x50, 0x4B, 3, 4]) })
    #expect(bytes[(header + 14)..<(header + 18)].elementsEqual([0x26, 0x39, 0xF4, 0xCB]))
  }

  @Test("Sizes and offsets of 4 GB and more stand in zip64 fields") func wide() {
    let large = ZipEntry(name: "a/data/0", byteCount: 1 << 33, offset: 1 << 34)
    #expect(large.localHeader.count % 64 == 0)
    #expect(large.localHeader[18..<26].allSatisfy { $0 == 0xFF })
    #expect(large.centralHeader.suffix(28).prefix(4).elementsEqual([1, 0, 24, 0]))
    #expect(large.centralHeader.suffix(1 + 7).elementsEqual([0, 0, 0, 0, 4, 0, 0, 0]))
  }
}
