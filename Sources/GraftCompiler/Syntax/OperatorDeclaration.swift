package import GraftIR

/// `operator NAME(...) { ... }` or `model NAME(...) { ... }`.
package struct OperatorDeclaration: Sendable {
  package let isModel: Bool
  package let name: Name
  package let parameters: [ParameterDeclaration]
  package let members: [Member]
  /// The lines of `///` in front, without the slashes.
  package let documentation: String
  /// The whole declaration, documentation included.
  package let at: Location

  package init(
    isModel: Bool, name: Name, parameters: [ParameterDeclaration], members: [Member], documentation: String,
    at: Location
  ) {
    self.isModel = isModel
    self.name = name
    self.parameters = parameters
    self.members = members
    self.documentation = documentation
    self.at = at
  }
}

/// What stands in the braces of an operator or model.
package enum Member: Sendable {
  case `let`(LetDeclaration)
  /// `NAME = OPERATOR`
  case part(Name, Expression)
  /// `param NAME: SHAPE = VALUE frozen`
  case parameter(TensorDeclaration)
  /// `table NAME: SHAPE = VALUE`
  case table(TensorDeclaration)
  case entry(Entry)
  case adopt(Adopt)
  /// `recover NAME = VALUE`
  case recover(Name, Expression)
  /// `cost { NAME = VALUE ... }`
  case cost([(Name, Expression)], at: Location)
  case conditional(Expression, then: [Member], else: [Member])
  case loop(Expression.Binding, [Member])
}

/// A tensor of an operator: what stands behind `param` or `table`.
package struct TensorDeclaration: Sendable {
  package let name: Name
  package let shape: TensorPattern
  package let initial: Expression?
  package let isFrozen: Bool

  package init(name: Name, shape: TensorPattern, initial: Expression?, isFrozen: Bool) {
    self.name = name
    self.shape = shape
    self.initial = initial
    self.isFrozen = isFrozen
  }
}

/// `forward(x: [B, N, d]) -> [B, N, d] { ... }`, and others declared like it.
package struct Entry: Sendable {
  package struct Input: Sendable {
    package let name: Name
    package let pattern: TensorPattern

    package init(name: Name, pattern: TensorPattern) {
      self.name = name
      self.pattern = pattern
    }
  }

  package let name: Name
  package let inputs: [Input]
  package let results: [TensorPattern]
  package let body: [Statement]

  package init(name: Name, inputs: [Input], results: [TensorPattern], body: [Statement]) {
    self.name = name
    self.inputs = inputs
    self.results = results
    self.body = body
  }
}

/// `adopt NAME: OPERATOR { ... }`
package struct Adopt: Sendable {
  package let name: Name
  package let operatorName: Name
  package let assignments: [Assignment]

  package init(name: Name, operatorName: Name, assignments: [Assignment]) {
    self.name = name
    self.operatorName = operatorName
    self.assignments = assignments
  }
}

/// What stands in the braces of an entry.
package enum Statement: Sendable {
  /// `let NAME = VALUE`, `let (a, b) = VALUE`; with parameters, a function.
  case `let`(LetDeclaration)
  case destructure([Name], Expression)
  /// `NAME = VALUE`: another value for a name of this entry.
  case assign(Name, Expression)
  case `return`(Expression)
  case conditional(Expression, then: [Statement], else: [Statement])
  case loop(Expression.Binding, [Statement])
}
