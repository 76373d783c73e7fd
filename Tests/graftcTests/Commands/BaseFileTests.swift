import Foundation
import GraftIR
import Testing

/// Checkpoints that hold the base's tensors under other names, or more than them.
@Suite struct BaseFileTests {
  /// A graft that reads `file` as the model of `Small.graft`.
  private func graft(_ file: String) -> String {
    "graft \"copy\" {\n    base dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3) from \"\(file)\"\n    emit \"copy.safetensors\"\n}\n"
  }

  /// A safetensors file of the tensors that `names` gives their names to, all zeros.
  private func write(_ folder: TemporaryFolder, _ name: String, _ rename: (String) -> String, extra: Bool = false)
    throws
  {
    let text =
      "graft \"base\" { base dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3) noise  emit \"base.safetensors\" }\n"
    try folder.write(text, as: "base.graft")
    try Graftc.succeed(["compile", folder("base.graft"), "--force"])
    let bytes = try folder.bytes("base.safetensors")
    let length = bytes.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: [String: Any]])
    var renamed: [String: Any] = [:]
    for (key, value) in header where key != "__metadata__" { renamed[rename(key)] = value }
    var data = Data(bytes[(8 + length)...])
    if extra {
      renamed["zzz"] = ["dtype": "F32", "shape": [1], "data_offsets": [data.count, data.count + 4]]
      data += Data(count: 4)
    }
    let newHeader = try JSONSerialization.data(withJSONObject: renamed)
    var file = Data((0..<8).map { UInt8(truncatingIfNeeded: newHeader.count >> (8 * $0)) })
    file += newHeader + data
    try file.write(to: URL(filePath: folder(name)))
  }

  @Test("Tensors that the model has none of are left out, and that is said")
  func surplus() throws {
    let folder = try TemporaryFolder()
    try write(folder, "more.safetensors", { $0 }, extra: true)
    try folder.write(graft("more.safetensors"), as: "a.graft")
    let result = try Graftc.succeed(["compile", folder("a.graft")])
    #expect(result.error.contains("1 tensor of") && result.error.contains("left out: 'zzz'"))
  }

  @Test("What stands behind a prefix is read by it, and its name is told")
  func prefix() throws {
    let folder = try TemporaryFolder()
    try write(folder, "inner.safetensors", { "net.model." + $0 })
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
    var file = Data((0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) })
    file += Data(header.utf8)
    try file.write(to: URL(filePath: folder("a.safetensors")))
    let refused = try Graftc.fail(
      65, ["bench", folder("a.safetensors")], rule: "metadata.malformed")
    #expect(refused.error.contains("a.safetensors"))
  }
}
