import Foundation
import GraftIR
import Testing

import GraftFormats

/// What trainers keep beside their tensors goes through a conversion.
@Suite struct PlainValueTests {
  private static let values = [
    "args/depth": "8", "args/rate": "0.0001", "args/name": "DiT-S/2", "args/is_ema": "true", "args/none": "null",
    "args/sizes": "[1,2,[\"a\",0.5]]", "args/deep/er": "x", "steps": "-70000", "odd": "08", "many": "4294967296",
    "empty": "", "model/inside": "1",
  ]

  private func written(key: String?, _ values: [String: String]) throws -> (path: String, bytes: [UInt8]) {
    let path = FileManager.default.temporaryDirectory.path + "/plain-values-\(UUID().uuidString).pt"
    var options = TransferEngine.Options()
    options.key = key
    try TransferEngine.write([("w", Tensor([Float(1), 2], [2]))], metadata: values, to: path, options: options)
    return (path, [UInt8](try Data(contentsOf: URL(filePath: path))))
  }

  @Test("Values come back under their keys as they were, from the object itself")
  func wrapped() throws {
    let (path, bytes) = try written(key: "model", Self.values)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let reader = try Formats.open(path)
    #expect(reader.entries.map(\.name) == ["model/w"])
    #expect(reader.metadata == Self.values)
    #expect(!String(decoding: bytes, as: UTF8.self).contains("graft.json"))
  }

  @Test("A state dict has no room for them, and what graft tells stays beside the object")
  func bare() throws {
    let values = ["epoch": "3", "graft.name": "g"]
    let (path, bytes) = try written(key: nil, values)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let reader = try Formats.open(path)
    #expect(reader.entries.map(\.name) == ["w"])
    #expect(reader.metadata == values)
    #expect(String(decoding: bytes, as: UTF8.self).contains("graft.json"))
  }
}
