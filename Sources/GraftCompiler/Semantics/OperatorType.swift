import GraftIR

/// The type of a parameter that is an operator: the shapes that its `forward` takes and gives.
///
///     inner: [..., n] -> [..., m]
///
/// A small letter in it that nothing declares stands for the size that the operator given has there, or else the place.
/// Capital letters are bound call by call, as in every entry.
struct OperatorType {
  let inputs: [TensorPattern]
  let results: [TensorPattern]

  /// The names that stand alone as a size, or times a number, in order.
  var letters: [String] {
    var result: [String] = []
    for pattern in inputs + results {
      for case .size(let size) in pattern.items {
        if let letter = size.letter, !result.contains(letter.name) { result.append(letter.name) }
      }
    }
    return result
  }
}

extension ParameterDeclaration {
  /// What the operator takes and gives, where the parameter is one.
  var operatorType: OperatorType? {
    guard case .operator(let inputs, let results)? = type else { return nil }
    return OperatorType(inputs: inputs, results: results)
  }
}

extension OperatorSymbol {
  /// The parameters that are operators: each is a part of that name.
  var operatorParameters: [ParameterDeclaration] { declaration.parameters.filter { $0.operatorType != nil } }
}

extension Expression {
  /// A name, alone or times a whole number of at least 1.
  var letter: (name: String, factor: Int)? {
    switch kind {
    case .name(let name): return (name, 1)
    case .binary(.multiply, let a, let b, _):
      for (number, name) in [(a, b), (b, a)] {
        if case .number(let literal) = number.kind, let factor = Number(literal: literal)?.whole, factor > 0,
          case .name(let name) = name.kind
        {
          return (name, factor)
        }
      }
      return nil
    default: return nil
    }
  }
}

extension TensorPattern {
  /// Whether both are written alike.
  func isSpelled(like other: TensorPattern) -> Bool {
    guard items.count == other.items.count, dtype?.text == other.dtype?.text, (count == nil) == (other.count == nil)
    else { return false }
    if let count, let otherCount = other.count, text(of: count) != text(of: otherCount) { return false }
    return zip(items, other.items).allSatisfy { pair in
      switch pair {
      case (.ellipsis, .ellipsis): true
      case (.size(let a), .size(let b)): text(of: a) == text(of: b)
      case (.ellipsis, .size), (.size, .ellipsis): false
      }
    }
  }
}

/// What a declaration says of one tensor: the sizes that it settles, `nil` where it leaves them to the call.
private struct DeclaredTensor {
  let pattern: TensorPattern
  /// The scope that the pattern's names are read in.
  let scope: Scope
  let sizes: [Int?]
  let isOpen: Bool

  init(_ pattern: TensorPattern, _ scope: Scope, _ evaluator: Evaluator) {
    self.pattern = pattern
    self.scope = scope
    var sizes: [Int?] = []
    var isOpen = false
    for item in pattern.items {
      switch item {
      case .ellipsis: isOpen = true
      case .size(let size):
        // A letter that the call binds is no name yet, so the formula is not known.
        let number = try? evaluator.number(size, Environment(scope: scope, place: .compileTime))
        sizes.append(number?.whole)
      }
    }
    self.sizes = sizes
    self.isOpen = isOpen
  }

  /// The shape with its known sizes: `[B, N, 8]`.
  var text: String {
    var items: [String] = []
    var known = sizes[...]
    for item in pattern.items {
      switch item {
      case .ellipsis: items.append("...")
      case .size(let size):
        let number = known.popFirst() ?? nil
        items.append(number.map(String.init) ?? GraftCompiler.text(of: size))
      }
    }
    return "[" + items.joined(separator: ", ") + "]"
  }
}

extension Evaluator {
  /// The letters of `type` that the declaration of `given` settles, on top of `known`.
  ///
  /// - Parameter scope: what the operator that has the parameter knows so far.
  /// - Throws: `shapes.mismatch` where `given` cannot be of that type, with the shapes of both.
  func letters(
    of type: OperatorType, _ label: String, given: Module, known: [String: Int], _ scope: Scope, at: Location
  ) throws(Diagnostic) -> [String: Int] {
    guard let declared = declaration(of: given) else {
      if given.isList && given.parts.isEmpty { return known }
      throw Diagnostic("operators.no-entry", "'\(given.operatorName)', given as '\(label)', has no 'forward'", at: at)
    }
    var letters = known
    let pairs = Array(zip(type.inputs, declared.inputs)) + Array(zip(type.results, declared.results))
    var fits = type.results.count == declared.results.count
    for (pattern, tensor) in pairs where fits { fits = learn(pattern, tensor, &letters, scope) }
    if fits { return letters }
    let inner = scope.adding(letters.mapValues { .number(Number($0)) })
    func shapes(_ tensors: [DeclaredTensor]) -> String { tensors.map(\.text).joined(separator: ", ") }
    func wanted(_ patterns: [TensorPattern]) -> String { shapes(patterns.map { DeclaredTensor($0, inner, self) }) }
    throw Diagnostic(
      "shapes.mismatch",
      "'\(label)' is \(wanted(type.inputs)) -> \(wanted(type.results)), and '\(given.operatorName)' is \(shapes(declared.inputs)) -> \(shapes(declared.results))",
      at: at)
  }

  /// What `module` takes and gives as its declarations say; of a list, what its first and last members do that say more
  /// than that any shape passes.
  private func declaration(of module: Module) -> (inputs: [DeclaredTensor], results: [DeclaredTensor])? {
    switch module.kind {
    case .operator(let symbol):
      guard let entry = symbol.entry("forward") else { return nil }
      return (
        entry.inputs.map { DeclaredTensor($0.pattern, module.scope, self) },
        entry.results.map { DeclaredTensor($0, module.scope, self) }
      )
    case .list:
      let members = module.parts.compactMap { declaration(of: $0.module) }
      func saysMore(_ tensor: DeclaredTensor?) -> Bool { tensor.map { !$0.isOpen || !$0.sizes.isEmpty } ?? true }
      guard let first = members.first, let last = members.last else { return nil }
      return (
        (members.first { saysMore($0.inputs.first) || saysMore($0.results.first) } ?? first).inputs,
        (members.last { saysMore($0.inputs.first) || saysMore($0.results.first) } ?? last).results
      )
    case .parallel:
      guard let branch = module.part("branches")?.part("0").flatMap({ declaration(of: $0) }),
        let merge = module.part("merge").flatMap({ declaration(of: $0) })
      else { return nil }
      return (branch.inputs, merge.results)
    }
  }

  /// Whether a tensor of `pattern` can be `tensor`; learns the letters that `pattern` leaves open.
  private func learn(
    _ pattern: TensorPattern, _ tensor: DeclaredTensor, _ letters: inout [String: Int], _ scope: Scope
  ) -> Bool {
    guard (pattern.count == nil) == (tensor.pattern.count == nil), pattern.dtype?.text == tensor.pattern.dtype?.text
    else { return false }
    var items = pattern.items
    var isOpen = false
    if case .ellipsis? = items.first {
      items.removeFirst()
      isOpen = true
    }
    if !tensor.isOpen && (isOpen ? tensor.sizes.count < items.count : tensor.sizes.count != items.count) {
      return false
    }
    if !isOpen && tensor.sizes.count > items.count { return false }
    for (item, found) in zip(items.reversed(), tensor.sizes.reversed()) {
      guard case .size(let size) = item, let found else { continue }
      if let letter = size.letter, letter.name.first?.isUppercase == false, scope.lookup(letter.name) == nil {
        let (product, overflow) = (letters[letter.name] ?? 0).multipliedReportingOverflow(by: letter.factor)
        if letters[letter.name] == nil {
          guard found % letter.factor == 0 else { return false }
          letters[letter.name] = found / letter.factor
        } else if overflow || product != found {
          return false
        }
        continue
      }
      let names = scope.adding(letters.mapValues { .number(Number($0)) })
      if let wanted = (try? number(size, Environment(scope: names, place: .compileTime)))?.whole, wanted != found {
        return false
      }
    }
    return true
  }
}
