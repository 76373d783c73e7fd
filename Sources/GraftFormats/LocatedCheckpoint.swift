import GraftIR

/// A checkpoint that knows where its tensors lie in files.
protocol LocatedCheckpoint: CheckpointReader {
  /// The files that hold the values, in a fixed order.
  var files: [MappedFile] { get }
  /// The bytes of entry `index` where the file holds them contiguous and little-endian, else `nil`.
  func region(at index: Int) -> FileRegion?
}
