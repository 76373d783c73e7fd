import GraftCompiler
import GraftFormats
import Testing

@Suite struct ExplainCommandTests {
  /// Rules whose examples are files and commands.
  static let rules = Explanation.all.filter { !$0.breaking.script.isEmpty }.map(\.rule)

  @Test("What breaks a rule breaks this one and no other, and what keeps it breaks none", arguments: rules)
  func examples(_ rule: String) throws {
    let explanation = try #require(Explanation.all.first { $0.rule == rule })
    let broken = try Shell.run(explanation.breaking)
    #expect((broken.code == 0) == explanation.isWarning, "\(broken.error)")
    #expect(broken.rules == [rule], "\(broken.error)")
    let kept = try Shell.run(explanation.keeping)
    #expect(kept.code == 0, "\(kept.error)")
    #expect(kept.rules == [], "\(kept.error)")
  }

  @Test("A rule is shown with its sentence and both examples")
  func one() throws {
    let output = try Graftc.succeed(["explain", "names.no-part"]).output
    #expect(output.hasPrefix("names.no-part: what follows a dot"))
    #expect(output.contains("  specs/language.md\n"))
    let (breaks, keeps) = (output.range(of: "Breaks it:"), output.range(of: "Keeps it:"))
    #expect(try #require(breaks).lowerBound < #require(keeps).lowerBound)
    #expect(output.contains("    replace blocks[odd].atn with hyena_x()"))
  }

  @Test("Every rule can be shown, and in JSON")
  func json() throws {
    let report = try Graftc.succeed(["explain", "--json", "emit.same-file"]).json()
    #expect(report["rule"]?.textValue == "emit.same-file")
    #expect(report["breaks"]?["script"]?.textValue == "graftc check a.graft --set window=2,4\n")
    #expect(report["breaks"]?["files"]?.listValue?.first?["name"]?.textValue == "a.graft")
    let list = try JSON(parsing: try Graftc.succeed(["explain", "--json"]).output, file: "standard output")
    #expect(list.listValue?.count == Explanation.all.count)
  }

  @Test("Without a rule all are listed by page, with the first half of some these")
  func lists() throws {
    let all = try Graftc.succeed(["explain"]).output
    for explanation in Explanation.all { #expect(all.contains("  \(explanation.rule) ")) }
    #expect(all.contains("specs/formats/safetensors.md\n  safetensors."))
    let some = try Graftc.succeed(["explain", "starts"]).output
    #expect(some.hasPrefix("specs/language.md\n  starts.operator "))
    #expect(!some.contains("names."))
  }

  @Test("A name that is no rule is usage, and near ones are named")
  func unknown() throws {
    let result = try Graftc.fail(64, ["explain", "names.unknwon"], rule: "usage.rule")
    #expect(result.error.contains("did you mean 'names.unknown'?"))
    try Graftc.fail(64, ["explain", ""], rule: "usage.rule")
  }
}
