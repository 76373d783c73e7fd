import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct SampleCommandTests {
  private let folder: TemporaryFolder
  /// A model in pixel space, three channels of 8 by 8.
  private static let model = "dit(size: 8, width: 16, depth: 2, heads: 2, patch: 2, in_channels: 3, classes: 3)"

  init() throws { folder = try TemporaryFolder() }

  /// Samples the model and gives the tensor that was written.
  private func samples(_ options: [String], models: [String] = [model], steps: String = "3") throws -> Tensor {
    try Graftc.succeed(
      ["sample"] + models
        + ["--random-weights", "--steps", steps, "-o", folder("out.safetensors"), "--force"] + options)
    let tensors = try Golden.tensors(folder("out.safetensors"))
    #expect(tensors.keys.sorted() == ["samples"])
    return try #require(tensors["samples"])
  }

  @Test("Samples of one seed are the same twice, and others of another")
  func seeds() throws {
    let first = try samples(["--labels", "0,2", "--seed", "5"])
    #expect(first.shape == [2, 3, 8, 8])
    #expect(first.floats.contains { $0 != 0 } && first.floats.allSatisfy { $0.isFinite })
    #expect(try samples(["--labels", "0,2", "--seed", "5"]).floats == first.floats)
    #expect(try samples(["--labels", "0,2", "--seed", "6"]).floats != first.floats)
  }

  @Test("A row is what it would be alone: rows are models, then seeds")
  func rows() throws {
    let other = "dit(size: 8, width: 24, depth: 1, heads: 2, patch: 4, in_channels: 3, classes: 3)"
    let all = try samples(["--labels", "0,2,1", "--seed", "5,9"], models: [Self.model, other])
    #expect(all.shape == [12, 3, 8, 8])
    var alone: [Float] = []
    for model in [Self.model, other] {
      for seed in ["5", "9"] { alone += try samples(["--labels", "0,2,1", "--seed", seed], models: [model]).floats }
    }
    #expect(all.floats == alone)
  }

  @Test(
    "Guidance, sampler, eta and steps change what is drawn",
    arguments: [
      ["--guidance", "1"], ["--guidance", "7.5"], ["--sampler", "ddim"], ["--sampler", "ddim", "--eta", "0.5"],
      ["--steps", "2,2"], ["--steps", "ddim4"],
    ])
  func choices(_ options: [String]) throws {
    let usual = try samples(["--labels", "1"])
    let last = options.contains("--steps") ? [] : ["--steps", "3"]
    try Graftc.succeed(
      ["sample", Self.model, "--random-weights", "--labels", "1", "-o", folder("other.safetensors")] + options + last)
    let other = try #require(try Golden.tensors(folder("other.safetensors"))["samples"])
    #expect(other.shape == usual.shape)
    #expect(other.floats != usual.floats)
    #expect(other.floats.allSatisfy { $0.isFinite })
  }

  @Test("Noise comes from a file, start alone or with a row of noises for each step")
  func noise() throws {
    func tensor(_ shape: Shape, _ seed: Int) -> Tensor {
      let count = shape.elementCount ?? 0
      return Tensor((0..<count).map { Float(($0 * 7919 + seed) % 1013) / 506 - 1 }, shape)
    }
    let start = tensor([2, 3, 8, 8], 1)
    try TransferEngine.write([("start", start)], to: folder("start.safetensors"))
    try TransferEngine.write(
      [("start", start), ("noises", tensor([3, 2, 3, 8, 8], 2))], to: folder("both.safetensors"))
    try TransferEngine.write([("begin", start)], to: folder("wrong.safetensors"))
    let labels = ["--labels", "0,1"]
    let both = try samples(labels + ["--noise", folder("both.safetensors"), "--seed", "1"])
    #expect(try samples(labels + ["--noise", folder("both.safetensors"), "--seed", "2"]).floats == both.floats)
    let one = try samples(labels + ["--noise", folder("start.safetensors"), "--seed", "1"])
    #expect(try samples(labels + ["--noise", folder("start.safetensors"), "--seed", "2"]).floats != one.floats)
    #expect(one.floats != both.floats)

    let command = ["sample", Self.model, "--random-weights", "--steps", "3", "-o", folder("no.safetensors")]
    try Graftc.fail(65, command + labels + ["--noise", folder("wrong.safetensors")], rule: "sample.noise")
    try Graftc.fail(
      65, command + ["--labels", "0", "--noise", folder("both.safetensors")], rule: "diffusion.noise-shape")
    try Graftc.fail(66, command + labels + ["--noise", folder("none.safetensors")])
  }

  @Test("A picture is labelled, or with --plain the grid alone, clamped as it is written")
  func pictures() throws {
    let command = ["sample", Self.model, "--random-weights", "--steps", "2", "--labels", "0,1,2", "--seed", "0,1"]
    try Graftc.succeed(command + ["-o", folder("labelled.png")])
    try Graftc.succeed(command + ["-o", folder("plain.png"), "--plain"])
    #expect(try size("plain.png") == [24, 16])
    // Eight pixels are enlarged to 96, and labels stand at the left and above.
    let labelled = try size("labelled.png")
    #expect(labelled[0] > 3 * 96 && labelled[1] > 2 * 96)
    #expect(folder.names == ["labelled.png", "plain.png"])
    try Graftc.fail(73, command + ["-o", folder("plain.png")], rule: "transfer.exists")
  }

  /// Width and height of a PNG file, from its header.
  private func size(_ name: String) throws -> [Int] {
    let bytes = [UInt8](try folder.bytes(name))
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    return [16, 20].map { start in bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
  }

  @Test("Variants of a graft are rows", arguments: ["2,4"])
  func variants(_ kernels: String) throws {
    try folder.write(
      """
      graft "g" (kernel: Int) {
          base \(Self.model) noise
          replace blocks[0].attn with hyena_x(kernel: kernel)
          emit "x-\\(kernel).safetensors"
      }
      """, as: "g.graft")
    #expect(
      try samples(["--labels", "1", "--set", "kernel=\(kernels)"], models: [folder("g.graft")]).shape == [2, 3, 8, 8])
  }

  @Test(
    "What makes no sense is refused before any work",
    arguments: [
      (["--labels", "4"], "sample.label"), (["--labels", "-1"], "sample.label"),
      (["--labels", "cat"], "usage.numbers"),
      (["--labels", "1,,2"], "usage.numbers"), (["--steps", "0"], "diffusion.steps-count"),
      (["--steps", "1001"], "diffusion.steps-count"), (["--steps", "frog"], "diffusion.steps-syntax"),
      (["--steps", "ddim999"], "diffusion.steps-stride"), (["--guidance", "nan"], "usage.guidance"),
      (["--seed", "1.5"], "usage.numbers"), (["--eta", "2", "--sampler", "ddim"], "diffusion.eta"),
    ])
  func nonsense(_ options: [String], _ rule: String) throws {
    // ArgumentParser would read '-1' as an option of its own.
    var arguments = ["sample", Self.model, "--random-weights", "-o", folder("no.png")]
    if options[0] != "--labels" { arguments += ["--labels", "1"] }
    arguments += options[0] == "--labels" ? ["--labels=\(options[1])"] : options
    try Graftc.fail(64, arguments, rule: rule)
    #expect(folder.names == [])
  }

  @Test("Models whose samples differ in size do not share a grid or a tensor")
  func sizes() throws {
    let other = "dit(size: 4, width: 16, depth: 1, heads: 2, patch: 2, in_channels: 3, classes: 3)"
    for name in ["x.png", "x.safetensors"] {
      try Graftc.fail(
        64,
        ["sample", Self.model, other, "--random-weights", "--labels", "1", "--steps", "2", "-o", folder(name)],
        rule: "sample.sizes")
    }
    #expect(folder.names == [])
  }

  @Test("A place that cannot be written to is found before the work")
  func places() throws {
    let command = ["sample", Self.model, "--random-weights", "--labels", "1"]
    try Graftc.fail(73, command + ["-o", folder("no/x.png")], rule: "transfer.folder")
    try Graftc.fail(64, command + ["-o", folder("x.bmp")], rule: "usage.output")
    // A folder that takes no file, whoever asks; a thousand steps of this model would take minutes.
    let long = ["sample", "dit.s2(image: 256)", "--random-weights", "--labels", "1", "--steps", "1000"]
    for name in ["x.png", "x.safetensors"] {
      let result = try Graftc.fail(73, long + ["-o", "/proc/\(name)"], rule: "transfer.create")
      #expect(result.processorSeconds < 20)
    }
    try Graftc.fail(64, command + ["-o", folder("x.png"), "--eta", "0.5"], rule: "usage.eta")
    try Graftc.fail(64, command + ["-o", folder("x.png"), "--sampler", "magic"])
  }

  @Test("An interrupt ends with 130 and leaves nothing")
  func interrupt() throws {
    let run = try Graftc.start(
      [
        "sample", "dit.s2(image: 256)", "--random-weights", "--labels", "1", "--steps", "1000", "-o",
        folder("x.safetensors"),
      ])
    // Wherever the signal comes, in the middle of a step or before the first, the end is the same.
    usleep(500_000)
    run.send(SIGINT)
    let result = try run.wait()
    #expect(result.code == 130, "\(result.error)")
    #expect(folder.names == [])
  }

  @Test("The pictures of the trained model and of its graft stand in one grid")
  func demonstration() throws {
    let graft = URL(filePath: Golden.shapesModel).deletingLastPathComponent().appending(path: "shapes-hyena_x.graft")
      .path
    try Graftc.succeed([
      "sample", Golden.shapesModel, graft, "--labels", "0,9", "--steps", "2", "-o", folder("grid.png"),
    ])
    #expect(try size("grid.png")[1] > 2 * 96)
  }
}
