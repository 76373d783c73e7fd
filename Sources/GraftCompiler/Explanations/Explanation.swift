public import GraftIR

/// What a rule says, with an example that breaks it and one that keeps it.
public struct Explanation: Sendable {
  /// The label that diagnostics name.
  public let rule: String
  /// Whether breaking it is no error.
  public let isWarning: Bool
  /// What holds where the rule is kept.
  public let sentence: String
  /// The page below `specs/` that states it.
  public let page: String
  /// What breaks it; a word on why there is none where nothing can show it.
  public let breaking: RuleExample
  /// What keeps it; empty where that says nothing.
  public let keeping: RuleExample
}

extension Explanation {
  /// Every rule, by page and in the order of the page.
  public static let all: [Explanation] = {
    var stated: [(Statement, page: String)] = []
    var places: [String: Int] = [:]
    var examples: [String: RuleExamples] = [:]
    for (name, text) in SpecificationPages.all {
      if name.hasPrefix("rules/") {
        examples.merge(RuleExamples.all(of: text)) { first, _ in first }
        continue
      }
      for statement in statements(of: text) {
        if let place = places[statement.rule] {
          // A rule may be stated for several things.
          if !stated[place].0.sentence.contains(statement.sentence) {
            stated[place].0.sentence += "\n" + statement.sentence
          }
        } else {
          places[statement.rule] = stated.count
          stated.append((statement, name))
        }
      }
    }
    return stated.map { statement, page in
      let pair = examples[statement.rule] ?? PrimitiveExamples.of(statement.rule)
      return Explanation(
        rule: statement.rule, isWarning: statement.isWarning, sentence: statement.sentence, page: page,
        breaking: pair?.breaking ?? RuleExample(), keeping: pair?.keeping ?? RuleExample())
    }
  }()

  /// Rules that have examples, whether a page states them or not.
  package static let withExamples: [String] = SpecificationPages.all.filter { $0.name.hasPrefix("rules/") }
    .flatMap { RuleExamples.all(of: $0.text).keys.sorted() }

  /// What a page says of one rule.
  private struct Statement {
    var rule: String
    var isWarning: Bool
    var sentence: String
  }

  /// The rules that bullets of a page state, with what each says:
  ///
  ///     - `page.rule`, `page.other`: what holds,
  ///       over several lines.
  ///     - `page.third` (a warning): what holds.
  private static func statements(of page: String) -> [Statement] {
    var result: [Statement] = []
    var open: [Statement] = []
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("- `"), let colon = line.range(of: ": ") {
        result += open
        let isWarning = line[..<colon.lowerBound].hasSuffix("` (a warning)")
        let rules = line[..<colon.lowerBound].split(separator: "`").filter(isRule)
        let sentence = String(line[colon.upperBound...])
        open = rules.map { Statement(rule: String($0), isWarning: isWarning, sentence: sentence) }
      } else if line.hasPrefix("  ") {
        for index in open.indices { open[index].sentence += " " + line.drop { $0 == " " } }
      } else {
        result += open
        open = []
      }
    }
    return result + open
  }

  /// `page.rule-in-kebab-case`
  package static func isRule(_ text: Substring) -> Bool {
    let halves = text.split(separator: ".", omittingEmptySubsequences: false)
    return halves.count == 2
      && halves.allSatisfy { half in !half.isEmpty && half.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } }
  }

  // MARK: Looking up

  /// What is known of `name`, a rule or the first half of some: one explanation, or all of these.
  ///
  /// - Throws: `usage.rule` where it is neither.
  public static func matching(_ name: String) throws(Diagnostic) -> [Explanation] {
    if let one = all.first(where: { $0.rule == name }) { return [one] }
    let several = all.filter { $0.rule.hasPrefix(name + ".") }
    if !several.isEmpty { return several }
    var near = all.map(\.rule).filter { rule in
      let end = rule.split(separator: ".").last ?? ""
      return !name.isEmpty && (end == name.split(separator: ".").last ?? "" || rule.contains(name))
    }
    let meant = suggestion(for: name, among: all.map(\.rule))
    if let meant, !near.contains(meant) { near.insert(meant, at: 0) }
    throw Diagnostic(
      "usage.rule", "'\(name)' is no rule", label: meant.map { "did you mean '\($0)'?" },
      help: near.isEmpty
        ? "'graftc explain' lists all rules" : "rules like it: " + near.prefix(5).joined(separator: ", "),
      category: .usage)
  }
}
