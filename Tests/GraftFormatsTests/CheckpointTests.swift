import Foundation
import GraftFormats
import GraftIR
import Testing

/// Finding, opening and selecting, whatever the format.
@Suite struct CheckpointTests {
  private func refusal(_ path: String) -> Diagnostic? {
    #expect(throws: Diagnostic.self) { try Formats.open(path) }
  }

  @Test("What is no file is refused by its kind") func kinds() throws {
    let folder = try TemporaryFolder()
    #expect(refusal(folder.path + "/x.pt")?.rule == "checkpoint.missing")
    #expect(refusal(folder.path + "/x.pt")?.category == .inputMissing)
    #expect(refusal("/tmp/\0")?.rule == "checkpoint.missing")
    mkfifo(folder.path + "/pipe.pt", 0o600)
    #expect(refusal(folder.path + "/pipe.pt")?.rule == "checkpoint.not-a-file")
    let long = refusal(folder.path + "/" + String(repeating: "x", count: 300))
    #expect(long?.rule == "checkpoint.unreadable" && long?.category == .ioFailure)
    #expect(refusal(try folder.write(Array("hello".utf8), as: "x.txt"))?.rule == "checkpoint.unknown-format")
  }

  static let foreignFiles: [(String, [UInt8])] = [
    ("git-lfs", Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8)),
    ("web page", Array("<!DOCTYPE html><html>".utf8)), ("gzip", [0x1F, 0x8B, 8, 0]),
    ("bare pickle", [0x80, 4, 0x2E]),
    ("zstd", [0x28, 0xB5, 0x2F, 0xFD, 0]), ("JSON", Array(#"{"a": 1}"#.utf8)),
  ]

  @Test("A foreign file is named for what it is, whatever it is called", arguments: foreignFiles)
  func foreign(_ name: String, _ bytes: [UInt8]) throws {
    let folder = try TemporaryFolder()
    for file in ["x.pt", "x.safetensors"] {
      let error = refusal(try folder.write(bytes, as: file))
      #expect(error?.rule == "checkpoint.foreign-layout" && error?.message.contains(name) == true)
    }
  }

  @Test("An archive that holds no checkpoint is named for what it holds") func archives() throws {
    let folder = try TemporaryFolder()
    for (records, meaning) in [
      (["readme.txt"], "holds no checkpoint"), (["[Content_Types].xml"], "office"),
      (["config.json", "metadata.json"], "Keras"),
    ] {
      let bytes = ZipFixture.archive(records.map { ($0, [65]) })
      let error = refusal(try folder.write(bytes, as: "x.pt"))
      #expect(error?.rule == "checkpoint.foreign-layout" && error?.message.contains(meaning) == true)
    }
    let script = refusal(Fixtures.folder + "/hostile/torch/script_archive.pt")
    #expect(script?.rule == "pytorch.torchscript" && script?.message.contains("TorchScript") == true)
  }

  @Test("A tar archive is named") func tar() throws {
    let folder = try TemporaryFolder()
    var bytes = [UInt8](repeating: 0, count: 1024)
    bytes.replaceSubrange(257..<262, with: "ustar".utf8)
    let error = refusal(try folder.write(bytes, as: "x.pt"))
    #expect(error?.rule == "checkpoint.foreign-layout" && error?.message.contains("tar") == true)
  }

  @Test("An index is one whatever it is called") func indexName() throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write([("w", Tensor([1], [1]))], to: folder.path + "/x.safetensors")
    let path = try folder.write(Array(#" {"weight_map":{"w":"x.safetensors"}}"#.utf8), as: "weights.json")
    #expect(try Formats.open(path).entries.map(\.name) == ["w"])
  }

  @Test("Content counts before the extension") func content() throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write([("w", Tensor([1], [1]))], to: folder.path + "/x.safetensors")
    try FileManager.default.moveItem(atPath: folder.path + "/x.safetensors", toPath: folder.path + "/x.bin")
    #expect(try Formats.open(folder.path + "/x.bin").format == "safetensors")
  }

  @Test("A folder stands for the one checkpoint in it") func folders() throws {
    let sharded = Fixtures.folder + "/formats/sharded_safetensors"
    #expect(
      try Formats.open(sharded).entries.count == Formats.open(sharded + "/model.safetensors.index.json").entries.count)
    let folder = try TemporaryFolder()
    #expect(refusal(folder.path)?.rule == "checkpoint.folder")
    try TransferEngine.write([("w", Tensor([1], [1]))], to: folder.path + "/x.safetensors")
    #expect(try Formats.open(folder.path).entries.map(\.name) == ["w"])
    try TransferEngine.write([("w", Tensor([1], [1]))], to: folder.path + "/y.pt")
    #expect(refusal(folder.path)?.rule == "checkpoint.folder")
  }

  @Test("A link under a plain name leads to its shard") func links() throws {
    let folder = try TemporaryFolder()
    let blob = try TemporaryFolder()
    try TransferEngine.write([("w", Tensor([1, 2], [2]))], to: blob.path + "/blob.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/model.safetensors", withDestinationPath: blob.path + "/blob.safetensors")
    let index: JSON = ["weight_map": ["w": "model.safetensors"]]
    let path = try folder.write(Array(index.text().utf8), as: "model.safetensors.index.json")
    #expect(try Formats.open(path).tensor(at: 0).floats == [1, 2])
  }

  @Test("An address splits at its last colon, unless a file has the whole name") func addresses() throws {
    let folder = try TemporaryFolder()
    let odd = try folder.write([], as: "a:b")
    #expect(CheckpointAddress(parsing: odd) == CheckpointAddress(file: odd))
    #expect(CheckpointAddress(parsing: odd + ":ema") == CheckpointAddress(file: odd, key: "ema"))
    #expect(
      CheckpointAddress(parsing: "x.ckpt:state_dict/model")
        == CheckpointAddress(file: "x.ckpt", key: "state_dict/model"))
    #expect(CheckpointAddress(parsing: "x.pt") == CheckpointAddress(file: "x.pt"))
    #expect(CheckpointAddress(parsing: "x:") == CheckpointAddress(file: "x:"))
  }

  @Test("A key selects what is below it, and metadata stay") func selection() throws {
    let nested = Fixtures.folder + "/formats/torch/nested.pt"
    let whole = try Formats.open(nested)
    #expect(whole.topKeys == ["model", "ema", "opt"])
    let state = try Formats.open(CheckpointAddress(file: nested, key: "opt/state"))
    #expect(state.entries.map(\.name) == ["0/step", "0/exp_avg", "0/exp_avg_sq"])
    #expect(state.metadata["args/model"] == "DiT-XL/2")
    // A key ends where a step of the path ends: `layers.0` is the start of a name here.
    for key in ["emma", "model/layers.0", "model/", ""] {
      let error = #expect(throws: Diagnostic.self) { try whole.selecting(key) }
      #expect(error?.rule == "checkpoint.unknown-key")
    }
    let (model, notes) = try Formats.openModel(CheckpointAddress(file: nested))
    #expect(model.entries.count == 20 && notes.count == 1 && notes[0].contains("'ema'"))
  }

  @Test("Prefixes of wrappers are taken off where every name has them") func prefixes() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.pt"
    var options = TransferEngine.Options()
    options.key = "state_dict"
    options.force = true
    func names(_ names: [String]) throws -> [String] {
      try TransferEngine.write(names.map { ($0, Tensor([1], [1])) }, to: path, options: options)
      return try Formats.openModel(CheckpointAddress(file: path)).reader.entries.map(\.name)
    }
    #expect(try names(["module.a", "module.b"]) == ["a", "b"])
    #expect(try names(["_orig_mod.module.a"]) == ["a"])
    #expect(try names(["module.a", "b"]) == ["module.a", "b"])
    #expect(try Formats.openModel(CheckpointAddress(file: path, key: "state_dict")).notes.isEmpty)
  }
}
