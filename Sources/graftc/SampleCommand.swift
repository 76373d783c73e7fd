import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Draws pictures: a row for each model and seed, a column for each label.",
    discussion: "Example: graftc sample model.pt --labels 207,360 --steps 250 --guidance 4 --seed 0,1 -o grid.png")

  enum Method: String, ExpressibleByArgument, CaseIterable { case ddpm, ddim }

  @Argument(help: "Checkpoints, graft files or models.") var models: [String]
  @Option(help: "Classes, such as 207,360.") var labels: String
  @Option(help: "The steps to keep: 250, ddim50 or 10,15,20.") var steps: String = "250"
  @Option(help: "How strongly classes guide; 1 is not at all.") var guidance: Double = 4
  @Option(help: "Seeds, a row each.") var seed: String = "0"
  @Option(help: "How a step is taken.") var sampler: Method = .ddpm
  @Option(help: "How much fresh noise DDIM adds, from 0 to 1.") var eta: Double?
  @Option(help: "A file with 'start' and optionally 'noises', instead of draws.") var noise: String?
  @Option(name: .shortAndLong, help: "A .png, or a .safetensors that keeps the samples.") var output: String
  @Flag(help: "Only the pictures, without labels and at their own size.") var plain = false
  @Flag(help: "Seeded weights where there is no checkpoint.") var randomWeights = false
  @Option(help: "The type of linear layers' weights as they run: f32, bf16, f16 or int8.") var dtype: String = "f32"
  @Option(help: "The threads to run on.") var threads: Int?
  @Flag(help: "Replace a file that exists.") var force = false
  @OptionGroup var compilation: CompilationOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    Interruption.watch()
    let compiler = try compilation.compiler(console)
    try console.run(compiler) { () throws(Diagnostic) in
      let classes = try wholeNumbers(labels, "--labels")
      let seeds = try wholeNumbers(seed, "--seed")
      guard (-1e6...1e6).contains(guidance) else {
        throw Diagnostic(
          "usage.guidance", "--guidance is \(guidance), and must be from -1,000,000 to 1,000,000", category: .usage)
      }
      guard self.sampler == .ddim || eta == nil else {
        throw Diagnostic(
          "usage.eta", "--eta is for --sampler ddim, and the sampler is ddpm", help: "--sampler ddim",
          category: .usage)
      }
      try checkOutput()
      let weights = try weightType(dtype)
      let pool = try ThreadPool.sized(threads)
      let process = try DiffusionProcess(respacing: try Respacing(steps))
      let sampler = try Sampler(process, method: self.sampler == .ddpm ? .ddpm : .ddim(eta: Float(eta ?? 0)))
      let given = try noise.map { path throws(Diagnostic) in try Formats.open(CheckpointAddress(parsing: path)) }

      // What is wrong with any of them is told before the long work.
      var opened: [(text: String, model: OpenModel, denoiser: Denoiser)] = []
      for text in models {
        for model in try compiler.open(ModelAddress(text), randomWeights: randomWeights) {
          try TransferEngine.checkSources(model.readers + (given.map { [$0] } ?? []), areNot: output)
          let runner = Model(model.program, pool: pool, weights: weights) { name throws(Diagnostic) in
            try model.tensor(name)
          }
          let denoiser = try Denoiser(
            runner, classes: classes, guidance: guidance, times: process.times.reversed())
          if output.hasSuffix(".png") { try Picture.check(denoiser.shape) }
          let other = opened.first?.denoiser.shape ?? denoiser.shape
          guard denoiser.shape == other else {
            throw Diagnostic(
              "sample.sizes", "'\(text)' gives samples of \(denoiser.shape), and the models before it of \(other)",
              help: "sample them apart", category: .usage)
          }
          opened.append((text, model, denoiser))
        }
        console.notes(of: compiler)
      }
      try compiler.refuseUnusedSettings()
      var rows: [(name: String, samples: Tensor)] = []
      for (text, model, denoiser) in opened {
        for seed in seeds {
          let bar = console.progressBar("\(text), seed \(seed)")
          console.detail("\(text), seed \(seed): \(process.stepCount) steps of \(classes.count) pictures")
          let samples = try sampler.samples(
            classes.count, of: denoiser.shape, isGuided: denoiser.isGuided, noise: try sampleNoise(seed, given),
            progress: { state throws(Diagnostic) in
              bar(state.completedStepCount, state.stepCount)
              try Interruption.check()
            }, model: { x, time throws(Diagnostic) in try denoiser.predict(x, at: time) })
          rows.append((rowLabel(text, model.settings, seed), samples))
        }
      }
      try write(rows, classes)
      console.note("wrote \(output): \(counted(rows.count * classes.count, "picture"))")
    }
    try console.finish(compiler)
  }

  /// The model's name without its folder and extension, and below it what tells the row from others of the model.
  private func rowLabel(_ text: String, _ settings: [(name: String, value: String)], _ seed: Int) -> String {
    var name = text.hasSuffix(")") ? text : text.split(separator: "/").last.map(String.init) ?? text
    for ending in Formats.all.flatMap(\.extensions) + [".graft"] where name.hasSuffix(ending) {
      name.removeLast(ending.count)
      break
    }
    return ([name] + settings.map { "\($0.name)=\($0.value)" } + ["seed \(seed)"]).joined(separator: "\n")
  }

  private func sampleNoise(_ seed: Int, _ given: (any CheckpointReader)?) throws(Diagnostic) -> SampleNoise {
    guard let given else { return SampleNoise(seed: seed) }
    guard let start = given.entries.firstIndex(where: { $0.name == "start" }) else {
      throw Diagnostic("sample.noise", "'\(given.file)' has no tensor 'start'", at: Location(given.file))
    }
    let noises = given.entries.firstIndex { $0.name == "noises" }
    return SampleNoise(
      start: try given.tensor(at: start),
      noises: try noises.map { index throws(Diagnostic) in try given.tensor(at: index) },
      seed: seed)
  }

  /// Finds before the long work what would keep its result from being written.
  private func checkOutput() throws(Diagnostic) {
    if output.hasSuffix(".png") { return try TransferEngine.checkFile(output, force: force) }
    var options = TransferEngine.Options()
    options.force = force
    do throws(Diagnostic) { try TransferEngine.checkOutput(output, options: options) } catch {
      guard error.rule == "transfer.format" else { throw error }
      throw Diagnostic(
        "usage.output", "'\(output)' is neither a picture nor a checkpoint",
        help: "-o grid.png, or -o samples.safetensors",
        category: .usage)
    }
  }

  private func write(_ rows: [(name: String, samples: Tensor)], _ classes: [Int]) throws(Diagnostic) {
    if output.hasSuffix(".png") {
      var pictures: [[Picture]] = []
      for row in rows { pictures.append(try Picture.pictures(of: row.samples)) }
      let grid = try PictureGrid(rows: pictures)
      let picture =
        plain
        ? grid.plain
        : grid.labelled(
          columns: classes.map(String.init), rows: rows.map(\.name), corner: "class", scale: grid.viewableScale)
      try PNGWriter.write(picture, to: output, replacing: force)
      return
    }
    let values = rows.flatMap(\.samples.floats)
    let shape = Shape(
      [rows.reduce(0) { $0 + $1.samples.shape.axes[0] }] + (rows.first?.samples.shape.axes.dropFirst() ?? []))
    var options = TransferEngine.Options()
    options.force = force
    try TransferEngine.write([("samples", Tensor(values, shape))], to: output, options: options)
  }
}
