import GraftFormats
public import GraftIR

/// From graft text to an architecture, its graphs and its weight plan.
///
///     text      parse          what is written, errors with their places          Syntax/
///     names     Library        the prelude, imports, who sees whom                Semantics/
///     base      Recognition    the model and its checkpoint                       Weights/
///     edits     GraftState     statements, one after the other                    Semantics/
///     weights   Placement      an expression over source tensors for each tensor  Weights/
///     graph     Tracer         shapes checked, one graph for each entry           Lowering/
///     figures   ModelSummary   parameters, products, bytes                        Cost/
public final class Compiler {
  /// What the command line says beside the file.
  public struct Options: Sendable {
    /// Takes the place of the file that a graft names; `noise` for seeded weights.
    public var base: String?
    /// The seed of every `fresh` that names none.
    public var seed: UInt64 = 0
    /// `--assume` texts.
    public var assumptions: [String] = []
    /// The layout that base checkpoints, and models that are opened, are in; `nil` to tell it from their names.
    public var layout: String?
    /// Whether an argument that nothing tells is left open instead of asked for: such a model is looked at, not run.
    public var leavesOpen = false
    /// `--set` values: several values make variants, several names their product.
    public var settings: [(name: String, values: String)] = []

    /// No options.
    public init() {}
  }

  /// What the command line says beside the file.
  public let options: Options
  /// What was found wrong so far.
  public private(set) var diagnostics = Diagnostics()
  /// What was chosen without being said, for a person to read.
  public private(set) var notes: [String] = []
  /// The names in `--set` that something took a value from.
  private var usedSettings: Set<String> = []
  package let library: Library
  let dataFiles: DataFiles

  /// A compiler that reads graft files through `read` and checkpoints from the file system.
  package init(options: Options = Options(), read: @escaping Library.ReadFile) {
    self.options = options
    library = Library(read: read)
    dataFiles = DataFiles(read: read)
  }

  /// A compiler that reads graft files from the file system, then from the zoo; `-` is standard input.
  public convenience init(options: Options = Options()) {
    self.init(options: options) { path throws(Diagnostic) in try TextFile.read(path) ?? Zoo.bytes(path) }
  }

  /// Every text that was read, for showing places in it.
  public var sources: [SourceText] { library.sources }

  // MARK: Compiling grafts

  /// Compiles every variant of every graft of `file`, or of the one called `graftName`; none where anything is wrong,
  /// which is in `diagnostics`.
  public func compile(file: String, graftName: String? = nil) -> [CompiledGraft] {
    let grafts = withDeepStack { planOnThisStack(file, graftName, wantsGraft: false) }
    return diagnostics.hasErrors ? [] : grafts
  }

  /// Compiles every variant of every graft that `address` names, with those too that only break conditions of their
  /// own: what they would be can be shown, and the conditions are in `diagnostics`. A file without a graft is an error.
  public func plan(_ address: GraftAddress) -> [CompiledGraft] {
    withDeepStack { planOnThisStack(address.file, address.name, wantsGraft: true) }
  }

  /// Compiles every variant of every graft that `address` names. What is wrong is in `diagnostics`, and a file without
  /// a graft is.
  public func compile(_ address: GraftAddress) -> [CompiledGraft] {
    let grafts = plan(address)
    return diagnostics.hasErrors ? [] : grafts
  }

  /// Finds what is wrong with a file, or with one graft of it; a file of operators alone may be right.
  public func check(_ address: GraftAddress) { _ = compile(file: address.file, graftName: address.name) }

  private func planOnThisStack(_ file: String, _ graftName: String?, wantsGraft: Bool) -> [CompiledGraft] {
    if let format = Formats.format(ofPath: file), PathKind(of: file) == .file {
      diagnostics.report(
        Diagnostic(
          "graft.checkpoint", "'\(file)' is a checkpoint by its name (\(format.name)), and a graft is wanted",
          at: Location(file), help: "'graftc inspect \(file)' tells what it holds; a graft names it as its base",
          category: .usage))
      return []
    }
    guard let scope = library.load(file) else {
      diagnostics.report(library.diagnostics)
      return []
    }
    diagnostics.report(library.diagnostics)
    var grafts = scope.grafts
    if let graftName {
      grafts = grafts.filter { $0.name.text == graftName }
      if grafts.isEmpty {
        let hint = suggestion(for: graftName, among: scope.grafts.map(\.name.text))
        diagnostics.report(
          Diagnostic(
            "names.unknown-graft", "'\(file)' holds no graft \"\(graftName)\"", at: Location(file),
            help: hint.map { "did you mean '\($0)'?" }, category: .usage))
      }
    }
    for symbol in scope.operatorNames where diagnostics.items.count <= 100 {
      if let found = scope.operators[symbol] { for mistake in NameCheck.mistakes(of: found) { report(mistake) } }
    }
    for preset in scope.presetNames where diagnostics.items.count <= 100 {
      if let found = scope.presets[preset] { for mistake in NameCheck.mistakes(of: found) { report(mistake) } }
    }
    for layout in scope.layouts where diagnostics.items.count <= 100 {
      do throws(Diagnostic) { try layout.check() } catch { report(error) }
    }
    if library.diagnostics.hasErrors { return [] }
    if wantsGraft, scope.grafts.isEmpty, graftName == nil {
      diagnostics.report(
        Diagnostic(
          "graft.none", "'\(file)' holds no graft" + (scope.contents.map { ", only \($0)" } ?? ": it is empty"),
          at: Location(file), help: "graft \"NAME\" { base MODEL from \"FILE\" ... }"))
    }
    var results: [CompiledGraft] = []
    // What a file asks for is bounded as a whole; more variants are asked for by a person.
    var budgets: [Evaluator.Budget] = []
    for graft in grafts where !diagnostics.items.contains(where: { $0.rule == "limits.steps" }) {
      for (index, variant) in variants(of: graft, scope).enumerated() {
        if index == budgets.count { budgets.append(Evaluator.Budget()) }
        if let compiled = compile(graft, scope, variant, budgets[index]) { results.append(compiled) }
        if diagnostics.items.count > 100 { return [] }
      }
    }
    refuseSharedOutputs(results)
    // What is missing elsewhere is told first: it may be what should have read them.
    if !diagnostics.hasErrorsBesideRequirements {
      for warning in UnusedNames.warnings(in: scope, grafts: grafts) { report(warning) }
    }
    return diagnostics.hasErrorsBesideRequirements ? [] : results
  }

  /// Two variants, or two grafts, must not write the same file.
  private func refuseSharedOutputs(_ results: [CompiledGraft]) {
    var writers: [String: [(graft: CompiledGraft, at: Location)]] = [:]
    for graft in results { for emit in graft.emits { writers[emit.file, default: []].append((graft, emit.at)) } }
    for (output, all) in writers.sorted(by: { $0.key < $1.key }) where all.count > 1 {
      let isOneGraft = Set(all.map(\.graft.name)).count == 1
      // A parameter that differs between them belongs into the name.
      let settings = all[0].graft.settings.map(\.name).filter { name in
        Set(all.map { writer in writer.graft.settings.first { $0.name == name }?.value ?? "" }).count > 1
      }
      let (stem, end) = output.lastPathPart.cutAtExtension
      let name = stem + settings.map { "-\\(\($0))" }.joined() + end
      diagnostics.report(
        Diagnostic(
          "emit.same-file",
          "\(all.count) \(!isOneGraft ? "grafts" : settings.isEmpty ? "lines" : "variants") write \"\(output)\"",
          at: all[all.count - 1].at,
          help: settings.isEmpty ? nil : "put what differs into the name: \"\(name)\""))
    }
  }

  /// Every combination of the values that `--set` gave, each as parameter values by name.
  private func variants(of graft: GraftDeclaration, _ scope: FileScope) -> [[(String, Datum)]] {
    var result: [[(String, Datum)]] = [[]]
    for (name, text) in options.settings {
      guard let parameter = graft.parameters.first(where: { $0.label.text == name }) else {
        let hint = suggestion(for: name, among: graft.parameters.map(\.label.text))
        diagnostics.report(
          Diagnostic(
            "variants.unknown", "graft \"\(graft.name.text)\" has no parameter '\(name)'", at: graft.name.at,
            label: hint.map { "did you mean '\($0)'?" }, category: .usage))
        return []
      }
      guard let values = settingValues(text, parameter, scope) else { return [] }
      guard !values.isEmpty, !result.contains(where: { $0.contains { $0.0 == name } }) else {
        diagnostics.report(
          Diagnostic(
            "variants.value",
            "--set \(name)=\(text): " + (values.isEmpty ? "no value" : "the parameter is given twice"),
            category: .usage))
        return []
      }
      if result.count * values.count > 10_000 {
        diagnostics.report(
          Diagnostic("limits.variants", "more than 10,000 variants", at: graft.name.at, category: .usage))
        return []
      }
      result = result.flatMap { one in values.map { one + [(name, $0)] } }
    }
    return result
  }

  private func settingValues(_ text: String, _ parameter: ParameterDeclaration, _ scope: FileScope) -> [Datum]? {
    func refuse(_ error: Diagnostic) -> [Datum]? {
      var copy = Diagnostic(
        "variants.value", "--set \(parameter.label.text)=\(text): \(error.message)", help: error.help, category: .usage)
      copy.label = error.label
      diagnostics.report(copy)
      return nil
    }
    let evaluator = Evaluator()
    if case .text? = parameter.type { return splitSetting(text).map { .text($0) } }
    if case .words(let words)? = parameter.type,
      splitSetting(text).allSatisfy({ text in words.contains { $0.text == text } })
    {
      return splitSetting(text).map { .word($0) }
    }
    do throws(Diagnostic) {
      guard case .list(let values) = try evaluate("[\(text)]", file: "--set \(parameter.label.text)", scope, evaluator)
      else {
        throw Diagnostic("variants.value", "no value or list of values", category: .usage)
      }
      var checked: [Datum] = []
      for value in values {
        checked.append(try evaluator.checked(value, for: parameter, what: "the graft", at: parameter.name.at))
      }
      return checked
    } catch { return refuse(error) }
  }

  /// The value of a text from the command line.
  package func evaluate(
    _ text: String, file: String, _ scope: FileScope, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum {
    let expression = try parseExpression(text, of: file)
    return try evaluator.evaluate(
      expression, Environment(scope: Scope(parent: nil, file: scope), place: .compileTime))
  }

  /// The expression that a text from the command line holds; `option` is the one that it was given with, if any.
  func parseExpression(_ text: String, of option: String?) throws(Diagnostic) -> Expression {
    let source = SourceText(file: option.map { "\($0) \(text)" } ?? text, text: text)
    library.keep(source)
    return try source.expression()
  }

  private func compile(
    _ graft: GraftDeclaration, _ scope: FileScope, _ settings: [(String, Datum)], _ budget: Evaluator.Budget
  ) -> CompiledGraft? {
    let compilation = GraftCompilation(graft, scope, settings, self, budget)
    let result = compilation.run()
    diagnostics.report(compilation.diagnostics)
    for note in compilation.notes where !notes.contains(note) { notes.append(note) }
    return result
  }

  func report(_ diagnostic: Diagnostic) { diagnostics.report(diagnostic) }

  func useSettings(_ names: some Sequence<String>) { usedSettings.formUnion(names) }

  /// Refuses a `--set` that nothing of what was opened takes a value from.
  ///
  /// - Throws: `usage.set`.
  public func refuseUnusedSettings() throws(Diagnostic) {
    guard let unused = options.settings.first(where: { !usedSettings.contains($0.name) }) else { return }
    throw Diagnostic(
      "usage.set",
      "--set \(unused.name)=\(unused.values) sets nothing: no graft or operator here leaves '\(unused.name)' open",
      help: "--set is for a graft's parameters, and for the sizes of a single operator", category: .usage)
  }

  func note(_ text: String) { if !notes.contains(text) { notes.append(text) } }
}

/// `a,b,c` at its commas.
private func splitSetting(_ text: String) -> [String] {
  text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
}

extension String {
  /// `name` and `.extension`.
  fileprivate var cutAtExtension: (stem: String, end: String) {
    guard let dot = lastIndex(of: "."), dot != startIndex else { return (self, "") }
    return (String(self[..<dot]), String(self[dot...]))
  }
}
