extension Primitive {
  private static func reduce(
    _ name: String, from start: Double, _ step: @escaping @Sendable (_ sum: Double, _ next: Double) -> Double,
    finish: @escaping @Sendable (_ sum: Double, _ count: Int) -> Double = { sum, _ in sum }, examples: [Example]
  ) -> Primitive {
    Primitive(
      name: name, inputs: 1...1, attributes: [.required("axes", .ints), .optional("keepdims", .bool)],
      infer: { inputs, attributes throws(Diagnostic) in
        let x = inputs[0]
        try x.requireComputable("x", of: name)
        let axes = attributes.ints("axes")
        let resolved = axes.map { $0 < 0 ? $0 &+ x.rank : $0 }
        guard !axes.isEmpty, resolved.allSatisfy({ x.axes.indices.contains($0) }), Set(resolved).count == axes.count
        else {
          throw Diagnostic("\(name).axes", "'axes' is \(axes), and must name different axes of 'x' \(x.shapeText)")
        }
        let keepdims = attributes.bool("keepdims", default: true)
        let sizes = x.axes.indices.compactMap { axis -> Dimension? in
          resolved.contains(axis) ? (keepdims ? 1 : nil) : x.axes[axis]
        }
        return [TensorType(x.dtype, sizes)]
      },
      cost: noMultiplyAdds,
      evaluate: { inputs, results, attributes throws(Diagnostic) in
        let shape = inputs[0].shape
        let axes = attributes.ints("axes").map { $0 < 0 ? $0 + shape.rank : $0 }
        let kept = Shape(shape.axes.enumerated().map { axes.contains($0.offset) ? 1 : $0.element })
        let x = inputs[0].doubles
        var sums = [Double](repeating: start, count: results.shape().elementCount ?? 0)
        let walk = StridedWalk(shape, [kept.strides(over: shape)])
        walk.forEachRow { first, places in
          for index in 0..<walk.rowLength {
            let place = places[0] + index * walk.steps[0]
            sums[place] = step(sums[place], x[first + index])
          }
        }
        let count = axes.map { shape.axes[$0] }.reduce(1, *)
        return [Tensor(results[0].dtype, results.shape(), doubles: sums.map { finish($0, count) })]
      }, examples: examples)
  }

  /// A table of 1 2 3 over 4 5 6, reduced along `axes`.
  private static func table(_ axes: [Int], keepdims: Bool? = nil, _ result: [Float], _ shape: Shape) -> Example {
    var attributes: Attributes = ["axes": .ints(axes)]
    if let keepdims { attributes["keepdims"] = .bool(keepdims) }
    return Example(
      attributes: attributes, inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])], outputs: [Tensor(result, shape)])
  }

  /// The sum over `axes`, which become 1, or go where `keepdims` is false. Source: ONNX `ReduceSum`.
  public static let reduceSum = reduce(
    "ReduceSum", from: 0, { $0 + $1 },
    examples: [
      table([1], [6, 15], [2, 1]), table([0], keepdims: false, [5, 7, 9], [3]), table([0, -1], [21], [1, 1]),
    ])

  /// The mean over `axes`, which become 1, or go where `keepdims` is false. Source: ONNX `ReduceMean`.
  public static let reduceMean = reduce(
    "ReduceMean", from: 0, { $0 + $1 }, finish: { $0 / Double($1) },
    examples: [table([1], [2, 5], [2, 1]), table([0, 1], keepdims: false, [3.5], [])])

  /// The largest over `axes`, which become 1, or go where `keepdims` is false; -infinity of nothing, NaN where there is
  /// one. Source: ONNX `ReduceMax`.
  public static let reduceMax = reduce(
    "ReduceMax", from: -.infinity, { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) },
    examples: [table([1], [3, 6], [2, 1]), table([0], keepdims: false, [4, 5, 6], [3])])

  /// The running sum along `axis`, each element included.
  ///
  /// - Inputs: `x`, floating point. Attributes: `axis`.
  /// - Outputs: `y`, of the type of `x`.
  /// - Throws: `CumSum.dtype`, `CumSum.axis`.
  /// - Source: ONNX `CumSum`.
  public static let cumSum = Primitive(
    name: "CumSum", inputs: 1...1, attributes: [.required("axis", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      try inputs[0].requireComputable("x", of: "CumSum")
      _ = try inputs[0].axis(in: attributes, of: "CumSum")
      return inputs
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let shape = results.shape()
      let (outer, length, inner) = shape.lanes(along: attributes.axis(rank: shape.rank))
      var y = inputs[0].doubles
      if y.isEmpty { return inputs }
      for block in 0..<outer {
        for index in 1..<Swift.max(length, 1) {
          let first = (block * length + index) * inner
          for place in first..<first + inner { y[place] += y[place - inner] }
        }
      }
      return [Tensor(results[0].dtype, shape, doubles: y)]
    },
    examples: [
      // Sums of whole numbers are exact.
      Example(
        attributes: ["axis": .int(1)], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([1, 3, 6, 4, 9, 15], [2, 3])]),
      Example(
        attributes: ["axis": .int(0)], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([1, 2, 3, 5, 7, 9], [2, 3])]),
    ])
}
