package import GraftFormats
package import GraftIR

/// One line of a plan: what a statement did to the parts that it named.
package struct PlannedEdit: Sendable {
  /// The statement's word: `replace`, `remove`, `parallelize`.
  package let word: String
  package let path: String
  /// The operator that stands there now, with its arguments.
  package let operatorText: String
  /// How many tensors start in each way, in the order of `WeightOrigin`.
  package let starts: [(origin: WeightOrigin, tensors: Int)]
  /// Of a level that was made parallel: what each branch runs, by its place in the base model.
  package var branches: [String] = []
  package let at: Location
}

extension GraftState {
  /// `replace PATH with OPERATOR`: all replacements are worked out from the model above the line, then put in.
  func replace(
    _ target: Expression, with value: Expression, line: Int, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> [PlannedEdit] {
    let selection = try selection(target, environment)
    try refuseOverlap(selection, at: target.at)
    let signatures = try trace().signatures
    var edits: [PlannedEdit] = []
    var single: [([String], Module)] = []
    var spliced: [[String]: [Int: [Module]]] = [:]
    defer {
      bindings = []
      replacedPath = nil
    }
    for item in selection.items {
      bindings = item.bindings
      replacedPath = item.path
      var names: [String: Datum] = [:]
      for (name, number) in item.bindings { names[name] = .number(number) }
      share(value, environment.adding(names))
      guard let old = architecture[path: item.path] else {
        throw Diagnostic("paths.tensor", "'\(spelled(item.path))' is a tensor; a part is replaced", at: target.at)
      }
      names["old"] = .module(old)
      let signature = signatures[item.path.joined(separator: ".")]
      let place = Place(
        path: item.path, replacing: old, inputs: signature?.inputs ?? [], result: signature?.result,
        surroundings: surroundings(of: item.path))
      do throws(Diagnostic) {
        let inner = environment.adding(names)
        let datum = try replacement(value, inner)
        let isEntry = architecture[path: item.path.dropLast()]?.isList == true
        if isEntry, let entries = entryList(datum), let index = item.path.last.flatMap({ Int($0) }) {
          var modules: [Module] = []
          for (position, entry) in entries.enumerated() {
            var place = place
            // Several that stand in one place draw from streams of their own.
            if position > 0 { place.stream += "+\(position)" }
            var module = try placed(entry, place, value.at, inner)
            module.isReplacement = true
            modules.append(module)
          }
          spliced[Array(item.path.dropLast()), default: [:]][index] = modules
        } else {
          let module = try placed(datum, place, value.at, inner)
          single.append((item.path, module))
          forgetExpectations(below: item.path)
          if let result = signatures[item.path.joined(separator: ".")]?.result {
            expectations[item.path.joined(separator: ".")] = (result, value.at)
          }
          if module.isList { renumbered[item.path] = (line, "replace") }
          edits.append(edit("replace", item.path, module, at: at))
        }
      } catch { throw error.naming(item.bindings) }
    }
    var copy = architecture
    for (path, var module) in single {
      module.isReplacement = true
      copy.update(path[...]) { $0 = module }
    }
    // The innermost lists first: what is renumbered further out must not move the paths still to come.
    for (path, entries) in spliced.sorted(by: { $1.key.lexicographicallyPrecedes($0.key) }) {
      copy.update(path[...]) { list in
        let all = list.parts.enumerated().flatMap { index, part in entries[index] ?? [part.module] }
        list = Module.list(all, scope: list.scope)
      }
      renumbered[path] = (line, "replace")
      for (index, modules) in entries.sorted(by: { $0.key < $1.key }) {
        for module in modules { edits.append(edit("replace", path + [String(index)], module, at: at)) }
      }
      forgetExpectations(below: path)
    }
    try replaceArchitecture(copy, at: at)
    return edits
  }

  private func placed(
    _ datum: Datum, _ place: Place, _ at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Module {
    switch datum {
    case .module(let module): return try module.moved()
    case .selection(let selection): return try self.module(selection, at: at)
    case .list(let entries) where entries.contains(where: { if case .operation = $0 { false } else { true } }):
      var modules: [Module] = []
      for entry in entries { modules.append(try placed(entry, place, at, environment)) }
      return Module.list(modules, scope: Scope(parent: nil, file: environment.scope.file))
    default:
      var module = try self.place(try evaluator.operation(datum, at: at, environment), at: place, environment)
      module.replacedName = place.old?.baseName ?? place.old?.replacedName
      return module
    }
  }

  /// What stands after `with`: an operator, a part of the model, or a list of these.
  private func replacement(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Datum {
    if case .name(let name) = expression.kind, environment.scope.lookup(name) == nil,
      architecture.part(name) == nil, environment.scope.file.let(name) == nil
    {
      return .operation(try evaluator.operation(expression, environment))
    }
    return try evaluator.evaluate(expression, environment)
  }

  private func entryList(_ datum: Datum) -> [Datum]? {
    switch datum {
    case .list(let entries): return entries
    case .operation(let operation):
      if case .list(let operations) = operation.target { return operations.map { .operation($0) } }
      return nil
    default: return nil
    }
  }

  /// `remove PATH`: entries of lists only; what follows them moves up.
  func remove(_ target: Expression, line: Int, at: Location, _ environment: Environment) throws(Diagnostic)
    -> [PlannedEdit]
  {
    let selection = try selection(target, environment)
    try refuseOverlap(selection, at: target.at)
    var removed: [[String]: Set<Int>] = [:]
    for item in selection.items {
      guard architecture[path: item.path.dropLast()]?.isList == true, let last = item.path.last, let index = Int(last)
      else {
        throw Diagnostic(
          "paths.no-entry", "'\(spelled(item.path))' is not an entry of a list, and only those can be removed",
          at: target.at)
      }
      removed[Array(item.path.dropLast()), default: []].insert(index)
    }
    var copy = architecture
    for (path, indices) in removed.sorted(by: { $1.key.lexicographicallyPrecedes($0.key) }) {  // Innermost first.
      copy.update(path[...]) { list in
        list = Module.list(
          list.parts.enumerated().filter { !indices.contains($0.offset) }.map(\.element.module), scope: list.scope)
      }
      renumbered[path] = (line, "remove")
      forgetExpectations(below: path)
    }
    try replaceArchitecture(copy, at: at)
    return selection.items.map {
      PlannedEdit(word: "remove", path: spelled($0.path), operatorText: "", starts: [], at: at)
    }
  }

  /// `parallelize PATH in GROUPS with MERGE`: neighbours become branches of one level, levels are numbered anew.
  func parallelize(
    _ target: Expression, _ grouping: GraftStatement.Grouping, with merge: Expression, line: Int, at: Location,
    _ environment: Environment
  ) throws(Diagnostic) -> [PlannedEdit] {
    let selection = try selection(target, environment)
    var path = selection.items.first?.path ?? []
    var selected: [Int] = []
    if selection.items.count == 1, let list = architecture[path: path], list.isList {
      selected = Array(list.parts.indices)
    } else {
      path = Array(path.dropLast())
      for item in selection.items {
        guard Array(item.path.dropLast()) == path, let index = item.path.last.flatMap(Int.init) else {
          throw Diagnostic("paths.list", "'parallelize' takes entries of one list", at: target.at)
        }
        selected.append(index)
      }
    }
    guard let list = architecture[path: path], list.isList, !selected.isEmpty else {
      throw Diagnostic("paths.list", "'parallelize' takes entries of a list", at: target.at)
    }
    selected.sort()
    let groups = try groups(grouping, selected, of: list, path, at: target.at, environment)
    let signatures = try trace().signatures
    var entries: [Module] = []
    var edits: [PlannedEdit] = []
    var position = 0
    let starts = Dictionary(groups.map { ($0[0], $0) }, uniquingKeysWith: { first, _ in first })
    while position < list.parts.count {
      guard let group = starts[position] else {
        entries.append(list.parts[position].module)
        position += 1
        continue
      }
      let level = path + [String(entries.count)]
      let firstPath = (path + [String(group[0])]).joined(separator: ".")
      guard let result = signatures[firstPath]?.result else {
        throw Diagnostic("paths.not-called", "'\(spelledPath(path + [String(group[0])]))' is never run", at: target.at)
      }
      let operation = try evaluator.operation(merge, environment)
      let mergeModule = try place(
        operation,
        at: Place(
          path: level + ["merge"], replacing: nil,
          inputs: [.many([TensorType](repeating: result, count: group.count)), .one(result)], result: result,
          surroundings: [list.parts[group[0]].module] + surroundings(of: level)), environment)
      var parallel = Module(.parallel, scope: Scope(parent: nil, file: environment.scope.file))
      parallel.parts = [
        ("branches", Module.list(group.map { list.parts[$0].module }, scope: parallel.scope)), ("merge", mergeModule),
      ]
      entries.append(parallel)
      var made = edit("parallelize", level + ["merge"], mergeModule, at: at)
      made.branches = group.map { list.parts[$0].module.nameInBase }
      edits.append(made)
      position += group.count
    }
    var copy = architecture
    copy.update(path[...]) { $0 = Module.list(entries, scope: $0.scope) }
    renumbered[path] = (line, "parallelize")
    forgetExpectations(below: path)
    try replaceArchitecture(copy, at: at)
    return edits
  }

  private func groups(
    _ grouping: GraftStatement.Grouping, _ selected: [Int], of list: Module, _ path: [String], at: Location,
    _ environment: Environment
  ) throws(Diagnostic) -> [[Int]] {
    var groups: [[Int]] = []
    switch grouping {
    case .pairs: groups = try evenGroups(of: 2, selected, at: at)
    case .groups(let expression):
      let size = try evaluator.whole(expression, environment, what: "the size of a group")
      guard size >= 2 else {
        throw Diagnostic("parallel.size", "a group of \(size), where at least 2 run side by side", at: expression.at)
      }
      groups = try evenGroups(of: size, selected, at: at)
    case .lists(let expression):
      let datum = try evaluator.evaluate(expression, environment)
      for entry in datum.entries ?? [] {
        var group: [Int] = []
        for index in entry.entries ?? [] {
          guard case .number(let number) = index else {
            throw Diagnostic(
              "values.index", "an index is a whole number, and this is \(index.kindText)", at: expression.at)
          }
          group.append(try evaluator.whole(number, at: expression.at, what: "an index"))
        }
        groups.append(group)
      }
      guard !groups.isEmpty, groups.allSatisfy({ $0.count >= 2 }) else {
        throw Diagnostic("parallel.size", "groups are lists of at least two indices", at: expression.at)
      }
      let flat = groups.flatMap(\.self)
      let chosen = Set(selected)
      if let wrong = flat.first(where: { !chosen.contains($0) }) {
        throw Diagnostic("paths.out-of-range", "\(spelled(path))[\(wrong)] is not selected", at: expression.at)
      }
      if Set(flat).count != flat.count {
        throw Diagnostic("paths.twice", "an index stands in the groups twice", at: expression.at)
      }
    }
    for group in groups {
      for (a, b) in zip(group, group.dropFirst()) where b != a + 1 {
        throw Diagnostic(
          "parallel.neighbours", "\(spelled(path))[\(a)] and [\(b)] are not neighbours", at: at,
          help: "what runs side by side must follow each other")
      }
    }
    return groups
  }

  private func evenGroups(of size: Int, _ selected: [Int], at: Location) throws(Diagnostic) -> [[Int]] {
    guard selected.count % size == 0 else {
      throw Diagnostic("parallel.even", "\(selected.count) entries do not come out even in groups of \(size)", at: at)
    }
    return stride(from: 0, to: selected.count, by: size).map { Array(selected[$0..<($0 + size)]) }
  }

  // MARK: Helpers

  func selection(_ expression: Expression, _ environment: Environment) throws(Diagnostic) -> Selection {
    let datum = try evaluator.evaluate(expression, environment)
    guard case .selection(let selection) = datum else {
      throw Diagnostic("paths.path", "a path is wanted here, and this is \(datum.kindText)", at: expression.at)
    }
    return selection
  }

  private func refuseOverlap(_ selection: Selection, at: Location) throws(Diagnostic) {
    let paths = selection.items.map(\.path).sorted { $0.lexicographicallyPrecedes($1) }
    for (a, b) in zip(paths, paths.dropFirst()) where b.starts(with: a) {
      throw Diagnostic("paths.twice", "'\(spelled(b))' is named twice", at: at)
    }
  }

  /// The operators around the place at `path`, innermost first.
  func surroundings(of path: [String]) -> [Module] {
    path.indices.reversed().compactMap { architecture[path: path[..<$0]] }
  }

  private func forgetExpectations(below path: [String]) {
    if path.isEmpty {
      expectations = [:]
      return
    }
    let prefix = path.joined(separator: ".")
    expectations = expectations.filter { !$0.key.hasPrefix(prefix + ".") }
  }

  private func edit(_ word: String, _ path: [String], _ module: Module, at: Location) -> PlannedEdit {
    var counts: [WeightOrigin: Int] = [:]
    module.forEachParameter { _, parameter in counts[parameter.origin, default: 0] += 1 }
    let starts = WeightOrigin.allCases.compactMap { origin in counts[origin].map { (origin, $0) } }
    return PlannedEdit(word: word, path: spelled(path), operatorText: module.callText, starts: starts, at: at)
  }
}

extension Diagnostic {
  /// The same failure; that of a value says at which index it came up.
  fileprivate func naming(_ bindings: [(String, Number)]) -> Diagnostic {
    guard rule.hasPrefix("values."), !bindings.isEmpty else { return self }
    let place = bindings.map { "\($0.0) = \($0.1)" }.joined(separator: ", ")
    return Diagnostic(
      rule, "\(message) at \(place)", at: location, label: label, help: help, severity: severity, category: category)
  }
}

extension Module {
  /// The same part in another place: its weights come from there.
  func moved() throws(Diagnostic) -> Module {
    var copy = self
    copy.isNamedShared = false
    try copy.mapParameters { _, parameter throws(Diagnostic) in
      if parameter.origin == .kept { parameter.origin = .adopted }
    }
    return copy
  }

  /// What stood in the base model: `blocks[3]`, of a parallel level the branches side by side, of anything new its
  /// call.
  fileprivate var nameInBase: String {
    if let baseName { return baseName }
    guard isParallel, let branches = part("branches") else { return callText }
    return "(" + branches.parts.map(\.module.nameInBase).joined(separator: " | ") + ")"
  }

  /// The call that makes it, every argument said: `mha(width: 1152, heads: 16)`.
  package var callText: String {
    switch kind {
    case .list: return "[" + parts.map(\.module.callText).joined(separator: ", ") + "]"
    case .parallel: return "parallel"
    case .operator(let symbol):
      let given = symbol.declaration.parameters.compactMap { parameter -> String? in
        let label = parameter.label.text
        if parameter.operatorType != nil { return part(parameter.name.text).map { "\(label): \($0.callText)" } }
        return arguments.first { $0.label == label }.map { "\(label): \($0.value.summary)" }
      }
      return symbol.name + "(" + given.joined(separator: ", ") + ")"
    }
  }
}
