/// The names that a piece of graft text mentions, whatever they mean there.
struct Reads {
  /// Plain names, and those with dots as a preset's.
  private(set) var names: Set<String> = []
  /// What stands behind a dot.
  private(set) var members: Set<String> = []

  init(_ expression: Expression) { read(expression) }

  init(_ declaration: OperatorDeclaration) { read(declaration) }

  init(_ declaration: PresetDeclaration) { read(declaration) }

  init(_ declaration: GraftDeclaration) { read(declaration) }

  init(_ file: FileScope) {
    for symbol in file.operators.values { read(symbol.declaration) }
    for symbol in file.presets.values { read(symbol.declaration) }
    for declaration in file.lets.values { read(declaration.value) }
    for graft in file.grafts { read(graft) }
    for layout in file.layouts { read(layout.declaration) }
  }

  private mutating func read(_ expression: Expression?) {
    guard let expression else { return }
    switch expression.kind {
    case .name(let name): names.insert(name)
    case .member(_, let name):
      members.insert(name.text)
      if let dotted = expression.dottedName { names.insert(dotted) }
    case .members(_, let several): members.formUnion(several.map(\.text))
    case .starting(_, let start): for assignment in start.assignments { read(assignment.target) }
    case .number, .bool, .text, .list, .comprehension, .range, .call, .index, .unary, .binary, .conditional, .shared,
      .tuple:
      break
    }
    for child in expression.children { read(child) }
  }

  private mutating func read(_ parameters: [ParameterDeclaration]) {
    for parameter in parameters {
      read(parameter.defaultValue)
      if case .operator(let inputs, let results)? = parameter.type { read(inputs + results) }
    }
  }

  private mutating func read(_ patterns: [TensorPattern]) {
    for pattern in patterns {
      for case .size(let size) in pattern.items { read(size) }
      read(pattern.count)
    }
  }

  private mutating func read(_ assignments: [Assignment]) {
    for assignment in assignments {
      read(assignment.target)
      read(assignment.value)
    }
  }

  private mutating func read(_ binding: Expression.Binding) {
    read(binding.list)
    read(binding.condition)
  }

  // MARK: Declarations

  private mutating func read(_ declaration: OperatorDeclaration) {
    read(declaration.parameters)
    read(declaration.members)
  }

  private mutating func read(_ declaration: PresetDeclaration) {
    read(declaration.parameters)
    read(declaration.value)
  }

  private mutating func read(_ declaration: LayoutDeclaration) {
    names.insert(declaration.model.text)
    for line in declaration.lines {
      switch line {
      case .relation(let names, let value):
        read(names)
        read(value)
      case .without(let path): read(path)
      }
    }
  }

  private mutating func read(_ members: [Member]) {
    for member in members {
      switch member {
      case .let(let declaration): read(declaration.value)
      case .part(_, let value), .recover(_, let value): read(value)
      case .parameter(let tensor), .table(let tensor):
        read([tensor.shape])
        read(tensor.initial)
      case .entry(let entry):
        names.insert(entry.name.text)
        read(entry.inputs.map(\.pattern) + entry.results)
        read(entry.body)
      case .adopt(let adopt):
        names.insert(adopt.operatorName.text)
        for assignment in adopt.assignments { read(assignment.value) }
      case .cost(let entries, _): for (_, value) in entries { read(value) }
      case .conditional(let condition, let then, let otherwise):
        read(condition)
        read(then)
        read(otherwise)
      case .loop(let binding, let body):
        read(binding)
        read(body)
      }
    }
  }

  private mutating func read(_ statements: [Statement]) {
    for statement in statements {
      switch statement {
      case .let(let declaration): read(declaration.value)
      case .destructure(_, let value), .assign(_, let value), .return(let value): read(value)
      case .conditional(let condition, let then, let otherwise):
        read(condition)
        read(then)
        read(otherwise)
      case .loop(let binding, let body):
        read(binding)
        read(body)
      }
    }
  }

  private mutating func read(_ declaration: GraftDeclaration) {
    read(declaration.parameters)
    for statement in declaration.statements {
      switch statement.kind {
      case .base(let model, let source):
        read(model)
        switch source {
        case .from(let file, _): read(file)
        case .fresh(let seed), .noise(let seed): read(seed)
        }
      case .replace(let path, let value):
        read(path)
        read(value)
      case .remove(let path): read(path)
      case .parallelize(let path, let grouping, let merge):
        read(path)
        switch grouping {
        case .pairs: break
        case .groups(let value), .lists(let value): read(value)
        }
        read(merge)
      case .let(let declaration): read(declaration.value)
      case .require(let condition): read(condition)
      case .emit(let emit):
        read(emit.file)
        for (_, path) in emit.dtypes { read(path) }
        read(emit.shardSize)
      case .training(_, let path, let arguments):
        read(path)
        for argument in arguments { read(argument.value) }
      }
    }
  }
}
