extension FormulaTable {
  /// The formula of every value of `graph`, by its number.
  ///
  /// Inputs are leaves by name and type, so that graphs that take the same inputs meet; `parameter` says what a
  /// parameter holds.
  ///
  /// - Throws: what the primitives' shape rules say, which is nothing for a valid graph; what `parameter` throws.
  package mutating func add(
    _ graph: Graph,
    parameter: (_ table: inout FormulaTable, _ name: String, _ type: TensorType) throws(Diagnostic) -> Formula
  ) throws(Diagnostic) -> [Formula] {
    var formulas: [Value: Formula] = [:]
    for input in graph.inputs {
      formulas[input.value] = leaf(InputKey(name: input.name), graph.type(of: input.value))
    }
    for named in graph.parameters {
      formulas[named.value] = try parameter(&self, named.name, graph.type(of: named.value))
    }
    for node in graph.nodes {
      guard let primitive = Primitives.named(node.primitive) else {
        throw Diagnostic("graph.primitive", "'\(node.primitive)' is no primitive")
      }
      let results = try apply(primitive, node.attributes, node.inputs.compactMap { formulas[$0] })
      for (value, formula) in zip(node.results, results) { formulas[value] = formula }
    }
    return graph.types.indices.compactMap { formulas[Value($0)] }
  }

  private struct InputKey: Hashable { let name: String }
}
