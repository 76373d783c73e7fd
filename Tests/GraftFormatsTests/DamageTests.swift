import Foundation
import GraftFormats
import GraftIR
import Testing

/// Files that are cut or changed: read or refused, soon, and with no more memory than the file's own size justifies.
@Suite struct DamageTests {
  /// How many damages each format gets; `GRAFT_DAMAGES` asks for more.
  static let count = ProcessInfo.processInfo.environment["GRAFT_DAMAGES"].flatMap(Int.init) ?? 10_000
  /// `GRAFT_SEED` makes other damages.
  static let seed = ProcessInfo.processInfo.environment["GRAFT_SEED"].flatMap(UInt64.init) ?? 0x6772_6166_74

  /// A process is started for each HDF5 file that looks whole, so that there are fewer of them.
  private static func count(of format: String) -> Int { ["h5", "keras"].contains(format) ? count / 25 : count }

  /// The fixtures of each format, and an index beside its shards.
  static let formats: [String: [ExpectedFile]] = Dictionary(grouping: ExpectedFile.small) { file in
    if file.file.contains("legacy") { return "legacy pytorch" }
    return file.file.split(separator: ".").last.map(String.init) ?? ""
  }

  @Test("Every beginning of a file is read or refused", arguments: ExpectedFile.small)
  func prefixes(_ file: ExpectedFile) throws {
    let bytes = try Fixtures.bytes(file.path)
    let memory = MemoryFile()
    // An HDF5 file says where it ends, and most beginnings are refused for that alone.
    let step = file.file.hasSuffix(".h5") || file.file.hasSuffix(".keras") ? 23 : 1
    for length in stride(from: 0, to: bytes.count, by: step) {
      memory.replace(with: Array(bytes[..<length]))
      try read(memory.path, byteCount: length, "\(file.file) cut after \(length) bytes")
    }
  }

  @Test("Every beginning of an index is read or refused") func indexPrefixes() throws {
    let folder = Fixtures.folder + "/formats/sharded_safetensors"
    let bytes = try Fixtures.bytes(folder + "/model.safetensors.index.json")
    let copy = try shards(of: folder)
    for length in 0..<bytes.count {
      let path = try copy.write(Array(bytes[..<length]), as: "model.safetensors.index.json")
      try read(path, byteCount: length + 20_000, "an index cut after \(length) bytes")
    }
  }

  @Test("Damaged files are read or refused", arguments: formats.keys.sorted())
  func damages(_ format: String) throws {
    let files = try #require(Self.formats[format])
    let originals = try files.map { try Fixtures.bytes($0.path) }
    let memory = MemoryFile()
    for number in 0..<Self.count(of: format) {
      let file = number % files.count
      let seed = Self.seed &+ UInt64(number)
      var mutator = Mutator(seed: seed)
      let bytes = mutator.mutate(originals[file])
      memory.replace(with: bytes)
      try read(memory.path, byteCount: bytes.count, "\(files[file].file), seed \(seed)")
    }
  }

  @Test("Damaged indices are read or refused") func indexDamages() throws {
    let folder = Fixtures.folder + "/formats/sharded_safetensors"
    let original = try Fixtures.bytes(folder + "/model.safetensors.index.json")
    let copy = try shards(of: folder)
    for number in 0..<Self.count {
      let seed = Self.seed &+ UInt64(number)
      var mutator = Mutator(seed: seed)
      let path = try copy.write(mutator.mutate(original), as: "model.safetensors.index.json")
      try read(path, byteCount: 100_000, "an index, seed \(seed)")
    }
  }

  /// Reads everything that `path` holds.
  private func read(_ path: String, byteCount: Int, _ what: String) throws {
    let start = ContinuousClock.now
    do throws(Diagnostic) {
      let reader = try Formats.open(path)
      for (index, entry) in reader.entries.enumerated() {
        // Deflate makes at most 1,032 bytes of one, and a PyTorch view may repeat what it shows.
        #expect(entry.byteCount <= 1032 * byteCount + 16 * 65_536, "\(what)")
        let tensor = try reader.tensor(at: index)
        #expect(tensor.byteCount == entry.byteCount, "\(what)")
      }
    } catch {
      #expect(!error.rule.isEmpty && error.category != .defect, "\(what)")
    }
    #expect(ContinuousClock.now - start < .seconds(2), "\(what)")
  }

  /// A folder with the shards of `folder`, as links.
  private func shards(of folder: String) throws -> TemporaryFolder {
    let copy = try TemporaryFolder()
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where !name.hasSuffix(".json") {
      try FileManager.default.createSymbolicLink(
        atPath: copy.path + "/" + name, withDestinationPath: folder + "/" + name)
    }
    return copy
  }
}
