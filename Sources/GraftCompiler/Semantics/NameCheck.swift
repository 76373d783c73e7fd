import GraftIR

/// Looks for names in an operator's body that can mean nothing, so that what nobody uses is checked too.
///
/// Shapes and values are known where an operator is used only; which names there are is known from its text. What may
/// be one of several things is left to the place of use, so nothing that could be right is told.
struct NameCheck {
  /// Where an expression stands, which decides what a call in it means.
  enum Place {
    /// Arguments, sizes and first values: operators are named.
    case body
    /// An entry: parts and functions are called.
    case entry
    /// `recover`: tensors of a checkpoint are named like the parts, metadata and presets by functions of their own.
    case recover
  }

  /// Mistakes of one operator that are told, at most.
  private static let limit = 100

  let file: FileScope
  let symbol: OperatorSymbol?
  private(set) var found: [Diagnostic] = []
  /// Names of the body, and of the statements and brackets around, as often as they are declared.
  var names: [String: Int] = [:]
  /// The names of `names` that statements of the entry at hand declare.
  private var ofEntry: [String] = []
  /// What parts are made from, where their text says so plainly.
  var parts: [String: OperatorSymbol] = [:]

  /// What is wrong with the names of `symbol`.
  static func mistakes(of symbol: OperatorSymbol) -> [Diagnostic] {
    var check = NameCheck(file: symbol.file, symbol: symbol)
    check.declare(symbol.declaration.parameters)
    check.declare(symbol.declaration.members, isCertain: true)
    for parameter in symbol.declaration.parameters {
      if let value = parameter.defaultValue { check.visit(value, .body) }
    }
    check.visit(symbol.declaration.members)
    return check.found
  }

  /// What is wrong with the names of `preset`.
  static func mistakes(of preset: PresetSymbol) -> [Diagnostic] {
    var check = NameCheck(file: preset.file, symbol: nil)
    check.declare(preset.declaration.parameters)
    for parameter in preset.declaration.parameters {
      if let value = parameter.defaultValue { check.visit(value, .body) }
    }
    check.visit(preset.declaration.value, .body)
    return check.found
  }

  private init(file: FileScope, symbol: OperatorSymbol?) {
    self.file = file
    self.symbol = symbol
  }

  mutating func report(
    _ rule: String, _ message: String, at: Location, label: String? = nil, help: String? = nil
  ) {
    if found.count < Self.limit { found.append(Diagnostic(rule, message, at: at, label: label, help: help)) }
  }

  func hint(_ name: String, _ names: @autoclosure () -> [String]) -> String? {
    // A search through many names is worth it for the first mistakes only.
    found.count < 20 ? suggestion(for: name, among: names()).map { "did you mean '\($0)'?" } : nil
  }

  // MARK: What there is

  mutating func declare(_ name: String) { names[name, default: 0] += 1 }

  mutating func declareInEntry(_ name: Name) {
    declare(name.text)
    ofEntry.append(name.text)
  }

  mutating func forget(_ name: String) { names[name, default: 1] -= 1 }

  func isDeclared(_ name: String) -> Bool { names[name, default: 0] > 0 }

  var visibleNames: [String] {
    names.filter { $0.value > 0 }.keys.sorted() + file.searchOrder.flatMap { $0.lets.keys.sorted() }
  }

  var visibleOperators: [String] {
    file.visibleOperators.map(\.name) + file.visiblePresets.map(\.name)
  }

  mutating func declare(_ parameters: [ParameterDeclaration]) {
    for parameter in parameters {
      declare(parameter.name.text)
      switch parameter.type {
      case .words(let words)?: for word in words { declare(word.text) }
      case .operator(let inputs, let results)?: for name in (inputs + results).names { declare(name) }
      case .int?, .float?, .bool?, .text?, .dtype?, .list?, nil: break
      }
    }
  }

  mutating func declare(_ members: [Member], isCertain: Bool) {
    for member in members {
      switch member {
      case .let(let declaration): declare(declaration.name.text)
      case .part(let name, let value):
        parts[name.text] = isCertain && !isDeclared(name.text) ? calledOperator(value) : nil
        declare(name.text)
      case .parameter(let declaration), .table(let declaration): declare(declaration.name.text)
      case .conditional(_, let then, let otherwise):
        declare(then, isCertain: false)
        declare(otherwise, isCertain: false)
      case .loop(let binding, let body):
        declare(binding.name.text)
        declare(body, isCertain: false)
      case .entry, .adopt, .recover, .cost: break
      }
    }
  }

  /// The operator that a plain call names.
  func calledOperator(_ value: Expression) -> OperatorSymbol? {
    switch value.kind {
    case .starting(let inner, _): return calledOperator(inner)
    case .call(let callee, _):
      guard let name = callee.dottedName, !isDeclared(name) else { return nil }
      return file.operator(name)
    default: return nil
    }
  }

  // MARK: Members

  mutating func visit(_ members: [Member]) {
    for member in members {
      switch member {
      case .let(let declaration): visit(declaration, .body)
      case .part(_, let value): visit(value, .body)
      case .parameter(let tensor), .table(let tensor):
        visit([tensor.shape])
        if let initial = tensor.initial { visit(initial, .body) }
      case .entry(let entry): visit(entry)
      case .recover(let name, let value):
        let labels = symbol?.declaration.parameters.map(\.label.text) ?? []
        if !labels.contains(name.text) {
          report(
            "calls.label", "'\(symbol?.name ?? "")' has no parameter '\(name.text)'", at: name.at,
            label: hint(name.text, labels))
        }
        for label in labels { declare(label) }
        visit(value, .recover)
        for label in labels { forget(label) }
      case .adopt(let adopt): visit(adopt)
      case .cost(let entries, _):
        for (_, value) in entries {
          let letters = value.letters
          for letter in letters { declare(letter) }
          visit(value, .body)
          for letter in letters { forget(letter) }
        }
      case .conditional(let condition, let then, let otherwise):
        visit(condition, .body)
        visit(then)
        visit(otherwise)
      case .loop(let binding, let body):
        visit(binding.list, .body)
        if let condition = binding.condition { visit(condition, .body) }
        visit(body)
      }
    }
  }

  mutating func visit(_ patterns: [TensorPattern]) {
    for pattern in patterns {
      for case .size(let size) in pattern.items { visit(size, .body) }
      if let count = pattern.count { visit(count, .body) }
    }
  }

  mutating func visit(_ adopt: Adopt) {
    let old = file.operator(adopt.operatorName.text)
    if old == nil {
      report(
        "names.unknown-operator", "'\(adopt.operatorName.text)' is not an operator", at: adopt.operatorName.at,
        label: hint(adopt.operatorName.text, file.visibleOperators.map(\.name)))
    }
    let hidden = parts[adopt.name.text]
    parts[adopt.name.text] = old
    declare(adopt.name.text)
    visit(adopt.assignments, of: symbol)
    forget(adopt.name.text)
    parts[adopt.name.text] = hidden
  }

  /// Assignments to parts of `target`, where it is known.
  mutating func visit(_ assignments: [Assignment], of target: OperatorSymbol?) {
    for assignment in assignments {
      if let target, let first = assignment.target.leadingNames.first, !target.declaredNames.contains(first) {
        report(
          "names.no-part", "'\(target.name)' has no part '\(first)'", at: assignment.target.at,
          label: hint(first, target.declaredNames.sorted()))
      }
      visit(assignment.value, .body)
    }
  }

  // MARK: Entries

  mutating func visit(_ entry: Entry) {
    let patterns = entry.inputs.map(\.pattern) + entry.results
    let declared = patterns.letters + entry.inputs.map(\.name.text)
    for name in declared { declare(name) }
    visit(patterns)
    visit(entry.body)
    for name in declared + ofEntry { forget(name) }
    ofEntry = []
  }

  mutating func visit(_ statements: [Statement]) {
    for statement in statements {
      switch statement {
      case .let(let declaration):
        visit(declaration, .entry)
        declareInEntry(declaration.name)
      case .destructure(let names, let value):
        visit(value, .entry)
        for name in names { declareInEntry(name) }
      case .assign(let name, let value):
        if !isDeclared(name.text) {
          unknown(name.text, at: name.at)
          declareInEntry(name)  // Told once.
        }
        visit(value, .entry)
      case .return(let value): visit(value, .entry)
      case .conditional(let condition, let then, let otherwise):
        visit(condition, .entry)
        visit(then)
        visit(otherwise)
      case .loop(let binding, let body):
        visit(binding.list, .entry)
        declareInEntry(binding.name)
        if let condition = binding.condition { visit(condition, .entry) }
        // What a round declares, the next one sees.
        for name in body.declaredNames { declareInEntry(name) }
        visit(body)
      }
    }
  }

  mutating func visit(_ declaration: LetDeclaration, _ place: Place) {
    for parameter in declaration.parameters ?? [] { declare(parameter.text) }
    visit(declaration.value, place)
    for parameter in declaration.parameters ?? [] { forget(parameter.text) }
  }
}

extension Expression {
  /// The capital letters that stand as names in a size: what a shape may settle.
  fileprivate var letters: [String] { names.filter { $0.first?.isUppercase == true } }

  /// The names in a size.
  fileprivate var names: [String] {
    switch kind {
    case .name(let name): return [name]
    case .unary(_, let operand): return operand.names
    case .binary(_, let left, let right, _): return left.names + right.names
    case .conditional(let condition, let yes, let no): return condition.names + yes.names + no.names
    case .call(_, let arguments): return arguments.flatMap(\.value.names)
    case .list(let items), .tuple(let items): return items.flatMap(\.names)
    case .index(let base, _): return base.names
    case .number, .text, .bool, .comprehension, .range, .member, .members, .shared, .starting: return []
    }
  }

  /// `a`, `b` of `a.b[1]`: the names that it begins with.
  fileprivate var leadingNames: [String] {
    switch kind {
    case .name(let name): return [name]
    case .member(let base, let name): return base.leadingNames + [name.text]
    case .index(let base, _): return base.leadingNames
    default: return []
    }
  }
}

extension [TensorPattern] {
  /// The capital letters that they name.
  fileprivate var letters: [String] { names.filter { $0.first?.isUppercase == true } }

  /// The names in their sizes.
  fileprivate var names: [String] {
    flatMap { pattern in
      var result = pattern.count?.names ?? []
      for case .size(let size) in pattern.items { result += size.names }
      return result
    }
  }
}

extension [Statement] {
  /// What the statements declare, those inside conditions and loops included.
  fileprivate var declaredNames: [Name] {
    var names: [Name] = []
    for statement in self {
      switch statement {
      case .let(let declaration): names.append(declaration.name)
      case .destructure(let several, _): names += several
      case .conditional(_, let then, let otherwise): names += then.declaredNames + otherwise.declaredNames
      case .loop(let binding, let body): names += [binding.name] + body.declaredNames
      case .assign, .return: break
      }
    }
    return names
  }
}
