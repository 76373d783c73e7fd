package import GraftIR

/// One graft file as it was parsed.
package struct SyntaxTree: Sendable {
  package var imports: [Import]
  package var declarations: [Declaration]

  package init(imports: [Import], declarations: [Declaration]) {
    self.imports = imports
    self.declarations = declarations
  }

  /// `import "other.graft"`
  package struct Import: Sendable {
    package let file: String
    package let at: Location

    package init(file: String, at: Location) {
      self.file = file
      self.at = at
    }
  }
}

package enum Declaration: Sendable {
  case `operator`(OperatorDeclaration)
  case preset(PresetDeclaration)
  case graft(GraftDeclaration)
  case `let`(LetDeclaration)
  case layout(LayoutDeclaration)

  /// What the lines of `///` say of it and of its parameters.
  var documentation: [String] {
    switch self {
    case .operator(let declaration): [declaration.documentation] + declaration.parameters.map(\.documentation)
    case .preset(let declaration): [declaration.documentation] + declaration.parameters.map(\.documentation)
    case .graft(let declaration): [declaration.documentation] + declaration.parameters.map(\.documentation)
    case .layout(let declaration): [declaration.documentation]
    case .let: []
    }
  }
}

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

/// `label name: Type = default`; where there is one name it is both.
package struct ParameterDeclaration: Sendable {
  package let label: Name
  package let name: Name
  /// `nil` where the type is left out, in graft functions only.
  package let type: ParameterType?
  package let defaultValue: Expression?
  /// What it is for; empty where nothing is said.
  package let documentation: String

  package init(
    label: Name, name: Name, type: ParameterType?, defaultValue: Expression?, documentation: String = ""
  ) {
    self.label = label
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
    self.documentation = documentation
  }
}

package indirect enum ParameterType: Sendable {
  case int, float, bool, text, dtype
  case list(ParameterType)
  /// `average | fresh`
  case words([Name])
  /// `[B, n] -> [B, m]`
  case `operator`(inputs: [TensorPattern], results: [TensorPattern])
}

/// `[B, N, d]`, `[..., n]`, `[B] of i64`, `[B, N, d] * n`.
package struct TensorPattern: Sendable {
  package enum Item: Sendable {
    /// `...`: any axes, at the front only.
    case ellipsis(Location)
    case size(Expression)
  }

  package let items: [Item]
  /// The type after `of`; floating point where it is left out.
  package let dtype: Name?
  /// How many there are, for a list of tensors.
  package let count: Expression?
  package let at: Location

  package init(items: [Item], dtype: Name?, count: Expression?, at: Location) {
    self.items = items
    self.dtype = dtype
    self.count = count
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

/// `let NAME = VALUE` or `let NAME(a, b) = VALUE`.
package struct LetDeclaration: Sendable {
  package let name: Name
  /// `nil` for a value, names for a function.
  package let parameters: [Name]?
  package let value: Expression
  package let at: Location

  package init(name: Name, parameters: [Name]?, value: Expression, at: Location) {
    self.name = name
    self.parameters = parameters
    self.value = value
    self.at = at
  }
}

/// `preset dit.xl2(image: Int = 256) = dit(...)`
package struct PresetDeclaration: Sendable {
  /// With its dots.
  package let name: Name
  package let parameters: [ParameterDeclaration]
  package let value: Expression
  package let documentation: String
  package let at: Location

  package init(
    name: Name, parameters: [ParameterDeclaration], value: Expression, documentation: String, at: Location
  ) {
    self.name = name
    self.parameters = parameters
    self.value = value
    self.documentation = documentation
    self.at = at
  }
}

/// `layout NAME of MODEL { ... }`: another naming of a model's tensors.
package struct LayoutDeclaration: Sendable {
  package enum Line: Sendable {
    /// `NAMES = VALUE`: tensors of a file, and what they are made of.
    case relation(names: Expression, value: Expression)
    /// `without PATH`: tensors that a file of the layout does not hold.
    case without(Expression)
  }

  package let name: Name
  package let model: Name
  package let lines: [Line]
  package let documentation: String
  package let at: Location
}

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
