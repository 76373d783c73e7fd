extension RewriteRule {
  /// Rules of what works element by element.
  static let arithmetic: [RewriteRule] = [
    // What only repeats an input is done by the spreading itself.
    RewriteRule("spread", Elementwise.names) { table, use, type in
      for (index, argument) in use.arguments.enumerated() {
        var smaller: Formula?
        if let value = table.fillValue(argument), table.type(argument).rank > 0 {
          smaller = table.fill(value, TensorType(table.type(argument).dtype, [Dimension]()))
        } else if let expand = table.use(argument, of: "Expand") {
          smaller = expand.arguments[0]
        }
        guard let smaller else { continue }
        var arguments = use.arguments
        arguments[index] = smaller
        // Only where the others still fill the whole result.
        guard let types = try? Primitives.named(use.primitive)?.infer(arguments.map { table.type($0) }, use.attributes),
          types == [type]
        else { continue }
        return table.make(use.primitive, arguments, use.attributes)
      }
      return nil
    },
    RewriteRule("either-order", ["Add", "Mul", "Min", "Max"]) { table, use, _ in
      guard use.arguments[1].index < use.arguments[0].index else { return nil }
      return table.make(use.primitive, use.arguments.reversed(), use.attributes)
    },
    RewriteRule("zero-term", ["Add", "Sub"]) { table, use, type in
      let (a, b) = (use.arguments[0], use.arguments[1])
      if table.isFill(b, 0) { return table.expanded(a, to: type) }
      return use.primitive == "Add" && table.isFill(a, 0) ? table.expanded(b, to: type) : nil
    },
    RewriteRule("same-difference", ["Sub"]) { table, use, type in
      use.arguments[0] == use.arguments[1] ? table.fill(0, type) : nil
    },
    RewriteRule("zero-factor", ["Mul"]) { table, use, type in
      use.arguments.contains { table.isFill($0, 0) } ? table.fill(0, type) : nil
    },
    RewriteRule("one-factor", ["Mul", "Div"]) { table, use, type in
      let (a, b) = (use.arguments[0], use.arguments[1])
      if table.isFill(b, 1) { return table.expanded(a, to: type) }
      return use.primitive == "Mul" && table.isFill(a, 1) ? table.expanded(b, to: type) : nil
    },
    // Twice, halves: powers of two change the exponent only.
    RewriteRule("power-of-two", ["Add", "Mul", "Div"]) { table, use, type in
      guard type.dtype.isComputable else { return nil }
      let (a, b) = (use.arguments[0], use.arguments[1])
      let scalar = TensorType(type.dtype, [Dimension]())
      switch use.primitive {
      case "Add":
        guard a == b, let two = table.fill(2, scalar) else { return nil }
        return table.make("Mul", [a, two])
      case "Div":
        guard let divisor = table.fillValue(b), divisor.isPowerOfTwo, let factor = table.fill(1 / divisor, scalar),
          table.isFill(factor, 1 / divisor)
        else { return nil }
        return table.make("Mul", [a, factor]).flatMap { table.expanded($0, to: type) }
      default:
        // (x * 2^k) * c is x * (2^k * c) where the first step loses nothing, so k is at least 0.
        for (inner, outer) in [(a, b), (b, a)] {
          guard let c = table.fillValue(outer), let product = table.use(inner, of: "Mul") else { continue }
          for (x, factor) in [(0, 1), (1, 0)].map({ (product.arguments[$0], product.arguments[$1]) }) {
            guard let power = table.fillValue(factor), power.isPowerOfTwo, power >= 1,
              let both = table.fill(power * c, scalar), table.isFill(both, power * c),
              let made = table.make("Mul", [x, both])
            else { continue }
            return table.expanded(made, to: type)
          }
        }
        return nil
      }
    },
    RewriteRule("decided", ["Where"]) { table, use, type in
      let (yes, no) = (use.arguments[1], use.arguments[2])
      if yes == no { return table.expanded(yes, to: type) }
      guard let truth = table.fillValue(use.arguments[0]) else { return nil }
      return table.expanded(truth != 0 ? yes : no, to: type)
    },
    RewriteRule("same-type", ["Cast"]) { table, use, type in
      table.type(use.arguments[0]) == type ? use.arguments[0] : nil
    },
  ]
}

extension Double {
  /// Whether it is 2 to a whole power, and not negative.
  fileprivate var isPowerOfTwo: Bool { isNormal && self > 0 && significand == 1 }
}
