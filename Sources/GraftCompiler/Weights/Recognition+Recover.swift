import GraftFormats
import GraftIR

/// `recover`: how an operator's arguments are read off tensors, metadata and presets.
extension Recognition {
  /// The arguments of `symbol` that the file's tensors tell, where these are one operator's own.
  func arguments(of symbol: OperatorSymbol, given: [String: Datum]) -> [String: Datum] {
    recovered(symbol, root, assuming: given)
  }

  /// The arguments that `symbol` reads off the tensors below `datum`; what it cannot read is left out.
  ///
  /// A rule may use the operator's other arguments: those that are read as well, else what a person said, the parts
  /// around know, or the default is. `trustsOpen` says whether stand-ins for what is open count as known.
  func recovered(
    _ symbol: OperatorSymbol, _ datum: Datum?, assuming assumed: [String: Datum] = [:], surroundings: [Module] = [],
    trustsOpen: Bool = true
  ) -> [String: Datum] {
    guard case .record(let tensors)? = datum else { return [:] }
    var result: [String: Datum] = [:]
    let isRecovered = Set(symbol.recoveries.map(\.0.text))
    var known = assumed
    for parameter in symbol.declaration.parameters where known[parameter.label.text] == nil {
      let label = parameter.label.text
      if isRecovered.contains(label) { continue }
      if let value = parameter.defaultValue {
        let environment = Environment(scope: Scope(parent: nil, file: symbol.file), place: .compileTime)
        known[label] = try? evaluator.defaultValue(value, for: parameter, environment)
      } else {
        let module = surroundings.first { $0.known(label) != nil }
        if trustsOpen || module?.openArguments.contains(label) == false { known[label] = module?.known(label) }
      }
    }
    // A rule may use what another one gives, whichever stands first.
    for _ in 0..<4 {
      let before = result.count
      for (name, expression) in symbol.recoveries where result[name.text] == nil {
        guard let parameter = symbol.declaration.parameters.first(where: { $0.label.text == name.text }) else {
          continue
        }
        var names = tensors
        for other in symbol.declaration.parameters {
          if let value = result[other.label.text] ?? known[other.label.text] {
            names[other.label.text] = value
            names[other.name.text] = value
          }
        }
        guard let value = recoveredValue(expression, names, symbol, result),
          let checked = try? evaluator.checked(value, for: parameter, what: symbol.name, at: expression.at)
        else { continue }
        result[name.text] = checked
      }
      if result.count == before { break }
    }
    return result
  }

  private func recoveredValue(
    _ expression: Expression, _ names: [String: Datum], _ symbol: OperatorSymbol, _ known: [String: Datum]
  ) -> Datum? {
    if case .call(let callee, let arguments) = expression.kind, arguments.count == 1,
      let argument = arguments.first?.value
    {
      if callee.dottedName == "noted", case .text(let parts) = argument.kind, case .literal(let key)? = parts.first {
        return noted(key)
      }
      if callee.dottedName == "alike", let label = argument.dottedName, let value = known[label] {
        return presetValue(symbol, label, value, known)
      }
    }
    let scope = Scope(parent: nil, file: symbol.file, names: names)
    return try? evaluator.evaluate(expression, Environment(scope: scope, place: .compileTime))
  }

  /// What the metadata notes under `key`, whatever it is nested in.
  private func noted(_ key: String) -> Datum? {
    let found = metadata.keys.sorted().first { $0 == key || $0.hasSuffix("/" + key) }
    guard let text = found.flatMap({ metadata[$0] }), let number = Number(literal: text) else { return nil }
    return .number(number)
  }

  /// For each argument still open: what every preset says whose `label` is `value`, where they agree.
  private func presetValue(
    _ symbol: OperatorSymbol, _ label: String, _ value: Datum, _ known: [String: Datum]
  ) -> Datum? {
    guard let open = symbol.recoveries.first(where: { known[$0.0.text] == nil && isPresetRule($0.1) })?.0.text else {
      return nil
    }
    var answer: Datum?
    for preset in names.visiblePresets {
      guard let operation = try? evaluator.operation(preset, [:], at: preset.declaration.at),
        case .symbol(let target) = operation.target, target == symbol,
        let given = operation.arguments[label], given.equals(value) == true, let found = operation.arguments[open]
      else { continue }
      if let answer, answer.equals(found) != true { return nil }
      answer = found
    }
    return answer
  }

  /// Whether a rule reads nothing that the file should hold: what a layout leaves out tells nothing.
  func isHearsay(_ rule: Expression) -> Bool {
    rule.isHearsay || (!omitted.isEmpty && rule.readPaths.contains { omitted.contains($0.joined(separator: ".")) })
  }

  private func isPresetRule(_ expression: Expression) -> Bool {
    guard case .call(let callee, _) = expression.kind else { return false }
    return callee.dottedName == "alike"
  }
}

extension Expression {
  /// Whether a `recover` rule reads metadata or presets, and no tensors.
  var isHearsay: Bool {
    guard case .call(let callee, _) = kind else { return false }
    return callee.dottedName == "alike" || callee.dottedName == "noted"
  }
}
