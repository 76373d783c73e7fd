import GraftFormats
import GraftIR
import Testing

/// Checkpoints that hold the base's tensors under other names, or more than them.
@Suite struct BaseFileTests {
  private static let model = "dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3)"

  /// A graft that reads `file` as the model.
  private func graft(_ file: String) -> String {
    "graft \"copy\" {\n    base \(Self.model) from \"\(file)\"\n    emit \"copy.safetensors\"\n}\n"
  }

  /// Writes the model's tensors under the names that `rename` gives them, and an `extra` one.
  private func write(
    _ folder: TemporaryFolder, _ name: String, extra: String? = nil, _ rename: (String) -> String = { $0 }
  ) throws {
    try folder.write(
      "graft \"base\" { base \(Self.model) noise  emit \"base.safetensors\" }\n", as: "base.graft")
    try Graftc.succeed(["compile", folder("base.graft")])
    var tensors = try Golden.tensors(folder("base.safetensors")).map { (rename($0.key), $0.value) }
    if let extra { tensors.append((extra, Tensor(zeros: .f32, [1]))) }
    try TransferEngine.write(tensors, to: folder(name))
  }

  @Test("Tensors that the model has none of are left out, and that is said")
  func surplus() throws {
    let folder = try TemporaryFolder()
    try write(folder, "more.safetensors", extra: "zzz")
    try folder.write(graft("more.safetensors"), as: "a.graft")
    let result = try Graftc.succeed(["compile", folder("a.graft")])
    #expect(result.error.contains("1 tensor of") && result.error.contains("left out: 'zzz'"))
  }

  @Test("What stands behind a prefix is read by it, and its name is told")
  func prefix() throws {
    let folder = try TemporaryFolder()
    try write(folder, "inner.safetensors") { "net.model." + $0 }
    try folder.write(graft("inner.safetensors"), as: "a.graft")
    let refused = try Graftc.fail(65, ["compile", folder("a.graft")], rule: "weights.missing")
    #expect(refused.error.contains("inner.safetensors:net.model"))
    try folder.write(graft("inner.safetensors:net.model"), as: "a.graft")
    try Graftc.succeed(["compile", folder("a.graft")])
    let difference = try Graftc.succeed(["diff", folder("copy.safetensors"), folder("base.safetensors")])
    #expect(difference.code == 0)
  }

  @Test("Metadata that describe no model are refused with the file's name")
  func malformed() throws {
    let folder = try TemporaryFolder()
    let header = "{\"__metadata__\":{\"graft.declarations\":\"[]\",\"graft.architecture\":\"{}\"}}"
    try folder.write(header: header, zeros: 0, as: "a.safetensors")
    let refused = try Graftc.fail(65, ["bench", folder("a.safetensors")], rule: "metadata.malformed")
    #expect(refused.error.contains("a.safetensors"))
  }
}
