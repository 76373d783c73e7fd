import GraftFormats
import GraftIR

/// Finds the model and the operators that a checkpoint's tensors belong to, from names and shapes alone.
///
/// Swift knows no model: each operator says in `recover` how its arguments are read off tensors, and a candidate is
/// right when the tensors that it would have are exactly those that are there.
struct Recognition {
  let names: FileScope
  let file: String
  /// The dictionary key that the tensors are under, where they are a part of the file.
  let key: String?
  let metadata: [String: String]
  let assumptions: [Assumption]
  let evaluator: Evaluator
  /// Whether what nothing tells is left open rather than asked for.
  var leavesOpen = false
  /// The whole number that stands for one that is open.
  var standIn = 1
  /// The only model that it can be, where a layout of that one is tried.
  var onlyModel: OperatorSymbol?
  /// Tensors of the model that a file in its layout does not hold.
  var omitted: Set<String> = []
  /// Tensors that are there and whose shapes the model tells.
  var unshaped: [String] = []
  /// Each tensor's shape by full name.
  private(set) var shapes: [String: Shape]
  /// The same as nested records, so that `fc1.weight[0]` reads a size.
  private(set) var root: Datum
  /// The operators that a person named for some parts, with their arguments.
  private(set) var assumedAt: [[String]: (symbol: OperatorSymbol, arguments: [String: Datum])] = [:]
  /// The model as its own operators make it, and what its parts are given, worked out when it is first asked for.
  var expectedModel: Module?
  var signatures: [String: Tracer.Signature]?
  /// The best reason why nothing fits, by how many tensors were explained.
  private var question: Diagnostic?
  /// For each place, the operator that some of the tensors there would be, and how many of them.
  var nearMisses: [[String]: (module: Module, count: Int)] = [:]
  /// Operators tried so far: those that hold others multiply.
  private var attempts = 0
  private var attemptLimit: Int { 4000 + 4 * shapes.count }

  init(
    _ entries: [(name: String, shape: Shape)], metadata: [String: String], file: String, key: String? = nil,
    names: FileScope, assumptions: [Assumption], evaluator: Evaluator
  ) {
    self.names = names
    self.file = file
    self.key = key
    self.metadata = metadata
    self.assumptions = assumptions
    self.evaluator = evaluator
    shapes = [:]
    root = .record([:])
    add(entries)
  }

  private mutating func add(_ entries: [(name: String, shape: Shape)]) {
    for entry in entries { shapes[entry.name] = entry.shape }
    var tree = Tree()
    for (name, shape) in shapes {
      tree.insert(name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)[...], shape)
    }
    root = tree.datum
  }

  /// Takes from the model what the file's layout does not tell.
  private mutating func complete(with expected: Module) {
    if omitted.isEmpty, unshaped.isEmpty { return }
    let wanted = Set(unshaped)
    var entries: [(name: String, shape: Shape)] = []
    expected.forEachParameter { name, parameter in
      if omitted.contains(name) || wanted.contains(name) { entries.append((name, parameter.shape)) }
    }
    add(entries)
  }

  /// Names as a tree, at most 32 steps deep.
  private struct Tree {
    var children: [String: Tree] = [:]
    var shape: Shape?

    mutating func insert(_ path: ArraySlice<String>, _ shape: Shape, depth: Int = 0) {
      guard let first = path.first, depth < 32 else {
        self.shape = shape
        return
      }
      children[first, default: Tree()].insert(path.dropFirst(), shape, depth: depth + 1)
    }

    var datum: Datum {
      if let shape, children.isEmpty { return .list(shape.axes.map { .number(Number($0)) }) }
      return .record(children.mapValues(\.datum))
    }
  }

  // MARK: The whole model

  /// The model whose tensors are those of the file.
  mutating func model() throws(Diagnostic) -> Module {
    let models = onlyModel.map { [$0] } ?? names.visibleOperators.filter(\.declaration.isModel)
    var best: (known: Int, reason: Diagnostic)?
    for symbol in models {
      question = nil
      do throws(Diagnostic) {
        // Files see each other in order, so the nearest file's model is the one that is meant.
        return try model(symbol)
      } catch {
        let known = recovered(symbol, root).count
        if best.map({ known > $0.known }) ?? true { best = (known, error) }
      }
    }
    if let best, best.known > 0 { throw best.reason }
    throw Diagnostic(
      "recognise.unknown-model",
      "the tensors of \(file) are those of none of the models \(models.map { "'\($0.name)'" }.joined(separator: ", "))"
        + prefixAdvice,
      at: Location(file), help: "name the model: base MODEL(...) from \"\(file)\"")
  }

  private mutating func model(_ symbol: OperatorSymbol) throws(Diagnostic) -> Module {
    if leavesOpen { return try openModel(symbol) }
    let expected: Module
    do throws(Diagnostic) { expected = try instantiated(symbol, prefix: [], surroundings: []) } catch {
      if error.rule == "recognise.ask" { try checkTensors(symbol) }
      throw error
    }
    return try whole(expected)
  }

  /// The model as the file has it, where its own operators make `expected`.
  mutating func whole(_ expected: Module) throws(Diagnostic) -> Module {
    (expectedModel, signatures) = (expected, nil)
    complete(with: expected)
    try learnPlaces(expected)
    let module = try resolve(expected, [], surroundings: [])
    var rest = Set(shapes.keys)
    module.forEachParameter { name, _ in rest.remove(name) }
    if !rest.isEmpty { throw mismatch(module, []) }
    return module
  }

  /// Works out which parts `--assume 'PATH = OPERATOR'` speaks of.
  private mutating func learnPlaces(_ module: Module) throws(Diagnostic) {
    let checkpoints = Checkpoints { _ throws(Diagnostic) in nil }
    let outline = outline(module, [])
    let state = GraftState(base: outline, evaluator: evaluator, checkpoints: checkpoints, seed: 0)
    let environment = Environment(scope: Scope(parent: nil, file: names), place: .graft(state))
    for assumption in assumptions {
      guard let path = assumption.path else { continue }
      for item in try state.selection(path, environment).items {
        var bindings: [String: Datum] = [:]
        for (name, number) in item.bindings { bindings[name] = .number(number) }
        assumedAt[item.path] = (assumption.symbol, try arguments(of: assumption, bindings))
      }
    }
  }

  private func arguments(
    of assumption: Assumption, _ bindings: [String: Datum] = [:]
  ) throws(Diagnostic) -> [String: Datum] {
    let environment = Environment(scope: assumption.scope.adding(bindings), place: .compileTime)
    var result: [String: Datum] = [:]
    for (label, expression) in assumption.arguments.sorted(by: { $0.key < $1.key }) {
      result[label] = try evaluator.evaluate(expression, environment)
    }
    return result
  }

  // MARK: One part

  /// `expected` where its tensors are there, else the operator that stands in its place, else its parts one by one.
  private mutating func resolve(
    _ expected: Module, _ path: [String], surroundings: [Module]
  ) throws(Diagnostic) -> Module {
    let isNamed = assumedAt.keys.contains { $0.starts(with: path) }
    if matches(expected, path), !isNamed { return expected }
    if let level = try parallelLevel(expected, path, surroundings) { return level }
    if !path.isEmpty, expected.symbol != nil || (expected.isList && !isNumbered(path)) {
      if let module = try candidate(expected, path, surroundings) { return module }
    }
    var module = expected
    if expected.isList, case .record(let entries) = datum(at: path) {
      // A list has as many entries as the file says; they are like the first one.
      guard let pattern = expected.parts.first?.module, entries.count <= Self.entryLimit,
        (0..<entries.count).allSatisfy({ entries[String($0)] != nil })
      else { throw mismatch(expected, path) }
      if expected.parts.count != entries.count, surroundings.count == 1 {
        module = Module.list([Module](repeating: pattern, count: entries.count), scope: expected.scope)
      }
    }
    let inside = [module] + surroundings
    guard !module.parts.isEmpty, hasSameNames(module, path) else {
      throw question ?? mismatch(nearest(to: expected, path), path)
    }
    for index in module.parts.indices {
      let name = module.parts[index].name
      module.parts[index].module = try resolve(module.parts[index].module, path + [name], surroundings: inside)
    }
    guard matches(module, path) else { throw question ?? mismatch(nearest(to: module, path), path) }
    // Parts that were recognised one by one may not go together: then one of them is no other operator, but damaged.
    guard path.isEmpty || fits(module, at: path) else { throw question ?? mismatch(expected, path) }
    return module
  }

  /// A level that holds `branches` and `merge`, which is what `parallelize` makes.
  private mutating func parallelLevel(
    _ expected: Module, _ path: [String], _ surroundings: [Module]
  ) throws(Diagnostic) -> Module? {
    guard let branchCount = branchCount(at: path, of: expected) else { return nil }
    var modules: [Module] = []
    for index in 0..<branchCount {
      modules.append(try resolve(expected, path + ["branches", String(index)], surroundings: surroundings))
    }
    var level = Module(.parallel, scope: Scope(parent: nil, file: names))
    let mergePath = path + ["merge"]
    guard let merge = try candidate(nil, mergePath, [expected] + surroundings) else {
      throw question
        ?? Diagnostic(
          "recognise.unknown-operator",
          "the tensors of '\(spelledPath(mergePath))' in \(file) are those of no operator",
          at: Location(file, tensor: mergePath.joined(separator: ".")))
    }
    level.parts = [("branches", Module.list(modules, scope: level.scope)), ("merge", merge)]
    return level
  }

  /// An operator whose tensors are exactly those at `path`: the one that is expected there, or another one; a merge
  /// where none is expected.
  private mutating func candidate(
    _ expected: Module?, _ path: [String], _ surroundings: [Module]
  ) throws(Diagnostic) -> Module? {
    // A merge is an operator whose first input is a list; everything else takes a tensor first.
    let operators = names.visibleOperators.filter { symbol in
      let takesList = symbol.entry("forward")?.inputs.first?.pattern.count != nil
      return !symbol.declaration.isModel && symbol != expected?.symbol && takesList == (expected == nil)
    }
    var symbols = (expected?.symbol.map { [$0] } ?? []) + operators
    if let named = assumedAt[path]?.symbol { symbols = [named] }
    var found: [Module] = []
    for symbol in symbols {
      let names = names(at: path)
      // Without rules, what an operator needs may come from around; the model's own parts are looked into instead.
      guard names.isSubset(of: symbol.declaredNames),
        !recovered(symbol, datum(at: path)).isEmpty
          || (symbol.recoveries.isEmpty && symbol != expected?.symbol && !names.isEmpty)
      else { continue }
      attempts += 1
      guard attempts <= attemptLimit else { break }
      do throws(Diagnostic) {
        let around = (expected.map { [$0] } ?? []) + surroundings
        var given: [String: Module] = [:]
        for parameter in symbol.operatorParameters {
          let name = parameter.name.text
          given[name] = try argument(at: path + [name], expected, around)
        }
        var module = try instantiated(symbol, prefix: path, surroundings: around, parts: given)
        guard matches(module, path) else {
          note(module, path)
          continue
        }
        if let expected, let lacking = damage(of: expected, readAs: module, path) {
          if question == nil { question = lacking }
          continue
        }
        if symbol == expected?.symbol { return module }  // What the model itself has there goes before others.
        module.isReplacement = true
        found.append(module)
      } catch {
        // Everything fits but something that tensors cannot tell: that is what to ask for.
        if error.rule == "recognise.ask", question == nil, !symbol.recoveries.isEmpty { question = error }
      }
    }
    if found.count > 1 {
      let fitting = found.filter { fits($0, at: path) }
      if fitting.count == 1 { return fitting[0] }
      let named = found.filter { module in assumptions.contains { $0.symbol == module.symbol } }
      if named.count == 1 { return named[0] }
      let names = found.map(\.operatorName)
      let ask = Diagnostic(
        "recognise.ask",
        "the tensors of '\(spelledPath(path))' in \(file) are those of \(names.map { "'\($0)'" }.joined(separator: " and "))",
        at: Location(file), help: "say which: --assume '\(spelledPath(path)) = \(found[0].callText)'")
      throw ask
    }
    return found.first
  }

  /// The operator that was given as an argument, whose tensors are those at `path`: what the model itself has in the
  /// place around, one of its parts, or any operator in sight.
  private mutating func argument(
    at path: [String], _ expected: Module?, _ surroundings: [Module]
  ) throws(Diagnostic) -> Module? {
    for option in (expected.map { [$0] } ?? []) + (expected?.parts.map(\.module) ?? []) {
      if let module = try? resolve(option, path, surroundings: surroundings) { return module }
    }
    return try candidate(Module.list([], scope: Scope(parent: nil, file: names)), path, surroundings)
  }

  /// `symbol` with the arguments that its tensors, the metadata, a preset or a person settle; `parts` are operators
  /// that it was given, and where `isGuessed`, something stands for what would be asked for.
  mutating func instantiated(
    _ symbol: OperatorSymbol, prefix: [String], surroundings: [Module], parts: [String: Module] = [:],
    isGuessed: Bool = false
  ) throws(Diagnostic) -> Module {
    var assumed: [String: Datum] = [:]
    for assumption in assumptions where assumption.path == nil && assumption.symbol == symbol {
      for (label, value) in try self.arguments(of: assumption) { assumed[label] = value }
    }
    if let named = assumedAt[prefix], named.symbol == symbol {
      for (label, value) in named.arguments { assumed[label] = value }
    }
    var arguments = recovered(symbol, datum(at: prefix), assuming: assumed, surroundings: surroundings)
    arguments.merge(assumed) { $1 }
    var open: Set<String> = []
    if leavesOpen {
      // What was worked out with a stand-in is as open as that is.
      let certain = recovered(
        symbol, datum(at: prefix), assuming: assumed, surroundings: surroundings, trustsOpen: false)
      open = Set(arguments.keys).subtracting(certain.keys).subtracting(assumed.keys)
    }
    for parameter in symbol.declaration.parameters
    where arguments[parameter.label.text] == nil && parameter.defaultValue == nil && parameter.operatorType == nil {
      let label = parameter.label.text
      if surroundings.contains(where: { $0.known(label) != nil }) { continue }
      // What should stand in the tensors and does not is no question to a person: they are another operator's.
      guard !symbol.recoveries.contains(where: { $0.0.text == label && !isHearsay($0.1) }) else {
        if prefix.isEmpty, let missing = missingRecovery(of: label, symbol) { throw missing }
        throw Diagnostic(
          "recognise.unknown-operator",
          "the tensors of '\(spelledPath(prefix))' in \(file) do not tell '\(label)' of '\(symbol.name)'",
          at: Location(file, tensor: prefix.joined(separator: ".")))
      }
      if leavesOpen || isGuessed, let placeholder = parameter.type?.placeholder(standIn) {
        arguments[label] = placeholder
        if leavesOpen { open.insert(label) }
        continue
      }
      throw Diagnostic(
        "recognise.ask", "what '\(label)' of '\(symbol.name)' is, the tensors of \(file) do not tell",
        at: Location(file),
        help: "say it: --assume '\(symbol.name)(\(label): ...)'")
    }
    var operation = Operation(target: .symbol(symbol), arguments: arguments, at: symbol.declaration.name.at)
    operation.parts = parts
    do throws(Diagnostic) {
      var module = try evaluator.instantiate(
        operation, InstantiationContext(inputs: [], surroundings: surroundings))
      module.openArguments = open
      module.unreadArguments = open.filter { label in
        symbol.recoveries.allSatisfy { $0.0.text != label || isHearsay($0.1) }
      }
      module.markOpen()
      return module
    } catch {
      guard prefix.isEmpty, !error.rule.hasPrefix("limits.") else { throw error }
      let told = arguments.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.summary)" }
      throw Diagnostic(
        "recognise.arguments",
        "the tensors of \(file) tell of a '\(symbol.name)' with \(told.joined(separator: ", ")), which cannot be: \(error.message)",
        at: Location(file))
    }
  }

  // MARK: Comparing

  /// What stands right below `path`.
  private func names(at path: [String]) -> Set<String> {
    guard case .record(let entries)? = datum(at: path) else { return [] }
    return Set(entries.keys)
  }

  func datum(at path: [String]) -> Datum? {
    var current = root
    for name in path {
      guard case .record(let entries) = current, let next = entries[name] else { return nil }
      current = next
    }
    return current
  }

  /// Whether what stands right below `path` are the entries of a list.
  private func isNumbered(_ path: [String]) -> Bool { names(at: path).allSatisfy { Int($0) != nil } }

  /// Whether the tensors below `path` are exactly those of `module`.
  private func matches(_ module: Module, _ path: [String]) -> Bool {
    var count = 0
    var isEqual = true
    module.forEachParameter(path.joined(separator: ".")) { name, parameter in
      count += 1
      if shapes[name] != parameter.shape { isEqual = false }
    }
    return isEqual && count == tensorCount(datum(at: path))
  }

  private func tensorCount(_ datum: Datum?) -> Int {
    guard case .record(let entries)? = datum else { return datum == nil ? 0 : 1 }
    return entries.values.reduce(0) { $0 + tensorCount($1) }
  }

  /// Whether the first steps below `path` are those of `module`, so that looking into its parts makes sense.
  private func hasSameNames(_ module: Module, _ path: [String]) -> Bool {
    var names: Set<String> = []
    for parameter in module.parameters { names.insert(parameter.name) }
    for (name, part) in module.parts where part.parameterCount > 0 { names.insert(name) }
    guard case .record(let entries)? = datum(at: path) else { return names.isEmpty }
    return names == Set(entries.keys)
  }
}
