extension Primitive {
  /// The places of the `count` largest elements of each row, in ascending order.
  ///
  /// Of equal elements the first counts as larger, and what is no number as smaller than any, so that the answer is the
  /// same wherever it is worked out.
  ///
  /// - Inputs: `x` [..., n], f16, bf16, f32 or f64. Attributes: `count`; `largest`, `true` where absent: the smallest
  ///   instead, what is no number still coming last.
  /// - Outputs: [..., count] of i64.
  /// - Throws: `TopIndices.dtype`, `TopIndices.rank`, `TopIndices.count`.
  /// - Source: ONNX `TopK` gives the same set of indices, ordered by value.
  public static let topIndices = Primitive(
    name: "TopIndices", inputs: 1...1, attributes: [.required("count", .int), .optional("largest", .bool)],
    infer: { inputs, attributes throws(Diagnostic) in
      let x = inputs[0]
      try x.requireComputable("x", of: "TopIndices")
      guard let length = x.axes.last, !length.isBatch else {
        throw Diagnostic("TopIndices.rank", "'x' is \(x.shapeText), and must have rows of a known length")
      }
      let count = attributes.int("count")
      guard count >= 0, count <= length.count else {
        throw Diagnostic("TopIndices.count", "'count' is \(count), but a row holds \(length)")
      }
      return [TensorType(.i64, x.axes.dropLast() + [Dimension(count)])]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let x = inputs[0].doubles
      let length = inputs[0].shape.axes.last ?? 0
      let (count, largest) = (attributes.int("count"), attributes.bool("largest", default: true))
      var indices: [Int] = []
      for start in stride(from: 0, to: x.count, by: Swift.max(1, length)) {
        let order = (0..<length).sorted { a, b in
          let (first, second) = (x[start + a], x[start + b])
          if first.isNaN || second.isNaN { return first.isNaN == second.isNaN ? a < b : second.isNaN }
          return first == second ? a < b : largest ? first > second : first < second
        }
        indices += order.prefix(count).sorted()
      }
      return [Tensor(.i64, results.shape(), integers: indices)]
    },
    examples: [
      Example(
        attributes: ["count": .int(2)], inputs: [Tensor([3, 1, 5, 3], [4])],
        outputs: [Tensor(.i64, [2], integers: [0, 2])]),
      Example(
        attributes: ["count": .int(1), "largest": .bool(false)], inputs: [Tensor([3, 1, .nan, -2], [2, 2])],
        outputs: [Tensor(.i64, [2, 1], integers: [1, 1])]),
    ])
}
