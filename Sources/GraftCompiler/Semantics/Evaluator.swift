package import GraftIR

/// Works out expressions: numbers at compile time, tensors into a graph or a weight formula, paths into parts.
///
/// One evaluator serves one compilation. It counts its steps and its depth, so that no text makes it run or recurse
/// without bound.
package final class Evaluator {
  /// Steps of one statement, at most: expressions worked out, entries of lists looked at.
  static let statementLimit = 2_000_000
  /// Steps of all grafts of a compilation, at most; each variant that is asked for has as many of its own.
  static let stepLimit = 6_000_000
  /// Calls and expressions inside each other, at most.
  static let depthLimit = 2000
  /// Entries of a list, those of the lists inside counted too, at most.
  static let listLimit = 100_000
  /// Lists inside lists, at most.
  static let nestingLimit = 32
  /// Bytes of a text, at most.
  static let textLimit = 100_000
  /// Bytes of a new text that count as one step.
  static let bytesPerStep = 64
  /// Operators in a model, at most.
  static let moduleLimit = 20_000

  /// The steps of a compilation, counted together.
  final class Budget {
    fileprivate var steps = 0
  }

  private let budget: Budget
  private var statementSteps = 0
  private var depth = 0
  var modules = 0
  /// Whether the statement came upon a name whose `let` failed: what fails because of it is no news.
  private(set) var metBrokenName = false
  /// The operators being set up, outermost first: one that contains itself never ends.
  var instantiating: [OperatorSymbol] = []

  private var draws = 0

  /// The files that `read` opens; `nil` where nothing is read.
  let dataFiles: DataFiles?
  /// What was read, in order of first use.
  var filesRead: [DataFiles.File] = []

  package convenience init() { self.init(reading: nil) }

  /// An evaluator that reads `dataFiles`, and whose steps count with those of others of the same `budget`.
  init(reading dataFiles: DataFiles?, budget: Budget = Budget()) {
    self.dataFiles = dataFiles
    self.budget = budget
  }

  /// A number that no draw inside a formula had before.
  func nextDraw() -> Int {
    draws += 1
    return draws
  }

  /// Gives the next statement its own share of steps.
  func beginStatement() {
    statementSteps = 0
    modules = 0
    metBrokenName = false
  }

  /// Counts `count` steps of work.
  func spend(_ count: Int, at: Location) throws(Diagnostic) {
    budget.steps += count
    statementSteps += count
    if statementSteps > Self.statementLimit || budget.steps > Self.stepLimit {
      let limit = budget.steps > Self.stepLimit ? Self.stepLimit : Self.statementLimit
      throw Diagnostic("limits.steps", "working this out takes more than \(limit) steps", at: at)
    }
  }

  package func evaluate(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Datum {
    try spend(1, at: expression.at)
    depth += 1
    defer { depth -= 1 }
    if depth > Self.depthLimit {
      throw Diagnostic("limits.depth", "calls are nested more than \(Self.depthLimit) deep", at: expression.at)
    }
    if environment.scope.nameCount > Scope.nameLimit {
      throw Diagnostic(
        "limits.names", "more than \(Scope.nameLimit) names are in use at one place", at: expression.at)
    }
    switch expression.kind {
    case .number(let literal): return try number(literal, at: expression.at)
    case .bool(let value): return .bool(value)
    case .text(let parts): return try text(parts, environment)
    case .name(let name): return try self.name(name, at: expression.at, environment)
    case .list(let items): return try made(try list(items, environment), at: expression.at)
    case .tuple(let items): return .tuple(try list(items, environment))
    case .comprehension(let value, let binding): return try comprehension(value, binding, environment)
    case .range: return try range(expression, environment)
    case .call(let callee, let arguments): return try call(callee, arguments, at: expression.at, environment)
    case .member(let base, let name): return try member(base, name, whole: expression, environment)
    case .members(let base, let names): return try members(base, names, environment)
    case .index(let base, let items): return try index(base, items, at: expression.at, environment)
    case .unary(let sign, let operand): return try unary(sign, operand, environment)
    case .binary(let sign, let a, let b, let at): return try binary(sign, a, b, at: at, environment)
    case .conditional(let condition, let a, let b):
      return try evaluate(try isTrue(condition, environment) ? a : b, environment)
    case .shared(let path): return try shared(path, at: expression.at, environment)
    case .starting(let operation, let start): return try starting(operation, start, environment)
    }
  }

  // MARK: What a caller wants an expression to be

  package func number(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Number {
    let datum = try evaluate(expression, environment)
    guard case .number(let number) = datum else {
      throw Diagnostic("values.number", "a number is wanted here, and this is \(datum.kindText)", at: expression.at)
    }
    return number
  }

  package func whole(_ expression: Expression, _ environment: Environment, what: String) throws(Diagnostic) -> Int {
    try whole(try number(expression, environment), at: expression.at, what: what)
  }

  package func whole(_ number: Number, at: Location, what: String) throws(Diagnostic) -> Int {
    guard let whole = number.whole else {
      throw Diagnostic(
        "values.whole", "\(what) must be whole, and is \(number.short)", at: at, help: "round(...) or floor(...)")
    }
    return whole
  }

  package func isTrue(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Bool {
    let datum = try evaluate(expression, environment)
    guard case .bool(let value) = datum else {
      throw Diagnostic(
        "values.truth", "true or false is wanted here, and this is \(datum.kindText)", at: expression.at)
    }
    return value
  }

  package func plainText(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> String {
    let datum = try evaluate(expression, environment)
    guard case .text(let value) = datum else {
      throw Diagnostic("values.text", "a text is wanted here, and this is \(datum.kindText)", at: expression.at)
    }
    return value
  }

  // MARK: Literals

  private func number(_ literal: String, at: Location) throws(Diagnostic) -> Datum {
    guard let number = Number(literal: literal) else {
      throw Diagnostic("values.overflow", "'\(literal)' does not fit 64 bits", at: at)
    }
    return .number(number)
  }

  private func text(_ parts: [Expression.TextPart], _ environment: Environment) throws(Diagnostic) -> Datum {
    var result = ""
    for part in parts {
      switch part {
      case .literal(let text): result += text
      case .value(let expression):
        let datum = try evaluate(expression, environment)
        guard let text = datum.interpolated else {
          throw Diagnostic("values.text", "\(datum.kindText) has no spelling inside a text", at: expression.at)
        }
        result += text
      }
      if result.utf8.count > Self.textLimit { throw tooLong(at: parts.firstLocation) }
      if case .value(let expression) = part { try spend(result.utf8.count / Self.bytesPerStep, at: expression.at) }
    }
    return .text(result)
  }

  private func list(_ items: [Expression], _ environment: Environment) throws(Diagnostic) -> [Datum] {
    var result: [Datum] = []
    for item in items {
      let value = try evaluate(item, environment)
      // A range inside brackets is so many entries.
      if case .range = item.kind, case .list(let values) = value {
        result += values
      } else {
        result.append(value)
      }
      if result.count > Self.listLimit { throw tooMany(at: item.at) }
    }
    return result
  }

  /// A list of `entries`, which together must not be too many or too deep: lists of lists grow by doubling.
  func made(_ entries: [Datum], at: Location) throws(Diagnostic) -> Datum {
    let result = Datum.list(entries)
    guard let size = result.size(limit: Self.listLimit, depth: Self.nestingLimit) else { throw tooMany(at: at) }
    try spend(size, at: at)
    return result
  }

  /// How many entries a walk through `datum` meets.
  func size(of datum: Datum) -> Int { datum.size(limit: Self.listLimit, depth: Self.nestingLimit) ?? Self.listLimit }

  private func tooMany(at: Location) -> Diagnostic {
    Diagnostic(
      "limits.list", "a list of more than \(Self.listLimit) entries, or of lists more than \(Self.nestingLimit) deep",
      at: at)
  }

  func tooLong(at: Location?) -> Diagnostic {
    Diagnostic("limits.text", "a text of more than \(Self.textLimit) bytes", at: at)
  }

  private func range(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Datum {
    guard case .range(let lower, let upper, let isClosed, let step) = expression.kind else { return .list([]) }
    let first = try whole(lower, environment, what: "where a range begins")
    let last = try whole(upper, environment, what: "where a range ends")
    var stride = 1
    if let step { stride = try whole(step, environment, what: "'step'") }
    guard stride > 0 else {
      throw Diagnostic("values.range", "'step' is \(stride), and must be at least 1", at: step?.at ?? expression.at)
    }
    let (span, overflow) = last.subtractingReportingOverflow(first)
    guard !overflow, span / stride < Self.listLimit else {
      throw tooMany(at: expression.at)
    }
    try spend(max(0, span / stride), at: expression.at)
    var values: [Datum] = []
    var current = first
    while isClosed ? current <= last : current < last {
      values.append(.number(Number(current)))
      let (next, tooFar) = current.addingReportingOverflow(stride)
      if tooFar { break }
      current = next
    }
    return .list(values)
  }

  private func comprehension(
    _ value: Expression, _ binding: Expression.Binding, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    var result: [Datum] = []
    try forEach(binding, environment) { inner throws(Diagnostic) in result.append(try self.evaluate(value, inner)) }
    return try made(result, at: value.at)
  }

  /// Runs `body` for each entry of a `NAME in LIST where CONDITION`.
  package func forEach(
    _ binding: Expression.Binding, _ environment: Environment, _ body: (Environment) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let datum = try evaluate(binding.list, environment)
    guard let entries = datum.entries else {
      throw Diagnostic("values.list", "a list is wanted here, and this is \(datum.kindText)", at: binding.list.at)
    }
    try spend(entries.count, at: binding.list.at)
    for entry in entries {
      let inner = environment.adding([binding.name.text: entry])
      if let condition = binding.condition, !(try isTrue(condition, inner)) { continue }
      try body(inner)
    }
  }

  private func starting(
    _ operation: Expression, _ start: Start, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let datum = try evaluate(operation, environment)
    let clause = StartClause(syntax: start, scope: environment.scope)
    switch datum {
    case .operation(var value):
      if value.start != nil {
        throw Diagnostic("starts.twice", "'starting' stands here twice", at: start.at)
      }
      value.start = clause
      return .operation(value)
    case .module(let module):
      return .operation(Operation(target: .module(module), arguments: [:], start: clause, at: operation.at))
    case .selection(let selection):
      guard case .graft(let state) = environment.place, selection.items.count == 1, let item = selection.items.first,
        let module = state.architecture[path: item.path]
      else { break }
      return .operation(Operation(target: .module(module), arguments: [:], start: clause, at: operation.at))
    default: break
    }
    throw Diagnostic("starts.operator", "'starting' follows an operator, and this is \(datum.kindText)", at: start.at)
  }

  private func shared(_ path: Expression, at: Location, _ environment: Environment) throws(Diagnostic) -> Datum {
    guard case .graft(let state) = environment.place else {
      throw Diagnostic("values.shared", "'shared' speaks of parts of a model, in a graft's statements", at: at)
    }
    var environment = environment
    // `old` has its weights; which place it is, the statement knows.
    if let place = state.replacedPath {
      let item = Selection.Item(path: place, bindings: [])
      let isList = state.architecture[path: place]?.isList == true
      environment = environment.adding(["old": .selection(Selection(items: [item], isWholeList: isList))])
    }
    let datum = try evaluate(path, environment)
    guard case .selection(let selection) = datum else {
      throw Diagnostic("paths.path", "'shared' names a part by its path, and this is \(datum.kindText)", at: path.at)
    }
    return try state.shared(selection, at: at)
  }

  // MARK: Names

  private func name(_ name: String, at: Location, _ environment: Environment) throws(Diagnostic) -> Datum {
    if let datum = environment.scope.lookup(name) {
      // A table of an operator is worked out where it is used.
      if case .function(let function) = datum, function.parameters.isEmpty {
        return try evaluate(function.body, environment.inside(function.scope))
      }
      return datum
    }
    try refuseBroken(name, at: at, environment)
    switch environment.place {
    case .forward(let frame):
      if let part = frame.module.part(name) { return .part(part, path: join(frame.path, name)) }
      if let parameter = frame.module.parameters.first(where: { $0.name == name }) {
        return frame.tracer.parameter(parameter, path: frame.path)
      }
    case .graft(let state): if let datum = try state.name(name, at: at, self) { return datum }
    case .compileTime: break
    }
    if let (declaration, file) = environment.scope.file.let(name) {
      let scope = Scope(parent: nil, file: file)
      if let parameters = declaration.parameters {
        return .function(
          Function(name: name, parameters: parameters.map(\.text), body: declaration.value, scope: scope))
      }
      return try evaluate(declaration.value, environment.inside(scope))
    }
    if let dtype = DType(rawValue: name) { return .dtype(dtype) }
    if case .compileTime = environment.place {
    } else if environment.scope.file.operator(name) == nil {
      throw unknown(name, at: at, environment)
    }
    if let symbol = environment.scope.file.operator(name) {
      return .operation(Operation(target: .symbol(symbol), arguments: [:], start: nil, at: at))
    }
    throw unknown(name, at: at, environment)
  }

  /// Ends what needs the value of a name whose `let` failed, and marks that this was told.
  func refuseBroken(_ name: String, at: Location, _ environment: Environment) throws(Diagnostic) {
    guard environment.scope.isBroken(name) else { return }
    metBrokenName = true
    throw Diagnostic("names.unknown", "'\(name)' has no value", at: at)
  }

  /// A name that means nothing here, with what it may have meant.
  func unknown(_ name: String, at: Location, _ environment: Environment) -> Diagnostic {
    var names = environment.scope.visibleNames
    var help: String?
    switch environment.place {
    case .forward(let frame): names += frame.module.parts.map(\.name) + frame.module.parameters.map(\.name)
    case .graft(let state):
      names += state.visibleNames
      if name.count == 1, let list = state.lists.first {
        help = "to let it run over the \(list) write \(list)[\(name) in all]"
      }
    case .compileTime: break
    }
    for file in environment.scope.file.searchOrder { names += file.lets.keys.sorted() }
    let label = suggestion(for: name, among: names).map { "did you mean '\($0)'?" }
    return Diagnostic(
      "names.unknown", "'\(name)' is not a name here", at: at, label: label, help: label == nil ? help : nil)
  }
}

extension Expression {
  /// `a.b.c` as a text, or `nil` for anything else.
  var dottedName: String? {
    switch kind {
    case .name(let name): return name
    case .member(let base, let name): return base.dottedName.map { $0 + "." + name.text }
    default: return nil
    }
  }
}

extension [Expression.TextPart] {
  fileprivate var firstLocation: Location? {
    for case .value(let expression) in self { return expression.at }
    return nil
  }
}
