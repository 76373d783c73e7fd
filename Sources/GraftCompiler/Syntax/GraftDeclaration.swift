package import GraftIR

/// `graft "name"(...) { ... }`
package struct GraftDeclaration: Sendable {
  package let name: Name
  package let parameters: [ParameterDeclaration]
  package let statements: [GraftStatement]
  package let documentation: String
  package let at: Location

  package init(
    name: Name, parameters: [ParameterDeclaration], statements: [GraftStatement], documentation: String, at: Location
  ) {
    self.name = name
    self.parameters = parameters
    self.statements = statements
    self.documentation = documentation
    self.at = at
  }
}

/// One line of a graft.
package struct GraftStatement: Sendable {
  package let kind: Kind
  package let at: Location

  package init(_ kind: Kind, at: Location) {
    self.kind = kind
    self.at = at
  }

  package enum Kind: Sendable {
    /// `base MODEL from FILE`; the model is `nil` for `auto`.
    case base(model: Expression?, source: Source)
    case replace(Expression, with: Expression)
    case remove(Expression)
    case parallelize(Expression, grouping: Grouping, with: Expression)
    case `let`(LetDeclaration)
    case require(Expression)
    case emit(Emit)
    /// `distill PATH (...)` and `finetune (...)`: checked and kept, not run.
    case training(Name, path: Expression?, arguments: [Expression.Argument])
  }

  package enum Source: Sendable {
    case from(Expression, layout: Name?)
    case fresh(seed: Expression?)
    case noise(seed: Expression?)
  }

  package enum Grouping: Sendable {
    case pairs
    case groups(Expression)
    case lists(Expression)
  }

  package struct Emit: Sendable {
    package let file: Expression
    /// `as bf16, f32 for PATH`: the first without a path is for all.
    package let dtypes: [(Name, path: Expression?)]
    package let layout: Name?
    package let shardSize: Expression?

    package init(file: Expression, dtypes: [(Name, path: Expression?)], layout: Name?, shardSize: Expression?) {
      self.file = file
      self.dtypes = dtypes
      self.layout = layout
      self.shardSize = shardSize
    }
  }
}
