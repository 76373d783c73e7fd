import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct InspectCommandTests {
  @Test("The JSON has the promised keys, arguments as values")
  func json() throws {
    let report = try Graftc.succeed(["inspect", Golden.shapesModel, "--json"]).json()
    #expect(report.members?.map(\.name) == ["format", "model", "metadata", "tensors"])
    #expect(report["format"]?.textValue == "pytorch")
    let model = try #require(report["model"])
    #expect(model.members?.map(\.name) == ["name", "arguments", "layout", "parameters", "depth", "assumed", "blocks"])
    #expect(model["arguments"]?["width"] == .int(128))
    #expect(model["arguments"]?["heads"] == .int(4))
    let block = try #require(model["blocks"]?.listValue?.first)
    #expect(block == ["path": "blocks[0].attn", "operator": "mha", "arguments": ["width": 128, "heads": 4]])
    #expect(report["metadata"]?["args/num_heads"]?.textValue == "4")
    let tensors = try #require(report["tensors"]?.listValue)
    #expect(tensors.count == 184)
    #expect(
      tensors[1] == [
        "name": "model/x_embedder.proj.weight", "path": ["model", "x_embedder.proj.weight"], "dtype": "F32",
        "shape": [128, 3, 4, 4], "bytes": 24576,
      ])
  }

  @Test("A key selects a part, and the names are those below it")
  func key() throws {
    let report = try Graftc.succeed(["inspect", Golden.shapesModel + ":ema", "--json"]).json()
    #expect(report["tensors"]?.listValue?.count == 92)
    #expect(report["tensors"]?.listValue?.first?["name"]?.textValue == "pos_embed")
    try Graftc.fail(65, ["inspect", Golden.shapesModel + ":emma"], rule: "checkpoint.unknown-key")
  }

  @Test(
    "A file without a model is shown all the same",
    arguments: [
      "formats/sharded_safetensors", "formats/sharded_safetensors/model.safetensors.index.json", "formats/sharded_bin",
    ])
  func noModel(_ path: String) throws {
    let report = try Graftc.succeed(["inspect", "\(Golden.folder)/\(path)", "--json"]).json()
    #expect(report["model"] == .null)
    #expect(report["tensors"]?.listValue?.isEmpty == false)
    let text = try Graftc.succeed(["inspect", "\(Golden.folder)/\(path)"]).output
    #expect(text.contains("no model is recognised"))
  }

  @Test("A grafted model tells what it was built with and how deep it is now")
  func depth() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      graft "pairs" {
          base auto from "\(Golden.shapesModel)"
          parallelize blocks in pairs with merge_sum()
          emit "pairs.safetensors"
      }
      """, as: "pairs.graft")
    try Graftc.succeed(["compile", folder("pairs.graft")])
    let model = try #require(try Graftc.succeed(["inspect", folder("pairs.safetensors"), "--json"]).json()["model"])
    #expect(model["arguments"]?["depth"] == .int(8))
    #expect(model["depth"] == .int(4))
    let text = try Graftc.succeed(["inspect", folder("pairs.safetensors")]).output
    #expect(text.contains("model grafted from dit(") && text.contains("parameters, depth 4"))
  }

  @Test("What graft wrote tells its base, hash and edits, and prints its program back")
  func program() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("base.safetensors")])
    let text = """
      // A comment stays, as does the missing newline at the end.
      graft "next" (ratio: Int = 2) {
          base auto from "base.safetensors"
          replace blocks[2].mlp with mlp(ratio: ratio)
          emit "next.safetensors"
      }
      """
    try folder.write(text, as: "next.graft")
    try Graftc.succeed(["compile", folder("next.graft"), "--set", "ratio=3"])
    #expect(try Graftc.succeed(["inspect", folder("next.safetensors"), "--program"]).output == text)
    let report = try Graftc.succeed(["inspect", folder("next.safetensors")]).output
    for expected in ["graft \"next\"", "ratio = 3", "from  base.safetensors", "SHA-256", "replace  blocks[2].mlp"] {
      #expect(report.contains(expected), "\(expected)")
    }
    try Graftc.fail(65, ["inspect", Golden.shapesModel, "--program"], rule: "inspect.no-program")
  }

  @Test("A grafted release is named block by block without being told anything; what is open is null")
  func open() throws {
    let file = Golden.folder + "/dit/graft_mixed.pt"
    let model = try #require(try Graftc.succeed(["inspect", file, "--json"]).json()["model"])
    #expect(model["arguments"]?["heads"] == .null)
    #expect(model["arguments"]?["width"] == .int(16))
    let blocks = try #require(model["blocks"]?.listValue)
    func operators(_ part: String) -> [String] {
      blocks.filter { $0["path"]?.textValue?.hasSuffix("." + part) == true }.compactMap { $0["operator"]?.textValue }
    }
    #expect(operators("attn") == ["swa", "mamba2", "hyena_se", "hyena_x", "hyena_y", "swa", "mamba2", "mha"])
    #expect(
      operators("mlp") == ["mlp", "mlp_hyena_x", "mlp", "mlp", "mlp_hyena_x", "mlp", "mlp", "mlp_hyena_x"])
    #expect(blocks.first?["arguments"] == ["width": 16, "heads": .null, "window": .null])
    let text = try Graftc.succeed(["inspect", file]).output
    #expect(text.contains("blocks[0]: attn = swa(width: 16, heads: ?, window: ?), mlp = mlp("))
    #expect(text.contains("--assume 'dit(heads: ...)'") && text.contains("--assume 'swa(window: ...)'"))
    // Nothing runs on a guess.
    let folder = try TemporaryFolder()
    try Graftc.fail(65, ["run", file, "--input", file, "--output", folder("out.safetensors")], rule: "recognise.ask")
    // Where sizes follow from what is open, it is worked with as well as it can be.
    let hybrid = try Graftc.succeed(["inspect", Golden.folder + "/fresh/hybrid28.safetensors"]).output
    #expect(hybrid.contains("attn = gqa(width: 28, heads: ?, kv_heads: ?") && !hybrid.contains("gqa(kv_heads: ...)"))
  }

  @Test("What tensors do not tell is assumed, and said")
  func assumptions() throws {
    let file = Golden.folder + "/dit/tiny.safetensors"
    let report = try Graftc.succeed(["inspect", file, "--json", "--assume", "dit(heads: 8)"]).json()
    #expect(report["model"]?["arguments"]?["heads"] == .int(8))
    #expect(report["model"]?["assumed"]?.listValue?.isEmpty == false)
    let result = try Graftc.succeed(["inspect", file])
    let hint = result.output.split(separator: "\n").first { $0.contains("--assume") }
    #expect(hint?.contains("heads") == true)
  }

  @Test("Equal blocks stand on one line")
  func runsOfBlocks() throws {
    let text = try Graftc.succeed(["inspect", Golden.shapesModel]).output
    #expect(text.contains("blocks[0] ... blocks[7]: attn = mha("))
    #expect(!text.contains("blocks[3]:"))
  }

  @Test("Several files give one JSON object a line")
  func several() throws {
    let files = ["tiny", "mini"].map { "\(Golden.folder)/dit/\($0).safetensors" }
    #expect(try Graftc.succeed(["inspect", "--json"] + files).jsonLines().count == 2)
  }

  static let hostile = Golden.hostile

  /// Those whose structure is whole.
  static let packed: Set = ["hdf5/hdf5_deflate.h5", "hdf5/hdf5_checksum.h5"]

  @Test("There are hostile files")
  func hostileCount() { #expect(Self.hostile.count > 40) }

  /// Each of them says in its manifest what is wrong with it. What is wrong with packed values shows when they are
  /// unpacked, which `inspect` does not do.
  @Test("A hostile file is refused at once, with a message", arguments: hostile)
  func hostileFiles(_ file: Golden.HostileFile) throws {
    let folder = try TemporaryFolder()
    let path = Golden.folder + "/hostile/" + file.path
    var result = try Graftc.run(["inspect", path], folder: folder.path)
    if Self.packed.contains(file.path) {
      #expect(result.code == 0, "\(result.error)")
      result = try Graftc.run(["convert", path, "out.safetensors"], folder: folder.path)
    }
    #expect(
      result.code == 65 || result.code == 66 || (file.mayLoad && result.code == 0), "\(result.code) \(result.error)")
    #expect(result.code == 0 || !result.error.isEmpty)
    #expect(result.processorSeconds < 2)
    // A process is counted with what its parent held when it was started, which a program that needs little shows.
    let least = try Graftc.succeed(["version"]).peakByteCount
    #expect(result.peakByteCount <= max(512 << 20, least))
    #expect(folder.names == [])
    #expect(!FileManager.default.fileExists(atPath: Golden.folder + "/hostile/graft_hostile_marker"))
    // Bait lies outside of the checkpoint's folder; its tensor's name would show that it was read.
    #expect(!result.output.contains("outside"))
  }

  @Test("What a pickle would import is listed, and nothing of it happens")
  func pickleGlobals() throws {
    let file = "\(Golden.folder)/hostile/torch/code_newobj.pt"
    try Graftc.fail(65, ["inspect", file], rule: "pytorch.pickle-forbidden")
    #expect(try Graftc.succeed(["inspect", file, "--pickle-globals"]).output.contains("subprocess.Popen"))
    let report = try Graftc.succeed(["inspect", file, "--pickle-globals", "--json"]).json()
    let first = try #require(report["globals"]?.listValue?.first)
    #expect(first.members?.map(\.name) == ["module", "name", "allowed", "called", "offset"])
    #expect(first["name"] == "Popen" && first["allowed"] == false && first["called"] == true)
  }

  @Test("Tied tensors are told, and types that a file does not spell")
  func ties() throws {
    let ties = try Graftc.succeed(["inspect", "\(Golden.folder)/kinds/sharing.pt"])
    #expect(ties.output.contains("  again = grid") && ties.output.contains("  row = a part of grid"))
    #expect(try Graftc.succeed(["inspect", "\(Golden.folder)/kinds/bf16.npy"]).error.contains("taken for bf16"))
  }

  /// What a process has that inspects nothing, and room for tables that grow with a file.
  static let allowance = 48 << 20

  @Test("A hostile file costs neither time nor memory")
  func hostileCost() throws {
    let manifest = try JSON(
      parsing: [UInt8](try Data(contentsOf: URL(filePath: "\(Golden.folder)/hostile/manifest.json"))),
      file: "manifest.json")
    let base = try Graftc.succeed(["version"]).peakByteCount
    for one in try #require(manifest["cases"]?.listValue) {
      let file = try #require(one["file"]?.textValue)
      let start = ContinuousClock.now
      let result = try Graftc.run(["inspect", "\(Golden.folder)/hostile/\(file)"])
      let mayLoad = one["may_load"] == true || Self.packed.contains(file)
      #expect(result.code == 65 || result.code == 66 || mayLoad, "\(file)")
      #expect(result.peakByteCount < base + Self.allowance, "\(file)")
      #expect(ContinuousClock.now - start < .seconds(4), "\(file)")
    }
  }
}

extension Golden {
  /// A file that must be refused.
  struct HostileFile: Sendable, CustomTestStringConvertible {
    let path: String
    let mayLoad: Bool
    var testDescription: String { path }
  }

  /// The hostile files that are beside the tests.
  static var hostile: [HostileFile] {
    let manifest = try? json("hostile/manifest.json")
    let cases = manifest?["cases"]?.listValue ?? manifest?["files"]?.listValue ?? manifest?.listValue ?? []
    return cases.compactMap { one in
      guard let path = one["file"]?.textValue, FileManager.default.fileExists(atPath: "\(folder)/hostile/\(path)")
      else {
        return nil
      }
      return HostileFile(path: path, mayLoad: one["may_load"]?.boolValue == true)
    }
  }
}
