import GraftFormats
import GraftIR

/// Builds one graph by running an entry of the model on values that stand for tensors.
package final class Tracer {
  /// What the call of a part costs, in steps, beside what is worked out in it.
  static let stepsPerCall = 50
  /// Nodes of one graph, at most.
  static let nodeLimit = 200_000

  var builder: GraphBuilder
  /// What each part was given and gave, at its first call, by path.
  private(set) var signatures: [String: Signature] = [:]
  /// What the letters in the shapes of each part's `forward` meant at its first call, for one sample, by path.
  private(set) var letters: [String: [String: Int]] = [:]
  private var nodeCount = 0
  private var depth = 0

  /// What a part that was replaced must give, as its predecessor did, and where the replacement is written.
  var expectations: [String: (type: TensorType, at: Location)] = [:]

  /// The axes that `...` stands for in inputs of an operator that is run alone.
  var leading: [String: [Dimension]] = [:]

  /// The names of tensors that several places share.
  var storedNames: [ObjectIdentifier: String] = [:]

  /// The types at a part's place.
  struct Signature {
    let inputs: [InstantiationContext.PlaceInput]
    let result: TensorType?
  }

  /// Whether the graph is worked out while weights are made: then tensors of weights are its parameters.
  private let isComputing: Bool
  /// What the parameters are, in their order, where it is.
  private var arguments: [WeightExpression] = []
  private var argumentValues: [WeightExpression: Value] = [:]

  package init(name: String) {
    builder = GraphBuilder(name: name)
    isComputing = false
  }

  /// A tracer of a call while a graft is compiled.
  init(computing name: String) {
    builder = GraphBuilder(name: name)
    isComputing = true
  }

  /// The value that stands for `weight` in the graph of such a call.
  private func value(of weight: WeightExpression) -> Value {
    if let known = argumentValues[weight] { return known }
    let value = builder.parameter("\(arguments.count)", weight.type)
    arguments.append(weight)
    argumentValues[weight] = value
    return value
  }

  /// What `value` is, as an expression of the weights that its graph reads.
  func expression(of value: Value) throws(Diagnostic) -> WeightExpression {
    var graph = builder.graph
    graph.boundaries = []
    graph.outputs = [NamedValue("out", value)]
    graph = try graph.applying([.removeUnusedNodes])
    let used = graph.parameters.compactMap { Int($0.name).map { arguments[$0] } }
    return .computed(WeightGraph(graph, arguments: used))
  }

  func node(
    _ primitive: Primitive, _ inputs: [TracedTensor], _ attributes: Attributes, path: String
  ) throws(Diagnostic) -> [TracedTensor] {
    nodeCount += 1
    if nodeCount > Self.nodeLimit {
      throw Diagnostic("limits.nodes", "a graph of more than \(Self.nodeLimit) nodes")
    }
    var values: [Value] = []
    for input in inputs {
      switch input.origin {
      case .value(let value): values.append(value)
      case .weight(let weight):
        guard isComputing else {
          throw Diagnostic("calls.forward", "a formula over weights does not reach into a forward")
        }
        values.append(self.value(of: weight.widened))
      }
    }
    let results = try builder.node(primitive, values, attributes, path: path)
    nodeCount += results.count - 1  // A split into thousands weighs as much as thousands of nodes.
    return results.map {
      TracedTensor(origin: .value($0), type: builder.type(of: $0))
    }
  }

  /// A module's tensor as a value of the graph.
  func parameter(_ parameter: ModuleParameter, path: String) -> Datum {
    let type = TensorType(.f32, parameter.shape)
    if isComputing, let weight = parameter.weight {
      let single = weight.type == type ? weight : .apply(primitive: "Cast", ["to": .dtype(.f32)], [weight], type)
      return .tensor(TracedTensor(origin: .value(value(of: single)), type: type))
    }
    let stored = parameter.share.flatMap { storedNames[ObjectIdentifier($0)] }
    let value = builder.parameter(stored ?? join(path, parameter.name), type)
    return .tensor(TracedTensor(origin: .value(value), type: type))
  }

  // MARK: Calls

  typealias Argument = (label: Name?, value: Datum, at: Location)

  /// What becomes of inputs that an operator does not take.
  enum Surplus {
    case refused
    /// Left aside: others in the same place take them.
    case left
    /// Left aside where the operator replaced one that took them, else refused.
    case asPlaced
  }

  /// What `module` gives for `arguments`.
  func call(
    _ module: Module, path: String, entry name: String, _ arguments: [Argument], at: Location,
    caller: Environment?, _ evaluator: Evaluator, surplus: Surplus = .asPlaced
  ) throws(Diagnostic) -> Datum {
    depth += 1
    defer { depth -= 1 }
    if depth > 100 { throw Diagnostic("limits.depth", "calls of parts are nested more than 100 deep", at: at) }
    try evaluator.spend(Self.stepsPerCall, at: at)
    let result: Datum
    switch module.kind {
    case .operator(let symbol):
      guard let entry = symbol.entry(name) else {
        throw Diagnostic("operators.no-entry", "'\(symbol.name)' has no '\(name)'", at: at)
      }
      let frame = Frame(module: module, path: path, tracer: self, caller: caller)
      let given = try inputs(of: entry, symbol, module, arguments, at: at, surplus)
      result = try run(entry, of: symbol, frame, given, at: at, evaluator)
    case .list: result = try callList(module, path: path, arguments, at: at, caller: caller, evaluator)
    case .parallel: result = try callParallel(module, path: path, arguments, at: at, caller: caller, evaluator)
    }
    if name == "forward", !path.isEmpty { try note(path, arguments, result) }
    return result
  }

  private func note(_ path: String, _ arguments: [Argument], _ result: Datum) throws(Diagnostic) {
    if signatures[path] != nil { return }
    var inputs: [InstantiationContext.PlaceInput] = []
    for argument in arguments {
      switch argument.value {
      case .tensor(let tensor): inputs.append(.one(tensor.type))
      case .list(let entries):
        inputs.append(
          .many(
            entries.compactMap {
              if case .tensor(let tensor) = $0 { return tensor.type }
              return nil
            }))
      default: break
      }
    }
    var type: TensorType?
    if let expected = expectations[path] {
      guard case .tensor(let tensor) = result, tensor.type == expected.type else {
        let found = if case .tensor(let tensor) = result { tensor.type.shapeText } else { result.kindText }
        throw Diagnostic(
          "replace.result",
          "what replaces '\(spelledPath(path.split(separator: ".").map(String.init)))' gives \(found), and \(expected.type.shapeText) is needed there",
          at: expected.at)
      }
    }
    if case .tensor(let tensor) = result, case .value(let value) = tensor.origin {
      builder.boundary(path, value)
      type = tensor.type
    }
    signatures[path] = Signature(inputs: inputs, result: type)
  }

  /// The first input goes through the members in turn, further inputs go to each that takes them.
  private func callList(
    _ module: Module, path: String, _ arguments: [Argument], at: Location, caller: Environment?,
    _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum {
    guard var flowing = arguments.first else {
      throw Diagnostic("calls.count", "a list of operators takes at least one input", at: at)
    }
    try refuseSurplus(of: module, path: path, arguments)
    for (name, part) in module.parts {
      let given = [flowing] + arguments.dropFirst()
      flowing.value = try call(
        part, path: join(path, name), entry: "forward", given, at: at, caller: caller, evaluator, surplus: .left)
    }
    return flowing.value
  }

  /// Every branch reads the same inputs; the merge takes the list of their results, and further inputs by name.
  private func callParallel(
    _ module: Module, path: String, _ arguments: [Argument], at: Location, caller: Environment?,
    _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum {
    guard let branches = module.part("branches"), let merge = module.part("merge") else {
      throw Diagnostic("graft.defect", "a parallel level has branches and a merge", at: at, category: .defect)
    }
    var outputs: [Datum] = []
    var names: [String: Datum] = [:]
    for (name, branch) in branches.parts {
      outputs.append(
        try call(
          branch, path: join(join(path, "branches"), name), entry: "forward", arguments, at: at, caller: caller,
          evaluator, surplus: .left))
      // What the branches call their inputs is what the merge may ask for.
      for (input, argument) in zip(inputNames(of: branch), arguments) where names[input] == nil {
        names[input] = argument.value
      }
    }
    let scope = Scope(parent: caller?.scope, file: module.scope.file, names: names)
    let place = Environment.Place.forward(Frame(module: module, path: path, tracer: self, caller: caller))
    return try call(
      merge, path: join(path, "merge"), entry: "forward", [(nil, .list(outputs), at)], at: at,
      caller: Environment(scope: scope, place: place), evaluator)
  }

  private func inputNames(of module: Module) -> [String] {
    switch module.kind {
    case .operator(let symbol): symbol.entry("forward")?.inputs.map(\.name.text) ?? []
    case .list: module.parts.first.map { inputNames(of: $0.module) } ?? []
    case .parallel: module.part("branches").map { inputNames(of: $0) } ?? []
    }
  }

  // MARK: Entries

  private func run(
    _ entry: Entry, of symbol: OperatorSymbol, _ frame: Frame, _ given: [String: Argument], at: Location,
    _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum {
    var names: [String: Datum] = [:]
    var bound = PatternBinding()
    for input in entry.inputs {
      var value: Datum
      let place: Location
      if let argument = given[input.name.text] {
        value = argument.value
        place = argument.at
      } else if let found = fromAround(input.name.text, frame.caller) {
        value = found
        place = at
      } else {
        throw Diagnostic(
          "calls.missing-input", "'\(symbol.name)' needs '\(input.name.text)', and nothing around it has that name",
          at: at)
      }
      let environment = Environment(scope: frame.module.scope.adding(names), place: .forward(frame))
      let what = "'\(input.name.text)' of '\(symbol.name)'"
      value = try evaluator.asInput(value, input.pattern, what: what, at: place, environment)
      try bound.match(input.pattern, value, what: what, at: place, environment, evaluator)
      names[input.name.text] = value
    }
    if entry.name.text == "forward", letters[frame.path] == nil { letters[frame.path] = bound.letters }
    let scope = frame.module.scope.adding(bound.sizes.mapValues { .number(Number($0)) }).adding(names)
    var environment = Environment(scope: scope, place: .forward(frame))
    guard let result = try execute(entry.body, &environment, evaluator) else {
      throw Diagnostic(
        "operators.no-return", "'\(entry.name.text)' of '\(symbol.name)' returns nothing", at: entry.name.at)
    }
    let results: [Datum] = if case .tuple(let several) = result { several } else { [result] }
    if !entry.results.isEmpty {
      guard results.count == entry.results.count else {
        throw Diagnostic(
          "calls.count", "'\(symbol.name)' says it gives \(entry.results.count) results, and gives \(results.count)",
          at: entry.name.at)
      }
      for (pattern, value) in zip(entry.results, results) {
        try bound.match(
          pattern, value, what: "what '\(symbol.name)' gives", at: pattern.at,
          Environment(scope: scope, place: .forward(frame)), evaluator)
      }
    }
    return result
  }

  /// An input by name from the entries around, innermost first.
  private func fromAround(_ name: String, _ caller: Environment?) -> Datum? {
    var current = caller
    while let environment = current {
      if let datum = environment.scope.lookup(name) { return datum }
      current = environment.frame?.caller
    }
    return nil
  }

  private func execute(
    _ statements: [Statement], _ environment: inout Environment, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum? {
    for statement in statements {
      switch statement {
      case .let(let declaration):
        if let parameters = declaration.parameters {
          let function = Function(
            name: declaration.name.text, parameters: parameters.map(\.text), body: declaration.value,
            scope: environment.scope)
          environment = environment.adding([declaration.name.text: .function(function)])
        } else {
          environment = environment.adding([
            declaration.name.text: try evaluator.evaluate(declaration.value, environment)
          ])
        }
      case .destructure(let names, let expression):
        let datum = try evaluator.evaluate(expression, environment)
        guard let entries = datum.entries, entries.count == names.count else {
          throw Diagnostic(
            "values.count", "\(names.count) names for \(datum.entries.map { "\($0.count) values" } ?? datum.kindText)",
            at: expression.at)
        }
        environment = environment.adding(
          Dictionary(zip(names.map(\.text), entries), uniquingKeysWith: { _, last in last }))
      case .assign(let name, let expression):
        guard environment.scope.lookup(name.text) != nil else {
          throw evaluator.unknown(name.text, at: name.at, environment)
        }
        environment = environment.adding([name.text: try evaluator.evaluate(expression, environment)])
      case .return(let expression): return try evaluator.evaluate(expression, environment)
      case .conditional(let condition, let then, let otherwise):
        let branch = try evaluator.isTrue(condition, environment) ? then : otherwise
        if let result = try execute(branch, &environment, evaluator) { return result }
      case .loop(let binding, let body):
        let datum = try evaluator.evaluate(binding.list, environment)
        guard let entries = datum.entries else {
          throw Diagnostic(
            "values.list", "a list is wanted here, and this is \(datum.kindText)", at: binding.list.at)
        }
        try evaluator.spend(entries.count, at: binding.list.at)
        for entry in entries {
          environment = environment.adding([binding.name.text: entry])
          if let condition = binding.condition, !(try evaluator.isTrue(condition, environment)) { continue }
          if let result = try execute(body, &environment, evaluator) { return result }
        }
      }
    }
    return nil
  }
}
