package import GraftIR

/// Looks through one file for names that it declares and nothing reads.
///
/// A name counts as read wherever the declaration that holds it mentions it, under whatever meaning, or anything in the
/// file says it behind a dot, so nothing that is used is told. So does what a part may take by its name from around it.
/// Inputs of entries are what callers give, and indices what brackets need, so neither has to be read. What a file
/// without grafts says at its top is for those that import it: its `let`s and imports are not told.
package struct UnusedNames {
  /// Names that are told one by one, at most.
  package static let limit = 20

  private let file: FileScope
  private let reads: Reads
  /// How many operators take an argument of a name from around them, where it is not given.
  private var takers: [String: Int] = [:]
  /// The inputs that operators take so, and those that models do; the first of an entry is given.
  private var inputs: Set<String> = []
  private var modelInputs: Set<String> = []
  private var models: Set<String> = []
  private var found: [Unused] = []

  /// What nothing reads.
  private struct Unused {
    enum Kind: String {
      case parameter, value, part, tensor
      /// The file that it names.
      case `import`
    }

    let kind: Kind
    let name: Name
    /// What callers say for the parameter.
    var label: Name?

    var warning: Diagnostic {
      let help: String
      switch kind {
      case .import:
        return Diagnostic("names.unused", "nothing reads what this file declares", at: name.at, severity: .warning)
      case .parameter, .value:
        help = "'\(label.map { $0.text + " " } ?? "")_\(name.text)' says that it is meant"
      case .part, .tensor:
        help = "where a checkpoint needs it all the same, 'let _ = \(name.text)' in an entry reads it"
      }
      return Diagnostic(
        "names.unused", "nothing reads the \(kind.rawValue) '\(name.text)'", at: name.at, help: help, severity: .warning
      )
    }
  }

  /// The warnings for `file`, of its grafts only for `grafts`, in the order of the file; what is beyond the limit is
  /// counted by one more.
  package static func warnings(in file: FileScope, grafts: [GraftDeclaration]) -> [Diagnostic] {
    var names = UnusedNames(file: file)
    for symbol in file.operatorNames.compactMap({ file.operators[$0] }) { names.check(symbol) }
    for symbol in file.presetNames.compactMap({ file.presets[$0] }) {
      names.check(symbol.declaration.parameters, Reads(symbol.declaration).names.contains)
    }
    for graft in grafts { names.check(graft) }
    for declaration in file.lets.values {
      names.check(declaration) { [file, reads = names.reads] in file.grafts.isEmpty || reads.names.contains($0) }
    }
    names.checkImports()
    return names.warnings
  }

  private init(file: FileScope) {
    self.file = file
    reads = Reads(file)
    for symbol in file.visibleOperators {
      for parameter in symbol.declaration.parameters where parameter.defaultValue == nil {
        takers[parameter.label.text, default: 0] += 1
      }
      let further = symbol.entries.flatMap { $0.inputs.dropFirst().map(\.name.text) }
      if symbol.declaration.isModel {
        models.insert(symbol.name)
        modelInputs.formUnion(further)
      } else {
        inputs.formUnion(further)
      }
    }
  }

  /// What was found, by place.
  private var warnings: [Diagnostic] {
    let sorted = found.sorted { $0.name.at.range.lowerBound < $1.name.at.range.lowerBound }
    let told = sorted.prefix(Self.limit).map(\.warning)
    guard sorted.count > Self.limit else { return told }
    let rest = counted(sorted.count - Self.limit, "further name")
    let place = sorted[Self.limit].name.at
    return told + [Diagnostic("names.unused", "nothing reads \(rest) from here on", at: place, severity: .warning)]
  }

  private mutating func check(_ name: Name, _ kind: Unused.Kind, label: Name? = nil, _ isRead: (String) -> Bool) {
    // An underscore in front says that it is meant.
    if name.text.hasPrefix("_") || isRead(name.text) || reads.members.contains(name.text) { return }
    found.append(Unused(kind: kind, name: name, label: label))
  }

  private mutating func check(_ parameters: [ParameterDeclaration], _ isRead: (String) -> Bool) {
    for parameter in parameters { check(parameter.name, .parameter, label: parameter.label, isRead) }
  }

  private mutating func check(_ declaration: LetDeclaration, _ isRead: (String) -> Bool) {
    check(declaration.name, .value, isRead)
    guard let parameters = declaration.parameters else { return }
    let reads = Reads(declaration.value).names
    for parameter in parameters { check(parameter, .parameter, reads.contains) }
  }

  private mutating func check(_ graft: GraftDeclaration) {
    let reads = Reads(graft).names
    // A part that a graft calls takes inputs from the graft's names.
    let isRead = { [inputs] name in reads.contains(name) || inputs.contains(name) }
    check(graft.parameters, isRead)
    for case .let(let declaration) in graft.statements.map(\.kind) { check(declaration, isRead) }
  }

  // MARK: Operators

  private mutating func check(_ symbol: OperatorSymbol) {
    let parameters = symbol.declaration.parameters
    let reads = Reads(symbol.declaration).names
    // A graft may put any operator into the place of a part.
    let hasParts = symbol.hasParts
    let hasModels = hasParts && reads.contains(where: models.contains)
    let own = Set(parameters.filter { $0.defaultValue == nil }.map(\.label.text))
    let isRead = { [takers, inputs, modelInputs] name in
      if reads.contains(name) { return true }
      guard hasParts else { return false }
      return takers[name, default: 0] > (own.contains(name) ? 1 : 0) || inputs.contains(name)
        || (hasModels && modelInputs.contains(name))
    }
    // Parts take an argument by its label, and `recover` gives it so.
    check(parameters.filter { !isRead($0.label.text) }, isRead)
    check(symbol.declaration.members, isRead)
  }

  private mutating func check(_ members: [Member], _ isRead: (String) -> Bool) {
    for member in members {
      switch member {
      case .let(let declaration): check(declaration, isRead)
      case .part(let name, _): check(name, .part, isRead)
      case .parameter(let tensor), .table(let tensor): check(tensor.name, .tensor, isRead)
      case .entry(let entry): check(entry.body, isRead)
      case .conditional(_, let then, let otherwise):
        check(then, isRead)
        check(otherwise, isRead)
      case .loop(_, let body): check(body, isRead)
      case .adopt, .recover, .cost: break
      }
    }
  }

  private mutating func check(_ statements: [Statement], _ isRead: (String) -> Bool) {
    for statement in statements {
      switch statement {
      case .let(let declaration): check(declaration, isRead)
      case .destructure(let names, _): for name in names { check(name, .value, isRead) }
      case .conditional(_, let then, let otherwise):
        check(then, isRead)
        check(otherwise, isRead)
      case .loop(_, let body): check(body, isRead)
      case .assign, .return: break
      }
    }
  }

  // MARK: Imports

  private mutating func checkImports() {
    // Whatever can be seen is recognised in a checkpoint.
    if file.grafts.isEmpty || file.grafts.contains(where: \.isRecognised) { return }
    let read = file.searchOrder.filter { scope in
      // Layouts are told from the names of tensors.
      !scope.isPrelude && (!scope.layouts.isEmpty || scope.declaredNames.contains(where: reads.names.contains))
    }
    let isRead = Set(read.map(ObjectIdentifier.init))
    for (scope, at) in zip(file.parents, file.importPlaces)
    where !scope.searchOrder.contains(where: { isRead.contains(ObjectIdentifier($0)) }) {
      found.append(Unused(kind: .import, name: Name("", at: at)))
    }
  }
}

extension FileScope {
  fileprivate var declaredNames: [String] { operatorNames + presetNames + Array(lets.keys) }
}

extension OperatorSymbol {
  /// Whether there is a place in it that an operator stands in.
  fileprivate var hasParts: Bool {
    func holdsParts(_ members: [Member]) -> Bool {
      members.contains { member in
        switch member {
        case .part: true
        case .conditional(_, let then, let otherwise): holdsParts(then) || holdsParts(otherwise)
        case .loop(_, let body): holdsParts(body)
        case .let, .parameter, .table, .entry, .adopt, .recover, .cost: false
        }
      }
    }
    return !operatorParameters.isEmpty || holdsParts(declaration.members)
  }
}

extension GraftDeclaration {
  /// Whether its base is `auto`.
  fileprivate var isRecognised: Bool {
    statements.contains {
      if case .base(model: nil, _) = $0.kind { return true }
      return false
    }
  }
}
