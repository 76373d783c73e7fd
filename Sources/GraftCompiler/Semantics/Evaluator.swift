package import GraftIR

/// Works out expressions: numbers at compile time, tensors into a graph or a weight formula, paths into parts.
///
/// One evaluator serves one compilation. It counts its steps and its depth, so that no text makes it run or recurse
/// without bound.
package final class Evaluator {
  /// Expressions worked out in one compilation, at most.
  static let stepLimit = 20_000_000
  /// Calls and expressions inside each other, at most.
  static let depthLimit = 2000
  /// Entries of a list, at most.
  static let listLimit = 100_000
  /// Operators in a model, at most.
  static let moduleLimit = 200_000

  private var steps = 0
  private var depth = 0
  var modules = 0
  /// The operators being set up, outermost first: one that contains itself never ends.
  var instantiating: [OperatorSymbol] = []

  package init() {}

  package func evaluate(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Datum {
    steps += 1
    depth += 1
    defer { depth -= 1 }
    if steps > Self.stepLimit {
      throw Diagnostic(
        "limits.steps", "working this out takes more than \(Self.stepLimit) steps", at: expression.at)
    }
    if depth > Self.depthLimit {
      throw Diagnostic("limits.depth", "calls are nested more than \(Self.depthLimit) deep", at: expression.at)
    }
    switch expression.kind {
    case .number(let literal): return try number(literal, at: expression.at)
    case .bool(let value): return .bool(value)
    case .text(let parts): return try text(parts, environment)
    case .name(let name): return try self.name(name, at: expression.at, environment)
    case .list(let items): return .list(try list(items, environment))
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
    case .shared:
      throw Diagnostic("values.shared", "'shared' is not supported yet", at: expression.at)
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
        "values.whole", "\(what) must be whole, and is \(number)", at: at, help: "round(...) or floor(...)")
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
      if result.utf8.count > 100_000 {
        throw Diagnostic("limits.text", "a text of more than 100,000 bytes", at: parts.firstLocation)
      }
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
    }
    return result
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
      throw Diagnostic(
        "limits.list", "a list of more than \(Self.listLimit) entries", at: expression.at)
    }
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
    return .list(result)
  }

  /// Runs `body` for each entry of a `NAME in LIST where CONDITION`.
  package func forEach(
    _ binding: Expression.Binding, _ environment: Environment, _ body: (Environment) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let datum = try evaluate(binding.list, environment)
    guard let entries = datum.entries else {
      throw Diagnostic("values.list", "a list is wanted here, and this is \(datum.kindText)", at: binding.list.at)
    }
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
    guard case .operation(var value) = datum else {
      throw Diagnostic("starts.operator", "'starting' follows an operator, and this is \(datum.kindText)", at: start.at)
    }
    value.start = StartClause(syntax: start, scope: environment.scope)
    return .operation(value)
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

  // MARK: Members and indices

  private func member(
    _ base: Expression, _ name: Name, whole: Expression, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    if let dotted = whole.dottedName, environment.scope.lookup(String(dotted.prefix { $0 != "." })) == nil,
      let preset = environment.scope.file.preset(dotted)
    {
      return .operation(try operation(preset, [:], at: whole.at))
    }
    let datum = try evaluate(base, environment)
    return try member(name, of: datum, environment)
  }

  func member(_ name: Name, of datum: Datum, _ environment: Environment) throws(Diagnostic) -> Datum {
    switch datum {
    case .record(let entries):
      if let value = entries[name.text] { return value }
      let label = suggestion(for: name.text, among: entries.keys.sorted()).map { "did you mean '\($0)'?" }
      throw Diagnostic("names.no-entry", "there is no entry '\(name.text)'", at: name.at, label: label)
    case .part(let module, let path):
      if let part = module.part(name.text) { return .part(part, path: join(path, name.text)) }
      if let parameter = module.parameters.first(where: { $0.name == name.text }), let frame = environment.frame {
        return frame.tracer.parameter(parameter, path: path)
      }
      throw noPart(name, of: module)
    case .module(let module):
      if let part = module.part(name.text) { return .module(part) }
      if let parameter = module.parameters.first(where: { $0.name == name.text }) {
        guard let weight = parameter.weight else { throw noPart(name, of: module) }
        return .tensor(TracedTensor(origin: .weight(weight), type: weight.type))
      }
      if let value = module.argument(name.text) { return value }
      throw noPart(name, of: module)
    case .selection(let selection):
      guard case .graft(let state) = environment.place else { break }
      return .selection(try state.member(name, of: selection))
    case .number, .bool, .text, .word, .dtype, .list, .tuple, .tensor, .distribution, .operation, .function: break
    }
    throw Diagnostic("names.no-member", "\(datum.kindText) has no part '\(name.text)'", at: name.at)
  }

  private func noPart(_ name: Name, of module: Module) -> Diagnostic {
    let names = module.parts.map(\.name) + module.parameters.map(\.name)
    let label = suggestion(for: name.text, among: names).map { "did you mean '\($0)'?" }
    return Diagnostic(
      "names.no-part", "'\(module.operatorName)' has no part '\(name.text)'", at: name.at, label: label,
      help: names.isEmpty ? nil : "its parts are \(names.joined(separator: ", "))")
  }

  private func members(
    _ base: Expression, _ names: [Name], _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let datum = try evaluate(base, environment)
    guard case .selection(let selection) = datum, case .graft(let state) = environment.place else {
      throw Diagnostic("names.no-member", "\(datum.kindText) has no parts to name several of", at: base.at)
    }
    return .selection(try state.members(names, of: selection))
  }

  private func index(
    _ base: Expression, _ items: [Expression.IndexItem], at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let datum = try evaluate(base, environment)
    if case .selection(let selection) = datum, case .graft(let state) = environment.place {
      return .selection(try state.index(items, of: selection, at: at, environment, self))
    }
    guard items.count == 1, case .value(let item)? = items.first else {
      throw Diagnostic("values.index", "one index is wanted here", at: at)
    }
    let key = try evaluate(item, environment)
    switch (datum, key) {
    case (.record(let entries), .text(let key)):
      if let value = entries[key] { return value }
      throw Diagnostic("names.no-entry", "there is no entry '\(key)'", at: item.at)
    case (.record(let entries), .number(let number)):
      let key = String(try whole(number, at: item.at, what: "an index"))
      if let value = entries[key] { return value }
      throw Diagnostic("names.no-entry", "there is no entry '\(key)'", at: item.at)
    case (.list(let values), .list(let keys)):
      var result: [Datum] = []
      for key in keys { result.append(try entry(of: values, key, at: item.at)) }
      return .list(result)
    case (.list(let values), _), (.tuple(let values), _): return try entry(of: values, key, at: item.at)
    case (.part(let module, let path), .number(let number)) where !module.parts.isEmpty:
      let position = try whole(number, at: item.at, what: "an index")
      guard let part = module.part(String(position)) else {
        throw Diagnostic(
          "paths.out-of-range",
          "[\(position)] is out of range: there are \(module.parts.count), 0 to \(module.parts.count - 1)",
          at: item.at)
      }
      return .part(part, path: join(path, String(position)))
    case (.module(let module), .number(let number)):
      let position = try whole(number, at: item.at, what: "an index")
      guard let part = module.part(String(position)) else {
        throw Diagnostic(
          "paths.out-of-range", "[\(position)] is out of range: there are \(module.parts.count)", at: item.at)
      }
      return .module(part)
    default:
      throw Diagnostic("values.index", "\(datum.kindText) has no entries to index", at: at)
    }
  }

  private func entry(of values: [Datum], _ key: Datum, at: Location) throws(Diagnostic) -> Datum {
    guard case .number(let number) = key else {
      throw Diagnostic("values.index", "an index is a whole number, and this is \(key.kindText)", at: at)
    }
    let position = try whole(number, at: at, what: "an index")
    guard values.indices.contains(position) else {
      throw Diagnostic(
        "values.index", "[\(position)] is out of range: there are \(values.count) entries", at: at)
    }
    return values[position]
  }
}

extension Datum {
  /// The entries of what can be run over.
  var entries: [Datum]? {
    switch self {
    case .list(let values), .tuple(let values): values
    case .number, .bool, .text, .word, .dtype, .record, .tensor, .distribution, .operation, .selection, .module,
      .function, .part:
      nil
    }
  }

  /// How it stands inside a text.
  var interpolated: String? {
    switch self {
    case .number(let number): number.description
    case .text(let text), .word(let text): text
    case .bool(let value): String(value)
    case .dtype(let dtype): dtype.rawValue
    case .list(let values):
      values.allSatisfy { $0.interpolated != nil }
        ? "[" + values.compactMap(\.interpolated).joined(separator: ", ") + "]" : nil
    case .record, .tuple, .tensor, .distribution, .operation, .selection, .module, .function, .part: nil
    }
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
