package import GraftIR

extension Graph {
  /// The products of one node where the batch is `batch`.
  package func multiplyAdds(of node: Node, batch: Int) -> Int {
    guard let primitive = Primitives.named(node.primitive) else { return 0 }
    func bound(_ values: [Value]) -> [TensorType]? {
      var types: [TensorType] = []
      for value in values {
        guard let shape = type(of: value).shape(batch: batch) else { return nil }
        types.append(TensorType(type(of: value).dtype, shape))
      }
      return types
    }
    guard let inputs = bound(node.inputs), let results = bound(node.results) else { return 0 }
    return primitive.cost(inputs, results, node.attributes).multiplyAdds
  }
}
