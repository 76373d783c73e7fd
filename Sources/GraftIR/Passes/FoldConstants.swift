extension Pass {
  /// Works the nodes out whose inputs are all constants.
  ///
  ///     %0 = Iota() {count: 2} f32[2]             %0 = Iota() {count: 2} f32[2]
  ///     %1 = Exp(%0) f32[2]                  ->   %1 = Constant() {values: [1.0, 2.7182817459106445], ...} f32[2]
  ///
  /// Results of more than 4096 elements stay as they are: a program should not grow into a checkpoint. Nodes that
  /// nothing uses any more are left to `removeUnusedNodes`.
  public static let foldConstants = Pass("FoldConstants") { $0.foldingConstants(elementLimit: 4096) }
}

extension Graph {
  fileprivate func foldingConstants(elementLimit: Int) -> Graph {
    var result = self
    result.nodes = []
    var known: [Value: Tensor] = [:]
    for node in nodes {
      let inputs = node.inputs.compactMap { known[$0] }
      let isSmall = node.results.allSatisfy {
        type(of: $0).shape?.elementCount.map { $0 <= elementLimit } ?? false
      }
      // What cannot be worked out, such as a division by 0, stays for whoever runs it to report.
      guard isSmall, inputs.count == node.inputs.count,
        let tensors = try? Primitives.named(node.primitive)?.evaluate(inputs, node.attributes)
      else {
        result.nodes.append(node)
        continue
      }
      for (value, tensor) in zip(node.results, tensors) { known[value] = tensor }
      let constants = zip(node.results, tensors).compactMap { Node(constant: $1, result: $0, path: node.path) }
      if node.inputs.isEmpty || constants.count != node.results.count {
        result.nodes.append(node)
      } else {
        result.nodes += constants
      }
    }
    return result
  }
}

extension Node {
  /// A `Constant` that holds `tensor`, or `nil` where none holds exactly its bytes.
  fileprivate init?(constant tensor: Tensor, result: Value, path: String) {
    guard tensor.dtype.isWritable else { return nil }
    let values = tensor.doubles
    let isUniform = !values.isEmpty && values.allSatisfy { $0.bitPattern == values[0].bitPattern }
    let attributes: Attributes = [
      "dtype": .dtype(tensor.dtype), "shape": .ints(tensor.shape.axes),
      "values": .floats(isUniform ? [values[0]] : values),
    ]
    guard let same = try? Primitive.constant.evaluate([], attributes)[0], same == tensor else {
      return nil
    }
    self.init(primitive: "Constant", attributes: attributes, inputs: [], results: [result], path: path)
  }
}
