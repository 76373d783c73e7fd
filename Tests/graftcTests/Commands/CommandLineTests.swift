import GraftFormats
import Testing

/// What holds for every command.
@Suite struct CommandLineTests {
  static let commands = [
    "check", "fmt", "plan", "compile", "inspect", "convert", "diff", "run", "sample", "bench", "explain", "version",
  ]

  @Test("Every command's help shows an example and the options that all understand", arguments: commands)
  func help(_ command: String) throws {
    let result = try Graftc.succeed([command, "--help"])
    #expect(result.output.contains("Example: graftc \(command)"))
    #expect(result.output.contains("--quiet") && result.output.contains("--verbose"))
    #expect(result.error == "")
  }

  @Test("The program's help lists every command")
  func overview() throws {
    let output = try Graftc.succeed(["--help"]).output
    for command in Self.commands { #expect(output.contains("  \(command) "), "\(command)") }
  }

  @Test("An unknown command or option is usage", arguments: [["frobnicate"], ["version", "--frobnicate"], ["plan"]])
  func usage(_ arguments: [String]) throws { try Graftc.fail(64, arguments) }

  @Test("The version tells build, processor and BLAS, also as JSON")
  func version() throws {
    let report = try Graftc.succeed(["version", "--json"]).json()
    let names = report.members?.map(\.name) ?? []
    #expect(names.prefix(6) == ["version", "build", "isa", "threads", "blas", "blas_core"])
    #expect(names.dropFirst(6).allSatisfy { $0.hasPrefix("blas_core_asked") })
    #expect(report["threads"]?.intValue.map { $0 > 0 } == true)
    let text = try Graftc.succeed(["version"]).output
    for member in report.members ?? [] { #expect(text.contains("\(member.name): ")) }
  }

  @Test("The version tells which BLAS core was asked for, by whom, and that another one runs")
  func blasCore() throws {
    let asked = try Graftc.succeed(["version", "--json"], environment: ["OPENBLAS_CORETYPE": "Nonesuch"])
    let report = try asked.json()
    #expect(report["blas_core_asked"]?.textValue == "Nonesuch")
    #expect(report["blas_core_asked_by"]?.textValue == "OPENBLAS_CORETYPE")
    #expect(asked.error.contains("note: ") && asked.error.contains("OPENBLAS_CORETYPE"))
  }

  @Test("What GRAFT_ISA asks for is known", arguments: ["foo", "AVX2"])
  func instructionSet(_ name: String) throws {
    let result = try Graftc.run(["version"], environment: ["GRAFT_ISA": name])
    #expect(result.code == 64)
    #expect(result.error.contains("rule: run.isa"))
  }

  @Test("A --set that sets nothing is refused")
  func unusedSettings() throws {
    let folder = try TemporaryFolder()
    let input = try Small.inputs(folder)
    let set = ["--set", "kernel=4"]
    for command in [
      ["bench", Golden.shapesModel, "--repeats", "1"],
      ["run", Golden.shapesModel, "--input", input, "-o", folder("o.pt")],
      ["sample", Golden.shapesModel, "--labels", "1", "--steps", "2", "-o", folder("o.png")],
      ["bench", Small.model, "--random-weights"], ["bench", "mlp(width: 8)", "--set", "N=4"],
    ] {
      try Graftc.fail(64, command + set, rule: "usage.set")
    }
    try Graftc.fail(64, ["bench", "mlp(width: 8)", "--set", "N=4", "--set", "N=8"], rule: "usage.size")
  }

  @Test(
    "Expressions of the command line are shown with a caret, and with their option",
    arguments: [
      (["bench", "mha(widht: 128)", "--set", "N=64"], "mha(widht: 128):1:5"),
      (["run", Golden.shapesModel, "--trace", "blocks["], "--trace blocks[:1:8"),
      (["run", Golden.shapesModel, "--trace", "blocks[99]"], "--trace blocks[99]:1:8"),
      (["run", Golden.shapesModel, "--operator", "mlp(widht: 4)"], "--operator mlp(widht: 4):1:5"),
      (["run", Golden.shapesModel, "--assume", "dit(heads: )"], "--assume dit(heads: ):1:12"),
    ])
  func expressions(_ command: [String], _ place: String) throws {
    let folder = try TemporaryFolder()
    let more = command[0] == "run" ? ["--input", try Small.inputs(folder), "-o", folder("o.pt")] : []
    let error = try Graftc.run(command + more).error
    #expect(error.contains("  --> \(place)\n") && error.contains("^"), "\(error)")
  }

  @Test("Several graft files are checked, and the first that is wrong decides the exit code")
  func check() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "right.graft")
    try folder.write("graft \"g\" { base \(Small.model) noise remove blocks[9] emit \"x.pt\" }", as: "wrong.graft")
    #expect(try Graftc.succeed(["check", folder("right.graft"), folder("right.graft")]).output == "")
    let result = try Graftc.fail(
      65, ["check", folder("right.graft"), folder("wrong.graft"), folder("none.graft")], rule: "paths.out-of-range")
    #expect(result.error.contains("none.graft"))
    #expect(result.error.contains("wrong.graft"))
    try Graftc.fail(66, ["check", folder("none.graft"), folder("wrong.graft")])
    try Graftc.succeed(["check", "-"], input: Small.graft)
    #expect(folder.names == ["right.graft", "wrong.graft"])
  }

  @Test("A warning stands on standard error under a caret, fails no command, and is left out by --quiet")
  func warnings() throws {
    let folder = try TemporaryFolder()
    try folder.write("graft \"g\" { base dit.s2() noise\nlet far = 3\nemit \"x.safetensors\" }", as: "far.graft")
    let checked = try Graftc.succeed(["check", folder("far.graft")])
    #expect(checked.output == "")
    #expect(checked.error.hasPrefix("warning: nothing reads the value 'far'\n  --> "))
    #expect(checked.error.contains("\n   |     ^^^\n"))
    #expect(try Graftc.succeed(["check", folder("far.graft"), "--quiet"]).error == "")
    let planned = try Graftc.succeed(["plan", folder("far.graft"), "--json"])
    #expect(try planned.json()["failed"] == [])
    #expect(planned.error.contains("rule: names.unused"))
    try Graftc.succeed(["compile", folder("far.graft"), "-o", folder("y.safetensors")])
    #expect(!(try Graftc.succeed(["inspect", folder("y.safetensors")]).error.contains("warning")))
  }

  @Test("--set is checked, and is only for parameters that are there")
  func settings() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    try Graftc.succeed(["check", folder("small.graft"), "--set", "kernel=2,3"])
    let result = try Graftc.fail(64, ["check", folder("small.graft"), "--set", "kernle=2"], rule: "variants.unknown")
    #expect(result.error.contains("kernel"))
    try Graftc.fail(64, ["check", folder("small.graft"), "--set", "kernel=wide"])
  }

  @Test("--quiet prints results and errors only")
  func quiet() throws {
    let result = try Graftc.succeed(["inspect", Golden.shapesModel, "--quiet", "--json"])
    #expect(result.error == "")
    #expect(!result.output.isEmpty)
    let failure = try Graftc.fail(66, ["inspect", "/nowhere/model.pt", "--quiet"])
    #expect(failure.error.contains("/nowhere/model.pt"))
  }

  @Test(
    "Messages start in lower case and end without a period",
    arguments: [
      ["inspect", "/nowhere/model.pt"], ["check", "/nowhere/model.graft"],
      ["run", "mlp(width: 3)", "--input", "a", "--output", "b.pt"],
      ["bench", Small.model], ["sample", Small.model, "--labels", "x", "-o", "x.png"],
    ])
  func messages(_ arguments: [String]) throws {
    let first = try #require(try Graftc.run(arguments).error.split(separator: "\n").first)
    let message = try #require(first.split(separator: "error: ", maxSplits: 1).last)
    #expect(message.first?.isUppercase == false)
    #expect(message.last != ".")
  }
}
