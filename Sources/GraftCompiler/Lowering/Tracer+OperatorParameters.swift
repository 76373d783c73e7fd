import GraftIR

/// Calls of parts, and the types that parameters say of the operators they are given.
extension Tracer {
  /// What the part at `path` gives for `arguments`; one that stands for an operator parameter is held to its type.
  func callPart(
    _ part: Module, path: String, _ arguments: [Argument], at: Location, caller: Environment, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum {
    guard let frame = caller.frame,
      let parameter = frame.module.symbol?.operatorParameters.first(where: { join(frame.path, $0.name.text) == path }),
      let type = parameter.operatorType
    else { return try call(part, path: path, entry: "forward", arguments, at: at, caller: caller, evaluator) }
    let name = parameter.name.text
    let environment = Environment(scope: frame.module.scope, place: .forward(frame))
    var bound = PatternBinding()
    for (pattern, argument) in zip(type.inputs, arguments) where argument.label == nil {
      try bound.match(pattern, argument.value, what: "what '\(name)' takes", at: argument.at, environment, evaluator)
    }
    let result = try call(part, path: path, entry: "forward", arguments, at: at, caller: caller, evaluator)
    let results: [Datum] = if case .tuple(let several) = result { several } else { [result] }
    guard results.count == type.results.count else {
      throw Diagnostic(
        "calls.count", "'\(name)' gives \(type.results.count) results, and '\(part.operatorName)' \(results.count)",
        at: at)
    }
    for (pattern, value) in zip(type.results, results) {
      try bound.match(pattern, value, what: "what '\(name)' gives", at: at, environment, evaluator)
    }
    return result
  }
}
