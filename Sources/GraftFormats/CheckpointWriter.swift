public import GraftIR

/// A tensor that is going to be written.
public struct TensorDeclaration: Sendable, Hashable {
  /// Its name in the output.
  public let name: String
  /// The type of its elements.
  public let dtype: DType
  /// The sizes of its axes.
  public let shape: Shape
  /// The bytes that its values fill.
  public let byteCount: Int

  /// A declaration; `dtype` and `shape` fill whole bytes.
  public init(name: String, dtype: DType, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    byteCount = shape.elementCount.flatMap(dtype.byteCount(of:)) ?? 0
  }
}

/// Writes one checkpoint: everything is declared first, then each tensor comes once, in the order of `order`.
public protocol CheckpointWriter: AnyObject {
  /// The order in which `write` takes the declared tensors, as indices into the declarations.
  var order: [Int] { get }
  /// The next tensor's bytes, contiguous and little-endian.
  func write(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic)
  /// Writes what follows the last tensor. The output is durable and renamed by its owner, not here.
  func finish() throws(Diagnostic)
}
