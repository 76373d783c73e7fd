extension RewriteRule {
  /// So many formulas, one below the other, a slice is taken through: deep enough for a layer, and for any stack.
  private static let reachLimit = 64

  /// Rules that take a slice of a value from slices of what the value is made of.
  static let slices: [RewriteRule] = [
    RewriteRule("slice-of-slice", ["Slice"]) { table, use, type in
      let cut = Cut(use)
      guard let inner = table.use(use.arguments[0], of: "Slice") else { return nil }
      let other = Cut(inner)
      if other.axis == cut.axis {
        guard let start = other.start.adding(cut.start) else { return nil }
        return table.slice(inner.arguments[0], cut.axis, start, cut.length)
      }
      // The axes are cut in their order.
      guard cut.axis < other.axis, let first = table.slice(inner.arguments[0], cut.axis, cut.start, cut.length) else {
        return nil
      }
      return table.slice(first, other.axis, other.start, other.length)
    },
    RewriteRule("slice-of-joined", ["Slice"]) { table, use, type in
      let cut = Cut(use)
      guard let inner = table.use(use.arguments[0], of: "Concat"), table.mayReach(use, reachLimit) else { return nil }
      let axis = inner.attributes.axis(rank: type.rank)
      var parts: [Formula] = []
      if axis != cut.axis {
        for part in inner.arguments {
          guard let piece = table.slice(part, cut) else { return nil }
          parts.append(piece)
        }
        return table.make("Concat", parts, ["axis": .int(axis)])
      }
      // Counts are compared only where all are of one kind, numbers or batches.
      let sizes = inner.arguments.map { table.type($0).axes[axis] } + [cut.start, cut.length]
      let isBatch = cut.length.isBatch
      guard sizes.allSatisfy({ $0.isBatch == isBatch || $0.count == 0 }) else { return nil }
      func counted(_ count: Int) -> Dimension { isBatch ? .batch(count) : Dimension(count) }
      var (first, end) = (cut.start.count, cut.start.count + cut.length.count)
      for part in inner.arguments {
        let size = table.type(part).axes[axis].count
        let (from, to) = (max(first, 0), min(end, size))
        if from < to {
          guard let piece = table.slice(part, axis, counted(from), counted(to - from)) else { return nil }
          parts.append(piece)
        }
        (first, end) = (first - size, end - size)
      }
      return table.make("Concat", parts, ["axis": .int(axis)])
    },
    RewriteRule("slice-of-elements", ["Slice"]) { table, use, type in
      guard case .use(let inner, 0) = table.node(use.arguments[0]), Elementwise.names.contains(inner.primitive),
        table.mayReach(use, reachLimit)
      else { return nil }
      let whole = table.type(use.arguments[0])
      var arguments: [Formula] = []
      for argument in inner.arguments {
        guard let piece = table.sliceOfSpread(argument, over: whole, Cut(use)) else { return nil }
        arguments.append(piece)
      }
      return table.make(inner.primitive, arguments, inner.attributes)
    },
    RewriteRule("slice-of-moved", ["Slice"]) { table, use, type in
      guard case .use(let inner, 0) = table.node(use.arguments[0]), table.mayReach(use, reachLimit) else { return nil }
      var cut = Cut(use)
      let x = inner.arguments.first
      switch (inner.primitive, x) {
      case ("Transpose", let x?):
        cut.axis = inner.attributes.ints("perm")[cut.axis]
        return table.slice(x, cut).flatMap { table.make("Transpose", [$0], inner.attributes) }
      case ("Expand", let x?):
        return table.sliceOfSpread(x, over: table.type(use.arguments[0]), cut).flatMap { table.expanded($0, to: type) }
      case ("Reshape", let x?):
        guard let inside = cut.beforeReshape(from: table.type(x), to: table.type(use.arguments[0])) else { return nil }
        return table.slice(x, inside).flatMap { table.make("Reshape", [$0], ["shape": .dimensions(type.axes)]) }
      case ("Gather", let rows?):
        let indices = inner.arguments[1]
        let rank = table.type(indices).rank
        if cut.axis < rank { return table.slice(indices, cut).flatMap { table.make("Gather", [rows, $0]) } }
        cut.axis += 1 - rank
        return table.slice(rows, cut).flatMap { table.make("Gather", [$0, indices]) }
      default: return nil
      }
    },
    RewriteRule("slice-of-product", ["Slice"]) { table, use, type in
      guard case .use(let inner, 0) = table.node(use.arguments[0]), table.mayReach(use, reachLimit),
        inner.primitive == "Linear" || inner.primitive == "CausalConv"
      else { return nil }
      let cut = Cut(use)
      let isLinear = inner.primitive == "Linear"
      let taps = inner.attributes.int("axis")
      let channels = isLinear ? type.rank - 1 : 3 - taps
      if !isLinear && cut.axis == taps { return nil }  // A place of a filter sees those before it.
      var arguments = inner.arguments
      // Rows are independent of each other, and channels have weights of their own.
      if !isLinear || cut.axis != channels {
        guard let piece = table.slice(arguments[0], cut) else { return nil }
        arguments[0] = piece
      }
      if cut.axis == channels {
        for index in 1..<arguments.count {
          guard let piece = table.slice(arguments[index], 0, cut.start, cut.length) else { return nil }
          arguments[index] = piece
        }
      }
      return table.make(inner.primitive, arguments, inner.attributes)
    },
  ]
}

/// `length` places of `axis` from `start` on.
struct Cut {
  var axis: Int
  var start: Dimension
  var length: Dimension

  init(_ use: FormulaUse) {
    axis = use.attributes.int("axis")
    start = use.attributes.dimension("start")
    length = use.attributes.dimension("length")
  }

  /// The cut of `x` that gives, reshaped again, this cut of `x` reshaped from `old` to `new`; `nil` where it is none.
  ///
  ///     [b, n * d] as [b, n, d], places s ..< s + l of n   ->   places s * d ..< (s + l) * d of n * d
  func beforeReshape(from old: TensorType, to new: TensorType) -> Cut? {
    guard let outer = TensorType(new.dtype, Array(new.axes[..<axis])).elementCount, outer.count > 0 else { return nil }
    var place = 0
    while place < old.rank, TensorType(old.dtype, Array(old.axes[..<place])).elementCount != outer { place += 1 }
    // Axes of one element may stand between.
    while place < old.rank, old.axes[place] == 1, new.axes[axis] != 1 { place += 1 }
    guard place < old.rank else { return nil }
    var inner = 1
    for end in axis..<new.rank {
      if end > axis {
        guard !new.axes[end].isBatch, let product = inner.checkedProduct(new.axes[end].count) else { return nil }
        inner = product
      }
      guard let size = new.axes[axis].times(inner), size == old.axes[place] else { continue }
      guard let start = start.times(inner), let length = length.times(inner) else { return nil }
      var cut = self
      (cut.axis, cut.start, cut.length) = (place, start, length)
      return cut
    }
    return nil
  }
}

extension FormulaTable {
  /// Whether a slice may be taken through what it cuts.
  fileprivate func mayReach(_ use: FormulaUse, _ limit: Int) -> Bool {
    let x = use.arguments[0]
    return reach(x, ofLastAxis: use.attributes.int("axis") == type(x).rank - 1) <= limit
      && use.attributes.dimension("length").count > 0
  }

  mutating func slice(_ x: Formula, _ cut: Cut) -> Formula? { slice(x, cut.axis, cut.start, cut.length) }

  /// What spreads over the cut of `whole`, of `x` that spreads over `whole`.
  fileprivate mutating func sliceOfSpread(_ x: Formula, over whole: TensorType, _ cut: Cut) -> Formula? {
    let axis = cut.axis - (whole.rank - type(x).rank)
    guard axis >= 0, type(x).axes[axis] == whole.axes[cut.axis] else { return x }
    return slice(x, axis, cut.start, cut.length)
  }
}

extension Dimension {
  /// The size `factor` times, or `nil` where it overflows.
  fileprivate func times(_ factor: Int) -> Dimension? {
    count.checkedProduct(factor).map { isBatch ? .batch($0) : Dimension($0) }
  }
}

extension Int {
  fileprivate func checkedProduct(_ other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }
}
