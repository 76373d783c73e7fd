import GraftIR
import Testing

/// Every rule of `specs/verify.md`: two formulas that it makes one, and two near ones that stay two.
@Suite struct RewriteRuleTests {
  /// Builds a graph, failing where a shape rule refuses it.
  struct Maker {
    var builder = GraphBuilder(name: "forward")

    mutating func input(_ name: String, _ axes: [Dimension], _ dtype: DType = .f32) -> Value {
      builder.input(name, TensorType(dtype, axes))
    }

    mutating func number(_ value: Double, _ shape: [Int] = []) throws -> Value { try numbers([value], shape) }

    mutating func numbers(_ values: [Double], _ shape: [Int]) throws -> Value {
      try self("Constant", [], ["shape": .ints(shape), "values": .floats(values)])
    }

    mutating func callAsFunction(_ name: String, _ inputs: [Value], _ attributes: Attributes = [:]) throws -> Value {
      try builder.node(#require(Primitives.named(name)), inputs, attributes)[0]
    }

    mutating func slice(_ x: Value, _ axis: Int, _ start: Int, _ length: Int) throws -> Value {
      try self("Slice", [x], ["axis": .int(axis), "start": .int(start), "length": .int(length)])
    }
  }

  struct Case: CustomTestStringConvertible {
    let rule: String
    let pair: @Sendable (inout Maker) throws -> (Value, Value)
    var testDescription: String { rule }

    init(_ rule: String, _ pair: @escaping @Sendable (inout Maker) throws -> (Value, Value)) {
      self.rule = rule
      self.pair = pair
    }

    /// Whether both values have one formula, and whether the rule took part.
    func result() throws -> (isSame: Bool, isUsed: Bool) {
      var maker = Maker()
      let (a, b) = try pair(&maker)
      var table = FormulaTable()
      let formulas = try table.add(maker.builder.graph) { table, name, type throws(Diagnostic) in
        table.leaf(name, type)
      }
      return (formulas[a.index] == formulas[b.index], table.usedRules.contains(rule))
    }
  }

  static let axes: [Dimension] = [.batch(), 4, 8]

  static let holding: [Case] = [
    Case("spread") { g in
      let (x, y) = (g.input("x", axes), g.input("y", [8]))
      let row = try g("Expand", [y], ["shape": .dimensions([.batch(), 4, 8])])
      return (try g("Add", [x, row]), try g("Add", [x, y]))
    },
    Case("either-order") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      return (try g("Add", [x, y]), try g("Add", [y, x]))
    },
    Case("zero-term") { g in
      let x = g.input("x", axes)
      return (try g("Add", [g.number(0), x]), x)
    },
    Case("same-difference") { g in
      let x = g.input("x", axes)
      return (try g("Add", [x, g("Sub", [x, x])]), x)
    },
    Case("zero-factor") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      return (try g("Add", [y, g("Mul", [x, g.number(0)])]), y)
    },
    Case("one-factor") { g in
      let x = g.input("x", axes)
      return (try g("Div", [g("Mul", [x, g.number(1)]), g.number(1)]), x)
    },
    Case("power-of-two") { g in  // The mean of two equal branches.
      let x = g.input("x", axes)
      return (try g("Div", [g("Add", [x, x]), g.number(2)]), x)
    },
    Case("decided") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      let isLess = try g("Less", [g.number(1), g.number(2)])
      return (try g("Where", [isLess, x, y]), x)
    },
    Case("same-type") { g in
      let x = g.input("x", axes)
      return (try g("Cast", [x], ["to": .dtype(.f32)]), x)
    },
    Case("nothing-moved") { g in
      let x = g.input("x", axes)
      return (try g("Transpose", [x], ["perm": .ints([0, 1, 2])]), x)
    },
    Case("one-number") { g in
      let x = g.input("x", axes)
      let zeros = try g("Expand", [g.number(0, [8, 1])], ["shape": .ints([8, 4])])
      return (try g("Add", [x, g("Transpose", [zeros], ["perm": .ints([1, 0])])]), x)
    },
    Case("two-moves") { g in
      let x = g.input("x", axes)
      let turned = try g("Transpose", [x], ["perm": .ints([1, 2, 0])])
      return (try g("Transpose", [turned], ["perm": .ints([2, 0, 1])]), x)
    },
    Case("padding") { g in
      let x = g.input("x", axes)
      let padded = try g("Pad", [x], ["axis": .int(1), "before": .int(2), "after": .int(1)])
      return (try g.slice(padded, 1, 2, 4), x)
    },
    Case("joined") { g in
      let x = g.input("x", axes)
      return (try g("Concat", [g.slice(x, 1, 0, 1), g.slice(x, 1, 1, 3)], ["axis": .int(1)]), x)
    },
    Case("slice-of-slice") { g in
      let x = g.input("x", axes)
      return (try g.slice(g.slice(g.slice(x, 2, 1, 6), 1, 0, 2), 2, 1, 2), try g.slice(g.slice(x, 1, 0, 2), 2, 2, 2))
    },
    Case("slice-of-joined") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      let both = try g("Concat", [x, y], ["axis": .int(1)])
      return (try g.slice(both, 1, 5, 2), try g.slice(y, 1, 1, 2))
    },
    Case("slice-of-elements") { g in
      let (x, y) = (g.input("x", axes), g.input("y", [8]))
      return (
        try g.slice(g("Mul", [x, y]), 2, 3, 2), try g("Mul", [g.slice(x, 2, 3, 2), g.slice(y, 0, 3, 2)])
      )
    },
    Case("slice-of-moved") { g in  // One of six gates, as blocks take them apart, and the same from the rows alone.
      let x = g.input("x", [.batch(), 12])
      let six = try g("Reshape", [x], ["shape": .dimensions([.batch(), 6, 2])])
      let gate = try g("Reshape", [g.slice(x, 1, 4, 2)], ["shape": .dimensions([.batch(), 1, 2])])
      return (try g.slice(six, 1, 2, 1), gate)
    },
    Case("slice-of-product") { g in
      let (x, w, b) = (g.input("x", axes), g.input("w", [6, 8]), g.input("b", [6]))
      return (
        try g.slice(g("Linear", [x, w, b]), 2, 2, 3),
        try g("Linear", [x, g.slice(w, 0, 2, 3), g.slice(b, 0, 2, 3)])
      )
    },
    Case("zero-bias") { g in
      let (x, w) = (g.input("x", axes), g.input("w", [6, 8]))
      return (try g("Linear", [x, w, g.number(0, [6])]), try g("Linear", [x, w]))
    },
    Case("zero-product") { g in
      let (x, b) = (g.input("x", axes), g.input("b", [6]))
      return (
        try g("Linear", [x, g.number(0, [6, 8]), b]), try g("Expand", [b], ["shape": .dimensions([.batch(), 4, 6])])
      )
    },
    Case("zero-columns") { g in  // A wider layer whose new columns are 0, behind an activation.
      let (x, w1, n1, w2) = (g.input("x", axes), g.input("w1", [6, 8]), g.input("n1", [3, 8]), g.input("w2", [8, 6]))
      let wide = try g("Linear", [x, g("Concat", [w1, n1], ["axis": .int(0)])])
      let columns = try g("Pad", [w2], ["axis": .int(1), "before": .int(0), "after": .int(3)])
      let narrow = try g("Linear", [g("Silu", [g("Linear", [x, w1])]), w2])
      return (try g("Linear", [g("Silu", [wide]), columns]), narrow)
    },
    Case("zero-taps") { g in
      let (x, w) = (g.input("x", axes), g.input("w", [8, 1, 3]))
      let longer = try g("Pad", [w], ["axis": .int(2), "before": .int(4), "after": .int(0)])
      return (try g("CausalConv", [x, longer], ["axis": .int(1)]), try g("CausalConv", [x, w], ["axis": .int(1)]))
    },
    Case("unit-tap") { g in  // Taps that start as the identity: zeros, then 1.
      let x = g.input("x", [.batch(), 4, 2])
      return (try g("CausalConv", [x, g.numbers([0, 0, 1, 0, 0, 1], [2, 1, 3])], ["axis": .int(1)]), x)
    },
    Case("unit-matrix") { g in
      let x = g.input("x", [.batch(), 2])
      return (try g("Linear", [x, g.numbers([1, 0, 0, 1], [2, 2])]), x)
    },
    Case("whole-window") { g in
      let x = g.input("x", axes)
      return (
        try g("Attention", [x, x, x], ["heads": .int(2), "window": .ints([3, 4])]),
        try g("Attention", [x, x, x], ["heads": .int(2), "kv_heads": .int(2), "scale": .float(0.5)])
      )
    },
    Case("zero-values") { g in
      let x = g.input("x", axes)
      let values = try g("Mul", [x, g.number(0)])
      return (try g("Add", [x, g("Attention", [x, x, values], ["heads": .int(2)])]), x)
    },
    Case("zero-sum") { g in
      let x = g.input("x", axes)
      let sum = try g("ReduceMean", [g("Sub", [x, x])], ["axes": .ints([-1])])
      return (try g("Add", [x, sum]), x)
    },
    Case("sum-of-one") { g in
      let x = g.input("x", [.batch(), 1, 8])
      let mean = try g("ReduceMean", [x], ["axes": .ints([1]), "keepdims": .bool(false)])
      return (try g("Reshape", [mean], ["shape": .dimensions([.batch(), 1, 8])]), x)
    },
    Case("plain-norm") { g in
      let x = g.input("x", axes)
      let epsilon: Attributes = ["epsilon": .float(1e-6)]
      return (
        try g("LayerNormalization", [x, g.number(1, [8]), g.number(0, [8])], epsilon),
        try g("LayerNormalization", [x], epsilon)
      )
    },
  ]

  /// Each is one step away from a case above, and not the same numbers.
  static let failing: [Case] = [
    Case("spread") { g in  // The wider input is what makes the result wide.
      let (x, y) = (g.input("x", [8]), g.input("y", [1, 8]))
      return (try g("Add", [g("Expand", [x], ["shape": .ints([4, 8])]), y]), try g("Add", [x, y]))
    },
    Case("either-order") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      return (try g("Sub", [x, y]), try g("Sub", [y, x]))
    },
    Case("zero-term") { g in
      let x = g.input("x", axes)
      return (try g("Sub", [g.number(0), x]), x)
    },
    Case("same-difference") { g in  // Not even where it is undone: x + (y - x) rounds.
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      return (try g("Add", [x, g("Sub", [y, x])]), y)
    },
    Case("zero-factor") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      return (try g("Add", [y, g("Mul", [x, g.number(0x1p-149)])]), y)
    },
    Case("one-factor") { g in
      let x = g.input("x", axes)
      return (try g("Div", [g.number(1), x]), x)
    },
    Case("power-of-two") { g in  // A third of three times rounds.
      let x = g.input("x", axes)
      return (try g("Div", [g("Add", [g("Add", [x, x]), x]), g.number(3)]), x)
    },
    Case("power-of-two") { g in  // What is halved first may lose its last bit.
      let x = g.input("x", axes)
      return (try g("Mul", [g("Mul", [x, g.number(0.5)]), g.number(2)]), x)
    },
    Case("decided") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      return (try g("Where", [g("Less", [x, y]), x, y]), x)
    },
    Case("same-type") { g in
      let x = g.input("x", axes)
      let narrow = try g("Cast", [x], ["to": .dtype(.bf16)])
      return (try g("Cast", [narrow], ["to": .dtype(.f32)]), x)
    },
    Case("nothing-moved") { g in  // Two axes of one size.
      let x = g.input("x", [4, 4])
      return (try g("Transpose", [x], ["perm": .ints([1, 0])]), x)
    },
    Case("one-number") { g in
      let x = g.input("x", [2, 2])
      let steps = try g.numbers([0, 0, 0, 1], [2, 2])
      return (try g("Add", [x, g("Reverse", [steps], ["axis": .int(0)])]), x)
    },
    Case("two-moves") { g in
      let x = g.input("x", axes)
      let turned = try g("Transpose", [x], ["perm": .ints([1, 2, 0])])
      return (try g("Transpose", [turned], ["perm": .ints([1, 2, 0])]), x)
    },
    Case("padding") { g in  // One place beside.
      let x = g.input("x", axes)
      let padded = try g("Pad", [x], ["axis": .int(1), "before": .int(2), "after": .int(1)])
      return (try g.slice(padded, 1, 3, 4), x)
    },
    Case("joined") { g in  // In the other order.
      let x = g.input("x", axes)
      return (try g("Concat", [g.slice(x, 1, 1, 3), g.slice(x, 1, 0, 1)], ["axis": .int(1)]), x)
    },
    Case("slice-of-slice") { g in
      let x = g.input("x", axes)
      return (try g.slice(g.slice(x, 2, 1, 6), 2, 1, 2), try g.slice(x, 2, 1, 2))
    },
    Case("slice-of-joined") { g in
      let (x, y) = (g.input("x", axes), g.input("y", axes))
      let both = try g("Concat", [x, y], ["axis": .int(1)])
      return (try g.slice(both, 1, 3, 2), try g.slice(y, 1, 0, 2))
    },
    Case("slice-of-elements") { g in
      let (x, y) = (g.input("x", axes), g.input("y", [8]))
      return (
        try g.slice(g("Mul", [x, y]), 2, 3, 2), try g("Mul", [g.slice(x, 2, 3, 2), g.slice(y, 0, 4, 2)])
      )
    },
    Case("slice-of-moved") { g in  // Every sixth number instead of a run of them.
      let x = g.input("x", [.batch(), 12])
      let six = try g("Reshape", [x], ["shape": .dimensions([.batch(), 2, 6])])
      let gate = try g("Reshape", [g.slice(x, 1, 4, 2)], ["shape": .dimensions([.batch(), 2, 1])])
      return (try g.slice(six, 2, 2, 1), gate)
    },
    Case("slice-of-product") { g in  // A filter looks at the places before.
      let (x, w) = (g.input("x", axes), g.input("w", [8, 1, 3]))
      let along: Attributes = ["axis": .int(1)]
      return (
        try g.slice(g("CausalConv", [x, w], along), 1, 2, 2), try g("CausalConv", [g.slice(x, 1, 2, 2), w], along)
      )
    },
    Case("zero-bias") { g in
      let (x, w) = (g.input("x", axes), g.input("w", [6, 8]))
      return (try g("Linear", [x, w, g.numbers([0, 0, 0, 0, 0, 1], [6])]), try g("Linear", [x, w]))
    },
    Case("zero-product") { g in  // A gate whose bias is not 0 is not shut.
      let x = g.input("x", axes)
      let gate = try g("Linear", [x, g.number(0, [8, 8]), g.number(1e-30, [8])])
      return (try g("Add", [x, g("Mul", [gate, x])]), x)
    },
    Case("zero-columns") { g in  // One new column that is not 0.
      let (x, w1, n1, w2) = (g.input("x", axes), g.input("w1", [6, 8]), g.input("n1", [3, 8]), g.input("w2", [8, 6]))
      let column = g.input("column", [8, 1])
      let wide = try g("Linear", [x, g("Concat", [w1, n1], ["axis": .int(0)])])
      let columns = try g("Concat", [w2, g.number(0, [8, 2]), column], ["axis": .int(1)])
      let narrow = try g("Linear", [g("Silu", [g("Linear", [x, w1])]), w2])
      return (try g("Linear", [g("Silu", [wide]), columns]), narrow)
    },
    Case("zero-taps") { g in  // Zeros behind the last tap shift the others back.
      let (x, w) = (g.input("x", axes), g.input("w", [8, 1, 3]))
      let longer = try g("Pad", [w], ["axis": .int(2), "before": .int(0), "after": .int(1)])
      return (try g("CausalConv", [x, longer], ["axis": .int(1)]), try g("CausalConv", [x, w], ["axis": .int(1)]))
    },
    Case("unit-tap") { g in  // The place before.
      let x = g.input("x", [.batch(), 4, 2])
      return (try g("CausalConv", [x, g.numbers([0, 1, 0, 0, 1, 0], [2, 1, 3])], ["axis": .int(1)]), x)
    },
    Case("unit-matrix") { g in
      let x = g.input("x", [.batch(), 2])
      return (try g("Linear", [x, g.numbers([1, 1, 0, 1], [2, 2])]), x)
    },
    Case("whole-window") { g in  // One key short.
      let x = g.input("x", axes)
      return (
        try g("Attention", [x, x, x], ["heads": .int(2), "window": .ints([3, 2])]),
        try g("Attention", [x, x, x], ["heads": .int(2)])
      )
    },
    Case("zero-values") { g in
      let x = g.input("x", axes)
      let keys = try g("Mul", [x, g.number(0)])
      return (try g("Add", [x, g("Attention", [x, keys, x], ["heads": .int(2)])]), x)
    },
    Case("zero-sum") { g in
      let x = g.input("x", axes)
      return (try g("Add", [x, g("ReduceMax", [g("Sub", [x, x])], ["axes": .ints([-1])])]), x)
    },
    Case("sum-of-one") { g in
      let x = g.input("x", [.batch(), 2, 8])
      let mean = try g("ReduceMean", [x], ["axes": .ints([1])])
      return (mean, try g.slice(x, 1, 0, 1))
    },
    Case("plain-norm") { g in
      let x = g.input("x", axes)
      let epsilon: Attributes = ["epsilon": .float(1e-6)]
      return (
        try g("LayerNormalization", [x, g.numbers([1, 1, 1, 1, 1, 1, 1, 2], [8])], epsilon),
        try g("LayerNormalization", [x], epsilon)
      )
    },
  ]

  @Test("A rule makes one formula of two that are the same numbers", arguments: holding)
  func holds(_ one: Case) throws {
    let result = try one.result()
    #expect(result.isSame)
    #expect(result.isUsed)
  }

  @Test("What is one step away stays two formulas", arguments: failing)
  func fails(_ one: Case) throws { #expect(try !one.result().isSame) }

  @Test("Every rule has a line on the page of verification and a case both ways, and nothing else has")
  func complete() throws {
    let names = RewriteRule.all.map(\.name)
    let page = try Specification.page("verify")
    let lines = page.matches(of: #/\n\| `([a-z-]+)` \|/#).map { String($0.output.1) }
    #expect(lines == names)
    #expect(Set(Self.holding.map(\.rule)) == Set(names))
    #expect(Set(Self.failing.map(\.rule)) == Set(names))
  }
}
