import GraftFormats
package import GraftIR

/// What an operator's missing arguments may be taken from.
package struct InstantiationContext {
  /// The types that the place gives to `forward`, first the one that flows through.
  package let inputs: [PlaceInput]
  /// The type that the place wants from `forward`, where it is known.
  package let result: TensorType?
  /// The operator that stood there, then those around it, innermost first.
  package let surroundings: [Module]
  /// Makes the part of that name from an operator that is given as an argument, with its weights; `nil` where parts get
  /// their weights later.
  let placeArgument: PlaceArgument?

  typealias PlaceArgument = (
    _ operation: Operation, _ name: String, _ context: InstantiationContext
  ) throws(Diagnostic) -> Module

  package init(inputs: [PlaceInput] = [], surroundings: [Module] = []) {
    self.init(inputs: inputs, result: nil, surroundings: surroundings, placeArgument: nil)
  }

  init(inputs: [PlaceInput], result: TensorType?, surroundings: [Module], placeArgument: PlaceArgument?) {
    self.inputs = inputs
    self.result = result
    self.surroundings = surroundings
    self.placeArgument = placeArgument
  }

  /// One input of a place: a tensor, or so many of one type.
  package enum PlaceInput {
    case one(TensorType)
    case many([TensorType])
  }
}

extension Evaluator {
  /// The module that `operation` makes, its tensors not yet given values.
  package func instantiate(
    _ operation: Operation, _ context: InstantiationContext = InstantiationContext()
  ) throws(Diagnostic) -> Module {
    modules += 1
    if modules > Self.moduleLimit {
      throw Diagnostic("limits.modules", "a model of more than \(Self.moduleLimit) operators", at: operation.at)
    }
    switch operation.target {
    case .list(let operations):
      try operation.refuseStartOfList()
      var entries: [Module] = []
      for entry in operations { entries.append(try instantiate(entry, context)) }
      return Module.list(entries, scope: Scope(parent: nil, file: FileScope.empty))
    case .module(let module):
      modules += module.moduleCount - 1
      return module
    case .symbol(let symbol):
      if instantiating.count > 60 {
        let name = instantiating.first { s in instantiating.count(where: { $0 == s }) > 5 }?.name ?? symbol.name
        throw Diagnostic("operators.contains-itself", "'\(name)' contains itself without end", at: operation.at)
      }
      instantiating.append(symbol)
      defer { instantiating.removeLast() }
      var module = Module(.operator(symbol), scope: Scope(parent: nil, file: symbol.file))
      module.setting = operation.setting
      try bindArguments(of: &module, symbol, operation, context)
      try build(&module, symbol.declaration.members, operation, context)
      if let start = operation.start { try declaredStart(start, &module) }
      return module
    }
  }

  // MARK: Bodies

  private func build(
    _ module: inout Module, _ members: [Member], _ operation: Operation, _ context: InstantiationContext
  ) throws(Diagnostic) {
    for member in members {
      let environment = Environment(scope: module.scope, place: .compileTime)
      switch member {
      case .let(let declaration):
        if let parameters = declaration.parameters {
          let function = Function(
            name: declaration.name.text, parameters: parameters.map(\.text), body: declaration.value,
            scope: module.scope)
          module.scope = module.scope.adding([declaration.name.text: .function(function)])
        } else {
          let value = try evaluate(declaration.value, environment)
          module.scope = module.scope.adding([declaration.name.text: value])
        }
      case .part(let name, let expression):
        try checkIsNew(name, in: module)
        if let given = operation.parts[name.text] {
          module.parts.append((name.text, given))
          continue
        }
        let part = try self.operation(expression, environment)
        let around = InstantiationContext(inputs: [], surroundings: [module] + context.surroundings)
        module.parts.append((name.text, try instantiate(part, around)))
      case .parameter(let declaration):
        try checkIsNew(declaration.name, in: module)
        module.parameters.append(try tensor(declaration, environment))
      case .table(let declaration):
        // Computed where it is used, and not stored.
        guard let initial = declaration.initial else {
          throw Diagnostic("operators.table", "table '\(declaration.name.text)' needs a value", at: declaration.name.at)
        }
        let name = declaration.name.text
        let function = Function(name: name, parameters: [], body: initial, scope: module.scope)
        module.scope = module.scope.adding([name: .function(function)])
      case .conditional(let condition, let then, let otherwise):
        try build(&module, try isTrue(condition, environment) ? then : otherwise, operation, context)
      case .loop(let binding, let body):
        var copy = module
        try forEach(binding, environment) { inner throws(Diagnostic) in
          let outside = copy.scope
          if let value = inner.scope.lookup(binding.name.text) {
            copy.scope = outside.adding([binding.name.text: value])
          }
          try self.build(&copy, body, operation, context)
          copy.scope = outside
        }
        module = copy
      case .cost(let entries, let at):
        module.cost = CostFormula(entries: entries.map { (name: $0.0, value: $0.1) }, scope: module.scope, at: at)
      case .entry, .adopt, .recover: break
      }
    }
  }

  private func checkIsNew(_ name: Name, in module: Module) throws(Diagnostic) {
    if module.part(name.text) != nil || module.parameters.contains(where: { $0.name == name.text }) {
      throw Diagnostic("names.declared-twice", "'\(name.text)' is declared twice in this operator", at: name.at)
    }
  }

  /// The operator that `expression` gives: a call, a list of calls, or a bare name.
  package func operation(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Operation {
    let datum: Datum
    if case .name(let name) = expression.kind, environment.scope.lookup(name) == nil {
      try refuseBroken(name, at: expression.at, environment)
      guard environment.scope.file.operator(name) != nil || environment.scope.file.preset(name) != nil else {
        throw unknownOperator(name, at: expression.at, environment)
      }
      datum = try call(expression, [], at: expression.at, environment)
    } else {
      datum = try evaluate(expression, environment)
    }
    return try operation(datum, at: expression.at, environment)
  }

  /// `datum` as an operator: a call, a part of the model with its weights, or a list of these.
  package func operation(
    _ datum: Datum, at: Location, _ environment: Environment? = nil
  ) throws(Diagnostic) -> Operation {
    switch datum {
    case .operation(let operation): return operation
    case .list(let entries):
      var operations: [Operation] = []
      for entry in entries { operations.append(try operation(entry, at: at, environment)) }
      return Operation(target: .list(operations), at: at)
    case .module(let module): return Operation(target: .module(module), at: at)
    case .selection(let selection):
      guard case .graft(let state)? = environment?.place else { break }
      return Operation(target: .module(try state.module(selection, at: at)), at: at)
    default: break
    }
    throw Diagnostic("names.operator", "an operator is wanted here, and this is \(datum.kindText)", at: at)
  }

  private func tensor(
    _ declaration: TensorDeclaration, _ environment: Environment
  ) throws(Diagnostic) -> ModuleParameter {
    var axes: [Int] = []
    for item in declaration.shape.items {
      guard case .size(let size) = item else {
        throw Diagnostic("operators.shape", "a tensor's shape is whole, without '...'", at: declaration.shape.at)
      }
      let axis = try whole(size, environment, what: "a size of '\(declaration.name.text)'")
      guard axis >= 0 else {
        throw Diagnostic("values.size", "a size of '\(declaration.name.text)' is \(axis)", at: size.at)
      }
      axes.append(axis)
    }
    let shape = Shape(axes)
    guard let count = shape.elementCount, count <= Self.elementLimit, axes.count <= 8 else {
      throw Diagnostic(
        "limits.elements", "'\(declaration.name.text)' \(shape) has more than 2^40 elements, or more than 8 sizes",
        at: declaration.shape.at)
    }
    var parameter = ModuleParameter(
      name: declaration.name.text, shape: shape, isFrozen: declaration.isFrozen, at: declaration.name.at)
    if let initial = declaration.initial {
      parameter.initial = try initialValue(initial, for: parameter, environment)
    }
    return parameter
  }

  /// A number, a distribution, or a formula of the tensor's own shape.
  func initialValue(
    _ expression: Expression, for parameter: ModuleParameter, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let datum = try evaluate(expression, environment)
    switch datum {
    case .number(let number):
      guard number.double != nil else { break }
      return datum
    case .distribution: return datum
    case .tensor(let tensor):
      guard tensor.type.shape == parameter.shape else {
        throw Diagnostic(
          "starts.shape", "'\(parameter.name)' is \(parameter.shape), and this value is \(tensor.type.shapeText)",
          at: expression.at)
      }
      return datum
    default: break
    }
    throw Diagnostic(
      "starts.value", "'\(parameter.name)' starts as a number, a distribution or a tensor, not \(datum.kindText)",
      at: expression.at)
  }

  // MARK: `starting` inside a declaration

  /// Changes what the tensors of `module` start from; a declaration knows no other weights.
  private func declaredStart(_ start: StartClause, _ module: inout Module) throws(Diagnostic) {
    let environment = Environment(scope: start.scope, place: .compileTime)
    switch start.syntax.base {
    case .fresh(let seed)?:
      if let seed {
        let value = UInt64(bitPattern: Int64(try whole(seed, environment, what: "'seed'")))
        try module.mapParameters { _, parameter throws(Diagnostic) in parameter.seed = value }
      }
    case .adopted?, .from?:
      throw Diagnostic(
        "starts.declaration", "a declaration starts 'fresh', or from values of its own", at: start.syntax.at)
    case nil: break
    }
    for assignment in start.syntax.assignments {
      let path = try targetPath(assignment.target, environment)
      try assignInitial(assignment, path[...], &module, environment)
    }
  }

  private func assignInitial(
    _ assignment: Assignment, _ path: ArraySlice<String>, _ module: inout Module, _ environment: Environment
  ) throws(Diagnostic) {
    guard let first = path.first else {
      try module.mapParameters { _, parameter throws(Diagnostic) in
        parameter.initial = try self.initialValue(assignment.value, for: parameter, environment)
      }
      return
    }
    if path.count == 1, let index = module.parameters.firstIndex(where: { $0.name == first }) {
      module.parameters[index].initial = try initialValue(
        assignment.value, for: module.parameters[index], environment)
      return
    }
    guard let index = module.parts.firstIndex(where: { $0.name == first }) else {
      throw missingTarget(first, in: module, at: assignment.target.at)
    }
    try assignInitial(assignment, path.dropFirst(), &module.parts[index].module, environment)
  }

  func missingTarget(_ name: String, in module: Module, at: Location) -> Diagnostic {
    let names = module.parts.map(\.name) + module.parameters.map(\.name)
    let label = suggestion(for: name, among: names).map { "did you mean '\($0)'?" }
    return Diagnostic(
      "names.no-part", "'\(module.operatorName)' has no part '\(name)'", at: at, label: label,
      help: names.isEmpty ? nil : "its parts are \(names.joined(separator: ", "))")
  }

  /// `a.b[1].c` as the names of parts.
  func targetPath(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> [String] {
    switch expression.kind {
    case .name(let name): return [name]
    case .member(let base, let name): return try targetPath(base, environment) + [name.text]
    case .index(let base, let items):
      guard items.count == 1, case .value(let item)? = items.first else { break }
      return try targetPath(base, environment) + [String(try whole(item, environment, what: "an index"))]
    default: break
    }
    throw Diagnostic("starts.target", "a part or tensor is named here", at: expression.at)
  }
}

extension Scope {
  /// The words that `parameter` may be are names in the body, unless they mean something else already.
  func adding(wordsOf parameter: ParameterDeclaration) -> Scope {
    guard case .words(let words)? = parameter.type else { return self }
    var names: [String: Datum] = [:]
    for word in words where lookup(word.text) == nil { names[word.text] = .word(word.text) }
    return adding(names)
  }
}

extension Operation {
  /// A list starts entry by entry, so a clause behind all of it would be lost.
  ///
  /// - Throws: `starts.operator` where there is one.
  func refuseStartOfList() throws(Diagnostic) {
    guard let start else { return }
    throw Diagnostic(
      "starts.operator", "'starting' follows one operator, and this is a list", at: start.syntax.at,
      help: "write it behind each entry")
  }
}

extension FileScope {
  /// A file without names, for lists that belong to no file.
  static let empty: FileScope = {
    var diagnostics = Diagnostics()
    return FileScope(
      SyntaxTree(imports: [], declarations: []), sources: [], parents: [], isPrelude: true,
      diagnostics: &diagnostics)
  }()
}
