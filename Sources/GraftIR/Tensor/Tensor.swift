import Glibc

/// A typed view over contiguous row-major little-endian bytes that are owned or memory-mapped.
///
/// The bytes may be unaligned (safetensors allows it), so kernels ask `isAligned` before they cast the pointer.
public struct Tensor: @unchecked Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The size of each axis.
  public let shape: Shape
  /// The bytes that it looks at.
  public let storage: Storage
  /// Where in the storage its first element begins.
  public let offsetInBytes: Int

  /// A view of `storage` from `offsetInBytes` on. The bytes must be there and whole.
  public init(_ dtype: DType, _ shape: Shape, storage: Storage, offsetInBytes: Int = 0) {
    guard let count = shape.elementCount, let bytes = dtype.byteCount(of: count) else {
      preconditionFailure("a tensor of \(dtype) \(shape) has no whole number of bytes")
    }
    precondition(
      offsetInBytes >= 0 && bytes <= storage.byteCount - offsetInBytes, "a tensor reaches past its storage")
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.offsetInBytes = offsetInBytes
  }

  /// A tensor of zero bytes, with room of its own.
  public init(zeros dtype: DType, _ shape: Shape) {
    guard let count = shape.elementCount, let bytes = dtype.byteCount(of: count) else {
      preconditionFailure("a tensor of \(dtype) \(shape) has no whole number of bytes")
    }
    self.init(dtype, shape, storage: Storage(byteCount: bytes))
  }

  /// The number of elements.
  public var elementCount: Int { shape.elementCount ?? 0 }

  /// The number of bytes.
  public var byteCount: Int { dtype.byteCount(of: elementCount) ?? 0 }

  /// The bytes, to read, for as long as the tensor lives: whoever keeps them keeps it, and a tensor without a name
  /// lives no longer than the call that it is an argument of.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: storage.start + offsetInBytes, count: byteCount)
  }

  /// The bytes, to fill; only for whoever made the storage and has not handed it out yet.
  public var mutableBytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: storage.start + offsetInBytes, count: byteCount)
  }

  /// Whether the first byte may be read as a whole element.
  public var isAligned: Bool {
    UInt(bitPattern: storage.start + offsetInBytes) % UInt(max(1, min(8, dtype.bitWidth / 8))) == 0
  }

  /// What the graph knows of it.
  public var type: TensorType { TensorType(dtype, shape) }

  /// The same bytes under another shape of as many elements.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.elementCount == elementCount, "a reshape keeps the number of elements")
    return Tensor(dtype, shape, storage: storage, offsetInBytes: offsetInBytes)
  }
}

extension Tensor: Equatable {
  /// Whether both have the same type, shape and bits: a NaN equals itself here, and -0 is not 0.
  public static func == (first: Tensor, second: Tensor) -> Bool {
    guard first.type == second.type else { return false }
    return withExtendedLifetime((first, second)) {
      guard let a = first.bytes.baseAddress, let b = second.bytes.baseAddress else { return first.byteCount == 0 }
      return memcmp(a, b, first.byteCount) == 0
    }
  }
}
