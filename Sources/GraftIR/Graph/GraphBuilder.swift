/// Makes a graph node by node, inferring each type as it goes.
public struct GraphBuilder {
  /// What has been built so far.
  public private(set) var graph: Graph
  private var parameterValues: [String: Value] = [:]
  private var known: [Key: [Value]] = [:]

  private struct Key: Hashable {
    let primitive: String
    let attributes: Attributes
    let inputs: [Value]
  }

  /// Starts an empty graph called `name`.
  public init(name: String) { graph = Graph(name: name) }

  /// Declares an input.
  public mutating func input(_ name: String, _ type: TensorType) -> Value {
    let value = newValue(type)
    graph.inputs.append(NamedValue(name, value))
    return value
  }

  /// The parameter called `name`; the same value each time.
  public mutating func parameter(_ name: String, _ type: TensorType) -> Value {
    if let value = parameterValues[name] { return value }
    let value = newValue(type)
    graph.parameters.append(NamedValue(name, value))
    parameterValues[name] = value
    return value
  }

  /// Adds a use of `primitive` and gives its results. The same use of the same inputs is made once, whichever
  /// module asks: a primitive is a function.
  ///
  /// - Throws: what the primitive's shape rule says.
  public mutating func node(
    _ primitive: Primitive, _ inputs: [Value], _ attributes: Attributes = [:], path: String = ""
  ) throws(Diagnostic) -> [Value] {
    let key = Key(primitive: primitive.name, attributes: attributes, inputs: inputs)
    if let results = known[key] { return results }
    let types = try primitive.infer(inputs.map { graph.type(of: $0) }, attributes)
    let results = types.map { newValue($0) }
    graph.nodes.append(
      Node(primitive: primitive.name, attributes: attributes, inputs: inputs, results: results, path: path))
    known[key] = results
    return results
  }

  /// Names what the module at `path` gave.
  public mutating func boundary(_ path: String, _ value: Value) { graph.boundaries.append(NamedValue(path, value)) }

  /// Names a result of the graph.
  public mutating func output(_ name: String, _ value: Value) { graph.outputs.append(NamedValue(name, value)) }

  /// The type of `value`.
  public func type(of value: Value) -> TensorType { graph.type(of: value) }

  private mutating func newValue(_ type: TensorType) -> Value {
    graph.types.append(type)
    return Value(graph.types.count - 1)
  }
}
