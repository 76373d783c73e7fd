import Foundation
import GraftFormats
import GraftIR
import Testing

/// A file of `Tests/Fixtures/formats` or `kinds` and what it holds, by the `expected.json` there.
struct ExpectedFile: Sendable, CustomTestStringConvertible {
  /// Its path below `Tests/Fixtures`.
  let file: String
  let isOptional: Bool
  /// The rule by which it is refused, or `nil` where it is read.
  let refusal: String?
  /// What is wrong with it, where it is refused.
  let note: String
  let metadata: [String: String]
  /// The target of each alias, by name.
  let aliases: [String: String]?
  let tensors: [JSON]
  var path: String { Fixtures.folder + "/" + file }
  var testDescription: String { file }

  /// All of them.
  static let all: [ExpectedFile] =
    files(of: "formats", prefix: "formats/") + files(of: "kinds", prefix: "") + files(of: "hdf5", prefix: "")

  private static func files(of folder: String, prefix: String) -> [ExpectedFile] {
    guard let files = (try? Fixtures.json("\(folder)/expected.json"))?["files"]?.listValue else { return [] }
    return files.map { file in
      var metadata: [String: String] = [:]
      for member in file["metadata"]?.members ?? [] { metadata[member.name] = member.value.textValue }
      for member in file["values"]?.members ?? [] {
        metadata[member.name] = member.value.textValue ?? member.value.text()
      }
      return ExpectedFile(
        file: prefix + (file["file"]?.textValue ?? ""), isOptional: file["optional"]?.boolValue ?? false,
        refusal: file["refused"]?.textValue, note: file["note"]?.textValue ?? "", metadata: metadata,
        aliases: file["aliases"]?.members.map { $0.reduce(into: [:]) { $0[$1.name] = $1.value.textValue } },
        tensors: file["tensors"]?.listValue ?? [])
    }
  }

  /// Those that are files of their own.
  static let small = all.filter { !$0.file.hasSuffix(".json") }
}

/// A file of `Tests/Fixtures/hostile`, by its `manifest.json`.
struct HostileFile: Sendable, CustomTestStringConvertible {
  let file: String
  /// The class of the refusal.
  let error: String
  let mayLoad: Bool
  var path: String { Fixtures.folder + "/hostile/" + file }
  var testDescription: String { file }

  /// All of them.
  static let all: [HostileFile] = {
    guard let cases = (try? Fixtures.json("hostile/manifest.json"))?["cases"]?.listValue else { return [] }
    return cases.map {
      HostileFile(
        file: $0["file"]?.textValue ?? "", error: $0["error"]?.textValue ?? "",
        mayLoad: $0["may_load"]?.boolValue ?? false)
    }
  }()

  /// Opens the file and reads all of it.
  func read() throws(Diagnostic) {
    let reader = try Formats.open(path)
    for index in reader.entries.indices { _ = try reader.tensor(at: index) }
  }
}

/// What every format promises, on files that other programs wrote.
@Suite struct FormatsTests {
  @Test("The fixtures are there") func fixtures() {
    #expect(ExpectedFile.all.count == 96)
    #expect(HostileFile.all.count == 330)
  }

  @Test(
    "A file of another program holds what that program says", arguments: ExpectedFile.all.filter { $0.refusal == nil })
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
      #expect((entry.dtype.safetensorsName ?? "C128") == expected["dtype"]?.textValue, "\(path)")
      #expect(entry.shape.axes == expected["shape"]?.listValue?.compactMap(\.intValue), "\(path)")
      let tensor = try reader.tensor(at: index)
      #expect(tensor.type == TensorType(entry.dtype, entry.shape))
      #expect(tensor.byteCount == entry.byteCount)
      #expect(Fixtures.digest(tensor) == expected["sha256"]?.textValue, "\(path)")
    }
    for (name, text) in file.metadata { #expect(reader.metadata[name] == text, "\(name)") }
    guard let aliases = file.aliases else { return }
    let found = reader.aliases.map { (reader.entries[$0.key].name, reader.entries[$0.value.target].name) }
    #expect(Dictionary(found, uniquingKeysWith: { first, _ in first }) == aliases)
  }

  @Test("What is no dense tensor is refused by its kind", arguments: ExpectedFile.all.filter { $0.refusal != nil })
  func unreadable(_ file: ExpectedFile) throws {
    let error = #expect(throws: Diagnostic.self) { try Formats.open(file.path) }
    #expect(error?.rule == file.refusal)
    let kinds: Set<String> = [
      "pytorch.tensor-kind", "pytorch.dtype", "numpy.type", "hdf5.keras-names", "hdf5.type", "hdf5.outside",
      "hdf5.utf8", "hdf5.limit", "hdf5.metadata", "hdf5.archive", "hdf5.range", "hdf5.chunk", "hdf5.size",
    ]
    #expect(error.map { kinds.contains($0.rule) } == true)
    #expect(error?.message.contains(file.note) == true, "\(error?.message ?? "")")
  }

  @Test("A hostile file is refused for what it is, quickly and without effect", arguments: HostileFile.all)
  func hostile(_ file: HostileFile) throws {
    let start = ContinuousClock.now
    do throws(Diagnostic) {
      try file.read()
      #expect(file.mayLoad)
    } catch {
      #expect(error.severity == .error)
      #expect(
        HostileRules.classes[error.rule]?.contains(file.error) == true,
        "\(error.rule), not \(file.error): \(error.message)")
      #expect(error.location != nil)
      #expect(!error.message.hasSuffix("."))
    }
    #expect(ContinuousClock.now - start < .seconds(2))
    #expect(!FileManager.default.fileExists(atPath: "graft_hostile_marker"))
    #expect(!FileManager.default.fileExists(atPath: Fixtures.folder + "/../../graft_hostile_marker"))
  }

  @Test("A rule stands for a class of refusal only where a file shows it") func classes() {
    var found: [String: Set<String>] = [:]
    for file in HostileFile.all {
      do throws(Diagnostic) { try file.read() } catch { found[error.rule, default: []].insert(file.error) }
    }
    #expect(found == HostileRules.classes)
  }
}
