extension Primitive {
  /// Numbers written in the program.
  ///
  /// - Inputs: none.
  /// - Attributes: `dtype`; `shape`, whole numbers; `values`, as many as the shape holds, or one for all.
  /// - Outputs: a tensor of `dtype` and `shape`.
  /// - Throws: `Constant.count` where the values are neither one nor as many as the shape holds.
  /// - Source: ONNX `Constant`.
  public static let constant = Primitive(
    name: "Constant",
    infer: { inputs, attributes throws(Diagnostic) in
      let axes = attributes.ints("shape")
      guard inputs.isEmpty, axes.allSatisfy({ $0 >= 0 }), let elements = Shape(axes).elementCount else {
        throw Diagnostic("Constant.count", "'shape' is \(axes), which holds no whole number of elements")
      }
      let count = attributes.floats("values").count
      guard count == 1 || count == elements else {
        throw Diagnostic("Constant.count", "'values' holds \(count) numbers, but 'shape' \(axes) holds \(elements)")
      }
      return [TensorType(attributes.dtype("dtype"), Shape(axes))]
    },
    evaluate: { _, attributes throws(Diagnostic) in
      let shape = Shape(attributes.ints("shape"))
      let values = attributes.floats("values")
      let all = values.count == 1 ? [Double](repeating: values[0], count: shape.elementCount ?? 0) : values
      return [Tensor(attributes.dtype("dtype"), shape, doubles: all)]
    },
    examples: [
      Example(
        attributes: ["dtype": .dtype(.f32), "shape": .ints([2]), "values": .floats([1, 2])], inputs: [],
        outputs: [Tensor([1, 2], [2])]),
      Example(
        attributes: ["dtype": .dtype(.i64), "shape": .ints([3]), "values": .floats([7])], inputs: [],
        outputs: [Tensor(.i64, [3], integers: [7, 7, 7])]),
    ])

  /// The numbers 0, 1, 2, ... below `count`.
  ///
  /// - Inputs: none.
  /// - Attributes: `count`, at least 0; `dtype`, f32 where absent.
  /// - Outputs: [count].
  /// - Throws: `Iota.count` where `count` is below 0.
  /// - Source: ONNX `Range` from 0 in steps of 1.
  public static let iota = Primitive(
    name: "Iota",
    infer: { _, attributes throws(Diagnostic) in
      let count = attributes.int("count")
      guard count >= 0 else { throw Diagnostic("Iota.count", "'count' is \(count), and must be at least 0") }
      return [TensorType(attributes.dtype("dtype"), [Dimension(count)])]
    },
    evaluate: { _, attributes throws(Diagnostic) in
      let count = attributes.int("count")
      return [Tensor(attributes.dtype("dtype"), [count], doubles: (0..<count).map(Double.init))]
    },
    examples: [Example(attributes: ["count": .int(3)], inputs: [], outputs: [Tensor([0, 1, 2], [3])])])
}
