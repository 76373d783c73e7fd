public import GraftFormats
public import GraftIR

/// A model that can be run: its graphs, and where its tensors are.
public final class OpenModel: Sendable {
  /// The name of the model, or of the operator that is opened alone.
  public let name: String
  /// The graphs of its entries, `forward` first, and the tensors that they take.
  public let program: Program
  /// Its figures; bytes as its tensors are stored now.
  public let summary: ModelSummary
  /// What was taken for granted because tensors do not tell it.
  public let assumed: [String]
  /// The model's arguments as it was called.
  public let arguments: String
  /// The same as a JSON object.
  public let argumentValues: JSON
  /// The values of the graft's parameters that `--set` gave.
  public let settings: [(name: String, value: String)]
  /// The layout that the checkpoint is in; `model` where it calls tensors as the model does.
  public let layout: String
  let weights: [String: WeightExpression]
  let module: Module
  let sources: WeightSources?
  private let missingFile: String?

  init(
    _ module: Module, program: Program, assumed: [String], readers: [(any CheckpointReader)?], files: [String],
    settings: [(name: String, value: String)] = [], layout: String = SelfDescription.ownLayout
  ) {
    self.layout = layout
    self.module = module
    name = module.operatorName
    self.program = program
    summary = ModelSummary(module, program.graph(named: "forward") ?? Graph(name: "forward"))
    self.assumed = assumed
    arguments = module.argumentsText
    argumentValues = module.argumentValues
    self.settings = settings
    var weights: [String: WeightExpression] = [:]
    module.forEachParameter { name, parameter in weights[name] = parameter.weight }
    self.weights = weights
    let present = readers.compactMap(\.self)
    sources = present.count == readers.count ? WeightSources(present) : nil
    missingFile = zip(readers, files).first { $0.0 == nil }?.1
  }

  /// The model's stored tensors, in its own order.
  public var tensors: [(name: String, shape: Shape)] {
    var result: [(name: String, shape: Shape)] = []
    module.forEachParameter { name, parameter in result.append((name, parameter.shape)) }
    return result
  }

  /// What would settle the arguments that were left open, as `--assume` takes it.
  public var questions: [String] { module.questions }

  /// The checkpoints that the model's tensors are in.
  public var readers: [any CheckpointReader] { sources?.readers ?? [] }

  /// The modules that `paths` name, such as `blocks[all].attn`, as the names that a run traces.
  ///
  /// - Throws: rules of the page `language`, as mistakes of usage.
  public func tracePaths(_ paths: [String], _ compiler: Compiler = Compiler()) throws(Diagnostic) -> [String] {
    do throws(Diagnostic) { return try selectedPaths(paths, compiler) } catch {
      // Paths of the command line are no one's data.
      throw Diagnostic(
        error.rule, error.message, at: error.location, label: error.label, help: error.help, category: .usage)
    }
  }

  private func selectedPaths(_ paths: [String], _ compiler: Compiler) throws(Diagnostic) -> [String] {
    try onDeepStack { () throws(Diagnostic) in
      var result: [String] = []
      let evaluator = Evaluator()
      let checkpoints = Checkpoints { _ throws(Diagnostic) in nil }
      let state = GraftState(base: module, evaluator: evaluator, checkpoints: checkpoints, seed: 0)
      let environment = Environment(scope: Scope(parent: nil, file: Library.prelude), place: .graft(state))
      for path in paths {
        let expression = try compiler.parseExpression(path, of: "--trace")
        for item in try state.selection(expression, environment).items {
          let isList = state.architecture[path: item.path]?.isList == true && item.path.count == 1
          let ends =
            isList ? state.architecture[path: item.path]?.parts.map { item.path + [$0.name] } ?? [] : [item.path]
          result += ends.map { $0.joined(separator: ".") }
        }
      }
      return result
    }
  }

  /// The values of the tensor called `name`: a view of the file where it is stored as it is.
  ///
  /// - Throws: `weights.no-file` where a checkpoint is not there, and what readers and primitives throw.
  public func tensor(_ name: String) throws(Diagnostic) -> Tensor {
    guard let weight = weights[name] else {
      throw Diagnostic("weights.missing", "the model has no tensor '\(name)'", category: .defect)
    }
    guard let sources else {
      let file = missingFile ?? ""
      throw Diagnostic("weights.no-file", "there is no file '\(file)'", at: Location(file), category: .inputMissing)
    }
    return try sources.evaluate(weight)
  }
}

extension Compiler {
  /// Opens a model to run. `randomWeights` fills what has no checkpoint with seeded values, none of them zero.
  public func open(_ address: ModelAddress, randomWeights: Bool) throws(Diagnostic) -> [OpenModel] {
    switch address {
    case .checkpoint(let text):
      return [try onDeepStack { () throws(Diagnostic) in try self.openCheckpointModel(text) }]
    case .expression(let address):
      return try onDeepStack { () throws(Diagnostic) in try self.openExpression(address, randomWeights) }
    case .graft(let address):
      var options = options
      if randomWeights { options.base = "noise" }
      useSettings(options.settings.map(\.name))
      let compiler = Compiler(options: options)
      let grafts = compiler.compile(address)
      for item in compiler.diagnostics.items { report(item) }
      for text in compiler.notes { note(text) }
      adopt(compiler)
      if let first = compiler.diagnostics.inSourceOrder.first(where: { $0.severity == .error }) { throw first }
      return try grafts.map { graft throws(Diagnostic) in
        OpenModel(
          graft.architecture, program: try graft.program(), assumed: [], readers: graft.checkpoints.readers,
          files: graft.checkpoints.sources.map(\.file), settings: graft.settings)
      }
    }
  }

  private func openCheckpointModel(_ text: String) throws(Diagnostic) -> OpenModel {
    let checkpoints = Checkpoints { address throws(Diagnostic) in try openCheckpoint(address) }
    guard let opened = try checkpoints.use(text).checkpoint else {
      let isName = Library.prelude.operator(text) != nil || Library.prelude.preset(text) != nil
      throw Diagnostic(
        "weights.no-file", "there is no file '\(text)'", at: Location(text),
        help: isName ? "what ships with graft is called: '\(text)()'" : nil, category: .inputMissing)
    }
    for text in opened.notes { note(text) }
    let evaluator = Evaluator()
    var module = try recognise(opened, Library.prelude, evaluator)
    let layout = try fill(&module, from: opened, number: 0, Library.prelude, at: nil, evaluator)
    let program: Program
    do throws(Diagnostic) { program = try lower(module, evaluator) } catch {
      // With an argument open there may be no graph, and none is wanted.
      guard options.leavesOpen, !module.questions.isEmpty else { throw error }
      program = Program(parameters: [], graphs: [])
    }
    return OpenModel(
      module, program: program, assumed: options.assumptions, readers: checkpoints.readers, files: [text],
      layout: layout)
  }

  /// The model in an opened checkpoint: from what it says of itself, else from its tensors, called as the model calls
  /// them or as a layout does.
  ///
  /// - Parameter layout: The layout that a graft names; the command line goes before it.
  package func recognise(
    _ opened: Checkpoints.Opened, _ names: FileScope, _ evaluator: Evaluator, layout: String? = nil
  ) throws(Diagnostic) -> Module {
    let file = opened.reader.file
    let said = options.layout ?? layout
    if let module = try SelfDescription.module(from: opened.reader.metadata, file: file, evaluator) { return module }
    var failure: Diagnostic?
    let model = said.flatMap { said in
      names.visibleOperators.first {
        $0.declaration.isModel && $0.name == said && isOwnLayout(said, of: $0, names)
      }
    }
    if said == nil || said == SelfDescription.ownLayout || model != nil {
      do throws(Diagnostic) { return try recogniseAsNamed(opened, names, evaluator, only: model) } catch {
        failure = error
      }
      if let failure, said != nil { throw failure }
    }
    return try recogniseInLayout(opened, names, said: said, failure: failure, evaluator)
  }

  /// The model whose tensors are called as those of the checkpoint.
  private func recogniseAsNamed(
    _ opened: Checkpoints.Opened, _ names: FileScope, _ evaluator: Evaluator, only model: OperatorSymbol?
  ) throws(Diagnostic) -> Module {
    var recognition = try recognition(of: opened, names, evaluator)
    recognition.onlyModel = model
    if options.leavesOpen {
      recognition.leavesOpen = true
      if let module = try? recognition.model() { return module }
      // Where sizes follow from what is open, a question says more than a misfit.
      recognition = try self.recognition(of: opened, names, evaluator)
      recognition.onlyModel = model
    }
    return try recognition.model()
  }

  func recognition(
    of opened: Checkpoints.Opened, _ names: FileScope, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Recognition {
    return Recognition(
      opened.shapes, metadata: opened.noted, file: opened.reader.file,
      key: (opened.reader as? SelectedCheckpoint)?.key, names: names,
      assumptions: try assumptions(names), evaluator: evaluator)
  }

  /// Gives every tensor of `module` the checkpoint's of the same name, after checking its shape, or what the layout
  /// that the checkpoint is in makes it of.
  ///
  /// - Parameter said: The layout that a graft names; the command line goes before it.
  /// - Returns: The layout's name.
  @discardableResult
  func fill(
    _ module: inout Module, from opened: Checkpoints.Opened, number: Int, _ names: FileScope,
    layout said: String? = nil,
    at: Location?, _ evaluator: Evaluator
  ) throws(Diagnostic) -> String {
    let said = options.layout ?? said
    if let map = try layout(of: module, in: opened, names, said: said, at: at, evaluator) {
      try fill(&module, through: map, from: opened, number: number, at: at)
      if said == nil { note("\(opened.reader.file) is read in layout '\(map.name)'") }
      return map.name
    }
    try fillAsNamed(&module, from: opened, number: number, names, at: at, evaluator)
    return SelfDescription.ownLayout
  }

  func fillAsNamed(
    _ module: inout Module, from opened: Checkpoints.Opened, number: Int, _ names: FileScope, at: Location?,
    _ evaluator: Evaluator
  ) throws(Diagnostic) {
    let file = opened.reader.file
    let expected = module
    try module.mapParameters { name, parameter throws(Diagnostic) in
      guard let index = opened.entries[name] else {
        throw missingTensor(
          name, parameter.shape, in: file, beside: opened.names(besides: expected),
          layouts: names.layoutMaps(of: expected, evaluator),
          at: at ?? Location(file, tensor: name))
      }
      parameter.weight = try sourceTensor(
        opened.reader.entries[index], named: opened.reader.entries[index].name, source: number,
        for: parameter.shape, in: file, at: at)
      parameter.origin = .kept
    }
    let rest = opened.names(besides: expected)
    guard !rest.isEmpty else { return }
    let named = rest.sorted().prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    let (belong, are) = rest.count == 1 ? ("belongs", "is") : ("belong", "are")
    note(
      "\(counted(rest.count, "tensor")) of '\(file)' \(belong) to no part of the model and \(are) left out: "
        + "\(named)\(rest.count > 3 ? ", ..." : "")")
  }

  /// Takes over the texts of a compiler that worked for this one.
  func adopt(_ other: Compiler) { library.adopt(other.library) }
}

/// The numbers that `config.json` in the folder `path` holds, as diffusers and transformers write it beside a model;
/// none where `path` is no folder.
///
/// - Throws: rules of the page `json`, and those of reading files.
private func folderSettings(_ path: String) throws(Diagnostic) -> [String: String] {
  let file = path + "/config.json"
  guard PathKind(of: path) == .folder, let bytes = try TextFile.read(file) else { return [:] }
  var settings: [String: String] = [:]
  for member in try JSON(parsing: bytes, file: file).members ?? [] {
    if let number = member.value.intValue { settings[member.name] = String(number) }
  }
  return settings
}

/// Opens a checkpoint's headers; `nil` where there is no such file.
package func openCheckpoint(_ text: String) throws(Diagnostic) -> Checkpoints.Opened? {
  let address = CheckpointAddress(parsing: text)
  do throws(Diagnostic) {
    let (reader, notes) = try Formats.openModel(address)
    var entries: [String: Int] = [:]
    for (index, entry) in reader.entries.enumerated() { entries[entry.name] = index }
    return Checkpoints.Opened(
      source: WeightPlan.Source(file: address.file, key: address.key), reader: reader, entries: entries, notes: notes,
      settings: try folderSettings(address.file))
  } catch {
    // A folder or index that is there and lacks something says so itself.
    if error.category == .inputMissing, PathKind(of: address.file) == .nothing { return nil }
    throw error
  }
}
