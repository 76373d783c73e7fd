package import GraftIR

/// A function in two: what it works out of a sample's condition alone, such as its time and class, and the rest.
///
/// Nothing of the first part depends on what is in a picture, so a sampler can work it out for many steps at once, as
/// one larger batch, and read the weights that serve only it, a third of a DiT's, once for all of them. Only nodes that
/// work on each row of the batch by itself belong to it.
package struct ConditionSplit {
  /// From the condition's inputs to `conditions`.
  package let first: Graph
  /// The function with the conditions as further inputs.
  package let rest: Graph
  /// What the first part gives and the rest is given, by name.
  package let conditions: [String]

  /// The split of `graph` whose first part reads only the inputs named `inputs`; `nil` where that part has no product.
  package init?(_ graph: Graph, conditionInputs inputs: Set<String>) {
    let own = graph.inputs.filter { inputs.contains($0.name) }
    guard let rows = own.first.flatMap({ graph.type(of: $0.value).axes.first }), rows.isBatch,
      own.allSatisfy({ graph.type(of: $0.value).axes == [rows] })
    else { return nil }
    let kinds = Kinds(graph, rows: rows, own: own.map(\.value))
    var isListed: Set<Int> = []
    var given: [NamedValue] = []
    for (index, node) in graph.nodes.enumerated() where kinds.nodes[index] == .other {
      for value in node.inputs
      where kinds.values[value.index] == .condition && !own.contains(where: { $0.value == value }) {
        if isListed.insert(value.index).inserted { given.append(NamedValue("condition \(given.count)", value)) }
      }
    }
    func nodes(_ kept: Set<Kind>) -> [Node] {
      zip(graph.nodes, kinds.nodes).filter { kept.contains($0.1) }.map(\.0)
    }
    first = graph.part(
      named: graph.name + " conditions", inputs: own, nodes: nodes([.fixed, .condition]), outputs: given)
    rest = graph.part(
      named: graph.name + " rest", inputs: graph.inputs + given, nodes: nodes([.fixed, .other]),
      outputs: graph.outputs)
    conditions = given.map(\.name)
    let outputsAreOthers = graph.outputs.allSatisfy { kinds.values[$0.value.index] != .condition }
    guard outputsAreOthers, first.nodes.contains(where: { $0.primitive == "Linear" }) else { return nil }
  }

  /// The bytes of the conditions of one step of `rows` samples.
  package func byteCount(rows: Int) -> Int {
    first.outputs.reduce(0) { sum, output in
      let type = first.type(of: output.value)
      let elements = type.axes.dropFirst().reduce(rows) { $0 * $1.count }
      return sum + (type.dtype.byteCount(of: elements) ?? 0)
    }
  }
}

/// What values and nodes depend on.
private enum Kind: Hashable {
  /// On parameters and constants alone.
  case fixed
  /// On the condition, each row of the batch on that row.
  case condition
  case other
}

private struct Kinds {
  private(set) var values: [Kind]
  private(set) var nodes: [Kind] = []

  init(_ graph: Graph, rows: Dimension, own: [Value]) {
    values = Array(repeating: .other, count: graph.types.count)
    for item in graph.parameters { values[item.value.index] = .fixed }
    for value in own { values[value.index] = .condition }
    for node in graph.nodes {
      let kinds = node.inputs.map { values[$0.index] }
      let isBatched = node.results.contains { graph.type(of: $0).axes.contains(where: \.isBatch) }
      let kind: Kind =
        if kinds.allSatisfy({ $0 == .fixed }) {
          isBatched ? .other : .fixed
        } else if kinds.contains(.other) || !graph.worksRowByRow(node, rows: rows, kinds) {
          .other
        } else {
          .condition
        }
      nodes.append(kind)
      for result in node.results { values[result.index] = kind }
    }
  }
}

extension Graph {
  /// Whether row r of the results of `node` depends on row r of its inputs alone, those apart that are fixed.
  fileprivate func worksRowByRow(_ node: Node, rows: Dimension, _ kinds: [Kind]) -> Bool {
    let types = node.inputs.map { type(of: $0) }
    let results = node.results.map { type(of: $0) }
    func hasRows(_ type: TensorType) -> Bool {
      type.axes.first == rows && !type.axes.dropFirst().contains(where: \.isBatch)
    }
    guard results.allSatisfy(hasRows), let result = results.first,
      zip(types, kinds).allSatisfy({ $1 == .fixed || hasRows($0) })
    else { return false }
    let isFirstAlone = kinds.first == .condition && kinds.dropFirst().allSatisfy { $0 == .fixed }
    func movesOtherAxis() -> Bool {
      let axis = node.attributes.int("axis")
      return (axis < 0 ? axis + result.rank : axis) != 0
    }
    if UnaryOperation(node.primitive, node.attributes) != nil { return true }
    if BinaryOperation(rawValue: node.primitive) != nil {
      return zip(types, kinds).allSatisfy { type, kind in
        kind == .condition ? type.rank == result.rank : type.rank < result.rank || type.axes.first == Dimension(1)
      }
    }
    switch node.primitive {
    case "Cast", "Reshape", "Expand": return true
    case "Linear", "LayerNormalization", "RMSNormalization": return isFirstAlone && result.rank > 1
    case "Gather": return kinds.first == .fixed && kinds.last == .condition
    case "Transpose": return node.attributes.ints("perm").first == 0
    case "Slice", "Split", "Softmax": return movesOtherAxis()
    case "Concat": return movesOtherAxis() && kinds.allSatisfy { $0 == .condition }
    default: return false
    }
  }
}
