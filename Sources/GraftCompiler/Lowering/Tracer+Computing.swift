import GraftFormats
import GraftIR

/// Calls of parts while a graft is compiled: `t_embedder([500])`.
///
/// The part is traced like in a forward, into a graph whose parameters are the expressions of weights and inputs. What
/// comes out is an expression again, which the weight plan works out when it is streamed.
extension Evaluator {
  /// Elements of a value inside such a call, at most.
  private static let computedElements = 1 << 28
  /// Products and elements that count as one step.
  private static let workPerStep = 1 << 14

  /// What `module` gives for `arguments`, as formulas over weights.
  func computed(
    _ module: Module, _ arguments: [Expression.Argument], at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let values = try evaluated(arguments, environment).map { argument in
      (label: argument.label, value: resolved(argument.value, environment), at: argument.at)
    }
    let tracer = Tracer(computing: "call")
    let result = try tracer.call(module, path: "", entry: "forward", values, at: at, caller: environment, self)
    try spend(try work(of: tracer.builder.graph, at: at), at: at)
    return try expressions(result, tracer, at: at)
  }

  /// The steps that working out `graph` counts as.
  private func work(of graph: Graph, at: Location) throws(Diagnostic) -> Int {
    var work = 0
    for node in graph.nodes {
      work = work.addingClamped(graph.multiplyAdds(of: node, batch: 1))
      for result in node.results {
        let type = graph.type(of: result)
        guard let count = type.shape?.elementCount, count <= Self.computedElements else {
          throw Diagnostic(
            "limits.elements", "\(type.shapeText), inside this call, has more than 2^28 elements", at: at)
        }
        work = work.addingClamped(count)
      }
    }
    return work / Self.workPerStep + graph.nodes.count
  }

  private func expressions(_ datum: Datum, _ tracer: Tracer, at: Location) throws(Diagnostic) -> Datum {
    switch datum {
    case .tensor(let tensor):
      guard case .value(let value) = tensor.origin else { return datum }
      let weight = try tracer.expression(of: value)
      guard weight.size(limit: Self.formulaLimit, depth: Self.formulaDepth) != nil else {
        throw Diagnostic(
          "limits.formula",
          "a tensor's formula has more than \(Self.formulaLimit) steps, or more than \(Self.formulaDepth) in turn",
          at: at)
      }
      return .tensor(TracedTensor(origin: .weight(weight), type: weight.type))
    case .list(let entries):
      var results: [Datum] = []
      for entry in entries { results.append(try expressions(entry, tracer, at: at)) }
      return .list(results)
    case .tuple(let entries):
      var results: [Datum] = []
      for entry in entries { results.append(try expressions(entry, tracer, at: at)) }
      return .tuple(results)
    default: return datum
    }
  }

  /// Numbers, or a list of them, as a constant of the type that an input asks for; anything else stays.
  func asInput(
    _ datum: Datum, _ pattern: TensorPattern, what: String, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    guard pattern.count == nil, datum.isNumeric else { return datum }
    let dtype = pattern.dtype.flatMap { DType(rawValue: $0.text) } ?? .f32
    var values: [Double] = []
    var shape: [Int] = []
    var current = datum
    while case .list(let entries) = current {
      shape.append(entries.count)
      guard let first = entries.first else { break }
      current = first
    }
    func collect(_ datum: Datum, _ depth: Int) throws(Diagnostic) {
      if case .list(let entries) = datum, depth < shape.count, entries.count == shape[depth] {
        for entry in entries { try collect(entry, depth + 1) }
        return
      }
      guard case .number(let number) = datum, depth == shape.count, let value = number.double else {
        throw Diagnostic("shapes.tensor", "\(what) is a tensor, and these numbers fill none", at: at)
      }
      if dtype.isInteger { _ = try whole(number, at: at, what: "a number of \(what)") }
      values.append(value)
    }
    try spend(size(of: datum), at: at)
    try collect(datum, 0)
    return try apply(
      "Constant", [], ["dtype": .dtype(dtype), "shape": .ints(shape), "values": .floats(values)], at: at, environment)
  }
}

extension Datum {
  /// Whether it is a number or a list of numbers, and of such lists.
  fileprivate var isNumeric: Bool {
    switch self {
    case .number: true
    case .list(let entries): entries.allSatisfy(\.isNumeric)
    case .bool, .text, .word, .dtype, .record, .tuple, .tensor, .distribution, .operation, .selection, .module,
      .function,
      .part:
      false
    }
  }
}
