import GraftIR

/// Nodes that one launch runs: a head and the elementwise nodes that follow it row by row.
struct Group: Equatable {
  /// Numbers of the graph's nodes, in order.
  var nodes: [Int]
  /// The kernel that runs the head; `RowSteps` where the head is a step itself.
  var kernel: String
  var inputs: [Value]
  var results: [Value]
  var steps: [RowStep] = []

  /// Whether it is an elementwise node that nothing joined.
  var isStepAlone: Bool { kernel == Kernel.rowSteps.primitive && nodes.count == 1 }
}

extension Group {
  /// Node `index`, by itself.
  init(_ index: Int, _ node: Node) {
    self.init(nodes: [index], kernel: node.primitive, inputs: node.inputs, results: node.results)
  }
}

/// A line of the table by which nodes run together: what may follow a head while its rows are in cache.
struct FusionRule {
  /// What a step reads beside the row.
  enum Operand {
    case nothing
    /// A tensor that is broadcast in one run of axes at most: a row for all rows, one for the rows of each sample, one
    /// element for a row, or a row for each.
    case rows
  }

  let primitives: [String]
  let operand: Operand

  /// The primitives that take steps: those whose kernels work row by row, and steps themselves (`RowSteps`).
  static let heads = (Kernels.all + [.rowSteps]).filter { $0.traits.contains(.takesSteps) }.map(\.primitive)

  /// The steps.
  static let steps = [
    FusionRule(primitives: UnaryOperation.primitives, operand: .nothing),
    FusionRule(primitives: BinaryOperation.allCases.map(\.rawValue), operand: .rows),
  ]

  /// Rows narrower than this are left alone: a call for each row and step costs more than what the cache saves.
  static let leastWidth = 64
}

/// Which nodes run together, by the table of `FusionRule`: a head and the steps behind it, as long as all are f32 of one
/// shape and nobody else reads what is between them.
///
///     Linear -> Gelu                                Linear(bias) + [gelu]
///     LayerNormalization -> Mul(1 + scale) -> Add   LayerNormalization + [* scale, + shift]
///     Linear -> Mul(gate) -> Add(x)                 Linear(bias) + [* gate, + x]
///
/// Steps compute in the order and with the rounding of the single nodes, so that fusing changes no bit.
struct Fusion {
  let graph: Graph
  let shape: (Value) -> Shape
  /// How many inputs of nodes that run read a value; kept values count once more.
  let useCount: [Int]

  /// The groups of `nodes`, each where its last node stood.
  func groups(of nodes: [Int]) -> [Group] {
    var reader: [Int: Int] = [:]  // By value: a node that reads it.
    for node in nodes {
      for input in graph.nodes[node].inputs { reader[input.index] = node }
    }
    var isTaken: Set<Int> = []
    var groups: [Group] = []
    for index in nodes where !isTaken.contains(index) {
      var group = head(index)
      isTaken.insert(index)
      if group.results.count == 1, takesSteps(group), var value = group.results.first {
        while useCount[value.index] == 1, let next = reader[value.index], !isTaken.contains(next),
          let step = step(next, of: value, into: &group)
        {
          isTaken.insert(next)
          group.nodes.append(next)
          group.steps.append(step)
          value = graph.nodes[next].results[0]
          group.results = [value]
        }
      }
      groups.append(group)
    }
    // A group runs where its last node stood: there, all that any of its nodes reads has been worked out.
    return groups.sorted { ($0.nodes.last ?? 0) < ($1.nodes.last ?? 0) }
      .map { $0.isStepAlone ? Group($0.nodes[0], graph.nodes[$0.nodes[0]]) : $0 }
  }

  /// The group that `index` opens.
  private func head(_ index: Int) -> Group {
    let node = graph.nodes[index]
    for input in node.inputs {  // The first argument that is no smaller than the result carries the rows.
      var group = Group(nodes: [index], kernel: Kernel.rowSteps.primitive, inputs: [input], results: node.results)
      guard shape(input) == node.results.first.map(shape) else { continue }
      if let step = step(index, of: input, into: &group) {
        group.steps = [step]
        return group
      }
    }
    return Group(index, node)
  }

  private func takesSteps(_ group: Group) -> Bool {
    FusionRule.heads.contains(group.kernel) && group.results.first.map(isRow) == true
  }

  private func isRow(_ value: Value) -> Bool {
    graph.type(of: value).dtype == .f32 && (shape(value).axes.last ?? 0) >= FusionRule.leastWidth
  }

  /// Node `index` as a step on `value`, its other argument added to `group`; or `nil` where it is none.
  private func step(_ index: Int, of value: Value, into group: inout Group) -> RowStep? {
    let node = graph.nodes[index]
    guard let rule = FusionRule.steps.first(where: { $0.primitives.contains(node.primitive) }),
      let result = node.results.first, isRow(result), isRow(value), shape(result) == shape(value)
    else { return nil }
    switch rule.operand {
    case .nothing:
      return UnaryOperation(node.primitive, node.attributes).map {
        RowStep(primitive: node.primitive, operation: .unary($0))
      }
    case .rows:
      guard let operation = BinaryOperation(rawValue: node.primitive), node.inputs.count == 2,
        node.inputs[0] != node.inputs[1]
      else { return nil }
      let isReversed = node.inputs[1] == value
      let other = node.inputs[isReversed ? 0 : 1]
      guard let layout = RowLayout(shape(other), over: shape(result)) else { return nil }
      group.inputs.append(other)
      return RowStep(
        primitive: node.primitive,
        operation: .binary(operation, operand: group.inputs.count - 1, layout: layout, isReversed: isReversed))
    }
  }
}
