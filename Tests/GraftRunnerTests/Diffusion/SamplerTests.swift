import GraftIR
import GraftRunner
import Testing

/// Expected numbers: the published sampler's arithmetic in PyTorch, `Tests/Fixtures/diffusion`.
@Suite struct SamplerTests {
  /// One step of sums and products in single precision, in the order of PyTorch's: a few roundings of the largest term.
  /// At the first step of ten that is sqrt(1 / bar) x, where sqrt(1 / bar) is 157.
  static let roundings: Float = 4

  @Test("Steps of DDPM are those of PyTorch", arguments: [("ddpm", false), ("ddpm_clip", true)], [9, 0])
  func ddpmSteps(_ file: (name: String, clips: Bool), _ step: Int) throws {
    let fixture = try Fixture("diffusion/\(file.name).safetensors")
    let process = try DiffusionProcess(respacing: Respacing("10"))
    let sampler = try Sampler(process, clips: file.clips)
    let samples = step == 9 ? try fixture["start"] : try fixture["\(step + 1).after"]
    let output = try fixture["\(step).out"]
    let noise = try noises(fixture)[step]

    let found = try process.prediction(of: output, for: samples, at: step, clips: file.clips)
    expectClose(found.picture, try fixture["\(step).x0"].floats)
    expectClose(found.mean, try fixture["\(step).mean"].floats)
    expectClose(found.logVariance, try fixture["\(step).log_variance"].floats)
    let after = try sampler.step(step, from: samples, output: output, noise: noise)
    expectClose(after.floats, try fixture["\(step).after"].floats)
  }

  @Test("The first step of DDIM is PyTorch's", arguments: [("ddim", Float(0)), ("ddim_eta", 0.7)])
  func ddimSteps(_ file: String, _ eta: Float) throws {
    // The same model, start and guidance as in 'ddpm', so the model's first output is the one recorded there.
    let recorded = try Fixture("diffusion/ddpm.safetensors")
    let fixture = try Fixture("diffusion/\(file).safetensors")
    #expect(try fixture["start"].floats == recorded["start"].floats)
    let sampler = try Sampler(DiffusionProcess(respacing: Respacing("10")), method: .ddim(eta: eta))
    let after = try sampler.step(
      9, from: fixture["start"], output: recorded["9.out"], noise: noises(recorded)[9])
    expectClose(after.floats, try fixture["9.after"].floats)
  }

  @Test("A run takes the steps in order, with the original times and the noises in the order of use")
  func recordedRun() throws {
    let fixture = try Fixture("diffusion/ddpm.safetensors")
    let process = try DiffusionProcess(respacing: Respacing("10"))
    let sampler = try Sampler(process)
    let outputs = [9: try fixture["9.out"], 0: try fixture["0.out"]]
    var times: [Int] = []
    var progress: [Int] = []
    let noises = try noises(fixture)
    let start = try fixture["start"]
    let result = try sampler.samples(
      2, of: [4, 16, 16], isGuided: false,
      noise: SampleNoise(start: start, noises: Tensor(noises.reversed().flatMap(\.self), [10, 2, 4, 16, 16]), seed: 0),
      progress: { done throws(Diagnostic) in progress.append(done.completedStepCount) }
    ) { samples, time throws(Diagnostic) in
      let step = 9 - times.count
      times.append(time)
      if step == 9 { #expect(samples.floats == start.floats) }
      if let output = outputs[step] { return output }
      return Tensor(zeros: .f32, [2, 8, 16, 16])
    }
    #expect(times == [999, 888, 777, 666, 555, 444, 333, 222, 111, 0])
    #expect(progress == Array(0...10))
    var expected = start
    for step in (0..<10).reversed() {
      let output = outputs[step] ?? Tensor(zeros: .f32, [2, 8, 16, 16])
      expected = try sampler.step(step, from: expected, output: output, noise: noises[step])
    }
    #expect(result.floats == expected.floats)
  }

  @Test("A model that knows the picture leads to it", arguments: [Sampler.Method.ddpm, .ddim(), .ddim(eta: 0.5)])
  func knownPicture(_ method: Sampler.Method) throws {
    let picture: Float = 0.25
    let schedule = NoiseSchedule.linear(stepCount: 1000)
    let sampler = try Sampler(DiffusionProcess(schedule, respacing: Respacing("20")), method: method)
    let result = try sampler.samples(2, of: [1, 3, 3], isGuided: false, noise: SampleNoise(seed: 4)) {
      samples, time throws(Diagnostic) in
      // x = sqrt(bar) picture + sqrt(1 - bar) noise, solved for the noise; any variance will do.
      let weights = (
        Float(schedule.sqrtCumulativeAlphas[time]), Float(schedule.sqrtOneMinusCumulativeAlphas[time])
      )
      let noise = samples.floats.map { ($0 - weights.0 * picture) / weights.1 }
      let zeros = [Float](repeating: 0, count: 9)
      return Tensor(Array(noise[0..<9]) + zeros + noise[9..<18] + zeros, [2, 2, 3, 3])
    }
    #expect(result.shape == [2, 1, 3, 3])
    // The last step divides the rounding of x, of order 1, by the 0.01 of noise that is left.
    #expect(result.floats.allSatisfy { abs($0 - picture) < 1e2 * Float(1).ulp })
  }

  @Test("A seed draws the start in one call, then each step for the whole batch", arguments: [false, true])
  func draws(_ isGuided: Bool) throws {
    let process = try DiffusionProcess(respacing: Respacing("3"), variance: .fixedLarge)
    let sampler = try Sampler(process)
    var random = TorchRandom(seed: 11)
    let start = random.normals(2 * 12)
    let batch = isGuided ? 4 : 2
    let noises = (0..<3).map { _ in random.normals(batch * 12) }
    let zeroModel = { (samples: Tensor, _: Int) throws(Diagnostic) in Tensor(zeros: .f32, samples.shape) }

    let seeded = try sampler.samples(
      2, of: [3, 2, 2], isGuided: isGuided, noise: SampleNoise(seed: 11), model: zeroModel)
    let given = try sampler.samples(
      2, of: [3, 2, 2], isGuided: isGuided,
      noise: SampleNoise(
        start: Tensor(start, [2, 3, 2, 2]), noises: Tensor(noises.flatMap(\.self), [3, batch, 3, 2, 2]), seed: 0),
      model: zeroModel)
    #expect(seeded.shape == [2, 3, 2, 2])
    #expect(seeded.floats == given.floats)

    // Noise for the kept half alone gives the same, for the other half has no part in the result.
    let halves = noises.flatMap { $0.prefix(24) }
    let half = try sampler.samples(
      2, of: [3, 2, 2], isGuided: isGuided,
      noise: SampleNoise(start: Tensor(start, [2, 3, 2, 2]), noises: Tensor(halves, [3, 2, 3, 2, 2]), seed: 0),
      model: zeroModel)
    #expect(half.floats == seeded.floats)
  }

  @Test("A guided model sees every sample twice")
  func guidedBatch() throws {
    let sampler = try Sampler(
      DiffusionProcess(respacing: Respacing("2"), variance: .fixedSmall), method: .ddim())
    var callCount = 0
    let result = try sampler.samples(3, of: [1, 2], isGuided: true, noise: SampleNoise(seed: 5)) {
      samples, _ throws(Diagnostic) in
      #expect(samples.shape == [6, 1, 2])
      if callCount == 0 { #expect(samples.floats.prefix(6) == samples.floats.suffix(6)) }
      callCount += 1
      return Tensor(zeros: .f32, samples.shape)
    }
    #expect(callCount == 2 && result.shape == [3, 1, 2])
  }

  @Test("Given start noise leaves the seed's stream to the steps")
  func startWithoutNoises() throws {
    let sampler = try Sampler(DiffusionProcess(respacing: Respacing("2"), variance: .fixedLarge))
    let start = Tensor([1, 2, 3, 4], [1, 4])
    let zeroModel = { (samples: Tensor, _: Int) throws(Diagnostic) in Tensor(zeros: .f32, samples.shape) }
    var random = TorchRandom(seed: 8)
    let noises = Tensor(random.normals(4) + random.normals(4), [2, 1, 4])
    let seeded = try sampler.samples(
      1, of: [4], isGuided: false, noise: SampleNoise(start: start, seed: 8), model: zeroModel)
    let given = try sampler.samples(
      1, of: [4], isGuided: false, noise: SampleNoise(start: start, noises: noises, seed: 0), model: zeroModel)
    #expect(seeded.floats == given.floats)
  }

  @Test("Fixed variances are the bounds of the learned one")
  func fixedVariances() throws {
    let x = Tensor([0.5, -0.5], [1, 1, 2])
    for (variance, learned) in [(DiffusionProcess.Variance.fixedLarge, Float(1)), (.fixedSmall, -1)] {
      let fixed = try DiffusionProcess(respacing: Respacing("10"), variance: variance)
      let free = try DiffusionProcess(respacing: Respacing("10"))
      let a = try fixed.prediction(of: Tensor([1, 2], [1, 1, 2]), for: x, at: 4, clips: false)
      let b = try free.prediction(of: Tensor([1, 2, learned, learned], [1, 2, 2]), for: x, at: 4, clips: false)
      #expect(a.mean == b.mean && a.logVariance == b.logVariance && a.picture == b.picture)
    }
    let large = try DiffusionProcess(variance: .fixedLarge)
    let first = try large.prediction(of: Tensor([1, 2], [1, 1, 2]), for: x, at: 0, clips: false)
    #expect(first.logVariance == [Float](repeating: Float(large.schedule.posteriorLogVariances[0]), count: 2))
  }

  @Test("What the progress callback throws ends the run")
  func cancellation() throws {
    let sampler = try Sampler(DiffusionProcess(variance: .fixedLarge))
    var callCount = 0
    #expect(throws: Diagnostic("cli.interrupted", "interrupted", category: .interrupted)) {
      _ = try sampler.samples(
        1, of: [1], isGuided: false, noise: SampleNoise(seed: 0),
        progress: { done throws(Diagnostic) in
          if done.completedStepCount == 3 {
            throw Diagnostic("cli.interrupted", "interrupted", category: .interrupted)
          }
        }
      ) { samples, _ throws(Diagnostic) in
        callCount += 1
        return Tensor(zeros: .f32, samples.shape)
      }
    }
    #expect(callCount == 3)
  }

  static let refusals: [(rule: String, start: Tensor, noises: Tensor?, output: Shape)] = [
    ("diffusion.noise-shape", Tensor(zeros: .f32, [2, 4]), nil, [1, 8]),
    ("diffusion.noise-shape", Tensor(zeros: .f32, [1, 4]), Tensor(zeros: .f32, [3, 1, 4]), [1, 8]),
    ("diffusion.noise-type", Tensor(zeros: .i64, [1, 4]), nil, [1, 8]),
    ("diffusion.output-shape", Tensor(zeros: .f32, [1, 4]), nil, [1, 4]),
    ("diffusion.output-shape", Tensor(zeros: .f32, [1, 4]), nil, [2, 8]),
    ("diffusion.output-shape", Tensor(zeros: .f32, [1, 4]), nil, []),
  ]

  @Test("Tensors that do not fit are refused", arguments: refusals)
  func refusal(_ rule: String, _ start: Tensor, _ noises: Tensor?, _ output: Shape) throws {
    let sampler = try Sampler(DiffusionProcess(respacing: Respacing("2")))
    #expect {
      _ = try sampler.samples(
        1, of: [4], isGuided: false, noise: SampleNoise(start: start, noises: noises, seed: 0)
      ) { _, _ throws(Diagnostic) in Tensor(zeros: .f32, output) }
    } throws: {
      ($0 as? Diagnostic)?.rule == rule
    }
  }

  @Test("An eta outside 0 to 1 is refused", arguments: [-0.5, 1.5, Float.nan])
  func eta(_ eta: Float) throws {
    let process = try DiffusionProcess()
    #expect {
      _ = try Sampler(process, method: .ddim(eta: eta))
    } throws: {
      ($0 as? Diagnostic)?.rule == "diffusion.eta"
    }
  }

  /// The recorded noise of every step, by step.
  private func noises(_ fixture: Fixture) throws -> [[Float]] {
    let all = try fixture["noises"].floats
    return (0..<10).map { Array(all[$0 * 2048..<($0 + 1) * 2048]) }
  }

  private func expectClose(
    _ found: [Float], _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let largest = expected.reduce(0) { max($0, abs($1)) }
    #expect(largestDifference(found, expected) <= Self.roundings * largest.ulp, sourceLocation: sourceLocation)
  }
}
