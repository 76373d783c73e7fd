import GraftIR

/// The arguments of an operator: what is given, what the place settles, defaults, what stands around.
extension Evaluator {
  func bindArguments(
    of module: inout Module, _ symbol: OperatorSymbol, _ operation: Operation, _ context: InstantiationContext
  ) throws(Diagnostic) {
    var solved = try solve(symbol, operation, context)
    for parameter in symbol.declaration.parameters {
      let label = parameter.label.text
      if let type = parameter.operatorType {
        try bindOperator(parameter, type, of: &module, operation, context, &solved)
        continue
      }
      let value: Datum
      if let given = operation.arguments[label] {
        value = given
      } else if let found = solved[parameter.name.text] {
        value = .number(Number(found))
      } else if let expression = parameter.defaultValue {
        let environment = Environment(scope: module.scope, place: .compileTime)
        value = try defaultValue(expression, for: parameter, environment)
      } else if let found = context.surroundings.lazy.compactMap({ $0.known(label) }).first {
        value = found
      } else {
        throw Diagnostic(
          "calls.missing", "'\(symbol.name)' needs '\(label)', and nothing around it says what it is",
          at: operation.at, help: "\(symbol.name)(\(label): ...)")
      }
      let checkedValue = try checked(value, for: parameter, what: symbol.name, at: operation.at)
      module.arguments.append((label, parameter.name.text, checkedValue))
      module.scope = module.scope.adding([parameter.name.text: checkedValue])
      module.scope = module.scope.adding(wordsOf: parameter)
    }
  }

  /// What a parameter is where nothing else is said.
  func defaultValue(
    _ expression: Expression, for parameter: ParameterDeclaration, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    if case .words(let words)? = parameter.type, case .name(let name) = expression.kind,
      words.contains(where: { $0.text == name })
    {
      return .word(name)
    }
    return try evaluate(expression, environment)
  }

  // MARK: Operators as arguments

  /// Makes the part that an operator parameter is, and settles the letters of its type.
  private func bindOperator(
    _ parameter: ParameterDeclaration, _ type: OperatorType, of module: inout Module, _ operation: Operation,
    _ context: InstantiationContext, _ solved: inout [String: Int]
  ) throws(Diagnostic) {
    let name = parameter.name.text
    let part: Module
    if let given = operation.parts[name] {
      part = given
    } else {
      let argument = try self.argument(parameter, of: module, operation, context)
      let place = InstantiationContext(
        inputs: placeInputs(type, of: module, context, solved), result: nil,
        surroundings: [module] + context.surroundings, placeArgument: context.placeArgument)
      if let placeArgument = context.placeArgument {
        part = try placeArgument(argument, name, place)
      } else {
        part = try instantiate(argument, place)
      }
    }
    module.parts.append((name, part))
    let at = operation.arguments[parameter.label.text].flatMap(\.location) ?? operation.at
    var letters = try letters(of: type, name, given: part, known: operation.letters, module.scope, at: at)
    let later = module.symbol?.declaration.parameters.filter { $0.operatorType == nil } ?? []
    for letter in type.letters where letter.first?.isUppercase == false && module.scope.lookup(letter) == nil {
      if let owner = later.first(where: { $0.name.text == letter }) {
        // A parameter further on: the operator given settles it where nothing else does.
        if operation.arguments[owner.label.text] == nil, solved[letter] == nil { solved[letter] = letters[letter] }
        letters[letter] = nil
        continue
      }
      if module.scope.file.let(letter) != nil { continue }
      guard let size = letters[letter] ?? solved[letter] else {
        throw Diagnostic(
          "operators.letter",
          "what '\(letter)' in the type of '\(name)' is, neither '\(part.operatorName)' nor the place tells", at: at)
      }
      module.letters.append((letter, size))
      module.scope = module.scope.adding([letter: .number(Number(size))])
    }
  }

  /// The operator that is given, else the default, else that of the same parameter of what is replaced.
  private func argument(
    _ parameter: ParameterDeclaration, of module: Module, _ operation: Operation, _ context: InstantiationContext
  ) throws(Diagnostic) -> Operation {
    let label = parameter.label.text
    if let given = operation.arguments[label] { return try self.operation(given, at: operation.at) }
    if let expression = parameter.defaultValue {
      return try self.operation(expression, Environment(scope: module.scope, place: .compileTime))
    }
    for around in context.surroundings {
      let found = around.symbol?.operatorParameters.first { $0.label.text == label }
      if let found, let part = around.part(found.name.text) {
        return Operation(target: .module(part), at: operation.at)
      }
    }
    throw Diagnostic(
      "calls.missing", "'\(module.operatorName)' needs '\(label)', an operator", at: operation.at,
      help: "\(module.operatorName)(\(label): ...)")
  }

  /// The types that the part of an operator parameter is called with, as far as they are known: those of the place
  /// where `forward` declares them alike, else what the type says.
  private func placeInputs(
    _ type: OperatorType, of module: Module, _ context: InstantiationContext, _ solved: [String: Int]
  ) -> [InstantiationContext.PlaceInput] {
    let inputs = module.symbol?.entry("forward")?.inputs ?? []
    var names = solved.mapValues { Datum.number(Number($0)) }
    names["B"] = .number(.batch(1))
    let environment = Environment(scope: module.scope.adding(names), place: .compileTime)
    var result: [InstantiationContext.PlaceInput] = []
    for pattern in type.inputs {
      if let index = inputs.firstIndex(where: { $0.pattern.isSpelled(like: pattern) }), index < context.inputs.count {
        result.append(context.inputs[index])
        continue
      }
      var axes: [Dimension] = []
      for item in pattern.items {
        guard case .size(let size) = item, let axis = (try? number(size, environment))?.dimension else { return result }
        axes.append(axis)
      }
      result.append(.one(TensorType(.f32, axes)))
    }
    return result
  }

  // MARK: Shapes at the place

  /// What the types at the place settle, by the name that the body uses: parameters that stand alone as a size of an
  /// input or of the result, and letters of operator parameters' types.
  private func solve(
    _ symbol: OperatorSymbol, _ operation: Operation, _ context: InstantiationContext
  ) throws(Diagnostic) -> [String: Int] {
    guard let entry = symbol.entry("forward") else { return [:] }
    let letters = Set(symbol.operatorParameters.flatMap { $0.operatorType?.letters ?? [] })
    var found: [String: Int] = [:]
    func isOpen(_ name: String) -> Bool {
      if let parameter = symbol.declaration.parameters.first(where: { $0.name.text == name }) {
        return parameter.operatorType == nil && operation.arguments[parameter.label.text] == nil
      }
      return letters.contains(name) && name.first?.isUppercase == false
    }
    func learn(_ pattern: TensorPattern, _ type: TensorType) {
      var items = pattern.items
      var axes = type.axes
      if case .ellipsis? = items.first {
        items.removeFirst()
        axes = Array(axes.suffix(items.count))
      }
      guard items.count == axes.count else { return }
      for (item, axis) in zip(items, axes) {
        guard case .size(let size) = item, case .name(let name) = size.kind, isOpen(name) else { continue }
        if !axis.isBatch, found[name] == nil { found[name] = axis.count }
      }
    }
    for (input, place) in zip(entry.inputs, context.inputs) {
      switch place {
      case .one(let type): learn(input.pattern, type)
      case .many(let types):
        guard let first = types.first else { continue }
        if case .name(let name)? = input.pattern.count?.kind, isOpen(name) { found[name] = types.count }
        learn(input.pattern, first)
      }
    }
    if let result = context.result, let pattern = entry.results.first, entry.results.count == 1 {
      learn(pattern, result)
    }
    return found
  }
}

extension Datum {
  /// Where an operator that is an argument is written.
  fileprivate var location: Location? {
    if case .operation(let operation) = self { return operation.at }
    return nil
  }
}
