import GraftIR

/// The letters that the shapes of an entry's inputs settle: `B`, `N`, and whatever no parameter declares.
struct PatternBinding {
  private(set) var sizes: [String: Dimension] = [:]
  private var leading: [Dimension]?

  /// The same for one sample; where shapes leave their leading axes open, `N` is how many entries these hold.
  var letters: [String: Int] {
    var result = sizes.compactMapValues { $0.bound(batch: 1) }
    if let leading, result["N"] == nil {
      result["N"] = leading.reduce(1) { $0.multipliedClamped(by: $1.bound(batch: 1) ?? .max) }
    }
    return result
  }

  /// Checks `value` against `pattern`, and learns from it what its letters stand for.
  mutating func match(
    _ pattern: TensorPattern, _ value: Datum, what: String, at: Location, _ environment: Environment,
    _ evaluator: Evaluator
  ) throws(Diagnostic) {
    if let count = pattern.count {
      guard case .list(let entries) = value else {
        throw Diagnostic("shapes.list", "\(what) is a list of tensors, and this is \(value.kindText)", at: at)
      }
      try matchSize(count, Dimension(entries.count), what: what, type: nil, at: at, environment, evaluator)
      let single = TensorPattern(items: pattern.items, dtype: pattern.dtype, count: nil, at: pattern.at)
      for entry in entries { try match(single, entry, what: what, at: at, environment, evaluator) }
      return
    }
    guard case .tensor(let tensor) = value else {
      throw Diagnostic("shapes.tensor", "\(what) is a tensor, and this is \(value.kindText)", at: at)
    }
    let type = tensor.type
    if let name = pattern.dtype {
      guard let dtype = DType(rawValue: name.text) else {
        throw Diagnostic("names.dtype", "'\(name.text)' is not a type of elements", at: name.at)
      }
      guard type.dtype == dtype else {
        throw Diagnostic("shapes.dtype", "\(what) is of \(dtype), and this is \(type)", at: at)
      }
    } else if !type.dtype.isFloatingPoint {
      throw Diagnostic("shapes.dtype", "\(what) is floating point, and this is \(type)", at: at)
    }
    var items = pattern.items
    var axes = type.axes
    if case .ellipsis? = items.first {
      items.removeFirst()
      guard axes.count >= items.count else { throw mismatch(pattern, what, type, at, environment, evaluator) }
      let front = Array(axes.dropLast(items.count))
      axes = Array(axes.suffix(items.count))
      if let leading, leading != front { throw mismatch(pattern, what, type, at, environment, evaluator) }
      leading = front
    }
    guard items.count == axes.count else { throw mismatch(pattern, what, type, at, environment, evaluator) }
    for (item, axis) in zip(items, axes) {
      guard case .size(let size) = item else { continue }
      do {
        try matchSize(size, axis, what: what, type: type, at: at, environment, evaluator)
      } catch {
        if error.rule == "shapes.mismatch" {
          throw unmetNeed(size, axis, at, environment)
            ?? mismatch(pattern, what, type, at, environment, evaluator)
        }
        throw error
      }
    }
  }

  private mutating func matchSize(
    _ expression: Expression, _ actual: Dimension, what: String, type: TensorType?, at: Location,
    _ environment: Environment, _ evaluator: Evaluator
  ) throws(Diagnostic) {
    if let letter = freeLetter(expression, environment) {
      if let known = sizes[letter.name] {
        let (expected, overflow) = known.count.multipliedReportingOverflow(by: letter.factor)
        let size = known.isBatch ? Dimension.batch(expected) : Dimension(expected)
        if overflow || size != actual { throw Diagnostic("shapes.mismatch", "\(what) does not fit", at: at) }
        return
      }
      guard actual.count % letter.factor == 0 else {
        throw Diagnostic("shapes.mismatch", "\(what) does not fit", at: at)
      }
      let count = actual.count / letter.factor
      sizes[letter.name] = actual.isBatch ? .batch(count) : Dimension(count)
      return
    }
    let number = try evaluator.number(
      expression, environment.adding(sizes.mapValues { .number(Number($0)) }))
    guard let expected = number.dimension else {
      throw Diagnostic(
        "values.whole", "a size must be whole, and is \(number)", at: expression.at, help: "round(...) or floor(...)")
    }
    if expected != actual { throw Diagnostic("shapes.mismatch", "\(what) does not fit", at: at) }
  }

  /// A capital letter that nothing declares, alone or times a number: what a shape may settle.
  private func freeLetter(_ expression: Expression, _ environment: Environment) -> (name: String, factor: Int)? {
    switch expression.kind {
    case .name(let name):
      guard name.first?.isUppercase == true, environment.scope.lookup(name) == nil else { return nil }
      return (name, 1)
    case .binary(.multiply, let a, let b, _):
      if case .number(let literal) = a.kind, let factor = Number(literal: literal)?.whole, factor > 0,
        let letter = freeLetter(b, environment), letter.factor == 1
      {
        return (letter.name, factor)
      }
      if case .number(let literal) = b.kind, let factor = Number(literal: literal)?.whole, factor > 0,
        let letter = freeLetter(a, environment), letter.factor == 1
      {
        return (letter.name, factor)
      }
      return nil
    default: return nil
    }
  }

  /// The message where a size that does not fit is an argument whose parameter says what it is for:
  /// `'mixer' needs 256 tokens (one filter for each), and at image 512 there are 1024`.
  private func unmetNeed(
    _ size: Expression, _ actual: Dimension, _ at: Location, _ environment: Environment
  ) -> Diagnostic? {
    guard case .name(let name) = size.kind, let frame = environment.frame, let symbol = frame.module.symbol,
      let parameter = symbol.declaration.parameters.first(where: { $0.name.text == name }),
      !parameter.documentation.isEmpty, case .number(let needed)? = environment.scope.lookup(name)
    else { return nil }
    var outermost = frame
    while let caller = outermost.caller?.frame { outermost = caller }
    let place = outermost.module.setting.map { "at \($0)" } ?? "here"
    let purpose = parameter.documentation.replacing("\n", with: " ")
    return Diagnostic(
      "shapes.mismatch",
      "'\(symbol.name)' needs \(needed) \(parameter.label.text) (\(purpose)), and \(place) there are \(actual)", at: at)
  }

  private func mismatch(
    _ pattern: TensorPattern, _ what: String, _ type: TensorType, _ at: Location, _ environment: Environment,
    _ evaluator: Evaluator
  ) -> Diagnostic {
    let known = environment.adding(sizes.mapValues { .number(Number($0)) })
    let wanted = pattern.items.map { item in
      switch item {
      case .ellipsis: return "..."
      case .size(let size):
        if let number = try? evaluator.number(size, known) { return number.description }
        return size.dottedName ?? "?"
      }
    }
    return Diagnostic(
      "shapes.mismatch", "\(what) is [\(wanted.joined(separator: ", "))], and this is \(type.shapeText)", at: at)
  }
}
