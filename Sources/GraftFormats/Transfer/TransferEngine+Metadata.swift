import Glibc
public import GraftIR

extension TransferEngine {
  /// Writes the checkpoint at `source` once more with other metadata: whole, or not at all. Tensors are copied by the
  /// kernel, and come out in the same bytes.
  ///
  /// - Parameters:
  ///   - metadata: all texts of the new file.
  ///   - path: where it goes; `source` itself may be replaced, and keeps its old content until the new one is complete.
  ///   - options: the format is that of the source where none is said.
  /// - Throws: `transfer.one-file` where the source is several files or holds its tensors in dictionaries, which would
  ///   not come out as they were; what `run` throws.
  public static func rewrite(
    _ source: String, metadata: [String: String], to path: String, options: Options = Options(),
    progress: (Progress) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(Diagnostic) {
    let reader = try Formats.open(source)
    guard (reader as? any LocatedCheckpoint)?.files.count == 1, reader.entries.allSatisfy({ $0.path.count == 1 }) else {
      throw Diagnostic(
        "transfer.one-file",
        "'\(source)' is several files, or holds dictionaries of tensors: its metadata stay as they are",
        at: Location(source))
    }
    var options = options
    options.format = options.format ?? reader.format
    options.recordsDigests = false  // Those of the sources that the file was made from stay.
    options.mayReplaceSource = path == source
    options.force = options.force || path == source
    var target = path
    if path == source, let real = realpath(source, nil) {  // What a link leads to is replaced, and not the link.
      target = String(cString: real)
      free(real)
    }
    try run(
      WeightPlan(copying: reader, metadata: metadata), readers: [reader], to: target, options: options,
      progress: progress, isCancelled: isCancelled)
  }
}
