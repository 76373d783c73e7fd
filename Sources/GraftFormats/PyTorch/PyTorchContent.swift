import GraftIR

/// What a file of either layout says, before tensors are looked at.
struct PyTorchContent {
  let pickle: Pickle
  /// The bytes that the pickle fills, by which its values are measured.
  let pickleByteCount: Int
  /// The bytes of each of the pickle's storages in the file.
  let storages: [Range<Int>]
  let isBigEndian: Bool
  /// Texts beside the pickle.
  let metadata: [String: String]
}

extension Pickle.StorageReference {
  /// The element type that the class implies; `nil` for bytes without a type.
  var dtype: DType? { PyTorchTypes.storages[typeName] }

  /// The bytes of one of the elements that `count` counts, or `nil` where the class is not read.
  var byteWidth: Int? { typeName == "UntypedStorage" ? 1 : dtype?.byteWidth }

  /// Makes sure that its elements fill the `available` bytes. A class that is not read is told of where a tensor shows
  /// it, which may have more to say.
  ///
  /// - Throws: `pytorch.storage-size`.
  func check(available: Int, at place: Location) throws(Diagnostic) {
    guard let width = byteWidth else { return }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
    guard !overflow, byteCount == available else {
      throw Diagnostic(
        "pytorch.storage-size",
        "the storage '\(key.shortened)' claims \(count) elements of \(width) bytes, but has \(available) bytes",
        at: place)
    }
  }

  /// The bytes that are meant of those of the whole storage.
  func bytes(of whole: Range<Int>) -> Range<Int> {
    guard let part, let width = byteWidth else { return whole }
    return whole.lowerBound + part.lowerBound * width..<whole.lowerBound + part.upperBound * width
  }
}
