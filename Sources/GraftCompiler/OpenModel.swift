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
  let weights: [String: WeightExpression]
  let module: Module
  let sources: WeightSources?
  private let missingFile: String?

  init(
    _ module: Module, program: Program, assumed: [String], readers: [(any CheckpointReader)?], files: [String],
    settings: [(name: String, value: String)] = []
  ) {
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

  /// The checkpoints that the model's tensors are in.
  public var readers: [any CheckpointReader] { sources?.readers ?? [] }

  /// The modules that `paths` name, such as `blocks[all].attn`, as the names that a run traces.
  ///
  /// - Throws: rules of the page `language`, as mistakes of usage.
  public func tracePaths(_ paths: [String]) throws(Diagnostic) -> [String] {
    do throws(Diagnostic) { return try selectedPaths(paths) } catch {
      // Paths of the command line are no one's data.
      throw Diagnostic(error.rule, error.message, label: error.label, help: error.help, category: .usage)
    }
  }

  private func selectedPaths(_ paths: [String]) throws(Diagnostic) -> [String] {
    try onDeepStack { () throws(Diagnostic) in
      var result: [String] = []
      let evaluator = Evaluator()
      let checkpoints = Checkpoints { _ throws(Diagnostic) in nil }
      let state = GraftState(base: module, evaluator: evaluator, checkpoints: checkpoints, seed: 0)
      let environment = Environment(scope: Scope(parent: nil, file: Library.prelude), place: .graft(state))
      for path in paths {
        let expression = try Compiler().parseExpression(path, file: "--trace")
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
  /// Whether `address` names a single operator, which has no checkpoint to come from.
  public func isOperator(_ address: ModelAddress) -> Bool {
    guard case .expression(let text) = address, let expression = try? parseExpression(text, file: "MODEL"),
      case .call(let callee, _) = expression.kind, let name = callee.dottedName,
      let symbol = Library.prelude.operator(name)
    else { return false }
    return !symbol.declaration.isModel
  }

  /// Opens a model to run. `randomWeights` fills what has no checkpoint with seeded values, none of them zero.
  public func open(_ address: ModelAddress, randomWeights: Bool) throws(Diagnostic) -> [OpenModel] {
    switch address {
    case .checkpoint(let text):
      return [try onDeepStack { () throws(Diagnostic) in try self.openCheckpointModel(text) }]
    case .expression(let text):
      return try onDeepStack { () throws(Diagnostic) in try self.openExpression(text, randomWeights) }
    case .graft(let address):
      var options = options
      if randomWeights { options.base = "noise" }
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
      throw Diagnostic("weights.no-file", "there is no file '\(text)'", at: Location(text), category: .inputMissing)
    }
    for text in opened.notes { note(text) }
    let evaluator = Evaluator()
    var module = try recognise(opened, Library.prelude, evaluator)
    try fill(&module, from: opened, number: 0, at: nil)
    return OpenModel(
      module, program: try lower(module, evaluator), assumed: options.assumptions, readers: checkpoints.readers,
      files: [text])
  }

  /// A model, or one operator for each combination of the sizes that `--set` gives to its inputs' letters.
  private func openExpression(_ text: String, _ randomWeights: Bool) throws(Diagnostic) -> [OpenModel] {
    let evaluator = Evaluator()
    let expression = try parseExpression(text, file: "MODEL")
    let environment = Environment(scope: Scope(parent: nil, file: Library.prelude), place: .compileTime)
    let operation = try evaluator.operation(expression, environment)
    var module = try evaluator.instantiate(operation)
    guard let symbol = module.symbol else {
      throw Diagnostic("usage.operator", "'\(text)' is not one operator or model", category: .usage)
    }
    guard randomWeights || options.base == "noise" else {
      throw Diagnostic(
        "usage.random-weights", "'\(text)' has no checkpoint", help: "--random-weights fills it with seeded values",
        category: .usage)
    }
    try module.settleNoise(path: "", seed: options.seed)
    if symbol.declaration.isModel {
      return [OpenModel(module, program: try lower(module, evaluator), assumed: [], readers: [], files: [])]
    }
    return try sizeVariants(of: module, text).map { sizes throws(Diagnostic) in
      let tracer = Tracer(name: "forward")
      // Where an operator leaves leading axes open, they are those of a batch of tokens.
      for input in symbol.entry("forward")?.inputs ?? [] {
        tracer.leading[input.name.text] = [.batch()] + sizes.filter { $0.0 == "N" }.map { Dimension($0.1) }
      }
      let letters = Dictionary(sizes, uniquingKeysWith: { _, last in last })
      try tracer.traceEntry("forward", of: module, sizes: letters, evaluator)
      return OpenModel(
        module, program: operatorProgram(module, tracer), assumed: [], readers: [], files: [],
        settings: sizes.map { ($0.0, String($0.1)) })
    }
  }

  /// Every combination of the sizes that `--set` gives to the letters that the inputs of `module` leave open.
  private func sizeVariants(of module: Module, _ text: String) throws(Diagnostic) -> [[(String, Int)]] {
    var letters: [String] = []
    for input in module.symbol?.entry("forward")?.inputs ?? [] {
      if case .ellipsis? = input.pattern.items.first, !letters.contains("N") { letters.append("N") }
      for case .size(let size) in input.pattern.items {
        guard let name = size.dottedName, name.first?.isUppercase == true, name != "B",
          module.scope.lookup(name) == nil,
          !letters.contains(name)
        else { continue }
        letters.append(name)
      }
    }
    var variants: [[(String, Int)]] = [[]]
    for letter in letters {
      guard let given = options.settings.last(where: { $0.name == letter }) else {
        throw Diagnostic(
          "usage.size", "'\(text)' leaves the size '\(letter)' open", help: "--set \(letter)=256", category: .usage)
      }
      var sizes: [Int] = []
      for piece in given.values.split(separator: ",", omittingEmptySubsequences: false) {
        guard let size = Int(piece), (1...1 << 24).contains(size) else {
          throw Diagnostic(
            "usage.size", "--set \(letter)=\(given.values): '\(piece)' is no size from 1 to \(groupedDigits(1 << 24))",
            category: .usage)
        }
        sizes.append(size)
      }
      variants = variants.flatMap { one in sizes.map { one + [(letter, $0)] } }
    }
    guard variants.count <= 10_000 else {
      throw Diagnostic("limits.variants", "more than 10,000 variants", category: .usage)
    }
    return variants
  }

  private func operatorProgram(_ module: Module, _ tracer: Tracer) -> Program {
    var parameters: [Parameter] = []
    module.forEachParameter { name, parameter in
      parameters.append(Parameter(name: name, type: TensorType(.f32, parameter.shape), isFrozen: parameter.isFrozen))
    }
    return Program(parameters: parameters, graphs: [tracer.builder.graph])
  }

  /// One operator alone, its tensors those of `checkpoint` by their own names; sizes that it leaves open are those of
  /// the inputs, and arguments that are not given are read off the tensors where its `recover` rules can.
  public func openOperator(
    _ text: String, checkpoint: String, inputs: [String: Shape]
  ) throws(Diagnostic) -> OpenModel {
    try onDeepStack { () throws(Diagnostic) in
      let evaluator = Evaluator()
      let expression = try self.parseExpression(text, file: "--operator")
      let environment = Environment(scope: Scope(parent: nil, file: Library.prelude), place: .compileTime)
      var operation = try evaluator.operation(expression, environment)
      guard case .symbol(let symbol) = operation.target, let entry = symbol.entry("forward") else {
        throw Diagnostic("usage.operator", "'\(text)' is not one operator", category: .usage)
      }
      var places: [InstantiationContext.PlaceInput] = []
      var sizes: [String: Int] = [:]
      for input in entry.inputs {
        guard let shape = inputs[input.name.text] else {
          throw Diagnostic("run.input-missing", "the input '\(input.name.text)' is missing")
        }
        places.append(.one(TensorType(.f32, shape)))
        for (item, size) in zip(input.pattern.items, shape.axes) {
          if case .size(let expression) = item, let letter = expression.dottedName, letter.first?.isUppercase == true,
            letter != "B"
          {
            sizes[letter] = size
          }
        }
      }
      guard let opened = try openCheckpoint(checkpoint) else {
        throw Diagnostic(
          "weights.no-file", "there is no file '\(checkpoint)'", at: Location(checkpoint), category: .inputMissing)
      }
      // What is not said is read off the tensors.
      let recognition = try self.recognition(of: opened, Library.prelude, evaluator)
      operation.arguments.merge(recognition.arguments(of: symbol, given: operation.arguments)) { said, _ in said }
      var module = try evaluator.instantiate(operation, InstantiationContext(inputs: places, surroundings: []))
      try self.fill(&module, from: opened, number: 0, at: nil)
      let tracer = Tracer(name: "forward")
      tracer.leading = inputs.mapValues { $0.axes.map { Dimension($0) } }
      try tracer.traceEntry("forward", of: module, sizes: sizes, evaluator)
      return OpenModel(
        module, program: self.operatorProgram(module, tracer), assumed: [], readers: [opened.reader],
        files: [checkpoint])
    }
  }

  /// The model in an opened checkpoint: from what it says of itself, else from its tensors.
  package func recognise(
    _ opened: Checkpoints.Opened, _ names: FileScope, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Module {
    let file = opened.reader.file
    if let module = try SelfDescription.module(from: opened.reader.metadata, file: file, evaluator) { return module }
    var recognition = try recognition(of: opened, names, evaluator)
    return try recognition.model()
  }

  private func recognition(
    of opened: Checkpoints.Opened, _ names: FileScope, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Recognition {
    let entries = opened.entries.sorted { $0.key < $1.key }.map {
      (name: $0.key, shape: opened.reader.entries[$0.value].shape)
    }
    return Recognition(
      entries, metadata: opened.reader.metadata, file: opened.reader.file, names: names,
      assumptions: try assumptions(names), evaluator: evaluator)
  }

  /// Gives every tensor of `module` the checkpoint's of the same name, after checking its shape.
  func fill(
    _ module: inout Module, from opened: Checkpoints.Opened, number: Int, at: Location?
  ) throws(Diagnostic) {
    let file = opened.reader.file
    let expected = module
    try module.mapParameters { name, parameter throws(Diagnostic) in
      guard let index = opened.entries[name] else {
        var rest = Set(opened.entries.keys)
        expected.forEachParameter { known, _ in rest.remove(known) }
        throw missingTensor(
          name, parameter.shape, in: file, beside: rest, at: at ?? Location(file, tensor: name))
      }
      parameter.weight = try sourceTensor(
        opened.reader.entries[index], named: opened.reader.entries[index].name, source: number, for: parameter,
        in: file, at: at)
      parameter.origin = .kept
    }
  }

  /// Takes over the texts of a compiler that worked for this one.
  func adopt(_ other: Compiler) { library.adopt(other.library) }
}

/// Opens a checkpoint's headers; `nil` where there is no such file.
package func openCheckpoint(_ text: String) throws(Diagnostic) -> Checkpoints.Opened? {
  let address = CheckpointAddress(parsing: text)
  do throws(Diagnostic) {
    let (reader, notes) = try Formats.openModel(address)
    var entries: [String: Int] = [:]
    for (index, entry) in reader.entries.enumerated() { entries[entry.name] = index }
    return Checkpoints.Opened(
      source: WeightPlan.Source(file: address.file, key: address.key), reader: reader, entries: entries, notes: notes)
  } catch {
    if error.category == .inputMissing { return nil }
    throw error
  }
}
