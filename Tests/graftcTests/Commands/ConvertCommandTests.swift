import Foundation
import GraftFormats
import GraftIR
import Testing

/// `graftc convert`, as its users run it.
@Suite struct ConvertCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TransferEngine.write(
      [
        ("blocks.0.weight", Tensor([1, 1.00390625], [2])), ("blocks.0.norm", Tensor([1, 1.00390625], [2])),
        ("ids", Tensor(.i64, [2], integers: [1, 2])),
      ], to: folder("in.pt"))
  }

  private func entries(_ name: String) throws -> [String: DType] {
    try Dictionary(uniqueKeysWithValues: Formats.open(folder(name)).entries.map { ($0.name, $0.dtype) })
  }

  @Test("The format follows the extension unless told, and the ledger is the result")
  func formats() throws {
    let result = try Graftc.succeed(["convert", folder("in.pt"), folder("out.pt")])
    #expect(result.output == "nothing changed: 3 tensors, 32 bytes in \(folder("out.pt"))\n" && result.error == "")
    try Graftc.succeed(["convert", folder("in.pt"), folder("out.bin"), "--to", "safetensors"])
    #expect(try Formats.open(folder("out.bin")).format == "safetensors")
    #expect(folder.names == ["in.pt", "out.bin", "out.pt"])
  }

  @Test("Of the rules that match a tensor the last one counts")
  func rules() throws {
    let result = try Graftc.succeed(
      [
        "convert", folder("in.pt"), folder("out.safetensors"), "--dtype", "bf16", "--dtype", "*.norm=f64", "--dtype",
        "*.norm=f16", "--rename", "^blocks=>first", "--rename", "^blocks\\.(\\d+)=>layers.\\1", "--json",
      ])
    #expect(try entries("out.safetensors") == ["layers.0.weight": .bf16, "layers.0.norm": .f16, "ids": .i64])
    let ledger = try result.json()
    #expect(ledger["format"] == "safetensors" && ledger["lossless"] == false && ledger["tensors"]?.intValue == 3)
    let changes = try #require(ledger["changes"]?.listValue)
    let cast = changes.first { $0["name"] == "layers.0.weight" }?["changes"]?.listValue?.last
    #expect(cast?["kind"] == "cast" && cast?["from"] == "F32" && cast?["to"] == "BF16")
    #expect(cast?["inexact"]?.intValue == 1 && cast?["overflow"]?.intValue == 0 && cast?["loss"] == true)
  }

  @Test("Tensors are chosen, also by key, and files are split")
  func choice() throws {
    var options = TransferEngine.Options()
    options.key = "ema"
    try TransferEngine.write([("a", Tensor([1], [1])), ("b", Tensor([2], [1]))], to: folder("t.pt"), options: options)
    try Graftc.succeed(["convert", folder("t.pt") + ":ema", folder("a.safetensors"), "--exclude", "b"])
    #expect(try entries("a.safetensors") == ["a": .f32])
    try Graftc.succeed(["convert", folder("t.pt"), folder("b.safetensors"), "--include", "ema/b", "--include", "x"])
    #expect(try entries("b.safetensors") == ["ema/b": .f32])
    try Graftc.succeed(["convert", folder("in.pt"), folder("s.safetensors"), "--shard-size", "16"])
    #expect(
      folder.names.filter { $0.hasPrefix("s") } == [
        "s-00001-of-00002.safetensors", "s-00002-of-00002.safetensors", "s.safetensors.index.json",
      ])
    #expect(try Graftc.run(["diff", folder("in.pt"), folder("s.safetensors.index.json")]).code == 0)
  }

  @Test("What cannot be done has its exit code, and nothing appears")
  func refusals() throws {
    let input = folder("in.pt"), output = folder("out.safetensors")
    try Graftc.fail(64, ["convert", input, folder("out.xyz")], rule: "transfer.format")
    try Graftc.fail(64, ["convert", input, output, "--dtype", "bf17"], rule: "convert.dtype")
    try Graftc.fail(64, ["convert", input, output, "--rename", "(=>"], rule: "convert.pattern")
    try Graftc.fail(64, ["convert", input, output, "--rename", "a"], rule: "convert.rename")
    try Graftc.fail(64, ["convert", input, output, "--rename", "\\.(weight|norm)=>"], rule: "convert.name-clash")
    try Graftc.fail(64, ["convert", input, output, "--include", "none"], rule: "convert.nothing")
    try Graftc.fail(64, ["convert", input, output, "--max-memory", "much"], rule: "convert.size")
    try Graftc.fail(64, ["convert", input, output, "--max-memory", "1KB"], rule: "transfer.memory")
    try Graftc.fail(65, ["convert", input, output, "--dtype", "bf16", "--strict"], rule: "transfer.loss")
    try Graftc.fail(66, ["convert", folder("none.pt"), output], rule: "checkpoint.missing")
    try Graftc.fail(73, ["convert", input, input], rule: "transfer.own-source")
    try Graftc.fail(73, ["convert", input, input, "--force"], rule: "transfer.own-source")
    try Graftc.fail(73, ["convert", input, folder("no/out.pt")], rule: "transfer.folder")
    #expect(folder.names == ["in.pt"])
    try folder.write("x", as: "out.safetensors")
    try Graftc.fail(73, ["convert", input, output], rule: "transfer.exists")
    try Graftc.succeed(["convert", input, output, "--force"])
  }

  @Test("Memory stays below its bound while a large tensor is gathered and cast", .timeLimit(.minutes(2)))
  func memory() throws {
    // 400 MB of f32, of which a view holds the transpose: nothing can be taken over as it is.
    var plan = WeightPlan(sources: [], tensors: [], metadata: [:])
    let draw = WeightExpression.draw(Draw(.normal(mean: 0, deviation: 1), seed: 1, stream: "w"), [10_000, 10_000])
    var whole = PlannedTensor(name: "a/w", dtype: .f32, shape: [10_000, 10_000], expression: draw, origin: .fresh)
    whole.keys = ["a"]
    var view = PlannedTensor(
      name: "b/w", dtype: .f32, shape: [10_000, 10_000], expression: draw, origin: .fresh,
      alias: TensorAlias(target: 0, offset: 0, strides: [1, 10_000]))
    view.keys = ["b"]
    plan.tensors = [whole, view]
    try TransferEngine.run(plan, readers: [], to: folder("large.pt"))
    let limits = [nil, 48_000_000, 24_000_000]
    for limit in limits {
      let arguments = ["convert", folder("large.pt") + ":b", folder("out.safetensors"), "--dtype", "bf16", "--force"]
      let run = try Graftc.start(arguments + (limit.map { ["--max-memory", "\($0)"] } ?? []))
      let peak = run.peakAnonymousByteCount()
      let result = try run.wait()
      #expect(result.code == 0, "\(result.error)")
      #expect(peak > 1_000_000 && peak < limit ?? 100_000_000, "peak \(peak)")
    }
  }
}
