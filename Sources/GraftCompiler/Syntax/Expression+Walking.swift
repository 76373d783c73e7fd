extension Expression {
  /// The parts of the expression that are expressions themselves, in the order of the text.
  package var children: [Expression] {
    switch kind {
    case .number, .bool, .name: []
    case .text(let parts):
      parts.compactMap {
        if case .value(let value) = $0 { return value }
        return nil
      }
    case .list(let items), .tuple(let items): items
    case .comprehension(let value, let binding): [value] + binding.children
    case .range(let lower, let upper, _, let step): [lower, upper] + (step.map { [$0] } ?? [])
    case .call(let callee, let arguments): [callee] + arguments.map(\.value)
    case .member(let base, _), .members(let base, _): [base]
    case .index(let base, let items):
      [base]
        + items.flatMap { item in
          switch item {
          case .value(let value): [value]
          case .binding(let binding): binding.children
          }
        }
    case .unary(_, let operand), .shared(let operand): [operand]
    case .binary(_, let left, let right, _): [left, right]
    case .conditional(let condition, let yes, let no): [condition, yes, no]
    case .starting(let operation, let start): [operation] + start.children
    }
  }

  /// Calls `visit` with the expression and all inside it, outermost first.
  package func forEach(_ visit: (Expression) -> Void) {
    visit(self)
    for child in children { child.forEach(visit) }
  }

  /// The expressions inside it, itself included, that are wanted.
  func all(_ isWanted: (Expression) -> Bool) -> [Expression] {
    var found: [Expression] = []
    forEach { if isWanted($0) { found.append($0) } }
    return found
  }
}

extension Expression.Binding {
  fileprivate var children: [Expression] { [list] + (condition.map { [$0] } ?? []) }
}

extension Start {
  /// The expressions of the clause; the targets of assignments name parts, and are left out.
  fileprivate var children: [Expression] {
    var result: [Expression] = []
    switch base {
    case .fresh(let seed?)?: result.append(seed)
    case .from(let file)?: result.append(file)
    case .fresh(nil)?, .adopted?, nil: break
    }
    return result + assignments.map(\.value)
  }
}
