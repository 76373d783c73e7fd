import GraftIR

/// What a damaged file lacks, told by the tensor.
extension Recognition {
  /// Finds what a damaged file lacks before a person is asked for what tensors cannot tell: that changes no shape, so
  /// any number stands in for it.
  func checkTensors(_ symbol: OperatorSymbol) throws(Diagnostic) {
    var copy = self
    do throws(Diagnostic) {
      _ = try copy.whole(try copy.instantiated(symbol, prefix: [], surroundings: [], isGuessed: true))
    } catch {
      if error.rule.hasPrefix("weights.") || error.rule == "recognise.extra" { throw error }
    }
  }

  /// Remembers that `module` was tried at `path` and some of its tensors are there.
  mutating func note(_ module: Module, _ path: [String]) {
    let count = likeness(of: module, path)
    if count > nearMisses[path]?.count ?? 0 { nearMisses[path] = (module, count) }
  }

  /// What most likely stood at `path` before it was damaged: the operator most of whose tensors are there.
  func nearest(to expected: Module, _ path: [String]) -> Module {
    guard let near = nearMisses[path], near.count > likeness(of: expected, path) else { return expected }
    return near.module
  }

  /// How many tensors of `module` are at `path`, with their shapes.
  private func likeness(of module: Module, _ path: [String]) -> Int {
    var count = 0
    module.forEachParameter(path.joined(separator: ".")) { name, parameter in
      if shapes[name] == parameter.shape { count += 1 }
    }
    return count
  }

  /// Why the tensors at `path` are not those of `module`: the first that is misshapen, missing or left over.
  func mismatch(_ module: Module, _ path: [String]) -> Diagnostic {
    // Where all parts of the model are there, it is what is left over, whatever the parts themselves hold.
    if path.isEmpty, let name = surplus(of: module) {
      return Diagnostic(
        "recognise.extra", "tensor '\(name)' of \(file) belongs to no part of '\(module.operatorName)'",
        at: Location(file, tensor: name))
    }
    var missing: (String, Shape)?
    var wrong: (String, Shape, Shape)?
    module.forEachParameter(path.joined(separator: ".")) { name, parameter in
      guard let found = shapes[name] else {
        if missing == nil { missing = (name, parameter.shape) }
        return
      }
      if found != parameter.shape, wrong == nil { wrong = (name, parameter.shape, found) }
    }
    if let (name, expected, found) = wrong {
      return Diagnostic(
        "weights.shape", "tensor '\(name)' of \(file) is \(found), and f32 \(expected) is expected",
        at: Location(file, tensor: name))
    }
    let prefix = path.joined(separator: ".")
    var rest = Set(shapes.keys.filter { prefix.isEmpty || $0.hasPrefix(prefix + ".") })
    module.forEachParameter(prefix) { name, _ in rest.remove(name) }
    if let (name, expected) = missing {
      return missingTensor(
        name, expected, in: file, beside: rest, layouts: layouts, at: Location(file, tensor: name))
    }
    if let name = rest.min() {
      return Diagnostic(
        "recognise.extra", "tensor '\(name)' of \(file) belongs to no part of '\(module.operatorName)'",
        at: Location(file, tensor: name))
    }
    return Diagnostic(
      "recognise.unknown-operator", "the tensors of '\(spelledPath(path))' in \(file) are those of no operator",
      at: Location(file, tensor: path.joined(separator: ".")))
  }

  /// How else the tensors of the whole model are called.
  private var layouts: [LayoutMap] {
    guard omitted.isEmpty, onlyModel == nil, let model = expectedModel else { return [] }
    return names.layoutMaps(of: model, evaluator)
  }

  /// The first tensor below a name that the model has none of, where all of its own names are there.
  private func surplus(of module: Module) -> String? {
    var known = Set(module.parameters.map(\.name))
    for (name, part) in module.parts where part.parameterCount > 0 { known.insert(name) }
    guard case .record(let entries) = root, known.isSubset(of: entries.keys) else { return nil }
    return shapes.keys.filter { name in !known.contains(String(name.prefix { $0 != "." })) }.min()
  }

  /// The tensor that `expected` lacks at `path`, where what is there can be read as `found`, which has nothing but some
  /// of its tensors, and nobody said so: a design and a damage look alike then.
  func damage(of expected: Module, readAs found: Module, _ path: [String]) -> Diagnostic? {
    if assumptions.contains(where: { $0.path == nil && $0.symbol == found.symbol }) || assumedAt[path] != nil {
      return nil
    }
    var rest: [String: Shape] = [:]
    expected.forEachParameter(path.joined(separator: ".")) { rest[$0] = $1.shape }
    var isPart = true
    found.forEachParameter(path.joined(separator: ".")) { name, parameter in
      if rest.removeValue(forKey: name) != parameter.shape { isPart = false }
    }
    guard isPart, let missing = rest.min(by: { $0.key < $1.key }) else { return nil }
    var refusal = missingTensor(
      missing.key, missing.value, in: file, beside: [], at: Location(file, tensor: missing.key))
    refusal.help = "if it is meant to lack it: --assume '\(spelledPath(path)) = \(found.callText)'"
    return refusal
  }

  /// The tensor of the whole model that a rule of `label` reads, or one of those that it needs, and that is not there.
  func missingRecovery(of label: String, _ symbol: OperatorSymbol, for wanted: String? = nil) -> Diagnostic? {
    let labels = Set(symbol.declaration.parameters.map(\.label.text))
    for path in symbol.recoveries.filter({ $0.0.text == label }).flatMap(\.1.readPaths) {
      if symbol.declaredNames.contains(path[0]) {
        if datum(at: path) != nil { continue }
        let tensor = path.joined(separator: ".")
        let near = suggestion(for: tensor, among: shapes.keys.sorted().prefix(20_000))
        return Diagnostic(
          "weights.missing",
          "tensor '\(tensor)' is missing from \(file): '\(wanted ?? label)' of '\(symbol.name)' is read off it",
          at: Location(file, tensor: tensor), help: near.map { "the file has '\($0)'" })
      }
      // One rule may use what another one gives; that one uses tensors.
      guard wanted == nil, labels.contains(path[0]), path[0] != label,
        let missing = missingRecovery(of: path[0], symbol, for: label)
      else { continue }
      return missing
    }
    return nil
  }
}

extension Expression {
  /// The names, with their dots, that stand in a rule.
  var readPaths: [[String]] {
    if let name = dottedName { return [name.split(separator: ".").map(String.init)] }
    switch kind {
    case .index(let base, _), .unary(_, let base): return base.readPaths
    case .binary(_, let left, let right, _): return left.readPaths + right.readPaths
    case .call(_, let arguments): return arguments.flatMap(\.value.readPaths)
    case .conditional(let condition, let yes, let no): return condition.readPaths + yes.readPaths + no.readPaths
    case .number, .text, .bool, .name, .list, .comprehension, .range, .member, .members, .shared, .starting, .tuple:
      return []
    }
  }
}
