public import GraftIR

/// Streams a weight plan into a checkpoint file.
///
/// A tensor that is taken over as it is never enters this process's memory: the kernel copies it. Everything else comes
/// in runs of `runByteCount`; only a primitive sees whole tensors. So memory follows the largest computed tensor, not
/// the model.
public enum TransferEngine {
  /// How a transfer is done.
  public struct Options: Sendable {
    /// The name of a format, or `nil` for the one that the output's extension says.
    public var format: String?
    /// Whether a file that exists may be replaced.
    public var force = false
    /// The dictionary key that the tensors go under, where the format has dictionaries.
    public var key: String?
    /// The most bytes of tensors in a file, beyond which there are several and an index, or `nil` for one file.
    public var shardByteCount: Int?
    /// Whether the SHA-256 of every source goes into the metadata, as `graft.source.N.sha256`.
    public var recordsDigests = true
    /// Whether the output may be the file that it is made from, which stays as it is until the output is complete.
    var mayReplaceSource = false

    /// The usual options: by extension, nothing replaced, digests recorded.
    public init() {}
  }

  /// How far a transfer has come.
  public struct Progress: Sendable, Hashable {
    /// Tensors written.
    public let tensors: Int
    /// Tensors of the plan.
    public let tensorCount: Int
    /// Bytes of tensors written.
    public let bytes: Int
    /// Bytes of all tensors of the plan.
    public let byteCount: Int
  }

  /// The bytes of a run.
  static let runByteCount = 1 << 22

  /// Writes `plan` to `path`: whole, or not at all.
  ///
  /// - Parameters:
  ///   - readers: the plan's sources, opened, by number, each restricted to its key.
  ///   - progress: called after every tensor, on the caller's thread.
  ///   - isCancelled: asked often; a true answer ends the transfer with `transfer.interrupted`.
  /// - Throws: rules of the page `transfer`, and of the formats.
  public static func run(
    _ plan: WeightPlan, readers: [any CheckpointReader], to path: String, options: Options = Options(),
    progress: (Progress) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(Diagnostic) {
    let format = try format(for: path, options)
    let sources = WeightSources(readers)
    try check(plan, sources)
    let files = readers.map { ($0 as? any LocatedCheckpoint)?.files ?? [] }
    let declarations = plan.tensors.map {
      TensorDeclaration(name: $0.name, dtype: $0.dtype, shape: $0.shape, alias: $0.alias)
    }
    var request = CheckpointOutput.Request(declarations: declarations, metadata: plan.metadata)
    request.key = options.key
    request.shardByteCount = options.shardByteCount
    for file in try CheckpointOutput.paths(for: request, format: format, path: path) where !options.mayReplaceSource {
      try checkOutput(file, isNoneOf: files.joined())
    }

    let digested = options.recordsDigests ? files.indices.filter { !files[$0].isEmpty } : []
    let names = digested.map { "graft.source.\($0).sha256" }
    request.deferred = names
    let output = try CheckpointOutput(request, format: format, path: path) { (file) throws(Diagnostic) in
      try OutputFile(path: file, force: options.force)
    }
    let digests = SourceDigests(digested.map { files[$0] })
    do throws(Diagnostic) {
      let writer = output.writer
      var transfer = Transfer(sources: sources, writer: writer, isCancelled: isCancelled)
      let byteCount = writer.order.reduce(0) { $0 &+ plan.tensors[$1].byteCount }
      var bytes = 0
      for (done, index) in writer.order.enumerated() {
        try transfer.write(plan.tensors[index])
        bytes += plan.tensors[index].byteCount
        progress(Progress(tensors: done + 1, tensorCount: writer.order.count, bytes: bytes, byteCount: byteCount))
      }
      while !digests.isDone(within: .milliseconds(50)) { try transfer.checkCancellation() }
      guard let texts = digests.wait() else {
        throw Diagnostic("transfer.digest", "a source's SHA-256 cannot be taken", category: .defect)
      }
      try writer.finish(deferred: Dictionary(zip(names, texts), uniquingKeysWith: { first, _ in first }))
      try transfer.checkCancellation()
      for file in output.files { try file.commit() }
    } catch {
      digests.cancel()
      for file in output.files { file.abandon() }
      throw error
    }
  }

  /// Finds what keeps a checkpoint from being written to `path`, so that long work is not for nothing; only writing
  /// itself tells for sure.
  ///
  /// - Throws: `transfer.format`, `transfer.exists`, `transfer.folder`, `transfer.create`.
  public static func checkOutput(_ path: String, options: Options = Options()) throws(Diagnostic) {
    _ = try format(for: path, options)
    try checkFile(path, force: options.force)
  }

  /// The same for a file that is no checkpoint.
  public static func checkFile(_ path: String, force: Bool) throws(Diagnostic) {
    try OutputFile.check(path, force: force)
  }

  /// Refuses a `path` that is one of the files that `readers` read.
  ///
  /// - Throws: `transfer.own-source`.
  public static func checkSources(_ readers: [any CheckpointReader], areNot path: String) throws(Diagnostic) {
    try checkOutput(path, isNoneOf: readers.flatMap { ($0 as? any LocatedCheckpoint)?.files ?? [] })
  }

  /// Writes tensors that are in memory to `path`, in the order that the format likes.
  ///
  /// - Throws: rules of the page `transfer`, and of the format.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String,
    options: Options = Options()
  ) throws(Diagnostic) {
    let format = try format(for: path, options)
    let declarations = tensors.map {
      TensorDeclaration(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
    }
    var request = CheckpointOutput.Request(declarations: declarations, metadata: metadata)
    request.key = options.key
    request.shardByteCount = options.shardByteCount
    let output = try CheckpointOutput(request, format: format, path: path) { (file) throws(Diagnostic) in
      try OutputFile(path: file, force: options.force)
    }
    for index in output.writer.order { try output.writer.write(tensors[index].tensor.bytes) }
    try output.writer.finish()
    for file in output.files { try file.commit() }
  }

  private static func format(for path: String, _ options: Options) throws(Diagnostic) -> Format {
    let byName = Formats.format(ofPath: ShardPlan.basePath(of: path))
    guard let format = options.format.map({ Formats.named($0) }) ?? byName, format.isWritable else {
      let writable = Formats.all.filter(\.isWritable).map { "\($0.name) (\($0.extensions.joined(separator: ", ")))" }
      throw Diagnostic(
        "transfer.format", "'\(options.format ?? path)' names no format that can be written",
        at: Location(path), help: "formats: " + writable.joined(separator: ", "), category: .usage)
    }
    return format
  }

  /// Finds everything that can be wrong with a plan before a file is made.
  private static func check(_ plan: WeightPlan, _ sources: WeightSources) throws(Diagnostic) {
    var total = 0
    for tensor in plan.tensors {
      let type = tensor.expression.type
      guard type.shape == tensor.shape else {
        throw Diagnostic(
          "transfer.shape",
          "'\(tensor.name.shortened)' is planned as \(tensor.shape), but its values are \(type.shapeText)")
      }
      guard let count = tensor.shape.elementCount, tensor.dtype.byteCount(of: count) != nil,
        type.dtype == tensor.dtype || Cast(from: type.dtype, to: tensor.dtype) != nil
      else {
        throw Diagnostic(
          "transfer.cast", "'\(tensor.name.shortened)' of \(type) cannot become \(tensor.dtype) \(tensor.shape)")
      }
      if case .fill(_, let dtype, _) = tensor.expression, Cast(from: .f64, to: dtype) == nil {
        throw Diagnostic("transfer.cast", "'\(tensor.name.shortened)' of \(dtype) cannot be filled with a number")
      }
      let (sum, overflow) = total.addingReportingOverflow(tensor.byteCount)
      guard !overflow else { throw Diagnostic("transfer.shape", "the plan's tensors together overflow 64 bits") }
      total = sum
      try tensor.expression.forEachSource { (source) throws(Diagnostic) in _ = try sources.index(of: source) }
    }
  }

  private static func checkOutput(_ path: String, isNoneOf files: some Sequence<MappedFile>) throws(Diagnostic) {
    guard files.contains(where: { $0.isSame(asFileAt: path) }) else { return }
    throw Diagnostic(
      "transfer.own-source", "'\(path)' is one of the files that it is made from", at: Location(path),
      help: "write to another name", category: .cannotCreate)
  }
}

extension PlannedTensor {
  /// The bytes of the tensor as it is written.
  var byteCount: Int { shape.elementCount.flatMap(dtype.byteCount(of:)) ?? 0 }
}
