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
    cost: noMultiplyAdds,
    evaluate: { inputs, results, _ throws(Diagnostic) in
      let (condition, a, b, shape) = (inputs[0], inputs[1], inputs[2], results.shape())
      func picked<Element: BitwiseCopyable>(_ type: Element.Type) -> Tensor {
        let result = Tensor(zeros: a.dtype, shape)
        let (truths, yes, no, out) = (condition.bytes, a.bytes, b.bytes, result.mutableBytes)
        let width = MemoryLayout<Element>.size
        let walk = StridedWalk(shape, [condition, a, b].map { $0.shape.strides(over: shape) })
        let (truthStep, yesStep, noStep) = (walk.steps[0], walk.steps[1], walk.steps[2])
        walk.forEachRow { start, places in
          let (truthStart, yesStart, noStart) = (places[0], places[1], places[2])
          for index in 0..<walk.rowLength {
            let element =
              truths[truthStart + index * truthStep] != 0
              ? yes.loadUnaligned(fromByteOffset: (yesStart + index * yesStep) * width, as: type)
              : no.loadUnaligned(fromByteOffset: (noStart + index * noStep) * width, as: type)
            out.storeBytes(of: element, toByteOffset: (start + index) * width, as: type)
          }
        }
        return result
      }
      switch a.dtype.byteWidth {
      case 1: return [picked(UInt8.self)]
      case 2: return [picked(UInt16.self)]
      case 4: return [picked(UInt32.self)]
      case 8: return [picked(UInt64.self)]
      default: return [picked(SIMD2<UInt64>.self)]
      }
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
