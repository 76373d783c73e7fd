extension Primitive {
  /// The matrix product; leading axes spread over each other.
  ///
  ///     y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]
  ///
  /// - Inputs: `a` [..., m, k] and `b` [..., k, n], floating point of one type.
  /// - Outputs: [..., m, n].
  /// - Throws: `MatMul.dtype`, `MatMul.rank`, `MatMul.inner` where `k` differs, `MatMul.broadcast`.
  /// - Source: ONNX `MatMul`, without its rule for vectors.
  public static let matMul = Primitive(
    name: "MatMul", inputs: 2...2,
    infer: { inputs, _ throws(Diagnostic) in
      let (a, b) = (inputs[0], inputs[1])
      try a.requireComputable("a", of: "MatMul")
      guard a.dtype == b.dtype else {
        throw Diagnostic("MatMul.dtype", "'a' is \(a), but 'b' is \(b): types of elements must be equal")
      }
      guard a.rank >= 2, b.rank >= 2 else {
        throw Diagnostic("MatMul.rank", "'a' is \(a.shapeText) and 'b' is \(b.shapeText), and both need 2 axes or more")
      }
      let (m, k, n) = (a.axes[a.rank - 2], a.axes[a.rank - 1], b.axes[b.rank - 1])
      guard b.axes[b.rank - 2] == k else {
        throw Diagnostic(
          "MatMul.inner",
          "'a' is \(a.shapeText), but 'b' is \(b.shapeText): \(k) columns do not meet \(b.axes[b.rank - 2]) rows")
      }
      guard let leading = TensorType.broadcast(a.axes.dropLast(2), b.axes.dropLast(2)) else {
        throw Diagnostic(
          "MatMul.broadcast", "the leading axes of \(a.shapeText) do not spread over those of \(b.shapeText)")
      }
      return [TensorType(a.dtype, leading + [m, n])]
    },
    cost: { inputs, results, _ in
      Cost(product: results[0].axes.map(\.count) + [inputs[0].axes[inputs[0].rank - 1].count])
    },
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let shape = results.shape()
      let (m, n) = (shape.axes[shape.rank - 2], shape.axes[shape.rank - 1])
      let k = inputs[0].shape.axes[inputs[0].shape.rank - 1]
      let (a, b) = (inputs[0].doubles, inputs[1].doubles)
      // The leading axes are walked with rows of matrices: their strides, without the last two axes.
      let leading = Shape(Array(shape.axes.dropLast(2)))
      let aLeading = Shape(Array(inputs[0].shape.axes.dropLast(2))).strides(over: leading)
      let bLeading = Shape(Array(inputs[1].shape.axes.dropLast(2))).strides(over: leading)
      var y = [Double](repeating: 0, count: shape.elementCount ?? 0)
      let walk = StridedWalk(leading, [aLeading, bLeading])
      walk.forEachRow { start, places in
        for matrix in 0..<walk.rowLength {
          let aStart = (places[0] + matrix * walk.steps[0]) * m * k
          let bStart = (places[1] + matrix * walk.steps[1]) * k * n
          let yStart = (start + matrix) * m * n
          for i in 0..<m {
            for l in 0..<k {
              let factor = a[aStart + i * k + l]
              for j in 0..<n { y[yStart + i * n + j] += factor * b[bStart + l * n + j] }
            }
          }
        }
      }
      return [Tensor(results[0].dtype, shape, doubles: y)]
    },
    examples: [
      // Sums of whole numbers are exact.
      Example(
        inputs: [Tensor([1, 2, 3, 4], [2, 2]), Tensor([5, 6], [2, 1])], outputs: [Tensor([17, 39], [2, 1])]),
      // One matrix for both of a stack: [1 2] and [3 4] times the exchange.
      Example(
        inputs: [Tensor([1, 2, 3, 4], [2, 1, 2]), Tensor([0, 1, 1, 0], [2, 2])],
        outputs: [Tensor([2, 1, 4, 3], [2, 1, 2])]),
    ])

  /// A linear layer over the last axis.
  ///
  ///     y[..., i] = sum over j of x[..., j] * weight[i, j] + bias[i]
  ///
  /// - Inputs: `x` [..., n], `weight` [m, n], `bias` [m], which may be left out; floating point of one type.
  /// - Outputs: [..., m].
  /// - Throws: `Linear.dtype`, `Linear.rank`, `Linear.width` where `x` does not end in `n`, `Linear.bias`.
  /// - Source: PyTorch `Linear`.
  public static let linear = Primitive(
    name: "Linear", inputs: 2...3,
    infer: { inputs, _ throws(Diagnostic) in
      let (x, weight) = (inputs[0], inputs[1])
      try x.requireComputable("x", of: "Linear")
      try weight.requireDType(of: x, "weight", of: "Linear")
      guard x.rank >= 1, weight.rank == 2 else {
        throw Diagnostic(
          "Linear.rank",
          "'x' is \(x.shapeText) and 'weight' is \(weight.shapeText), and must be [..., n] and [m, n]")
      }
      guard weight.axes[1] == x.axes[x.rank - 1] else {
        throw Diagnostic(
          "Linear.width",
          "'x' is \(x.shapeText), but 'weight' is \(weight.shapeText): its last axis must be \(x.axes[x.rank - 1])")
      }
      if inputs.count == 3 {
        try inputs[2].requireDType(of: x, "bias", of: "Linear")
        try inputs[2].requireAxes([weight.axes[0]], "bias", "Linear.bias")
      }
      return [x.replacing(x.rank - 1, with: weight.axes[0])]
    },
    cost: { inputs, results, _ in Cost(product: results[0].axes.map(\.count) + [inputs[1].axes[1].count]) },
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let (m, n) = (inputs[1].shape.axes[0], inputs[1].shape.axes[1])
      let (x, weight) = (inputs[0].doubles, inputs[1].doubles)
      let bias = inputs.count == 3 ? inputs[2].doubles : [Double](repeating: 0, count: m)
      var y: [Double] = []
      y.reserveCapacity(results.shape().elementCount ?? 0)
      let rows = Shape(Array(inputs[0].shape.axes.dropLast())).elementCount ?? 0
      for row in 0..<rows {
        for i in 0..<m {
          var sum = bias[i]
          for j in 0..<n { sum += x[row * n + j] * weight[i * n + j] }
          y.append(sum)
        }
      }
      return [Tensor(results[0].dtype, results.shape(), doubles: y)]
    },
    definition: { builder, inputs, _ throws(Diagnostic) in
      // A vector becomes a row, and its product a vector again: MatMul takes matrices only.
      let x = builder.type(of: inputs[0])
      let m = builder.type(of: inputs[1]).axes[0]
      let row = x.rank == 1 ? try builder.reshape(inputs[0], [1] + x.axes) : inputs[0]
      let weight = try builder.one(.transpose, [inputs[1]], ["perm": .ints([1, 0])])
      var y = try builder.one(.matMul, [row, weight])
      if x.rank == 1 { y = try builder.reshape(y, [m]) }
      return inputs.count == 3 ? [try builder.one(.add, [y, inputs[2]])] : [y]
    },
    examples: [
      // Sums of whole numbers are exact.
      Example(
        inputs: [Tensor([1, 2], [1, 2]), Tensor([1, 0, 3, 4, 5, 6], [3, 2]), Tensor([10, 20, 30], [3])],
        outputs: [Tensor([11, 31, 47], [1, 3])]),
      Example(inputs: [Tensor([1, 2], [2]), Tensor([3, 4], [1, 2])], outputs: [Tensor([11], [1])]),
    ])
}

extension GraphBuilder {
  /// The same elements under other sizes.
  mutating func reshape(_ value: Value, _ axes: [Dimension]) throws(Diagnostic) -> Value {
    try one(.reshape, [value], ["shape": .dimensions(axes)])
  }

  /// The axes of `value` in another order.
  mutating func transpose(_ value: Value, _ perm: [Int]) throws(Diagnostic) -> Value {
    try one(.transpose, [value], ["perm": .ints(perm)])
  }
}
