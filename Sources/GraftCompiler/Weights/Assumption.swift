import GraftIR

/// What a person says with `--assume` because tensors do not tell it.
struct Assumption {
  /// The parts it speaks of, or `nil` for every use of the operator.
  let path: Expression?
  let symbol: OperatorSymbol
  /// By parameter label. Those of a path are worked out where its index is known.
  let arguments: [String: Expression]
  let scope: Scope
}

extension Compiler {
  /// The assumptions of the command line: `OPERATOR(label: value)`, or `PATH = OPERATOR(label: value)`.
  func assumptions(_ names: FileScope) throws(Diagnostic) -> [Assumption] {
    var result: [Assumption] = []
    for text in options.assumptions {
      // A path stands before an '=' that is outside the call.
      var path: Expression?
      var call = text
      if let sign = text.assignmentSign {
        path = try parseExpression(String(text[..<sign]), of: "--assume")
        call = String(text[text.index(after: sign)...])
      }
      result.append(try assumption(try parseExpression(call, of: "--assume"), path, text, names))
    }
    return result
  }

  private func assumption(
    _ expression: Expression, _ path: Expression?, _ text: String, _ names: FileScope
  ) throws(Diagnostic) -> Assumption {
    guard case .call(let callee, let given) = expression.kind, let name = callee.dottedName else {
      throw Diagnostic(
        "usage.assume", "'\(text)' is no operator with arguments", help: "--assume 'NAME(ARGUMENT: VALUE)'",
        category: .usage)
    }
    guard let symbol = names.operator(name) else {
      let near = suggestion(for: name, among: names.visibleOperators.map(\.name))
      throw Diagnostic(
        "usage.assume", "'\(name)' in '\(text)' is not an operator", label: near.map { "did you mean '\($0)'?" },
        category: .usage)
    }
    let labels = symbol.declaration.parameters.map(\.label.text)
    var arguments: [String: Expression] = [:]
    for argument in given {
      guard let label = argument.label?.text else {
        throw Diagnostic(
          "usage.assume", "'\(text)' does not say which argument it means",
          help: labels.first.map { "--assume '\(name)(\($0): ...)'" }, category: .usage)
      }
      guard labels.contains(label) else {
        let near = suggestion(for: label, among: labels)
        throw Diagnostic(
          "usage.assume", "'\(name)' has no parameter '\(label)'", label: near.map { "did you mean '\($0)'?" },
          category: .usage)
      }
      arguments[label] = argument.value
    }
    return Assumption(path: path, symbol: symbol, arguments: arguments, scope: Scope(parent: nil, file: names))
  }
}

extension String {
  /// The first `=` outside of all brackets that is no part of `==`, `!=`, `<=` or `>=`.
  fileprivate var assignmentSign: Index? {
    var depth = 0
    for index in indices {
      switch self[index] {
      case "(", "[", "{": depth += 1
      case ")", "]", "}": depth -= 1
      case "=":
        let before = index == startIndex ? " " : self[self.index(before: index)]
        let next = self.index(after: index)
        let after = next == endIndex ? " " : self[next]
        if depth == 0, !"=!<>".contains(before), after != "=" { return index }
      default: break
      }
    }
    return nil
  }
}
