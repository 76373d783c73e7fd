import Foundation

/// A function of two numbers that is applied element by element.
private enum Arithmetic: Sendable {
  case add, sub, mul, div, pow, min, max

  func callAsFunction(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .sub: a - b
    case .mul: a * b
    case .div: a / b
    case .pow: Foundation.pow(a, b)
    case .min: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
    case .max: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    }
  }

  /// Whole numbers wrap; a quotient is rounded toward zero, and its divisor is not zero.
  func callAsFunction<Integer: FixedWidthInteger>(_ a: Integer, _ b: Integer) -> Integer {
    switch self {
    case .add: a &+ b
    case .sub: a &- b
    case .mul: a &* b
    case .div: a.dividedReportingOverflow(by: b).partialValue
    case .pow: preconditionFailure("powers are of floating point")
    case .min: Swift.min(a, b)
    case .max: Swift.max(a, b)
    }
  }
}

/// A question about two numbers.
private enum Comparison: Sendable {
  case equal, less, lessOrEqual, greater, greaterOrEqual

  func callAsFunction<Number: Comparable>(_ a: Number, _ b: Number) -> Bool {
    switch self {
    case .equal: a == b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

extension Tensor {
  /// `function` of the elements of `a` and `b`, both spread over `shape`. `Element` and `Result` are how the elements
  /// lie in memory: nothing is copied on the way, since initial values of whole weights are worked out here.
  @inline(__always)
  fileprivate init<Element: BitwiseCopyable, Result: BitwiseCopyable>(
    _ dtype: DType, _ shape: Shape, _ a: Tensor, _ b: Tensor, _ function: (Element, Element) -> Result
  ) {
    self.init(zeros: dtype, shape)
    let (aBytes, bBytes, out) = (a.bytes, b.bytes, mutableBytes)
    let (width, resultWidth) = (MemoryLayout<Element>.size, MemoryLayout<Result>.size)
    let walk = StridedWalk(shape, [a.shape.strides(over: shape), b.shape.strides(over: shape)])
    let (aStep, bStep) = (walk.steps[0], walk.steps[1])
    withExtendedLifetime((a, b)) {  // Either may be a temporary, and the loop holds only its bytes.
      walk.forEachRow { start, places in
        let (aStart, bStart) = (places[0], places[1])
        for index in 0..<walk.rowLength {
          let x = aBytes.loadUnaligned(fromByteOffset: (aStart + index * aStep) * width, as: Element.self)
          let y = bBytes.loadUnaligned(fromByteOffset: (bStart + index * bStep) * width, as: Element.self)
          out.storeBytes(of: function(x, y), toByteOffset: (start + index) * resultWidth, as: Result.self)
        }
      }
    }
  }

  /// The same numbers in f64.
  fileprivate var widened: Tensor { dtype == .f64 ? self : Tensor(.f64, shape, doubles: doubles) }
}

extension Primitive {
  private static func arithmetic(
    _ name: String, _ function: Arithmetic, integers: Bool = true, examples: [Example]
  ) -> Primitive {
    Primitive(
      name: name, inputs: 2...2,
      infer: { inputs, _ throws(Diagnostic) in
        let (a, b) = (inputs[0], inputs[1])
        guard a.dtype == b.dtype, a.dtype.isComputable || (integers && a.dtype.isInteger) else {
          let kinds = integers ? "integers, f16, bf16, f32 or f64" : "f16, bf16, f32 or f64"
          throw Diagnostic("\(name).dtype", "'a' is \(a) and 'b' is \(b), and both must be \(kinds) of one type")
        }
        return [TensorType(a.dtype, try TensorType.spread(a, b, of: name))]
      },
      cost: noMultiplyAdds,
      evaluate: { inputs, results, _ throws(Diagnostic) in
        let (a, b, dtype, shape) = (inputs[0], inputs[1], results[0].dtype, results.shape())
        func whole<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type) throws(Diagnostic) -> Tensor {
          if function == .div, shape.elementCount != 0, b.doubles.contains(0) {
            throw Diagnostic("\(name).zero", "'b' holds a 0, by which no whole number is divided")
          }
          return Tensor(dtype, shape, a, b) { (a: Integer, b: Integer) in function(a, b) }
        }
        func narrow(_ layout: MiniFloat) -> Tensor {
          Tensor(dtype, shape, a, b) { (a: UInt16, b: UInt16) in
            UInt16(layout.encode(function(layout.decode(UInt32(a)), layout.decode(UInt32(b)))))
          }
        }
        switch dtype {
        case .f16: return [narrow(.f16)]
        case .bf16: return [narrow(.bf16)]
        case .f64: return [Tensor(dtype, shape, a, b) { (a: Double, b: Double) in function(a, b) }]
        case .f32: return [Tensor(dtype, shape, a, b) { (a: Float, b: Float) in Float(function(Double(a), Double(b))) }]
        case .u8: return [try whole(UInt8.self)]
        case .i8: return [try whole(Int8.self)]
        case .u16: return [try whole(UInt16.self)]
        case .i16: return [try whole(Int16.self)]
        case .u32: return [try whole(UInt32.self)]
        case .i32: return [try whole(Int32.self)]
        case .u64: return [try whole(UInt64.self)]
        case .i64: return [try whole(Int64.self)]
        case .bool, .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4:
          preconditionFailure("'\(name)' computes with no \(dtype), as its shape rule says")
        }
      }, examples: examples)
  }

  private static func comparison(_ name: String, _ function: Comparison, examples: [Example]) -> Primitive {
    Primitive(
      name: name, inputs: 2...2,
      infer: { inputs, _ throws(Diagnostic) in
        let (a, b) = (inputs[0], inputs[1])
        guard a.dtype == b.dtype, a.dtype.isComputable || a.dtype.isInteger || a.dtype == .bool else {
          throw Diagnostic(
            "\(name).dtype",
            "'a' is \(a) and 'b' is \(b), and both must be bool, integers, f16, bf16, f32 or f64 of one type")
        }
        return [TensorType(.bool, try TensorType.spread(a, b, of: name))]
      },
      cost: noMultiplyAdds,
      evaluate: { inputs, results, _ throws(Diagnostic) in
        let (a, b, shape) = (inputs[0], inputs[1], results.shape())
        func compare<Number: Comparable & BitwiseCopyable>(_ type: Number.Type) -> Tensor {
          Tensor(.bool, shape, a, b) { (a: Number, b: Number) -> UInt8 in function(a, b) ? 1 : 0 }
        }
        switch a.dtype {
        case .f32: return [compare(Float.self)]
        case .f64: return [compare(Double.self)]
        case .u8: return [compare(UInt8.self)]
        case .i8: return [compare(Int8.self)]
        case .u16: return [compare(UInt16.self)]
        case .i16: return [compare(Int16.self)]
        case .u32: return [compare(UInt32.self)]
        case .i32: return [compare(Int32.self)]
        case .u64: return [compare(UInt64.self)]
        case .i64: return [compare(Int64.self)]
        case .f16, .bf16, .bool, .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2,
          .f4:
          // Any byte but 0 is true, so bool is compared as the numbers 0 and 1.
          return [
            Tensor(.bool, shape, a.widened, b.widened) { (a: Double, b: Double) -> UInt8 in function(a, b) ? 1 : 0 }
          ]
        }
      }, examples: examples)
  }

  private static func pair(_ a: [Float], _ b: [Float], _ result: [Float]) -> Example {
    Example(
      inputs: [Tensor(a, [a.count]), Tensor(b, [b.count])], outputs: [Tensor(result, [result.count])])
  }

  private static func integers(_ a: [Int], _ b: [Int], _ result: [Int], _ dtype: DType = .i64) -> Example {
    Example(
      inputs: [Tensor(dtype, [a.count], integers: a), Tensor(dtype, [b.count], integers: b)],
      outputs: [Tensor(dtype, [result.count], integers: result)])
  }

  private static func truths(_ a: [Float], _ b: [Float], _ result: [Int]) -> Example {
    Example(
      inputs: [Tensor(a, [a.count]), Tensor(b, [b.count])],
      outputs: [Tensor(.bool, [result.count], integers: result)])
  }

  /// The sum `a + b`, spread over each other; integers wrap. Source: ONNX `Add`.
  public static let add = arithmetic(
    "Add", .add,
    examples: [
      pair([1, 2], [0.5], [1.5, 2.5]),
      integers([127], [1], [-128], .i8),
      // A column and a row make a table.
      Example(
        inputs: [Tensor([10, 20], [2, 1]), Tensor([1, 2, 3], [3])],
        outputs: [Tensor([11, 12, 13, 21, 22, 23], [2, 3])]),
    ])

  /// The difference `a - b`, spread over each other; integers wrap. Source: ONNX `Sub`.
  public static let sub = arithmetic(
    "Sub", .sub, examples: [pair([1, 2], [0.5], [0.5, 1.5]), integers([1], [3], [-2])])

  /// The product `a * b`, spread over each other; integers wrap. Source: ONNX `Mul`.
  public static let mul = arithmetic(
    "Mul", .mul, examples: [pair([1, 2], [0.5], [0.5, 1]), integers([7], [-3], [-21])])

  /// The quotient `a / b`, spread over each other; of integers the whole part, toward zero. Source: ONNX `Div`.
  ///
  /// Dividing whole numbers by 0 throws `Div.zero` when it is evaluated.
  public static let div = arithmetic(
    "Div", .div, examples: [pair([1, -2, 1], [2, 4, 0], [0.5, -0.5, .infinity]), integers([7, -7], [2], [3, -3])])

  /// The power `a ^ b` of floating-point numbers, spread over each other. Source: ONNX `Pow`.
  public static let pow = arithmetic(
    "Pow", .pow, integers: false, examples: [pair([2, 4, 3], [3, 0.5, 0], [8, 2, 1])])

  /// The smaller of two, spread over each other; NaN where either is NaN. Source: ONNX `Min`.
  public static let min = arithmetic(
    "Min", .min, examples: [pair([1, 5], [3], [1, 3]), integers([-1, 4], [2], [-1, 2])])

  /// The larger of two, spread over each other; NaN where either is NaN. Source: ONNX `Max`.
  public static let max = arithmetic(
    "Max", .max, examples: [pair([1, 5], [3], [3, 5]), integers([-1, 4], [2], [2, 4])])

  /// Whether two are equal; NaN equals nothing. Source: ONNX `Equal`.
  public static let equal = comparison(
    "Equal", .equal,
    examples: [
      truths([1, 2, .nan], [1, 3, .nan], [1, 0, 0]),
      // The unit matrix, from a column and a row of positions.
      Example(
        inputs: [Tensor(.i64, [2, 1], integers: [0, 1]), Tensor(.i64, [2], integers: [0, 1])],
        outputs: [Tensor(.bool, [2, 2], integers: [1, 0, 0, 1])]),
    ])

  /// Whether `a` is below `b`. Source: ONNX `Less`.
  public static let less = comparison("Less", .less, examples: [truths([1, 2, 3], [2], [1, 0, 0])])

  /// Whether `a` is at most `b`. Source: ONNX `LessOrEqual`.
  public static let lessOrEqual = comparison(
    "LessOrEqual", .lessOrEqual, examples: [truths([1, 2, 3], [2], [1, 1, 0])])

  /// Whether `a` is above `b`. Source: ONNX `Greater`.
  public static let greater = comparison("Greater", .greater, examples: [truths([1, 2, 3], [2], [0, 0, 1])])

  /// Whether `a` is at least `b`. Source: ONNX `GreaterOrEqual`.
  public static let greaterOrEqual = comparison(
    "GreaterOrEqual", .greaterOrEqual, examples: [truths([1, 2, 3], [2], [0, 1, 1])])
}
