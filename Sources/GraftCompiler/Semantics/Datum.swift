package import GraftIR
package import GraftFormats

/// What an expression of the language can be.
package indirect enum Datum: Sendable {
  case number(Number)
  case bool(Bool)
  case text(String)
  /// One of the words that a parameter's type lists.
  case word(String)
  case dtype(DType)
  case list([Datum])
  /// Named entries, as JSON files hold them.
  case record([String: Datum])
  /// Several results of an entry.
  case tuple([Datum])
  case tensor(TracedTensor)
  /// How a tensor's first values are drawn; the seed comes from where it is placed.
  case distribution(Draw.Distribution)
  /// An operator with arguments, not yet placed.
  case operation(Operation)
  /// Parts of the model, by path.
  case selection(Selection)
  /// A part with its weights.
  case module(Module)
  case function(Function)
  /// A part that is called in a forward, with its path in the model.
  case part(Module, path: String)

  /// What messages call it.
  package var kindText: String {
    switch self {
    case .number: "a number"
    case .bool: "a truth value"
    case .text: "a text"
    case .word: "a word"
    case .dtype: "a type"
    case .list: "a list"
    case .record: "a record"
    case .tuple: "several results"
    case .tensor: "a tensor"
    case .distribution: "a distribution"
    case .operation: "an operator"
    case .selection: "a path"
    case .module, .part: "a part"
    case .function: "a function"
    }
  }
}

extension Datum {
  /// Whether it is a value by itself: no operator, path or tensor.
  package var isPlain: Bool {
    switch self {
    case .number, .bool, .text, .dtype, .list: true
    case .word, .record, .tuple, .tensor, .distribution, .operation, .selection, .module, .function, .part: false
    }
  }
}

/// A tensor in the making: a value of the graph that is being built, or a formula over weights.
package struct TracedTensor: Sendable {
  package enum Origin: Sendable {
    case value(Value)
    case weight(WeightExpression)
  }

  package let origin: Origin
  package let type: TensorType
  /// What it is shared by, where it was named so: `shared blocks[0].proj.weight`.
  package var share: SharedTensor?

  package init(origin: Origin, type: TensorType, share: SharedTensor? = nil) {
    self.origin = origin
    self.type = type
    self.share = share
  }
}

/// A call of an operator, model or preset in which some arguments may be missing.
package struct Operation: Sendable {
  package enum Target: Sendable {
    case symbol(OperatorSymbol)
    /// A part with its weights, as `old starting { ... }` has it.
    case module(Module)
    /// `[a(), b()]` or `a() * 3`: a list of operators, called like one.
    case list([Operation])
  }

  package let target: Target
  /// By parameter label.
  package var arguments: [String: Datum]
  package var start: StartClause?
  package let at: Location
  /// What was said to the preset that stands for this call, for messages: `image 512`.
  var setting: String?
  /// Parts by name that are known already, as a checkpoint describes them: the body does not make these.
  package var parts: [String: Module] = [:]
  /// The sizes that the letters of its parameters' types stand for, where they are known already.
  package var letters: [String: Int] = [:]

  package init(
    target: Target, arguments: [String: Datum] = [:], start: StartClause? = nil, at: Location, setting: String? = nil
  ) {
    self.target = target
    self.arguments = arguments
    self.start = start
    self.at = at
    self.setting = setting
  }
}

/// A `starting` clause with the scope that its expressions are read in.
package struct StartClause: Sendable {
  package let syntax: Start
  package let scope: Scope
}

/// A function made by `let NAME(...) = ...`.
package struct Function: Sendable {
  package let name: String
  package let parameters: [String]
  package let body: Expression
  package let scope: Scope
}

/// Parts of the model that a path names, in order, each with the indices that its brackets bound.
package struct Selection: Sendable {
  package struct Item: Sendable {
    package let path: [String]
    package let bindings: [(String, Number)]
  }

  package let items: [Item]
  /// Whether the path ends at a whole list, named without brackets.
  package let isWholeList: Bool
}
