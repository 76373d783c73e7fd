import GraftIR
import Testing

/// What cannot be printed is no success.
@Suite struct StandardOutputTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("small.pt")])
  }

  /// What a shell says of `command`, which runs in the folder.
  private func shell(_ command: String) throws -> Graftc.Result {
    try Graftc.start(["-c", "\(Graftc.path) \(command)"], folder: folder.path, program: "/bin/sh").wait()
  }

  static let commands = [
    "plan small.graft", "plan small.graft --json", "zoo", "zoo dit.s2", "inspect small.pt", "fmt - < small.graft",
    "compile small.graft --emit ir", "diff small.pt small.pt", "version", "version --json", "explain", "--help",
    "plan --help", "--version", "bench 'mlp(width: 8)' --set N=4 --repeats 1", "verify small.graft",
    "convert small.pt copy.safetensors",
  ]

  @Test("A full standard output ends with 74 and says so", arguments: commands)
  func full(_ command: String) throws {
    let result = try shell(command + " > /dev/full")
    #expect(result.code == 74, "\(result.error)")
    #expect(result.error.contains("rule: command.output"))
  }

  @Test("A closed standard output ends with 74, and no file takes its place", arguments: ["plan small.graft", "zoo"])
  func closed(_ command: String) throws {
    let result = try shell(command + " >&-")
    #expect(result.code == 74, "\(result.error)")
  }

  @Test("What was printed before an error stands before it")
  func order() throws {
    let result = try shell("fmt - nowhere.graft < small.graft 2>&1")
    #expect(result.code == 66)
    #expect(result.output.hasPrefix("graft \"small\"") && result.output.contains("files.missing"))
  }
}
