import GraftIR

/// Which argument of a call is which input, and what becomes of those that nothing takes.
extension Tracer {
  /// The arguments of a call by the inputs of `entry` that they are for.
  ///
  /// - Throws: `calls.label`, `calls.twice`, `calls.count`.
  func inputs(
    of entry: Entry, _ symbol: OperatorSymbol, _ module: Module, _ arguments: [Argument], at: Location,
    _ surplus: Surplus
  ) throws(Diagnostic) -> [String: Argument] {
    let isLeft =
      switch surplus {
      case .refused: false
      case .left: true
      case .asPlaced: module.isReplacement
      }
    let names = entry.inputs.map(\.name.text)
    var given: [String: Argument] = [:]
    var position = 0
    for argument in arguments {
      let name: String
      if let label = argument.label {
        guard names.contains(label.text) else {
          if isLeft { continue }
          throw Diagnostic(
            "calls.label", "'\(symbol.name)' has no input '\(label.text)'", at: label.at,
            label: suggestion(for: label.text, among: names).map { "did you mean '\($0)'?" })
        }
        name = label.text
      } else {
        guard position < names.count else {
          if isLeft { continue }
          throw Diagnostic(
            "calls.count",
            "'\(symbol.name)' takes \(counted(names.count, "input")), and this is one too many",
            at: argument.at, help: names.isEmpty ? nil : "its inputs are \(names.joined(separator: ", "))")
        }
        name = names[position]
        position += 1
      }
      guard given.updateValue(argument, forKey: name) == nil else {
        throw Diagnostic("calls.twice", "'\(name)' is given twice", at: argument.at)
      }
    }
    return given
  }

  /// Refuses inputs of a list that none of its entries takes, unless an edit put in entries that take less.
  ///
  /// - Throws: `calls.label`, `calls.count`.
  func refuseSurplus(of list: Module, path: String, _ arguments: [Argument]) throws(Diagnostic) {
    guard !list.parts.isEmpty, !Self.holdsReplacement(list) else { return }
    let names = Self.inputNames(of: list)
    let most = names.map(\.count).max() ?? 0
    let place = spelledPath(path.split(separator: ".").map(String.init))
    for argument in arguments {
      guard let label = argument.label, !names.contains(where: { $0.contains(label.text) }) else { continue }
      throw Diagnostic("calls.label", "no entry of '\(place)' has an input '\(label.text)'", at: label.at)
    }
    let unnamed = arguments.filter { $0.label == nil }
    guard unnamed.count > most else { return }
    throw Diagnostic(
      "calls.count",
      "the entries of '\(place)' take \(counted(most, "input")), and this is one too many",
      at: unnamed[most].at)
  }

  /// Whether what `module` calls, or it itself, came into the place of another.
  private static func holdsReplacement(_ module: Module) -> Bool {
    if module.isReplacement { return true }
    return module.symbol == nil && module.parts.contains { holdsReplacement($0.module) }
  }

  /// The inputs that `module` may take: of each operator that they go to, in order.
  private static func inputNames(of module: Module) -> [[String]] {
    switch module.kind {
    case .operator(let symbol): [symbol.entry("forward")?.inputs.map(\.name.text) ?? []]
    case .list: module.parts.flatMap { inputNames(of: $0.module) }
    case .parallel: module.part("branches").map { inputNames(of: $0) } ?? []
    }
  }
}
