import Foundation
import GraftFormats
import GraftIR
import Testing

/// A file of `Tests/Fixtures/formats` and what it holds, by `expected.json`.
struct ExpectedFile: Sendable, CustomTestStringConvertible {
  let file: String
  let isLegacy: Bool
  let isOptional: Bool
  let metadata: [String: String]
  let tensors: [JSON]
  var path: String { Fixtures.folder + "/formats/" + file }
  var testDescription: String { file }

  /// All of them.
  static let all: [ExpectedFile] = {
    guard let files = (try? Fixtures.json("formats/expected.json"))?["files"]?.listValue else { return [] }
    return files.map { file in
      ExpectedFile(
        file: file["file"]?.textValue ?? "", isLegacy: file["kind"]?.textValue == "torch legacy",
        isOptional: file["optional"]?.boolValue ?? false,
        metadata: (file["metadata"]?.members ?? []).reduce(into: [:]) { $0[$1.name] = $1.value.textValue },
        tensors: file["tensors"]?.listValue ?? [])
    }
  }()

  /// Those that are files of their own and of a layout that is read.
  static let small = all.filter { !$0.isLegacy && !$0.file.hasSuffix(".json") }
}

/// A file of `Tests/Fixtures/hostile`, by its `manifest.json`.
struct HostileFile: Sendable, CustomTestStringConvertible {
  let file: String
  let mayLoad: Bool
  var path: String { Fixtures.folder + "/hostile/" + file }
  var testDescription: String { file }

  /// All of them.
  static let all: [HostileFile] = {
    guard let cases = (try? Fixtures.json("hostile/manifest.json"))?["cases"]?.listValue else { return [] }
    return cases.map {
      HostileFile(file: $0["file"]?.textValue ?? "", mayLoad: $0["may_load"]?.boolValue ?? false)
    }
  }()
}

/// What every format promises, on files that other programs wrote.
@Suite struct FormatsTests {
  @Test("The fixtures are there") func fixtures() {
    #expect(ExpectedFile.all.count == 19)
    #expect(HostileFile.all.count == 177)
  }

  @Test("A file of another program holds what that program says", arguments: ExpectedFile.all.filter { !$0.isLegacy })
  func conformance(_ file: ExpectedFile) throws {
    let reader: any CheckpointReader
    do {
      reader = try Formats.open(file.path)
    } catch {
      #expect(file.isOptional, "\(error)")
      return
    }
    #expect(reader.entries.count == file.tensors.count)
    for expected in file.tensors {
      let path = expected["path"]?.listValue?.compactMap(\.textValue) ?? []
      let index = try #require(reader.entries.firstIndex { $0.path == path }, "\(path)")
      let entry = reader.entries[index]
      #expect(entry.dtype.safetensorsName == expected["dtype"]?.textValue, "\(path)")
      #expect(entry.shape.axes == expected["shape"]?.listValue?.compactMap(\.intValue), "\(path)")
      let tensor = try reader.tensor(at: index)
      #expect(tensor.type == TensorType(entry.dtype, entry.shape))
      #expect(tensor.byteCount == entry.byteCount)
      #expect(Fixtures.digest(tensor) == expected["sha256"]?.textValue, "\(path)")
    }
    for (name, text) in file.metadata { #expect(reader.metadata[name] == text) }
  }

  @Test("A file of the legacy layout is refused by that name", arguments: ExpectedFile.all.filter(\.isLegacy))
  func legacy(_ file: ExpectedFile) throws {
    let error = #expect(throws: Diagnostic.self) { try Formats.open(file.path) }
    #expect(error?.rule == "checkpoint.foreign-layout")
    #expect(error?.message.contains("legacy") == true)
  }

  @Test("A hostile file is refused, quickly and without effect", .timeLimit(.minutes(1)), arguments: HostileFile.all)
  func hostile(_ file: HostileFile) throws {
    let start = ContinuousClock.now
    do throws(Diagnostic) {
      let reader = try Formats.open(file.path)
      for index in reader.entries.indices { _ = try reader.tensor(at: index) }
      #expect(file.mayLoad)
    } catch {
      #expect(error.severity == .error)
      #expect(HostileRules.all[error.rule]?.contains(file.file) == true, "\(error.rule): \(error.message)")
      #expect(!error.message.hasSuffix("."))
    }
    #expect(ContinuousClock.now - start < .seconds(2))
    #expect(!FileManager.default.fileExists(atPath: "graft_hostile_marker"))
    #expect(!FileManager.default.fileExists(atPath: Fixtures.folder + "/../../graft_hostile_marker"))
  }

  @Test("Every beginning of a file is refused or read, and nothing traps", arguments: ExpectedFile.small)
  func truncation(_ file: ExpectedFile) throws {
    let bytes = try Fixtures.bytes(file.path)
    let folder = try TemporaryFolder()
    let name = "cut." + (file.file.split(separator: ".").last ?? "")
    for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 400)) {
      try readEverything(try folder.write(Array(bytes[..<length]), as: name))
    }
  }

  @Test("Files with changed bytes are refused or read, and nothing traps", arguments: ExpectedFile.small)
  func mutation(_ file: ExpectedFile) throws {
    let original = try Fixtures.bytes(file.path)
    let folder = try TemporaryFolder()
    let name = "mutant." + (file.file.split(separator: ".").last ?? "")
    var random = SeededNumbers(seed: 0x6772_6166_74)
    for _ in 0..<(file.file.hasSuffix(".safetensors") ? 700 : 200) {  // Over 2,000 for each format.
      var bytes = original
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        guard !bytes.isEmpty else { break }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch UInt8.random(in: 0..<4, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: index)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
        }
      }
      try readEverything(try folder.write(bytes, as: name))
    }
  }

  private func readEverything(_ path: String) throws {
    do throws(Diagnostic) {
      let reader = try Formats.open(path)
      for index in reader.entries.indices {
        let tensor = try reader.tensor(at: index)
        #expect(tensor.byteCount == reader.entries[index].byteCount)
      }
    } catch {}
  }
}
