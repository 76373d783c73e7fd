import GraftIR

/// How a GGUF file stores the elements of a tensor: one after the other, or in blocks that share scales.
///
/// Source: ggml `ggml.h`, `ggml-common.h`.
struct GGUFType: Sendable, Hashable {
  /// The number in a tensor's entry.
  let id: UInt32
  let name: String
  /// The elements of a block; 1 where there are none.
  let blockCount: Int
  /// The bytes of a block.
  let blockByteCount: Int
  /// The type of the elements that stand one after the other; `nil` where blocks hold them.
  let dtype: DType?

  /// The blocks that graft turns into numbers; `nil` where there are none, or others.
  var blocks: BlockType? { BlockType(rawValue: name) }
  /// Whether graft reads it.
  var isReadable: Bool { dtype != nil || blocks != nil }

  private init(_ id: UInt32, _ name: String, _ blockCount: Int, _ blockByteCount: Int, _ dtype: DType? = nil) {
    self.id = id
    self.name = name
    self.blockCount = blockCount
    self.blockByteCount = blockByteCount
    self.dtype = dtype
  }

  /// Every type that has a number now; others were removed or never given.
  static let all = [
    GGUFType(0, "F32", 1, 4, .f32), GGUFType(1, "F16", 1, 2, .f16), GGUFType(2, "Q4_0", 32, 18),
    GGUFType(3, "Q4_1", 32, 20), GGUFType(6, "Q5_0", 32, 22), GGUFType(7, "Q5_1", 32, 24), GGUFType(8, "Q8_0", 32, 34),
    GGUFType(9, "Q8_1", 32, 36), GGUFType(10, "Q2_K", 256, 84), GGUFType(11, "Q3_K", 256, 110),
    GGUFType(12, "Q4_K", 256, 144), GGUFType(13, "Q5_K", 256, 176), GGUFType(14, "Q6_K", 256, 210),
    GGUFType(15, "Q8_K", 256, 292), GGUFType(20, "IQ4_NL", 32, 18), GGUFType(23, "IQ4_XS", 256, 136),
    GGUFType(24, "I8", 1, 1, .i8), GGUFType(25, "I16", 1, 2, .i16), GGUFType(26, "I32", 1, 4, .i32),
    GGUFType(27, "I64", 1, 8, .i64), GGUFType(28, "F64", 1, 8, .f64), GGUFType(30, "BF16", 1, 2, .bf16),
    GGUFType(34, "TQ1_0", 256, 54), GGUFType(35, "TQ2_0", 256, 66), GGUFType(39, "MXFP4", 32, 17),
  ]

  /// The type of that number, or `nil`.
  static func numbered(_ id: UInt32) -> GGUFType? { all.first { $0.id == id } }

  /// The type that stores elements of `dtype` as they are, or `nil`.
  static func storing(_ dtype: DType) -> GGUFType? { all.first { $0.dtype == dtype } }

  /// The type whose blocks are `blocks`.
  static func storing(_ blocks: BlockType) -> GGUFType? { all.first { $0.blocks == blocks } }
}
