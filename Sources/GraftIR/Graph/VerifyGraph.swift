/// A part of a graph that a rule can be broken by.
enum GraphPart: Hashable {
  case graph
  case input(Int)
  case parameter(Int)
  case node(Int)
  case output(Int)
  case boundary(Int)
}

extension Program {
  /// Checks the table of parameters and every graph by the rules of `specs/graph.md`.
  public func verify() throws(Diagnostic) { try verify { _, _ in nil } }

  /// The same; `locate` says where a part of graph number so and so stands in a text.
  func verify(locate: (_ graph: Int, _ part: GraphPart) -> Location?) throws(Diagnostic) {
    var table: [String: TensorType] = [:]
    for parameter in parameters {
      guard table.updateValue(parameter.type, forKey: parameter.name) == nil else {
        throw Diagnostic("graph.names", "two parameters are called '\(parameter.name)'")
      }
      guard parameter.type.isPlausible else {
        throw Diagnostic(
          "graph.type", "parameter '\(parameter.name)' is \(parameter.type): a size below 0 or more than 2^48 elements")
      }
    }
    var names: Set<String> = []
    for (index, graph) in graphs.enumerated() {
      guard names.insert(graph.name).inserted else {
        throw Diagnostic("graph.names", "two graphs are called '\(graph.name)'", at: locate(index, .graph))
      }
      try graph.verify { locate(index, $0) }
      for (place, parameter) in graph.parameters.enumerated() {
        let found = graph.type(of: parameter.value)
        guard let type = table[parameter.name] else {
          throw Diagnostic(
            "graph.parameter", "'\(parameter.name)' is none of the program's parameters",
            at: locate(index, .parameter(place)))
        }
        guard type == found else {
          throw Diagnostic(
            "graph.parameter", "'\(parameter.name)' is \(found), but the program's parameter is \(type)",
            at: locate(index, .parameter(place)))
        }
      }
    }
  }
}

extension Graph {
  /// Checks that the graph is a formula: each value is defined once, before it is used, and of the type that its
  /// primitive gives. A graph that passes can be run, costed and printed without further checks.
  public func verify() throws(Diagnostic) { try verify { _ in nil } }

  /// The same; `locate` says where a part stands in a text.
  func verify(locate: (GraphPart) -> Location?) throws(Diagnostic) {
    for (index, type) in types.enumerated() where !type.isPlausible {
      throw Diagnostic(
        "graph.type", "value %\(index) is \(type): a size below 0 or more than 2^48 elements", at: locate(.graph))
    }
    var isDefined = [Bool](repeating: false, count: types.count)
    func define(_ value: Value, _ part: GraphPart) throws(Diagnostic) {
      guard types.indices.contains(value.index) else {
        throw Diagnostic(
          "graph.value", "%\(value.index) has no type: the graph has \(types.count) values", at: locate(part))
      }
      guard !isDefined[value.index] else {
        throw Diagnostic("graph.defined-once", "%\(value.index) is defined twice", at: locate(part))
      }
      isDefined[value.index] = true
    }
    func use(_ value: Value, _ part: GraphPart) throws(Diagnostic) {
      guard types.indices.contains(value.index), isDefined[value.index] else {
        throw Diagnostic("graph.defined-before-use", "%\(value.index) is used before it is defined", at: locate(part))
      }
    }

    for (index, input) in inputs.enumerated() { try define(input.value, .input(index)) }
    for (index, parameter) in parameters.enumerated() { try define(parameter.value, .parameter(index)) }
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { try use(input, .node(index)) }
      for result in node.results { try define(result, .node(index)) }
      try verify(node, locate(.node(index)))
    }
    if let index = isDefined.firstIndex(of: false) {
      throw Diagnostic("graph.defined-once", "%\(index) has a type, but nothing defines it", at: locate(.graph))
    }
    for (index, output) in outputs.enumerated() { try use(output.value, .output(index)) }
    for (index, boundary) in boundaries.enumerated() { try use(boundary.value, .boundary(index)) }

    try verifyNames(of: inputs, "inputs") { locate(.input($0)) }
    try verifyNames(of: parameters, "parameters") { locate(.parameter($0)) }
    try verifyNames(of: outputs, "outputs") { locate(.output($0)) }
    try verifyNames(of: boundaries, "boundaries") { locate(.boundary($0)) }
  }

  private func verify(_ node: Node, _ location: Location?) throws(Diagnostic) {
    guard let primitive = Primitives.named(node.primitive) else {
      let names = Primitives.all.map(\.name)
      throw Diagnostic(
        "graph.primitive", "'\(node.primitive)' is no primitive", at: location,
        label: suggestion(for: node.primitive, among: names).map { "did you mean '\($0)'?" })
    }
    let found = node.results.map { type(of: $0) }
    let expected: [TensorType]
    do {
      expected = try primitive.infer(node.inputs.map { type(of: $0) }, node.attributes)
    } catch {
      throw error.at(location)
    }
    guard found == expected else {
      throw Diagnostic(
        "graph.result", "'\(node.primitive)' gives \(expected), but the node's results are \(found)", at: location)
    }
  }

  private func verifyNames(
    of values: [NamedValue], _ what: String, locate: (Int) -> Location?
  ) throws(Diagnostic) {
    var names: Set<String> = []
    for (index, value) in values.enumerated() where !names.insert(value.name).inserted {
      throw Diagnostic("graph.names", "two \(what) are called '\(value.name)'", at: locate(index))
    }
  }
}
