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
}

/// Which nodes run together. The rules are data: a head is a kernel that takes steps, or an elementwise node; a step is
/// an elementwise node whose row is as wide as the head's and whose other argument is broadcast in one run of axes.
///
///     Linear -> Gelu                                Linear(bias) + [gelu]
///     LayerNormalization -> Mul(1 + scale) -> Add   LayerNormalization + [* scale, + shift]
///     Linear -> Mul(gate) -> Add(x)                 Linear(bias) + [* gate, + x]
///
/// A value that anybody else reads, or that is kept, ends its group. Steps compute in the order and with the rounding
/// of the single nodes, so that fusing changes no bit.
struct Fusion {
  /// Below this, a call for each row and step costs more than what the cache saves.
  static let leastWidth = 64

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
      .map { $0.kernel == Kernel.rowSteps.primitive && $0.nodes.count == 1 ? plain($0.nodes[0]) : $0 }
  }

  private func plain(_ index: Int) -> Group {
    let node = graph.nodes[index]
    return Group(nodes: [index], kernel: node.primitive, inputs: node.inputs, results: node.results)
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
    return plain(index)
  }

  private func takesSteps(_ group: Group) -> Bool {
    guard let value = group.results.first, graph.type(of: value).dtype == .f32,
      (shape(value).axes.last ?? 0) >= Self.leastWidth
    else { return false }
    if group.kernel == Kernel.rowSteps.primitive { return true }
    return Kernels.named(group.kernel)?.traits.contains(.takesSteps) ?? false
  }

  /// Node `index` as a step on `value`, its other argument added to `group`; or `nil` where it is none.
  private func step(_ index: Int, of value: Value, into group: inout Group) -> RowStep? {
    let node = graph.nodes[index]
    guard let result = node.results.first, graph.type(of: result).dtype == .f32, graph.type(of: value).dtype == .f32,
      shape(result) == shape(value), (shape(value).axes.last ?? 0) >= Self.leastWidth
    else { return nil }
    if let operation = UnaryOperation(node.primitive, node.attributes) {
      return RowStep(primitive: node.primitive, operation: .unary(operation))
    }
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
