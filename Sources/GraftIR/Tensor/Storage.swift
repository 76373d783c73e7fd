import Glibc

/// Bytes that tensors look at: owned, or memory-mapped from a file. Freed when the last tensor lets go.
public final class Storage: @unchecked Sendable {
  // Safe to share: the bytes are written only while one owner fills them, before any tensor is handed out.
  /// The first byte.
  public let start: UnsafeMutableRawPointer
  /// The number of bytes.
  public let byteCount: Int
  private let release: (@Sendable () -> Void)?

  /// Large pages of x86-64 and most of AArch64: 2 MB.
  private static let largePage = 2 << 20

  /// Fresh zeroed bytes, aligned to 64. From two large pages on they lie in such where the system has them, which makes
  /// fewer addresses to translate; below that the one would be little of the whole.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "a storage has a negative size")
    let isLarge = byteCount >= 2 * Self.largePage
    let start = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: isLarge ? Self.largePage : 64)
    if isLarge { madvise(start, byteCount / Self.largePage * Self.largePage, MADV_HUGEPAGE) }
    start.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
    self.start = start
    self.byteCount = byteCount
    release = nil
  }

  /// Somebody else's bytes, given back by `release`; read-only where they are mapped so.
  public init(start: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable () -> Void) {
    self.start = start
    self.byteCount = byteCount
    self.release = release
  }

  deinit {
    if let release { release() } else { start.deallocate() }
  }

  /// The bytes, to read.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: byteCount) }
}
