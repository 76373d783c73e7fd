import Foundation
import GraftFormats
import GraftIR
import Testing

/// Files of torch before 1.6. Those that torch wrote are among the fixtures; here is what it no longer writes, and what
/// breaks a rule.
@Suite struct LegacyLayoutTests {
  private typealias Build = PickleBuilder

  private func open(_ bytes: [UInt8]) throws -> any CheckpointReader {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try Formats.open(try folder.write(bytes, as: "x.pt"))
  }

  /// `w` over the storage `0` of two elements.
  private static let object = Build.dictionary([
    (Build.text("w"), Build.tensor(Build.storage("0", count: 2, isLegacy: true), count: 2))
  ])
  /// 1 and 2, little-endian.
  private static let values: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]

  @Test("The first version of the function that makes tensors is read") func first() throws {
    let reader = try open(Build.legacy(Self.object, keys: ["0"], storages: [(2, Self.values)]))
    #expect(reader.format == "pytorch" && reader.entries.map(\.name) == ["w"])
    #expect(try reader.tensor(at: 0).floats == [1, 2])
  }

  @Test("Numbers of a big-endian machine are turned around") func bigEndian() throws {
    let turned: [UInt8] = [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0]
    let reader = try open(Build.legacy(Self.object, keys: ["0"], storages: [(2, turned)], isLittleEndian: false))
    #expect(try reader.tensor(at: 0).floats == [1, 2])
  }

  @Test("A view of a storage, as torch before 0.4 saved it, is that part of it") func parts() throws {
    let part = [Build.text("view"), Build.integer(1), Build.integer(1)]
    let object = Build.list([
      Build.tensor(Build.storage("0", count: 2, isLegacy: true), count: 2),
      Build.tensor(Build.storage("0", count: 2, part: part), count: 1),
    ])
    let reader = try open(Build.legacy(object, keys: ["0"], storages: [(2, Self.values)]))
    #expect(try reader.tensor(at: 1).floats == [2])
    #expect(reader.aliases[1]?.offset == 1)
    let far = [Build.text("view"), Build.integer(1), Build.integer(2)]
    let error = #expect(throws: Diagnostic.self) {
      try open(
        Build.legacy(
          Build.tensor(Build.storage("0", count: 2, part: far), count: 1), keys: ["0"], storages: [(2, Self.values)]))
    }
    #expect(error?.rule == "pytorch.storage-reference")
  }

  static let broken: [(String, [UInt8])] = [
    ("pytorch.legacy-header", Build.legacy(object, keys: ["0"], storages: [(2, values)], version: 1002)),
    ("pytorch.legacy-keys", Build.legacy(object, keys: ["0", "0"], storages: [(2, values), (2, values)])),
    ("pytorch.legacy-keys", Build.legacy(object, keys: ["1"], storages: [(2, values)])),
    ("pytorch.storage-missing", Build.legacy(object, keys: [], storages: [])),
    ("pytorch.storage-size", Build.legacy(object, keys: ["0"], storages: [(3, values + values)])),
    ("pytorch.legacy-truncated", Build.legacy(object, keys: ["0"], storages: [(2, Array(values.dropLast()))])),
    ("pytorch.legacy-truncated", Build.legacy(object, keys: ["0"], storages: [])),
    ("pytorch.legacy-length", Build.legacy(object, keys: ["0"], storages: [(2, values + [0])])),
    (
      "pytorch.storage-reference",
      Build.legacy(
        Build.list([
          Build.tensor(Build.storage("0", count: 2, isLegacy: true), count: 2),
          Build.tensor(
            Build.storage("0", "IntStorage", count: 2, part: [Build.text("v"), [0x4B, 0], [0x4B, 1]]), count: 1),
        ]), keys: ["0"], storages: [(2, values)])
    ),
  ]

  @Test("What breaks a rule is refused by it", arguments: broken)
  func refused(_ rule: String, _ bytes: [UInt8]) {
    let error = #expect(throws: Diagnostic.self) { try open(bytes) }
    #expect(error?.rule == rule, "\(error?.message ?? "")")
  }
}
