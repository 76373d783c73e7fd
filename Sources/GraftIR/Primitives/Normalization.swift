import Foundation

extension Primitive {
  /// Shifts and scales each row along the last axis to mean 0 and variance 1, then by `scale` and `bias`.
  ///
  ///     y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale + bias
  ///
  /// - Inputs: `x` [..., d], `scale` [d] and `bias` [d], which may be left out; floating point of one type.
  /// - Attributes: `epsilon`, at least 0.
  /// - Outputs: `y`, of the type of `x`.
  /// - Throws: `LayerNormalization.dtype`, `LayerNormalization.rank`, `LayerNormalization.scale`,
  ///   `LayerNormalization.bias`, `LayerNormalization.epsilon`.
  /// - Source: Ba, Kiros, Hinton, "Layer Normalization", 2016; PyTorch `LayerNorm`.
  public static let layerNormalization = Primitive(
    name: "LayerNormalization", inputs: 1...3, attributes: [.required("epsilon", .float)],
    infer: { inputs, attributes throws(Diagnostic) in
      try requireNormalizable(inputs, attributes, of: "LayerNormalization")
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      normalized(inputs, results, epsilon: attributes.float("epsilon"), isCentred: true)
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      let x = inputs[0]
      let mean = try builder.one(.reduceMean, [x], ["axes": .ints([-1])])
      let centred = try builder.one(.sub, [x, mean])
      return [try builder.normalize(centred, Array(inputs.dropFirst()), epsilon: attributes.float("epsilon"))]
    },
    examples: [
      // Mean 2 and variance 1 without epsilon: exact.
      Example(
        attributes: ["epsilon": .float(0)], inputs: [Tensor([1, 3, 3, 1], [2, 2])],
        outputs: [Tensor([-1, 1, 1, -1], [2, 2])]),
      // Mean 0, variance 1, epsilon 3: halved, then scaled and shifted.
      Example(
        attributes: ["epsilon": .float(3)],
        inputs: [Tensor([-1, 1], [1, 2]), Tensor([2, 4], [2]), Tensor([10, 20], [2])],
        outputs: [Tensor([9, 22], [1, 2])]),
    ])

  /// Scales each row along the last axis to a mean square of 1, then by `scale`.
  ///
  ///     y = x / sqrt(mean(x^2) + epsilon) * scale
  ///
  /// - Inputs: `x` [..., d], `scale` [d], which may be left out; floating point of one type.
  /// - Attributes: `epsilon`, at least 0.
  /// - Outputs: `y`, of the type of `x`.
  /// - Throws: `RMSNormalization.dtype`, `RMSNormalization.rank`, `RMSNormalization.scale`,
  ///   `RMSNormalization.epsilon`.
  /// - Source: Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019; PyTorch `RMSNorm`.
  public static let rmsNormalization = Primitive(
    name: "RMSNormalization", inputs: 1...2, attributes: [.required("epsilon", .float)],
    infer: { inputs, attributes throws(Diagnostic) in
      try requireNormalizable(inputs, attributes, of: "RMSNormalization")
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      normalized(inputs, results, epsilon: attributes.float("epsilon"), isCentred: false)
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      [try builder.normalize(inputs[0], Array(inputs.dropFirst()), epsilon: attributes.float("epsilon"))]
    },
    examples: [
      // Mean square 4: halved.
      Example(
        attributes: ["epsilon": .float(0)], inputs: [Tensor([2, -2], [1, 2])], outputs: [Tensor([1, -1], [1, 2])]),
      // Mean square 1 and epsilon 3: halved, then scaled.
      Example(
        attributes: ["epsilon": .float(3)], inputs: [Tensor([1, 1], [2]), Tensor([2, 4], [2])],
        outputs: [Tensor([1, 2], [2])]),
    ])

  private static func requireNormalizable(
    _ inputs: [TensorType], _ attributes: Attributes, of name: String
  ) throws(Diagnostic) -> [TensorType] {
    let x = inputs[0]
    try x.requireComputable("x", of: name)
    guard let last = x.axes.last else {
      throw Diagnostic("\(name).rank", "'x' is [], and must have an axis to normalize along")
    }
    for (input, what) in zip(inputs.dropFirst(), ["scale", "bias"]) {
      try input.requireDType(of: x, what, of: name)
      try input.requireAxes([last], what, "\(name).\(what)")
    }
    let epsilon = attributes.float("epsilon")
    guard epsilon >= 0, epsilon.isFinite else {
      throw Diagnostic("\(name).epsilon", "'epsilon' is \(epsilon), and must be a number of at least 0")
    }
    return [x]
  }

  private static func normalized(
    _ inputs: [Tensor], _ results: [TensorType], epsilon: Double, isCentred: Bool
  ) -> [Tensor] {
    let width = inputs[0].shape.axes[inputs[0].shape.rank - 1]
    var y = inputs[0].doubles
    let scale = inputs.count > 1 ? inputs[1].doubles : [Double](repeating: 1, count: width)
    let bias = inputs.count > 2 ? inputs[2].doubles : [Double](repeating: 0, count: width)
    for first in stride(from: 0, to: y.count, by: Swift.max(width, 1)) {
      let row = y[first..<first + width]
      let count = Double(width)
      let mean: Double = isCentred ? row.reduce(0, +) / count : 0
      let squares = row.map { (x: Double) -> Double in (x - mean) * (x - mean) }
      let variance: Double = squares.reduce(0, +) / count
      let deviation = (variance + epsilon).squareRoot()
      for index in 0..<width {
        let normal: Double = (y[first + index] - mean) / deviation
        y[first + index] = normal * scale[index] + bias[index]
      }
    }
    return [Tensor(results[0].dtype, results.shape(), doubles: y)]
  }

  /// Positive numbers that sum to 1 along `axis`, by the exponential of each.
  ///
  ///     y[i] = exp(x[i]) / sum over j of exp(x[j])
  ///
  /// The largest is subtracted first, which changes no result and lets no exponential overflow.
  ///
  /// - Inputs: `x`, floating point. Attributes: `axis`, -1 where absent.
  /// - Outputs: `y`, of the type of `x`; NaN along an axis that holds only -infinity.
  /// - Throws: `Softmax.dtype`, `Softmax.axis`.
  /// - Source: ONNX `Softmax`.
  public static let softmax = Primitive(
    name: "Softmax", inputs: 1...1, attributes: [.optional("axis", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      try inputs[0].requireComputable("x", of: "Softmax")
      _ = try inputs[0].axis(in: attributes, default: -1, of: "Softmax")
      return inputs
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let shape = results.shape()
      let (outer, length, inner) = shape.lanes(along: attributes.axis(rank: shape.rank, default: -1))
      var y = inputs[0].doubles
      if y.isEmpty { return inputs }
      for block in 0..<outer {
        for lane in 0..<inner {
          let places = (0..<length).map { (block * length + $0) * inner + lane }
          replaceBySoftmax(&y, places)
        }
      }
      return [Tensor(results[0].dtype, shape, doubles: y)]
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      let axes: Attributes = ["axes": .ints([attributes.int("axis", default: -1)])]
      let largest = try builder.one(.reduceMax, inputs, axes)
      let weights = try builder.one(.exp, [builder.one(.sub, [inputs[0], largest])])
      return try builder.node(.div, [weights, builder.one(.reduceSum, [weights], axes)])
    },
    examples: [
      Example(inputs: [Tensor([7, 7, 0, -.infinity], [2, 2])], outputs: [Tensor([0.5, 0.5, 1, 0], [2, 2])]),
      // Weights 1 and 3, along the first axis: ln 3 = 1.0986123 is rounded by half a unit, 2^-24, and so the share by
      // a quarter of its weight in it, 3/16 of that, and its own rounding.
      Example(
        attributes: ["axis": .int(0)], inputs: [Tensor([0, 1.0986123], [2, 1])],
        outputs: [Tensor([0.25, 0.75], [2, 1])], tolerance: 0x1p-24),
    ])

  /// Replaces the numbers at `places` by their softmax.
  static func replaceBySoftmax(_ values: inout [Double], _ places: some Collection<Int>) {
    let largest = places.reduce(-Double.infinity) { Swift.max($0, values[$1]) }
    var sum = 0.0
    for place in places {
      values[place] = Foundation.exp(values[place] - largest)
      sum += values[place]
    }
    for place in places { values[place] /= sum }
  }
}

extension GraphBuilder {
  /// `x / sqrt(mean(x^2) + epsilon)` over the last axis, times the first of `affine` and plus the second.
  fileprivate mutating func normalize(_ x: Value, _ affine: [Value], epsilon: Double) throws(Diagnostic) -> Value {
    let square = try one(.reduceMean, [one(.mul, [x, x])], ["axes": .ints([-1])])
    let factor = try one(.rsqrt, [one(.add, [square, scalar(epsilon, like: x)])])
    var y = try one(.mul, [x, factor])
    if affine.count > 0 { y = try one(.mul, [y, affine[0]]) }
    if affine.count > 1 { y = try one(.add, [y, affine[1]]) }
    return y
  }
}
