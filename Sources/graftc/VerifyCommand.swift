import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compares a grafted model with the original, and proves what is exact.",
    discussion: """
      Example: graftc verify swap.graft
      Example: graftc verify swapped.safetensors --base DiT-XL-2-256x256.pt --record
      """)

  @Argument(help: "A graft file, FILE.graft:NAME, or a grafted checkpoint.") var model: String
  @Option(help: "Makes the inputs, and the draws of every 'fresh' that names no seed.") var seed: Int = 0
  @Option(help: "Samples that run at once.") var batch: Int = 2
  @Option(help: "Outputs may differ by this much times the larger number; 1 is the exit code where they do.")
  var rtol: Double?
  @Option(help: "Outputs may differ by this much; 1 is the exit code where they do.") var atol: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Also evaluate both by the plain reference loops; left to the size of the models where nothing is said.")
  var reference: Bool?
  @Option(help: "The threads to run on.") var threads: Int?
  @Flag(help: "Write the result into the checkpoint's metadata.") var record = false
  @Option(name: .shortAndLong, help: "With --record, write a copy there instead.") var output: String?
  @Flag(help: "Replace a file that exists.") var force = false
  @Flag(help: "One JSON object a line.") var json = false
  @OptionGroup var compilation: CompilationOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    let compiler = try compilation.compiler(console, seed: UInt64(bitPattern: Int64(seed)))
    var isFound = false
    try console.run(compiler) { () throws(Diagnostic) in
      let address = ModelAddress(model)
      try check(address)
      let pool = try ThreadPool.sized(threads)
      let pairs = try compiler.openPairs(address)
      try compiler.refuseUnusedSettings()
      console.notes(of: compiler)
      if record, let file = pairs.first?.grafted.readers.first?.file {
        try TransferEngine.checkFile(output ?? file, force: force || output == nil)
      }
      for pair in pairs {
        let report = try comparison(pair, pool)
        // What is about to be recorded takes the place of what was.
        let findings = report.findings(recorded: record ? nil : recorded(pair))
        try console.print(json ? jsonReport(pair, report, findings).text() : textReport(pair, report, findings))
        isFound = isFound || !findings.isEmpty
        // What contradicts itself is no result.
        if record, findings.allSatisfy({ $0.rule != "verify.contradiction" }) { try write(report, into: pair, console) }
      }
    }
    try console.finish(compiler)
    if isFound { throw ExitCode(1) }
  }

  private func check(_ address: ModelAddress) throws(Diagnostic) {
    guard (1...4096).contains(batch) else {
      throw Diagnostic("usage.batch", "--batch is \(batch), and must be from 1 to 4096", category: .usage)
    }
    guard [rtol, atol].allSatisfy({ $0.map { $0 >= 0 } ?? true }) else {
      throw Diagnostic("usage.tolerance", "--rtol and --atol are at least 0", category: .usage)
    }
    if record {
      guard case .checkpoint(let text) = address else {
        throw Diagnostic(
          "usage.record", "--record writes into a checkpoint, and '\(model)' is none", help: "compile it first",
          category: .usage)
      }
      guard let output else { return }
      var options = TransferEngine.Options()
      options.force = force
      options.format = Formats.format(ofPath: output) == nil ? Formats.format(ofPath: text)?.name : nil
      try TransferEngine.checkOutput(output, options: options)
    } else if output != nil {
      throw Diagnostic("usage.record", "-o is where --record writes a copy", category: .usage)
    }
  }

  private func comparison(_ pair: ModelPair, _ pool: ThreadPool) throws(Diagnostic) -> ComparisonReport {
    let points = try pair.matches().map { match in
      ModelComparison.Point(
        name: match.name, baseName: match.baseName, path: match.path, basePath: match.basePath,
        isOutput: match.isOutput, isExact: match.isExact)
    }
    var options = ModelComparison.Options()
    options.seed = UInt64(bitPattern: Int64(seed))
    options.batch = batch
    options.evaluatesReference = reference
    (options.relative, options.absolute) = (rtol, atol)
    return try ModelComparison(points, options: options, pool: pool).run(
      base: ModelComparison.Side(pair.base.program) { name throws(Diagnostic) in try pair.base.tensor(name) },
      grafted: ModelComparison.Side(pair.grafted.program) { name throws(Diagnostic) in try pair.grafted.tensor(name) })
  }

  private func recorded(_ pair: ModelPair) -> JSON? {
    pair.metadata[ComparisonReport.metadataKey].flatMap { try? JSON(parsing: $0, file: model) }
  }

  private func write(_ report: ComparisonReport, into pair: ModelPair, _ console: Console) throws(Diagnostic) {
    guard pair.isGraftsOwn, let reader = pair.grafted.readers.first else {
      throw Diagnostic(
        "verify.not-grafts-own", "'\(model)' was not written by graft, so nothing is recorded in it",
        help: "compile the graft, and verify what comes out")
    }
    var metadata = pair.metadata
    metadata[ComparisonReport.metadataKey] = report.record.text()
    var options = TransferEngine.Options()
    options.force = force
    let path = output ?? reader.file
    Interruption.watch()  // From here on there is a file to take back.
    let bar = console.progressBar("writing \(path)")
    try TransferEngine.rewrite(
      reader.file, metadata: metadata, to: path, options: options, progress: { bar($0.tensors, $0.tensorCount) },
      isCancelled: { Interruption.isAsked })
    console.note("recorded in \(path)")
  }

  // MARK: Reports

  private func jsonReport(
    _ pair: ModelPair, _ report: ComparisonReport, _ findings: [ComparisonReport.Finding]
  ) -> JSON {
    let first: [(String, JSON)] = [
      ("model", .text(pair.name)), ("set", JSON(settings: pair.settings)), ("base", .text(pair.baseSource)),
    ]
    let found = findings.map { finding -> JSON in ["rule": .text(finding.rule), "message": .text(finding.message)] }
    return .object((first + report.members + [("found", .list(found))]).map { JSON.Member($0.0, $0.1) })
  }

  private func textReport(
    _ pair: ModelPair, _ report: ComparisonReport, _ findings: [ComparisonReport.Finding]
  ) -> String {
    let set = pair.settings.map { " \($0.name)=\($0.value)" }.joined()
    let inputs = report.inputs.map { "\($0.name) \($0.dtype)\($0.shape)" }.joined(separator: ", ")
    let machine = report.machine
    var lines = [
      "\(pair.name)\(set) against \(pair.baseSource)",
      "  inputs of seed \(report.seed): \(inputs)",
      "  \(machine.processor), \(machine.instructionSet), \(machine.blasCore) kernels of BLAS, \(machine.threads) threads",
    ]
    var header = ["", "was", "max abs", "relative L2", "proved"]
    if report.evaluatedReference { header.append("reference") }
    let rows = report.rows.map { row in
      var cells = [
        row.point.path, row.point.path == row.point.basePath ? "" : row.point.basePath,
        row.executor.map { number($0.maxAbs) } ?? "other shape", row.executor.map { number($0.relativeL2) } ?? "",
        row.point.isExact ? "exact" : "no",
      ]
      if report.evaluatedReference {
        cells.append(row.reference.map { $0.isSame ? "same numbers" : "max abs " + number($0.maxAbs) } ?? "")
      }
      return cells
    }
    lines += table(header, rows)
    lines.append(
      report.isExact ? "exact: proved to be the same function" : "not proved to be the same function")
    lines += findings.map { "found: \($0.message) (\($0.rule))" }
    return lines.joined(separator: "\n")
  }

  /// A difference in three digits.
  private func number(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var exponent = 0
    var digits = value
    while digits >= 9.995 { (digits, exponent) = (digits / 10, exponent + 1) }
    while digits < 0.9995 { (digits, exponent) = (digits * 10, exponent - 1) }
    let rounded = (digits * 100).rounded() / 100
    return exponent == 0 ? "\(rounded)" : "\(rounded)e\(exponent)"
  }
}
