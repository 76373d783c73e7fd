public import GraftIR
import GraftKernels

/// A way to store floating-point numbers in blocks that share scales, as GGUF files do. Names are ggml's.
///
/// Source: ggml `ggml-common.h`, `ggml-quants.c`.
public enum BlockType: String, Sendable, Hashable, CaseIterable {
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q2K = "Q2_K"
  case q3K = "Q3_K"
  case q4K = "Q4_K"
  case q5K = "Q5_K"
  case q6K = "Q6_K"

  /// The type that a person calls `spelling`, such as `q8_0`, or `nil`.
  public init?(spelling: String) { self.init(rawValue: spelling.uppercased()) }

  /// As a dtype is written: `q8_0`.
  public var spelling: String { rawValue.lowercased() }

  /// The numbers of a block, which lie in one row.
  public var elementCount: Int { graft_block_numbers(kernel) }

  /// The bytes of a block.
  public var byteCount: Int { graft_block_bytes(kernel) }

  /// Whether graft makes blocks of it from numbers; others are carried from file to file as they are.
  public var isMade: Bool {
    switch self {
    case .q4_0, .q5_0, .q8_0: true
    case .q4_1, .q5_1, .q2K, .q3K, .q4K, .q5K, .q6K: false
    }
  }

  /// Whether rows of `shape` are whole blocks.
  public func fits(_ shape: Shape) -> Bool { shape.rank > 0 && (shape.axes.last ?? 1) % elementCount == 0 }

  /// What keeps weights of `shape` from being put into such blocks where many are told to at once, for a person, or
  /// `nil`: vectors stay as they are, as ggml's programs have it.
  public func obstacle(to shape: Shape) -> String? {
    if shape.rank < 2 { return "ggml leaves vectors as they are" }
    return fits(shape) ? nil : "blocks of \(elementCount) do not fill rows of \(shape.axes.last ?? 1)"
  }

  /// The bytes of `count` numbers, which are whole blocks.
  public func byteCount(of count: Int) -> Int { count / elementCount * byteCount }

  /// Writes the numbers of the blocks at `blocks` to `numbers`, which they fill.
  func unpack(_ blocks: UnsafeRawPointer, into numbers: UnsafeMutableRawBufferPointer) {
    guard let start = numbers.baseAddress else { return }
    graft_unpack_blocks(kernel, blocks, start, numbers.count / 4 / elementCount)
  }

  /// Writes the blocks nearest to `numbers`, which are f32 and whole blocks, to `blocks`; the type is one that is made.
  func pack(_ numbers: UnsafeRawBufferPointer, into blocks: UnsafeMutableRawPointer) {
    precondition(isMade, "blocks of \(rawValue) are not made from numbers")
    guard let start = numbers.baseAddress else { return }
    graft_pack_blocks(kernel, start, blocks, numbers.count / 4 / elementCount)
  }

  private var kernel: graft_block_type {
    switch self {
    case .q4_0: GRAFT_Q4_0
    case .q4_1: GRAFT_Q4_1
    case .q5_0: GRAFT_Q5_0
    case .q5_1: GRAFT_Q5_1
    case .q8_0: GRAFT_Q8_0
    case .q2K: GRAFT_Q2_K
    case .q3K: GRAFT_Q3_K
    case .q4K: GRAFT_Q4_K
    case .q5K: GRAFT_Q5_K
    case .q6K: GRAFT_Q6_K
    }
  }
}
