import GraftFormats
package import GraftIR

/// The model as the statements above the current line left it.
package final class GraftState {
  package internal(set) var architecture: Module
  package internal(set) var base: Module
  let evaluator: Evaluator
  let checkpoints: Checkpoints
  /// The seed of every `fresh` that names none.
  let seed: UInt64
  /// The size of the list whose brackets are being worked out, for `all`, `odd`, `first(n)` and the like.
  var listCount: Int?
  /// The place that a `replace` is working on: what `old` stands for in `shared old`.
  var replacedPath: [String]?
  /// Statements that renumbered a list, by its path: for messages.
  var renumbered: [[String]: (line: Int, word: String)] = [:]
  private var traced: Traced?
  private var baseTraced: Traced?
  /// What the brackets of the part in work bound.
  var bindings: [(String, Number)] = []
  /// The files that starts were read from.
  var fileUses: [FileUse] = []
  /// The types that the model as it stands is going to be written in.
  var emittedTypes: () throws(Diagnostic) -> EmittedTypes = { () throws(Diagnostic) in EmittedTypes() }
  /// What a replaced part gave before, by path: its successor must give the same.
  var expectations: [String: (type: TensorType, at: Location)] = [:]

  /// The graph of `forward`, and the types and sizes at every part's place.
  struct Traced {
    let graph: Graph
    let signatures: [String: Tracer.Signature]
    let letters: [String: [String: Int]]
  }

  package init(base: Module, evaluator: Evaluator, checkpoints: Checkpoints, seed: UInt64) {
    self.base = base
    architecture = base
    self.evaluator = evaluator
    self.checkpoints = checkpoints
    self.seed = seed
  }

  /// Puts the edited model in place of the current one.
  func replaceArchitecture(_ module: Module, at: Location) throws(Diagnostic) {
    guard module.moduleCount <= Evaluator.moduleLimit else {
      throw Diagnostic("limits.modules", "a model of more than \(Evaluator.moduleLimit) operators", at: at)
    }
    architecture = module
    traced = nil
  }

  /// What a statement may change, to be put back where it fails: one mistake is told once.
  struct Snapshot {
    fileprivate let architecture: Module
    fileprivate let renumbered: [[String]: (line: Int, word: String)]
    fileprivate let expectations: [String: (type: TensorType, at: Location)]
    fileprivate let traced: Traced?
    fileprivate let fileUses: [FileUse]
  }

  var snapshot: Snapshot {
    Snapshot(
      architecture: architecture, renumbered: renumbered, expectations: expectations, traced: traced,
      fileUses: fileUses)
  }

  func restore(_ snapshot: Snapshot) {
    architecture = snapshot.architecture
    renumbered = snapshot.renumbered
    expectations = snapshot.expectations
    traced = snapshot.traced
    fileUses = snapshot.fileUses
  }

  /// The current model's `forward`, traced once for each state.
  func trace() throws(Diagnostic) -> Traced {
    if let traced { return traced }
    let result = try Self.trace(architecture, evaluator, expectations)
    traced = result
    return result
  }

  func traceBase() throws(Diagnostic) -> Traced {
    if let baseTraced { return baseTraced }
    let result = try Self.trace(base, evaluator, [:])
    baseTraced = result
    return result
  }

  static func trace(
    _ module: Module, _ evaluator: Evaluator, _ expectations: [String: (type: TensorType, at: Location)]
  ) throws(Diagnostic) -> Traced {
    let tracer = Tracer(name: "forward")
    tracer.expectations = expectations
    try tracer.traceEntry("forward", of: module, sizes: [:], evaluator)
    return Traced(graph: tracer.builder.graph, signatures: tracer.signatures, letters: tracer.letters)
  }

  // MARK: Names

  /// What `name` means in a graft, beside what its scope declares.
  func name(_ name: String, at: Location, _ evaluator: Evaluator) throws(Diagnostic) -> Datum? {
    if let count = listCount {
      func indices(_ list: some Sequence<Int>) -> Datum { .list(list.map { .number(Number($0)) }) }
      switch name {
      case "all": return indices(0..<count)
      case "odd": return indices(stride(from: 1, to: count, by: 2))
      case "even": return indices(stride(from: 0, to: count, by: 2))
      case "count": return .number(Number(count))
      default: break
      }
    }
    if name == "model" {
      return .selection(Selection(items: [Selection.Item(path: [], bindings: [])], isWholeList: false))
    }
    if let part = architecture.part(name) {
      return .selection(
        Selection(items: [Selection.Item(path: [name], bindings: [])], isWholeList: part.isList))
    }
    if architecture.parameters.contains(where: { $0.name == name }) {
      return .selection(Selection(items: [Selection.Item(path: [name], bindings: [])], isWholeList: false))
    }
    switch name {
    case "depth", "parameters", "macs", "bytes":
      return .number(Number(try figure(name, of: architecture, isBase: false)))
    case "base":
      var record: [String: Datum] = [:]
      for figureName in ["depth", "parameters", "bytes", "macs"] {
        record[figureName] = .number(Number(try figure(figureName, of: base, isBase: true)))
      }
      return .record(record)
    default: return nil
    }
  }

  var visibleNames: [String] {
    architecture.parts.map(\.name) + architecture.parameters.map(\.name)
      + ["model", "depth", "parameters", "macs", "bytes", "base"] + (listCount == nil ? [] : ["all", "odd", "even"])
  }

  /// The model's lists, the main one first.
  var lists: [String] { architecture.parts.filter(\.module.isList).map(\.name) }

  private func figure(_ name: String, of module: Module, isBase: Bool) throws(Diagnostic) -> Int {
    switch name {
    case "depth": return module.depth
    case "parameters": return module.parameterCount
    case "bytes": return try (isBase ? EmittedTypes() : typesToEmit()).byteCount(of: module)
    default: return try (isBase ? traceBase() : trace()).graph.multiplyAdds(batch: 1)
    }
  }

  /// The figure of the parts and tensors that `selection` names, a tensor that several of them share counted once.
  private func figure(_ name: String, of selection: Selection) throws(Diagnostic) -> Int {
    var total = 0
    if name == "macs" {
      let graph = try trace().graph
      for item in selection.items {
        total = total.addingClamped(graph.multiplyAdds(below: item.path.joined(separator: ".")))
      }
      return total
    }
    let types = name == "bytes" ? try typesToEmit() : nil
    let stored = architecture.storedNames
    var counted: Set<ObjectIdentifier> = []
    func count(_ place: String, _ parameter: ModuleParameter) {
      let share = parameter.share.map { ObjectIdentifier($0) }
      if let share, !counted.insert(share).inserted { return }
      let size = types?.byteCount(of: share.flatMap { stored[$0] } ?? place, parameter) ?? parameter.shape.elementCount
      total = total.addingClamped(size ?? .max)
    }
    for item in selection.items {
      let path = item.path.joined(separator: ".")
      if let module = architecture[path: item.path] {
        module.forEachPlace(path, count)
      } else if let tensor = architecture[path: item.path.dropLast()]?.parameters.first(where: {
        $0.name == item.path.last
      }) {
        count(path, tensor)
      }
    }
    return total
  }

  /// Types name parts by paths of their own, whatever brackets are being worked out.
  private func typesToEmit() throws(Diagnostic) -> EmittedTypes {
    let outer = listCount
    listCount = nil
    defer { listCount = outer }
    return try emittedTypes()
  }

  /// `parameters(PATH)`, `first(n)` and the like: calls that speak of the model.
  func call(
    _ name: String, _ arguments: [Expression.Argument], at: Location, _ environment: Environment,
    _ evaluator: Evaluator
  ) throws(Diagnostic) -> Datum? {
    guard let argument = arguments.first, arguments.count == 1 else { return nil }
    switch name {
    case "first", "last":
      guard let count = listCount else { return nil }
      let wanted = try evaluator.whole(argument.value, environment, what: "'\(name)'")
      guard wanted >= 0, wanted <= count else {
        throw Diagnostic("paths.out-of-range", "'\(name)(\(wanted))' of a list of \(count)", at: argument.value.at)
      }
      let indices = name == "first" ? 0..<wanted : (count - wanted)..<count
      return .list(indices.map { .number(Number($0)) })
    case "parameters", "bytes", "macs":
      let datum = try evaluator.evaluate(argument.value, environment)
      guard case .selection(let selection) = datum else {
        throw Diagnostic("paths.path", "a path is wanted here, and this is \(datum.kindText)", at: argument.value.at)
      }
      return .number(Number(try figure(name, of: selection)))
    default: return nil
    }
  }
}

extension Module {
  /// The entries of the main list: the longest list right below the model.
  package var depth: Int { parts.filter(\.module.isList).map(\.module.parts.count).max() ?? 0 }
}

extension Tracer {
  /// Traces an entry of the whole model; capital letters without a number in `sizes` are the batch, if they are `B`.
  package func traceEntry(
    _ name: String, of module: Module, sizes: [String: Int], _ evaluator: Evaluator
  ) throws(Diagnostic) {
    guard let symbol = module.symbol, let entry = symbol.entry(name) else {
      throw Diagnostic("operators.no-entry", "'\(module.operatorName)' has no '\(name)'")
    }
    storedNames = module.storedNames
    var letters: [String: Datum] = ["B": .number(.batch(1))]
    for (letter, size) in sizes { letters[letter] = .number(Number(size)) }
    let frame = Frame(module: module, path: "", tracer: self, caller: nil)
    let environment = Environment(scope: module.scope.adding(letters), place: .forward(frame))
    var arguments: [Argument] = []
    for input in entry.inputs {
      let dtype = input.pattern.dtype.map { DType(rawValue: $0.text) } ?? .f32
      guard let dtype else {
        throw Diagnostic(
          "names.dtype", "'\(input.pattern.dtype?.text ?? "")' is not a type of elements", at: input.name.at)
      }
      var axes: [Dimension] = []
      for item in input.pattern.items {
        guard case .size(let size) = item else {
          guard let leading = leading[input.name.text] else {
            throw Diagnostic("shapes.open", "'...' is not known where a model is run", at: input.pattern.at)
          }
          axes += leading
          continue
        }
        guard let axis = try evaluator.number(size, environment).dimension, axis.count >= 0 else {
          throw Diagnostic("values.size", "a size of '\(input.name.text)' is not whole", at: size.at)
        }
        axes.append(axis)
      }
      let type = TensorType(dtype, axes)
      let value = builder.input(input.name.text, type)
      arguments.append((input.name, .tensor(TracedTensor(origin: .value(value), type: type)), input.name.at))
    }
    let result = try call(module, path: "", entry: name, arguments, at: entry.name.at, caller: nil, evaluator)
    let results: [Datum] = if case .tuple(let several) = result { several } else { [result] }
    for (index, datum) in results.enumerated() {
      guard case .tensor(let tensor) = datum, case .value(let value) = tensor.origin else {
        throw Diagnostic("shapes.tensor", "'\(name)' gives \(datum.kindText), not a tensor", at: entry.name.at)
      }
      builder.output(results.count == 1 ? "out" : "out.\(index)", value)
    }
  }
}

extension Graph {
  /// The products of the nodes that belong to the module at `path` or to its parts, for one sample.
  package func multiplyAdds(below path: String) -> Int {
    nodes.reduce(0) { total, node in
      let isBelow = path.isEmpty || node.path == path || node.path.hasPrefix(path + ".")
      return isBelow ? total.addingClamped(multiplyAdds(of: node, batch: 1)) : total
    }
  }
}
