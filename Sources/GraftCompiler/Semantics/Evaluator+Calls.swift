import GraftFormats
import GraftIR

extension Evaluator {
  func call(
    _ callee: Expression, _ arguments: [Expression.Argument], at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    guard let name = callee.dottedName else {
      return try apply(try evaluate(callee, environment), arguments, at: at, environment)
    }
    let first = String(name.prefix { $0 != "." })
    let isPlain = first.utf8.count == name.utf8.count
    let local = environment.scope.lookup(first)
    if let local {
      if isPlain { return try apply(local, arguments, at: at, environment) }
      return try apply(try evaluate(callee, environment), arguments, at: at, environment)
    }
    try refuseBroken(first, at: callee.at, environment)
    if let frame = environment.frame {
      // What stands in the module comes first, then functions: 'linear' may be a part, and is a function too.
      if frame.module.part(first) != nil {
        return try apply(try evaluate(callee, environment), arguments, at: at, environment)
      }
      if isPlain, let symbol = frame.module.symbol, symbol.entry(name) != nil {
        let values = try evaluated(arguments, environment)
        return try frame.tracer.call(
          frame.module, path: frame.path, entry: name, values, at: at, caller: environment, self, surplus: .refused)
      }
      if isPlain, let function = try fileFunction(name, at: callee.at, environment) {
        return try apply(function, arguments, at: at, environment)
      }
      if isPlain, let builtin = Builtin.named(name) {
        return try builtin.call(arguments, at: at, self, environment)
      }
    } else {
      if case .graft(let state) = environment.place, isPlain,
        let datum = try state.call(name, arguments, at: at, environment, self)
      {
        return datum
      }
      if let symbol = environment.scope.file.operator(name) {
        let given = try bound(arguments, to: symbol.declaration.parameters, what: name, at: at, environment)
        return .operation(Operation(target: .symbol(symbol), arguments: given, start: nil, at: at))
      }
      if let preset = environment.scope.file.preset(name) {
        let parameters = preset.declaration.parameters
        var given: [String: Datum] = [:]
        given = try bound(arguments, to: parameters, what: name, at: at, environment, passesOthers: true)
        return .operation(try operation(preset, given, at: at))
      }
      if isPlain, let function = try fileFunction(name, at: callee.at, environment) {
        return try apply(function, arguments, at: at, environment)
      }
      if isPlain, let builtin = Builtin.named(name) {
        return try builtin.call(arguments, at: at, self, environment)
      }
      // A part of the model, where no operator has its name.
      if case .graft(let state) = environment.place, state.architecture.part(first) != nil || first == "model" {
        return try apply(try evaluate(callee, environment), arguments, at: at, environment)
      }
    }
    throw unknownOperator(name, at: callee.at, environment)
  }

  func unknownOperator(_ name: String, at: Location, _ environment: Environment) -> Diagnostic {
    let file = environment.scope.file
    var names = file.visibleOperators.map(\.name) + file.visiblePresets.map(\.name)
    if let frame = environment.frame {
      names = frame.module.parts.map(\.name) + environment.scope.visibleNames + Builtin.names
      for file in file.searchOrder { names += file.lets.keys.sorted() }
    } else {
      names += Builtin.names
    }
    let label = (Builtin.meant(by: name) ?? suggestion(for: name, among: names)).map { "did you mean '\($0)'?" }
    let what = environment.frame == nil ? "an operator" : "a function or part"
    return Diagnostic("names.unknown-operator", "'\(name)' is not \(what)", at: at, label: label)
  }

  private func fileFunction(
    _ name: String, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum? {
    guard let (declaration, file) = environment.scope.file.let(name) else { return nil }
    let scope = Scope(parent: nil, file: file)
    guard let parameters = declaration.parameters else {
      return try evaluate(declaration.value, environment.inside(scope))
    }
    return .function(
      Function(name: name, parameters: parameters.map(\.text), body: declaration.value, scope: scope))
  }

  func evaluated(
    _ arguments: [Expression.Argument], _ environment: Environment
  ) throws(Diagnostic) -> [(label: Name?, value: Datum, at: Location)] {
    var result: [(label: Name?, value: Datum, at: Location)] = []
    for argument in arguments {
      result.append((argument.label, try evaluate(argument.value, environment), argument.value.at))
    }
    return result
  }

  private func apply(
    _ callee: Datum, _ arguments: [Expression.Argument], at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    switch callee {
    case .function(let function):
      let values = try evaluated(arguments, environment)
      guard values.count == function.parameters.count else {
        throw Diagnostic(
          "calls.count",
          "'\(function.name)' takes \(function.parameters.count) arguments, and here are \(values.count)",
          at: at)
      }
      var names: [String: Datum] = [:]
      for (position, value) in values.enumerated() {
        let name = value.label?.text ?? function.parameters[position]
        guard function.parameters.contains(name), names[name] == nil else {
          throw Diagnostic("calls.label", "'\(function.name)' has no argument '\(name)' left", at: value.at)
        }
        names[name] = value.value
      }
      return try evaluate(function.body, environment.inside(function.scope).adding(names))
    case .module(let module): return try computed(module, arguments, at: at, environment)
    case .selection(let selection):
      guard case .graft(let state) = environment.place else { break }
      return try computed(try state.module(selection, at: at), arguments, at: at, environment)
    case .part(let module, let path):
      guard let frame = environment.frame else {
        throw Diagnostic("calls.forward", "a part is called in a forward only", at: at)
      }
      let values = try evaluated(arguments, environment)
      return try frame.tracer.callPart(module, path: path, values, at: at, caller: environment, self)
    case .operation(var operation):
      guard case .symbol(let symbol) = operation.target, operation.arguments.isEmpty, operation.start == nil else {
        break
      }
      operation.arguments = try bound(
        arguments, to: symbol.declaration.parameters, what: symbol.name, at: at, environment)
      return .operation(operation)
    default: break
    }
    throw Diagnostic("calls.callable", "\(callee.kindText) cannot be called", at: at)
  }

  /// The arguments of an operator or preset by label, each of the type that its parameter says.
  func bound(
    _ arguments: [Expression.Argument], to parameters: [ParameterDeclaration], what: String, at: Location,
    _ environment: Environment, passesOthers: Bool = false
  ) throws(Diagnostic) -> [String: Datum] {
    var result: [String: Datum] = [:]
    var position = 0
    for argument in arguments {
      let parameter: ParameterDeclaration?
      if let label = argument.label {
        parameter = parameters.first { $0.label.text == label.text }
        if parameter == nil {
          if passesOthers {
            let value = try evaluate(argument.value, environment)
            // A path means its part, and only here is known which model it is a path of.
            if case .selection = value {
              result[label.text] = .operation(try operation(value, at: argument.value.at, environment))
            } else {
              result[label.text] = value
            }
            continue
          }
          let hint = suggestion(for: label.text, among: parameters.map(\.label.text))
          throw Diagnostic(
            "calls.label", "'\(what)' has no parameter '\(label.text)'", at: label.at,
            label: hint.map { "did you mean '\($0)'?" },
            help: parameters.isEmpty
              ? nil : "its parameters are \(parameters.map(\.label.text).joined(separator: ", "))")
        }
      } else {
        guard position < parameters.count else {
          throw Diagnostic(
            "calls.count", "'\(what)' has \(parameters.count) parameters, and this is one too many",
            at: argument.value.at)
        }
        parameter = parameters[position]
        position += 1
      }
      guard let parameter else { continue }
      if result[parameter.label.text] != nil {
        throw Diagnostic("calls.twice", "'\(parameter.label.text)' is given twice", at: argument.value.at)
      }
      result[parameter.label.text] = try value(of: argument.value, for: parameter, what: what, environment)
    }
    return result
  }

  private func value(
    of expression: Expression, for parameter: ParameterDeclaration, what: String, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    if case .words(let words)? = parameter.type, case .name(let name) = expression.kind {
      if words.contains(where: { $0.text == name }) { return .word(name) }
      if environment.scope.lookup(name) == nil, environment.scope.file.let(name) == nil {
        let near = suggestion(for: name, among: words.map(\.text))
        throw Diagnostic(
          "calls.type",
          "'\(parameter.label.text)' of '\(what)' is \(ParameterType.words(words).text), and not '\(name)'",
          at: expression.at, label: near.map { "did you mean '\($0)'?" })
      }
    }
    if parameter.operatorType != nil { return .operation(try operation(expression, environment)) }
    let datum = try evaluate(expression, environment)
    return try checked(datum, for: parameter, what: what, at: expression.at)
  }

  /// `datum` where it is what `parameter` takes.
  func checked(
    _ datum: Datum, for parameter: ParameterDeclaration, what: String, at: Location
  ) throws(Diagnostic) -> Datum {
    guard let type = parameter.type else { return datum }
    if case .list = datum { try spend(size(of: datum), at: at) }
    if case .number(let number) = datum, case .int = type {
      guard number.whole != nil else {
        throw Diagnostic(
          "values.whole", "'\(parameter.label.text)' must be whole, and is \(number.short)", at: at,
          help: "round(...) or floor(...)")
      }
      return datum
    }
    if case .text(let word) = datum, case .words(let words) = type, words.contains(where: { $0.text == word }) {
      return .word(word)
    }
    if type.accepts(datum) { return datum }
    throw Diagnostic(
      "calls.type", "'\(parameter.label.text)' of '\(what)' is \(type.text), and this is \(datum.kindText)", at: at)
  }

  /// What the text of a preset gives. What is wrong there is so because of the `settings` that its call gives, and told
  /// at that.
  private func presetValue(
    _ preset: PresetSymbol, _ environment: Environment, _ settings: [String], at: Location
  ) throws(Diagnostic) -> Datum {
    do throws(Diagnostic) { return try evaluate(preset.declaration.value, environment) } catch {
      guard let place = error.location, place.file.hasPrefix("prelude/") else { throw error }
      let call = preset.name + (settings.isEmpty ? "" : " with \(settings.joined(separator: ", "))")
      throw Diagnostic(
        error.rule, "'\(call)': \(error.message)", at: at, label: error.label, help: error.help,
        category: error.category)
    }
  }

  /// What a preset stands for with these arguments; labels that it does not have go on to the model.
  func operation(
    _ preset: PresetSymbol, _ arguments: [String: Datum], at: Location
  ) throws(Diagnostic) -> Operation {
    var rest = arguments
    var environment = Environment(scope: Scope(parent: nil, file: preset.file), place: .compileTime)
    var settings: [String] = []
    for parameter in preset.declaration.parameters {
      let value: Datum
      if let given = rest.removeValue(forKey: parameter.label.text) {
        value = given
      } else if let expression = parameter.defaultValue {
        let standard = try defaultValue(expression, for: parameter, environment)
        value = try checked(standard, for: parameter, what: preset.name, at: expression.at)
      } else {
        throw Diagnostic("calls.missing", "'\(preset.name)' needs '\(parameter.label.text)'", at: at)
      }
      if let text = value.interpolated { settings.append("\(parameter.label.text) \(text)") }
      environment = environment.adding([parameter.name.text: value])
      environment.scope = environment.scope.adding(wordsOf: parameter)
    }
    guard case .operation(var operation) = try presetValue(preset, environment, settings, at: at),
      case .symbol(let symbol) = operation.target
    else {
      throw Diagnostic("names.preset", "'\(preset.name)' stands for no operator", at: preset.declaration.value.at)
    }
    for (label, value) in rest.sorted(by: { $0.key < $1.key }) {
      guard let parameter = symbol.declaration.parameters.first(where: { $0.label.text == label }) else {
        let known = preset.declaration.parameters.map(\.label.text) + symbol.declaration.parameters.map(\.label.text)
        throw Diagnostic(
          "calls.label", "'\(preset.name)' has no parameter '\(label)'", at: at,
          label: suggestion(for: label, among: known).map { "did you mean '\($0)'?" })
      }
      operation.arguments[label] = try checked(value, for: parameter, what: preset.name, at: at)
    }
    return Operation(
      target: operation.target, arguments: operation.arguments, start: operation.start, at: at,
      setting: settings.isEmpty ? nil : settings.joined(separator: ", "))
  }
}

extension ParameterType {
  /// How messages spell it.
  var text: String {
    switch self {
    case .int: "Int"
    case .float: "Float"
    case .bool: "Bool"
    case .text: "Text"
    case .dtype: "DType"
    case .list(let type): "[\(type.text)]"
    case .words(let words): words.map(\.text).joined(separator: " | ")
    case .operator: "an operator"
    }
  }

  func accepts(_ datum: Datum) -> Bool {
    switch (self, datum) {
    case (.int, .number(let number)): number.whole != nil
    case (.float, .number), (.bool, .bool), (.text, .text), (.dtype, .dtype), (.operator, .operation),
      (.operator, .selection), (.operator, .module):
      true
    case (.operator, .list(let values)): values.allSatisfy { accepts($0) }
    case (.words(let words), .word(let word)): words.contains { $0.text == word }
    case (.list(let type), .list(let values)): values.allSatisfy { type.accepts($0) }
    default: false
    }
  }
}
