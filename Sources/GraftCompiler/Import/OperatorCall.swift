import GraftFormats
import GraftIR

/// The call that an operator's configuration stands for.
struct OperatorCall {
  /// What the configuration gives, by label; what is left out has the value of the published class.
  struct Argument {
    let label: String
    let value: JSON
    /// Whether it is written only where the place, or the operator itself, gives another value.
    let isImplied: Bool
  }

  let name: String
  let arguments: [Argument]
}

extension OperatorCall {
  /// Reads `configuration`, which configurations call `name`; what is wrong is reported.
  ///
  /// - Throws: `import.operator`.
  init(
    _ name: YAMLValue, _ configuration: YAMLValue, _ diagnostics: inout Diagnostics
  ) throws(Diagnostic) {
    let table = ImportTable.shared
    let known = table.operators.filter { $0.names.contains(name.text ?? "") }
    let found = known.first { item in item.condition.map { configuration[$0]?.json == .bool(true) } ?? true }
    guard let item = found else {
      let names = table.operators.flatMap(\.names)
      let hint = suggestion(for: name.text ?? "", among: names)
      let missing = known.first.flatMap(\.condition).map { "'\($0)' has to be true for it" }
      throw Diagnostic(
        "import.operator", "'\(name.text ?? "")' is no operator that graft imports", at: name.at,
        label: hint.map { "did you mean '\($0)'?" }, help: missing)
    }
    self.name = item.call
    var arguments: [Argument] = []
    for key in item.keys {
      let given = configuration[key.name]
      Self.check(key, given, configuration, item.call, &diagnostics)
      guard let label = key.argument else { continue }
      if let given, let value = Self.argument(given.json) {
        arguments.append(Argument(label: label, value: value, isImplied: key.isImplied))
      } else if let given {
        diagnostics.report(
          Diagnostic("import.value", "'\(key.name)' is a number or a list of numbers", at: given.at))
      } else if let standard = key.standard {
        arguments.append(Argument(label: label, value: standard, isImplied: true))
      } else if !key.isImplied {
        diagnostics.report(
          Diagnostic(
            "import.missing-key", "'\(key.name)' is missing from the configuration of '\(item.call)'",
            at: configuration.at, help: Self.likelyOperator(configuration, not: item)))
      }
    }
    for entry in configuration.entries ?? [] where !item.keys.contains(where: { $0.name == entry.key }) {
      let hint = suggestion(for: entry.key, among: item.keys.map(\.name))
      diagnostics.report(
        Diagnostic(
          "import.unknown-key", "'\(entry.key)' means nothing to '\(item.call)' and is left out", at: entry.at,
          label: hint.map { "did you mean '\($0)'?" }, severity: .warning))
    }
    self.arguments = arguments
  }

  /// Reports what the published code does wrong with `key`, and values that the graft's operator does not compute.
  static func check(
    _ key: ImportTable.Key, _ given: YAMLValue?, _ configuration: YAMLValue, _ user: String,
    _ diagnostics: inout Diagnostics
  ) {
    let value = given?.json ?? key.standard
    if let required = key.required, let value, !isEqual(value, required) {
      diagnostics.report(
        Diagnostic(
          "import.unsupported",
          "'\(key.name)' is \(value.text()), and '\(user)' is the same as at \(required.text()) only",
          at: given?.at ?? configuration.at,
          help: given == nil ? "the published class takes \(value.text()) where nothing is said" : nil))
    }
    guard let fault = key.fault, let given else { return }
    if let expected = key.expected, isEqual(given.json, expected) { return }
    if let twin = key.twin, let other = configuration[twin], isEqual(given.json, other.json) { return }
    diagnostics.report(Diagnostic("import.fault", "'\(key.name)': \(fault)", at: given.at, severity: .warning))
  }

  /// A value that a call can hold: a number, or a list of whole ones.
  private static func argument(_ value: JSON) -> JSON? {
    switch value {
    case .int, .number: return value
    case .list(let items): return items.allSatisfy { $0.intValue != nil } ? value : nil
    case .null, .bool, .text, .object: return nil
    }
  }

  static func isEqual(_ a: JSON, _ b: JSON) -> Bool {
    if let x = a.doubleValue, let y = b.doubleValue { return x == y }
    return a == b
  }

  /// What to say where a configuration's keys are all those of another operator.
  private static func likelyOperator(_ configuration: YAMLValue, not item: ImportTable.Operator) -> String? {
    let keys = configuration.entries?.map(\.key) ?? []
    guard !keys.isEmpty else { return nil }
    let other = ImportTable.shared.operators.first { other in
      other.call != item.call && keys.allSatisfy { key in other.keys.contains { $0.name == key } }
    }
    return other.map { "these are keys of '\($0.call)'" }
  }

  /// The call with those arguments that are not implied, and those whose labels are in `spelled`.
  func text(spelling spelled: Set<String> = []) -> String {
    let words = arguments.filter { !$0.isImplied || spelled.contains($0.label) }.map { argument in
      "\(argument.label): \(Self.text(argument.value))"
    }
    return "\(name)(\(words.joined(separator: ", ")))"
  }

  /// A number or a list of numbers as graft text spells it.
  private static func text(_ value: JSON) -> String {
    if case .list(let items) = value { return "[" + items.map(text).joined(separator: ", ") + "]" }
    if case .number(let number) = value, let whole = Int(exactly: number) { return String(whole) }
    return value.text()
  }
}
