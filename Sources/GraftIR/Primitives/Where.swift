extension Primitive {
  /// Elements of `a` where `condition` holds, and of `b` elsewhere, bit for bit.
  ///
  ///     y[i] = condition[i] ? a[i] : b[i]
  ///
  /// - Inputs: `condition`, bool; `a` and `b`, of one type of whole bytes. All three spread over each other.
  /// - Outputs: the shape that they spread to, of the type of `a`.
  /// - Throws: `Where.condition`, `Where.dtype`, `Where.whole-bytes`, `Where.broadcast`.
  /// - Source: ONNX `Where`.
  public static let `where` = Primitive(
    name: "Where", inputs: 3...3,
    infer: { inputs, _ throws(Diagnostic) in
      let (condition, a, b) = (inputs[0], inputs[1], inputs[2])
      guard condition.dtype == .bool else {
        throw Diagnostic("Where.condition", "'condition' is \(condition), and must be bool")
      }
      guard a.dtype == b.dtype else {
        throw Diagnostic("Where.dtype", "'a' is \(a), but 'b' is \(b): types of elements must be equal")
      }
      try a.requireWholeBytes("a", of: "Where")
      let both = TensorType(a.dtype, try TensorType.spread(a, b, of: "Where"))
      return [TensorType(a.dtype, try TensorType.spread(condition, both, of: "Where"))]
    },
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let shape = results.shape()
      let a = inputs[1].picked(shape, strides: inputs[1].shape.strides(over: shape))
      let b = inputs[2].picked(shape, strides: inputs[2].shape.strides(over: shape))
      let result = Tensor(zeros: results[0].dtype, shape)
      let width = results[0].dtype.byteWidth ?? 1
      let (condition, target, yes, no) = (inputs[0].bytes, result.mutableBytes, a.bytes, b.bytes)
      let walk = StridedWalk(shape, [inputs[0].shape.strides(over: shape)])
      walk.forEachRow { start, places in
        for index in 0..<walk.rowLength {
          let source = condition[places[0] + index * walk.steps[0]] != 0 ? yes : no
          let first = (start + index) * width
          for byte in first..<first + width { target[byte] = source[byte] }
        }
      }
      return [result]
    },
    examples: [
      Example(
        inputs: [Tensor(.bool, [3], integers: [1, 0, 1]), Tensor([1, 2, 3], [3]), Tensor([0], [1])],
        outputs: [Tensor([1, 0, 3], [3])]),
      Example(
        inputs: [
          Tensor(.bool, [2, 1], integers: [1, 0]), Tensor(.i8, [2], integers: [1, 2]), Tensor(.i8, [], integers: [-1]),
        ],
        outputs: [Tensor(.i8, [2, 2], integers: [1, 2, -1, -1])]),
    ])
}
