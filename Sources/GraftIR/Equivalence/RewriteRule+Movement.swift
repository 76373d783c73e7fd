extension RewriteRule {
  /// Rules of what only moves elements.
  static let movement: [RewriteRule] = [
    RewriteRule("nothing-moved", ["Reshape", "Transpose", "Slice", "Expand", "Concat", "Pad"]) { table, use, type in
      guard use.arguments.count == 1, table.type(use.arguments[0]) == type else { return nil }
      if use.primitive == "Transpose" {
        let perm = use.attributes.ints("perm")
        guard perm == perm.sorted() else { return nil }
      }
      return use.arguments[0]
    },
    RewriteRule("one-number", ["Reshape", "Transpose", "Slice", "Expand", "Reverse"]) { table, use, type in
      table.fillValue(use.arguments[0]).flatMap { table.fill($0, type) }
    },
    RewriteRule("two-moves", ["Reshape", "Transpose", "Expand"]) { table, use, _ in
      guard let inner = table.use(use.arguments[0], of: use.primitive) else { return nil }
      var attributes = use.attributes
      if use.primitive == "Transpose" {
        let first = inner.attributes.ints("perm")
        attributes["perm"] = .ints(use.attributes.ints("perm").map { first[$0] })
      }
      return table.make(use.primitive, inner.arguments, attributes)
    },
    RewriteRule("padding", ["Pad"]) { table, use, type in
      let x = use.arguments[0]
      let axis = use.attributes.axis(rank: type.rank)
      var parts: [Formula] = []
      for (end, count) in ["before", "after"].map({ ($0, use.attributes.int($0)) }) {
        if end == "after" { parts.append(x) }
        if count == 0 { continue }
        let edge = table.fill(
          use.attributes.float("value"), table.type(x).replacing(axis, with: Dimension(count)))
        guard let edge else { return nil }
        parts.append(edge)
      }
      return table.make("Concat", parts, ["axis": .int(axis)])
    },
    RewriteRule("joined", ["Concat"]) { table, use, type in
      let axis = use.attributes.axis(rank: type.rank)
      var parts: [Formula] = []
      for argument in use.arguments {
        let inner = table.use(argument, of: "Concat")
        let isSame = inner?.attributes.axis(rank: type.rank) == axis
        for part in isSame ? inner?.arguments ?? [] : [argument] where table.type(part).axes[axis].count > 0 {
          if let last = parts.last, let both = table.joined(last, part, axis) {
            parts[parts.count - 1] = both
          } else {
            parts.append(part)
          }
        }
      }
      guard let first = parts.first, parts != use.arguments else { return nil }
      if parts.count == 1 { return table.type(first) == type ? first : nil }
      return table.make("Concat", parts, use.attributes)
    },
  ]
}

extension FormulaTable {
  /// Two neighbours along `axis` as one formula: the same number in both, or places of one value that follow each
  /// other.
  fileprivate mutating func joined(_ a: Formula, _ b: Formula, _ axis: Int) -> Formula? {
    guard let size = type(a).axes[axis].adding(type(b).axes[axis]) else { return nil }
    if let value = fillValue(a), fillValue(b) == value { return fill(value, type(a).replacing(axis, with: size)) }
    guard let first = use(a, of: "Slice"), let second = use(b, of: "Slice"), first.arguments == second.arguments,
      first.attributes.int("axis") == axis, second.attributes.int("axis") == axis
    else { return nil }
    let start = first.attributes.dimension("start")
    guard start.adding(type(a).axes[axis]) == second.attributes.dimension("start") else { return nil }
    return slice(first.arguments[0], axis, start, size)
  }
}
