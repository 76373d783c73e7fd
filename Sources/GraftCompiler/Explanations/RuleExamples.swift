/// The two examples of a rule.
struct RuleExamples {
  var breaking = RuleExample()
  var keeping = RuleExample()

  /// The examples of a page below `specs/rules`, by rule.
  ///
  /// A heading `## page.rule` begins a rule's, `Breaks it:` and `Keeps it:` its halves. Files above the first heading
  /// are there in every example that names them.
  static func all(of page: String) -> [String: RuleExamples] {
    var result: [String: RuleExamples] = [:]
    var common = RuleExample()
    var rule: String?
    var half = \RuleExamples.breaking
    var block: (info: String, text: String)?
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if let open = block {
        if line != "```" {
          block = (open.info, open.text + line + "\n")
          continue
        }
        block = nil
        if let rule {
          result[rule]?[keyPath: half].add(open.info, open.text)
        } else {
          common.add(open.info, open.text)
        }
      } else if line.hasPrefix("```") {
        block = (String(line.dropFirst(3)), "")
      } else if line.hasPrefix("## ") {
        rule = String(line.dropFirst(3))
        half = \.breaking
        result[String(line.dropFirst(3))] = RuleExamples()
      } else if let colon = line.firstIndex(of: ":"), let rule,
        let halves = ["Breaks it": \.breaking, "Keeps it": \RuleExamples.keeping][line[..<colon]]
      {
        half = halves
        result[rule]?[keyPath: half].note = String(line[colon...].dropFirst().drop { $0 == " " })
      }
    }
    return result.mapValues { pair in
      RuleExamples(breaking: pair.breaking.taking(common.files), keeping: pair.keeping.taking(common.files))
    }
  }
}
