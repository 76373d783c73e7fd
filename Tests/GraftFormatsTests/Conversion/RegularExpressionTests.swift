import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct RegularExpressionTests {
  /// What becomes of `name` by `rule`, or `nil` where nothing matches.
  private func rename(_ name: String, _ rule: String) throws -> String? {
    var budget = RenameRule.stepLimit
    return try RenameRule(rule).newName(for: name, budget: &budget)
  }

  static let renames: [(String, String, String?)] = [
    ("model.blocks.0.attn", "^model\\.=>", "blocks.0.attn"), ("blocks.0.attn", "^model\\.=>", nil),
    ("layers.12.w", "layers\\.(\\d+)=>blocks.\\1", "blocks.12.w"), ("a.b.c", "\\.=>/", "a/b/c"),
    ("abc", "(a)(b)?(x)?=>[$1|$2|$3]", "[a|b|]c"), ("abc", "(?<one>a)=>${one}${one}", "aabc"),
    ("abc", "b=>$$\\\\", "a$\\c"), ("abc", "=>x", nil), ("aaa", "a*?=>-", "-a-a-a-"), ("", "^$=>empty", "empty"),
    ("a.weight", "weight$=>w=>x", "a.w=>x"), ("x1y22", "[0-9]+=>#", "x#y#"), ("x-y]z", "[]x-]=>.", "..y.z"),
    ("héé重", "[^a-z]=>_", "h___"), ("ab ab", "\\bab\\b=>c", "c c"), ("aXbX", "X{2}|X=>.", "a.b."),
    ("aab", "(?:a|aa)b=>.", "."), ("{}", "\\{\\}=>b", "b"), ("a{b", "a{b=>c", "c"), ("a{2", "a{2=>c", "c"),
  ]

  @Test("Every match becomes the new text, with groups", arguments: renames)
  func renaming(_ name: String, _ rule: String, _ expected: String?) throws {
    guard !rule.hasPrefix("=>") else {
      let error = #expect(throws: Diagnostic.self) { try RenameRule(rule) }
      #expect(error?.rule == "convert.rename")
      return
    }
    #expect(try rename(name, rule) == expected)
  }

  @Test(
    "What is no pattern is refused",
    arguments: [
      "(", ")", "a)", "[", "[a", "*", "+a", "?", "a**", "a{3,2}", "a{2000}", "a\\", "\\1", "(?=a)", "(?!a)", "(?<=a)b",
      "(?i)a", "\\p{L}", "[b-a]", "[[:alpha:]]", "(?<>a)", "(?<n>a)(?<n>b)", "((a{50}){50}){50}",
      String(repeating: "(", count: 51) + String(repeating: ")", count: 51), String(repeating: "a", count: 1001),
    ])
  func refusals(_ pattern: String) throws {
    let error = #expect(throws: Diagnostic.self) { try RenameRule(pattern + "=>x") }
    #expect(error?.rule == "convert.pattern" && error?.category == .usage)
  }

  @Test(
    "A rule has an arrow, and names only groups that are there",
    arguments: ["a", "", "a=>$1", "(a)=>\\2", "a=>${n}", "a=>${-1}"])
  func rules(_ text: String) throws {
    let error = #expect(throws: Diagnostic.self) { try RenameRule(text) }
    #expect(error?.rule == "convert.rename" && error?.category == .usage)
  }

  @Test(
    "Patterns that make others run for ages take no time", .timeLimit(.minutes(1)),
    arguments: [
      "(a*)*b", "(a|a)*b", "(a|aa)+$", "(.*.*.*.*)*x", "(a?){30}a{30}", "((a+)+)+!", "(x+x+)+y",
      "^(([a-z])+.)+[A-Z]([a-z])+$", "(?:(?:(?:(?:){1000}){1000}){1000}){1000}", "(?:(?:x{0}){1000}){1000}",
    ])
  func hostile(_ pattern: String) throws {
    let start = ContinuousClock.now
    var budget = RenameRule.stepLimit
    let rule = try RenameRule(pattern + "=>.")
    do throws(Diagnostic) {
      _ = try rule.newName(for: String(repeating: "a", count: 3000), budget: &budget)
    } catch { #expect(error.rule == "convert.pattern") }
    #expect(ContinuousClock.now - start < .seconds(20))  // An unoptimised build takes its time for the whole budget.
  }

  /// ICU's matcher backtracks, and agrees on what is matched.
  @Test("Random patterns match what ICU matches", arguments: 0..<40)
  func oracle(_ seed: UInt64) throws {
    var random = SeededNumbers(seed: seed)
    for _ in 0..<50 {
      let pattern = Self.pattern(&random, depth: 3)
      let text = String(
        (0..<Int.random(in: 0...10, using: &random)).map { _ in "abc1.".randomElement(using: &random) ?? "a" })
      guard let icu = try? NSRegularExpression(pattern: pattern) else {
        Issue.record("ICU refuses \(pattern)")
        continue
      }
      let expected = icu.stringByReplacingMatches(
        in: text, range: NSRange(location: 0, length: text.utf16.count), withTemplate: "<$0>")
      let found = try rename(text, "(" + pattern + ")=><$1>") ?? text
      #expect(found == expected, "\(pattern) on \(text), seed \(seed)")
    }
  }

  private static func pattern(_ random: inout SeededNumbers, depth: Int) -> String {
    switch Int.random(in: 0..<(depth == 0 ? 5 : 9), using: &random) {
    case 0: return "a"
    case 1: return "[bc]"
    case 2: return "."
    case 3: return "\\d"
    case 4: return ["b", "[^a]", "\\w", "c", "\\b", "\\."].randomElement(using: &random) ?? "b"
    case 5: return pattern(&random, depth: depth - 1) + pattern(&random, depth: depth - 1)
    case 6: return "(?:" + pattern(&random, depth: depth - 1) + "|" + pattern(&random, depth: depth - 1) + ")"
    default:
      // Repetitions of what may be empty are where engines differ, so they repeat a character or a pair.
      let repeated = ["a", "[bc]", "(?:ab)", ".", "(?:a|b)", "\\w"].randomElement(using: &random) ?? "a"
      let count = ["*", "+", "?", "{2}", "{1,2}", "*?", "+?", "{0,2}?"].randomElement(using: &random) ?? "*"
      return repeated + count
    }
  }
}
