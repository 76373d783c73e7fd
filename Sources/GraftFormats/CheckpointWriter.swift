public import GraftIR

/// A tensor that is going to be written.
public struct TensorDeclaration: Sendable, Hashable {
  /// Its name in the output.
  public let name: String
  /// The type of its elements.
  public let dtype: DType
  /// The sizes of its axes.
  public let shape: Shape
  /// The blocks that its values are written in, or `nil` where each stands for itself. The type is then f32, and rows
  /// are whole blocks.
  public let blocks: BlockType?
  /// The bytes that its values fill.
  public let byteCount: Int
  /// The declared tensor whose elements it shows, or `nil` where it has values of its own.
  public var alias: TensorAlias?
  /// The keys of the dictionaries that it is in, outermost first; joined with `/` they begin its name.
  public let keys: [String]

  /// A declaration; `dtype` and `shape` fill whole bytes. The target of `alias` has the same dtype and is no alias.
  public init(
    name: String, dtype: DType, shape: Shape, blocks: BlockType? = nil, alias: TensorAlias? = nil, keys: [String] = []
  ) {
    precondition(blocks == nil || dtype == .f32 && blocks?.fits(shape) == true, "blocks are filled with rows of f32")
    precondition(keys.isEmpty || name.hasPrefix(keys.joined(separator: "/") + "/"), "a name begins with its keys")
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.alias = alias
    self.keys = keys
    self.blocks = blocks
    byteCount = shape.elementCount.flatMap { blocks?.byteCount(of: $0) ?? dtype.byteCount(of: $0) } ?? 0
  }
}

/// Writes one checkpoint: everything is declared first, then each tensor that is no alias comes once, in the order of
/// `order`.
public protocol CheckpointWriter: AnyObject {
  /// The order in which `write` takes the declared tensors, as indices into the declarations.
  var order: [Int] { get }
  /// The next tensor's bytes, contiguous and little-endian.
  func write(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic)
  /// Writes what follows the last tensor. The output is durable and renamed by its owner, not here.
  func finish() throws(Diagnostic)
}
