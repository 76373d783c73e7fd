import GraftIR

/// A checkpoint that knows where its tensors lie in files.
protocol LocatedCheckpoint: CheckpointReader {
  /// The files that hold the values, in a fixed order.
  var files: [MappedFile] { get }
  /// How a model has the tensors, where the file holds the graph of one and this differs; `nil` elsewhere.
  var modelView: ModelView? { get }
  /// The bytes of entry `index` where the file holds them contiguous and little-endian, else `nil`.
  func region(at index: Int) -> FileRegion?
  /// The blocks of entry `index`, one after the other, where its values are in `entries[index].blocks`, else `nil`.
  func blockRegion(at index: Int) -> FileRegion?
  /// How the file holds the elements of entry `index`.
  func arrangement(at index: Int) -> Arrangement
  /// The memory that `stream` takes for entry `index` in runs of `byteCount`, beside what is mapped.
  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int
  /// Hands the bytes of entry `index`, contiguous and little-endian, to `body` in runs of `byteCount`, the last one
  /// shorter; `byteCount` is a multiple of 4096, so that every run begins at an element.
  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic)
}

/// How a file holds a tensor's elements.
enum Arrangement: Sendable, Hashable {
  /// As `tensor(at:)` gives them.
  case plain
  /// The first axis fastest, as Fortran and MATLAB hold matrices.
  case firstAxisFastest
  /// With gaps, repeated, or in another order of axes.
  case strided
  /// The most significant byte first.
  case bigEndian
  /// In a form that has to be unpacked.
  case compressed
}

extension LocatedCheckpoint {
  var modelView: ModelView? { nil }

  func blockRegion(at index: Int) -> FileRegion? { nil }

  func arrangement(at index: Int) -> Arrangement { .plain }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    region(at: index) == nil ? entries[index].byteCount : 0
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    try tensor(at: index).forEachRun(of: byteCount, body)
  }
}

extension Tensor {
  /// Hands the bytes to `body` in runs of `byteCount`, the last one shorter.
  func forEachRun(
    of byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let bytes = bytes
    for start in stride(from: 0, to: bytes.count, by: byteCount) {
      try body(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + byteCount, bytes.count)]))
    }
  }
}
