import Foundation
import GraftFormats
import GraftIR
import Testing

enum ZipFixture {
  /// An archive of the given records.
  static func archive(_ records: [(name: String, bytes: [UInt8])]) -> [UInt8] {
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

  /// Bytes that `edit` changes, found by what stands before them.
  static func editing(_ bytes: [UInt8], after signature: [UInt8], at offset: Int, to new: [UInt8]) throws -> [UInt8] {
    var bytes = bytes
    let start = try #require(bytes.indices.last { bytes[$0...].starts(with: signature) })
    bytes.replaceSubrange(start + offset..<start + offset + new.count, with: new)
    return bytes
  }
}

/// Archives, whatever they hold.
@Suite struct ZipTests {
  private func open(_ bytes: [UInt8], as name: String = "x.pt") throws -> any CheckpointReader {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try Formats.open(try folder.write(bytes, as: name))
  }

  private static let dictionary = Array("\u{80}\u{2}}.".unicodeScalars.map { UInt8($0.value) })
  private static let directoryHeader: [UInt8] = [0x50, 0x4B, 1, 2]

  @Test("An archive's own metadata are texts") func ownMetadata() throws {
    let good = try open(
      ZipFixture.archive([("a/data.pkl", Self.dictionary), ("a/graft.json", Array(#"{"k":"v"}"#.utf8))]))
    #expect(good.metadata == ["k": "v"])
    for text in ["[]", #"{"k":1}"#] {
      let error = #expect(throws: Diagnostic.self) {
        try open(ZipFixture.archive([("a/data.pkl", Self.dictionary), ("a/graft.json", Array(text.utf8))]))
      }
      #expect(error?.rule == "zip.metadata")
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
    #expect(error?.rule == "zip.overlap")
  }

  @Test("What a record unpacks to is at most what deflate can make of it") func unpackedSize() throws {
    let packed = try Fixtures.bytes(Fixtures.folder + "/kinds/packed.npz")
    let edited = try ZipFixture.editing(packed, after: Self.directoryHeader, at: 24, to: [0xFF, 0xFF, 0xFF, 0x7F])
    let error = #expect(throws: Diagnostic.self) { try open(edited, as: "x.npz") }
    #expect(error?.rule == "zip.size")
  }

  @Test("A record that unpacks to other bytes than its checksum says is refused when it is read") func damage() throws {
    let packed = try Fixtures.bytes(Fixtures.folder + "/kinds/packed.npz")
    let edited = try ZipFixture.editing(packed, after: Self.directoryHeader, at: 16, to: [1, 2, 3, 4])
    let folder = try TemporaryFolder()
    let reader = try Formats.open(try folder.write(edited, as: "x.npz"))
    let error = #expect(throws: Diagnostic.self) { try reader.tensor(at: reader.entries.count - 1) }
    #expect(error?.rule == "zip.checksum")
    #expect(throws: Never.self) { try reader.tensor(at: 0) }
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
