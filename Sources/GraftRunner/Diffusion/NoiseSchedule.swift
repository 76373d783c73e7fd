import Glibc

/// How much noise each step of a diffusion process adds, and every array that follows from it.
///
/// Step k turns x(k-1) into x(k) = sqrt(1 - beta[k]) x(k-1) + sqrt(beta[k]) noise; alpha = 1 - beta, and a bar is the
/// product over all steps so far. Everything is kept in double precision and rounded where it meets tensors.
///
/// - Source: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020, sections 2 and 3; Nichol, Dhariwal,
///   "Improved Denoising Diffusion Probabilistic Models", 2021, section 3.
public struct NoiseSchedule: Sendable, Hashable {
  /// The variance of the noise that each step adds.
  public let betas: [Double]
  /// log beta
  public let logBetas: [Double]
  /// alpha-bar: the share of the picture's variance that is left.
  public let cumulativeAlphas: [Double]
  /// alpha-bar of the step before; 1 at step 0.
  public let previousCumulativeAlphas: [Double]
  /// alpha-bar of the step after; 0 at the last.
  public let nextCumulativeAlphas: [Double]
  /// sqrt(alpha-bar), what the picture weighs in x(k).
  public let sqrtCumulativeAlphas: [Double]
  /// sqrt(1 - alpha-bar), the deviation of the noise in x(k).
  public let sqrtOneMinusCumulativeAlphas: [Double]
  /// log(1 - alpha-bar)
  public let logOneMinusCumulativeAlphas: [Double]
  /// sqrt(1 / alpha-bar)
  public let sqrtReciprocalCumulativeAlphas: [Double]
  /// sqrt(1 / alpha-bar - 1)
  public let sqrtReciprocalCumulativeAlphasMinusOne: [Double]
  /// The variance of x(k-1) given x(k) and the picture.
  public let posteriorVariances: [Double]
  /// Its logarithm; step 0, where it is zero, repeats step 1, or has its beta's where there is no other step.
  public let posteriorLogVariances: [Double]
  /// What the picture weighs in the mean of x(k-1).
  public let posteriorPictureWeights: [Double]
  /// What x(k) weighs in the mean of x(k-1).
  public let posteriorSampleWeights: [Double]

  /// The schedule of `betas`, at least one, each in (0, 1).
  public init(betas: [Double]) {
    precondition(!betas.isEmpty && betas.allSatisfy { 0 < $0 && $0 < 1 }, "a beta lies outside (0, 1)")
    var bar = 1.0
    let bars = betas.map { beta in
      bar *= 1 - beta
      return bar
    }
    let previous = [1] + bars.dropLast()
    let posterior = zip(betas, zip(bars, previous)).map { $0 * (1 - $1.1) / (1 - $1.0) }

    self.betas = betas
    logBetas = betas.map { log($0) }
    cumulativeAlphas = bars
    previousCumulativeAlphas = previous
    nextCumulativeAlphas = bars.dropFirst() + [0]
    sqrtCumulativeAlphas = bars.map { $0.squareRoot() }
    sqrtOneMinusCumulativeAlphas = bars.map { (1 - $0).squareRoot() }
    logOneMinusCumulativeAlphas = bars.map { log(1 - $0) }
    sqrtReciprocalCumulativeAlphas = bars.map { (1 / $0).squareRoot() }
    sqrtReciprocalCumulativeAlphasMinusOne = bars.map { (1 / $0 - 1).squareRoot() }
    posteriorVariances = posterior
    let nonzero = [posterior.dropFirst().first ?? betas[0]] + posterior.dropFirst()
    posteriorLogVariances = nonzero.map { log($0) }
    posteriorPictureWeights = zip(betas, zip(bars, previous)).map { $0 * $1.1.squareRoot() / (1 - $1.0) }
    posteriorSampleWeights = zip(betas, zip(bars, previous)).map { (1 - $1.1) * (1 - $0).squareRoot() / (1 - $1.0) }
  }

  /// The number of steps.
  public var stepCount: Int { betas.count }

  /// Betas in even steps from 0.1 / n to 20 / n: 1e-4 to 0.02 for the usual thousand.
  ///
  /// - Source: Ho and others 2020, section 4; scaled to other counts as Nichol and Dhariwal do.
  public static func linear(stepCount: Int) -> NoiseSchedule {
    precondition(stepCount > 20, "a linear schedule of \(stepCount) steps ends beyond 1")
    let (first, last) = (0.1 / Double(stepCount), 20 / Double(stepCount))
    let increment = (last - first) / Double(stepCount - 1)
    return NoiseSchedule(betas: (0..<stepCount - 1).map { Double($0) * increment + first } + [last])
  }

  /// alpha-bar falls as cos^2((t + 0.008) / 1.008 · pi / 2) for t from 0 to 1, no beta above 0.999.
  ///
  /// - Source: Nichol and Dhariwal 2021, equation 17.
  public static func squaredCosine(stepCount: Int) -> NoiseSchedule {
    precondition(stepCount > 0, "a schedule has no steps")
    let bars = (0...stepCount).map { step in
      let cosine = cos((Double(step) / Double(stepCount) + 0.008) / 1.008 * Double.pi / 2)
      return cosine * cosine
    }
    return NoiseSchedule(betas: zip(bars, bars.dropFirst()).map { min(1 - $1 / $0, 0.999) })
  }

  /// The schedule that visits only the steps `kept`, ascending, with as much noise at each of them.
  public func keeping(_ kept: [Int]) -> NoiseSchedule {
    precondition(zip(kept, kept.dropFirst()).allSatisfy { $0 < $1 }, "the kept steps do not ascend")
    var previous = 1.0
    return NoiseSchedule(
      betas: kept.map { step in
        let beta = 1 - cumulativeAlphas[step] / previous
        previous = cumulativeAlphas[step]
        return beta
      })
  }
}
