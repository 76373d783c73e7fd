import GraftIR

extension Builtin {
  /// Functions of one tensor, element by element; some take a number as well.
  static let elementwiseFunctions: [Builtin] = [
    ("abs", "Abs"), ("exp", "Exp"), ("log", "Log"), ("sqrt", "Sqrt"), ("rsqrt", "Rsqrt"), ("sin", "Sin"),
    ("cos", "Cos"), ("tanh", "Tanh"), ("erf", "Erf"), ("sigmoid", "Sigmoid"), ("silu", "Silu"),
    ("softplus", "Softplus"), ("relu", "Relu"),
  ].map { name, primitive in
    Builtin(name, "x") { call throws(Diagnostic) in
      if case .number(let number)? = call.values["x"]?.datum {
        if name == "abs" {
          do throws(Number.Failure) {
            return .number(try Number.isLess(number, Number(0)) ? try -number : number)
          } catch {
            throw call.evaluator.failure(error, at: call.at)
          }
        }
        guard let function = Number.realFunctions[name], let value = number.double else {
          throw Diagnostic("calls.type", "'\(name)' takes a tensor, and this is a number", at: call.at)
        }
        do throws(Number.Failure) { return .number(try Number.finite(function(value))) } catch {
          throw call.evaluator.failure(error, at: call.at)
        }
      }
      return try call.node(primitive, [try call.tensor("x")])
    }
  }

  /// Functions of tensors.
  static let tensorFunctions: [Builtin] = [
    Builtin("gelu", "x approximate?") { call throws(Diagnostic) in
      try call.node(
        "Gelu", [try call.tensor("x")], ["approximate": .text(try call.word("approximate", default: "tanh"))])
    },
    Builtin("layer_norm", "x weight? bias? epsilon?") { call throws(Diagnostic) in
      try call.node(
        "LayerNormalization", try call.optional(["x", "weight", "bias"]),
        ["epsilon": .float(try call.double("epsilon", default: 1e-6))])
    },
    Builtin("rms_norm", "x weight? epsilon?") { call throws(Diagnostic) in
      try call.node(
        "RMSNormalization", try call.optional(["x", "weight"]),
        ["epsilon": .float(try call.double("epsilon", default: 1e-5))])
    },
    Builtin("softmax", "x axis?") { call throws(Diagnostic) in
      try call.node("Softmax", [try call.tensor("x")], ["axis": .int(try call.int("axis", default: -1))])
    },
    Builtin("attention", "q k v mask? heads kv_heads? scale? window?") { call throws(Diagnostic) in
      let heads = try call.int("heads", default: 1)
      var attributes: Attributes = [
        "heads": .int(heads), "kv_heads": .int(try call.int("kv_heads", default: heads)),
        "window": .ints(call.has("window") ? try call.ints("window") : [-1, -1]),
      ]
      if call.has("scale") { attributes["scale"] = .float(try call.double("scale", default: 1)) }
      return try call.node("Attention", try call.optional(["q", "k", "v", "mask"]), attributes)
    },
    Builtin("matmul", "a b") { call throws(Diagnostic) in
      try call.node("MatMul", [try call.tensor("a"), try call.tensor("b")])
    },
    Builtin("linear", "x weight bias?") { call throws(Diagnostic) in
      try call.node("Linear", try call.optional(["x", "weight", "bias"]))
    },
    Builtin("conv", "x weight bias? stride? padding? groups?") { call throws(Diagnostic) in
      let stride = call.has("stride") ? try call.ints("stride") : [1]
      let padding = call.has("padding") ? try call.ints("padding") : [0]
      return try call.node(
        "Conv", try call.optional(["x", "weight", "bias"]),
        [
          "strides": .ints(stride.count == 1 ? [stride[0], stride[0]] : stride),
          "pads": .ints(padding.count == 1 ? [Int](repeating: padding[0], count: 4) : padding),
          "group": .int(try call.int("groups", default: 1)),
        ])
    },
    Builtin("causal_conv", "x weight bias? axis?") { call throws(Diagnostic) in
      try call.node(
        "CausalConv", try call.optional(["x", "weight", "bias"]), ["axis": .int(try call.int("axis", default: 1))])
    },
    Builtin("selective_scan", "x dt a b c skip? groups?") { call throws(Diagnostic) in
      try call.node(
        "SelectiveScan", try call.optional(["x", "dt", "a", "b", "c", "skip"]),
        ["groups": .int(try call.int("groups", default: 1))])
    },
    Builtin("reshape", "x shape") { call throws(Diagnostic) in
      try call.node("Reshape", [try call.tensor("x")], ["shape": .dimensions(try call.dimensions("shape"))])
    },
    Builtin("expand", "x shape") { call throws(Diagnostic) in
      try call.node("Expand", [try call.tensor("x")], ["shape": .dimensions(try call.dimensions("shape"))])
    },
    Builtin("transpose", "x perm") { call throws(Diagnostic) in
      try call.node("Transpose", [try call.tensor("x")], ["perm": .ints(try call.ints("perm"))])
    },
    Builtin("concat", "list axis?") { call throws(Diagnostic) in
      try call.node("Concat", try call.tensors("list"), ["axis": .int(try call.axis(try call.tensors("list")[0]))])
    },
    Builtin("split", "x into axis?") { call throws(Diagnostic) in try split(call) },
    Builtin("slice", "x start length axis?") { call throws(Diagnostic) in
      let x = try call.tensor("x")
      guard let start = try call.number("start").dimension, let length = try call.number("length").dimension else {
        throw Diagnostic("values.size", "'start' and 'length' must be whole", at: call.at)
      }
      return try call.node(
        "Slice", [x],
        ["axis": .int(try call.axis(x)), "start": .dimension(start), "length": .dimension(length)])
    },
    Builtin("pad", "x before after axis? value?") { call throws(Diagnostic) in
      let x = try call.tensor("x")
      return try call.node(
        "Pad", [x],
        [
          "axis": .int(try call.axis(x)), "before": .int(try call.int("before", default: 0)),
          "after": .int(try call.int("after", default: 0)), "value": .float(try call.double("value", default: 0)),
        ])
    },
    Builtin("reverse", "x axis?") { call throws(Diagnostic) in
      let x = try call.tensor("x")
      return try call.node("Reverse", [x], ["axis": .int(try call.axis(x))])
    },
    Builtin("cumsum", "x axis?") { call throws(Diagnostic) in
      let x = try call.tensor("x")
      return try call.node("CumSum", [x], ["axis": .int(try call.axis(x))])
    },
    Builtin("gather", "table indices") { call throws(Diagnostic) in
      try call.node("Gather", [try call.tensor("table"), try call.tensor("indices")])
    },
    Builtin("cast", "x to") { call throws(Diagnostic) in
      try call.node("Cast", [try call.tensor("x")], ["to": .dtype(try call.dtype("to", default: .f32))])
    },
    Builtin("select", "condition a b") { call throws(Diagnostic) in
      let condition = try call.tensor("condition")
      var a = call.values["a"]?.datum ?? .bool(false)
      let b = call.values["b"]?.datum ?? .bool(false)
      if case .number(let number) = a, case .number = b {
        a = .tensor(try call.evaluator.constant(number, .f32, at: call.at, call.environment))
      }
      let (x, y) = try call.evaluator.alike(a, b, at: call.at, call.environment)
      return try call.node("Where", [condition, x, y])
    },
    Builtin("iota", "n dtype?") { call throws(Diagnostic) in
      let count = try call.int("n", default: 0)
      guard count >= 0, count <= 1 << 30 else {
        throw Diagnostic("values.size", "'n' is \(count), and must be from 0 to 2^30", at: call.place("n"))
      }
      return try call.node("Iota", [], ["count": .int(count), "dtype": .dtype(try call.dtype("dtype", default: .f32))])
    },
    filled("zeros", 0), filled("ones", 1),
    Builtin("tile", "x repeats") { call throws(Diagnostic) in
      var x = try call.tensor("x")
      let repeats = try call.ints("repeats")
      guard repeats.count == x.type.rank, repeats.allSatisfy({ $0 >= 1 && $0 <= 10_000 }) else {
        throw Diagnostic(
          "values.size", "'repeats' is \(repeats), and 'x' is \(x.type.shapeText)", at: call.place("repeats"))
      }
      for (axis, count) in repeats.enumerated() where count > 1 {
        // [.., n, ..] to [.., 1, n, ..] to [.., count, n, ..] to [.., count * n, ..]
        let axes = x.type.axes
        let (size, overflow) = axes[axis].count.multipliedReportingOverflow(by: count)
        if overflow { throw Diagnostic("values.overflow", "'tile' makes too many", at: call.place("repeats")) }
        let whole = axes[axis].isBatch ? Dimension.batch(size) : Dimension(size)
        let front = Array(axes[..<axis])
        let back = Array(axes[(axis + 1)...])
        x = try call.reshaped(x, front + [1, axes[axis]] + back)
        x = try call.reshaped(x, front + [Dimension(count), axes[axis]] + back, "Expand")
        x = try call.reshaped(x, front + [whole] + back)
      }
      return .tensor(x)
    },
    Builtin("size", "x axis") { call throws(Diagnostic) in
      let x = try call.tensor("x")
      let axis = try call.axis(x)
      guard (0..<x.type.rank).contains(axis) else {
        throw Diagnostic("values.axis", "'axis' is \(axis), but 'x' has rank \(x.type.rank)", at: call.place("axis"))
      }
      return .number(Number(x.type.axes[axis]))
    },
  ]

  private static func filled(_ name: String, _ value: Double) -> Builtin {
    Builtin(name, "shape dtype?") { call throws(Diagnostic) in
      try call.node(
        "Constant", [],
        [
          "dtype": .dtype(try call.dtype("dtype", default: .f32)), "shape": .ints(try call.ints("shape")),
          "values": .floats([value]),
        ])
    }
  }

  /// `split(x, 3)` into equal parts, `split(x, [a, b])` into parts of these sizes.
  private static func split(_ call: Call) throws(Diagnostic) -> Datum {
    let x = try call.tensor("x")
    let axis = try call.axis(x)
    guard (0..<x.type.rank).contains(axis) else {
      throw Diagnostic("values.axis", "'axis' is \(axis), but 'x' has rank \(x.type.rank)", at: call.place("axis"))
    }
    var sizes: [Dimension] = []
    if case .number? = call.values["into"]?.datum {
      let count = try call.int("into", default: 1)
      let whole = x.type.axes[axis]
      guard count >= 1, count <= 10_000, whole.count % count == 0 else {
        throw Diagnostic(
          "values.split", "\(whole) does not split into \(count) equal parts", at: call.place("into"))
      }
      let part = whole.isBatch ? Dimension.batch(whole.count / count) : Dimension(whole.count / count)
      sizes = [Dimension](repeating: part, count: count)
    } else {
      sizes = try call.dimensions("into")
    }
    let results = try call.evaluator.applyAll(
      "Split", [x], ["axis": .int(axis), "sizes": .dimensions(sizes)], at: call.at, call.environment)
    return .list(results.map { .tensor($0) })
  }
}

extension Builtin.Call {
  /// The axis that is meant, the last where none is said; counted from the front.
  func axis(_ tensor: TracedTensor) throws(Diagnostic) -> Int {
    let axis = try int("axis", default: -1)
    return axis < 0 ? axis + tensor.type.rank : axis
  }

  /// `x` in the shape of `axes`.
  func reshaped(
    _ x: TracedTensor, _ axes: [Dimension], _ primitive: String = "Reshape"
  ) throws(Diagnostic) -> TracedTensor {
    let results = try evaluator.applyAll(primitive, [x], ["shape": .dimensions(axes)], at: at, environment)
    guard let result = results.first else {
      throw Diagnostic("graft.defect", "'\(primitive)' gives nothing", at: at, category: .defect)
    }
    return result
  }

  /// The tensors under `names` up to the first that was left out.
  func optional(_ names: [String]) throws(Diagnostic) -> [TracedTensor] {
    var result: [TracedTensor] = []
    for name in names {
      guard has(name) else { break }
      result.append(try tensor(name))
    }
    return result
  }
}
