/// One way in which a use of a primitive is the same value as a simpler formula.
///
/// `specs/verify.md` has a line for each with the reason why the reference evaluation gives the same numbers, and
/// `RewriteRuleTests` a case where it holds and a near one where it does not.
package struct RewriteRule: Sendable {
  /// The name on the page.
  package let name: String
  /// The primitives whose uses it looks at.
  let primitives: Set<String>
  /// The simpler formula, of the same type, or `nil` where the rule says nothing.
  let rewrite: @Sendable (_ table: inout FormulaTable, _ use: FormulaUse, _ type: TensorType) -> Formula?

  init(
    _ name: String, _ primitives: Set<String>,
    rewrite: @escaping @Sendable (_ table: inout FormulaTable, _ use: FormulaUse, _ type: TensorType) -> Formula?
  ) {
    self.name = name
    self.primitives = primitives
    self.rewrite = rewrite
  }

  /// Every rule, in the order in which they are tried.
  package static let all: [RewriteRule] = arithmetic + movement + slices + products + wholes

  /// The rules that look at each primitive, in the order of `all`.
  static let byPrimitive: [String: [RewriteRule]] = {
    var rules: [String: [RewriteRule]] = [:]
    for rule in all { for primitive in rule.primitives { rules[primitive, default: []].append(rule) } }
    return rules
  }()
}

extension RewriteRule {
  /// Rules of primitives that look at a whole axis.
  static let wholes: [RewriteRule] = [
    // Query i sees keys i - left to i + right; of n keys, n - 1 to each side are all.
    RewriteRule("whole-window", ["Attention"]) { table, use, type in
      let keys = table.type(use.arguments[1]).axes[1]
      let window = use.attributes.ints("window", default: [-1, -1])
      guard !keys.isBatch else { return nil }
      let opened = window.map { $0 >= keys.count - 1 ? -1 : $0 }
      guard opened != window else { return nil }
      var attributes = use.attributes
      attributes["window"] = .ints(opened)
      return table.make("Attention", use.arguments, attributes)
    },
    RewriteRule("zero-values", ["Attention"]) { table, use, type in
      table.isFill(use.arguments[2], 0) ? table.fill(0, type) : nil
    },
    RewriteRule("zero-sum", ["ReduceSum", "ReduceMean", "CumSum"]) { table, use, type in
      // The mean of nothing is no number.
      let isEmpty = table.type(use.arguments[0]).axes.contains { $0.count == 0 }
      return table.isFill(use.arguments[0], 0) && !isEmpty ? table.fill(0, type) : nil
    },
    RewriteRule("sum-of-one", ["ReduceSum", "ReduceMean", "ReduceMax"]) { table, use, type in
      let x = use.arguments[0]
      guard use.attributes.ints("axes").allSatisfy({ table.type(x).axes[$0] == 1 }) else { return nil }
      return table.make("Reshape", [x], ["shape": .dimensions(type.axes)])
    },
    RewriteRule("plain-norm", ["LayerNormalization", "RMSNormalization"]) { table, use, type in
      guard let last = use.arguments.last, use.arguments.count > 1,
        table.isFill(last, use.arguments.count == 3 ? 0 : 1)
      else { return nil }
      return table.make(use.primitive, use.arguments.dropLast(), use.attributes)
    },
  ]
}
