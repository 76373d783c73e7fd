import GraftIR

extension GraftState {
  /// The one part that `selection` names, with its weights; several are a list.
  func module(_ selection: Selection, at: Location) throws(Diagnostic) -> Module {
    var modules: [Module] = []
    for item in selection.items {
      guard let module = architecture[path: item.path] else {
        throw Diagnostic("paths.tensor", "'\(spelled(item.path))' is a tensor, and no operator", at: at)
      }
      modules.append(module)
    }
    if modules.count == 1, let module = modules.first { return module }
    return Module.list(modules, scope: Scope(parent: nil, file: FileScope.empty))
  }

  func member(_ name: Name, of selection: Selection) throws(Diagnostic) -> Selection {
    try members([name], of: selection)
  }

  /// Each of `names` below each part of `selection`; a list without brackets means all its entries.
  func members(_ names: [Name], of selection: Selection) throws(Diagnostic) -> Selection {
    var items: [Selection.Item] = []
    var endsAtList = false
    if let at = names.first?.at { try evaluator.spend(selection.items.count, at: at) }
    for item in selection.items {
      guard let module = architecture[path: item.path] else {
        throw Diagnostic("paths.tensor", "'\(spelled(item.path))' is a tensor, which has no parts", at: names.first?.at)
      }
      let owners =
        module.isList && selection.isWholeList ? module.parts.map { item.path + [$0.name] } : [item.path]
      for owner in owners {
        for name in names {
          items.append(Selection.Item(path: try child(name, of: owner), bindings: item.bindings))
          endsAtList =
            owners.count == 1 && selection.items.count == 1 && architecture[path: owner + [name.text]]?.isList == true
        }
      }
    }
    return Selection(items: items, isWholeList: endsAtList && items.count == 1)
  }

  private func child(_ name: Name, of path: [String]) throws(Diagnostic) -> [String] {
    guard let module = architecture[path: path] else { return path + [name.text] }
    if module.part(name.text) != nil || module.parameters.contains(where: { $0.name == name.text }) {
      return path + [name.text]
    }
    let names = module.parts.map(\.name) + module.parameters.map(\.name)
    var help = names.isEmpty ? nil : "its parts are \(names.joined(separator: ", "))"
    if let branches = module.part("branches"), module.isParallel {
      let indices = branches.parts.map(\.name).joined(separator: ", ")
      help = "it is a parallel level: \(spelled(path)).branches[\(indices)].\(name.text)"
    }
    let label = suggestion(for: name.text, among: names).map { "did you mean '\($0)'?" }
    throw Diagnostic(
      "names.no-part", "'\(path.isEmpty ? module.operatorName : spelled(path))' has no part '\(name.text)'",
      at: name.at, label: label, help: help)
  }

  /// The entries that `items` name in each list of `selection`.
  func index(
    _ items: [Expression.IndexItem], of selection: Selection, at: Location, _ environment: Environment,
    _ evaluator: Evaluator
  ) throws(Diagnostic) -> Selection {
    let outer = listCount
    defer { listCount = outer }
    var result: [Selection.Item] = []
    for list in selection.items {
      guard let module = architecture[path: list.path], module.isList else {
        throw Diagnostic("paths.list", "'\(spelled(list.path))' is not a list", at: at)
      }
      var indices: [(Int, [(String, Number)], Location)] = []
      // What brackets further left bound may be used here.
      let environment = list.bindings.reduce(environment) { $0.adding([$1.0: .number($1.1)]) }
      for item in items {
        listCount = module.parts.count
        switch item {
        case .value(let expression):
          let datum = try evaluator.evaluate(expression, environment)
          try evaluator.spend(datum.entries?.count ?? 1, at: expression.at)
          for entry in datum.entries ?? [datum] {
            indices.append((try position(entry, at: expression.at, evaluator), [], expression.at))
          }
        case .binding(let binding):
          let datum = try evaluator.evaluate(binding.list, environment)
          guard let entries = datum.entries else {
            throw Diagnostic("values.list", "a list is wanted here, and this is \(datum.kindText)", at: binding.list.at)
          }
          try evaluator.spend(entries.count, at: binding.list.at)
          for entry in entries {
            let index = try position(entry, at: binding.list.at, evaluator)
            if let condition = binding.condition {
              // What the brackets range over is checked before the condition looks at it.
              try check(index, of: module, list.path, at: binding.list.at)
              let inner = environment.adding([binding.name.text: .number(Number(index))])
              listCount = module.parts.count
              if !(try evaluator.isTrue(condition, inner)) { continue }
            }
            indices.append((index, [(binding.name.text, Number(index))], binding.list.at))
          }
        }
      }
      if indices.isEmpty {
        throw Diagnostic(
          "paths.nothing", "this selects nothing of the \(module.parts.count) entries of '\(spelled(list.path))'",
          at: at)
      }
      var seen: Set<Int> = []
      for (index, bindings, place) in indices {
        try check(index, of: module, list.path, at: place)
        if !seen.insert(index).inserted {
          throw Diagnostic("paths.twice", "\(spelled(list.path))[\(index)] is selected twice", at: place)
        }
        result.append(Selection.Item(path: list.path + [String(index)], bindings: list.bindings + bindings))
      }
    }
    return Selection(items: result, isWholeList: false)
  }

  private func position(_ datum: Datum, at: Location, _ evaluator: Evaluator) throws(Diagnostic) -> Int {
    guard case .number(let number) = datum else {
      throw Diagnostic("values.index", "an index is a whole number, and this is \(datum.kindText)", at: at)
    }
    return try evaluator.whole(number, at: at, what: "an index")
  }

  private func check(_ index: Int, of list: Module, _ path: [String], at: Location) throws(Diagnostic) {
    let count = list.parts.count
    if (0..<count).contains(index) { return }
    let name = "\(spelled(path))[\(index)]"
    if let change = renumbered[path] {
      // `blocks` holds each `block`.
      let list = spelled(path)
      let one = list.hasSuffix("s") ? String(list.dropLast()) : list
      throw Diagnostic(
        "paths.out-of-range",
        "\(name) is out of range: \(count) entries since line \(change.line) ('\(change.word)')", at: at,
        help: placeNow(of: name).map { "\(one) \(index) of the base is now \($0)" })
    }
    let range = count == 0 ? "" : ", 0 to \(count - 1)"
    throw Diagnostic(
      "paths.out-of-range",
      "\(name) is out of range: '\(architecture.operatorName)' has \(count) \(spelled(path))\(range)", at: at)
  }

  /// Where the part stands now that the base called `name`.
  private func placeNow(of name: String) -> String? {
    func find(_ module: Module, _ path: [String]) -> [String]? {
      if module.baseName == name { return path }
      for (part, inner) in module.parts { if let found = find(inner, path + [part]) { return found } }
      return nil
    }
    return find(architecture, []).map { spelled($0) }
  }

  /// `["blocks", "3", "attn"]` as a path is written: `blocks[3].attn`.
  func spelled(_ path: [String]) -> String { spelledPath(path) }
}

/// `["blocks", "3", "attn"]` as a path is written: `blocks[3].attn`; the model itself is `model`.
package func spelledPath(_ path: some Sequence<String>) -> String {
  var result = ""
  for name in path {
    if Int(name) != nil {
      result += "[\(name)]"
    } else {
      result += result.isEmpty ? name : "." + name
    }
  }
  return result.isEmpty ? "model" : result
}
