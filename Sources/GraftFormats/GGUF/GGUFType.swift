import GraftIR

/// How a GGUF file stores the elements of a tensor: one after the other, or in blocks that share scales.
///
/// Source: ggml `ggml.h`, `ggml-common.h`.
struct GGUFType: Sendable, Hashable {
  /// The number in a tensor's entry.
  let id: UInt32
  let name: String
  /// The type of the elements that stand one after the other; `nil` where blocks hold them.
  let dtype: DType?
  /// The blocks that graft turns into numbers; `nil` where there are none, or others.
  let blocks: BlockType?

  /// The elements of a block; 1 where there are none.
  var blockCount: Int { blocks?.elementCount ?? 1 }
  /// The bytes of a block, or of an element; 0 where they are not read.
  var blockByteCount: Int { blocks?.byteCount ?? dtype?.byteWidth ?? 0 }
  /// Whether graft reads it.
  var isReadable: Bool { dtype != nil || blocks != nil }

  private init(_ id: UInt32, _ name: String, _ dtype: DType? = nil) {
    (self.id, self.name, self.dtype, blocks) = (id, name, dtype, nil)
  }

  private init(_ id: UInt32, _ blocks: BlockType) {
    (self.id, name, dtype, self.blocks) = (id, blocks.rawValue, nil, blocks)
  }

  /// Every type that has a number now; others were removed or never given.
  static let all = [
    GGUFType(0, "F32", .f32), GGUFType(1, "F16", .f16), GGUFType(2, .q4_0), GGUFType(3, .q4_1), GGUFType(6, .q5_0),
    GGUFType(7, .q5_1), GGUFType(8, .q8_0), GGUFType(9, "Q8_1"), GGUFType(10, .q2K), GGUFType(11, .q3K),
    GGUFType(12, .q4K), GGUFType(13, .q5K), GGUFType(14, .q6K), GGUFType(15, "Q8_K"), GGUFType(20, "IQ4_NL"),
    GGUFType(23, "IQ4_XS"), GGUFType(24, "I8", .i8), GGUFType(25, "I16", .i16), GGUFType(26, "I32", .i32),
    GGUFType(27, "I64", .i64), GGUFType(28, "F64", .f64), GGUFType(30, "BF16", .bf16), GGUFType(34, "TQ1_0"),
    GGUFType(35, "TQ2_0"), GGUFType(39, "MXFP4"),
  ]

  /// The type of that number, or `nil`.
  static func numbered(_ id: UInt32) -> GGUFType? { all.first { $0.id == id } }

  /// The type that stores elements of `dtype` as they are, or `nil`.
  static func storing(_ dtype: DType) -> GGUFType? { all.first { $0.dtype == dtype } }

  /// The type whose blocks are `blocks`.
  static func storing(_ blocks: BlockType) -> GGUFType? { all.first { $0.blocks == blocks } }
}
