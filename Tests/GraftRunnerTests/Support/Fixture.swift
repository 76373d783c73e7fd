import Foundation
import GraftIR
import Testing

/// The tensors of a safetensors file below `Tests/Fixtures`, read with no care for hostile bytes.
struct Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")

  let tensors: [String: Tensor]

  /// Reads `path`, such as `rng/seed_0.safetensors`.
  init(_ path: String) throws {
    struct Entry: Decodable {
      let dtype: String
      let shape: [Int]
      let data_offsets: [Int]
    }
    let bytes = try Data(contentsOf: Self.folder.appending(path: path))
    let headerLength = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONDecoder().decode([String: Entry].self, from: bytes.dropFirst(8).prefix(headerLength))
    tensors = try header.mapValues { entry in
      let dtype: DType = try #require(["F32": DType.f32, "F64": .f64, "I64": .i64][entry.dtype])
      let tensor = Tensor(zeros: dtype, Shape(entry.shape))
      let start = 8 + headerLength + entry.data_offsets[0]
      try #require(entry.data_offsets[1] - entry.data_offsets[0] == tensor.byteCount)
      bytes.copyBytes(to: tensor.mutableBytes, from: start..<start + tensor.byteCount)
      return tensor
    }
  }

  subscript(_ name: String) -> Tensor {
    get throws { try #require(tensors[name], "no tensor '\(name)'") }
  }

  /// The JSON file at `path`.
  static func json<Value: Decodable>(_ path: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: path)))
  }
}

/// The largest absolute difference of two lists of as many numbers; infinite where a number is missing or not one.
func largestDifference<Value: BinaryFloatingPoint>(_ a: [Value], _ b: [Value]) -> Value {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { largest, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(largest, difference)
  }
}
