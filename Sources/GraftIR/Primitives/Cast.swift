extension Primitive {
  /// The same numbers in another type.
  ///
  /// To floating point: to nearest, ties to even; what is too large becomes infinity, NaN where the type has only
  /// that, or the largest number where it has neither. To integers: the whole part, toward zero; it must fit. To bool:
  /// whether it is not 0.
  ///
  /// - Inputs: `x`, real numbers or bool. Attributes: `to`, a type that numbers can be written in.
  /// - Throws: `Cast.dtype`, `Cast.whole-bytes` where the result would end inside a byte.
  /// - Source: ONNX `Cast`; PyTorch `to`.
  public static let cast = Primitive(
    name: "Cast", inputs: 1...1, attributes: [.required("to", .dtype)],
    infer: { inputs, attributes throws(Diagnostic) in
      let (x, to) = (inputs[0], attributes.dtype("to"))
      guard to.isWritable, x.dtype != .c64, x.dtype != .c128 else {
        throw Diagnostic("Cast.dtype", "\(x) cannot be written as \(to): complex and 6-bit numbers are only carried")
      }
      // Where the count is in batches, each batch must fill whole bytes by itself.
      guard to.byteWidth != nil || (x.elementCount.flatMap { to.byteCount(of: $0.count) }) != nil else {
        throw Diagnostic("Cast.whole-bytes", "\(x.shapeText) elements of \(to) do not fill whole bytes")
      }
      return [TensorType(to, x.axes)]
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let (x, to, shape) = (inputs[0], results[0].dtype, results.shape())
      if to == x.dtype { return [x] }
      if to == .bool { return [Tensor(.bool, shape, integers: x.doubles.map { $0 == 0 ? 0 : 1 })] }
      if to.isInteger, x.dtype.isInteger || x.dtype == .bool {
        return [Tensor(to, shape, integers: x.integers)]  // Exact beyond 2^53 too.
      }
      return [Tensor(to, shape, doubles: x.doubles)]
    },
    examples: [
      Example(
        attributes: ["to": .dtype(.i32)], inputs: [Tensor([1.9, -1.9, 0], [3])],
        outputs: [Tensor(.i32, [3], integers: [1, -1, 0])]),
      // 2049 lies between 2048 and 2050 in f16, and 2048 is the even one.
      Example(
        attributes: ["to": .dtype(.f16)], inputs: [Tensor([2049, 65520], [2])],
        outputs: [Tensor(.f16, [2], doubles: [2048, .infinity])]),
      Example(
        attributes: ["to": .dtype(.bool)], inputs: [Tensor([0, -0.5, .nan], [3])],
        outputs: [Tensor(.bool, [3], integers: [0, 1, 1])]),
    ])
}
