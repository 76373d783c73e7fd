import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile", abstract: "Writes the grafted checkpoint.",
    discussion: "Example: graftc compile swap.graft -o swapped.safetensors")

  /// What else a graft can be compiled to.
  enum Target: String, ExpressibleByArgument { case ir }

  @Argument(help: "A graft file, or FILE.graft:NAME.") var file: String
  @Option(name: .shortAndLong, help: "Write here instead of where the graft says.") var output: String?
  @Option(help: "The seed of every 'fresh' that names none.") var seed: Int = 0
  @Flag(help: "Replace a file that exists.") var force = false
  @Flag(help: "Go on where the same command was killed.") var resume = false
  @Option(help: "'ir' prints the graphs instead of writing weights.") var emit: Target?
  @OptionGroup var compilation: CompilationOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    Interruption.watch()
    let compiler = try compilation.compiler(console, seed: UInt64(bitPattern: Int64(seed)))
    let address = GraftAddress(parsing: file)
    let grafts = compiler.compile(address)
    try console.finish(compiler)
    try console.run(compiler) { () throws(Diagnostic) in
      if emit == .ir {
        return try writeGraphs(grafts, console)
      }
      try refuseMissingFiles(of: grafts, console, compiler)
      let jobs = try jobs(grafts)
      var options = TransferEngine.Options()
      options.force = force
      options.resumes = resume
      // The journals tell a later run which outputs are done, until all of them are.
      options.keepsJournal = jobs.count > 1
      for job in jobs {
        try TransferEngine.checkSources(job.readers, areNot: job.path)
        try TransferEngine.checkOutput(job.path, options: options)
      }
      var written: [String] = []
      defer { for path in written { TransferEngine.removeJournal(of: path) } }
      for job in jobs {
        try write(job, options, console)
        written.append(job.path)
      }
    }
  }

  /// The graphs of one graft, which the reader of their text takes back.
  private func writeGraphs(_ grafts: [CompiledGraft], _ console: Console) throws(Diagnostic) {
    guard let graft = grafts.first, grafts.count == 1 else {
      throw Diagnostic(
        "usage.one-graft", "'\(file)' gives \(grafts.count) programs, and --emit ir is for one",
        help: "FILE.graft:NAME, and one value for each --set", category: .usage)
    }
    let text = String(describing: try graft.program())
    guard let output else { return try console.print(text) }
    let file = try OutputFile(path: output, force: force)
    try file.append(Array((text + "\n").utf8))
    try file.commit()
    console.note("wrote \(output): \(groupedDigits(text.utf8.count + 1)) bytes")
  }

  private struct Job {
    let plan: WeightPlan
    let readers: [any CheckpointReader]
    let path: String
    let shardByteCount: Int?
  }

  /// Tells every file that a graft reads and that is not there.
  private func refuseMissingFiles(
    of grafts: [CompiledGraft], _ console: Console, _ compiler: Compiler
  ) throws(Diagnostic) {
    var all = Diagnostics()
    for missing in grafts.flatMap(\.missingFiles) { all.report(missing.diagnostic) }
    guard let last = all.inSourceOrder.last else { return }
    for diagnostic in all.inSourceOrder.dropLast() { console.fail(diagnostic, sources: compiler.sources) }
    throw last
  }

  /// Everything to write; what can be wrong with any of it is found before the first byte.
  private func jobs(_ grafts: [CompiledGraft]) throws(Diagnostic) -> [Job] {
    var jobs: [Job] = []
    let count = grafts.reduce(0) { $0 + max(1, $1.emits.count) }
    for graft in grafts {
      let readers = graft.readers.compactMap(\.self)
      if let output {
        guard count == 1 else {
          throw Diagnostic("usage.output", "-o names one file, and there are \(count) to write", category: .usage)
        }
        jobs.append(
          Job(
            plan: try graft.weightPlan(for: graft.emits.first), readers: readers, path: output,
            shardByteCount: graft.emits.first?.shardByteCount))
        continue
      }
      if graft.emits.isEmpty {
        throw Diagnostic(
          "graft.no-emit", "graft \"\(graft.name)\" emits nothing", help: "-o FILE, or 'emit \"FILE\"' in the graft",
          category: .usage)
      }
      for emit in graft.emits {
        jobs.append(
          Job(
            plan: try graft.weightPlan(for: emit), readers: readers, path: emit.file,
            shardByteCount: emit.shardByteCount))
      }
    }
    return jobs
  }

  private func write(_ job: Job, _ options: TransferEngine.Options, _ console: Console) throws(Diagnostic) {
    let bar = console.progressBar("writing \(job.path)")
    var options = options
    options.shardByteCount = job.shardByteCount
    let report = try TransferEngine.run(
      job.plan, readers: job.readers, to: job.path, options: options,
      progress: { bar($0.tensors, $0.tensorCount) }, isCancelled: { Interruption.isAsked })
    console.noteResuming(report)
    for omission in job.plan.omissions where omission.expression != omission.expected {
      console.note("\(omission.form) does not hold '\(omission.name)': its readers make it")
    }
    console.note("wrote \(job.path): \(job.plan.tensors.count) tensors, \(groupedDigits(report.byteCount)) bytes")
  }
}
