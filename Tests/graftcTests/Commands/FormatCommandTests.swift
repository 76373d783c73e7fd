import Foundation
import Testing

@Suite struct FormatCommandTests {
  private let canonical = "let a = 1\n"

  @Test("A file is put into canonical form in place, once, and keeps its permissions")
  func inPlace() throws {
    let folder = try TemporaryFolder()
    try folder.write("let a=1", as: "a.graft")
    try folder.write(canonical, as: "b.graft")
    chmod(folder("a.graft"), 0o640)
    let before = try FileManager.default.attributesOfItem(atPath: folder("b.graft"))
    let result = try Graftc.succeed(["fmt", folder("a.graft"), folder("b.graft")])
    #expect(result.output == "" && result.error == "")
    #expect(try folder.bytes("a.graft") == Data(canonical.utf8))
    let after = try FileManager.default.attributesOfItem(atPath: folder("b.graft"))
    #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
    let permissions = try FileManager.default.attributesOfItem(atPath: folder("a.graft"))[.posixPermissions]
    #expect(permissions as? Int == 0o640)
    #expect(folder.names == ["a.graft", "b.graft"])
  }

  @Test("--check writes nothing, names what would change and exits with 1")
  func check() throws {
    let folder = try TemporaryFolder()
    try folder.write("let a=1", as: "a.graft")
    try folder.write(canonical, as: "b.graft")
    let result = try Graftc.run(["fmt", "--check", folder("a.graft"), folder("b.graft")])
    #expect(result.code == 1)
    #expect(result.output == folder("a.graft") + "\n")
    #expect(try folder.bytes("a.graft") == Data("let a=1".utf8))
    #expect(try Graftc.succeed(["fmt", "--check", folder("b.graft")]).output == "")
  }

  @Test("A file that does not parse is left as it is; the others are formatted")
  func wrong() throws {
    let folder = try TemporaryFolder()
    try folder.write("let a =\nlet b 2", as: "a.graft")
    try folder.write("let a=1", as: "b.graft")
    let result = try Graftc.fail(65, ["fmt", folder("a.graft"), folder("b.graft")], rule: "syntax.expected")
    #expect(result.error.components(separatedBy: "error:").count == 3)
    #expect(try folder.bytes("a.graft") == Data("let a =\nlet b 2".utf8))
    #expect(try folder.bytes("b.graft") == Data(canonical.utf8))
    try Graftc.fail(65, ["fmt", "--check", folder("a.graft")])
    try Graftc.fail(66, ["fmt", folder("none.graft")], rule: "files.missing")
  }

  @Test("A link goes on to point at its file")
  func link() throws {
    let folder = try TemporaryFolder()
    try folder.write("let a=1", as: "a.graft")
    symlink("a.graft", folder("link.graft"))
    try Graftc.succeed(["fmt", folder("link.graft")])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder("link.graft")) == "a.graft")
    #expect(try folder.bytes("a.graft") == Data(canonical.utf8))
  }

  @Test("Standard input comes out on standard output")
  func standardInput() throws {
    #expect(try Graftc.succeed(["fmt", "-"], input: "let a=1").output == canonical)
    #expect(try Graftc.succeed(["fmt", "-"], input: "").output == "")
    #expect(try Graftc.run(["fmt", "--check", "-"], input: "let a=1").code == 1)
  }
}
