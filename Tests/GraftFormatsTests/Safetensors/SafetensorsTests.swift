import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct SafetensorsTests {
  private func file(_ header: String, data: Int = 0, in folder: TemporaryFolder) throws -> String {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
    return try folder.write(length + Array(header.utf8) + [UInt8](repeating: 0, count: data), as: "x.safetensors")
  }

  static let goodHeaders: [(String, Int, Int)] = [
    ("{}", 0, 0), ("  {} ", 0, 0), (#"{"__metadata__":null}"#, 0, 0),
    (#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1],"more":{"b":[]}}}"#, 1, 1),
    (#"{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}"#, 3, 1),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[],"data_offsets":[1,5]}}"#, 5,
      2
    ),
    (#"{"a":{"dtype":"U8","shape":[0,9000000000000000000,9],"data_offsets":[0,0]}}"#, 0, 1),
  ]

  @Test("What the reference reads is read", arguments: goodHeaders)
  func accepted(_ header: String, _ data: Int, _ count: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try Formats.open(try file(header, data: data, in: folder)).entries.count == count)
  }

  static let badHeaders: [(String, Int, String)] = [
    (#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#, 1, "safetensors.size"),
    (
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 2,
      "safetensors.layout"
    ),
    (#"{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, 0, "json.duplicate-name"),
    (#"{"__metadata__":{},"__metadata__":{}}"#, 0, "json.duplicate-name"), (#"{"a":7}"#, 0, "safetensors.entry"),
    ("\u{FEFF}{}", 0, "safetensors.header-object"), ("{}\0", 0, "json.syntax"),
  ]

  @Test("What breaks a rule is refused by it", arguments: badHeaders)
  func refused(_ header: String, _ data: Int, _ rule: String) throws {
    let folder = try TemporaryFolder()
    let path = try file(header, data: data, in: folder)
    let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
    #expect(error?.rule == rule)
  }

  @Test("A header beyond the limit is refused before it is read") func limit() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0], as: "x.safetensors")  // 100,000,001
    truncate(path, 100_000_100)  // Without taking room on the disk.
    let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
    #expect(error?.rule == "safetensors.header-limit" && error?.location?.range == 0..<8)
  }

  @Test("Written files order and pad as the reference does") func layout() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.safetensors"
    try TransferEngine.write(
      [("b", Tensor(zeros: .u8, [3])), ("a", Tensor(zeros: .u8, [1])), ("z", Tensor(zeros: .f64, [1]))],
      metadata: ["k": "v"], to: path)
    let header =
      #"{"__metadata__":{"k":"v"},"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"#
      + #""a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},"b":{"dtype":"U8","shape":[3],"data_offsets":[9,12]}}"#
    let bytes = try Fixtures.bytes(path)
    #expect(Int(bytes[0]) == (header.utf8.count + 7) / 8 * 8)
    #expect(String(decoding: bytes[8..<8 + Int(bytes[0])], as: UTF8.self).hasPrefix(header))
    #expect(bytes.count == 8 + Int(bytes[0]) + 12)
  }

  @Test("What the format lacks is not written", arguments: [("w", DType.c128), ("__metadata__", .f32)])
  func unwritable(_ name: String, _ dtype: DType) throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.write([(name, Tensor(zeros: dtype, [1]))], to: folder.path + "/x.safetensors")
    }
    #expect(error?.rule == "safetensors.unwritable")
    #expect(folder.names == [])
  }
}
