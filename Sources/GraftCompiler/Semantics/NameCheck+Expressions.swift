import GraftIR

/// Names in expressions, and the calls that they stand in.
extension NameCheck {
  mutating func visit(_ expression: Expression, _ place: Place) {
    switch expression.kind {
    case .number, .bool: break
    case .text(let parts): for case .value(let value) in parts { visit(value, place) }
    case .name(let name): visit(name, at: expression.at, place)
    case .list(let items), .tuple(let items): for item in items { visit(item, place) }
    case .comprehension(let value, let binding):
      visit(binding, place) { check in check.visit(value, place) }
    case .range(let lower, let upper, _, let step):
      visit(lower, place)
      visit(upper, place)
      if let step { visit(step, place) }
    case .call(let callee, let arguments): visit(callee, arguments, at: expression.at, place)
    case .member(let base, let name):
      if place == .body, let dotted = expression.dottedName, file.preset(dotted) != nil { return }
      visit(base, place)
      checkMember(name, of: base)
    case .members(let base, let names):
      visit(base, place)
      for name in names { checkMember(name, of: base) }
    case .index(let base, let items):
      visit(base, place)
      for item in items {
        switch item {
        case .value(let value): visit(value, place)
        case .binding(let binding): visit(binding, place) { _ in }
        }
      }
    case .unary(_, let operand), .shared(let operand): visit(operand, place)
    case .binary(_, let left, let right, _):
      visit(left, place)
      visit(right, place)
    case .conditional(let condition, let yes, let no):
      visit(condition, place)
      visit(yes, place)
      visit(no, place)
    case .starting(let operation, let start):
      visit(operation, place)
      switch start.base {
      case .fresh(let seed?)?: visit(seed, place)
      case .from(let file)?: visit(file, place)
      case .fresh(nil)?, .adopted?, nil: break
      }
      visit(start.assignments, of: calledOperator(operation))
    }
  }

  mutating func visit(_ binding: Expression.Binding, _ place: Place, _ body: (inout NameCheck) -> Void) {
    visit(binding.list, place)
    declare(binding.name.text)
    if let condition = binding.condition { visit(condition, place) }
    body(&self)
    forget(binding.name.text)
  }

  mutating func visit(_ name: String, at: Location, _ place: Place) {
    if isDeclared(name) || file.let(name) != nil || file.operator(name) != nil || DType(rawValue: name) != nil {
      return
    }
    unknown(name, at: at)
  }

  mutating func unknown(_ name: String, at: Location) {
    report("names.unknown", "'\(name)' is not a name here", at: at, label: hint(name, visibleNames))
  }

  /// `a.b`, where `a` is a part that is one operator.
  mutating func checkMember(_ name: Name, of base: Expression) {
    guard case .name(let part) = base.kind, names[part] == 1, let owner = parts[part] else { return }
    let labels = owner.declaration.parameters.flatMap { [$0.label.text, $0.name.text] }
    guard !owner.declaredNames.contains(name.text), !labels.contains(name.text) else { return }
    report(
      "names.no-part", "'\(owner.name)' has no part '\(name.text)'", at: name.at,
      label: hint(name.text, owner.declaredNames.sorted()),
      help: owner.declaredNames.isEmpty ? nil : "its parts are \(owner.declaredNames.sorted().joined(separator: ", "))")
  }

  // MARK: Calls

  mutating func visit(_ callee: Expression, _ arguments: [Expression.Argument], at: Location, _ place: Place) {
    guard let name = callee.dottedName else {
      visit(callee, place)
      return visit(arguments, place)
    }
    let first = String(name.prefix { $0 != "." })
    let isPlain = first == name
    if isPlain, name == "has" { return }  // It asks whether there is such a name.
    if isDeclared(first) {
      if !isPlain { visit(callee, place) }
      if place == .entry, isPlain, names[name] == 1, let entry = parts[name]?.entry("forward") {
        checkInputs(arguments, of: entry, parts[name]?.name ?? name)
      }
      return visit(arguments, place)
    }
    switch place {
    case .entry:
      if isPlain, let symbol, let entry = symbol.entry(name) {
        checkInputs(arguments, of: entry, symbol.name)
        return visit(arguments, place)
      }
    case .body, .recover:
      if let known = file.operator(name) {
        return visit(arguments, of: known.declaration.parameters, name, passesOthers: false)
      }
      if let preset = file.preset(name) {
        return visit(arguments, of: preset.declaration.parameters, name, passesOthers: true)
      }
      if place == .recover, ["noted", "alike"].contains(name) {
        for argument in arguments { visit(argument.value, place) }
        return
      }
    }
    if isPlain, file.let(name) != nil { return visit(arguments, place) }
    if isPlain, let builtin = Builtin.named(name) {
      for argument in arguments {
        guard let label = argument.label, !builtin.parameters.contains(where: { $0.name == label.text }) else {
          continue
        }
        report(
          "calls.label", "'\(name)' has no argument '\(label.text)'", at: label.at,
          label: hint(label.text, builtin.parameters.map(\.name)))
      }
      return visit(arguments, place)
    }
    report(
      "names.unknown-operator", "'\(name)' is not \(place == .entry ? "a function or part" : "an operator")",
      at: callee.at,
      label: Builtin.meant(by: name).map { "did you mean '\($0)'?" }
        ?? hint(name, Builtin.names + (place == .entry ? visibleNames : visibleOperators)))
    visit(arguments, place)
  }

  mutating func visit(_ arguments: [Expression.Argument], _ place: Place) {
    for argument in arguments { visit(argument.value, place) }
  }

  /// Arguments of an operator or preset: labels that there are, and no more than there are.
  mutating func visit(
    _ arguments: [Expression.Argument], of parameters: [ParameterDeclaration], _ name: String, passesOthers: Bool
  ) {
    var position = 0
    for argument in arguments {
      var parameter: ParameterDeclaration?
      if let label = argument.label {
        parameter = parameters.first { $0.label.text == label.text }
        if parameter == nil, !passesOthers {
          report(
            "calls.label", "'\(name)' has no parameter '\(label.text)'", at: label.at,
            label: hint(label.text, parameters.map(\.label.text)),
            help: parameters.isEmpty
              ? nil : "its parameters are \(parameters.map(\.label.text).joined(separator: ", "))")
        }
      } else if position < parameters.count {
        parameter = parameters[position]
        position += 1
      } else {
        report(
          "calls.count", "'\(name)' has \(parameters.count) parameters, and this is one too many",
          at: argument.value.at)
      }
      // A word is no name.
      if case .words(let words)? = parameter?.type, case .name(let name) = argument.value.kind,
        words.contains(where: { $0.text == name })
      {
        continue
      }
      visit(argument.value, .body)
    }
  }

  /// Inputs of an entry: labels that there are, and no more than there are.
  mutating func checkInputs(_ arguments: [Expression.Argument], of entry: Entry, _ name: String) {
    let inputs = entry.inputs.map(\.name.text)
    for argument in arguments {
      guard let label = argument.label, !inputs.contains(label.text) else { continue }
      report("calls.label", "'\(name)' has no input '\(label.text)'", at: label.at, label: hint(label.text, inputs))
    }
    let unnamed = arguments.filter { $0.label == nil }
    guard unnamed.count > inputs.count else { return }
    report(
      "calls.count",
      "'\(name)' takes \(counted(inputs.count, "input")), and this is one too many",
      at: unnamed[inputs.count].value.at,
      help: inputs.isEmpty ? nil : "its inputs are \(inputs.joined(separator: ", "))")
  }
}
