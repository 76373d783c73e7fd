import GraftIR

/// `a.b`, `a.{b, c}` and `a[b]`, of parts, paths, lists and records.
extension Evaluator {
  func member(
    _ base: Expression, _ name: Name, whole: Expression, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    if let dotted = whole.dottedName, environment.scope.lookup(String(dotted.prefix { $0 != "." })) == nil,
      let preset = environment.scope.file.preset(dotted)
    {
      return .operation(try operation(preset, [:], at: whole.at))
    }
    let datum = try evaluate(base, environment)
    return try member(name, of: datum, environment)
  }

  func member(_ name: Name, of datum: Datum, _ environment: Environment) throws(Diagnostic) -> Datum {
    switch datum {
    case .record(let entries):
      if let value = entries[name.text] { return value }
      let label = suggestion(for: name.text, among: entries.keys.sorted()).map { "did you mean '\($0)'?" }
      throw Diagnostic("names.no-entry", "there is no entry '\(name.text)'", at: name.at, label: label)
    case .part(let module, let path):
      if let part = module.part(name.text) { return .part(part, path: join(path, name.text)) }
      if let parameter = module.parameters.first(where: { $0.name == name.text }), let frame = environment.frame {
        return frame.tracer.parameter(parameter, path: path)
      }
      throw noPart(name, of: module)
    case .module(let module):
      if let part = module.part(name.text) { return .module(part) }
      if let parameter = module.parameters.first(where: { $0.name == name.text }) {
        guard let weight = parameter.weight else { throw noPart(name, of: module) }
        return .tensor(TracedTensor(origin: .weight(weight), type: weight.type))
      }
      if let value = module.argument(name.text) { return value }
      throw noPart(name, of: module)
    case .selection(let selection):
      guard case .graft(let state) = environment.place else { break }
      return .selection(try state.member(name, of: selection))
    case .number, .bool, .text, .word, .dtype, .list, .tuple, .tensor, .distribution, .operation, .function: break
    }
    throw Diagnostic("names.no-member", "\(datum.kindText) has no part '\(name.text)'", at: name.at)
  }

  private func noPart(_ name: Name, of module: Module) -> Diagnostic {
    let names = module.parts.map(\.name) + module.parameters.map(\.name)
    let label = suggestion(for: name.text, among: names).map { "did you mean '\($0)'?" }
    return Diagnostic(
      "names.no-part", "'\(module.operatorName)' has no part '\(name.text)'", at: name.at, label: label,
      help: names.isEmpty ? nil : "its parts are \(names.joined(separator: ", "))")
  }

  func members(
    _ base: Expression, _ names: [Name], _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let datum = try evaluate(base, environment)
    guard case .selection(let selection) = datum, case .graft(let state) = environment.place else {
      throw Diagnostic("names.no-member", "\(datum.kindText) has no parts to name several of", at: base.at)
    }
    return .selection(try state.members(names, of: selection))
  }

  func index(
    _ base: Expression, _ items: [Expression.IndexItem], at: Location, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let datum = try evaluate(base, environment)
    if case .selection(let selection) = datum, case .graft(let state) = environment.place {
      return .selection(try state.index(items, of: selection, at: at, environment, self))
    }
    guard items.count == 1, case .value(let item)? = items.first else {
      throw Diagnostic("values.index", "one index is wanted here", at: at)
    }
    let key = try evaluate(item, environment)
    switch (datum, key) {
    case (.record(let entries), .text(let key)):
      if let value = entries[key] { return value }
      throw Diagnostic("names.no-entry", "there is no entry '\(key)'", at: item.at)
    case (.record(let entries), .number(let number)):
      let key = String(try whole(number, at: item.at, what: "an index"))
      if let value = entries[key] { return value }
      throw Diagnostic("names.no-entry", "there is no entry '\(key)'", at: item.at)
    case (.list(let values), .list(let keys)):
      var result: [Datum] = []
      for key in keys { result.append(try entry(of: values, key, at: item.at)) }
      return try made(result, at: item.at)
    case (.list(let values), _), (.tuple(let values), _): return try entry(of: values, key, at: item.at)
    case (.part(let module, let path), .number(let number)) where !module.parts.isEmpty:
      let position = try whole(number, at: item.at, what: "an index")
      guard let part = module.part(String(position)) else {
        throw Diagnostic(
          "paths.out-of-range", "[\(position)] is out of range: there are \(module.parts.count)", at: item.at)
      }
      return .part(part, path: join(path, String(position)))
    case (.module(let module), .number(let number)):
      let position = try whole(number, at: item.at, what: "an index")
      guard let part = module.part(String(position)) else {
        throw Diagnostic(
          "paths.out-of-range", "[\(position)] is out of range: there are \(module.parts.count)", at: item.at)
      }
      return .module(part)
    case (.tensor, _):
      throw Diagnostic(
        "values.index", "a tensor has no entries to index", at: at,
        help: "a part of it is slice(x, start, length, axis: 0) or split(x, parts, axis: 0)[k]")
    default:
      throw Diagnostic("values.index", "\(datum.kindText) has no entries to index", at: at)
    }
  }

  private func entry(of values: [Datum], _ key: Datum, at: Location) throws(Diagnostic) -> Datum {
    guard case .number(let number) = key else {
      throw Diagnostic("values.index", "an index is a whole number, and this is \(key.kindText)", at: at)
    }
    let position = try whole(number, at: at, what: "an index")
    guard values.indices.contains(position) else {
      throw Diagnostic(
        "values.index", "[\(position)] is out of range: there are \(values.count) entries", at: at)
    }
    return values[position]
  }
}
