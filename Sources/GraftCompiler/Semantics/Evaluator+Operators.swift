import GraftIR

extension Evaluator {
  func unary(
    _ sign: Expression.UnaryOperator, _ operand: Expression, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    switch sign {
    case .not: return .bool(!(try isTrue(operand, environment)))
    case .minus:
      switch resolved(try evaluate(operand, environment), environment) {
      case .number(let number):
        do throws(Number.Failure) { return .number(try -number) } catch { throw failure(error, at: operand.at) }
      case .tensor(let tensor): return try apply("Neg", [tensor], [:], at: operand.at, environment)
      case let other:
        throw Diagnostic("values.number", "'-' takes a number, and this is \(other.kindText)", at: operand.at)
      }
    }
  }

  func binary(
    _ sign: Expression.BinaryOperator, _ left: Expression, _ right: Expression, at: Location,
    _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    switch sign {
    case .and:
      if !(try isTrue(left, environment)) { return .bool(false) }
      return .bool(try isTrue(right, environment))
    case .or:
      if try isTrue(left, environment) { return .bool(true) }
      return .bool(try isTrue(right, environment))
    case .is, .isNot: return .bool(try isOperator(left, right, environment) == (sign == .is))
    case .in, .notIn:
      let value = try evaluate(left, environment)
      let datum = try evaluate(right, environment)
      guard let entries = datum.entries else {
        throw Diagnostic("values.list", "'in' takes a list, and this is \(datum.kindText)", at: right.at)
      }
      try spend(size(of: datum), at: at)
      return .bool(entries.contains { $0.equals(value) == true } == (sign == .in))
    default: break
    }
    let a = resolved(try evaluate(left, environment), environment)
    let b = resolved(try evaluate(right, environment), environment)
    if case .tensor = a { return try tensors(sign, a, b, at: at, left, right, environment) }
    if case .tensor = b { return try tensors(sign, a, b, at: at, left, right, environment) }
    switch (sign, a, b) {
    case (.equal, _, _), (.notEqual, _, _):
      try spend(size(of: a), at: at)
      guard let same = a.equals(b) else {
        throw Diagnostic("values.compare", "\(a.kindText) is never equal to \(b.kindText)", at: at)
      }
      return .bool(same == (sign == .equal))
    case (_, .number(let x), .number(let y)): return try numbers(sign, x, y, at: at)
    case (.add, .list(let x), .list(let y)):
      return try made(x + y, at: at)
    case (.add, .text(let x), .text(let y)):
      if x.utf8.count + y.utf8.count > Self.textLimit { throw tooLong(at: at) }
      try spend((x.utf8.count + y.utf8.count) / Self.bytesPerStep, at: at)
      return .text(x + y)
    case (.add, .selection(let x), .selection(let y)):
      try spend(x.items.count + y.items.count, at: at)
      if x.items.count + y.items.count > Self.moduleLimit {
        throw Diagnostic("limits.modules", "a path of more than \(Self.moduleLimit) parts", at: at)
      }
      return .selection(Selection(items: x.items + y.items, isWholeList: false))
    case (.multiply, .operation(let operation), .number(let count)):
      let copies = try whole(count, at: right.at, what: "how many copies there are")
      guard copies >= 0, copies <= 10_000 else {
        throw Diagnostic("limits.list", "\(copies) copies of an operator, where 0 to 10,000 are possible", at: right.at)
      }
      try spend(4 * copies, at: right.at)  // Each is a value of its own, and lists of them are quickly written.
      return .operation(
        Operation(
          target: .list([Operation](repeating: operation, count: copies)), arguments: [:], start: nil, at: left.at))
    default:
      throw Diagnostic(
        "values.operands", "'\(sign.rawValue)' does not take \(a.kindText) and \(b.kindText)", at: at)
    }
  }

  /// A path that ends at one tensor is that tensor's values; anything else stays.
  func resolved(_ datum: Datum, _ environment: Environment) -> Datum {
    guard case .selection(let selection) = datum, case .graft(let state) = environment.place,
      selection.items.count == 1, let path = selection.items.first?.path,
      let tensor = state.architecture[path: path.dropLast()]?.parameters.first(where: { $0.name == path.last }),
      let weight = tensor.weight
    else { return datum }
    return .tensor(TracedTensor(origin: .weight(weight), type: weight.type))
  }

  private func numbers(
    _ sign: Expression.BinaryOperator, _ x: Number, _ y: Number, at: Location
  ) throws(Diagnostic) -> Datum {
    do throws(Number.Failure) {
      switch sign {
      case .add: return .number(try x + y)
      case .subtract: return .number(try x - y)
      case .multiply: return .number(try x * y)
      case .divide: return .number(try x / y)
      case .remainder: return .number(try x % y)
      case .power: return .number(try x.power(y))
      case .less: return .bool(try Number.isLess(x, y))
      case .greater: return .bool(try Number.isLess(y, x))
      case .lessOrEqual: return .bool(!(try Number.isLess(y, x)))
      case .greaterOrEqual: return .bool(!(try Number.isLess(x, y)))
      case .equal, .notEqual, .and, .or, .in, .notIn, .is, .isNot: return .bool(false)  // Answered before.
      }
    } catch { throw failure(error, at: at) }
  }

  /// `error` at its place.
  func failure(_ error: Number.Failure, at: Location) -> Diagnostic { Diagnostic(error.rule, error.message, at: at) }

  private func tensors(
    _ sign: Expression.BinaryOperator, _ a: Datum, _ b: Datum, at: Location, _ left: Expression, _ right: Expression,
    _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    let primitive: String
    switch sign {
    case .add: primitive = "Add"
    case .subtract: primitive = "Sub"
    case .multiply: primitive = "Mul"
    case .divide: primitive = "Div"
    case .power: primitive = "Pow"
    case .equal: primitive = "Equal"
    case .less: primitive = "Less"
    case .lessOrEqual: primitive = "LessOrEqual"
    case .greater: primitive = "Greater"
    case .greaterOrEqual: primitive = "GreaterOrEqual"
    case .notEqual, .remainder, .and, .or, .in, .notIn, .is, .isNot:
      throw Diagnostic("values.operands", "'\(sign.rawValue)' does not take tensors", at: at)
    }
    let (x, y) = try alike(a, b, at: at, environment)
    do throws(Diagnostic) { return try apply(primitive, [x, y], [:], at: right.at, environment) } catch {
      guard error.rule == "\(primitive).broadcast" else { throw error }
      let isFirst = x.type.rank <= y.type.rank
      let (short, long, operand) = isFirst ? (x.type, y.type, left) : (y.type, x.type, right)
      guard let axes = short.axesToSpread(over: long.axes) else { throw error }
      throw Diagnostic(
        error.rule, error.message, at: operand.at,
        help: "reshape(\(text(of: operand)), \(TensorType.text(of: axes)))")
    }
  }

  /// Two operands as tensors of one type: a number becomes a constant of the other's type.
  func alike(
    _ a: Datum, _ b: Datum, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> (TracedTensor, TracedTensor) {
    switch (a, b) {
    case (.tensor(let x), .tensor(let y)): return (x, y)
    case (.tensor(let x), .number(let y)): return (x, try constant(y, x.computedDType, at: at, environment))
    case (.number(let x), .tensor(let y)): return (try constant(x, y.computedDType, at: at, environment), y)
    case (.tensor, let other), (let other, _):
      throw Diagnostic("values.operands", "a tensor and \(other.kindText) do not go together", at: at)
    }
  }

  func constant(
    _ number: Number, _ dtype: DType, at: Location, _ environment: Environment
  ) throws(Diagnostic) -> TracedTensor {
    guard let value = number.double else {
      throw Diagnostic("values.batch", "'\(number)' is known at run time only", at: at)
    }
    let datum = try apply(
      "Constant", [], ["dtype": .dtype(dtype), "shape": .ints([]), "values": .floats([value])], at: at, environment)
    guard case .tensor(let tensor) = datum else { throw Diagnostic("values.number", "no tensor", at: at) }
    return tensor
  }

  private func isOperator(
    _ left: Expression, _ right: Expression, _ environment: Environment
  ) throws(Diagnostic) -> Bool {
    let datum = try evaluate(left, environment)
    guard let name = right.dottedName, let symbol = environment.scope.file.operator(name) else {
      let names = environment.scope.file.visibleOperators.map(\.name)
      let label = right.dottedName.flatMap { suggestion(for: $0, among: names) }.map { "did you mean '\($0)'?" }
      throw Diagnostic(
        "names.unknown-operator", "'\(right.dottedName ?? "this")' is not an operator", at: right.at, label: label)
    }
    switch datum {
    case .module(let module), .part(let module, _): return module.symbol == symbol
    case .selection(let selection):
      guard case .graft(let state) = environment.place, let item = selection.items.first, selection.items.count == 1
      else {
        throw Diagnostic(
          "values.one-part", "'is' asks about one part, and this names \(selection.items.count)", at: left.at)
      }
      return state.architecture[path: item.path]?.symbol == symbol
    default:
      throw Diagnostic("values.one-part", "'is' asks about a part, and this is \(datum.kindText)", at: left.at)
    }
  }
}

extension Datum {
  /// Whether both are the same, or `nil` where they cannot be compared.
  package func equals(_ other: Datum) -> Bool? {
    switch (self, other) {
    case (.number(let a), .number(let b)): return Number.isEqual(a, b)
    case (.bool(let a), .bool(let b)): return a == b
    case (.text(let a), .text(let b)), (.word(let a), .word(let b)), (.text(let a), .word(let b)),
      (.word(let a), .text(let b)):
      return a == b
    case (.dtype(let a), .dtype(let b)): return a == b
    case (.list(let a), .list(let b)):
      if a.count != b.count { return false }
      for (x, y) in zip(a, b) {
        guard let same = x.equals(y) else { return nil }
        if !same { return false }
      }
      return true
    default: return nil
    }
  }
}
