package import GraftIR

/// A name as it stands in a file.
package struct Name: Sendable, Hashable {
  package let text: String
  package let at: Location

  package init(_ text: String, at: Location) {
    self.text = text
    self.at = at
  }
}

/// A formula of graft text: numbers, paths, operators, lists.
///
/// The parser caps `depth`, so walking and releasing the tree need no more than a small stack.
package struct Expression: Sendable {
  package let kind: Kind
  package let at: Location
  /// One more than the deepest operand.
  package let depth: Int

  package init(_ kind: Kind, at: Location, depth: Int) {
    self.kind = kind
    self.at = at
    self.depth = depth
  }

  package indirect enum Kind: Sendable {
    /// As written, with its suffix: `4`, `1e-4`, `0.5`, `676M`, `2GiB`, `675_371_552`.
    case number(String)
    case text([TextPart])
    case bool(Bool)
    /// A name: of a value, a function, an operator, an entry of a word list, a dtype.
    case name(String)
    case list([Expression])
    /// `[value for NAME in LIST where CONDITION]`
    case comprehension(Expression, Binding)
    /// `a..<b`, `a...b`, either with `step s`
    case range(lower: Expression, upper: Expression, isClosed: Bool, step: Expression?)
    case call(Expression, [Argument])
    /// `a.b`
    case member(Expression, Name)
    /// `a.{b, c}`
    case members(Expression, [Name])
    /// `a[...]`
    case index(Expression, [IndexItem])
    case unary(UnaryOperator, Expression)
    /// The location of the operator's sign is kept for messages.
    case binary(BinaryOperator, Expression, Expression, sign: Location)
    /// `if C then A else B`
    case conditional(Expression, Expression, Expression)
    /// `shared PATH`
    case shared(Expression)
    /// `OPERATOR starting ...`
    case starting(Expression, Start)
    /// `(a, b)`: several results of an entry.
    case tuple([Expression])
  }

  package enum TextPart: Sendable {
    case literal(String)
    case value(Expression)
  }

  package struct Argument: Sendable {
    package let label: Name?
    package let value: Expression

    package init(label: Name?, value: Expression) {
      self.label = label
      self.value = value
    }
  }

  package enum IndexItem: Sendable {
    case value(Expression)
    case binding(Binding)
  }

  /// `NAME in LIST where CONDITION`
  package struct Binding: Sendable {
    package let name: Name
    package let list: Expression
    package let condition: Expression?

    package init(name: Name, list: Expression, condition: Expression?) {
      self.name = name
      self.list = list
      self.condition = condition
    }
  }

  package enum UnaryOperator: String, Sendable { case minus = "-", not }

  package enum BinaryOperator: String, Sendable {
    case add = "+", subtract = "-", multiply = "*", divide = "/", remainder = "%", power = "**"
    case equal = "==", notEqual = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
    case and, or, `in`, notIn = "not in", `is`, isNot = "is not"
  }
}

/// What stands after `starting`.
package struct Start: Sendable {
  package enum Base: Sendable {
    case fresh(seed: Expression?)
    case adopted
    case from(Expression)
  }

  /// `nil` where only parts are named.
  package let base: Base?
  package let assignments: [Assignment]
  package let at: Location

  package init(base: Base?, assignments: [Assignment], at: Location) {
    self.base = base
    self.assignments = assignments
    self.at = at
  }
}

/// `PATH = VALUE` inside `starting { ... }`, `adopt ... { ... }` and the like.
package struct Assignment: Sendable {
  package let target: Expression
  package let value: Expression

  package init(target: Expression, value: Expression) {
    self.target = target
    self.value = value
  }
}
