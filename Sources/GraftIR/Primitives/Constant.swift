extension Primitive {
  /// Numbers written in the program.
  ///
  /// - Inputs: none.
  /// - Attributes: `dtype`, f32 where absent; `shape`, whole numbers; `values`, as many as the shape holds, or one for
  ///   all.
  /// - Outputs: a tensor of `dtype` and `shape`.
  /// - Throws: `Constant.count` where the values are neither one nor as many as the shape holds, `Constant.dtype`
  ///   where numbers cannot be written in `dtype`.
  /// - Source: ONNX `Constant`.
  public static let constant = Primitive(
    name: "Constant", inputs: 0...0,
    attributes: [.optional("dtype", .dtype), .optional("shape", .ints), .required("values", .floats)],
    infer: { _, attributes throws(Diagnostic) in
      let axes = attributes.ints("shape")
      guard axes.allSatisfy({ $0 >= 0 }), let elements = Shape(axes).elementCount else {
        throw Diagnostic("Constant.count", "'shape' is \(axes), which holds no whole number of elements")
      }
      let count = attributes.floats("values").count
      guard count == 1 || count == elements else {
        throw Diagnostic("Constant.count", "'values' holds \(count) numbers, but 'shape' \(axes) holds \(elements)")
      }
      let dtype = attributes.dtype("dtype")
      guard dtype.isWritable, dtype.byteCount(of: elements) != nil else {
        throw Diagnostic("Constant.dtype", "'dtype' is \(dtype), in which \(elements) numbers cannot be written")
      }
      return [TensorType(dtype, Shape(axes))]
    },
    cost: noMultiplyAdds,
    evaluate: { _, results, attributes throws(Diagnostic) in
      let values = attributes.floats("values")
      let count = results.shape().elementCount ?? 0
      let all = values.count == 1 ? [Double](repeating: values[0], count: count) : values
      return [Tensor(results[0].dtype, results.shape(), doubles: all)]
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
  /// - Throws: `Iota.count` where `count` is below 0, `Iota.dtype` where `dtype` holds no whole numbers.
  /// - Source: ONNX `Range` from 0 in steps of 1.
  public static let iota = Primitive(
    name: "Iota", inputs: 0...0, attributes: [.required("count", .int), .optional("dtype", .dtype)],
    infer: { _, attributes throws(Diagnostic) in
      let count = attributes.int("count")
      guard count >= 0 else { throw Diagnostic("Iota.count", "'count' is \(count), and must be at least 0") }
      let dtype = attributes.dtype("dtype")
      guard dtype.isComputable || dtype.isInteger else {
        throw Diagnostic("Iota.dtype", "'dtype' is \(dtype), and must be an integer type, f16, bf16, f32 or f64")
      }
      return [TensorType(dtype, [Dimension(count)])]
    },
    cost: noMultiplyAdds,
    evaluate: { _, results, attributes throws(Diagnostic) in
      [Tensor(results[0].dtype, results.shape(), doubles: (0..<attributes.int("count")).map(Double.init))]
    },
    examples: [
      Example(attributes: ["count": .int(3)], inputs: [], outputs: [Tensor([0, 1, 2], [3])]),
      Example(
        attributes: ["count": .int(2), "dtype": .dtype(.i32)], inputs: [],
        outputs: [Tensor(.i32, [2], integers: [0, 1])]),
    ])
}
