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

/// What stands outermost in a file.
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
