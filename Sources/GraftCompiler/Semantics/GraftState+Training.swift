import GraftIR

/// What `distill` and `finetune` may say.
private enum TrainingSetting {
  case word([String])
  case count(atLeast: Int)
  case positive
  /// A share of the old average that is kept, from 0 to below 1.
  case share
  case path

  /// By statement, in the order of the language's page.
  static func all(of statement: String) -> [(label: String, setting: TrainingSetting)] {
    if statement == "distill" {
      return [
        ("loss", .word(["l1", "l2", "huber"])), ("samples", .count(atLeast: 1)), ("epochs", .count(atLeast: 1)),
        ("batch", .count(atLeast: 1)), ("rate", .positive),
      ]
    }
    return [
      ("samples", .count(atLeast: 1)), ("batch", .count(atLeast: 1)), ("steps", .count(atLeast: 1)),
      ("rate", .positive), ("warmup", .count(atLeast: 0)), ("ema", .share), ("only", .path),
    ]
  }
}

extension GraftState {
  /// Checks the settings of `distill` or `finetune`: labels that there are, each once, with values of their kind.
  ///
  /// - Throws: `calls.label`, `calls.twice`, `training.value`, and what the values throw.
  func checkTraining(
    _ statement: Name, _ arguments: [Expression.Argument], _ environment: Environment
  ) throws(Diagnostic) {
    let settings = TrainingSetting.all(of: statement.text)
    let labels = settings.map(\.label)
    var given: Set<String> = []
    for argument in arguments {
      guard let label = argument.label else {
        throw Diagnostic(
          "calls.label", "the settings of '\(statement.text)' have labels", at: argument.value.at,
          help: "they are \(labels.joined(separator: ", "))")
      }
      guard let setting = settings.first(where: { $0.label == label.text })?.setting else {
        let hint = suggestion(for: label.text, among: labels)
        throw Diagnostic(
          "calls.label", "'\(statement.text)' has no setting '\(label.text)'", at: label.at,
          label: hint.map { "did you mean '\($0)'?" }, help: "they are \(labels.joined(separator: ", "))")
      }
      guard given.insert(label.text).inserted else {
        throw Diagnostic("calls.twice", "'\(label.text)' is given twice", at: argument.value.at)
      }
      try check(argument.value, setting, label.text, environment)
    }
  }

  private func check(
    _ expression: Expression, _ setting: TrainingSetting, _ label: String, _ environment: Environment
  ) throws(Diagnostic) {
    switch setting {
    case .word(let words):
      if case .name(let name) = expression.kind, environment.scope.lookup(name) == nil {
        if words.contains(name) { return }
        let hint = suggestion(for: name, among: words)
        throw refusal(
          label, "one of \(words.joined(separator: ", "))", "'\(name)'", at: expression.at,
          hint: hint.map { "did you mean '\($0)'?" })
      }
      let text = try evaluator.plainText(expression, environment)
      guard words.contains(text) else {
        throw refusal(label, "one of \(words.joined(separator: ", "))", "'\(text)'", at: expression.at)
      }
    case .count(let least):
      let value = try evaluator.whole(expression, environment, what: "'\(label)'")
      guard value >= least else { throw refusal(label, "at least \(least)", "\(value)", at: expression.at) }
    case .positive:
      let value = try evaluator.number(expression, environment)
      guard let number = value.double, number > 0 else {
        throw refusal(label, "greater than 0", value.description, at: expression.at)
      }
    case .share:
      let value = try evaluator.number(expression, environment)
      guard let number = value.double, (0..<1).contains(number) else {
        throw refusal(label, "at least 0 and less than 1", value.description, at: expression.at)
      }
    case .path: _ = try selection(expression, environment)
    }
  }

  private func refusal(
    _ label: String, _ wanted: String, _ found: String, at: Location, hint: String? = nil
  ) -> Diagnostic {
    Diagnostic("training.value", "'\(label)' is \(wanted), and this is \(found)", at: at, label: hint)
  }
}
