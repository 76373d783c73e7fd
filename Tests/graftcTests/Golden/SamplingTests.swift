import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner
import Testing

/// Whole chains of sampling, model and all, beside those of PyTorch.
@Suite struct SamplingTests {
  static let chains = Golden.cases("diffusion") { $0.facts["model"]?.textValue == "tiny" }

  @Test("There are five chains")
  func chainCount() { #expect(Self.chains.count == 5) }

  /// Expected numbers: `Tests/Fixtures/diffusion`; the tolerance of every sample is its manifest's.
  @Test("Every sample of a chain is PyTorch's", arguments: chains)
  func chain(_ golden: GoldenCase) throws {
    let recorded = try golden.tensors()
    let start = try #require(recorded["start"])
    let classes = try #require(recorded["y"])
    let scale = try #require(golden.facts["guidance"]?.doubleValue)
    let process = try DiffusionProcess(respacing: Respacing(#require(golden.facts["spec"]?.textValue)))
    let eta = golden.facts["eta"]?.doubleValue
    let sampler = try Sampler(
      process, method: eta.map { .ddim(eta: Float($0)) } ?? .ddpm, clips: golden.facts["clip"]?.boolValue == true)
    let model = try openModel(Golden.folder + "/dit/tiny.safetensors", assuming: ["dit(heads: 4)"]).runner()

    // Row k of the recorded noises belongs to step k, and steps count down.
    let noises = recorded["noises"].map { noises in
      let row = noises.elementCount / noises.shape.axes[0]
      let values = noises.floats
      return Tensor(
        stride(from: values.count - row, through: 0, by: -row).flatMap { values[$0..<$0 + row] }, noises.shape)
    }
    var samples: [Tensor] = []
    let last = try sampler.samples(
      2, of: Shape(Array(start.shape.axes.dropFirst())), isGuided: false,
      noise: SampleNoise(start: start, noises: noises, seed: 0)
    ) { x, time throws(Diagnostic) in
      samples.append(x)
      let results = try model.run(
        function: "forward_with_cfg",
        inputs: [
          "x": x, "t": Tensor([Float](repeating: Float(time), count: 2), [2]), "y": classes,
          "cfg_scale": Tensor([Float(scale)], []),
        ])
      guard let out = results.first?.tensor else { throw Diagnostic("test.output", "the model gives nothing") }
      return out
    }
    samples.append(last)
    for step in 0..<process.stepCount {
      let name = "\(step).after"
      try expectClose(
        samples[process.stepCount - step], recorded[name], within: golden.tolerance(of: name),
        "\(golden.testDescription) \(name)")
    }
  }

  /// What the arithmetic of 50 guided steps may move a sample by, in units of the pictures' [-1, 1]: single precision
  /// summed in another order, carried through the chain. Two builds of PyTorch differ by a quarter of it.
  static let pictureTolerance = 2e-3

  /// Expected numbers: `Tests/Fixtures/testbed`.
  @Test("A trained model draws PyTorch's pictures", arguments: ["ddpm50", "ddpm20_unguided", "ddim25"], [false, true])
  func pictures(_ name: String, knowsTimes: Bool) throws {
    let how = try #require(try Golden.json("testbed/reference.json")["samples"]?[name])
    let classes = try #require(how["labels"]?.listValue).compactMap(\.intValue)
    let process = try DiffusionProcess(respacing: Respacing(how["steps"]?.textValue ?? "50"))
    let eta = how["eta"]?.doubleValue
    let sampler = try Sampler(process, method: eta.map { .ddim(eta: Float($0)) } ?? .ddpm)
    let runner = try openModel(Golden.shapesModel).runner()
    let denoiser = try Denoiser(
      runner, classes: classes, guidance: how["guidance"]?.doubleValue ?? 2,
      times: knowsTimes ? process.times.reversed() : [])
    let found = try sampler.samples(
      classes.count, of: denoiser.shape, isGuided: denoiser.isGuided,
      noise: SampleNoise(seed: try #require(how["seed"]?.intValue))
    ) { x, time throws(Diagnostic) in try denoiser.predict(x, at: time) }
    let recorded = try Golden.tensors(Golden.folder + "/testbed/samples.safetensors")
    try expectClose(found, recorded[name], within: Self.pictureTolerance, "testbed/\(name)")
  }
}
