import GraftFormats
import GraftIR
import Testing

@Suite struct DiffCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    func write(_ name: String, _ tensors: [(String, Tensor)]) throws {
      try TransferEngine.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: folder(name))
    }
    let same = Tensor([Float(1), 2, 3], [3])
    try write(
      "a.safetensors",
      [
        ("same", same), ("gone", same), ("value", Tensor([Float(3), 4], [2])), ("shape", same), ("dtype", same),
      ])
    try write(
      "b.safetensors",
      [
        ("same", same), ("new", same), ("value", Tensor([Float(3), 4.5], [2])), ("shape", Tensor([Float(1), 2], [2])),
        ("dtype", Tensor(.f64, [3], doubles: [1, 2, 3])),
      ])
    try write(
      "near.safetensors",
      [
        ("same", same), ("gone", same), ("value", Tensor([Float(3), 4.5], [2])), ("shape", same), ("dtype", same),
      ])
  }

  @Test("The JSON has the promised keys and says what differs how")
  func json() throws {
    let result = try Graftc.run(["diff", folder("a.safetensors"), folder("b.safetensors"), "--json"])
    #expect(result.code == 1)
    let report = try result.json()
    #expect(report.members?.map(\.name) == ["equal", "missing", "extra", "changed"])
    #expect(report["equal"] == false)
    #expect(report["missing"] == ["gone"])
    #expect(report["extra"] == ["new"])
    let changed = try #require(report["changed"]?.listValue)
    #expect(changed.allSatisfy { $0.members?.map(\.name) == ["name", "reason", "max_abs", "relative_l2", "sha256"] })
    let value = try #require(changed.first { $0["name"] == "value" })
    #expect(value["max_abs"]?.doubleValue == 0.5)
    #expect(value["relative_l2"]?.doubleValue == 0.1)  // 0.5 over the norm of [3, 4].
    #expect(Set(changed.compactMap { $0["name"]?.textValue }) == ["value", "shape", "dtype"])
    #expect(changed.first { $0["name"] == "shape" }?["max_abs"] == .null)
    let digests = try #require(value["sha256"]?.listValue).compactMap(\.textValue)
    #expect(digests.count == 2 && Set(digests).count == 2 && digests.allSatisfy { $0.count == 64 })
  }

  @Test("Files of two formats are equal where they hold the same")
  func formats() throws {
    try Graftc.succeed(["convert", folder("a.safetensors"), folder("same.pt")])
    let result = try Graftc.succeed(["diff", folder("a.safetensors"), folder("same.pt")])
    #expect(result.output == "equal\n")
  }

  @Test("Without tolerances, bits that differ are told where values do not")
  func bits() throws {
    try TransferEngine.write([("zero", Tensor([Float(0), 1], [2]))], to: folder("plus.safetensors"))
    try TransferEngine.write([("zero", Tensor([Float(-0.0), 1], [2]))], to: folder("minus.safetensors"))
    let files = ["diff", folder("plus.safetensors"), folder("minus.safetensors")]
    let result = try Graftc.run(files + ["--json"])
    #expect(result.code == 1)
    let report = try result.json()
    let change = try #require(report["changed"]?.listValue?.first)
    #expect(change["reason"] == "bits" && change["max_abs"]?.doubleValue == 0)
    try Graftc.succeed(files + ["--atol", "1e-9"])
  }

  @Test(
    "Tolerances decide, and 1 means a difference",
    arguments: [
      ([], 1), (["--atol", "0.5"], 0), (["--atol", "0.4"], 1), (["--rtol", "0.12"], 0), (["--rtol", "0.1"], 1),
    ])
  func tolerances(_ options: [String], _ code: Int) throws {
    let result = try Graftc.run(["diff", folder("a.safetensors"), folder("near.safetensors")] + options)
    #expect(Int(result.code) == code)
    #expect(result.output.contains("equal") == (code == 0))
  }

  @Test("With tolerances, values decide and types do not")
  func types() throws {
    let value = Tensor([Float(1.001), 2, 3], [3])
    try TransferEngine.write([("x", value)], to: folder("wide.safetensors"))
    try Graftc.succeed(["convert", folder("wide.safetensors"), folder("narrow.safetensors"), "--dtype", "bf16"])
    let files = ["diff", folder("wide.safetensors"), folder("narrow.safetensors")]
    #expect(try Graftc.run(files).output.hasPrefix("changed  x: dtype: f32 and bf16"))
    #expect(try Graftc.run(files + ["--rtol", "1e-4"]).code == 1)
    #expect(try Graftc.succeed(files + ["--rtol", "0.01"]).output == "equal\n")
  }

  @Test("Two grafts are compared as architectures")
  func grafts() throws {
    try folder.write(Small.graft, as: "small.graft")
    try folder.write(Small.graft.replacing("kernel: Int = 4", with: "kernel: Int = 3"), as: "other.graft")
    let equal = try Graftc.succeed(["diff", folder("small.graft"), folder("small.graft"), "--json"]).json()
    #expect(equal == ["equal": true, "missing": [], "extra": [], "changed": []])
    let result = try Graftc.run(["diff", folder("small.graft"), folder("other.graft"), "--json"])
    #expect(result.code == 1)
    let changed = try #require(try result.json()["changed"]?.listValue)
    #expect(changed.map { $0["name"] } == ["blocks[1].attn", "blocks[3].attn"])
    try Graftc.fail(64, ["diff", folder("small.graft"), folder("a.safetensors")], rule: "usage.diff")
    let twice = [folder("small.graft"), folder("other.graft"), "--layout", "dit"]
    try Graftc.fail(64, ["diff"] + twice, rule: "usage.diff")
  }

  @Test("Missing and malformed files, and tolerances below zero, are told apart")
  func refusals() throws {
    try Graftc.fail(66, ["diff", folder("a.safetensors"), folder("none.safetensors")])
    try folder.write("no checkpoint", as: "text.safetensors")
    try Graftc.fail(65, ["diff", folder("a.safetensors"), folder("text.safetensors")])
    try Graftc.fail(
      64, ["diff", folder("a.safetensors"), folder("a.safetensors"), "--atol=-1"], rule: "usage.tolerance")
    try Graftc.fail(64, ["diff", folder("a.safetensors")])
  }
}
