import Foundation
import GraftFormats
import GraftIR
import Testing

/// Checkpoints written as several files.
@Suite struct ShardedWriterTests {
  private func tensor(_ first: Int, _ count: Int) -> Tensor { Tensor((first..<first + count).map(Float.init), [count]) }

  private func write(
    _ tensors: [(String, Tensor)], to path: String, shardByteCount: Int, key: String? = nil
  ) throws {
    var options = TransferEngine.Options()
    options.shardByteCount = shardByteCount
    options.key = key
    try TransferEngine.write(tensors, metadata: ["format": "pt", "graft.note": "once"], to: path, options: options)
  }

  @Test("Tensors fill files in their order, and a larger one has its own", arguments: ["safetensors", "pt", "bin"])
  func filling(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let tensors = [("a", tensor(0, 2)), ("b", tensor(2, 2)), ("c", tensor(4, 9)), ("d", tensor(13, 1))]
    try write(tensors, to: folder.path + "/x.\(suffix)", shardByteCount: 16)
    #expect(
      folder.names == [
        "x-00001-of-00003.\(suffix)", "x-00002-of-00003.\(suffix)", "x-00003-of-00003.\(suffix)",
        "x.\(suffix).index.json",
      ])
    let reader = try Formats.open(folder.path)
    #expect(reader.entries.map(\.name) == ["a", "b", "c", "d"])
    for index in reader.entries.indices { #expect(try reader.tensor(at: index).floats == tensors[index].1.floats) }
    #expect(reader.metadata == ["format": "pt", "graft.note": "once"])
    let last = try Formats.open(folder.path + "/x-00003-of-00003.\(suffix)")
    #expect(last.entries.map(\.name) == ["d"] && last.metadata == ["format": "pt"])
  }

  @Test("The index names sizes, tensors and files as transformers does") func index() throws {
    let folder = try TemporaryFolder()
    try write([("a", tensor(0, 2)), ("b", tensor(2, 2))], to: folder.path + "/m.safetensors", shardByteCount: 8)
    let index = try JSON(
      parsing: try Fixtures.bytes(folder.path + "/m.safetensors.index.json"), file: "m.safetensors.index.json")
    #expect(index["metadata"]?["total_size"] == 16)
    #expect(index["weight_map"]?["a"] == "m-00001-of-00002.safetensors")
    #expect(index["weight_map"]?["b"] == "m-00002-of-00002.safetensors")
  }

  @Test("What fits one file is one file, unless the index is asked for") func single() throws {
    let folder = try TemporaryFolder()
    try write([("a", tensor(0, 2))], to: folder.path + "/x.pt", shardByteCount: 8)
    try write([("a", tensor(0, 2))], to: folder.path + "/y.pt.index.json", shardByteCount: 8)
    #expect(folder.names == ["x.pt", "y-00001-of-00001.pt", "y.pt.index.json"])
    #expect(try Formats.open(folder.path + "/y.pt.index.json").entries.count == 1)
  }

  @Test("A key stands before every name of the index") func key() throws {
    let folder = try TemporaryFolder()
    try write([("a", tensor(0, 2)), ("b", tensor(2, 2))], to: folder.path + "/x.bin", shardByteCount: 8, key: "ema")
    #expect(try Formats.open(folder.path).entries.map(\.path) == [["ema", "a"], ["ema", "b"]])
  }

  @Test("Tied tensors are in one file", arguments: ["safetensors", "bin"])
  func aliases(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let source = folder.path + "/in.pt"
    let wide = Tensor((0..<4).map(Float.init), [4])
    try TransferEngine.write([("a", wide), ("b", wide), ("c", wide)], to: source)
    let reader = try Formats.open(source)
    var plan = WeightPlan(copying: reader)
    plan.tensors[0].alias = TensorAlias(wholeOf: 2, shape: [4])
    var options = TransferEngine.Options()
    options.shardByteCount = 16
    options.recordsDigests = false
    try TransferEngine.run(plan, readers: [reader], to: folder.path + "/out.\(suffix)", options: options)
    #expect(folder.names.filter { $0.hasPrefix("out") }.count == 3)
    let out = try Formats.open(folder.path + "/out.\(suffix).index.json")
    #expect(Set(out.entries.map(\.name)) == ["a", "b", "c"] && out.aliases.count == 1)
    let (alias, tie) = try #require(out.aliases.first)
    #expect(Set([out.entries[alias].name, out.entries[tie.target].name]) == ["a", "c"])
    for index in out.entries.indices { #expect(try out.tensor(at: index).floats == [0, 1, 2, 3]) }
  }

  @Test("Shards that hold nothing, and more than can be open at once, are refused", arguments: [0, 4])
  func limit(_ shardByteCount: Int) throws {
    let folder = try TemporaryFolder()
    let tensors = (0..<501).map { ("\($0)", tensor($0, 1)) }
    let error = #expect(throws: Diagnostic.self) {
      try write(tensors, to: folder.path + "/x.pt", shardByteCount: shardByteCount)
    }
    #expect(error?.rule == "sharded.limit" && error?.category == .usage)
    #expect(folder.names == [])
  }

  @Test("An index that gives another size than the tensors have is read, and that is told") func totalSize() throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write([("w", tensor(0, 2))], to: folder.path + "/x.safetensors")
    for (size, count) in [("8", 0), ("9", 1), ("\"8\"", 0)] {
      let text = #"{"metadata":{"total_size":"# + size + #"},"weight_map":{"w":"x.safetensors"}}"#
      let path = try folder.write(Array(text.utf8), as: "x.safetensors.index.json")
      #expect(try Formats.open(path).notes.count == count)
    }
  }
}
