import GraftIR

/// What a part is given where it stands: it tells operators of the same tensors apart.
extension Recognition {
  /// Entries of a list, and branches of a level, that a file may have.
  static let entryLimit = 10_000

  /// Whether `module` takes what the model gives at `path`, and gives what it needs there; also where that cannot be
  /// told.
  mutating func fits(_ module: Module, at path: [String]) -> Bool {
    // What is open makes the whole impossible to try; its parts are tried one by one.
    if module.hasOpenArguments {
      // The parts of another operator stand in places that the model does not have.
      if module.isReplacement { return true }
      for (name, part) in module.parts where !fits(part, at: path + [name]) { return false }
      return true
    }
    guard let signature = signature(at: path), module.symbol?.entry("forward") != nil else { return true }
    let tracer = Tracer(name: "forward")
    var arguments: [Tracer.Argument] = []
    for (index, input) in signature.inputs.enumerated() {
      guard case .one(let type) = input else { return true }
      let value = tracer.builder.input("x\(index)", type)
      arguments.append((nil, .tensor(TracedTensor(origin: .value(value), type: type)), Location(file)))
    }
    do throws(Diagnostic) {
      let result = try tracer.call(
        module, path: "", entry: "forward", arguments, at: Location(file), caller: nil, evaluator)
      guard case .tensor(let tensor) = result, let needed = signature.result else { return true }
      return tensor.type == needed
    } catch {
      // An input by name comes from around, which is not here.
      return error.rule == "calls.missing-input"
    }
  }

  /// The branches of the level that the file has at `path`, where the model has `expected`; `nil` where that is no
  /// level: it holds `branches` and `merge`, as `parallelize` makes them.
  func branchCount(at path: [String], of expected: Module) -> Int? {
    guard case .record(let entries) = datum(at: path), entries.count == 2, entries["merge"] != nil,
      case .record(let branches)? = entries["branches"], expected.part("branches") == nil, expected.symbol != nil,
      !branches.isEmpty, branches.count <= Self.entryLimit
    else { return nil }
    return branches.count
  }

  /// `module` with as many entries in its lists, and with the parallel levels, that the file has.
  func outline(_ module: Module, _ path: [String]) -> Module {
    guard case .record(let entries) = datum(at: path) else { return module }
    if let branchCount = branchCount(at: path, of: module) {
      let scope = Scope(parent: nil, file: names)
      var level = Module(.parallel, scope: scope)
      let modules = (0..<branchCount).map { outline(module, path + ["branches", String($0)]) }
      level.parts = [("branches", Module.list(modules, scope: scope))]
      return level
    }
    var result = module
    if path.count == 1, module.isList, let pattern = module.parts.first?.module, entries.count <= Self.entryLimit {
      result = Module.list([Module](repeating: pattern, count: entries.count), scope: module.scope)
    }
    // Levels stand in the lists of a model.
    guard path.isEmpty || (path.count == 1 && module.isList) else { return result }
    for (index, part) in result.parts.enumerated() {
      result.parts[index].module = outline(part.module, path + [part.name])
    }
    return result
  }

  /// The types at the place of `path` in the model as it is expected; all entries of a list, and all branches, get the
  /// same.
  private mutating func signature(at path: [String]) -> Tracer.Signature? {
    if signatures == nil {
      signatures = expectedModel.flatMap { try? GraftState.trace($0, evaluator, [:]).signatures } ?? [:]
    }
    guard var module = expectedModel else { return nil }
    var found: [String] = []
    var names = path[...]
    while let name = names.popFirst() {
      if name == "branches", module.part(name) == nil {
        names = names.dropFirst()
        continue
      }
      guard let entry = module.part(name).map({ (name, $0) }) ?? (module.isList ? module.parts.first : nil) else {
        // An operator that another one was given: most often it takes what that takes.
        if module.symbol != nil { break }
        return nil
      }
      found.append(entry.0)
      module = entry.1
    }
    return signatures?[found.joined(separator: ".")]
  }
}
