public import GraftIR

/// A graph that is worked out while weights are made: the call of a part, whose weights and inputs are expressions.
///
/// A formula is a tree, in which a value that is used twice is written twice; a graph has it once. Nothing is read or
/// worked out before the plan is streamed.
public final class WeightGraph: Sendable {
  /// One output, no inputs, and parameters that `arguments` give.
  public let graph: Graph
  /// What the graph's parameters are, in their order, of their types.
  public let arguments: [WeightExpression]
  /// What the output is.
  public let type: TensorType

  /// The graph of `graph`'s only output.
  ///
  /// - Precondition: `graph` has one output, and a parameter of its type for each of `arguments`.
  public init(_ graph: Graph, arguments: [WeightExpression]) {
    precondition(graph.outputs.count == 1 && graph.inputs.isEmpty, "a weight graph has one output and no inputs")
    precondition(
      graph.parameters.map { graph.type(of: $0.value) } == arguments.map(\.type),
      "arguments are of the parameters' types")
    self.graph = graph
    self.arguments = arguments
    type = graph.type(of: graph.outputs[0].value)
  }

  /// The same graph of other arguments.
  package func mapArguments(_ change: (WeightExpression) -> WeightExpression) -> WeightGraph {
    WeightGraph(graph, arguments: arguments.map(change))
  }
}

extension WeightGraph: Hashable {
  /// Whether both are the same formula of the same arguments.
  public static func == (a: WeightGraph, b: WeightGraph) -> Bool {
    a === b || (a.type == b.type && a.arguments == b.arguments && a.graph == b.graph)
  }

  /// Few things that tell most graphs apart: comparing finds the rest.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(graph.nodes.count)
    hasher.combine(arguments.count)
  }
}
