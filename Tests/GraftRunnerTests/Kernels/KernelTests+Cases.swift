import GraftIR
import GraftRunner

extension KernelTests {
  /// Shapes below, at and above a vector, with tails, empty axes, and every kind of broadcast.
  static let cases: [KernelCase] = {
    var random = SplitMix(state: 1)
    return elementwise(&random) + products(&random) + attention(&random) + scans(&random) + rows(&random)
      + convolutions(&random)
      + movement(&random) + reductions(&random)
  }()

  private static func elementwise(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    // Each vector function is within its own ulps (see Vector.h); what is `x` times a factor is measured against `x`.
    let unary: [(String, ClosedRange<Float>, Tolerance)] = [
      ("Neg", -5...5, .exact), ("Abs", -5...5, .exact), ("Relu", -5...5, .exact), ("Exp", -20...20, .ulps(2)),
      ("Log", 0.001...100, .ulps(1)), ("Sqrt", 0...100, .ulps(0.5)), ("Rsqrt", 0.01...100, .ulps(1.5)),
      ("Sin", -1000...1000, .ulps(1)), ("Cos", -1000...1000, .ulps(1)), ("Tanh", -6...6, .ulps(4)),
      ("Erf", -5...5, .ulps(4)), ("Sigmoid", -30...30, .ulps(4)), ("Silu", -30...30, .ulps(5)),
      ("Softplus", -20...20, .ulps(3)),
    ]
    for (name, range, tolerance) in unary {
      for shape: Shape in [[], [0], [1], [7], [3, 37], [2, 100, 251]] {
        cases.append(KernelCase(primitive: name, inputs: [random.tensor(shape, in: range)], tolerance: tolerance))
      }
    }
    for approximate in ["tanh", "none"] {
      for shape: Shape in [[5], [3, 129]] {
        cases.append(
          KernelCase(
            primitive: "Gelu", attributes: ["approximate": .text(approximate)],
            inputs: [random.tensor(shape, in: -6...6)], tolerance: .ulpsOfInput(4)))
      }
    }
    let shapes: [(Shape, Shape)] = [
      ([], []), ([5], []), ([], [5]), ([3, 17], [3, 17]), ([3, 17], [17]), ([2, 1, 17], [2, 5, 17]),
      ([2, 5, 1], [2, 5, 17]), ([4, 1], [1, 9]), ([2, 1, 3, 1], [5, 1, 7]), ([0, 4], [4]), ([2, 300, 64], [2, 1, 64]),
      ([2, 1, 64], [2, 300, 64]), ([90, 700], [90, 1]),
    ]
    for operation in BinaryOperation.allCases {
      for (a, b) in shapes {
        let first = random.tensor(a, in: 0.5...3)
        // libm's pow is within 1 ulp; the others are IEEE's own operations.
        cases.append(
          KernelCase(
            primitive: operation.rawValue, inputs: [first, random.tensor(b, in: 0.5...3)],
            tolerance: operation == .pow ? .ulps(1) : .ulps(0.5)))
        if operation == .pow { continue }
        for dtype in [DType.i64, .i32] {
          cases.append(
            KernelCase(
              primitive: operation.rawValue,
              inputs: [random.integers(dtype, a, in: -9...9), random.integers(dtype, b, in: 1...4)], tolerance: .exact))
        }
      }
    }
    for name in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"] {
      for (a, b) in shapes {
        for dtype in [DType.i64, .i32] {
          cases.append(
            KernelCase(
              primitive: name, inputs: [random.integers(dtype, a, in: 0...3), random.integers(dtype, b, in: 0...3)],
              tolerance: .exact))
        }
        cases.append(KernelCase(primitive: name, inputs: [random.tensor(a), random.tensor(b)], tolerance: .exact))
      }
    }
    for (a, b) in shapes {
      cases.append(
        KernelCase(
          primitive: "Where", inputs: [random.integers(.bool, a, in: 0...1), random.tensor(b), random.tensor([1])],
          tolerance: .exact))
      cases.append(
        KernelCase(
          primitive: "Where",
          inputs: [
            random.integers(.bool, b, in: 0...1), random.integers(.i64, a, in: 0...9),
            random.integers(.i64, b, in: 0...9),
          ], tolerance: .exact))
    }
    return cases
  }

  private static func products(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    // n, rows, depth, columns: few rows and many, one tile and several. Rounding of a sum of `depth` terms grows like
    // its root; terms here are as large as the result.
    for (rows, depth, columns) in [
      (1, 3, 5), (2, 64, 7), (3, 130, 33), (4, 19, 64), (5, 33, 65), (40, 128, 200), (100, 120, 300), (0, 4, 4),
      (6, 0, 4), (200, 97, 17), (530, 70, 210), (35, 1300, 50),
    ] {
      let tolerance = Tolerance.ulpsOfLargest(max(8, Double(depth).squareRoot() / 3))
      let weight = random.tensor([columns, depth])
      cases.append(
        KernelCase(
          primitive: "Linear", inputs: [random.tensor([rows, depth]), weight], tolerance: tolerance))
      cases.append(
        KernelCase(
          primitive: "Linear", inputs: [random.tensor([1, rows, depth]), weight, random.tensor([columns])],
          tolerance: tolerance))
    }
    let shapes: [(Shape, Shape)] = [
      ([3, 4], [4, 5]), ([2, 3, 4], [4, 5]), ([2, 3, 4], [2, 4, 5]), ([2, 1, 30, 40], [3, 40, 20]),
      ([3, 4], [7, 4, 5]), ([120, 100], [100, 130]), ([3, 0], [0, 2]),
    ]
    for (a, b) in shapes {
      cases.append(
        KernelCase(primitive: "MatMul", inputs: [random.tensor(a), random.tensor(b)], tolerance: .ulpsOfLargest(8)))
    }
    return cases
  }

  private static func attention(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    let windows = [[-1, -1], [0, 0], [2, 1], [-1, 0], [3, -1], [100, 100], [20, 0], [0, 1 << 40]]
    // batch, queries, keys, heads, key-value heads, width of q and k, width of v.
    for (b, n, m, h, g, e, f) in [
      (1, 1, 1, 1, 1, 4, 4), (2, 37, 37, 4, 2, 8, 5), (1, 70, 70, 2, 1, 16, 16), (1, 300, 300, 1, 1, 4, 4),
      (1, 610, 610, 1, 1, 5, 7),
    ] {
      for window in windows {
        // Scores, weights and sums each round once a term; values are of order 1.
        cases.append(
          KernelCase(
            primitive: "Attention",
            attributes: ["heads": .int(h), "kv_heads": .int(g), "window": .ints(window)],
            inputs: [random.tensor([b, n, h * e]), random.tensor([b, m, g * e]), random.tensor([b, m, g * f])],
            tolerance: .ulpsOfLargest(32)))
      }
    }
    for mask: Shape in [[], [19], [11, 19], [2, 1, 1, 19], [3, 11, 1], [2, 3, 11, 19]] {
      cases.append(
        KernelCase(
          primitive: "Attention", attributes: ["heads": .int(3), "scale": .float(0.3)],
          inputs: [
            random.tensor([2, 11, 24]), random.tensor([2, 19, 24]), random.tensor([2, 19, 12]), random.tensor(mask),
          ],
          tolerance: .ulpsOfLargest(32)))
    }
    // The lowest number hides a key, too, unless all keys have it.
    let lowest = -Float.greatestFiniteMagnitude
    for (hidden, rest) in [(-Float.infinity, Float(0)), (lowest, 0), (lowest, lowest)] {
      let mask = Tensor((0..<19).map { $0 % 3 == 0 ? hidden : rest }, [19])
      cases.append(
        KernelCase(
          primitive: "Attention", attributes: ["heads": .int(3)],
          inputs: [random.tensor([2, 11, 24]), random.tensor([2, 19, 24]), random.tensor([2, 19, 12]), mask],
          tolerance: .ulpsOfLargest(32)))
    }
    return cases
  }

  private static func scans(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    // batch, places, heads, groups, width of a head, state: below, at and above a vector, one place and none.
    for (batch, n, heads, groups, p, s) in [
      (1, 1, 1, 1, 1, 1), (2, 9, 3, 1, 5, 7), (1, 70, 4, 2, 16, 16), (2, 33, 2, 2, 24, 6), (1, 300, 6, 3, 40, 64),
      (1, 0, 2, 1, 3, 4), (0, 5, 2, 1, 3, 4), (1, 6, 2, 1, 0, 4), (1, 6, 2, 1, 3, 0),
    ] {
      let inputs = [
        random.tensor([batch, n, heads * p]), random.tensor([batch, n, heads], in: 0...1),
        random.tensor([heads], in: -3...0), random.tensor([batch, n, groups * s]),
        random.tensor([batch, n, groups * s]),
      ]
      for inputs in [inputs, inputs + [random.tensor([heads])]] {
        // A number of the state rounds twice a place, and fades; a result sums `s` of them.
        cases.append(
          KernelCase(
            primitive: "SelectiveScan", attributes: ["groups": .int(groups)], inputs: inputs,
            tolerance: .ulpsOfLargest(16)))
      }
    }
    return cases
  }

  private static func rows(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    // Mean, variance and scale each round; results are of order 1.
    for shape: Shape in [[3, 1], [7], [2, 3, 5], [40, 72], [5, 131], [2, 300, 64], [0, 8]] {
      let width = shape.axes[shape.rank - 1]
      let epsilon: Attributes = ["epsilon": .float(1e-6)]
      let (scale, bias) = (random.tensor([width]), random.tensor([width]))
      let x = random.tensor(shape, in: -3...5)
      for inputs in [[x], [x, scale], [x, scale, bias]] {
        cases.append(
          KernelCase(
            primitive: "LayerNormalization", attributes: epsilon, inputs: inputs, tolerance: .ulpsOfLargest(8)))
        if inputs.count == 3 { continue }
        cases.append(
          KernelCase(
            primitive: "RMSNormalization", attributes: epsilon, inputs: inputs, tolerance: .ulpsOfLargest(8)))
      }
      for axis in [-1, 0] {
        cases.append(
          KernelCase(
            primitive: "Softmax", attributes: ["axis": .int(axis)], inputs: [random.tensor(shape, in: -9...9)],
            tolerance: .ulpsOfLargest(8)))
      }
    }
    cases.append(
      KernelCase(
        primitive: "Softmax", attributes: ["axis": .int(1)], inputs: [random.tensor([3, 21, 19])],
        tolerance: .ulpsOfLargest(8)))
    return cases
  }

  private static func convolutions(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    // x, weight, strides, pads, groups: patches, padded 3 x 3, points, groups, a stride with uneven padding.
    let pictures: [(Shape, Shape, [Int], [Int], Int)] = [
      ([2, 4, 8, 8], [24, 4, 2, 2], [2, 2], [0, 0, 0, 0], 1), ([1, 3, 9, 7], [5, 3, 3, 3], [1, 1], [1, 1, 1, 1], 1),
      ([2, 6, 5, 5], [4, 6, 1, 1], [1, 1], [0, 0, 0, 0], 1), ([1, 6, 6, 6], [6, 1, 3, 3], [1, 1], [1, 1, 1, 1], 6),
      ([1, 4, 10, 11], [6, 2, 3, 2], [2, 3], [0, 2, 1, 1], 2),
      ([1, 8, 40, 40], [8, 8, 3, 3], [1, 1], [1, 1, 1, 1], 1),
      ([1, 2, 6, 6], [3, 2, 1, 1], [2, 2], [0, 0, 0, 0], 1),
      // Channels by themselves: wide filters, strides that leave pixels out, one tap, uneven padding.
      ([2, 5, 16, 16], [5, 1, 7, 7], [1, 1], [3, 3, 3, 3], 5),
      ([2, 4, 6, 9], [4, 1, 2, 3], [2, 3], [0, 0, 0, 0], 4),
      ([1, 3, 7, 20], [3, 1, 2, 2], [3, 2], [0, 1, 2, 0], 3),
      ([1, 2, 5, 40], [2, 1, 1, 1], [1, 1], [0, 0, 0, 0], 2),
      ([1, 2, 3, 3], [2, 1, 5, 1], [4, 1], [2, 0, 0, 0], 2),
      ([1, 1, 2, 2], [1, 1, 1, 1], [1 << 31, 1 << 31], [1 << 32, 1 << 32, 1 << 32, 1 << 32], 1),
    ]
    for (x, weight, strides, pads, group) in pictures {
      let attributes: Attributes = ["strides": .ints(strides), "pads": .ints(pads), "group": .int(group)]
      let (x, weight) = (random.tensor(x), random.tensor(weight))
      for inputs in [[x, weight], [x, weight, random.tensor([weight.shape.axes[0]])]] {
        cases.append(
          KernelCase(primitive: "Conv", attributes: attributes, inputs: inputs, tolerance: .ulpsOfLargest(8)))
      }
    }
    for (x, taps) in [([2, 9, 5], 3), ([1, 2, 3], 4), ([2, 40, 72], 7), ([1, 33, 130], 1), ([3, 300, 48], 4)]
      as [(Shape, Int)]
    {
      for axis in [1, 2] {
        let channels = x.axes[3 - axis]
        let inputs = [random.tensor(x), random.tensor([channels, 1, taps])]
        for inputs in [inputs, inputs + [random.tensor([channels])]] {
          cases.append(
            KernelCase(
              primitive: "CausalConv", attributes: ["axis": .int(axis)], inputs: inputs, tolerance: .ulpsOfLargest(4)))
        }
      }
    }
    return cases
  }

  private static func movement(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    func add(_ name: String, _ attributes: Attributes, _ inputs: Tensor...) {
      cases.append(KernelCase(primitive: name, attributes: attributes, inputs: inputs, tolerance: .exact))
    }
    add("Reshape", ["shape": .ints([6, 4])], random.tensor([2, 3, 4]))
    for perm in [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [2, 3, 0, 1], [0, 1, 3, 2]] {
      add("Transpose", ["perm": .ints(perm)], random.tensor([2, 3, 5, 7]))
      add("Transpose", ["perm": .ints(perm)], random.integers(.i64, [2, 1, 5, 1], in: 0...99))
      add("Transpose", ["perm": .ints(perm)], random.integers(.bool, [2, 3, 5, 7], in: 0...1))
    }
    add("Transpose", ["perm": .ints([1, 0])], random.tensor([300, 200]))
    for axis in [0, 1, 2, -1] {
      let x = random.tensor([4, 6, 5])
      add("Slice", ["axis": .int(axis), "start": .int(1), "length": .int(3)], x)
      add("Slice", ["axis": .int(axis), "start": .int(2), "length": .int(0)], x)
      add("Concat", ["axis": .int(axis)], x, x, x)
      add("Reverse", ["axis": .int(axis)], x)
      add("Pad", ["axis": .int(axis), "before": .int(2), "after": .int(1), "value": .float(1.5)], x)
      add(
        "Pad", ["axis": .int(axis), "before": .int(0), "after": .int(2)], random.tensor([2, 3, 4]))
    }
    add("Slice", ["axis": .int(1), "start": .int(2), "length": .int(3)], random.tensor([1, 6, 5]))
    add("Split", ["axis": .int(1), "sizes": .ints([2, 0, 4])], random.tensor([4, 6, 5]))
    add("Split", ["axis": .int(1), "sizes": .ints([2, 4])], random.tensor([1, 6, 5]))
    add("Split", ["axis": .int(-1), "sizes": .ints([2, 1, 2])], random.tensor([4, 6, 5]))
    add("Concat", ["axis": .int(1)], random.tensor([3, 2, 2]), random.tensor([3, 0, 2]), random.tensor([3, 5, 2]))
    add("Expand", ["shape": .ints([4, 3, 5])], random.tensor([3, 1]))
    add("Expand", ["shape": .ints([2, 3])], random.tensor([2, 3]))
    for dtype in [DType.i64, .i32, .u8] {
      add("Gather", [:], random.tensor([7, 3]), random.integers(dtype, [2, 5], in: 0...6))
    }
    add("Gather", [:], random.tensor([9]), random.integers(.i64, [], in: 0...8))
    for (from, to) in [(DType.i64, DType.f32), (.i32, .i64), (.u8, .f64), (.bool, .f32), (.i64, .bool), (.i64, .i64)] {
      add("Cast", ["to": .dtype(to)], random.integers(from, [3, 50], in: 0...1))
    }
    add("Cast", ["to": .dtype(.i64)], random.tensor([77], in: -1e6...1e6))
    add("Cast", ["to": .dtype(.f64)], random.tensor([77]))
    for dtype in [DType.bf16, .f16, .f64] {
      let values = (0..<90).map { _ in Double(Float.random(in: -3...3, using: &random)) }
      add("Cast", ["to": .dtype(.f32)], Tensor(dtype, [90], doubles: values + []))
    }
    let tiny = [0, 0x1p-24, -0x1p-24, 0x1p-15, 65504, .infinity, -.infinity, .nan]
    add("Cast", ["to": .dtype(.f32)], Tensor(.f16, [8], doubles: tiny))
    return cases
  }

  private static func reductions(_ random: inout SplitMix) -> [KernelCase] {
    var cases: [KernelCase] = []
    for axes in [[0], [1], [2], [-1], [0, 1], [1, 2], [0, 2], [0, 1, 2, 3], [1, 3], [0, 2, 3]] {
      for name in ["ReduceSum", "ReduceMean", "ReduceMax"] {
        cases.append(
          KernelCase(
            primitive: name, attributes: ["axes": .ints(axes), "keepdims": .bool(axes.count == 2)],
            inputs: [random.tensor([3, 5, 19, 37], in: 0...2)], tolerance: .ulps(16)))
      }
    }
    for (shape, count) in [([7], 3), ([5, 40], 40), ([3, 2, 9], 1), ([2, 4], 0), ([0, 3], 2)] as [(Shape, Int)] {
      for largest in [true, false] {
        cases.append(
          KernelCase(
            primitive: "TopIndices", attributes: ["count": .int(count), "largest": .bool(largest)],
            inputs: [random.tensor(shape)], tolerance: .exact))
      }
    }
    let ties = Tensor([1, .nan, 2, 2, 1, .nan, -.infinity, 2], [2, 4])
    for count in 0...4 {
      cases.append(
        KernelCase(primitive: "TopIndices", attributes: ["count": .int(count)], inputs: [ties], tolerance: .exact))
    }
    for axis in [0, 1, 2] {
      cases.append(
        KernelCase(
          primitive: "CumSum", attributes: ["axis": .int(axis)], inputs: [random.tensor([4, 50, 3])],
          tolerance: .ulps(0.5)))
    }
    return cases
  }
}
