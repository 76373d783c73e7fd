import GraftIR

extension Compiler {
  /// Looks for words in an operator's body that can mean nothing, so that an unused operator is checked too.
  func checkNames(_ symbol: OperatorSymbol) {
    var names = Set(symbol.declaration.parameters.map(\.name.text))
    for parameter in symbol.declaration.parameters {
      if case .words(let words)? = parameter.type { names.formUnion(words.map(\.text)) }
    }
    collect(symbol.declaration.members, into: &names)
    for case .part(_, let expression) in symbol.declaration.members { checkCalls(expression, symbol, names) }
  }

  private func collect(_ members: [Member], into names: inout Set<String>) {
    for member in members {
      switch member {
      case .let(let declaration): names.insert(declaration.name.text)
      case .part(let name, _): names.insert(name.text)
      case .parameter(let declaration), .table(let declaration): names.insert(declaration.name.text)
      case .entry(let entry): names.insert(entry.name.text)
      case .conditional(_, let then, let otherwise):
        collect(then, into: &names)
        collect(otherwise, into: &names)
      case .loop(let binding, let body):
        names.insert(binding.name.text)
        collect(body, into: &names)
      case .adopt, .recover, .cost: break
      }
    }
  }

  /// Reports operators that nobody declares, at the top of a part.
  private func checkCalls(_ expression: Expression, _ symbol: OperatorSymbol, _ names: Set<String>) {
    switch expression.kind {
    case .call(let callee, _):
      guard let name = callee.dottedName, !names.contains(name), symbol.file.operator(name) == nil,
        symbol.file.preset(name) == nil, symbol.file.let(name) == nil, Builtin.named(name) == nil
      else { return }
      let known = symbol.file.visibleOperators.map(\.name) + symbol.file.visiblePresets.map(\.name)
      let label = suggestion(for: name, among: known).map { "did you mean '\($0)'?" }
      report(Diagnostic("names.unknown-operator", "'\(name)' is not an operator", at: callee.at, label: label))
    case .list(let items): for item in items { checkCalls(item, symbol, names) }
    case .binary(.multiply, let left, _, _): checkCalls(left, symbol, names)
    case .starting(let inner, _): checkCalls(inner, symbol, names)
    default: break
    }
  }
}
