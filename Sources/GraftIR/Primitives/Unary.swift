import Foundation

extension Primitive {
  /// A function of one number, applied to each element: `y[i] = f(x[i])`, worked out in double and rounded once.
  private static func unary(
    _ name: String, _ function: @escaping @Sendable (Double) -> Double, definition: Definition? = nil,
    examples: [Example]
  ) -> Primitive {
    Primitive(
      name: name, inputs: 1...1,
      infer: { inputs, _ throws(Diagnostic) in
        try inputs[0].requireComputable("x", of: name)
        return inputs
      },
      cost: noMultiplyAdds,
      evaluate: { inputs, results, _ throws(Diagnostic) in
        [inputs[0].mapped(function)]
      }, definition: definition, examples: examples)
  }

  /// An example of f32 numbers in a row; `tolerance` covers the rounding of the numbers written here.
  private static func row(_ x: [Float], _ y: [Float], tolerance: Double = 0) -> Example {
    Example(inputs: [Tensor(x, [x.count])], outputs: [Tensor(y, [y.count])], tolerance: tolerance)
  }

  /// Half a unit in the last place of an f32 between 0.5 and 1: how far a written number may be from the exact one.
  private static let half = 0x1p-25

  /// The number with the other sign: `-x`. Source: ONNX `Neg`.
  public static let neg = unary("Neg", { -$0 }, examples: [row([1, -2, 0.5], [-1, 2, -0.5])])

  /// The number without its sign: `|x|`. Source: ONNX `Abs`.
  public static let abs = unary("Abs", { $0.magnitude }, examples: [row([1, -2, -0.5], [1, 2, 0.5])])

  /// `e` to the power of `x`. Source: ONNX `Exp`.
  public static let exp = unary(
    "Exp", { Foundation.exp($0) },
    // e = 2.718281828..., an f32 between 2 and 4 is at most 2^-23 off.
    examples: [row([0, -.infinity], [1, 0]), row([1], [2.7182817], tolerance: 0x1p-23)])

  /// The natural logarithm. Source: ONNX `Log`.
  public static let log = unary(
    "Log", { Foundation.log($0) },
    // ln 2 = 0.69314718...
    examples: [row([1, 0], [0, -.infinity]), row([2], [0.6931472], tolerance: half)])

  /// The square root. Source: ONNX `Sqrt`.
  public static let sqrt = unary(
    "Sqrt", { $0.squareRoot() }, examples: [row([0, 4, 0.25], [0, 2, 0.5])])

  /// One over the square root: `1 / sqrt(x)`. Source: PyTorch `torch.rsqrt`.
  public static let rsqrt = unary(
    "Rsqrt", { 1 / $0.squareRoot() },
    definition: { builder, inputs, _ throws(Diagnostic) in
      let x = inputs[0]
      return try builder.node(.div, [builder.scalar(1, like: x), builder.one(.sqrt, [x])])
    }, examples: [row([1, 4, 0.25], [1, 0.5, 2])])

  /// The sine of an angle in radians. Source: ONNX `Sin`.
  public static let sin = unary(
    "Sin", { Foundation.sin($0) },
    // sin 1 = 0.84147098...
    examples: [row([0], [0]), row([1, -1], [0.84147098, -0.84147098], tolerance: half)])

  /// The cosine of an angle in radians. Source: ONNX `Cos`.
  public static let cos = unary(
    "Cos", { Foundation.cos($0) },
    // cos 1 = 0.54030231...
    examples: [row([0], [1]), row([1, -1], [0.5403023, 0.5403023], tolerance: half)])

  /// The hyperbolic tangent. Source: ONNX `Tanh`.
  public static let tanh = unary(
    "Tanh", { Foundation.tanh($0) },
    // tanh 1 = 0.76159416...
    examples: [row([0, 40], [0, 1]), row([1], [0.76159416], tolerance: half)])

  /// The error function `2 / sqrt(pi) * integral of exp(-t^2) from 0 to x`. Source: ONNX `Erf`.
  public static let erf = unary(
    "Erf", { Foundation.erf($0) },
    // erf 1 = 0.84270079...
    examples: [row([0, 10], [0, 1]), row([1], [0.84270079], tolerance: half)])

  /// The logistic function `1 / (1 + exp(-x))`. Source: ONNX `Sigmoid`.
  public static let sigmoid = unary(
    "Sigmoid", { 1 / (1 + Foundation.exp(-$0)) },
    definition: { builder, inputs, _ throws(Diagnostic) in
      let x = inputs[0]
      let one = try builder.scalar(1, like: x)
      let decay = try builder.one(.exp, [builder.one(.neg, [x])])
      return try builder.node(.div, [one, builder.one(.add, [one, decay])])
    },
    // 1 / (1 + e^-1) = 0.73105858...
    examples: [row([0, .infinity, -.infinity], [0.5, 1, 0]), row([1], [0.73105858], tolerance: half)])

  /// `x * sigmoid(x)`. Source: Elfwing, Uchibe, Doya, "Sigmoid-Weighted Linear Units", 2018; PyTorch `SiLU`.
  public static let silu = unary(
    "Silu", { $0 / (1 + Foundation.exp(-$0)) },
    definition: { builder, inputs, _ throws(Diagnostic) in
      try builder.node(.mul, [inputs[0], builder.one(.sigmoid, inputs)])
    },
    // 1 / (1 + e^-1) = 0.73105858..., and x times it.
    examples: [row([0], [0]), row([1], [0.73105858], tolerance: half), row([-1], [-0.26894142], tolerance: half)])

  /// `ln(1 + exp(x))`, and `x` itself above 20, where nothing else is left of it in f32.
  ///
  /// Source: PyTorch `Softplus` with its threshold of 20.
  public static let softplus = unary(
    "Softplus", { $0 > 20 ? $0 : log1p(Foundation.exp($0)) },
    definition: { builder, inputs, _ throws(Diagnostic) in
      // max(x, 0) + ln(1 + exp(-|x|)) is the same and never overflows.
      let x = inputs[0]
      let decay = try builder.one(.exp, [builder.one(.neg, [builder.one(.abs, [x])])])
      let rest = try builder.one(.log, [builder.one(.add, [builder.scalar(1, like: x), decay])])
      let smooth = try builder.one(.add, [builder.one(.max, [x, builder.scalar(0, like: x)]), rest])
      let isLarge = try builder.one(.greater, [x, builder.scalar(20, like: x)])
      return try builder.node(.where, [isLarge, x, smooth])
    },
    // ln 2 = 0.69314718...; below -17 the logarithm is exp(x) itself to f32's last place, and exp(-1000) is 0.
    examples: [row([21, 100, -1000], [21, 100, 0]), row([0], [0.6931472], tolerance: half)])

  /// What is above zero: `max(x, 0)`. Source: ONNX `Relu`.
  public static let relu = unary(
    "Relu", { $0 < 0 ? 0 : $0 },
    definition: { builder, inputs, _ throws(Diagnostic) in
      try builder.node(.max, [inputs[0], builder.scalar(0, like: inputs[0])])
    }, examples: [row([-1, 0, 2], [0, 0, 2])])

  /// The number times the share of a normal distribution below it.
  ///
  ///     none:  y = 0.5 x (1 + erf(x / sqrt(2)))
  ///     tanh:  y = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  ///
  /// - Inputs: `x`, floating point, any shape.
  /// - Attributes: `approximate`, `tanh` or `none`.
  /// - Outputs: `y`, of the type of `x`.
  /// - Throws: `Gelu.approximate` where it is anything else, `Gelu.dtype`.
  /// - Source: Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016; ONNX `Gelu`.
  public static let gelu = Primitive(
    name: "Gelu", inputs: 1...1, attributes: [.required("approximate", .text)],
    infer: { inputs, attributes throws(Diagnostic) in
      try inputs[0].requireComputable("x", of: "Gelu")
      let approximate = attributes.text("approximate")
      guard ["tanh", "none"].contains(approximate) else {
        throw Diagnostic("Gelu.approximate", "'approximate' is '\(approximate)', and must be 'tanh' or 'none'")
      }
      return inputs
    },
    cost: noMultiplyAdds,
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let values = inputs[0].doubles
      let isTanh = attributes.text("approximate") == "tanh"
      let slope = (2 / Double.pi).squareRoot()
      let gated = values.map { x in
        0.5 * x
          * (1 + (isTanh ? Foundation.tanh(slope * (x + 0.044715 * x * x * x)) : Foundation.erf(x * 0.5.squareRoot())))
      }
      return [Tensor(results[0].dtype, results.shape(), doubles: gated)]
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      let x = inputs[0]
      var inner: Value
      if attributes.text("approximate") == "tanh" {
        let cube = try builder.one(.mul, [x, builder.one(.mul, [x, x])])
        let bent = try builder.one(.add, [x, builder.one(.mul, [cube, builder.scalar(0.044715, like: x)])])
        let slope = try builder.scalar((2 / Double.pi).squareRoot(), like: x)
        inner = try builder.one(.tanh, [builder.one(.mul, [bent, slope])])
      } else {
        inner = try builder.one(.erf, [builder.one(.mul, [x, builder.scalar(0.5.squareRoot(), like: x)])])
      }
      inner = try builder.one(.add, [inner, builder.scalar(1, like: x)])
      let half = try builder.one(.mul, [x, builder.scalar(0.5, like: x)])
      return try builder.node(.mul, [half, inner])
    },
    examples: [
      // 0.5 (1 + erf(0.70710678)) = 0.84134475, the share of a normal distribution below one deviation.
      Example(
        attributes: ["approximate": .text("none")], inputs: [Tensor([0, 1], [2])],
        outputs: [Tensor([0, 0.84134475], [2])], tolerance: half),
      // tanh(0.79788456 * 1.044715) = tanh(0.83356198) = 0.68238399, so 0.5 * 1.68238399.
      Example(
        attributes: ["approximate": .text("tanh")], inputs: [Tensor([0, 1], [2])],
        outputs: [Tensor([0, 0.841192], [2])], tolerance: 0x1p-23),
    ])
}

extension GraphBuilder {
  /// One number of the type of the elements of `value`, to spread over anything.
  mutating func scalar(_ number: Double, like value: Value) throws(Diagnostic) -> Value {
    try one(.constant, [], ["dtype": .dtype(type(of: value).dtype), "shape": .ints([]), "values": .floats([number])])
  }

  /// Adds a use of a primitive that has one result, and gives that.
  mutating func one(
    _ primitive: Primitive, _ inputs: [Value], _ attributes: Attributes = [:]
  ) throws(Diagnostic) -> Value {
    try node(primitive, inputs, attributes)[0]
  }
}

extension Tensor {
  /// The tensor of `function` of each element, rounded once.
  fileprivate func mapped(_ function: (Double) -> Double) -> Tensor {
    // No copies in double: initial values of whole weights are worked out here.
    guard dtype == .f32 else { return Tensor(dtype, shape, doubles: doubles.map(function)) }
    let result = Tensor(zeros: dtype, shape)
    let (x, y) = (bytes, result.mutableBytes)
    for offset in stride(from: 0, to: byteCount, by: 4) {
      let value = Double(x.loadUnaligned(fromByteOffset: offset, as: Float.self))
      y.storeBytes(of: Float(function(value)), toByteOffset: offset, as: Float.self)
    }
    return result
  }
}
