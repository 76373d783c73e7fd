import Foundation
import GraftFormats
import GraftIR
import Testing

/// Commands that are given nothing to work on, or a part of it, say what is missing.
@Suite struct MissingWorkTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("", as: "empty.graft")
    try folder.write(
      "operator own(width d: Int) {\n    inner = linear(d, d)\n    forward(x: [B, N, d]) -> [B, N, d] { return inner(x) }\n}\n",
      as: "own.graft")
    try folder.write(Small.graft, as: "small.graft")
  }

  static let commands: [[String]] = [
    ["plan"], ["plan", "--json"], ["verify"], ["compile"], ["compile", "--emit", "ir"], ["bench", "--repeats", "1"],
    ["sample", "--labels", "1", "--steps", "2", "-o", "x.png"], ["run", "--input", "in.safetensors", "-o", "o.pt"],
  ]

  @Test("A file without a graft is refused by every command that needs one", arguments: commands)
  func noGraft(_ command: [String]) throws {
    _ = try Small.inputs(folder)
    try folder.write("kept", as: "small-4.safetensors")
    for (name, content) in [("empty.graft", "it is empty"), ("own.graft", "1 operator")] {
      let result = try Graftc.fail(
        65, [command[0], name] + command.dropFirst(), rule: "graft.none", folder: folder.path)
      #expect(result.error.contains(content), "\(result.error)")
    }
    try Graftc.succeed(["check", folder("own.graft"), folder("empty.graft")])
  }

  @Test("A set of files that lacks one names it, whoever opens it")
  func missingShard() throws {
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("small.pt")])
    try FileManager.default.createDirectory(atPath: folder("set"), withIntermediateDirectories: false)
    try Graftc.succeed(
      ["convert", folder("small.pt"), folder("set/model.safetensors"), "--shard-size", "8KB", "--quiet"])
    let all = try FileManager.default.contentsOfDirectory(atPath: folder("set")).sorted()
    let shard = try #require(all.first { $0.hasSuffix(".safetensors") })
    try FileManager.default.removeItem(atPath: folder("set/\(shard)"))
    let input = try Small.inputs(folder)
    for address in [folder("set"), folder("set/model.safetensors.index.json")] {
      for command in [
        ["run", address, "--input", input, "-o", folder("o.pt")], ["plan", folder("small.graft"), "--base", address],
        ["compile", folder("small.graft"), "--base", address, "-o", folder("o.pt")],
      ] {
        let result = try Graftc.fail(66, command, rule: "sharded.missing-shard")
        #expect(result.error.contains(shard), "\(result.error)")
      }
    }
    try FileManager.default.createDirectory(atPath: folder("nothing"), withIntermediateDirectories: false)
    for command in [
      ["run", folder("nothing"), "--input", input, "-o", folder("o.pt")],
      ["plan", folder("small.graft"), "--base", folder("nothing")],
    ] {
      try Graftc.fail(66, command, rule: "checkpoint.folder")
    }
  }

  @Test("What is wrong counts before what is missing, and a missing graft file is named")
  func codes() throws {
    try folder.write(
      """
      graft "g" {
          base \(Small.model) noise
          let scores = read("none.json")
          remove blocks[9]
      }
      """, as: "both.graft")
    let result = try Graftc.fail(65, ["check", folder("both.graft")], rule: "files.missing")
    #expect(result.error.contains("rule: paths.out-of-range"))
    let missing = try Graftc.fail(66, ["check", folder("nofile.graft")], rule: "files.missing")
    #expect(missing.error.contains("there is no file '\(folder("nofile.graft"))'"))
  }
}
