import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Times the forward pass.",
    discussion: """
      Example: graftc bench 'dit.xl2(image: 256)' --random-weights --batch 1,2
      Example: graftc bench 'mha(width: 1152, heads: 16)' --set N=256,1024
      Example: graftc bench 'mine.graft:gated(width: 1152)' --set N=256
      """)

  @Argument(help: "Checkpoints, graft files, models or single operators; several run in turn.") var models: [String]
  @Option(help: "Batch sizes.") var batch: String = "1"
  @Option(help: "The type of linear layers' weights as they run: f32, bf16, f16 or int8.") var dtype: String = "f32"
  @Option(help: "The threads to run on.") var threads: Int?
  @Option(help: "Runs that count, after one that does not.") var repeats: Int = 5
  @Flag(help: "Seeded weights where there is no checkpoint.") var randomWeights = false
  @Flag(help: "Also tell how long each kernel took.") var profile = false
  @Flag(help: "Say 'ready', then run once for each line of standard input and tell the seconds.") var serve = false
  @Flag(help: "One JSON object a line.") var json = false
  @OptionGroup var compilation: CompilationOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    let compiler = try compilation.compiler(console)
    try console.run(compiler) { () throws(Diagnostic) in
      let weights = try weightType(dtype)
      let sizes = try wholeNumbers(batch, "--batch")
      guard sizes.allSatisfy({ (1...4096).contains($0) }), (1...1000).contains(repeats) else {
        throw Diagnostic("usage.bench", "--batch is from 1 to 4096, --repeats from 1 to 1000", category: .usage)
      }
      let pool = try ThreadPool.sized(threads)
      var benches: [Bench] = []
      for text in models {
        let address = ModelAddress(text)
        for model in try compiler.open(address, randomWeights: randomWeights || compiler.isOperator(address)) {
          let runner = Model(model.program, pool: pool, weights: weights) { name throws(Diagnostic) in
            try model.tensor(name)
          }
          benches.append(Bench(name: text, settings: model.settings, forward: try ForwardBenchmark(runner, pool: pool)))
        }
      }
      try compiler.refuseUnusedSettings()
      console.notes(of: compiler)
      if serve { return try serve(benches, batches: sizes, console) }
      let limits = profile ? MachineLimits.measured(pool: pool) : nil
      for size in sizes where !benches.isEmpty { try time(benches, batch: size, limits, console) }
    }
    try console.finish(compiler)
  }

  /// One model or variant to time.
  private struct Bench {
    let name: String
    let settings: [(name: String, value: String)]
    let forward: ForwardBenchmark
  }

  /// Runs when it is told to, so that others can be timed in turn with it: once planned it prints `ready`, and then the
  /// seconds of a run for each line that it reads.
  private func serve(_ benches: [Bench], batches: [Int], _ console: Console) throws(Diagnostic) {
    guard benches.count == 1, batches.count == 1 else {
      throw Diagnostic("usage.bench", "--serve runs one model at one batch size", category: .usage)
    }
    try benches[0].forward.prepare(batch: batches[0])
    try console.print("ready")
    while readLine() != nil { try console.print(String(try benches[0].forward.run(batch: batches[0], profile: nil))) }
  }

  /// What was measured of one bench at one batch.
  private struct Measurement {
    let bench: Bench
    let batch: Int
    var seconds: [Double] = []
    let profile = Profile()
    let limits: MachineLimits?
  }

  private func time(
    _ benches: [Bench], batch: Int, _ limits: MachineLimits?, _ console: Console
  ) throws(Diagnostic) {
    for bench in benches { try bench.forward.warmUp(batch: batch) }
    var measured = benches.map { Measurement(bench: $0, batch: batch, limits: limits) }
    for _ in 0..<repeats {
      for (index, bench) in benches.enumerated() {
        let seconds = try bench.forward.run(batch: batch, profile: profile ? measured[index].profile : nil)
        measured[index].seconds.append(seconds)
      }
    }
    let first = median(measured.first?.seconds ?? [])
    for (index, one) in measured.enumerated() {
      let share = try one.bench.forward.blasSeconds(batch: batch).map { $0 / median(one.seconds) }
      if json {
        try console.print(report(one, blasShare: share, first: first).text())
      } else {
        for line in lines(one, blasShare: share, first: index > 0 ? first : nil) { try console.print(line) }
      }
    }
  }

  private func report(_ one: Measurement, blasShare: Double?, first: Double) -> JSON {
    let middle = median(one.seconds)
    var members: [(String, JSON)] = [
      ("model", .text(one.bench.name)), ("set", JSON(settings: one.bench.settings)), ("batch", .int(one.batch)),
      (
        "seconds",
        [
          "median": .number(middle), "mean": .number(one.seconds.reduce(0, +) / Double(repeats)),
          "min": .number(one.seconds.min() ?? 0),
        ]
      ),
      ("gflops", .number(one.bench.forward.flop(batch: one.batch) / middle / 1e9)),
      ("blas_share", blasShare.map { .number($0) } ?? .null), ("threads", .int(one.bench.forward.threadCount)),
      ("dtype", .text(dtype)), ("ratio", .number(middle / first)),
    ]
    if profile {
      let kernels = one.profile.entries.map { entry -> JSON in
        [
          "kernel": .text(entry.name), "launches": .int(entry.count / repeats),
          "seconds": .number(entry.seconds / Double(repeats)), "gflops": .number(gigaOperations(entry)),
          "gigabytes_per_second": .number(gigabytes(entry)),
          "share_of_limit": one.limits.map { .number($0.leastSeconds(entry.work) / entry.seconds) } ?? .null,
        ]
      }
      members.append(("profile", .list(kernels)))
    }
    if let limits = one.limits {
      let values: JSON = [
        "gflops": .number(limits.operationRate / 1e9), "int8_gops": .number(limits.integerOperationRate / 1e9),
        "gigabytes_per_second": .number(limits.byteRate / 1e9),
      ]
      members.append(("limits", values))
    }
    return .object(members.map { JSON.Member($0.0, $0.1) })
  }

  private func lines(_ one: Measurement, blasShare: Double?, first: Double?) -> [String] {
    let (bench, middle) = (one.bench.forward, median(one.seconds))
    let set = one.bench.settings.map { " \($0.name)=\($0.value)" }.joined()
    let gflops = rounded(bench.flop(batch: one.batch) / middle / 1e9)
    let ratio = first.map { ", \(rounded(middle / $0)) of the first" } ?? ""
    var lines = [
      "\(one.bench.name)\(set), batch \(one.batch): \(duration(middle)) median, \(duration(one.seconds.min() ?? 0)) least, "
        + "\(gflops) GFLOP/s, BLAS alone takes \(blasShare.map { rounded($0 * 100) } ?? "?") % of it, "
        + "\(bench.threadCount) threads\(ratio)"
    ]
    guard profile else { return lines }
    let rows = one.profile.entries.map { entry in
      [
        entry.name, String(entry.count / repeats), duration(entry.seconds / Double(repeats)),
        rounded(entry.seconds / Double(repeats) / middle * 100) + " %", rounded(gigaOperations(entry)),
        rounded(gigabytes(entry)),
        one.limits.map { rounded($0.leastSeconds(entry.work) / entry.seconds * 100) + " %" } ?? "",
      ]
    }
    lines += table(["kernel", "launches", "a run", "share", "GFLOP/s", "GB/s", "of the limit"], rows)
    if let limits = one.limits {
      lines.append(
        "limits of \(bench.threadCount) threads: \(rounded(limits.operationRate / 1e9)) GFLOP/s, "
          + "\(rounded(limits.integerOperationRate / 1e9)) GOP/s in int8, \(rounded(limits.byteRate / 1e9)) GB/s")
    }
    return lines
  }

  private func gigaOperations(_ entry: Profile.Entry) -> Double {
    (entry.work.operations + entry.work.integerOperations) / entry.seconds / 1e9
  }

  private func gigabytes(_ entry: Profile.Entry) -> Double { entry.work.byteCount / entry.seconds / 1e9 }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    if sorted.isEmpty { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  private func duration(_ seconds: Double) -> String {
    if seconds >= 1 { return rounded(seconds) + " s" }
    return seconds >= 1e-3 ? rounded(seconds * 1e3) + " ms" : rounded(seconds * 1e6) + " µs"
  }

  private func rounded(_ value: Double) -> String {
    let digits = value >= 100 ? 1.0 : value >= 1 ? 100.0 : 10000.0
    return "\((value * digits).rounded() / digits)"
  }
}
