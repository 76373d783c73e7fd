import GraftFormats
public import GraftIR

/// Models and single operators that are written as a call, without a graft.
extension Compiler {
  /// Whether `address` names a single operator, which has no checkpoint to come from.
  public func isOperator(_ address: ModelAddress) -> Bool {
    guard case .expression(let address) = address,
      let (expression, names) = try? onDeepStack({ () throws(Diagnostic) in try self.read(address) }),
      case .call(let callee, _) = expression.kind, let name = callee.dottedName, let symbol = names.operator(name)
    else { return false }
    return !symbol.declaration.isModel
  }

  /// The expression of `address` and the file whose names it sees: the user's, else the prelude.
  private func read(
    _ address: ExpressionAddress, of option: String? = nil
  ) throws(Diagnostic) -> (expression: Expression, names: FileScope) {
    let expression = try parseExpression(address.text, of: option)
    guard let file = address.file else { return (expression, Library.prelude) }
    guard let names = library.load(file), !library.diagnostics.hasErrors else {
      for item in library.diagnostics.items { report(item) }
      throw library.diagnostics.inSourceOrder.first { $0.severity == .error }
        ?? Diagnostic("files.missing", "there is no file '\(file)'", at: Location(file), category: .inputMissing)
    }
    return (expression, names)
  }

  /// A model, or one operator for each combination of the sizes that `--set` gives to its inputs' letters.
  func openExpression(_ address: ExpressionAddress, _ randomWeights: Bool) throws(Diagnostic) -> [OpenModel] {
    let evaluator = Evaluator()
    let text = address.text
    let (expression, names) = try read(address)
    let environment = Environment(scope: Scope(parent: nil, file: names), place: .compileTime)
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
    useSettings(letters)
    var variants: [[(String, Int)]] = [[]]
    for letter in letters {
      guard options.settings.count(where: { $0.name == letter }) <= 1 else {
        throw Diagnostic(
          "usage.size", "--set \(letter) is given twice", help: "--set \(letter)=256,1024", category: .usage)
      }
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
    _ address: ExpressionAddress, checkpoint: String, inputs: [String: Shape]
  ) throws(Diagnostic) -> OpenModel {
    try onDeepStack { () throws(Diagnostic) in
      let evaluator = Evaluator()
      let text = address.text
      let (expression, names) = try self.read(address, of: "--operator")
      let environment = Environment(scope: Scope(parent: nil, file: names), place: .compileTime)
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
      let recognition = try self.recognition(of: opened, names, evaluator)
      operation.arguments.merge(recognition.arguments(of: symbol, given: operation.arguments)) { said, _ in said }
      var module = try evaluator.instantiate(operation, InstantiationContext(inputs: places, surroundings: []))
      try self.fillAsNamed(&module, from: opened, number: 0, names, at: nil, evaluator)
      let tracer = Tracer(name: "forward")
      for input in symbol.entry("forward")?.inputs ?? [] {
        // The rest of its shape is that of the pattern; one that is shorter is refused below.
        let shape = inputs[input.name.text]?.axes ?? []
        tracer.leading[input.name.text] = shape.dropLast(max(0, input.pattern.items.count - 1)).map { Dimension($0) }
      }
      try tracer.traceEntry("forward", of: module, sizes: sizes, evaluator)
      return OpenModel(
        module, program: self.operatorProgram(module, tracer), assumed: [], readers: [opened.reader],
        files: [checkpoint])
    }
  }
}

extension SourceText {
  /// The one expression that the text is.
  ///
  /// - Throws: `usage.expression`.
  func expression() throws(Diagnostic) -> Expression {
    func refusal(_ message: String, _ at: Location?, label: String? = nil) -> Diagnostic {
      Diagnostic("usage.expression", message, at: at, label: label, category: .usage)
    }
    guard text.utf8.count <= Self.maximumByteCount else { throw refusal("an expression of more than 16 MiB", nil) }
    let result: Result<Expression, Diagnostic> = withDeepStack {
      var parser = Parser(self)
      do throws(Diagnostic) {
        let found = try parser.expression()
        if let first = parser.diagnostics.inSourceOrder.first { throw first }
        guard parser.token.kind == .end else {
          throw Diagnostic("usage.expression", "'\(text)' is not one expression", at: parser.here)
        }
        return .success(found)
      } catch {
        return .failure(refusal(error.message, error.location ?? parser.here, label: error.label))
      }
    }
    return try result.get()
  }
}
