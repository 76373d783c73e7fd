import GraftIR
import GraftRunner
import Testing

/// Expected numbers: NumPy in double precision, `Tests/Fixtures/diffusion`.
@Suite struct NoiseScheduleTests {
  /// The arrays under their names in the fixtures.
  static let arrays: [(name: String, values: @Sendable (NoiseSchedule) -> [Double])] = [
    ("betas", { $0.betas }),
    ("log_betas", { $0.logBetas }),
    ("alphas_cumprod", { $0.cumulativeAlphas }),
    ("alphas_cumprod_prev", { $0.previousCumulativeAlphas }),
    ("alphas_cumprod_next", { $0.nextCumulativeAlphas }),
    ("sqrt_alphas_cumprod", { $0.sqrtCumulativeAlphas }),
    ("sqrt_one_minus_alphas_cumprod", { $0.sqrtOneMinusCumulativeAlphas }),
    ("log_one_minus_alphas_cumprod", { $0.logOneMinusCumulativeAlphas }),
    ("sqrt_recip_alphas_cumprod", { $0.sqrtReciprocalCumulativeAlphas }),
    ("sqrt_recipm1_alphas_cumprod", { $0.sqrtReciprocalCumulativeAlphasMinusOne }),
    ("posterior_variance", { $0.posteriorVariances }),
    ("posterior_log_variance_clipped", { $0.posteriorLogVariances }),
    ("posterior_mean_coef1", { $0.posteriorPictureWeights }),
    ("posterior_mean_coef2", { $0.posteriorSampleWeights }),
  ]

  @Test(
    "Every array agrees with NumPy's",
    arguments: [
      ("schedule_linear", NoiseSchedule.linear(stepCount: 1000)),
      ("schedule_cosine", NoiseSchedule.squaredCosine(stepCount: 1000)),
    ])
  func wholeSchedules(_ file: String, _ schedule: NoiseSchedule) throws {
    try Self.compare(schedule, try Fixture("diffusion/\(file).safetensors"))
  }

  @Test("Thinned schedules agree with NumPy's", arguments: ["250", "50", "10", "ddim50", "10,15,20"])
  func thinnedSchedules(_ text: String) throws {
    let file = text.split(separator: ",").joined(separator: "_")
    let fixture = try Fixture("diffusion/respacing_\(file).safetensors")
    let process = try DiffusionProcess(respacing: Respacing(text))
    #expect(process.times == (try fixture["times"].integers))
    try Self.compare(process.schedule, fixture)
  }

  static func compare(_ schedule: NoiseSchedule, _ fixture: Fixture) throws {
    for (name, values) in arrays {
      let expected = try fixture[name].doubles
      let found = values(schedule)
      #expect(found.count == expected.count)
      // Order of operations and libm differ; a thousand products lose at most three digits of the sixteen.
      let isClose = zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-10 * abs($1) }
      #expect(isClose, "\(name)")
    }
  }

  @Test("The linear schedule has the published numbers")
  func publishedNumbers() {
    // Ho and others 2020, section 4, and the products that follow, in double precision.
    let schedule = NoiseSchedule.linear(stepCount: 1000)
    #expect(schedule.betas[0] == 1e-4 && schedule.betas[999] == 0.02)
    #expect(abs(schedule.cumulativeAlphas[999] - 4.035829765375676e-05) < 1e-17)
    #expect(abs(schedule.posteriorLogVariances[0] + 9.81672513529567) < 1e-13)
  }

  @Test("One step alone has finite arrays")
  func oneStep() {
    let schedule = NoiseSchedule.linear(stepCount: 1000).keeping([999])
    #expect(schedule.posteriorVariances == [0])
    #expect(schedule.posteriorLogVariances == schedule.logBetas)
    #expect(schedule.posteriorPictureWeights == [1])
  }

  @Test("A beta of one is the caller's mistake")
  func impossibleBeta() async {
    await #expect(processExitsWith: .failure) { _ = NoiseSchedule(betas: [0.5, 1]) }
  }
}
