import GraftFormats
import GraftIR

/// One variant of one graft, from its parameters to its plan.
final class GraftCompilation {
  private(set) var diagnostics = Diagnostics()
  private(set) var notes: [String] = []
  let graft: GraftDeclaration
  let file: FileScope
  private let settings: [(String, Datum)]
  let compiler: Compiler
  let evaluator: Evaluator
  private let checkpoints: Checkpoints
  private(set) var scope: Scope
  private(set) var state: GraftState?
  private var edits: [PlannedEdit] = []
  /// Whether an edit was left out because a file is missing, so that conditions do not speak of this model.
  private var missesEdit = false
  var emits: [CompiledGraft.Emit] = []
  var requirements: [String] = []
  var failedRequirements: [String] = []
  private var training: [String] = []
  /// The base's file.
  private var fileUses: [FileUse] = []
  /// What the first `emit` writes tensors in, worked out for the statement at hand.
  var emittedTypes: EmittedTypes?
  private var baseText = ""
  /// The checkpoint of the base; `nil` where its weights are drawn.
  private var baseFile: String?
  /// The seed of a base whose weights are seeded noise.
  private var noiseSeed: UInt64?
  /// Where each line of the file begins.
  private var lineStarts: [Int] = []

  init(
    _ graft: GraftDeclaration, _ file: FileScope, _ settings: [(String, Datum)], _ compiler: Compiler,
    _ budget: Evaluator.Budget
  ) {
    self.graft = graft
    self.file = file
    self.settings = settings
    self.compiler = compiler
    evaluator = Evaluator(reading: compiler.dataFiles, budget: budget)
    checkpoints = Checkpoints { address throws(Diagnostic) in try openCheckpoint(address) }
    scope = Scope(parent: nil, file: file)
  }

  var path: String { graft.at.file }

  func run() -> CompiledGraft? {
    do throws(Diagnostic) {
      for parameter in graft.parameters {
        let environment = Environment(scope: scope, place: .compileTime)
        if let (_, value) = settings.first(where: { $0.0 == parameter.label.text }) {
          scope = scope.adding([parameter.name.text: value])
        } else if let expression = parameter.defaultValue {
          let value = try evaluator.defaultValue(expression, for: parameter, environment)
          scope = scope.adding([
            parameter.name.text: try evaluator.checked(value, for: parameter, what: "the graft", at: expression.at)
          ])
        } else {
          throw Diagnostic(
            "variants.missing", "'\(parameter.label.text)' has no value", at: parameter.label.at,
            help: "--set \(parameter.label.text)=...", category: .usage)
        }
        scope = scope.adding(wordsOf: parameter)
      }
    } catch {
      diagnostics.report(error)
      return nil
    }
    for statement in graft.statements {
      evaluator.beginStatement()
      emittedTypes = nil
      let before = state?.snapshot
      do throws(Diagnostic) { try run(statement) } catch {
        // What failed is as if it were not there, so that the lines below tell of their own mistakes only.
        if let before { state?.restore(before) }
        if isNews(error) { diagnostics.report(error.at(statement.at)) }
        if statement.kind.isEdit, error.category == .inputMissing { missesEdit = true }
        // Without a base nothing below means anything, and what has grown beyond a limit is not tried again.
        if case .base = statement.kind { return nil }
        if error.rule.hasPrefix("limits.") { return nil }
        if case .let(let declaration) = statement.kind { scope = scope.addingBroken(declaration.name.text) }
      }
      if diagnostics.items.count > 100 { return nil }
    }
    guard let state else {
      // Told already where a statement missed it.
      if diagnostics.items.contains(where: { $0.rule == "graft.no-base" }) { return nil }
      diagnostics.report(
        Diagnostic(
          "graft.no-base", "graft \"\(graft.name.text)\" says no base", at: graft.name.at, help: "base MODEL from FILE")
      )
      return nil
    }
    // What does not hold is planned all the same, so that a person sees by how much.
    if diagnostics.hasErrorsBesideRequirements { return nil }
    do throws(Diagnostic) { return try finished(state) } catch {
      diagnostics.report(error.at(graft.name.at))
      return nil
    }
  }

  /// Whether an error is more than the echo of one that was told.
  private func isNews(_ error: Diagnostic) -> Bool {
    if error.rule == "graft.no-base" { return !diagnostics.items.contains { $0.rule == error.rule } }
    // Nobody is at fault, and the condition is one on the model with the edit.
    if error.rule == "require.failed", missesEdit { return false }
    return error.rule.hasPrefix("limits.") || !evaluator.metBrokenName
  }

  private func run(_ statement: GraftStatement) throws(Diagnostic) {
    if case .base(let model, let source) = statement.kind {
      if state != nil { throw Diagnostic("graft.second-base", "a graft has one base", at: statement.at) }
      state = try told(at: model?.at ?? statement.at) { () throws(Diagnostic) in
        try base(model, source, at: statement.at)
      }
      return
    }
    if case .let(let declaration) = statement.kind { return try bind(declaration) }
    guard let state else {
      throw Diagnostic(
        "graft.no-base", "a graft names its 'base' before it speaks of it", at: statement.at,
        help: "base MODEL from FILE")
    }
    let environment = Environment(scope: scope, place: .graft(state))
    let line = self.line(of: statement.at)
    switch statement.kind {
    case .base, .let: break
    case .replace(let target, let value):
      edits += try told(at: value.at) { () throws(Diagnostic) in
        let made = try state.replace(target, with: value, line: line, at: statement.at, environment)
        _ = try state.trace()
        return made
      }
    case .remove(let target):
      edits += try told(at: target.at) { () throws(Diagnostic) in
        let made = try state.remove(target, line: line, at: statement.at, environment)
        _ = try state.trace()
        return made
      }
    case .parallelize(let target, let grouping, let merge):
      edits += try told(at: merge.at) { () throws(Diagnostic) in
        let made = try state.parallelize(target, grouping, with: merge, line: line, at: statement.at, environment)
        _ = try state.trace()
        return made
      }
    case .require(let condition): try require(condition, environment)
    case .emit(let emit): try self.emit(emit, state, environment)
    case .training(let word, let target, let arguments):
      if let target { _ = try state.selection(target, environment) }
      try state.checkTraining(word, arguments, environment)
      training.append(word.text)
    }
  }

  /// An error inside the prelude is told at the line that led there.
  func told<Result>(at place: Location, _ body: () throws(Diagnostic) -> Result) throws(Diagnostic) -> Result {
    do throws(Diagnostic) { return try body() } catch {
      guard let location = error.location, location.file.hasPrefix("prelude/") else { throw error }
      throw Diagnostic(
        error.rule, error.message, at: place, label: error.label, help: error.help ?? "found in \(location.file)",
        category: error.category)
    }
  }

  private func bind(_ declaration: LetDeclaration) throws(Diagnostic) {
    let place: Environment.Place = state.map { .graft($0) } ?? .compileTime
    if let parameters = declaration.parameters {
      let function = Function(
        name: declaration.name.text, parameters: parameters.map(\.text), body: declaration.value, scope: scope)
      scope = scope.adding([declaration.name.text: .function(function)])
      return
    }
    let value = try evaluator.evaluate(declaration.value, Environment(scope: scope, place: place))
    scope = scope.adding([declaration.name.text: value])
  }

  private func line(of location: Location) -> Int {
    guard let source = file.sources.first(where: { $0.file == location.file }) else { return 0 }
    if lineStarts.isEmpty {
      lineStarts = [0] + source.text.utf8.enumerated().lazy.filter { $0.element == 10 }.map { $0.offset + 1 }
    }
    var (low, high) = (0, lineStarts.count)  // The last start that is not behind the place.
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= location.range.lowerBound { low = middle } else { high = middle }
    }
    return low + 1
  }

  // MARK: base

  private func base(
    _ model: Expression?, _ source: GraftStatement.Source, at: Location
  ) throws(Diagnostic) -> GraftState {
    let environment = Environment(scope: scope, place: .compileTime)
    var address: String?
    var layout: Name?
    var seed: UInt64 = 0
    var isNoise = false
    switch source {
    case .from(let expression, let named):
      layout = named
      let name = try evaluator.plainText(expression, environment)
      address = resolvePath(name, relativeTo: path)
    case .fresh(let expression), .noise(let expression):
      if let expression {
        seed = UInt64(bitPattern: Int64(try evaluator.whole(expression, environment, what: "'seed'")))
      }
      if case .noise = source { isNoise = true }
    }
    var recognised = address
    if let override = compiler.options.base {
      isNoise = override == "noise"
      address = isNoise ? nil : override
      // What a file holds may be recognised without taking its weights.
      recognised = address ?? recognised
      layout = nil
      seed = compiler.options.seed
    }
    baseFile = address
    noiseSeed = isNoise ? seed : nil
    var module: Module
    if let model {
      let operation = try evaluator.operation(model, environment)
      guard case .symbol(let symbol) = operation.target, symbol.entry("forward") != nil else {
        throw Diagnostic("graft.base-model", "a base is a model", at: model.at)
      }
      module = try evaluator.instantiate(operation)
      baseText = module.callText
      if let address { try fill(&module, from: address, layout, at: at) }
    } else {
      guard let recognised else {
        throw Diagnostic("graft.defect", "'base auto' without a file", at: at, category: .defect)
      }
      guard let opened = try checkpoints.peek(recognised) else {
        throw Diagnostic(
          "weights.no-file", "'base auto' needs its checkpoint, and there is no file '\(recognised)'", at: at,
          category: .inputMissing)
      }
      notes += opened.notes
      module = try compiler.recognise(opened, file, evaluator, layout: layout?.text)
      if let address { try fill(&module, from: address, layout, at: at) }
    }
    if address == nil {
      if isNoise { try module.settleNoise(path: "", seed: seed) } else { try module.settleFresh(path: "", seed: seed) }
    }
    module.nameEntries()
    let state = GraftState(base: module, evaluator: evaluator, checkpoints: checkpoints, seed: compiler.options.seed)
    state.emittedTypes = { [unowned self, unowned state] () throws(Diagnostic) in try self.typesToEmit(state) }
    _ = try state.trace()
    return state
  }

  /// Takes every tensor of the base from the checkpoint; where that is not at hand, the model's own shapes stand.
  private func fill(
    _ module: inout Module, from address: String, _ layout: Name?, at: Location
  ) throws(Diagnostic) {
    let (number, checkpoint) = try checkpoints.use(address)
    guard let checkpoint else {
      fileUses.append(FileUse(file: address, isMissing: true, text: address, bindings: [], at: at, isBase: true))
      notes.append("there is no file '\(address)': planning from the model's own shapes")
      try module.mapParameters { name, parameter throws(Diagnostic) in
        parameter.weight = .source(SourceTensor(source: number, name: name, dtype: .f32, shape: parameter.shape))
        parameter.origin = .kept
      }
      return
    }
    for note in checkpoint.notes where !notes.contains(note) { notes.append(note) }
    try compiler.fill(
      &module, from: checkpoint, number: number, file, layout: layout?.text, at: layout?.at ?? at, evaluator)
  }

  // MARK: The result

  private func finished(_ state: GraftState) throws(Diagnostic) -> CompiledGraft {
    let traced = try state.trace()
    let base = try state.traceBase()
    evaluator.beginStatement()
    let baseCosts = try state.base.publishedCosts(base.letters, evaluator)
    let costs = try state.architecture.publishedCosts(traced.letters, evaluator)
    if !training.isEmpty {
      notes.append(
        "\(training.map { "'\($0)'" }.joined(separator: " and ")) is kept in the metadata; compiling does not train")
    }
    return CompiledGraft(
      name: graft.name.text, settings: settings.map { ($0.0, $0.1.interpolated ?? "") }, file: path,
      source: file.sources.first?.text ?? "", baseText: baseText.isEmpty ? state.base.callText : baseText,
      baseFile: baseFile, noiseSeed: noiseSeed, architecture: state.architecture, baseArchitecture: state.base,
      base: ModelSummary(state.base, base.graph, published: baseCosts),
      grafted: ModelSummary(
        state.architecture, traced.graph, types: emits.first?.types ?? EmittedTypes(), published: costs),
      edits: edits, emits: emits, requirements: requirements, failedRequirements: failedRequirements,
      missingFiles: MissingFiles.all(of: fileUses + state.fileUses), checkpoints: checkpoints, evaluator: evaluator)
  }
}

extension Diagnostics {
  /// Whether anything is wrong but conditions that do not hold.
  var hasErrorsBesideRequirements: Bool {
    items.contains { $0.severity == .error && $0.rule != "require.failed" }
  }
}

extension GraftStatement.Kind {
  /// Whether it changes the model.
  fileprivate var isEdit: Bool {
    switch self {
    case .replace, .remove, .parallelize: true
    case .base, .let, .require, .emit, .training: false
    }
  }
}

/// `1234567` as `1,234,567`.
package func groupedDigits(_ value: Int) -> String {
  var digits = String(value.magnitude)
  var result = ""
  while digits.count > 3 {
    result = "," + digits.suffix(3) + result
    digits.removeLast(3)
  }
  return (value < 0 ? "-" : "") + digits + result
}
