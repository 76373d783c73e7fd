extension Graph {
  /// The work of one node where the batch is `batch`, which must be at least 1. The graph must be valid.
  public func cost(of node: Node, batch: Int = 1) -> Cost {
    precondition(batch >= 1, "a batch holds at least one picture")
    guard let primitive = Primitives.named(node.primitive), let attributes = node.attributes.bound(batch: batch) else {
      return Cost()
    }
    func bound(_ values: [Value]) -> [TensorType] {
      values.map { value in
        let type = type(of: value)
        return type.shape(batch: batch).map { TensorType(type.dtype, $0) } ?? type
      }
    }
    return primitive.cost(bound(node.inputs), bound(node.results), attributes)
  }

  /// The multiply-adds of one node; at most `Int.max`.
  public func multiplyAdds(of node: Node, batch: Int = 1) -> Int { cost(of: node, batch: batch).multiplyAdds }

  /// The work of each node, in order.
  public func cost(batch: Int = 1) -> [Cost] { nodes.map { cost(of: $0, batch: batch) } }

  /// The multiply-adds of all nodes; at most `Int.max`.
  public func multiplyAdds(batch: Int = 1) -> Int {
    cost(batch: batch).reduce(0) { sum, cost in
      let (next, overflow) = sum.addingReportingOverflow(cost.multiplyAdds)
      return overflow ? .max : next
    }
  }
}
