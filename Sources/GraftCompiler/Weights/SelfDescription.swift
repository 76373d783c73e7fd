import GraftFormats
package import GraftIR

/// What a checkpoint carries so that it explains itself: every declaration that its model uses, and the model's tree.
///
/// `specs/formats/graft-metadata.md` describes the texts.
package struct SelfDescription {
  package static let declarationsKey = "graft.declarations"
  package static let architectureKey = "graft.architecture"
  static let layoutKey = "graft.layout"
  /// The name of the layout in which tensors are called as the model calls them.
  package static let ownLayout = "model"
  /// The tree of the model that the grafted one was made from.
  package static let baseArchitectureKey = "graft.base-architecture"

  package let declarations: String
  package let architecture: String
  /// `nil` where no base is told.
  package let baseArchitecture: String?

  // MARK: Writing

  /// Describes `module`, the model `base` that it was made from with the same declarations, and the layout of its
  /// tensors.
  package init(
    _ module: Module, base: Module? = nil, layout: LayoutSymbol? = nil, _ evaluator: Evaluator
  ) throws(Diagnostic) {
    var files: [FileScope] = []
    var wanted: [[String]] = []  // The names in use, for each file.
    var known: Set<String> = []
    var work: [(name: String, file: FileScope)] = []
    func visit(_ module: Module) {
      if let symbol = module.symbol { work.append((symbol.name, symbol.file)) }
      for (_, part) in module.parts { visit(part) }
    }
    visit(module)
    if let base { visit(base) }
    if let layout {
      files.append(layout.file)
      wanted.append([])
      for word in words(in: layout.file.text(at: layout.declaration.at)).sorted() { work.append((word, layout.file)) }
    }
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
      var places = names.compactMap { file.operators[$0]?.declaration.at ?? file.lets[$0]?.at }
      if let layout, layout.file === file { places.append(layout.declaration.at) }
      for at in places {
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
    architecture = try Self.text(module, files, evaluator)
    baseArchitecture = try base.map { base throws(Diagnostic) in try Self.text(base, files, evaluator) }
  }

  /// The tree of a model, and which of its tensors are one.
  private static func text(_ module: Module, _ files: [FileScope], _ evaluator: Evaluator) throws(Diagnostic) -> String
  {
    guard case .object(var members) = try tree(module, files, evaluator) else { return "" }
    let shared = module.sharedPlaces
    if !shared.isEmpty {
      members.append(JSON.Member("shared", .list(shared.map { places in .list(places.map { .text($0) }) })))
    }
    return JSON.object(members).text()
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
      if !module.letters.isEmpty {
        members.append(JSON.Member("letters", .object(module.letters.map { JSON.Member($0.name, .int($0.size)) })))
      }
      evaluator.beginStatement()
      // Where a part asks what stands around its operator, the operator does not make it by itself.
      standard = try? evaluator.instantiate(module.bareOperation)
    case .list: members.append(JSON.Member("kind", .text("list")))
    case .parallel: members.append(JSON.Member("kind", .text("parallel")))
    }
    var parts: [JSON.Member] = []
    let given = module.symbol?.operatorParameters.map(\.name.text) ?? []
    for (name, part) in module.parts {
      // A part that its operator makes by itself needs no word.
      if !given.contains(name), let expected = standard?.part(name), expected.isSameTree(as: part) { continue }
      parts.append(JSON.Member(name, try tree(part, files, evaluator)))
    }
    if !parts.isEmpty { members.append(JSON.Member("parts", .object(parts))) }
    return .object(members)
  }

  // MARK: Reading

  /// The model that `metadata` describes under `key`, or `nil` where it describes none.
  package static func module(
    from metadata: [String: String], key: String = architectureKey, file: String, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Module? {
    guard let declarations = metadata[declarationsKey], let architecture = metadata[key] else { return nil }
    let scopes = try scopes(declarations, file)
    let tree = try JSON(parsing: architecture, file: file)
    var module = try build(tree, scopes, file, evaluator, depth: 0)
    if let groups = tree["shared"] { try share(groups, in: &module, file) }
    guard module.symbol?.entry("forward") != nil else { throw malformed("its architecture is no model", file) }
    return module
  }

  /// The layout of `model` that `metadata` describes and names, or `nil` where tensors are called as the model calls
  /// them.
  static func layout(
    from metadata: [String: String], of model: String, file: String
  ) throws(Diagnostic) -> LayoutSymbol? {
    guard let declarations = metadata[declarationsKey], let name = metadata[layoutKey], name != ownLayout else {
      return nil
    }
    for scope in try scopes(declarations, file) {
      if let layout = scope.layouts.first(where: { $0.name == name && $0.modelName == model }) { return layout }
    }
    throw malformed("there is no layout '\(name.prefix(100))' of '\(model)'", file)
  }

  /// The files of a description, in its order.
  private static func scopes(_ declarations: String, _ file: String) throws(Diagnostic) -> [FileScope] {
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
    return scopes.compactMap(\.self)
  }

  /// Makes the tensors of each group one.
  private static func share(_ groups: JSON, in module: inout Module, _ file: String) throws(Diagnostic) {
    var tokens: [String: SharedTensor] = [:]
    guard case .list(let groups) = groups else { throw malformed("'shared' is no list", file) }
    for group in groups {
      guard case .list(let places) = group else { throw malformed("'shared' holds what is no list", file) }
      let token = SharedTensor()
      for place in places {
        guard case .text(let name) = place, tokens.updateValue(token, forKey: name) == nil else {
          throw malformed("'shared' names a tensor twice, or none", file)
        }
      }
    }
    var shapes: [ObjectIdentifier: Shape] = [:]
    try module.mapPlaces { name, parameter throws(Diagnostic) in
      guard let token = tokens.removeValue(forKey: name) else { return }
      let known = shapes.updateValue(parameter.shape, forKey: ObjectIdentifier(token))
      if let known, known != parameter.shape {
        throw malformed("'\(name)' is \(parameter.shape), and what it shares is \(known)", file)
      }
      parameter.share = token
    }
    if let name = tokens.keys.min() { throw malformed("there is no tensor '\(name)' to share", file) }
  }

  private static func build(
    _ tree: JSON, _ scopes: [FileScope], _ file: String, _ evaluator: Evaluator, depth: Int
  ) throws(Diagnostic) -> Module {
    guard depth < 60 else { throw malformed("its tree is more than 60 deep", file) }
    var module: Module
    var given: [(name: String, module: Module)] = []
    if case .object(let parts)? = tree["parts"] {
      for part in parts {
        var inner = try build(part.value, scopes, file, evaluator, depth: depth + 1)
        inner.isReplacement = true  // What is listed differs from what the operator makes by itself.
        given.append((part.name, inner))
      }
    }
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
      var operation = Operation(target: .symbol(symbol), arguments: arguments, at: symbol.declaration.name.at)
      operation.parts = Dictionary(given.map { ($0.name, $0.module) }, uniquingKeysWith: { first, _ in first })
      if case .object(let members)? = tree["letters"] {
        for member in members {
          guard case .int(let size) = member.value else {
            throw malformed("letter '\(member.name)' of '\(name)'", file)
          }
          operation.letters[member.name] = size
        }
      }
      module = try evaluator.instantiate(operation)
      for (part, _) in given where module.part(part) == nil {
        throw malformed("'\(name)' has no part '\(part)'", file)
      }
    } else {
      let scope = Scope(parent: nil, file: scopes.first ?? FileScope.empty)
      module = Module(tree["kind"] == .text("parallel") ? .parallel : .list, scope: scope)
    }
    if module.symbol == nil { module.parts = given }
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
      return Operation(target: .list(parts.map(\.module.bareOperation)), at: at)
    }
    var operation = Operation(target: .symbol(symbol), arguments: given, at: at)
    for parameter in symbol.operatorParameters { operation.parts[parameter.name.text] = part(parameter.name.text) }
    for letter in letters { operation.letters[letter.name] = letter.size }
    return operation
  }

  /// Whether both are the same operators with the same arguments all the way down.
  package func isSameTree(as other: Module) -> Bool {
    guard parts.count == other.parts.count, arguments.count == other.arguments.count else { return false }
    switch (kind, other.kind) {
    case (.list, .list), (.parallel, .parallel): break
    case (.operator(let a), .operator(let b)): if a != b { return false }
    default: return false
    }
    guard letters.map(\.name) == other.letters.map(\.name), letters.map(\.size) == other.letters.map(\.size) else {
      return false
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
