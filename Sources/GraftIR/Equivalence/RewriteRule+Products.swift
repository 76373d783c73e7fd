extension RewriteRule {
  /// Rules of sums of products. The reference adds products in order to the bias, or to 0, in double precision, and
  /// rounds once: a product that is 0 changes nothing.
  static let products: [RewriteRule] = [
    RewriteRule("zero-bias", ["Linear", "Conv", "CausalConv"]) { table, use, type in
      guard use.arguments.count == 3, table.isFill(use.arguments[2], 0) else { return nil }
      return table.make(use.primitive, use.arguments.dropLast(), use.attributes)
    },
    RewriteRule("zero-product", ["Linear", "Conv", "CausalConv", "MatMul"]) { table, use, type in
      guard table.isFill(use.arguments[0], 0) || table.isFill(use.arguments[1], 0) else { return nil }
      guard use.arguments.count == 3 else { return table.fill(0, type) }
      // The bias stands along the axis of the channels.
      let bias = use.arguments[2]
      let after =
        switch use.primitive {
        case "Conv": 2
        case "CausalConv": 2 - (3 - use.attributes.int("axis"))
        default: 0
        }
      let column = table.type(bias).axes + [Dimension](repeating: 1, count: after)
      return table.make("Reshape", [bias], ["shape": .dimensions(column)]).flatMap { table.expanded($0, to: type) }
    },
    RewriteRule("zero-columns", ["Linear"]) { table, use, type in
      let (x, weight) = (use.arguments[0], use.arguments[1])
      let count = table.type(weight).axes[1].count
      let zero = table.zeros(of: weight, along: 1) + table.zeros(of: x, along: table.type(x).rank - 1)
      let kept = zero.complement(in: count)
      // Zeros strewn everywhere are no wider layer, and would make a formula for each.
      guard !kept.isEmpty, kept.count <= 64, kept != [0..<count],
        let some = table.pieces(of: x, table.type(x).rank - 1, kept),
        let columns = table.pieces(of: weight, 1, kept)
      else { return nil }
      return table.make("Linear", [some, columns] + use.arguments.dropFirst(2))
    },
    RewriteRule("zero-taps", ["CausalConv"]) { table, use, type in
      let weight = use.arguments[1]
      let taps = table.type(weight).axes[2].count
      // The last tap meets the present, so only the first can go.
      let kept = table.zeros(of: weight, along: 2).complement(in: taps)
      guard let first = kept.first?.lowerBound, first > 0, let rest = table.pieces(of: weight, 2, [first..<taps]) else {
        return nil
      }
      return table.make("CausalConv", [use.arguments[0], rest] + use.arguments.dropFirst(2), use.attributes)
    },
    RewriteRule("unit-tap", ["CausalConv"]) { table, use, type in
      guard use.arguments.count == 2, table.isFill(use.arguments[1], 1), table.type(use.arguments[1]).axes[2] == 1
      else { return nil }
      return use.arguments[0]
    },
    RewriteRule("unit-matrix", ["Linear", "MatMul"]) { table, use, type in
      guard use.arguments.count == 2, table.type(use.arguments[0]) == type, table.isUnitMatrix(use.arguments[1]) else {
        return nil
      }
      return use.arguments[0]
    },
  ]
}

extension FormulaTable {
  /// Places of `axis` where every element is known to be 0, in order.
  fileprivate func zeros(of formula: Formula, along axis: Int, depth: Int = 0) -> [Range<Int>] {
    let size = type(formula).axes[axis]
    if size.isBatch || depth > 16 { return [] }
    if isFill(formula, 0) { return [0..<size.count] }
    if case .constant = node(formula), let tensor = tensor(formula) { return tensor.zeros(along: axis) }
    guard let use = use(formula, of: "Concat") else { return [] }
    if use.attributes.int("axis") != axis {
      // A place is 0 where it is in every part.
      let parts = use.arguments.map { zeros(of: $0, along: axis, depth: depth + 1).complement(in: size.count) }
      return parts.flatMap(\.self).complement(in: size.count)
    }
    var first = 0
    var ranges: [Range<Int>] = []
    for part in use.arguments {
      ranges += zeros(of: part, along: axis, depth: depth + 1).map { first + $0.lowerBound..<first + $0.upperBound }
      first += type(part).axes[axis].count
    }
    return ranges
  }

  /// The places `ranges` of `axis`, one behind the other.
  fileprivate mutating func pieces(of x: Formula, _ axis: Int, _ ranges: [Range<Int>]) -> Formula? {
    var parts: [Formula] = []
    for range in ranges {
      guard let piece = slice(x, axis, Dimension(range.lowerBound), Dimension(range.count)) else { return nil }
      parts.append(piece)
    }
    return make("Concat", parts, ["axis": .int(axis)])
  }

  /// Whether it is known to have ones on its diagonal and zeros elsewhere.
  fileprivate func isUnitMatrix(_ formula: Formula) -> Bool {
    guard case .constant = node(formula) else {
      return isFill(formula, 1) && type(formula).axes == [1, 1]
    }
    guard let matrix = tensor(formula), matrix.shape.rank == 2, matrix.shape.axes[0] == matrix.shape.axes[1] else {
      return false
    }
    let (size, bytes) = (matrix.shape.axes[0], matrix.bytes)
    for row in 0..<size {
      for column in 0..<size
      where matrix.dtype.load(row * size + column, from: bytes) != (row == column ? 1 : 0) { return false }
    }
    return true
  }
}

extension Tensor {
  /// Places of `axis` where every element is 0, in order.
  fileprivate func zeros(along axis: Int) -> [Range<Int>] {
    let (outer, length, inner) = shape.lanes(along: axis)
    var isZero = [Bool](repeating: true, count: length)
    let bytes = bytes
    for block in 0..<outer {
      for place in 0..<length where isZero[place] {
        let first = (block * length + place) * inner
        isZero[place] = (first..<first + inner).allSatisfy { dtype.load($0, from: bytes) == 0 }
      }
    }
    return isZero.indices.filter { isZero[$0] }.map { $0..<$0 + 1 }
  }
}

extension [Range<Int>] {
  /// What of `0..<count` none of the ranges covers, in order.
  fileprivate func complement(in count: Int) -> [Range<Int>] {
    var rest: [Range<Int>] = []
    var next = 0
    for range in sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if range.lowerBound > next { rest.append(next..<range.lowerBound) }
      next = Swift.max(next, range.upperBound)
    }
    if next < count { rest.append(next..<count) }
    return rest
  }
}
