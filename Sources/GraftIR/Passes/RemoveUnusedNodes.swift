extension Pass {
  /// Removes the nodes and parameters that no output and no boundary needs, and numbers values anew.
  ///
  ///     %0 = input x f32[2]          %0 = input x f32[2]
  ///     %1 = Exp(%0) f32[2]     ->   %1 = Neg(%0) f32[2]
  ///     %2 = Neg(%0) f32[2]          output y %1
  ///     output y %2
  ///
  /// Inputs stay, since callers give them.
  public static let removeUnusedNodes = Pass("RemoveUnusedNodes") { $0.removingUnusedNodes() }
}

extension Graph {
  /// A graph of some of its nodes: those of `nodes` that `outputs` need, with `inputs` for what they do not work out.
  package func part(
    named name: String, inputs: [NamedValue], nodes: [Node], outputs: [NamedValue]
  ) -> Graph {
    var part = self
    part.name = name
    part.inputs = inputs
    part.nodes = nodes
    part.outputs = outputs
    part.boundaries = []
    return part.removingUnusedNodes()
  }

  fileprivate func removingUnusedNodes() -> Graph {
    var needed = Set((outputs + boundaries).map(\.value))
    var kept: [Node] = []
    for node in nodes.reversed() where node.results.contains(where: needed.contains) {
      needed.formUnion(node.inputs)
      kept.append(node)
    }

    var result = Graph(name: name)
    var numbers: [Value: Value] = [:]
    func numbered(_ value: Value) -> Value {
      if let known = numbers[value] { return known }
      result.types.append(type(of: value))
      let new = Value(result.types.count - 1)
      numbers[value] = new
      return new
    }
    func numbered(_ named: NamedValue) -> NamedValue { NamedValue(named.name, numbered(named.value)) }
    for input in inputs { result.inputs.append(numbered(input)) }
    for parameter in parameters where needed.contains(parameter.value) {
      result.parameters.append(numbered(parameter))
    }
    for node in kept.reversed() {
      let inputs = node.inputs.map { numbered($0) }
      result.nodes.append(
        Node(
          primitive: node.primitive, attributes: node.attributes, inputs: inputs,
          results: node.results.map { numbered($0) }, path: node.path))
    }
    result.outputs = outputs.map { numbered($0) }
    result.boundaries = boundaries.map { numbered($0) }
    return result
  }
}
