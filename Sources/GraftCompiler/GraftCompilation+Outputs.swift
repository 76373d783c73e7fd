import GraftFormats
import GraftIR

/// What a graft promises and writes: `require` and `emit`.
extension GraftCompilation {
  func require(_ condition: Expression, _ environment: Environment) throws(Diagnostic) {
    requirements.append(text(of: condition))
    if try evaluator.isTrue(condition, environment) { return }
    failedRequirements.append(text(of: condition))
    var message = "'\(text(of: condition))' does not hold"
    let broken = try self.broken(condition, environment)
    if broken.at != condition.at { message += ": '\(text(of: broken))' does not" }
    if case .binary(let sign, let left, let right, _) = broken.kind, sign.isComparison,
      case .number(let a)? = try? evaluator.evaluate(left, environment),
      case .number(let b)? = try? evaluator.evaluate(right, environment)
    {
      message += ": \(grouped(a)) and \(grouped(b))"
      if let difference = try? a - b, !Number.isEqual(difference, Number(0)) {
        let source = state.flatMap { difference.whole == $0.parameterChange ? $0.changedParts : nil }
        message += " (\(signed(difference))\(source.map { ", all in \($0)" } ?? ""))"
      }
    }
    throw Diagnostic("require.failed", message, at: condition.at)
  }

  /// Of conditions that `and` joins, the first that does not hold.
  private func broken(_ condition: Expression, _ environment: Environment) throws(Diagnostic) -> Expression {
    var condition = condition
    while case .binary(.and, let left, let right, _) = condition.kind {
      condition = try evaluator.isTrue(left, environment) ? right : left
    }
    return condition
  }

  private func grouped(_ number: Number) -> String { number.whole.map { groupedDigits($0) } ?? number.description }

  private func signed(_ number: Number) -> String {
    let text = grouped(number)
    return text.hasPrefix("-") ? text : "+" + text
  }

  func emit(_ emit: GraftStatement.Emit, _ state: GraftState, _ environment: Environment) throws(Diagnostic) {
    var layout: LayoutSymbol?
    if let name = emit.layout, let symbol = state.architecture.symbol,
      !compiler.isOwnLayout(name.text, of: symbol, file)
    {
      let named = try compiler.namedLayout(name.text, of: symbol, file, at: name.at)
      // What cannot be written is told here, and not when all else is done.
      try told(at: name.at) { () throws(Diagnostic) in
        _ = try LayoutMap(named, of: state.architecture, evaluator)
      }
      layout = named
    }
    var shardByteCount: Int?
    if let size = emit.shardSize {
      let bytes = try evaluator.whole(size, environment, what: "the size of shards")
      guard bytes > 0 else {
        throw Diagnostic("emit.shards", "shards of \(bytes) bytes hold nothing", at: size.at)
      }
      shardByteCount = bytes
    }
    let name = try evaluator.plainText(emit.file, environment)
    guard !name.isEmpty, !name.utf8.contains(0) else {
      throw Diagnostic("emit.file", "the name of a file is empty or holds a zero byte", at: emit.file.at)
    }
    var types = try types(of: emit, state, environment)
    types.keepsBlocks = Formats.holdsBlocks(outputPath: name)
    do throws(Diagnostic) {
      try TransferEngine.checkName(name)
      for case .blocks(let blocks)? in [types.general] + types.special.map(\.type) {
        var shapes: [Shape] = []
        state.architecture.forEachParameter { shapes.append($1.shape) }
        try TransferEngine.check(blocks, in: name, for: shapes)
      }
    } catch {
      throw Diagnostic(error.rule, error.message, at: emit.file.at, help: error.help)
    }
    emits.append(
      CompiledGraft.Emit(
        file: resolvePath(name, relativeTo: path), at: emit.file.at, types: types,
        layout: layout, shardByteCount: shardByteCount))
  }

  /// The types that `emit` names, for the parts that its paths name in the model as it stands.
  private func types(
    of emit: GraftStatement.Emit, _ state: GraftState, _ environment: Environment
  ) throws(Diagnostic) -> EmittedTypes {
    var types = EmittedTypes()
    for (dtypeName, target) in emit.dtypes {
      let type = try emittedType(dtypeName)
      if let target {
        for item in try state.selection(target, environment).items {
          types.special.append((item.path.joined(separator: "."), type))
        }
      } else {
        types.general = type
      }
    }
    return types
  }

  private func emittedType(_ name: Name) throws(Diagnostic) -> EmittedType {
    if let blocks = BlockType.allCases.first(where: { $0.spelling == name.text }) { return .blocks(blocks) }
    if let dtype = DType(rawValue: name.text), dtype.isFloatingPoint, dtype.byteWidth != nil { return .dtype(dtype) }
    let hint = suggestion(
      for: name.text, among: ["f32", "f16", "bf16", "f64"] + BlockType.allCases.filter(\.isMade).map(\.spelling))
    throw Diagnostic(
      "names.dtype", "'\(name.text)' is no type that weights are written in", at: name.at,
      label: hint.map { "did you mean '\($0)'?" })
  }

  /// What the first `emit` of the graft would write the model in as it stands: what `bytes` counts on any line.
  func typesToEmit(_ state: GraftState) throws(Diagnostic) -> EmittedTypes {
    if let known = emittedTypes { return known }
    var first: GraftStatement.Emit?
    for case .emit(let emit) in graft.statements.map(\.kind) where first == nil { first = emit }
    let environment = Environment(scope: scope, place: .graft(state))
    var found = try first.map { emit throws(Diagnostic) in try types(of: emit, state, environment) } ?? EmittedTypes()
    // A name that takes what a later line says is not known here.
    if let name = first.flatMap({ try? evaluator.plainText($0.file, environment) }) {
      found.keepsBlocks = Formats.holdsBlocks(outputPath: name)
    }
    emittedTypes = found
    return found
  }
}

extension Expression.BinaryOperator {
  fileprivate var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    case .add, .subtract, .multiply, .divide, .remainder, .power, .and, .or, .in, .notIn, .is, .isNot: false
    }
  }
}
