import Foundation
import Testing

/// `specs/tutorial.md`, read as somebody follows it: its files are written and its commands run, in order and in one
/// folder.
@Suite struct TutorialTests {
  /// What stands between fences, with the word behind the first one.
  private func pieces() throws -> [(kind: String, text: String)] {
    let page = try String(contentsOfFile: Golden.root + "/specs/tutorial.md", encoding: .utf8)
    return page.components(separatedBy: "\n```").enumerated().filter { $0.offset % 2 == 1 }.map { item in
      let end = item.element.firstIndex(of: "\n") ?? item.element.endIndex
      return (String(item.element[..<end]), item.element[end...].dropFirst() + "\n")
    }
  }

  @Test("Every file of the tutorial compiles, every command succeeds, and what it shows is what is printed")
  func follow() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder("Demo"), withDestinationPath: Golden.root + "/Demo")
    let pieces = try pieces()
    #expect(pieces.filter { $0.kind == "graft" }.count >= 7)
    var printed = ""
    for (kind, text) in pieces {
      switch kind {
      case "graft", "json":
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(try #require(lines.first).dropFirst("// ".count))
        #expect(name.hasSuffix("." + kind), "\(name)")
        // JSON has no comments.
        try folder.write(kind == "json" ? String(lines[1]) : text, as: name)
        if kind == "graft" { try Graftc.succeed(["check", name], folder: folder.path) }
      case "sh":
        for command in text.split(separator: "\n") {
          let result = try Shell.run("{ \(command)\n} 2>&1", in: folder)
          #expect(result.code == 0, "\(command): \(result.output)")
          printed = result.output
        }
      default:
        #expect(printed.contains(text), "\(printed)")
      }
    }
    #expect(printed.isEmpty)  // 'fmt --check' of files in canonical form.
    let verified = try Graftc.succeed(["verify", "scored.graft", "--set", "limit=0.1"], folder: folder.path)
    #expect(verified.output.contains("exact") && !verified.output.contains("not proved"))
  }
}
