import Foundation
import GraftFormats
import GraftIR
import GraftRunner
import Testing

@Suite struct RunCommandTests {
  private let folder: TemporaryFolder
  private let input: String

  init() throws {
    folder = try TemporaryFolder()
    input = try Small.inputs(folder)
    try folder.write(Small.graft, as: "small.graft")
  }

  /// Runs `model` and gives the tensors that it wrote.
  private func results(_ model: String, _ options: [String] = []) throws -> [String: Tensor] {
    try Graftc.succeed(["run", model, "--input", input, "--output", folder("out.safetensors"), "--force"] + options)
    return try Golden.tensors(folder("out.safetensors"))
  }

  @Test("A compiled checkpoint alone gives the bits of the graft file", arguments: ["safetensors", "pt"])
  func compiled(_ format: String) throws {
    let output = folder("compiled.\(format)")
    try Graftc.succeed(["compile", folder("small.graft"), "-o", output])
    let traced = ["--trace", "blocks[all].attn"]
    let direct = try results(folder("small.graft"), traced)
    try FileManager.default.removeItem(atPath: folder("small.graft"))
    let found = try results(output, traced)
    #expect(found.keys.sorted() == (0..<4).map { "blocks.\($0).attn" } + ["out"])
    expectSameBits(found, direct)
    #expect(found["out"]?.floats.contains { $0 != 0 } == true)
  }

  @Test("A model of the user's own that is the DiT under other names gives the same bits")
  func renamed() throws {
    let prelude = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/GraftPrelude/graft")
    func text(_ name: String) throws -> String {
      try String(contentsOf: prelude.appending(path: name), encoding: .utf8)
    }
    let original = try text("dit.graft") + text("attention.graft")
    // Names of operators and models, none of which is also the name of a part.
    let names = original.matches(of: #/(?m)^(?:operator|model) (\w+)/#).map { String($0.output.1) }
    #expect(names.contains("dit") && names.contains("mha"))
    var own = original
    for name in names {
      own = own.replacing(try Regex("\\b\(name)(?=\\()"), with: "own_\(name)")
      own = own.replacing("old: \(name) ", with: "old: own_\(name) ")
    }
    // Presets belong to the prelude's names.
    own = own.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("preset") }
      .joined(separator: "\n")
    let body = " noise(seed: 5)\n emit \"x.safetensors\"\n}\n"
    try folder.write(own + "\ngraft \"g\" {\n base own_\(Small.model) " + body, as: "own.graft")
    try folder.write("graft \"g\" {\n base \(Small.model) " + body, as: "usual.graft")
    let found = try results(folder("own.graft"))
    expectSameBits(found, try results(folder("usual.graft")))
    try Graftc.succeed(["compile", folder("own.graft"), "-o", folder("own.safetensors")])
    expectSameBits(try results(folder("own.safetensors")), found)
    let inspected = try Graftc.succeed(["inspect", "--json", folder("own.safetensors")]).json()
    #expect(inspected["model"]?["name"]?.textValue == "own_dit")
  }

  @Test("--random-weights runs a model without a checkpoint, the same for the same seed")
  func randomWeights() throws {
    let first = try results(Small.model, ["--random-weights", "--seed", "1"])
    expectSameBits(try results(Small.model, ["--random-weights", "--seed", "1"]), first)
    let second = try results(Small.model, ["--random-weights", "--seed", "2"])
    #expect(second["out"]?.floats != first["out"]?.floats)
    expectSameBits(try results(Small.model, ["--base", "noise", "--seed", "1"]), first)
    try Graftc.fail(
      64, ["run", Small.model, "--input", input, "--output", folder("no.safetensors")], rule: "usage.random-weights")
  }

  @Test("Another entry is run with --function")
  func function() throws {
    let guided = try results(Small.model, ["--random-weights", "--function", "forward_with_cfg"])
    let plain = try results(Small.model, ["--random-weights"])
    #expect(guided["out"]?.shape == [2, 8, 8, 8])
    #expect(guided["out"]?.floats != plain["out"]?.floats)
    try Graftc.fail(
      64,
      [
        "run", Small.model, "--random-weights", "--function", "backward", "--input", input, "--output",
        folder("no.safetensors"),
      ],
      rule: "run.function")
  }

  @Test("The variants of graft's own loops agree up to rounding")
  func instructionSets() throws {
    var outputs: [[Float]] = []
    for isa in InstructionSet.allCases where isa.isSupported {
      try Graftc.succeed(
        ["run", Small.model, "--random-weights", "--input", input, "--output", folder("\(isa).safetensors")],
        environment: ["GRAFT_ISA": isa.rawValue])
      outputs.append(try #require(try Golden.tensors(folder("\(isa).safetensors"))["out"]).floats)
    }
    // Outputs are near one: 2e-5 of the largest, as for the golden models.
    for output in outputs.dropFirst() {
      #expect(zip(output, outputs[0]).allSatisfy { abs($0 - $1) <= 2e-5 * (outputs[0].map(abs).max() ?? 0) })
    }
  }

  @Test("One operator runs alone, on parameters of its own names")
  func singleOperator() throws {
    let golden = try #require(Golden.cases("operators") { $0.name == "hyena_x_w64" }.first)
    let recorded = try golden.tensors()
    let parameters = recorded.compactMap { $0.hasPrefix("param.") ? (name: String($0.dropFirst(6)), tensor: $1) : nil }
    try TransferEngine.write(parameters.sorted { $0.name < $1.name }, to: folder("parameters.safetensors"))
    try Graftc.succeed([
      "run", folder("parameters.safetensors"), "--operator", "hyena_x(width: 64, kernel: 4)", "--input",
      golden.path("hyena_x_w64.safetensors"), "--output", folder("y.safetensors"),
    ])
    let found = try Golden.tensors(folder("y.safetensors"))
    #expect(found.keys.sorted() == ["out"])
    try expectClose(found["out"], recorded["y"], within: golden.tolerance(of: "y"), "run --operator y")

    // The same operator under a name of the user's, from a file that imports its function.
    try folder.write(
      """
      import "steps.graft"
      operator mine(width d: Int, kernel k: Int = 4) {
          out_proj     = linear(d, d)
          in_proj      = linear(d, 3 * d)
          short_filter = depthwise_conv1d(3 * d, k)
          forward(x: [B, N, d]) -> [B, N, d] { return out_proj(gated(causal(short_filter, in_proj(x)))) }
      }
      """, as: "mine.graft")
    try folder.write(
      """
      let gated(y) = product(split(y, 3))
      let product(parts) = parts[0] * (parts[1] * parts[2])
      """, as: "steps.graft")
    let run = ["run", folder("parameters.safetensors"), "--input", golden.path("hyena_x_w64.safetensors"), "--output"]
    try Graftc.succeed(run + [folder("z.safetensors"), "--operator", folder("mine.graft:mine(width: 64)")])
    expectSameBits(try Golden.tensors(folder("z.safetensors")), found)
    let no = run + [folder("no.safetensors"), "--operator"]
    try Graftc.fail(65, no + [folder("mine.graft:yours(width: 64)")], rule: "names.unknown-operator")
    try Graftc.fail(66, no + [folder("none.graft:mine(width: 64)")], rule: "files.missing")
    try folder.write("operator mine( {", as: "broken.graft")
    try Graftc.fail(65, no + [folder("broken.graft:mine()")])
  }

  @Test("What is wrong with inputs and outputs is told before or instead of a result")
  func refusals() throws {
    let model = ["run", Small.model, "--random-weights"]
    let out = ["--output", folder("no.safetensors")]
    try Graftc.fail(66, model + ["--input", folder("none.safetensors")] + out)
    try TransferEngine.write([("x", Tensor([1, 2], [2]))], to: folder("wrong.safetensors"))
    try Graftc.fail(64, model + ["--input", folder("wrong.safetensors")] + out)
    try Graftc.fail(64, model + ["--input", input] + out + ["--trace", "blocks[9].attn"])
    try Graftc.fail(64, model + ["--input", input] + out + ["--dtype", "f8"], rule: "usage.dtype")
    try Graftc.fail(64, model + ["--input", input] + out + ["--threads", "0"], rule: "usage.threads")
    try Graftc.fail(64, model + ["--input", input, "--output", folder("no.txt")], rule: "transfer.format")
    try Graftc.fail(73, model + ["--input", input, "--output", folder("no/no.safetensors")], rule: "transfer.folder")
    try Graftc.fail(73, model + ["--input", input, "--output", input], rule: "transfer.own-source")
    try Graftc.fail(66, ["run", folder("none.pt"), "--input", input] + out)
    #expect(folder.names == ["in.safetensors", "small.graft", "wrong.safetensors"])
  }

  @Test("f32 is a type to compute in, and --verbose tells of what came out")
  func verbose() throws {
    let result = try Graftc.succeed(
      [
        "run", Small.model, "--random-weights", "--dtype", "f32", "--verbose", "--input", input, "-o",
        folder("v.safetensors"),
      ])
    #expect(result.output == "")
    #expect(result.error.contains("'out' is f32 [2, 8, 8, 8]"))
  }
}
