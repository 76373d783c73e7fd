import Foundation
import GraftFormats
import GraftIR
import Testing

/// ONNX files from the command line: models that PyTorch exported, and checkpoints on their way there and back.
@Suite struct ONNXCommandTests {
  private static let weights = Golden.folder + "/layouts/dit.safetensors"

  private func expectEqual(_ a: String, _ b: String) throws {
    let (a, b) = (try Golden.tensors(a), try Golden.tensors(b))
    #expect(Set(a.keys) == Set(b.keys))
    for (name, tensor) in a {
      guard let other = b[name] else { continue }
      #expect(tensor.type == other.type && tensor.bytes.elementsEqual(other.bytes), "\(name)")
    }
  }

  private func run(_ model: String, _ more: [String] = [], in folder: TemporaryFolder) throws -> [UInt32] {
    let inputs = Golden.folder + "/layouts/inputs.safetensors"
    try Graftc.succeed(["run", model, "--input", inputs, "--output", folder("out.safetensors"), "--force"] + more)
    let out = try #require(try Golden.tensors(folder("out.safetensors"))["out"])
    #expect(out.floats.contains { $0.magnitude > 0.1 })
    return out.floats.map(\.bitPattern)
  }

  @Test(
    "A DiT that PyTorch exported is inspected as it lies there, and read as the model's own",
    arguments: ["script", "dynamo"])
  func exported(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = Golden.folder + "/onnx/\(name).onnx"
    func shape(_ arguments: [String]) throws -> [Int]? {
      let result = try Graftc.succeed(["inspect", path, "--json"] + arguments)
      #expect(result.error.contains("13 weights of MatMul are transposed, (in, out)"))
      let json = try result.json()
      #expect(json["model"]?["name"] == "dit" && json["model"]?["layout"] == "model")
      let tensor = json["tensors"]?.listValue?.first { $0["name"] == "blocks.1.attn.qkv.weight" }
      return tensor?["shape"]?.listValue?.compactMap(\.intValue)
    }
    #expect(try shape([]) == [16, 48])
    #expect(try shape(["--layout", "dit"]) == [48, 16])
    #expect(try shape(["--layout", "model"]) == [48, 16])
    try Graftc.fail(64, ["convert", path, folder("x.pt"), "--layout", "dti"], rule: "layouts.unknown")

    let ledger = try Graftc.succeed(["convert", path, folder("a.safetensors"), "--layout", "dit", "--json"]).json()
    #expect(ledger["tensors"]?.intValue == 42 && ledger["changes"]?.listValue?.count == 13)
    // Who names a layout wants a model's weights and not the graph.
    #expect(ledger["lossless"] == true && ledger["omissions"]?.listValue?.first?["loss"] == false)
    try Graftc.succeed(["convert", path, folder("a.pt"), "--layout", "dit", "--strict"])
    try Graftc.fail(65, ["convert", path, folder("b.pt"), "--strict"], rule: "convert.loss")
    try expectEqual(folder("a.safetensors"), Self.weights)
    try Graftc.succeed(["convert", path, folder("model.safetensors"), "--layout", "model"])
    try expectEqual(folder("model.safetensors"), Self.weights)
    #expect(try Graftc.succeed(["diff", path, Self.weights, "--layout", "model"]).output == "equal\n")
    let plain = try Graftc.run(["diff", path, Self.weights])
    #expect(plain.code == 1 && plain.error.contains("--layout model"))
    try Graftc.succeed(["convert", path, folder("b.safetensors")])
    #expect(try Golden.tensors(folder("b.safetensors"))["blocks.1.attn.qkv.weight"]?.shape == [16, 48])

    for layout in ["", " layout dit", " layout model"] {
      let text =
        "graft \"g\" {\n base dit(size: 8, width: 16, depth: 3, heads: 2, classes: 5) from \"\(path)\"\(layout)\n"
        + " emit \"c.onnx\" layout dit\n emit \"c.pt\"\n}\n"
      try folder.write(text, as: "g.graft")
      try Graftc.succeed(["compile", folder("g.graft"), "--force"])
      try expectEqual(folder("c.onnx"), Self.weights)
      try expectEqual(folder("c.pt"), Self.weights)
    }
    let heads = ["--assume", "dit(heads: 2)"]
    let own = try run(Self.weights, heads, in: folder)
    #expect(try run(path, heads, in: folder) == own)
    #expect(try run(path, heads + ["--layout", "dit"], in: folder) == own)
    #expect(try run(folder("c.onnx"), in: folder) == own)
  }

  @Test("A grafted DiT goes to ONNX and back to the bit, explains itself there, and runs to the same bits")
  func thereAndBack() throws {
    let folder = try TemporaryFolder()
    let path = Golden.folder + "/dit/graft_mixed.pt"
    try Graftc.succeed(["convert", path, folder("there.onnx")])
    try Graftc.succeed(["convert", folder("there.onnx"), folder("back.pt")])
    try Graftc.succeed(["convert", folder("back.pt"), folder("again.onnx")])
    try expectEqual(folder("back.pt"), path)
    #expect(try Formats.open(folder("back.pt")).metadata == Formats.open(path).metadata)
    #expect(
      try Data(contentsOf: URL(filePath: folder("again.onnx"))) == Data(contentsOf: URL(filePath: folder("there.onnx")))
    )

    let text =
      "graft \"g\" {\n base dit(size: 8, width: 16, depth: 3, heads: 2, classes: 5) from \"\(Self.weights)\"\n"
      + " replace blocks[0].attn with hyena_x()\n emit \"g.onnx\"\n emit \"g.pt\"\n}\n"
    try folder.write(text, as: "g.graft")
    try Graftc.succeed(["compile", folder("g.graft")])
    try expectEqual(folder("g.onnx"), folder("g.pt"))
    #expect(try Graftc.succeed(["inspect", "--program", folder("g.onnx")]).output == text)
    #expect(try run(folder("g.onnx"), in: folder) == run(folder("g.pt"), in: folder))
    try Graftc.succeed(["convert", folder("g.onnx"), folder("h.onnx"), "--shard-size", "20KB"])
    #expect(folder.names.contains("h.onnx.data"))
    #expect(try run(folder("h.onnx"), in: folder) == run(folder("g.pt"), in: folder))
  }

  @Test("A conversion leaves other layouts to a graft") func otherLayout() throws {
    let folder = try TemporaryFolder()
    let path = Golden.folder + "/layouts/transformer"
    try Graftc.fail(
      64, ["convert", path, folder("a.safetensors"), "--layout", "diffusers"], rule: "usage.layout")
    #expect(folder.names == [])
  }
}
