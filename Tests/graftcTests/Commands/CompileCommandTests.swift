import Foundation
import GraftCompiler
import GraftFormats
import GraftIR
import Testing

@Suite struct CompileCommandTests {
  /// A folder with the graft of `Small`.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    return folder
  }

  @Test("The result is the file, and nothing is printed to standard output")
  func written() throws {
    let folder = try folder()
    let result = try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("out.safetensors")])
    #expect(result.output == "")
    #expect(folder.names == ["out.safetensors", "small.graft"])
    let quiet = try Graftc.succeed(["compile", folder("small.graft"), "--quiet"])
    #expect(quiet.output + quiet.error == "")
    #expect(folder.names == ["out.safetensors", "small-4.safetensors", "small.graft"])
  }

  @Test("Two runs write the same bytes, in both formats", arguments: ["safetensors", "pt"])
  func reproducible(_ format: String) throws {
    let folder = try folder()
    for name in ["a", "b"] {
      try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("\(name).\(format)"), "--seed", "3"])
    }
    #expect(try folder.bytes("a.\(format)") == folder.bytes("b.\(format)"))
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("c.\(format)"), "--seed", "4"])
    #expect(try folder.bytes("a.\(format)") != folder.bytes("c.\(format)"))
  }

  @Test("Both formats hold the same tensors")
  func formats() throws {
    let folder = try folder()
    for format in ["safetensors", "pt"] {
      try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("out.\(format)")])
    }
    let result = try Graftc.run(["diff", folder("out.pt"), folder("out.safetensors"), "--json"])
    #expect(try result.json() == ["equal": true, "missing": [], "extra": [], "changed": []])
  }

  @Test(
    "Formulas over a narrow checkpoint are computed in f32 and written narrow; what they only move stays to the bit")
  func narrow() throws {
    let folder = try folder()
    try folder.write(
      """
      graft "narrow" {
          base \(Small.model) noise(seed: 7)
          emit "narrow.safetensors" as bf16
      }
      graft "wide" {
          base \(Small.model) from "narrow.safetensors"
          replace blocks[0].mlp with mlp(ratio: 6)
          replace blocks[1].mlp with mlp(ratio: 3)
          replace blocks[2].attn with gqa(kv_heads: 1)
          emit "wide.safetensors" as bf16
      }
      """, as: "narrow.graft")
    try Graftc.succeed(["compile", folder("narrow.graft:narrow")])
    try Graftc.succeed(["compile", folder("narrow.graft:wide")])
    let (old, new) = (try Golden.tensors(folder("narrow.safetensors")), try Golden.tensors(folder("wide.safetensors")))
    func values(_ tensors: [String: Tensor], _ name: String) throws -> [Double] {
      let tensor = try #require(tensors[name])
      #expect(tensor.dtype == .bf16)
      return tensor.doubles
    }
    #expect(
      try values(new, "blocks.0.mlp.fc1.weight").prefix(64 * 16) == values(old, "blocks.0.mlp.fc1.weight")[...])
    // Each row that is kept is one of the old ones.
    let rows = try values(old, "blocks.1.mlp.fc1.weight")
    let kept = try values(new, "blocks.1.mlp.fc1.weight")
    let all = Set((0..<64).map { Array(rows[$0 * 16..<$0 * 16 + 16]) })
    #expect((0..<48).allSatisfy { all.contains(Array(kept[$0 * 16..<$0 * 16 + 16])) })
    // A mean of two heads, rounded once to bf16's 8 bits.
    let keys = try values(old, "blocks.2.attn.qkv.bias")
    for (index, mean) in try values(new, "blocks.2.attn.k_proj.bias").enumerated() {
      let exact = (keys[16 + index] + keys[24 + index]) / 2
      #expect(abs(mean - exact) <= abs(exact) / 256)
    }
  }

  @Test("An output that exists is refused, and replaced with --force")
  func existing() throws {
    let folder = try folder()
    try folder.write("precious", as: "out.safetensors")
    let arguments = ["compile", folder("small.graft"), "-o", folder("out.safetensors")]
    try Graftc.fail(73, arguments, rule: "transfer.exists")
    #expect(try folder.bytes("out.safetensors") == Data("precious".utf8))
    try Graftc.succeed(arguments + ["--force"])
    #expect(try Golden.tensors(folder("out.safetensors")).count > 10)
  }

  @Test("Every output is checked before the first is written")
  func existingVariant() throws {
    let folder = try folder()
    try folder.write("precious", as: "small-3.safetensors")
    try Graftc.fail(73, ["compile", folder("small.graft"), "--set", "kernel=2,3"], rule: "transfer.exists")
    #expect(folder.names == ["small-3.safetensors", "small.graft"])
  }

  @Test("Several variants write a file each, and do not fit one name")
  func variants() throws {
    let folder = try folder()
    try Graftc.fail(64, ["compile", folder("small.graft"), "--set", "kernel=2,3", "-o", folder("x.safetensors")])
    try Graftc.succeed(["compile", folder("small.graft"), "--set", "kernel=2,3"])
    #expect(folder.names == ["small-2.safetensors", "small-3.safetensors", "small.graft"])
  }

  @Test("A missing folder, an unknown format and a folder in the way are told apart")
  func places() throws {
    let folder = try folder()
    let graft = folder("small.graft")
    try Graftc.fail(73, ["compile", graft, "-o", folder("no/out.safetensors")], rule: "transfer.folder")
    try Graftc.fail(64, ["compile", graft, "-o", folder("out.txt")], rule: "transfer.format")
    try FileManager.default.createDirectory(atPath: folder("out.safetensors"), withIntermediateDirectories: false)
    try Graftc.fail(73, ["compile", graft, "-o", folder("out.safetensors"), "--force"], rule: "transfer.exists")
    #expect(folder.names == ["out.safetensors", "small.graft"])
  }

  @Test("A graft is not written onto what it is made from")
  func ownSource() throws {
    let folder = try folder()
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("base.safetensors")])
    let before = try folder.bytes("base.safetensors")
    try folder.write(
      """
      graft "again" {
          base auto from "base.safetensors"
          replace blocks[0].mlp with mlp(ratio: 2)
          emit "base.safetensors"
      }
      """, as: "again.graft")
    try FileManager.default.createSymbolicLink(
      atPath: folder("link.safetensors"), withDestinationPath: folder("base.safetensors"))
    for output in [[], ["-o", folder("base.safetensors")], ["-o", folder("link.safetensors")]] {
      try Graftc.fail(73, ["compile", folder("again.graft"), "--force"] + output, rule: "transfer.own-source")
    }
    #expect(try folder.bytes("base.safetensors") == before)
  }

  @Test("Missing files of one line are told once, and the plan only notes them")
  func missingStarts() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      graft "g" {
          base \(Small.model) noise
          replace blocks[i in odd].attn with hyena_x() starting from "stage1/block_\\(i).pt"
          replace blocks[0].attn with hyena_x() starting from "zero.pt"
          emit "out.safetensors"
      }
      """, as: "g.graft")
    let message = "2 of 2 files \"stage1/block_\\(i).pt\" are missing: i = 1, 3"
    let refused = try Graftc.fail(66, ["compile", folder("g.graft")], rule: "weights.no-file")
    #expect(refused.error.components(separatedBy: message).count == 2)
    #expect(refused.error.contains("g.graft:3:") && refused.error.contains("zero.pt"))
    let planned = try Graftc.succeed(["plan", folder("g.graft")])
    #expect(planned.output.components(separatedBy: message).count == 2)
    let report = try Graftc.succeed(["plan", folder("g.graft"), "--json"]).json()
    #expect(report["missing"]?.listValue?.count == 3)
  }

  @Test("A missing base is named, with what to do about it")
  func missingBase() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "graft \"g\" { base \(Small.model) from \"none.safetensors\" emit \"out.safetensors\" }", as: "g.graft")
    let result = try Graftc.fail(66, ["compile", folder("g.graft")], rule: "weights.no-file")
    #expect(result.error.contains("--base"))
    #expect(folder.names == ["g.graft"])
    try Graftc.succeed(["compile", folder("g.graft"), "--base", "noise"])
    #expect(folder.names == ["g.graft", "out.safetensors"])
  }

  @Test("Weights of --base noise are seeded, and none of them is all zeros")
  func noise() throws {
    let folder = try folder()
    try Graftc.succeed(["compile", folder("small.graft"), "--base", "noise"])
    for (name, tensor) in try Golden.tensors(folder("small-4.safetensors")) {
      #expect(tensor.floats.contains { $0 != 0 }, "\(name)")
    }
  }

  @Test("What does not compile is bad data, what is not there is missing, what is not said right is usage")
  func exitCodes() throws {
    let folder = try folder()
    try folder.write("graft \"g\" { base nothing noise emit \"x.safetensors\" }", as: "wrong.graft")
    try folder.write(
      "graft \"g\" { base \(Small.model) noise require depth == 5 emit \"x.safetensors\" }", as: "require.graft")
    try Graftc.fail(65, ["compile", folder("wrong.graft")])
    let failed = try Graftc.fail(65, ["compile", folder("require.graft")], rule: "require.failed")
    #expect(failed.error.contains("4 and 5"))
    try Graftc.fail(66, ["compile", folder("none.graft")])
    try Graftc.fail(64, ["compile", folder("small.graft"), "--set", "kernle=3"], rule: "variants.unknown")
    try Graftc.fail(64, ["compile", folder("small.graft"), "--set", "kernel"], rule: "usage.set")
    try Graftc.fail(64, ["compile", folder("small.graft"), "--frobnicate"])
    try Graftc.fail(64, ["compile", folder("small.graft") + ":other"], rule: "names.unknown-graft")
    #expect(folder.names == ["require.graft", "small.graft", "wrong.graft"])
  }

  @Test("The printed graphs parse back to the program")
  func emitIR() throws {
    let folder = try folder()
    let result = try Graftc.succeed(["compile", folder("small.graft"), "--emit", "ir"])
    let graft = try #require(Compiler().compile(file: folder("small.graft")).first)
    #expect(try Program(parsing: result.output) == graft.program())
    #expect(folder.names == ["small.graft"])
  }

  @Test("A file of several grafts is compiled in whole or by name, and standard input works")
  func severalGrafts() throws {
    let folder = try folder()
    try folder.write(
      """
      graft "a" { base \(Small.model) noise emit "a.safetensors" }
      graft "b" { base \(Small.model) noise remove blocks[0] emit "b.safetensors" }
      """, as: "two.graft")
    try Graftc.succeed(["compile", folder("two.graft") + ":b"])
    #expect(folder.names == ["b.safetensors", "small.graft", "two.graft"])
    let text = "graft \"c\" { base \(Small.model) noise emit \"c.safetensors\" }"
    try Graftc.succeed(["compile", "-"], input: text, folder: folder.path)
    #expect(folder.names.contains("c.safetensors"))
  }

  // MARK: Ends that nobody planned

  /// A graft that takes long enough to write to be stopped in the middle: 600 MB.
  private static let large = """
    graft "large" {
        base dit(size: 32, width: 1024, depth: 8, heads: 16, patch: 2, in_channels: 4, classes: 1000) noise
        emit "large.safetensors"
    }
    """

  /// Starts to write the large graft and waits until the first bytes are there.
  private func startLarge(_ folder: TemporaryFolder) throws -> Graftc.Started {
    try folder.write(Self.large, as: "large.graft")
    let run = try Graftc.start(["compile", folder("large.graft")])
    let partial = folder(".large.safetensors.graft-partial")
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      var status = stat()
      if stat(partial, &status) == 0, status.st_size > 1 << 20 { return run }
      usleep(2000)
    }
    run.send(SIGKILL)
    _ = try run.wait()
    throw Diagnostic("test.slow", "nothing was written within a minute")
  }

  @Test("A signal that asks to stop ends with its code and leaves nothing", arguments: [SIGINT, SIGTERM, SIGHUP])
  func interrupt(_ signal: Int32) throws {
    let folder = try TemporaryFolder()
    let run = try startLarge(folder)
    run.send(signal)
    let result = try run.wait()
    #expect(result.code == 128 + signal, "\(result.error)")
    #expect(folder.names == ["large.graft"])
  }

  @Test("Two lines that write are not one output, and no output is given twice")
  func twoEmits() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      Small.graft.replacing("    emit", with: "    emit \"other.pt\"\n    emit"), as: "two.graft")
    try Graftc.fail(64, ["compile", folder("two.graft"), "-o", folder("one.pt")], rule: "usage.output")
    try folder.write(Small.graft, as: "small.graft")
    let twice = ["compile", folder("small.graft"), "-o", folder("a.pt"), "--output", folder("b.pt")]
    try Graftc.fail(64, twice, rule: "usage.output")
    #expect(folder.names == ["small.graft", "two.graft"])
  }

  @Test("The graphs of one variant are read back, to a file too, and those of several are refused")
  func graphs() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    let command = ["compile", folder("small.graft"), "--emit", "ir"]
    try Graftc.fail(64, command + ["--set", "kernel=2,4"], rule: "usage.one-graft")
    let printed = try Graftc.succeed(command).output
    try Graftc.succeed(command + ["-o", folder("small.ir")])
    #expect(try folder.bytes("small.ir") == Data(printed.utf8))
    #expect(try Program(parsing: printed).graphs.isEmpty == false)
    try Graftc.fail(73, command + ["-o", folder("small.ir")], rule: "transfer.exists")
  }

  @Test("The seed of seeded noise is the one that is given, and verifying knows it")
  func noiseSeed() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    for seed in ["0", "5"] {
      try Graftc.succeed(
        ["compile", folder("small.graft"), "--base", "noise", "--seed", seed, "-o", folder("\(seed).pt")])
    }
    #expect(try Graftc.run(["diff", folder("0.pt"), folder("5.pt")]).code == 1)
    let report = try Graftc.succeed(["verify", folder("5.pt"), "--base", "noise", "--json"]).json()
    let first = try #require(report["parts"]?.listValue?.first)
    #expect(first["max_abs"]?.doubleValue == 0, "\(report.text())")
  }

  @Test("A kill leaves at most the partial file and its journal, which the next run removes")
  func killed() throws {
    let folder = try TemporaryFolder()
    let run = try startLarge(folder)
    run.send(SIGKILL)
    #expect(try run.wait().code == -SIGKILL)
    #expect(
      folder.names == [".large.safetensors.graft-journal", ".large.safetensors.graft-partial", "large.graft"])
    // The same output of another graft, so that the test is quick.
    try folder.write(Small.graft, as: "small.graft")
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("large.safetensors")])
    #expect(folder.names == ["large.graft", "large.safetensors", "small.graft"])
  }

  @Test("A full disk is told as such, and leaves nothing", .enabled(if: geteuid() == 0))
  func fullDisk() throws {
    let folder = try TemporaryFolder()
    let disk = folder("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    // Not every container may mount; a limit on the size of files is tested everywhere.
    guard mount("tmpfs", disk, "tmpfs", 0, "size=64k") == 0 else { return }
    defer { umount2(disk, Int32(MNT_DETACH)) }
    try folder.write(Small.graft, as: "small.graft")
    for name in ["out.safetensors", "out.pt"] {
      try Graftc.fail(74, ["compile", folder("small.graft"), "-o", "\(disk)/\(name)"], rule: "transfer.write")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == [])
    }
  }
  @Test("A limit on the size of files is told as an output that cannot be written, and leaves nothing")
  func fileSizeLimit() throws {
    let folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
    for name in ["out.safetensors", "out.pt", "out.h5", "out.weights.h5"] {
      let result = try Shell.run("ulimit -f 16; graftc compile small.graft -o \(name)", in: folder)
      #expect(result.code == 74)
      #expect(result.error.contains("rule: transfer.write"))
      #expect(folder.names == ["small.graft"])
    }
  }
}
