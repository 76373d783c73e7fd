package import GraftFormats
package import GraftIR

/// How one model is stored in a layout: every tensor of a file as a formula over the model's tensors, and the reverse.
package struct LayoutMap {
  /// A tensor of a file.
  package struct Stored {
    package let name: String
    /// Over `SourceTensor`s that are called as the model's tensors are, of f32.
    package let formula: WeightExpression
    let at: Location
  }

  let name: String
  /// The tensors of a file, in the order of the model.
  package let stored: [Stored]
  /// The formula of each of the model's tensors over tensors of a file, of f32.
  package let formulas: [String: WeightExpression]
  /// The model's tensors that a file lacks: they are what their operator starts them as.
  let omitted: Set<String>

  /// How `layout` stores `model`, whose operator it is a layout of.
  ///
  /// - Throws: rules of `layouts`, and of the formulas.
  package init(_ layout: LayoutSymbol, of model: Module, _ evaluator: Evaluator) throws(Diagnostic) {
    guard let symbol = model.symbol else {
      throw Diagnostic("graft.defect", "a list has no layout", category: .defect)
    }
    let lines = try LayoutLines(layout, of: symbol)
    var builder = LayoutMapBuilder(lines, model, evaluator)
    try builder.build()
    name = lines.symbol.name
    stored = builder.ordered
    omitted = builder.omitted
    var inverse = MoveInverse()
    var names: Set<String> = []
    for tensor in stored {
      guard names.insert(tensor.name).inserted else {
        throw Diagnostic(
          "layouts.names-apart", "two tensors are called '\(tensor.name)' in layout '\(lines.symbol.name)'",
          at: tensor.at)
      }
      guard let shape = tensor.formula.type.shape else { continue }
      let value = SourceTensor(source: 0, name: tensor.name, dtype: .f32, shape: shape)
      try inverse.add(.source(value), is: tensor.formula, at: tensor.at)
    }
    formulas = inverse.values.mapValues { $0.count == 1 ? $0[0] : .copies($0) }
    for (name, _) in builder.parameters where formulas[name] == nil && !omitted.contains(name) {
      throw Diagnostic(
        "layouts.invertible", "layout '\(lines.symbol.name)' stores a part of tensor '\(name)' only",
        at: lines.symbol.declaration.name.at)
    }
  }
}

/// Works out which lines of a layout speak of which tensors of a model.
private struct LayoutMapBuilder {
  let lines: LayoutLines
  let model: Module
  let evaluator: Evaluator
  /// Every stored tensor of the model, and its place in the order.
  private(set) var parameters: [String: ModuleParameter] = [:]
  private var order: [String: Int] = [:]
  /// Parts in whose place the model's own operators have another one; what is inside keeps its names.
  private var replaced: Set<String> = []
  /// How specific the line is that speaks of a tensor.
  private var claims: [String: Int] = [:]
  private var stored: [(tensor: LayoutMap.Stored, place: Int)] = []
  /// Names and places that may still be spelled out: indices inside indices multiply.
  private var budget = 2_000_000
  private(set) var omitted: Set<String> = []

  init(_ lines: LayoutLines, _ model: Module, _ evaluator: Evaluator) {
    self.lines = lines
    self.model = model
    self.evaluator = evaluator
    model.forEachParameter { name, parameter in
      order[name] = order.count
      parameters[name] = parameter
    }
    evaluator.beginStatement()
    if let own = try? evaluator.instantiate(model.bareOperation) { markReplaced(model, own, []) }
  }

  var ordered: [LayoutMap.Stored] {
    stored.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }.map(\.element.tensor)
  }

  private mutating func markReplaced(_ module: Module, _ own: Module, _ path: [String]) {
    if module.isParallel {
      for (index, branch) in (module.part("branches")?.parts ?? []).enumerated() {
        markReplaced(branch.module, own, path + ["branches", String(index)])
      }
      replaced.insert((path + ["merge"]).joined(separator: "."))
      return
    }
    if module.isList, own.isList {
      for (index, entry) in module.parts.enumerated() {
        // A list that was made longer holds more of what it held.
        guard let same = own.part(entry.name) ?? own.parts.last?.module else {
          replaced.insert((path + [entry.name]).joined(separator: "."))
          continue
        }
        markReplaced(entry.module, same, path + [String(index)])
      }
      return
    }
    guard let symbol = module.symbol, symbol == own.symbol else {
      replaced.insert(path.joined(separator: "."))
      return
    }
    for part in module.parts {
      if let same = own.part(part.name) {
        markReplaced(part.module, same, path + [part.name])
      } else {
        replaced.insert((path + [part.name]).joined(separator: "."))
      }
    }
  }

  // MARK: Lines

  mutating func build() throws(Diagnostic) {
    for name in lines.omissions {
      for (_, path) in try places(of: name, [:]) {
        for (tensor, _) in tensors(at: path) { try omit(tensor, at: name.at) }
      }
    }
    // What speaks of a deeper part goes first.
    let sorted = lines.lines.enumerated().sorted {
      (-$0.element.depth, $0.element.formula == nil ? 1 : 0, $0.offset)
        < (-$1.element.depth, $1.element.formula == nil ? 1 : 0, $1.offset)
    }
    for (_, line) in sorted {
      if line.formula == nil { try rename(line) } else { try relate(line) }
    }
    let unnamed = order.sorted { $0.value < $1.value }.filter { claims[$0.key] == nil && !omitted.contains($0.key) }
    for (name, place) in unnamed {
      // What the layout does not speak of is called as it is.
      guard let tensor = placeholder(name) else { continue }
      stored.append((LayoutMap.Stored(name: name, formula: tensor, at: lines.symbol.declaration.name.at), place))
    }
  }

  private mutating func omit(_ name: String, at: Location) throws(Diagnostic) {
    guard let parameter = parameters[name] else { return }
    switch parameter.initial {
    case .number?, .tensor?, nil: break
    default:
      throw Diagnostic(
        "layouts.without", "'\(name)' starts as a draw, so that nobody knows what a file without it means", at: at)
    }
    guard parameter.isFrozen else {
      throw Diagnostic(
        "layouts.without", "'\(name)' is trained, so that nobody knows what a file without it means", at: at,
        help: "'frozen' behind its declaration says that it stays as it starts")
    }
    omitted.insert(name)
  }

  /// A line that only renames: it takes what no more specific line has taken, whatever operator stands there.
  private mutating func rename(_ line: LayoutLine) throws(Diagnostic) {
    for (indices, path) in try places(of: line.operands[0], [:], withLevels: true) {
      guard isOwn(path.dropLast()) else { continue }
      let names = try self.names(of: line, indices)
      for (tensor, rest) in tensors(at: path) where claim(tensor, line.depth) {
        guard let value = placeholder(tensor) else { continue }
        try spend(names.count, at: line.at)
        for name in names {
          stored.append(
            (LayoutMap.Stored(name: extended(name[0], rest), formula: value, at: line.at), order[tensor] ?? 0))
        }
      }
    }
  }

  /// A line with a formula, which speaks of the model's own operators only.
  private mutating func relate(_ line: LayoutLine) throws(Diagnostic) {
    for (indices, paths) in try places(of: line.operands[...], [:]) {
      guard paths.allSatisfy({ isOwn($0[...]) }) else { continue }
      let tensors = paths.map { self.tensors(at: $0) }
      for (place, (first, rest)) in tensors[0].enumerated() {
        // A tensor that is stored elsewhere, as shared ones are, is not stored here.
        guard tensors.allSatisfy({ $0.count == tensors[0].count && $0[place].rest == rest }) else {
          throw Diagnostic("layouts.part", "the parts of one formula have tensors of the same names", at: line.at)
        }
        let names = tensors.map { $0[place].name }
        guard names.allSatisfy({ claims[$0] == nil || claims[$0] == line.depth }) else { continue }
        let values = try values(line, names, indices)
        guard values.count == line.names.count else {
          throw Diagnostic(
            "layouts.count", "\(line.names.count) names stand for \(values.count) tensors", at: line.at)
        }
        for name in names { claims[name] = line.depth }
        for copy in try self.names(of: line, indices) {
          try spend(copy.count, at: line.at)
          for (name, value) in zip(copy, values) {
            stored.append(
              (LayoutMap.Stored(name: extended(name, rest), formula: value, at: line.at), order[first] ?? 0))
          }
        }
      }
    }
  }

  /// What the formula of `line` gives for the tensors `names`.
  private func values(
    _ line: LayoutLine, _ names: [String], _ indices: [String: String]
  ) throws(Diagnostic) -> [WeightExpression] {
    guard let formula = line.formula else { return [] }
    var operands: [String: Datum] = [:]
    for (number, name) in names.enumerated() {
      guard let value = placeholder(name) else { continue }
      operands[LayoutLine.operandName(number)] = .tensor(TracedTensor(origin: .weight(value), type: value.type))
    }
    for (index, place) in indices { operands[index] = Int(place).map { .number(Number($0)) } }
    let scope = Scope(parent: model.scope, file: lines.symbol.file, names: operands)
    evaluator.beginStatement()
    let result = try evaluator.evaluate(formula, Environment(scope: scope, place: .compileTime))
    var values: [WeightExpression] = []
    for datum in result.entries ?? [result] {
      guard case .tensor(let tensor) = datum, case .weight(let weight) = tensor.origin else {
        throw Diagnostic("layouts.count", "a tensor is wanted here, and this is \(datum.kindText)", at: line.at)
      }
      values.append(weight)
    }
    return values
  }

  private mutating func claim(_ tensor: String, _ depth: Int) -> Bool {
    guard parameters[tensor] != nil, !omitted.contains(tensor), claims[tensor] == nil || claims[tensor] == depth else {
      return false
    }
    claims[tensor] = depth
    return true
  }

  private func placeholder(_ name: String) -> WeightExpression? {
    parameters[name].map { .source(SourceTensor(source: 0, name: name, dtype: .f32, shape: $0.shape)) }
  }

  private mutating func spend(_ count: Int, at: Location) throws(Diagnostic) {
    budget -= min(count, budget + 1)
    guard budget >= 0 else {
      throw Diagnostic("limits.steps", "layout '\(lines.symbol.name)' stands for too many tensors here", at: at)
    }
  }

  // MARK: Places

  /// The names of `line` where its indices are as given; once for each entry of a list whose index stands on the left
  /// alone.
  private mutating func names(of line: LayoutLine, _ indices: [String: String]) throws(Diagnostic) -> [[String]] {
    var all = [indices]
    for index in line.names[0].indices where indices[index] == nil {
      guard let list = lines.lists[index]?.filled(indices)?.split(separator: ".").map(String.init) else {
        throw Diagnostic("layouts.index", "'{\(index)}' counts a list inside another list", at: line.at)
      }
      let entries = entries(of: list, withLevels: false)
      try spend(all.count.multipliedClamped(by: entries.count), at: line.at)
      all = all.flatMap { known in entries.map { known.merging([index: $0]) { old, _ in old } } }
    }
    try spend(all.count.multipliedClamped(by: line.names.count), at: line.at)
    return all.map { known in line.names.compactMap { $0.filled(known) } }.filter { $0.count == line.names.count }
  }

  /// The parts that `operands` name together, with what their indices are.
  private mutating func places(
    of operands: ArraySlice<LayoutName>, _ indices: [String: String]
  ) throws(Diagnostic) -> [(indices: [String: String], paths: [[String]])] {
    var found: [(indices: [String: String], paths: [[String]])] = [(indices, [])]
    for operand in operands {
      var next: [(indices: [String: String], paths: [[String]])] = []
      for known in found {
        for place in try places(of: operand, known.indices) { next.append((place.indices, known.paths + [place.path])) }
      }
      found = next
    }
    return found
  }

  /// The parts and tensors that `name` stands for; `withLevels` says whether a parallel level is an entry beside its
  /// branches.
  private mutating func places(
    of name: LayoutName, _ indices: [String: String], withLevels: Bool = false
  ) throws(Diagnostic) -> [(indices: [String: String], path: [String])] {
    var found: [(indices: [String: String], path: [String])] = [(indices, [])]
    for step in name.steps {
      try spend(found.count, at: name.at)
      switch step {
      case .plain(let text): for place in found.indices { found[place].path.append(text) }
      case .several: return []
      case .index(let index):
        var next: [(indices: [String: String], path: [String])] = []
        for place in found {
          if let known = place.indices[index] {
            next.append((place.indices, place.path + known.steps))
            continue
          }
          let entries = entries(of: place.path, withLevels: withLevels)
          try spend(entries.count, at: name.at)
          for entry in entries {
            next.append((place.indices.merging([index: entry]) { old, _ in old }, place.path + entry.steps))
          }
        }
        found = next
      }
    }
    return found
  }

  /// The entries of the list at `path`, those of parallel levels as `0.branches.1`.
  private func entries(of path: [String], withLevels: Bool) -> [String] {
    guard let list = model[path: path], list.isList else { return [] }
    func entries(_ module: Module, _ name: String) -> [String] {
      guard module.isParallel else { return [name] }
      let branches = module.part("branches")?.parts ?? []
      return (withLevels ? [name] : []) + branches.flatMap { entries($0.module, "\(name).branches.\($0.name)") }
    }
    return list.parts.flatMap { entries($0.module, $0.name) }
  }

  /// The tensors of the part at `path`, or the one there, with what follows the path in their names.
  private func tensors(at path: [String]) -> [(name: String, rest: String)] {
    let prefix = path.joined(separator: ".")
    if let module = model[path: path] {
      var found: [(name: String, rest: String)] = []
      module.forEachPlace { name, _ in found.append((join(prefix, name), name)) }
      // The branches of a level are entries of their own.
      return found.filter { parameters[$0.name] != nil && !(module.isParallel && $0.rest.hasPrefix("branches.")) }
    }
    return parameters[prefix] == nil ? [] : [(prefix, "")]
  }

  /// Whether the model's own operators stand at `path` and all around it.
  private func isOwn(_ path: ArraySlice<String>) -> Bool {
    guard !replaced.isEmpty else { return true }
    var front = ""
    for step in path {
      front = join(front, step)
      if replaced.contains(front) { return false }
    }
    return !replaced.contains("")
  }
}

extension String {
  fileprivate var steps: [String] { split(separator: ".").map(String.init) }
}

/// `name.rest`, or `name` where nothing follows.
private func extended(_ name: String, _ rest: String) -> String { rest.isEmpty ? name : name + "." + rest }
