import GraftFormats
import GraftIR

/// What a checkpoint carries so that it explains itself: every declaration that its model uses, and the model's tree.
///
/// `specs/formats/graft-metadata.md` describes the texts.
struct SelfDescription {
  static let declarationsKey = "graft.declarations"
  static let architectureKey = "graft.architecture"

  let declarations: String
  let architecture: String

  // MARK: Writing

  init(_ module: Module, _ evaluator: Evaluator) throws(Diagnostic) {
    var files: [FileScope] = []
    var wanted: [[String]] = []  // The names in use, for each file.
    var known: Set<String> = []
    var work: [(name: String, file: FileScope)] = []
    func visit(_ module: Module) {
      if let symbol = module.symbol { work.append((symbol.name, symbol.file)) }
      for (_, part) in module.parts { visit(part) }
    }
    visit(module)
    work.reverse()
    while let (name, file) = work.popLast() {
      // The declaration that `name` means there, with whatever that names in turn.
      guard let scope = file.searchOrder.first(where: { $0.operators[name] != nil || $0.lets[name] != nil }) else {
        continue
      }
      let index = files.firstIndex { $0 === scope } ?? files.count
      if index == files.count {
        files.append(scope)
        wanted.append([])
      }
      guard known.insert("\(index) \(name)").inserted else { continue }
      wanted[index].append(name)
      let location = scope.operators[name]?.declaration.at ?? scope.lets[name]?.at
      let text = location.map { scope.text(at: $0) } ?? ""
      for word in words(in: text).sorted() where word != name { work.append((word, scope)) }
    }
    // What is seen stands behind what sees it, which sees more.
    let reach = files.map(\.searchOrder.count)
    let order = files.indices.sorted { (-reach[$0], $0) < (-reach[$1], $1) }
    files = order.map { files[$0] }
    wanted = order.map { wanted[$0] }
    var units: [JSON] = []
    for (file, names) in zip(files, wanted) {
      var pieces: [(Int, Int, String)] = []
      for name in names {
        guard let at = file.operators[name]?.declaration.at ?? file.lets[name]?.at else { continue }
        let source = file.sources.firstIndex { $0.file == at.file } ?? 0
        pieces.append((source, at.range.lowerBound, file.text(at: at)))
      }
      pieces.sort { ($0.0, $0.1) < ($1.0, $1.1) }
      let parents = file.searchOrder.dropFirst().compactMap { parent in files.firstIndex { $0 === parent } }
      units.append([
        "file": .text(file.isPrelude ? "prelude" : file.sources.first?.file.lastPathPart ?? ""),
        "prelude": .bool(file.isPrelude),
        "sees": .list(parents.map { .int($0) }),
        "text": .text(pieces.map(\.2).joined(separator: "\n\n") + "\n"),
      ])
    }
    declarations = JSON.list(units).text()
    architecture = try Self.tree(module, files, evaluator).text()
  }

  private static func tree(_ module: Module, _ files: [FileScope], _ evaluator: Evaluator) throws(Diagnostic) -> JSON {
    var members: [JSON.Member] = []
    var standard: Module?
    switch module.kind {
    case .operator(let symbol):
      members.append(JSON.Member("operator", .text(symbol.name)))
      members.append(JSON.Member("unit", .int(files.firstIndex { $0 === symbol.file } ?? 0)))
      var arguments: [JSON.Member] = []
      for argument in module.arguments {
        guard let value = argument.value.json else {
          throw Diagnostic(
            "metadata.argument",
            "'\(argument.label)' of '\(symbol.name)' is \(argument.value.kindText), which has no spelling in metadata")
        }
        arguments.append(JSON.Member(argument.label, value))
      }
      members.append(JSON.Member("arguments", .object(arguments)))
      evaluator.beginStatement()
      standard = try evaluator.instantiate(module.bareOperation)
    case .list: members.append(JSON.Member("kind", .text("list")))
    case .parallel: members.append(JSON.Member("kind", .text("parallel")))
    }
    var parts: [JSON.Member] = []
    for (name, part) in module.parts {
      // A part that its operator makes by itself needs no word.
      if let expected = standard?.part(name), expected.isSameTree(as: part) { continue }
      parts.append(JSON.Member(name, try tree(part, files, evaluator)))
    }
    if !parts.isEmpty { members.append(JSON.Member("parts", .object(parts))) }
    return .object(members)
  }

  // MARK: Reading

  /// The model that `metadata` describes, or `nil` where it describes none.
  static func module(
    from metadata: [String: String], file: String, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Module? {
    guard let declarations = metadata[declarationsKey], let architecture = metadata[architectureKey] else { return nil }
    guard case .list(let units) = try JSON(parsing: declarations, file: file), units.count <= 1000 else {
      throw malformed("its declarations are no list", file)
    }
    var diagnostics = Diagnostics()
    var scopes: [FileScope?] = [FileScope?](repeating: nil, count: units.count)
    for index in units.indices.reversed() {  // What is seen stands behind what sees it.
      guard case .text(let text)? = units[index]["text"], case .text(let name)? = units[index]["file"],
        case .list(let sees)? = units[index]["sees"]
      else { throw malformed("unit \(index) lacks its text", file) }
      var parents: [FileScope] = []
      for case .int(let parent) in sees {
        guard parent > index, parent < scopes.count, let scope = scopes[parent] else {
          throw malformed("unit \(index) sees unit \(parent)", file)
        }
        parents.append(scope)
      }
      let source = try SourceText(file: "\(file) (\(name))", bytes: Array(text.utf8))
      let tree = parse(source, into: &diagnostics)
      scopes[index] = FileScope(
        tree, sources: [source], parents: parents, isPrelude: units[index]["prelude"] == .bool(true),
        diagnostics: &diagnostics)
    }
    if let first = diagnostics.inSourceOrder.first(where: { $0.severity == .error }) { throw first }
    let module = try build(
      try JSON(parsing: architecture, file: file), scopes.compactMap(\.self), file, evaluator, depth: 0)
    return module
  }

  private static func build(
    _ tree: JSON, _ scopes: [FileScope], _ file: String, _ evaluator: Evaluator, depth: Int
  ) throws(Diagnostic) -> Module {
    guard depth < 60 else { throw malformed("its tree is more than 60 deep", file) }
    var module: Module
    if case .text(let name)? = tree["operator"] {
      guard case .int(let unit)? = tree["unit"], scopes.indices.contains(unit),
        let symbol = scopes[unit].operators[name]
      else { throw malformed("there is no operator '\(name)'", file) }
      var arguments: [String: Datum] = [:]
      if case .object(let members)? = tree["arguments"] {
        for member in members {
          guard let value = Datum(member.value) else { throw malformed("argument '\(member.name)' of '\(name)'", file) }
          arguments[member.name] = value
        }
      }
      let operation = Operation(
        target: .symbol(symbol), arguments: arguments, start: nil, at: symbol.declaration.name.at)
      module = try evaluator.instantiate(operation)
    } else {
      let scope = Scope(parent: nil, file: scopes.first ?? FileScope.empty)
      module = Module(tree["kind"] == .text("parallel") ? .parallel : .list, scope: scope)
    }
    guard case .object(let parts)? = tree["parts"] else {
      guard module.symbol != nil || module.isList else { throw malformed("a parallel level without parts", file) }
      return module
    }
    for part in parts {
      let inner = try build(part.value, scopes, file, evaluator, depth: depth + 1)
      if module.symbol == nil {
        module.parts.append((part.name, inner))
      } else if let index = module.parts.firstIndex(where: { $0.name == part.name }) {
        module.parts[index].module = inner
      } else {
        throw malformed("'\(module.operatorName)' has no part '\(part.name)'", file)
      }
    }
    let names = module.parts.map(\.name)
    switch module.kind {
    case .operator: break
    case .list:
      guard names == names.indices.map(String.init) else { throw malformed("a list is not numbered from 0", file) }
    case .parallel:
      guard names == ["branches", "merge"], module.parts[0].module.isList else {
        throw malformed("a parallel level holds 'branches' and 'merge'", file)
      }
    }
    return module
  }

  private static func malformed(_ what: String, _ file: String) -> Diagnostic {
    Diagnostic("metadata.malformed", "the metadata that describes the model is damaged: \(what)", at: Location(file))
  }
}

/// The words of graft text: letters, digits and `_`.
private func words(in text: String) -> Set<String> {
  var result: Set<String> = []
  for word in text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }) { result.insert(String(word)) }
  return result
}

extension Module {
  /// The call that makes it, its arguments all given.
  var bareOperation: Operation {
    var given: [String: Datum] = [:]
    for argument in arguments { given[argument.label] = argument.value }
    let at = symbol?.declaration.name.at ?? Location("")
    guard let symbol else {
      return Operation(target: .list(parts.map(\.module.bareOperation)), arguments: [:], start: nil, at: at)
    }
    return Operation(target: .symbol(symbol), arguments: given, start: nil, at: at)
  }

  /// Whether both are the same operators with the same arguments all the way down.
  func isSameTree(as other: Module) -> Bool {
    guard parts.count == other.parts.count, arguments.count == other.arguments.count else { return false }
    switch (kind, other.kind) {
    case (.list, .list), (.parallel, .parallel): break
    case (.operator(let a), .operator(let b)): if a != b { return false }
    default: return false
    }
    for (a, b) in zip(arguments, other.arguments) where a.label != b.label || a.value.equals(b.value) != true {
      return false
    }
    for (a, b) in zip(parts, other.parts) where a.name != b.name || !a.module.isSameTree(as: b.module) { return false }
    return true
  }
}

extension String {
  /// What stands behind the last slash.
  var lastPathPart: String { split(separator: "/").last.map(String.init) ?? self }
}
