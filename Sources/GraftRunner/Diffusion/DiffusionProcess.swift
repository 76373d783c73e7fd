public import GraftIR

/// A noise schedule, the steps of it that are run, and what a model's output says at each of them.
///
/// Step k of the process is the model's time `times[k]`.
public struct DiffusionProcess: Sendable {
  /// Where the variance of a step backwards comes from.
  public enum Variance: Sendable, Hashable, CaseIterable {
    /// From the second half of the model's channels: v in [-1, 1] walks from the posterior's variance to beta's, in the
    /// logarithm.
    case learned
    /// beta; the posterior's of step 1 at step 0.
    case fixedLarge
    /// The posterior's.
    case fixedSmall
  }

  /// The schedule over the steps that are run.
  public let schedule: NoiseSchedule
  /// The model's time at each step, ascending.
  public let times: [Int]
  /// Where the variance of a step comes from.
  public let variance: Variance

  /// Runs the steps of `schedule` that `respacing` chooses, all of them where it is `nil`.
  ///
  /// - Throws: `diffusion.steps-count` and `diffusion.steps-stride` where the schedule has no such steps.
  public init(
    _ schedule: NoiseSchedule = .linear(stepCount: 1000), respacing: Respacing? = nil, variance: Variance = .learned
  ) throws(Diagnostic) {
    times = try respacing?.steps(of: schedule.stepCount) ?? Array(0..<schedule.stepCount)
    self.schedule = respacing == nil ? schedule : schedule.keeping(times)
    self.variance = variance
  }

  /// The number of steps that are run.
  public var stepCount: Int { times.count }

  /// What a model's output says of the step before: a normal distribution, and the picture it leads to. Every list is
  /// shaped like the sample.
  package struct Prediction: Sendable {
    package let mean: [Float]
    package let logVariance: [Float]
    package let picture: [Float]
  }

  /// Reads the model's `output` for `sample` at `step`.
  ///
  ///     picture = sqrt(1 / bar) x - sqrt(1 / bar - 1) noise,  within [-1, 1] where `clips`
  ///     mean    = the posterior's of picture and x
  ///
  /// - Throws: `diffusion.output-shape` where `output` [N, C', ...] does not fit `sample` [N, C, ...]: C' is 2 C where
  ///   the variance is learned, else C or 2 C.
  /// - Source: Ho and others 2020, equations 7 and 15; Nichol and Dhariwal 2021, equation 15.
  package func prediction(
    of output: Tensor, for sample: Tensor, at step: Int, clips: Bool
  ) throws(Diagnostic) -> Prediction {
    try checkOutput(output.shape, for: sample.shape)
    let x = sample.floats
    let out = output.floats
    let valuesPerSample = x.count / max(1, sample.shape.axes[0])
    let valuesPerOutput = out.count / max(1, sample.shape.axes[0])

    let pictureOfSample = Float(schedule.sqrtReciprocalCumulativeAlphas[step])
    let pictureOfNoise = Float(schedule.sqrtReciprocalCumulativeAlphasMinusOne[step])
    let meanOfPicture = Float(schedule.posteriorPictureWeights[step])
    let meanOfSample = Float(schedule.posteriorSampleWeights[step])
    let large = Float(schedule.logBetas[step])
    let small = Float(schedule.posteriorLogVariances[step])

    var picture = [Float](repeating: 0, count: x.count)
    var mean = picture
    var logVariance = picture
    for index in x.indices {
      let (sampleIndex, place) = index.quotientAndRemainder(dividingBy: valuesPerSample)
      let outputIndex = sampleIndex * valuesPerOutput + place
      let predicted = pictureOfSample * x[index] - pictureOfNoise * out[outputIndex]
      picture[index] = clips ? max(-1, min(1, predicted)) : predicted
      mean[index] = meanOfPicture * picture[index] + meanOfSample * x[index]
      logVariance[index] =
        switch variance {
        case .learned:
          Self.between(small, large, (out[outputIndex + valuesPerSample] + 1) / 2)
        case .fixedLarge: step == 0 ? small : large
        case .fixedSmall: small
        }
    }
    return Prediction(mean: mean, logVariance: logVariance, picture: picture)
  }

  private static func between(_ small: Float, _ large: Float, _ fraction: Float) -> Float {
    fraction * large + (1 - fraction) * small
  }

  private func checkOutput(_ output: Shape, for sample: Shape) throws(Diagnostic) {
    let (found, wanted) = (output.axes, sample.axes)
    let channelCounts: [Int] =
      switch variance {
      case .learned: [2 * wanted[1]]
      case .fixedLarge, .fixedSmall: [wanted[1], 2 * wanted[1]]
      }
    guard found.count == wanted.count, found[0] == wanted[0], channelCounts.contains(found[1]),
      found.dropFirst(2) == wanted.dropFirst(2)
    else {
      let expected = channelCounts.map { "\(Shape([wanted[0], $0] + wanted.dropFirst(2)))" }.joined(separator: " or ")
      throw Diagnostic(
        "diffusion.output-shape", "the model's output is \(output) for 'x' of \(sample), expected \(expected)")
    }
  }
}
