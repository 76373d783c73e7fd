package import GraftIR

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

/// The type of a parameter: `Int`, `[Float]`, words, or what an operator takes and gives.
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
