package import GraftFormats
package import GraftIR

extension Module {
  /// Gives every tensor that has no value yet its operator's own first value.
  ///
  /// A draw's stream is the tensor's full name at this moment, so that an edit elsewhere, or one that renumbers
  /// later, changes no draw.
  mutating func settleFresh(path: String, seed: UInt64) throws(Diagnostic) {
    try mapParameters(path) { name, parameter throws(Diagnostic) in
      let seed = parameter.seed ?? seed
      if let weight = parameter.weight {
        parameter.weight = weight.placed(seed: seed, stream: name)
        return
      }
      parameter.weight = freshWeight(parameter, name: name, seed: seed)
      parameter.origin = .fresh
    }
  }

  /// Gives every tensor a value other than zero that keeps activations near one: what tests and benchmarks use.
  ///
  /// Matrices are normal with deviation 1/sqrt(inputs); vectors are normal with deviation 0.1 around the number that
  /// they start from; what an operator computes (a position table, a decay) stays as it is.
  mutating func settleNoise(path: String, seed: UInt64) throws(Diagnostic) {
    try mapParameters(path) { name, parameter throws(Diagnostic) in
      let shape = parameter.shape
      parameter.origin = .fresh
      if case .tensor(let tensor)? = parameter.initial, case .weight(let weight) = tensor.origin,
        parameter.isFrozen || shape.rank < 2
      {
        parameter.weight = weight.placed(seed: seed, stream: name)
        return
      }
      var mean = 0.0
      if case .number(let number)? = parameter.initial { mean = number.double ?? 0 }
      let inputs = shape.axes.dropFirst().reduce(1, { $0 &* max($1, 1) })
      let deviation = shape.rank >= 2 ? 1 / Double(inputs).squareRoot() : 0.1
      let law = Draw.Distribution.normal(mean: shape.rank >= 2 ? 0 : mean, deviation: deviation)
      parameter.weight = .draw(Draw(law, seed: seed, stream: name), shape)
    }
  }

  /// Marks where each entry of a list stands now, for messages about what moves later.
  mutating func nameEntries(_ path: [String] = []) {
    for index in parts.indices {
      let inner = path + [parts[index].name]
      if isList { parts[index].module.baseName = spelledPath(inner) }
      parts[index].module.nameEntries(inner)
    }
  }
}

/// What a tensor holds when nothing else is said: its declaration's number, draw or formula, else zero.
func freshWeight(_ parameter: ModuleParameter, name: String, seed: UInt64) -> WeightExpression {
  switch parameter.initial {
  case .number(let number)?: return .fill(number.double ?? 0, .f32, parameter.shape)
  case .distribution(let law)?: return .draw(Draw(law, seed: seed, stream: name), parameter.shape)
  case .tensor(let tensor)?:
    if case .weight(let weight) = tensor.origin { return weight.placed(seed: seed, stream: name) }
    return .fill(0, .f32, parameter.shape)
  default: return .fill(0, .f32, parameter.shape)
  }
}

/// A place of the model that a part is to take.
struct Place {
  let path: [String]
  /// What stands there.
  let old: Module?
  let inputs: [InstantiationContext.PlaceInput]
  let result: TensorType?
  /// The operators around, innermost first.
  let surroundings: [Module]
  /// What the streams of draws begin with: the path, told apart where several share it.
  var stream: String

  init(
    path: [String], replacing old: Module?, inputs: [InstantiationContext.PlaceInput], result: TensorType?,
    surroundings: [Module], stream: String? = nil
  ) {
    self.path = path
    self.old = old
    self.inputs = inputs
    self.result = result
    self.surroundings = surroundings
    self.stream = stream ?? path.joined(separator: ".")
  }

  /// The place of an entry of a list that takes this place.
  func entry(_ index: Int) -> Place {
    Place(
      path: path + [String(index)], replacing: old, inputs: inputs, result: result, surroundings: surroundings,
      stream: "\(stream).\(index)")
  }

  /// The place of the part called `name` of an operator that takes this place, made from an operator given as argument.
  func argument(_ name: String, _ context: InstantiationContext) -> Place {
    Place(
      path: path + [name], replacing: old, inputs: context.inputs, result: context.result,
      surroundings: context.surroundings, stream: join(stream, name))
  }
}

extension GraftState {
  /// The module that takes a place: made from an operation, its tensors filled as its `starting` says.
  func place(_ operation: Operation, at place: Place, _ environment: Environment) throws(Diagnostic) -> Module {
    if case .list(let operations) = operation.target {
      try operation.refuseStartOfList()
      var entries: [Module] = []
      for (index, entry) in operations.enumerated() {
        entries.append(try self.place(entry, at: place.entry(index), environment))
      }
      return Module.list(entries, scope: Scope(parent: nil, file: environment.scope.file))
    }
    var bare = operation
    bare.start = nil
    let context = InstantiationContext(
      inputs: place.inputs, result: place.result, surroundings: (place.old.map { [$0] } ?? []) + place.surroundings
    ) { argument, name, context throws(Diagnostic) in
      try self.place(argument, at: place.argument(name, context), environment)
    }
    var module = try evaluator.instantiate(bare, context)
    if case .module = operation.target {
      module = try restarted(module, operation.start)
      if operation.start == nil { return module }
    }
    try applyStart(operation.start, to: &module, at: place.path, replacing: place.old, operation.at, environment)
    try module.settleFresh(path: place.stream, seed: try freshSeed(operation.start, environment))
    return module
  }

  /// A part of the model that is used once more: it keeps its weights unless all of them are to start anew.
  private func restarted(_ module: Module, _ start: StartClause?) throws(Diagnostic) -> Module {
    guard start?.syntax.base != nil else { return try module.moved() }
    var copy = module
    try copy.mapParameters { _, parameter throws(Diagnostic) in
      parameter.weight = nil
      parameter.share = nil
    }
    return copy
  }

  private func freshSeed(_ start: StartClause?, _ environment: Environment) throws(Diagnostic) -> UInt64 {
    guard case .fresh(let expression?)? = start?.syntax.base, let scope = start?.scope else { return seed }
    let value = try evaluator.whole(expression, environment.inside(scope), what: "'seed'")
    return UInt64(bitPattern: Int64(value))
  }

  private func applyStart(
    _ start: StartClause?, to module: inout Module, at path: [String], replacing old: Module?, _ at: Location,
    _ environment: Environment
  ) throws(Diagnostic) {
    switch start?.syntax.base {
    case nil:
      if start == nil, let old, module.adoption(of: old) != nil {
        try adopt(from: old, into: &module, at: at, environment)
      }
    case .fresh?: break
    case .adopted?:
      guard let old else {
        throw Diagnostic(
          "starts.nothing-replaced", "'adopted' needs an operator that is replaced", at: start?.syntax.at)
      }
      let count = try adopt(from: old, into: &module, at: start?.syntax.at ?? at, environment)
      if count == 0 && start?.syntax.assignments.isEmpty != false {
        throw Diagnostic(
          "starts.adopts-nothing", "'\(module.operatorName)' adopts nothing from '\(old.operatorName)'",
          at: start?.syntax.at ?? at,
          help: "no tensor has the same name and shape; write 'starting fresh', or say what it takes: starting { ... }")
      }
    case .from(let file)?:
      let address = try evaluator.plainText(file, environment.inside(start?.scope ?? environment.scope))
      try load(resolvePath(address, relativeTo: file.at.file), into: &module, at: path, file)
    }
    for assignment in start?.syntax.assignments ?? [] {
      var scope = environment.inside(start?.scope ?? environment.scope)
      if let old { scope = scope.adding(["old": .module(old)]) }
      scope.place = .compileTime
      let target = try evaluator.targetPath(assignment.target, scope)
      // Paths of the model may stand on the right as well.
      var valueScope = environment.inside(start?.scope ?? environment.scope)
      if let old { valueScope = valueScope.adding(["old": .module(old)]) }
      try assign(assignment, target[...], &module, valueScope)
    }
  }

  /// Takes a checkpoint's tensors, under the operator's own names or their full path.
  private func load(
    _ address: String, into module: inout Module, at path: [String], _ file: Expression
  ) throws(Diagnostic) {
    let at = file.at
    let (number, checkpoint) = try checkpoints.use(address)
    fileUses.append(
      FileUse(file: address, isMissing: checkpoint == nil, text: text(of: file), bindings: bindings, at: at))
    let prefix = path.joined(separator: ".")
    try module.mapParameters { name, parameter throws(Diagnostic) in
      parameter.origin = .file
      parameter.share = nil
      guard let checkpoint else {
        // The file is not at hand: the plan names it, and compiling asks for it.
        parameter.weight = .source(SourceTensor(source: number, name: name, dtype: .f32, shape: parameter.shape))
        return
      }
      let found =
        checkpoint.entries[name].map { (name, $0) }
        ?? checkpoint.entries[join(prefix, name)].map { (join(prefix, name), $0) }
      guard let (fullName, index) = found else {
        throw Diagnostic(
          "weights.missing", "tensor '\(name)' is missing from \(address): expected f32 \(parameter.shape)", at: at)
      }
      parameter.weight = try sourceTensor(
        checkpoint.reader.entries[index], named: fullName, source: number, for: parameter.shape, in: address, at: at)
    }
  }

  private func assign(
    _ assignment: Assignment, _ path: ArraySlice<String>, _ module: inout Module, _ environment: Environment
  ) throws(Diagnostic) {
    if let first = path.first, path.count > 1 || module.part(first) != nil {
      guard let index = module.parts.firstIndex(where: { $0.name == first }) else {
        throw evaluator.missingTarget(first, in: module, at: assignment.target.at)
      }
      return try assign(assignment, path.dropFirst(), &module.parts[index].module, environment)
    }
    let value = try partValue(assignment.value, environment)
    if let name = path.first {
      guard let index = module.parameters.firstIndex(where: { $0.name == name }) else {
        throw evaluator.missingTarget(name, in: module, at: assignment.target.at)
      }
      return try assign(value, to: &module.parameters[index], at: assignment.value.at)
    }
    switch value {
    case .module(let source) where module.adoption(of: source) != nil:
      try adopt(from: source, into: &module, at: assignment.value.at, environment)
    case .module(let source): try transfer(from: source, into: &module, at: assignment.value.at)
    default:
      try module.mapParameters { _, parameter throws(Diagnostic) in
        try self.assign(value, to: &parameter, at: assignment.value.at)
      }
    }
  }

  private func assign(_ value: Datum, to parameter: inout ModuleParameter, at: Location) throws(Diagnostic) {
    parameter.share = nil
    switch value {
    case .number(let number):
      guard let fill = number.double else { break }
      parameter.weight = .fill(fill, .f32, parameter.shape)
      parameter.origin = .computed
      return
    case .distribution:
      parameter.initial = value
      parameter.weight = nil
      return
    case .tensor(let tensor):
      guard case .weight(let weight) = tensor.origin else { break }
      guard tensor.type.shape == parameter.shape else {
        throw Diagnostic(
          "starts.shape", "'\(parameter.name)' is \(parameter.shape), and this value is \(tensor.type.shapeText)",
          at: at)
      }
      parameter.weight = weight
      parameter.share = tensor.share
      switch weight {
      case .apply, .computed: parameter.origin = .computed
      case .source, .fill, .draw, .copies: parameter.origin = .adopted
      }
      return
    default: break
    }
    throw Diagnostic(
      "starts.value", "'\(parameter.name)' starts as a number, a tensor or a part's tensor, not \(value.kindText)",
      at: at)
  }

  /// A part, tensor or number: paths of the model become the parts with their weights.
  private func partValue(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Datum {
    let datum = try evaluator.evaluate(expression, environment)
    guard case .selection(let selection) = datum else { return datum }
    guard selection.items.count == 1, let path = selection.items.first?.path else {
      throw Diagnostic(
        "values.one-part", "one part is wanted here, and this names \(selection.items.count)", at: expression.at)
    }
    if let module = architecture[path: path] { return .module(module) }
    return evaluator.resolved(datum, environment)
  }

  /// Copies every tensor of `module` from that of the same name in `source`; they are one where `source` was named
  /// shared.
  private func transfer(from source: Module, into module: inout Module, at: Location) throws(Diagnostic) {
    var tensors: [String: ModuleParameter] = [:]
    source.forEachPlace { tensors[$0] = $1 }
    let sourceName = source.operatorName
    try module.mapPlaces { name, parameter throws(Diagnostic) in
      guard let found = tensors[name] else {
        throw Diagnostic("starts.no-tensor", "'\(sourceName)' has no tensor '\(name)' to adopt", at: at)
      }
      guard found.shape == parameter.shape else {
        throw Diagnostic(
          "starts.shape", "'\(name)' is \(parameter.shape), and that of '\(sourceName)' is \(found.shape)", at: at)
      }
      parameter.weight = found.weight
      parameter.share = source.isNamedShared ? found.share : nil
      parameter.origin = .adopted
    }
  }

  /// Adopts by the operator's rule for `old`, or by equal names and shapes; gives the number of tensors taken.
  @discardableResult
  private func adopt(
    from old: Module, into module: inout Module, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Int {
    if let rule = module.adoption(of: old) {
      let scope = module.scope.adding([rule.name.text: .module(old)])
      let inner = Environment(scope: scope, place: .compileTime)
      for assignment in rule.assignments {
        let target = try evaluator.targetPath(assignment.target, inner)
        try assign(assignment, target[...], &module, inner)
      }
      var count = 0
      module.forEachParameter { _, parameter in if parameter.weight != nil { count += 1 } }
      return count
    }
    var count = 0
    for index in module.parameters.indices {
      let parameter = module.parameters[index]
      if let found = old.parameters.first(where: { $0.name == parameter.name && $0.shape == parameter.shape }) {
        module.parameters[index].weight = found.weight
        module.parameters[index].share = nil
        module.parameters[index].origin = .adopted
        count += 1
      }
    }
    for index in module.parts.indices {
      if let part = old.part(module.parts[index].name) {
        count += try adopt(from: part, into: &module.parts[index].module, at: at, environment)
      }
    }
    return count
  }
}

extension Module {
  /// The rule of this operator for adopting from `old`, where it has one.
  func adoption(of old: Module) -> Adopt? {
    guard let symbol, let oldSymbol = old.symbol else { return nil }
    return symbol.adoptions.first { symbol.file.operator($0.operatorName.text) == oldSymbol }
  }
}

/// An entry of a checkpoint as the weight of `parameter`, where their shapes agree.
package func sourceTensor(
  _ entry: TensorEntry, named name: String, source: Int, for shape: Shape, in file: String, at: Location?
) throws(Diagnostic) -> WeightExpression {
  guard entry.shape == shape else {
    throw Diagnostic(
      "weights.shape",
      "tensor '\(name)' of \(file) is \(entry.dtype) \(entry.shape), and f32 \(shape) is expected",
      at: at ?? Location(file, tensor: name))
  }
  guard entry.dtype.isFloatingPoint else {
    throw Diagnostic(
      "weights.dtype", "tensor '\(name)' of \(file) is \(entry.dtype), and floating point is expected",
      at: at ?? Location(file, tensor: name))
  }
  return .source(SourceTensor(source: source, name: name, dtype: entry.dtype, shape: entry.shape, blocks: entry.blocks))
}
