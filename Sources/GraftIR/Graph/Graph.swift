/// A tensor in a graph, by its number.
public struct Value: Sendable, Hashable {
  /// The number.
  public let index: Int

  /// The value of that number.
  public init(_ index: Int) { self.index = index }
}

/// One use of a primitive.
public struct Node: Sendable, Hashable {
  /// The primitive's name, as `Primitives.all` lists it.
  public let primitive: String
  /// What the primitive is told beside its inputs.
  public let attributes: Attributes
  /// What it reads.
  public let inputs: [Value]
  /// What it gives.
  public let results: [Value]
  /// The module that the node belongs to, such as `blocks.3.attn`; empty for the model itself. Passes keep it.
  public let path: String

  /// A use of `primitive`.
  public init(primitive: String, attributes: Attributes, inputs: [Value], results: [Value], path: String) {
    self.primitive = primitive
    self.attributes = attributes
    self.inputs = inputs
    self.results = results
    self.path = path
  }
}

/// A tensor that a graph is given, or gives back, by name.
public struct NamedValue: Sendable, Hashable {
  /// The name.
  public let name: String
  /// The tensor.
  public let value: Value

  /// `value` under `name`.
  public init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }
}

/// One function of a program: values, numbered; inputs and parameters first come by name, all others from nodes.
///
/// Nodes stand in an order in which every value is defined before it is used. There is no mutation and no control
/// flow, so a graph is a formula. `VerifyGraph` states the rules.
public struct Graph: Sendable, Hashable {
  /// The entry of the model that it is, such as `forward`.
  public var name: String
  /// The type of each value, by its number.
  public var types: [TensorType] = []
  /// What a caller gives, in order.
  public var inputs: [NamedValue] = []
  /// The parameters that the graph reads, under their full names (`blocks.3.attn.qkv.weight`).
  public var parameters: [NamedValue] = []
  /// The uses of primitives, each after what it reads.
  public var nodes: [Node] = []
  /// What a caller gets.
  public var outputs: [NamedValue] = []
  /// What each module gave, under its path: what tracing and distillation look at.
  public var boundaries: [NamedValue] = []

  /// An empty graph.
  public init(name: String) { self.name = name }

  /// The type of `value`.
  public func type(of value: Value) -> TensorType { types[value.index] }
}

/// A tensor that a program reads from a checkpoint.
public struct Parameter: Sendable, Hashable {
  /// The full name.
  public let name: String
  /// The type, all sizes numbers.
  public let type: TensorType
  /// Whether training leaves it as it is.
  public let isFrozen: Bool

  /// A parameter of the given full name.
  public init(name: String, type: TensorType, isFrozen: Bool = false) {
    self.name = name
    self.type = type
    self.isFrozen = isFrozen
  }
}

/// Several graphs over one table of parameters.
public struct Program: Sendable, Hashable {
  /// What all graphs read, in the order of the checkpoint.
  public var parameters: [Parameter]
  /// One graph for each entry of the model, `forward` first.
  public var graphs: [Graph]

  /// A program of the given parts.
  public init(parameters: [Parameter], graphs: [Graph]) {
    self.parameters = parameters
    self.graphs = graphs
  }

  /// The graph called `name`, or `nil`.
  public func graph(named name: String) -> Graph? { graphs.first { $0.name == name } }
}
