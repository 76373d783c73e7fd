import Glibc
public import GraftIR

/// Turns noise into samples by running a diffusion process backwards.
///
/// It knows nothing of a particular model. Guidance belongs to the model too: a guided model takes a batch whose two
/// halves show the same samples, the second to be seen without its label, and the first half of the result is kept.
public struct Sampler: Sendable {
  /// How a step backwards is taken.
  public enum Method: Sendable, Hashable {
    /// A draw from the predicted distribution: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020,
    /// algorithm 2.
    case ddpm
    /// Song, Meng, Ermon, "Denoising Diffusion Implicit Models", 2021, equation 12; without randomness where eta is 0,
    /// as random as DDPM where it is 1.
    case ddim(eta: Float = 0)
  }

  /// How far a run has come.
  public struct Progress: Sendable, Hashable {
    /// The steps taken so far.
    public let completedStepCount: Int
    /// The steps of the whole run.
    public let stepCount: Int
  }

  /// The process that is run backwards.
  public let process: DiffusionProcess
  /// How each step is taken.
  public let method: Method
  /// Whether the predicted picture is kept within [-1, 1] at every step.
  public let clips: Bool

  /// A sampler of `process`.
  ///
  /// - Throws: `diffusion.eta` where the method's eta is not from 0 to 1.
  public init(_ process: DiffusionProcess, method: Method = .ddpm, clips: Bool = false) throws(Diagnostic) {
    if case .ddim(let eta) = method {
      guard 0...1 ~= eta else {
        throw Diagnostic("diffusion.eta", "'eta' is \(eta), expected 0 to 1", category: .usage)
      }
    }
    self.process = process
    self.method = method
    self.clips = clips
  }

  /// Draws `count` samples, each of `shape` [C, ...], as one tensor [count, C, ...].
  ///
  /// - Parameters:
  ///   - isGuided: whether the model is given every sample twice.
  ///   - progress: called before the first step and after each; what it throws ends the run.
  ///   - model: what it predicts for samples [batch, C, ...] at a time of the original process; [batch, 2 C, ...] where
  ///     the variance is learned.
  /// - Throws: `diffusion.noise-type`, `diffusion.noise-shape`, `diffusion.output-shape`, and what the model throws.
  public func samples(
    _ count: Int, of shape: Shape, isGuided: Bool, noise: SampleNoise,
    progress: (Progress) throws(Diagnostic) -> Void = { _ throws(Diagnostic) in },
    model: (_ samples: Tensor, _ time: Int) throws(Diagnostic) -> Tensor
  ) throws(Diagnostic) -> Tensor {
    precondition(count > 0 && shape.rank > 0, "samples have no number or no channels")
    let batch = isGuided ? 2 * count : count
    var noise = noise
    try noise.check(stepCount: process.stepCount, count: count, batch: batch, shape: shape)

    let start = noise.startValues(count: count, shape: shape)
    var samples = Tensor(isGuided ? start + start : start, Shape([batch] + shape.axes))
    for index in 0..<process.stepCount {
      try progress(Progress(completedStepCount: index, stepCount: process.stepCount))
      let step = process.stepCount - 1 - index
      let output = try model(samples, process.times[step])
      // Every step draws, also where nothing of it is used, so that the numbers of later draws do not depend on eta.
      let stepNoise = noise.stepValues(index, valueCount: samples.elementCount)
      samples = try self.step(step, from: samples, output: output, noise: stepNoise)
    }
    try progress(Progress(completedStepCount: process.stepCount, stepCount: process.stepCount))
    return Tensor(.f32, Shape([count] + shape.axes), storage: samples.storage)
  }

  /// The samples one step before `samples`, which are at `step`. Step 0 adds no noise.
  ///
  /// Schedule values are rounded to single precision before they meet the samples, and sums are taken in the order of
  /// the published sampler, so that the same numbers come out.
  package func step(
    _ step: Int, from samples: Tensor, output: Tensor, noise: [Float]
  ) throws(Diagnostic) -> Tensor {
    precondition(noise.count == samples.elementCount, "as many random numbers as values")
    let prediction = try process.prediction(of: output, for: samples, at: step, clips: clips)
    let values =
      switch method {
      case .ddpm: ddpmStep(step, prediction, noise)
      case .ddim(let eta): ddimStep(step, prediction, samples.floats, noise, eta: eta)
      }
    return Tensor(values, samples.shape)
  }

  private func ddpmStep(_ step: Int, _ prediction: DiffusionProcess.Prediction, _ noise: [Float]) -> [Float] {
    if step == 0 { return prediction.mean }
    return noise.indices.map { prediction.mean[$0] + expf(0.5 * prediction.logVariance[$0]) * noise[$0] }
  }

  private func ddimStep(
    _ step: Int, _ prediction: DiffusionProcess.Prediction, _ samples: [Float], _ noise: [Float], eta: Float
  ) -> [Float] {
    let bar = Float(process.schedule.cumulativeAlphas[step])
    let previous = Float(process.schedule.previousCumulativeAlphas[step])
    let pictureOfSample = Float(process.schedule.sqrtReciprocalCumulativeAlphas[step])
    let pictureOfNoise = Float(process.schedule.sqrtReciprocalCumulativeAlphasMinusOne[step])
    let sigma = eta * ((1 - previous) / (1 - bar)).squareRoot() * (1 - bar / previous).squareRoot()
    let pictureWeight = previous.squareRoot()
    let noiseWeight = (1 - previous - sigma * sigma).squareRoot()
    return samples.indices.map { index in
      let picture = prediction.picture[index]
      // The noise that leads to the picture, which is not the model's where the picture was clipped.
      let predicted = (pictureOfSample * samples[index] - picture) / pictureOfNoise
      let mean = picture * pictureWeight + noiseWeight * predicted
      return step == 0 ? mean : mean + sigma * noise[index]
    }
  }
}
