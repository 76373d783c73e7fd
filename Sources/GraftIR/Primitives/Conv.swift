extension Primitive {
  /// A convolution of pictures with a small weight, as neural networks mean it: the weight is not reversed.
  ///
  ///     y[b, o, i, j] = bias[o] + sum over c, s, t of x[b, g + c, i * sh + s - top, j * sw + t - left] * weight[o, c, s, t]
  ///
  /// where `g` is the first channel of the group that `o` belongs to, and `x` is 0 outside.
  ///
  /// - Inputs: `x` [b, c, h, w], `weight` [o, c / group, kh, kw], `bias` [o], which may be left out; floating point of
  ///   one type.
  /// - Attributes: `strides` [sh, sw], [1, 1] where absent; `pads` [top, left, bottom, right], none where absent;
  ///   `group`, 1 where absent.
  /// - Outputs: [b, o, (h + top + bottom - kh) / sh + 1, (w + left + right - kw) / sw + 1], rounded down.
  /// - Throws: `Conv.dtype`, `Conv.rank`, `Conv.group`, `Conv.strides`, `Conv.pads`, `Conv.size`, `Conv.bias`.
  /// - Source: ONNX `Conv`; PyTorch `Conv2d`.
  public static let conv = Primitive(
    name: "Conv", inputs: 2...3,
    attributes: [.optional("strides", .ints), .optional("pads", .ints), .optional("group", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      let (x, weight) = (inputs[0], inputs[1])
      try x.requireComputable("x", of: "Conv")
      try weight.requireDType(of: x, "weight", of: "Conv")
      guard x.rank == 4, weight.rank == 4, !x.axes[1...].contains(where: \.isBatch), weight.shape != nil else {
        throw Diagnostic(
          "Conv.rank",
          "'x' is \(x.shapeText) and 'weight' is \(weight.shapeText), and must be [b, c, h, w] and [o, c / group, kh, kw]"
        )
      }
      let (channels, outputs, group) = (x.axes[1].count, weight.axes[0].count, attributes.int("group", default: 1))
      guard group >= 1, channels % group == 0, outputs % group == 0, weight.axes[1].count == channels / group else {
        throw Diagnostic(
          "Conv.group", "'x' is \(x.shapeText), but 'weight' is \(weight.shapeText) in \(group) groups of channels")
      }
      let strides = attributes.ints("strides", default: [1, 1])
      guard strides.count == 2, strides.allSatisfy({ $0 >= 1 }) else {
        throw Diagnostic("Conv.strides", "'strides' is \(strides), and must be two whole numbers of at least 1")
      }
      let pads = attributes.ints("pads", default: [0, 0, 0, 0])
      guard pads.count == 4, pads.allSatisfy({ $0 >= 0 && $0 <= 1 << 32 }) else {
        throw Diagnostic("Conv.pads", "'pads' is \(pads), and must be four whole numbers from 0 to 2^32")
      }
      if inputs.count == 3 {
        try inputs[2].requireDType(of: x, "bias", of: "Conv")
        try inputs[2].requireAxes([weight.axes[0]], "bias", "Conv.bias")
      }
      let rest = (0...1).map { side -> Int in
        x.axes[2 + side].count + pads[side] + pads[2 + side] - weight.axes[2 + side].count
      }
      guard rest.allSatisfy({ $0 >= 0 }), weight.axes[2].count >= 1, weight.axes[3].count >= 1 else {
        throw Diagnostic("Conv.size", "a weight \(weight.shapeText) does not fit into \(x.shapeText) padded by \(pads)")
      }
      return [
        TensorType(
          x.dtype,
          [x.axes[0], weight.axes[0], Dimension(rest[0] / strides[0] + 1), Dimension(rest[1] / strides[1] + 1)])
      ]
    },
    cost: { inputs, results, _ in
      Cost(product: results[0].axes.map(\.count) + inputs[1].axes[1...].map(\.count))
    },
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let shape = results.shape()
      let (xs, ws, ys) = (inputs[0].shape.axes, inputs[1].shape.axes, shape.axes)
      let (x, weight) = (inputs[0].doubles, inputs[1].doubles)
      let bias = inputs.count == 3 ? inputs[2].doubles : [Double](repeating: 0, count: ws[0])
      let strides = attributes.ints("strides", default: [1, 1])
      let pads = attributes.ints("pads", default: [0, 0, 0, 0])
      let outputsPerGroup = ws[0] / attributes.int("group", default: 1)
      var y: [Double] = []
      for b in 0..<ys[0] {
        for o in 0..<ys[1] {
          let firstChannel = o / outputsPerGroup * ws[1]
          for i in 0..<ys[2] {
            for j in 0..<ys[3] {
              var sum = bias[o]
              for c in 0..<ws[1] {
                for s in 0..<ws[2] {
                  let row = i * strides[0] + s - pads[0]
                  if row < 0 || row >= xs[2] { continue }
                  for t in 0..<ws[3] {
                    let column = j * strides[1] + t - pads[1]
                    if column < 0 || column >= xs[3] { continue }
                    let place = ((b * xs[1] + firstChannel + c) * xs[2] + row) * xs[3] + column
                    sum += x[place] * weight[((o * ws[1] + c) * ws[2] + s) * ws[3] + t]
                  }
                }
              }
              y.append(sum)
            }
          }
        }
      }
      return [Tensor(results[0].dtype, shape, doubles: y)]
    },
    examples: [
      // Sums of whole numbers are exact. A patch of 2 x 2, once.
      Example(
        inputs: [Tensor([1, 2, 3, 4], [1, 1, 2, 2]), Tensor([1, 10, 100, 1000], [1, 1, 2, 2]), Tensor([5], [1])],
        outputs: [Tensor([4326], [1, 1, 1, 1])]),
      // Padded on the left only, every second column: 0 1 2 3 seen as (0 1) (2 3).
      Example(
        attributes: ["strides": .ints([1, 2]), "pads": .ints([0, 1, 0, 0])],
        inputs: [Tensor([1, 2, 3], [1, 1, 1, 3]), Tensor([10, 1], [1, 1, 1, 2])],
        outputs: [Tensor([1, 23], [1, 1, 1, 2])]),
      // Two groups of one channel each.
      Example(
        attributes: ["group": .int(2)],
        inputs: [Tensor([3, 5], [1, 2, 1, 1]), Tensor([10, 100], [2, 1, 1, 1])],
        outputs: [Tensor([30, 500], [1, 2, 1, 1])]),
    ])

  /// A convolution of each channel by itself that looks back only: position `t` sees itself and `k - 1` before it.
  ///
  ///     y[t, c] = bias[c] + sum over j of x[t - (k - 1) + j, c] * weight[c, 0, j]
  ///
  /// where `x` is 0 before its start.
  ///
  /// - Inputs: `x` [b, n, m], `weight` [c, 1, k], `bias` [c], which may be left out; floating point of one type. `c`
  ///   is the size of the axis, 1 or 2, that the taps do not run along.
  /// - Attributes: `axis`, 1 or 2, along which the taps run.
  /// - Outputs: `y`, of the type of `x`.
  /// - Throws: `CausalConv.dtype`, `CausalConv.rank`, `CausalConv.axis`, `CausalConv.weight`, `CausalConv.bias`.
  /// - Source: PyTorch `Conv1d` with as many groups as channels, padded by k - 1 on the left.
  public static let causalConv = Primitive(
    name: "CausalConv", inputs: 2...3, attributes: [.required("axis", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      let (x, weight) = (inputs[0], inputs[1])
      try x.requireComputable("x", of: "CausalConv")
      try weight.requireDType(of: x, "weight", of: "CausalConv")
      guard x.rank == 3, weight.rank == 3 else {
        throw Diagnostic(
          "CausalConv.rank",
          "'x' is \(x.shapeText) and 'weight' is \(weight.shapeText), and must be [b, n, m] and [c, 1, k]")
      }
      let axis = attributes.int("axis")
      guard axis == 1 || axis == 2, !x.axes[axis].isBatch else {
        throw Diagnostic("CausalConv.axis", "'axis' is \(axis) of \(x.shapeText), and must be 1 or 2 and no batch")
      }
      let channels = x.axes[3 - axis]
      guard weight.axes[0] == channels, weight.axes[1] == 1, !weight.axes[2].isBatch, weight.axes[2].count >= 1 else {
        throw Diagnostic("CausalConv.weight", "'weight' is \(weight.shapeText), and must be [\(channels), 1, k]")
      }
      if inputs.count == 3 {
        try inputs[2].requireDType(of: x, "bias", of: "CausalConv")
        try inputs[2].requireAxes([channels], "bias", "CausalConv.bias")
      }
      return [x]
    },
    cost: { inputs, _, _ in Cost(product: inputs[0].axes.map(\.count) + [inputs[1].axes[2].count]) },
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let (x, weight) = (inputs[0].doubles, inputs[1].doubles)
      let shape = results.shape()
      let axis = attributes.int("axis")
      let (length, channels, taps) = (shape.axes[axis], shape.axes[3 - axis], inputs[1].shape.axes[2])
      let (step, channelStep) = (shape.strides[axis], shape.strides[3 - axis])
      let bias = inputs.count == 3 ? inputs[2].doubles : [Double](repeating: 0, count: channels)
      var y = x
      for b in 0..<shape.axes[0] {
        for c in 0..<channels {
          let first = b * length * channels + c * channelStep
          for t in 0..<length {
            var sum = bias[c]
            for j in 0..<taps where t - (taps - 1) + j >= 0 {
              sum += x[first + (t - (taps - 1) + j) * step] * weight[c * taps + j]
            }
            y[first + t * step] = sum
          }
        }
      }
      return [Tensor(results[0].dtype, shape, doubles: y)]
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      let (x, weight) = (builder.type(of: inputs[0]), builder.type(of: inputs[1]))
      let axis = attributes.int("axis")
      let (length, taps) = (x.axes[axis], weight.axes[2].count)
      // A weight of one tap, or the bias, as it spreads over `x`.
      let column: [Dimension] = axis == 1 ? [1, 1, weight.axes[0]] : [1, weight.axes[0], 1]
      let padded = try builder.one(
        .pad, [inputs[0]], ["axis": .int(axis), "before": .int(taps - 1), "after": .int(0)])
      var sum = inputs.count == 3 ? try builder.reshape(inputs[2], column) : nil
      for tap in 0..<taps {
        let shifted = try builder.one(
          .slice, [padded], ["axis": .int(axis), "start": .dimension(Dimension(tap)), "length": .dimension(length)])
        let factor = try builder.one(
          .slice, [inputs[1]], ["axis": .int(2), "start": .dimension(Dimension(tap)), "length": .dimension(1)])
        let product = try builder.one(.mul, [shifted, builder.reshape(factor, column)])
        sum = if let sum { try builder.one(.add, [sum, product]) } else { product }
      }
      return sum.map { [$0] } ?? []
    },
    examples: [
      // Along axis 1, two taps: ten times the one before, and itself.
      Example(
        attributes: ["axis": .int(1)],
        inputs: [Tensor([1, 2, 3], [1, 3, 1]), Tensor([10, 1], [1, 1, 2])],
        outputs: [Tensor([1, 12, 23], [1, 3, 1])]),
      // Along axis 2, one filter and one bias a row.
      Example(
        attributes: ["axis": .int(2)],
        inputs: [
          Tensor([1, 2, 3, 4], [1, 2, 2]), Tensor([10, 1, 0, 2], [2, 1, 2]), Tensor([100, 200], [2]),
        ],
        outputs: [Tensor([101, 112, 206, 208], [1, 2, 2])]),
    ])
}
