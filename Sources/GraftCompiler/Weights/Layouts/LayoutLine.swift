import GraftIR

/// A line of a layout: names of a file, and the formula over the model's tensors that they hold.
struct LayoutLine {
  /// What each value is called in a file, without several names in one.
  let names: [LayoutName]
  /// The parts and tensors of the model that stand in the formula.
  let operands: [LayoutName]
  /// The formula, in which operand k is called `operandName(k)`; `nil` where the line only renames its operand.
  let formula: Expression?
  let at: Location

  /// A name that no text can hold.
  static func operandName(_ number: Int) -> String { "\0\(number)" }

  /// How specific it is: a line that speaks of a deeper part goes before one that speaks of what is around.
  var depth: Int { operands.map(\.steps.count).min() ?? 0 }
}

/// A layout's lines with their names worked out.
struct LayoutLines {
  let symbol: LayoutSymbol
  private(set) var lines: [LayoutLine] = []
  /// The parts and tensors that a file of the layout lacks.
  private(set) var omissions: [LayoutName] = []
  /// For each index, the name of the list whose entries it counts first.
  private(set) var lists: [String: LayoutName] = [:]
  /// The indices that count several lists.
  private var ambiguous: Set<String> = []

  /// Names that one line may stand for, at most.
  private static let limit = 1000
  /// Names and operands of all lines together, at most.
  private static let totalLimit = 100_000
  private var total = 0

  /// The lines of `symbol`, a layout of `model`.
  ///
  /// - Throws: `layouts.name`, `layouts.part`, `layouts.count`, `layouts.index`.
  init(_ symbol: LayoutSymbol, of model: OperatorSymbol) throws(Diagnostic) {
    self.symbol = symbol
    let parts = model.declaredNames
    for line in symbol.declaration.lines {
      switch line {
      case .without(let path):
        let name = try Self.name(path)
        try Self.check(name, parts, model)
        omissions += name.alternatives
      case .relation(let names, let value): try add(try Self.name(names), value, parts, model)
      }
    }
    for line in lines {
      for name in line.names {
        for index in name.indices {
          let isAlone = !line.operands.contains { $0.indices.contains(index) }
          guard lists[index] == nil || (isAlone && ambiguous.contains(index)) else { continue }
          throw Diagnostic(
            "layouts.index", "nothing tells what '\(index)' counts", at: name.at,
            help: lists[index] == nil
              ? "'{\(index)}' stands behind a list of the model on the right of some line"
              : "on other lines '{\(index)}' counts several lists")
        }
      }
      let named = line.names.map { Set($0.indices) }
      for operand in line.operands {
        for index in operand.indices where !named.allSatisfy({ $0.contains(index) }) {
          throw Diagnostic("layouts.index", "'{\(index)}' stands on the right alone", at: operand.at)
        }
      }
    }
  }

  private static func name(_ expression: Expression) throws(Diagnostic) -> LayoutName {
    guard let name = LayoutName(expression) else {
      throw Diagnostic("layouts.name", "the name of a tensor or part is wanted here", at: expression.at)
    }
    try checkCount(name)
    return name
  }

  private static func checkCount(_ name: LayoutName) throws(Diagnostic) {
    guard name.count(limit: limit + 1) <= limit else {
      throw Diagnostic("layouts.name", "this stands for more than \(limit) names", at: name.at)
    }
  }

  private static func check(_ name: LayoutName, _ parts: Set<String>, _ model: OperatorSymbol) throws(Diagnostic) {
    guard case .plain(let first)? = name.steps.first, !parts.contains(first) else { return }
    let near = suggestion(for: first, among: parts.sorted())
    throw Diagnostic(
      "layouts.part", "'\(model.name)' has no part '\(first)'", at: name.at, label: near.map { "did you mean '\($0)'?" }
    )
  }

  private mutating func countNames(_ count: Int, at: Location) throws(Diagnostic) {
    total += count
    guard total <= Self.totalLimit else {
      throw Diagnostic("layouts.name", "the lines stand for more than \(Self.totalLimit) names", at: at)
    }
  }

  private mutating func add(
    _ name: LayoutName, _ value: Expression, _ parts: Set<String>, _ model: OperatorSymbol
  ) throws(Diagnostic) {
    let names = name.alternatives
    try countNames(names.count, at: name.at)
    if LayoutName(value) != nil {
      let path = try Self.name(value)
      try Self.check(path, parts, model)
      let operands = path.alternatives
      try countNames(operands.count, at: path.at)
      guard names.count == operands.count else {
        throw Diagnostic(
          "layouts.count", "\(names.count) names stand for \(operands.count) parts", at: value.at)
      }
      for (name, operand) in zip(names, operands) {
        learn(operand)
        lines.append(LayoutLine(names: [name], operands: [operand], formula: nil, at: value.at))
      }
      return
    }
    var operands: [LayoutName] = []
    let formula = try value.replacingPaths { path throws(Diagnostic) in
      guard case .plain(let first)? = path.steps.first, parts.contains(first) else { return nil }
      try Self.checkCount(path)
      let found = path.alternatives
      guard operands.count + found.count <= Self.limit else {
        throw Diagnostic("layouts.name", "this formula is of more than \(Self.limit) parts", at: path.at)
      }
      operands += found
      return (operands.count - found.count..<operands.count).map(LayoutLine.operandName)
    }
    try countNames(operands.count, at: value.at)
    guard !operands.isEmpty else {
      throw Diagnostic("layouts.part", "this value holds no tensor of '\(model.name)'", at: value.at)
    }
    for operand in operands { learn(operand) }
    lines.append(LayoutLine(names: names, operands: operands, formula: formula, at: value.at))
  }

  /// Notes what the indices of a path count: each the list in front of it.
  private mutating func learn(_ path: LayoutName) {
    for (place, step) in path.steps.enumerated() {
      guard case .index(let index) = step else { continue }
      let list = LayoutName(steps: Array(path.steps[..<place]), at: path.at)
      if let known = lists[index], known.steps != list.steps { ambiguous.insert(index) }
      lists[index] = lists[index] ?? list
    }
  }
}

extension LayoutSymbol {
  /// Refuses a layout that can be of no use to anyone.
  ///
  /// - Throws: `layouts.model`, and what its lines throw.
  func check() throws(Diagnostic) {
    guard let model = file.operator(modelName), model.declaration.isModel else {
      let models = file.visibleOperators.filter(\.declaration.isModel).map(\.name)
      throw Diagnostic(
        "layouts.model", "'\(modelName)' is not a model", at: declaration.model.at,
        label: suggestion(for: modelName, among: models).map { "did you mean '\($0)'?" })
    }
    _ = try LayoutLines(self, of: model)
  }
}

extension Expression {
  /// The formula with a name, or a list of names, for each path that `names` wants to have replaced, and with the first
  /// axis for `split` and `concat` where none is said: that of a layer's outputs, in its weight and in its bias.
  fileprivate func replacingPaths(
    _ names: (LayoutName) throws(Diagnostic) -> [String]?
  ) throws(Diagnostic) -> Expression {
    func made(_ kind: Kind) -> Expression { Expression(kind, at: at, depth: depth) }
    if let path = LayoutName(self), let found = try names(path) {
      let all = found.map { made(.name($0)) }
      return all.count == 1 ? all[0] : made(.list(all))
    }
    func replaced(_ all: [Expression]) throws(Diagnostic) -> [Expression] {
      var result: [Expression] = []
      for one in all { result.append(try one.replacingPaths(names)) }
      return result
    }
    switch kind {
    case .call(let callee, let arguments):
      var result: [Argument] = []
      for argument in arguments {
        result.append(Argument(label: argument.label, value: try argument.value.replacingPaths(names)))
      }
      let positions = ["concat": 1, "split": 2]
      if let name = callee.dottedName, let position = positions[name],
        !result.contains(where: { $0.label?.text == "axis" }),
        result.count(where: { $0.label == nil }) <= position
      {
        result.append(Argument(label: Name("axis", at: at), value: made(.number("0"))))
      }
      return made(.call(callee, result))
    case .list(let items): return made(.list(try replaced(items)))
    case .tuple(let items): return made(.tuple(try replaced(items)))
    case .index(let base, let items): return made(.index(try base.replacingPaths(names), items))
    case .unary(let sign, let operand): return made(.unary(sign, try operand.replacingPaths(names)))
    case .binary(let operation, let left, let right, let sign):
      return made(.binary(operation, try left.replacingPaths(names), try right.replacingPaths(names), sign: sign))
    case .conditional(let condition, let yes, let no):
      return made(.conditional(condition, try yes.replacingPaths(names), try no.replacingPaths(names)))
    case .number, .text, .bool, .name, .comprehension, .range, .member, .members, .shared, .starting: return self
    }
  }
}
