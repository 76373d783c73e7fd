extension Primitive {
  /// The same elements in the same order under other sizes.
  ///
  /// - Inputs: `x`, any type. Attributes: `shape`, sizes that may count in batches.
  /// - Outputs: a tensor of that shape.
  /// - Throws: `Reshape.count` where the shape holds another number of elements.
  /// - Source: ONNX `Reshape`, without its 0 and -1.
  public static let reshape = Primitive(
    name: "Reshape", inputs: 1...1, attributes: [.required("shape", .dimensions)],
    infer: { inputs, attributes throws(Diagnostic) in
      let result = TensorType(inputs[0].dtype, attributes.dimensions("shape"))
      guard let count = inputs[0].elementCount, result.isPlausible, result.elementCount == count else {
        throw Diagnostic(
          "Reshape.count", "\(inputs[0].shapeText) and \(result.shapeText) do not hold the same number of elements")
      }
      return [result]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, _ throws(Diagnostic) in [inputs[0].reshaped(results.shape())] },
    examples: [
      Example(
        attributes: ["shape": .ints([3, 2])], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([1, 2, 3, 4, 5, 6], [3, 2])]),
      Example(
        attributes: ["shape": .dimensions([])], inputs: [Tensor(.i8, [1, 1], integers: [7])],
        outputs: [Tensor(.i8, [], integers: [7])]),
    ])

  /// The axes in another order.
  ///
  ///     y.axes[i] = x.axes[perm[i]]
  ///
  /// - Inputs: `x`, any type of whole bytes. Attributes: `perm`, each axis once.
  /// - Throws: `Transpose.perm`, `Transpose.whole-bytes`.
  /// - Source: ONNX `Transpose`.
  public static let transpose = Primitive(
    name: "Transpose", inputs: 1...1, attributes: [.required("perm", .ints)],
    infer: { inputs, attributes throws(Diagnostic) in
      let (x, perm) = (inputs[0], attributes.ints("perm"))
      try x.requireWholeBytes("x", of: "Transpose")
      guard perm.sorted() == Array(x.axes.indices) else {
        throw Diagnostic("Transpose.perm", "'perm' is \(perm), and must name each axis of \(x.shapeText) once")
      }
      return [TensorType(x.dtype, perm.map { x.axes[$0] })]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let strides = inputs[0].shape.strides
      return [inputs[0].picked(results.shape(), strides: attributes.ints("perm").map { strides[$0] })]
    },
    examples: [
      Example(
        attributes: ["perm": .ints([1, 0])], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([1, 4, 2, 5, 3, 6], [3, 2])]),
      Example(
        attributes: ["perm": .ints([2, 0, 1])], inputs: [Tensor(.i16, [1, 2, 2], integers: [1, 2, 3, 4])],
        outputs: [Tensor(.i16, [2, 1, 2], integers: [1, 3, 2, 4])]),
    ])

  /// `length` places of one axis, from `start` on.
  ///
  /// - Inputs: `x`, any type of whole bytes. Attributes: `axis`; `start` and `length`, sizes that may count in
  ///   batches, which they must where the axis does.
  /// - Throws: `Slice.axis`, `Slice.range`, `Slice.whole-bytes`.
  /// - Source: ONNX `Slice`, of one axis in steps of 1.
  public static let slice = Primitive(
    name: "Slice", inputs: 1...1,
    attributes: [.required("axis", .int), .required("start", .dimension), .required("length", .dimension)],
    infer: { inputs, attributes throws(Diagnostic) in
      let x = inputs[0]
      try x.requireWholeBytes("x", of: "Slice")
      let axis = try x.axis(in: attributes, of: "Slice")
      let (start, length, size) = (attributes.dimension("start"), attributes.dimension("length"), x.axes[axis])
      guard start.count >= 0, length.count >= 0, let end = start.adding(length), end.count <= size.count,
        end.isBatch == size.isBatch || end.count == 0
      else {
        throw Diagnostic("Slice.range", "\(length) from \(start) on is not inside axis \(axis) of \(x.shapeText)")
      }
      return [x.replacing(axis, with: length)]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let strides = inputs[0].shape.strides
      let start = attributes.dimension("start").count &* strides[attributes.axis(rank: strides.count)]
      return [inputs[0].picked(results.shape(), strides: strides, from: start)]
    },
    examples: [
      Example(
        attributes: ["axis": .int(1), "start": .int(1), "length": .int(2)],
        inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])], outputs: [Tensor([2, 3, 5, 6], [2, 2])]),
      Example(
        attributes: ["axis": .int(-1), "start": .int(3), "length": .int(0)],
        inputs: [Tensor([1, 2, 3], [3])], outputs: [Tensor([], [0])]),
    ])

  /// The inputs one behind the other along `axis`.
  ///
  /// - Inputs: one or more of one type of whole bytes, whose other axes are equal. Attributes: `axis`.
  /// - Throws: `Concat.axis`, `Concat.dtype`, `Concat.shape`, `Concat.whole-bytes`.
  /// - Source: ONNX `Concat`.
  public static let concat = Primitive(
    name: "Concat", inputs: 1...Int.max, attributes: [.required("axis", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      let first = inputs[0]
      try first.requireWholeBytes("x", of: "Concat")
      let axis = try first.axis(in: attributes, of: "Concat")
      var size = first.axes[axis]
      for input in inputs.dropFirst() {
        guard input.dtype == first.dtype else {
          throw Diagnostic("Concat.dtype", "\(input) cannot be joined to \(first): types of elements must be equal")
        }
        guard input.rank == first.rank, input.replacing(axis, with: 0) == first.replacing(axis, with: 0),
          let sum = size.adding(input.axes[axis])
        else {
          throw Diagnostic(
            "Concat.shape", "\(input.shapeText) cannot be joined to \(first.shapeText) along axis \(axis)")
        }
        size = sum
      }
      return [first.replacing(axis, with: size)]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let shape = results.shape()
      let axis = attributes.axis(rank: shape.rank)
      let result = Tensor(zeros: results[0].dtype, shape)
      if result.byteCount == 0 { return [result] }
      let (outer, length, inner) = shape.lanes(along: axis)
      let rowBytes = inner * (result.dtype.byteWidth ?? 1)
      var first = 0
      for input in inputs {
        let blockBytes = input.shape.axes[axis] * rowBytes
        if blockBytes == 0 { continue }
        for block in 0..<outer {
          let target = (block * length + first) * rowBytes
          UnsafeMutableRawBufferPointer(rebasing: result.mutableBytes[target..<target + blockBytes])
            .copyMemory(
              from: UnsafeRawBufferPointer(rebasing: input.bytes[block * blockBytes..<(block + 1) * blockBytes]))
        }
        first += input.shape.axes[axis]
      }
      return [result]
    },
    examples: [
      Example(
        attributes: ["axis": .int(1)], inputs: [Tensor([1, 2], [2, 1]), Tensor([3, 4, 5, 6], [2, 2])],
        outputs: [Tensor([1, 3, 4, 2, 5, 6], [2, 3])]),
      Example(
        attributes: ["axis": .int(0)],
        inputs: [
          Tensor(.bool, [1], integers: [1]), Tensor(.bool, [0], integers: []), Tensor(.bool, [1], integers: [0]),
        ],
        outputs: [Tensor(.bool, [2], integers: [1, 0])]),
    ])

  /// One axis cut into pieces: the reverse of `Concat`.
  ///
  /// - Inputs: `x`, any type of whole bytes. Attributes: `axis`; `sizes`, which may count in batches and add up to the
  ///   axis.
  /// - Outputs: one for each size.
  /// - Throws: `Split.axis`, `Split.sizes`, `Split.whole-bytes`.
  /// - Source: ONNX `Split`.
  public static let split = Primitive(
    name: "Split", inputs: 1...1, attributes: [.required("axis", .int), .required("sizes", .dimensions)],
    infer: { inputs, attributes throws(Diagnostic) in
      let x = inputs[0]
      try x.requireWholeBytes("x", of: "Split")
      let axis = try x.axis(in: attributes, of: "Split")
      let sizes = attributes.dimensions("sizes")
      var sum: Dimension? = 0
      for size in sizes { sum = size.count < 0 ? nil : sum?.adding(size) }
      guard !sizes.isEmpty, let sum, sum == x.axes[axis] || (sum.count == 0 && x.axes[axis].count == 0) else {
        throw Diagnostic(
          "Split.sizes", "'sizes' is \(TensorType.text(of: sizes)), and must add up to axis \(axis) of \(x.shapeText)")
      }
      return sizes.map { x.replacing(axis, with: $0) }
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let strides = inputs[0].shape.strides
      let axis = attributes.axis(rank: strides.count)
      var pieces: [Tensor] = []
      var start = 0
      for index in results.indices {
        pieces.append(inputs[0].picked(results.shape(index), strides: strides, from: start &* strides[axis]))
        start += results.shape(index).axes[axis]
      }
      return pieces
    },
    examples: [
      Example(
        attributes: ["axis": .int(1), "sizes": .ints([1, 2])], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([1, 4], [2, 1]), Tensor([2, 3, 5, 6], [2, 2])]),
      Example(
        attributes: ["axis": .int(0), "sizes": .ints([2, 0])], inputs: [Tensor(.u8, [2], integers: [1, 2])],
        outputs: [Tensor(.u8, [2], integers: [1, 2]), Tensor(.u8, [0], integers: [])]),
    ])

  /// One axis made longer at both ends by `value`.
  ///
  /// - Inputs: `x`, floating point. Attributes: `axis`; `before` and `after`, at least 0; `value`, 0 where absent.
  /// - Throws: `Pad.dtype`, `Pad.axis`, `Pad.range`.
  /// - Source: ONNX `Pad`, of one axis.
  public static let pad = Primitive(
    name: "Pad", inputs: 1...1,
    attributes: [
      .required("axis", .int), .required("before", .int), .required("after", .int), .optional("value", .float),
    ],
    infer: { inputs, attributes throws(Diagnostic) in
      let x = inputs[0]
      try x.requireComputable("x", of: "Pad")
      let axis = try x.axis(in: attributes, of: "Pad")
      let (before, after) = (attributes.int("before"), attributes.int("after"))
      guard before >= 0, after >= 0, before <= 1 << 48, after <= 1 << 48,
        let size = x.axes[axis].adding(Dimension(before + after))
      else {
        throw Diagnostic(
          "Pad.range", "axis \(axis) of \(x.shapeText) cannot be made longer by \(before) before and \(after) after")
      }
      return [x.replacing(axis, with: size)]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let shape = results.shape()
      let dtype = results[0].dtype
      let ends = ["before", "after"].map { name -> Tensor in
        var axes = shape.axes
        axes[attributes.axis(rank: shape.rank)] = attributes.int(name)
        let count = Shape(axes).elementCount ?? 0
        return Tensor(dtype, Shape(axes), doubles: [Double](repeating: attributes.float("value"), count: count))
      }
      return try Primitive.concat.evaluate([ends[0], inputs[0], ends[1]], ["axis": .int(attributes.int("axis"))])
    },
    examples: [
      Example(
        attributes: ["axis": .int(1), "before": .int(1), "after": .int(0)], inputs: [Tensor([1, 2, 3, 4], [2, 2])],
        outputs: [Tensor([0, 1, 2, 0, 3, 4], [2, 3])]),
      Example(
        attributes: ["axis": .int(0), "before": .int(0), "after": .int(2), "value": .float(-1)],
        inputs: [Tensor([5], [1])], outputs: [Tensor([5, -1, -1], [3])]),
    ])

  /// One axis from its end to its start.
  ///
  /// - Inputs: `x`, any type of whole bytes. Attributes: `axis`.
  /// - Throws: `Reverse.axis`, `Reverse.whole-bytes`.
  /// - Source: PyTorch `flip`, of one axis.
  public static let reverse = Primitive(
    name: "Reverse", inputs: 1...1, attributes: [.required("axis", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      try inputs[0].requireWholeBytes("x", of: "Reverse")
      _ = try inputs[0].axis(in: attributes, of: "Reverse")
      return inputs
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let shape = results.shape()
      let axis = attributes.axis(rank: shape.rank)
      var strides = shape.strides
      let last = Swift.max(shape.axes[axis] - 1, 0) &* strides[axis]
      strides[axis] = -strides[axis]
      return [inputs[0].picked(shape, strides: strides, from: last)]
    },
    examples: [
      Example(
        attributes: ["axis": .int(1)], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([3, 2, 1, 6, 5, 4], [2, 3])]),
      Example(
        attributes: ["axis": .int(0)], inputs: [Tensor([1, 2, 3, 4, 5, 6], [2, 3])],
        outputs: [Tensor([4, 5, 6, 1, 2, 3], [2, 3])]),
    ])

  /// Elements repeated to fill `shape`: axes are aligned at the end, and 1 spreads.
  ///
  /// - Inputs: `x`, any type of whole bytes. Attributes: `shape`, sizes that may count in batches.
  /// - Throws: `Expand.broadcast`, `Expand.whole-bytes`.
  /// - Source: ONNX `Expand`, to exactly `shape`.
  public static let expand = Primitive(
    name: "Expand", inputs: 1...1, attributes: [.required("shape", .dimensions)],
    infer: { inputs, attributes throws(Diagnostic) in
      try inputs[0].requireWholeBytes("x", of: "Expand")
      let result = TensorType(inputs[0].dtype, attributes.dimensions("shape"))
      guard inputs[0].spreads(over: result.axes) else {
        throw Diagnostic("Expand.broadcast", "\(inputs[0].shapeText) does not spread over \(result.shapeText)")
      }
      return [result]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let shape = results.shape()
      return [inputs[0].picked(shape, strides: inputs[0].shape.strides(over: shape))]
    },
    examples: [
      Example(
        attributes: ["shape": .ints([2, 3])], inputs: [Tensor([1, 2], [2, 1])],
        outputs: [Tensor([1, 1, 1, 2, 2, 2], [2, 3])]),
      Example(
        attributes: ["shape": .ints([2, 2])], inputs: [Tensor(.i32, [2], integers: [1, 2])],
        outputs: [Tensor(.i32, [2, 2], integers: [1, 2, 1, 2])]),
    ])

  /// Rows of a table, by number.
  ///
  ///     y[i..., j...] = table[indices[i...], j...]
  ///
  /// - Inputs: `table` [v, ...], any type of whole bytes; `indices`, integers from 0 to v - 1.
  /// - Outputs: the axes of `indices`, then those of the table's rows.
  /// - Throws: `Gather.indices`, `Gather.rank`, `Gather.whole-bytes`; `Gather.range`, when it is evaluated, where an
  ///   index is none of the table's rows.
  /// - Source: ONNX `Gather` along axis 0, without its negative indices; PyTorch `Embedding`.
  public static let gather = Primitive(
    name: "Gather", inputs: 2...2,
    infer: { inputs, _ throws(Diagnostic) in
      let (table, indices) = (inputs[0], inputs[1])
      try table.requireWholeBytes("table", of: "Gather")
      guard table.rank >= 1 else { throw Diagnostic("Gather.rank", "'table' is [], and must have rows") }
      guard indices.dtype.isInteger else {
        throw Diagnostic("Gather.indices", "'indices' is \(indices), and must be whole numbers")
      }
      return [TensorType(table.dtype, indices.axes + table.axes.dropFirst())]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let table = inputs[0]
      let rows = table.shape.axes[0]
      let result = Tensor(zeros: table.dtype, results.shape())
      let rowBytes = rows == 0 ? 0 : table.byteCount / rows
      for (place, index) in inputs[1].integers.enumerated() {
        guard index >= 0, index < rows else {
          throw Diagnostic("Gather.range", "index \(index) at place \(place) is none of the table's \(rows) rows")
        }
        UnsafeMutableRawBufferPointer(rebasing: result.mutableBytes[place * rowBytes..<(place + 1) * rowBytes])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: table.bytes[index * rowBytes..<(index + 1) * rowBytes]))
      }
      return [result]
    },
    examples: [
      Example(
        inputs: [Tensor([1, 2, 3, 4, 5, 6], [3, 2]), Tensor(.i64, [2], integers: [2, 0])],
        outputs: [Tensor([5, 6, 1, 2], [2, 2])]),
      Example(
        inputs: [Tensor(.u8, [2], integers: [7, 9]), Tensor(.i32, [], integers: [1])],
        outputs: [Tensor(.u8, [], integers: [9])]),
    ])
}
