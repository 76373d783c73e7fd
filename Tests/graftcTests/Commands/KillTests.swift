import Foundation
import GraftFormats
import GraftIR
import Testing

/// Processes that are killed at any moment, and disks that are full: what is there is whole, and the rest can be made
/// up for.
@Suite(.serialized) struct KillTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A checkpoint of 60 MB in 120 tensors.
  private func makeSource() throws {
    var plan = WeightPlan(sources: [], tensors: [], metadata: ["note": "n"])
    for index in 0..<120 {
      let draw = Draw(.normal(mean: 0, deviation: 1), seed: 1, stream: "\(index)")
      plan.tensors.append(
        PlannedTensor(
          name: "blocks.\(index).w", dtype: .f32, shape: [125_000], expression: .draw(draw, [125_000]), origin: .fresh))
    }
    try TransferEngine.run(plan, readers: [], to: folder("in.pt"))
  }

  /// What may lie in the folder of an output that a kill kept from appearing.
  private static func isLeftover(_ name: String) -> Bool {
    name.hasPrefix(".") && (name.hasSuffix(".graft-partial") || name.hasSuffix(".graft-journal"))
  }

  /// Runs `arguments`, which write `output`, and kills the process at random moments of its life until `kills` have hit
  /// it. `check` sees what is left each time.
  private func kill(
    _ kills: Int, seed: UInt64, _ arguments: [String], output: String, check: (Bool) throws -> Void
  ) throws {
    var random = Seeded(state: seed)
    let start = ContinuousClock.now
    try Graftc.succeed(arguments)
    let life = ContinuousClock.now - start
    for name in folder.names where name.contains(output) {
      try FileManager.default.removeItem(atPath: folder(name))
    }
    let microseconds = Double(life.components.attoseconds) / 1e12 + Double(life.components.seconds) * 1e6
    for _ in 0..<kills {
      let run = try Graftc.start(arguments)
      usleep(UInt32(Double.random(in: 0...1.1, using: &random) * microseconds))
      run.send(SIGKILL)
      let result = try run.wait()
      #expect(result.code == -SIGKILL || result.code == 0, "\(result.error)")
      try check(result.code == 0)
    }
  }

  @Test("An output is whole or not there, whenever the process is killed", .timeLimit(.minutes(5)))
  func wholeOrNothing() throws {
    try makeSource()
    var outcomes = (there: 0, absent: 0)
    let expected = try expectedBytes(["--dtype", "bf16"])
    try kill(
      200, seed: 7, ["convert", folder("in.pt"), folder("out.safetensors"), "--dtype", "bf16", "--force"],
      output: "out.safetensors"
    ) { ended in
      let rest = folder.names.filter { $0 != "in.pt" && !Self.isLeftover($0) }
      #expect(rest == [] || rest == ["out.safetensors"])
      if rest.isEmpty {
        #expect(!ended)
        outcomes.absent += 1
      } else {
        #expect(try folder.bytes("out.safetensors") == expected)
        outcomes.there += 1
        try FileManager.default.removeItem(atPath: folder("out.safetensors"))
      }
    }
    #expect(outcomes.absent > 20, "kills came too late: \(outcomes)")
    // The next run removes what is left.
    try Graftc.succeed(["convert", folder("in.pt"), folder("out.safetensors"), "--dtype", "bf16"])
    #expect(folder.names == ["in.pt", "out.safetensors"])
  }

  private func expectedBytes(_ options: [String], _ name: String = "expected.safetensors") throws -> Data {
    try Graftc.succeed(["convert", folder("in.pt"), folder(name)] + options)
    defer { try? FileManager.default.removeItem(atPath: folder(name)) }
    return try folder.bytes(name)
  }

  @Test("What replaces a file leaves the old one whole until it is whole itself", .timeLimit(.minutes(5)))
  func replacing() throws {
    try makeSource()
    let new = try expectedBytes([])
    try Graftc.succeed(["convert", folder("in.pt"), folder("keep.safetensors"), "--include", "blocks.1.w"])
    let old = try folder.bytes("keep.safetensors")
    try kill(
      30, seed: 8, ["convert", folder("in.pt"), folder("out.safetensors"), "--force"], output: "out.safetensors"
    ) { _ in
      if folder.names.contains("out.safetensors") {
        let found = try folder.bytes("out.safetensors")
        #expect(found == new || found == old)
        try FileManager.default.removeItem(atPath: folder("out.safetensors"))
      }
      try old.write(to: URL(filePath: folder("out.safetensors")))
    }
  }

  @Test(
    "A conversion that is resumed after any kill gives the same bytes and the same ledger", .timeLimit(.minutes(5)),
    arguments: ["out.safetensors", "out.pt"])
  func resumedConversion(_ name: String) throws {
    try makeSource()
    let arguments = ["convert", folder("in.pt"), folder(name), "--dtype", "f16", "--json"]
    let ledger = try Graftc.succeed(arguments).output
    let expected = try folder.bytes(name)
    var resumed = 0
    try FileManager.default.removeItem(atPath: folder(name))
    try kill(15, seed: 9, arguments + ["--force"], output: name) { _ in
      if !isDone([name]) {
        let result = try Graftc.succeed(arguments + ["--resume"])
        #expect(result.output == ledger)
        resumed += result.error.contains("were there already") ? 1 : 0
      }
      #expect(try folder.bytes(name) == expected)
      #expect(folder.names == ["in.pt", name])
      try FileManager.default.removeItem(atPath: folder(name))
    }
    #expect(resumed > 0, "no kill left anything to resume")
  }

  @Test("A set of files is resumed after any kill, also while they get their names", .timeLimit(.minutes(5)))
  func resumedShards() throws {
    try makeSource()
    let output = folder("out.safetensors")
    let arguments = ["convert", folder("in.pt"), output, "--shard-size", "7MB"]
    try Graftc.succeed(arguments)
    let names = folder.names.filter { $0.hasPrefix("out") }
    let expected = try names.map { try folder.bytes($0) }
    func clear() throws {
      for name in folder.names where name.contains("out") {
        try FileManager.default.removeItem(atPath: folder(name))
      }
    }
    try clear()
    try kill(15, seed: 10, arguments + ["--force"], output: "out") { ended in
      // Whoever finds the index finds the whole set.
      if folder.names.contains("out.safetensors.index.json") {
        #expect(try Graftc.run(["diff", folder("in.pt"), folder("out.safetensors.index.json")]).code == 0)
      }
      if !ended && !isDone(names) { try Graftc.succeed(arguments + ["--resume"]) }
      #expect(try names.map { try folder.bytes($0) } == expected)
      #expect(folder.names == (["in.pt"] + names).sorted())
      try clear()
    }
  }

  /// Whether the outputs are there and no journal is: the process was killed behind its last step.
  private func isDone(_ names: [String]) -> Bool {
    let found = folder.names
    return names.allSatisfy(found.contains) && !found.contains { $0.hasSuffix(".graft-journal") }
  }

  @Test("A compilation of variants is resumed after any kill", .timeLimit(.minutes(5)))
  func resumedCompilation() throws {
    let text = """
      graft "mid" (kernel: Int = 4) {
          base dit(size: 32, width: 256, depth: 6, heads: 4, patch: 2, in_channels: 4, classes: 100) noise(seed: 7)
          replace blocks[i in odd].attn with hyena_x(kernel: kernel)
          emit "out-\\(kernel).safetensors"
      }
      """
    try folder.write(text, as: "mid.graft")
    let arguments = ["compile", folder("mid.graft"), "--set", "kernel=2,4"]
    try Graftc.succeed(arguments)
    let names = ["out-2.safetensors", "out-4.safetensors"]
    let expected = try names.map { try folder.bytes($0) }
    for name in names { try FileManager.default.removeItem(atPath: folder(name)) }
    try kill(12, seed: 11, arguments + ["--force"], output: "out") { ended in
      if !ended && !isDone(names) { try Graftc.succeed(arguments + ["--resume"]) }
      #expect(try names.map { try folder.bytes($0) } == expected)
      #expect(folder.names == ["mid.graft"] + names)
      for name in names { try FileManager.default.removeItem(atPath: folder(name)) }
    }
  }

  @Test("A journal of other options is not taken up, and that is said")
  func otherOptions() throws {
    try makeSource()
    let arguments = ["convert", folder("in.pt"), folder("out.safetensors")]
    let run = try Graftc.start(arguments + ["--dtype", "bf16"])
    let end = ContinuousClock.now + .seconds(60)
    while !folder.names.contains(".out.safetensors.graft-journal"), ContinuousClock.now < end { usleep(500) }
    run.send(SIGKILL)
    guard try run.wait().code == -SIGKILL else { return }  // It was done already: nothing is left to resume.
    let result = try Graftc.succeed(arguments + ["--resume"])
    #expect(result.error.contains("starting over"))
    #expect(try folder.bytes("out.safetensors") == expectedBytes([]))
  }

  @Test("A full disk is told as such, and leaves nothing", .enabled(if: geteuid() == 0, "mounting needs root"))
  func fullDisk() throws {
    try makeSource()
    let disk = folder("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    // Not every container may mount; then there is nothing to test.
    guard mount("tmpfs", disk, "tmpfs", 0, "size=8m") == 0 else { return }
    defer { umount2(disk, Int32(MNT_DETACH)) }
    for arguments in [
      ["\(disk)/out.safetensors"], ["\(disk)/out.pt"], ["\(disk)/out.safetensors", "--dtype", "bf16"],
      ["\(disk)/out.safetensors", "--shard-size", "3MB"],
    ] {
      try Graftc.fail(74, ["convert", folder("in.pt")] + arguments, rule: "transfer.write")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == [])
    }
  }
}

/// SplitMix64 (Steele et al. 2014).
private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
