/// A value as a formula over leaves, by its number in a `FormulaTable`. Two values of one table that have the same
/// formula are the same numbers, whatever the leaves hold.
package struct Formula: Sendable, Hashable {
  package let index: Int
}

/// One use of a primitive on formulas.
package struct FormulaUse: Hashable {
  package let primitive: String
  package let attributes: Attributes
  package let arguments: [Formula]
}

/// What a formula is made of.
package enum FormulaNode: Hashable {
  /// What nothing is known of but its name: an input, a tensor of a checkpoint, a draw.
  case leaf(AnyHashable)
  /// One finite number everywhere, by the bits of its double; -0 is 0.
  case fill(UInt64)
  /// Numbers that are known, by their place in the table.
  case constant(Int)
  /// Result number `result` of a primitive.
  case use(FormulaUse, result: Int)
}

/// Formulas of one or several graphs, each kept once, in a normal form that `RewriteRule.all` brings about.
///
/// Every rule keeps every number that the reference evaluation gives (`specs/verify.md` says why, and under which
/// assumption), so equal formulas are equal values. The reverse does not hold: what no rule knows to be equal differs.
package struct FormulaTable {
  /// Beyond so many formulas nothing is rewritten any more: a graph of a file must not grow without bound.
  private static let rewriteLimit = 1 << 20
  /// Elements of constants that are worked out: of one, and of all together.
  private static let constantLimit = 1 << 22
  private static let constantTotal = 1 << 26
  /// Products for the sake of one constant.
  private static let constantWork = 1 << 24

  /// The names of the rules that took part so far.
  package private(set) var usedRules: Set<String> = []
  private var nodes: [FormulaNode] = []
  private var types: [TensorType] = []
  /// How far a slice of the formula would reach down, by whether it cuts the last axis.
  private var reaches: [(last: Int, other: Int)] = []
  private var numbers: [Key: Formula] = [:]
  private var results: [FormulaUse: [Formula]] = [:]
  private var constants: [Tensor] = []
  private var constantsByType: [TensorType: [Int]] = [:]
  private var constantElements = 0

  private struct Key: Hashable {
    let node: FormulaNode
    let type: TensorType
  }

  /// An empty table.
  package init() {}

  /// What `formula` is made of.
  package func node(_ formula: Formula) -> FormulaNode { nodes[formula.index] }

  /// The type of the value.
  package func type(_ formula: Formula) -> TensorType { types[formula.index] }

  /// The use of `primitive` whose only result `formula` is, or `nil`.
  func use(_ formula: Formula, of primitive: String) -> FormulaUse? {
    if case .use(let use, 0) = node(formula), use.primitive == primitive { return use }
    return nil
  }

  // MARK: Making formulas

  /// What nothing is known of but that `key` names it.
  package mutating func leaf(_ key: some Hashable, _ type: TensorType) -> Formula {
    numbered(.leaf(AnyHashable(key)), type)
  }

  /// `value`, rounded to the type, everywhere; `nil` where the type holds no such finite number.
  package mutating func fill(_ value: Double, _ type: TensorType) -> Formula? {
    guard type.dtype.isWritable, type.dtype.byteWidth != nil else { return nil }
    let rounded = Tensor(type.dtype, [1], doubles: [value]).doubles[0]
    guard rounded.isFinite else { return nil }
    return numbered(.fill((rounded + 0).bitPattern), type)  // -0 + 0 is 0.
  }

  /// The number that stands everywhere, or `nil` where it is not known to be one.
  func fillValue(_ formula: Formula) -> Double? {
    if case .fill(let bits) = node(formula) { return Double(bitPattern: bits) }
    return nil
  }

  func isFill(_ formula: Formula, _ value: Double) -> Bool { fillValue(formula) == value }

  /// The numbers, where all are known and few.
  package func tensor(_ formula: Formula) -> Tensor? {
    let type = type(formula)
    switch node(formula) {
    case .constant(let index): return constants[index]
    case .fill(let bits):
      guard let shape = type.shape, let count = shape.elementCount, count <= Self.constantLimit else { return nil }
      return Tensor(type.dtype, shape, doubles: [Double](repeating: Double(bitPattern: bits), count: count))
    case .leaf, .use: return nil
    }
  }

  /// The results of `primitive`, in normal form.
  ///
  /// - Throws: what the primitive's shape rule says.
  package mutating func apply(
    _ primitive: Primitive, _ attributes: Attributes = [:], _ arguments: [Formula]
  ) throws(Diagnostic) -> [Formula] {
    let inputs = arguments.map { type($0) }
    let types = try primitive.infer(inputs, attributes)
    let use = FormulaUse(
      primitive: primitive.name, attributes: attributes.normal(for: primitive.name, inputs), arguments: arguments)
    if let known = results[use] { return known }
    let made = normal(use, primitive, types) ?? types.indices.map { numbered(.use(use, result: $0), types[$0]) }
    results[use] = made
    return made
  }

  /// The only result of the primitive called `name`, or `nil` where it does not fit.
  mutating func make(_ name: String, _ arguments: [Formula], _ attributes: Attributes = [:]) -> Formula? {
    guard let primitive = Primitives.named(name), let made = try? apply(primitive, attributes, arguments),
      made.count == 1
    else { return nil }
    return made[0]
  }

  /// What a use is by a rule, or as numbers; `nil` where it stays as it is.
  private mutating func normal(_ use: FormulaUse, _ primitive: Primitive, _ types: [TensorType]) -> [Formula]? {
    if nodes.count > Self.rewriteLimit { return nil }
    if use.primitive == "Split" { return pieces(use, types) }
    guard types.count == 1 else { return nil }
    for rule in RewriteRule.byPrimitive[use.primitive] ?? [] {
      guard let made = rule.rewrite(&self, use, types[0]) else { continue }
      guard type(made) == types[0] else {
        assertionFailure("'\(rule.name)' gives \(type(made)), not \(types[0])")
        continue
      }
      usedRules.insert(rule.name)
      return [made]
    }
    return folded(use, primitive, types[0]).map { [$0] }
  }

  /// `Split` as one `Slice` for each piece.
  private mutating func pieces(_ use: FormulaUse, _ types: [TensorType]) -> [Formula]? {
    let axis = use.attributes.axis(rank: types[0].rank)
    var start: Dimension? = 0
    var made: [Formula] = []
    for type in types {
      guard let from = start, let piece = slice(use.arguments[0], axis, from, type.axes[axis]) else { return nil }
      made.append(piece)
      start = from.adding(type.axes[axis])
    }
    return made
  }

  /// `length` places of `axis` from `start` on.
  mutating func slice(_ x: Formula, _ axis: Int, _ start: Dimension, _ length: Dimension) -> Formula? {
    make("Slice", [x], ["axis": .int(axis), "start": .dimension(start), "length": .dimension(length)])
  }

  /// `x` repeated to fill `type`, or itself where it does.
  mutating func expanded(_ x: Formula, to type: TensorType) -> Formula? {
    self.type(x) == type ? x : make("Expand", [x], ["shape": .dimensions(type.axes)])
  }

  /// How many formulas a slice of `formula` would go through, one below the other, before it comes to rest.
  func reach(_ formula: Formula, ofLastAxis isLast: Bool) -> Int {
    isLast ? reaches[formula.index].last : reaches[formula.index].other
  }

  private mutating func numbered(_ node: FormulaNode, _ type: TensorType) -> Formula {
    let key = Key(node: node, type: type)
    if let known = numbers[key] { return known }
    let formula = Formula(index: nodes.count)
    var reach = (last: 0, other: 0)
    if case .use(let use, _) = node { reach = self.reach(of: use) }
    nodes.append(node)
    types.append(type)
    reaches.append(reach)
    numbers[key] = formula
    return formula
  }

  private func reach(of use: FormulaUse) -> (last: Int, other: Int) {
    func largest(_ arguments: some Sequence<Formula>) -> (last: Int, other: Int) {
      arguments.reduce((0, 0)) { (max($0.0, reaches[$1.index].last), max($0.1, reaches[$1.index].other)) }
    }
    let all = largest(use.arguments)
    if Elementwise.names.contains(use.primitive) { return (all.last + 1, all.other + 1) }
    switch use.primitive {
    case "Linear", "CausalConv":
      let weights = largest(use.arguments.dropFirst())
      let x = reaches[use.arguments[0].index]
      // The channels of a filter may be its last axis or the one before.
      let isLinear = use.primitive == "Linear"
      return (max(weights.other, isLinear ? 0 : x.last) + 1, max(isLinear ? 0 : weights.other, x.other) + 1)
    case "Concat", "Slice", "Transpose", "Expand", "Reshape", "Gather":
      let both = max(all.last, all.other) + 1
      return (both, both)
    default: return (0, 0)
    }
  }

  // MARK: Numbers

  /// The numbers of `tensor` as a formula, where they may be kept.
  package mutating func constant(_ tensor: Tensor) -> Formula? {
    let count = tensor.elementCount
    guard count <= Self.constantLimit, tensor.dtype.byteWidth != nil else { return nil }
    if let value = tensor.uniformValue, let fill = fill(value, tensor.type) { return fill }
    for index in constantsByType[tensor.type] ?? [] where constants[index] == tensor {
      return numbered(.constant(index), tensor.type)
    }
    guard constantElements + count <= Self.constantTotal else { return nil }
    constantElements += count
    constants.append(tensor)
    constantsByType[tensor.type, default: []].append(constants.count - 1)
    return numbered(.constant(constants.count - 1), tensor.type)
  }

  /// The result of a use whose arguments are known numbers.
  private mutating func folded(_ use: FormulaUse, _ primitive: Primitive, _ type: TensorType) -> Formula? {
    if use.primitive == "Constant", use.attributes.floats("values").count == 1 {
      return fill(use.attributes.floats("values")[0], type)
    }
    let fills = use.arguments.compactMap { fillValue($0) }
    if Elementwise.names.contains(use.primitive), fills.count == use.arguments.count {
      let inputs = zip(use.arguments, fills).map { Tensor(self.type($0).dtype, [1], doubles: [$1]) }
      guard let value = (try? primitive.evaluate(inputs, use.attributes))?.first?.uniformValue else { return nil }
      return fill(value, type)
    }
    guard type.dtype.byteWidth != nil, let count = type.shape?.elementCount, count <= Self.constantLimit,
      constantElements + count <= Self.constantTotal
    else { return nil }
    let inputs = use.arguments.compactMap { tensor($0) }
    guard inputs.count == use.arguments.count,
      primitive.cost(inputs.map(\.type), [type], use.attributes).multiplyAdds <= Self.constantWork,
      let tensor = (try? primitive.evaluate(inputs, use.attributes))?.first
    else { return nil }
    return constant(tensor)
  }
}

extension Tensor {
  /// The finite number that every element is, or `nil`: where there are several, or none, or a double does not hold it.
  fileprivate var uniformValue: Double? {
    guard let width = dtype.byteWidth, elementCount > 0, dtype.isWritable else { return nil }
    let (all, first) = (bytes, bytes.prefix(width))
    for start in stride(from: width, to: all.count, by: width)
    where !all[start..<start + width].elementsEqual(first) { return nil }
    let value = dtype.load(0, from: all)
    let again = Tensor(dtype, [1], doubles: [value])
    let isHeld = withExtendedLifetime(again) { again.bytes.elementsEqual(first) }
    return value.isFinite && isHeld ? value : nil
  }
}
