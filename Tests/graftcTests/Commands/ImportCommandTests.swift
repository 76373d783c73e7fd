import Foundation
import GraftIR
import Testing

@Suite struct ImportCommandTests {
  private static let sampling = Golden.folder + "/configurations/sampling"

  @Test("A configuration becomes a graft file that plans; warnings stand on the error stream")
  func graft() throws {
    let folder = try TemporaryFolder()
    let result = try Graftc.succeed(["import", Self.sampling + "/3_swaps.yaml", "-o", folder("swaps.graft")])
    #expect(result.output == "")
    #expect(result.error.contains("rule: import.fault"))
    let report = try Graftc.succeed(["plan", folder("swaps.graft"), "--base", "noise", "--json"]).json()
    #expect(report["model"]?.textValue == "3_swaps")
    let printed = try Graftc.succeed(["import", Self.sampling + "/3_swaps.yaml", "--quiet"])
    #expect(printed.error == "")
    #expect(
      printed.output == String(decoding: try Data(contentsOf: URL(filePath: folder("swaps.graft"))), as: UTF8.self))
  }

  @Test("Files that are missing, exist or say nothing")
  func mistakes() throws {
    let folder = try TemporaryFolder()
    try folder.write("a: 1\n", as: "a.yaml")
    try Graftc.fail(65, ["import", folder("a.yaml")], rule: "import.section")
    try Graftc.fail(66, ["import", folder("b.yaml")], rule: "import.missing")
    let swaps = Self.sampling + "/3_swaps.yaml"
    try Graftc.fail(66, ["import", swaps, "--operator-config", folder("b.yaml")], rule: "import.no-config")
    try Graftc.fail(73, ["import", swaps, "-o", folder("a.yaml")], rule: "transfer.exists")
    try Graftc.succeed(["import", swaps, "-o", folder("a.yaml"), "--force"])
  }
}
