import Glibc
public import GraftIR

/// Streams a weight plan into a checkpoint file.
///
/// A tensor that is taken over as it is never enters this process's memory: the kernel copies it. Everything else comes
/// in runs of 4 MB or less; only a primitive sees whole tensors. So memory follows the largest computed tensor, not
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
    /// Whether to go on from where a killed process stopped that did the same.
    public var resumes = false
    /// Whether the journal stays when the output is there, so that a command with several outputs that is killed later
    /// knows that this one is done. The caller removes it with `removeJournal`.
    public var keepsJournal = false
    /// The most memory that the process may take, in bytes, or `nil` for no limit.
    public var memoryLimit: Int?
    /// Whether the report tells what casts did to values; counting takes a little time.
    public var countsCasts = false
    /// Whether a cast that changes a value ends the transfer; needs `countsCasts`.
    public var refusesLosses = false

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

  /// Writes `plan` to `path`: whole, or not at all.
  ///
  /// - Parameters:
  ///   - readers: the plan's sources, opened, by number, each restricted to its key.
  ///   - progress: called after every tensor, on the caller's thread.
  ///   - isCancelled: asked often; a true answer ends the transfer with `transfer.interrupted`.
  /// - Throws: rules of the page `transfer`, and of the formats.
  @discardableResult
  public static func run(
    _ plan: WeightPlan, readers: [any CheckpointReader], to path: String, options: Options = Options(),
    progress: (Progress) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(Diagnostic) -> TransferReport {
    let format = try format(for: path, named: options.format)
    let sources = WeightSources(readers)
    let plan = plan.keepingBlocks(in: format)
    let memory = try options.memoryLimit.map(TransferMemory.init(limit:)) ?? TransferMemory()
    do throws(Diagnostic) { try check(plan, sources, memory, for: format) } catch { throw error.at(Location(path)) }
    let files = readers.map { ($0 as? any LocatedCheckpoint)?.files ?? [] }
    var request = CheckpointOutput.Request(
      declarations: plan.tensors.map(TensorDeclaration.init), metadata: plan.metadata)
    request.key = options.key
    request.shardByteCount = options.shardByteCount
    let paths = try CheckpointOutput.paths(for: request, format: format, path: path)
    for file in paths where !options.mayReplaceSource { try checkOutput(file, isNoneOf: files.joined()) }

    let journalPath = OutputName(path).journalPath
    let fingerprint = TransferFingerprint(plan, sources: files, format: format, options: options).text
    var report = TransferReport()
    report.byteCount = Declarations.byteCount(of: request.declarations)
    let earlier = try earlierWork(fingerprint, journalPath, paths, options, &report)
    if earlier.isFinished {
      try publishLeftovers(paths, options)
      for record in earlier.records {
        guard plan.tensors.indices.contains(record.tensor) else { continue }
        try report.add(record, of: plan.tensors[record.tensor], wasThere: true, refusesLosses: options.refusesLosses)
      }
      if !options.keepsJournal { unlink(journalPath) }
      return report
    }

    let digested = options.recordsDigests ? files.indices.filter { !files[$0].isEmpty } : []
    let names = digested.map { "graft.source.\($0).sha256" }
    request.deferred = names
    let output = try CheckpointOutput(request, format: format, path: path) { (file) throws(Diagnostic) in
      try OutputFile(path: file, force: options.force, resumes: !earlier.records.isEmpty)
    }
    let journal: TransferJournal
    do throws(Diagnostic) {
      journal = try TransferJournal(at: journalPath, fingerprint: fingerprint)
    } catch {
      for file in output.files { file.abandon() }
      throw error
    }
    let digests = SourceDigests(digested.map { files[$0] })
    do throws(Diagnostic) {
      for file in output.files { try file.reserve() }
      let writer = output.writer
      var transfer = Transfer(
        sources: sources, writer: writer, memory: memory, countsCasts: options.countsCasts, isCancelled: isCancelled)
      let byteCount = writer.order.reduce(0) { $0 &+ plan.tensors[$1].byteCount }
      var bytes = 0
      var isThere = true
      var unsynced = Unsynced()
      for omission in plan.omissions { try sources.check(omission) }
      for (done, index) in writer.order.enumerated() {
        let planned = plan.tensors[index]
        let file = writer.output
        let known = isThere && done < earlier.records.count ? earlier.records[done] : nil
        let (record, wasThere) = try transfer.write(planned, number: index, earlier: known)
        isThere = wasThere
        try journal.append(record)
        try report.add(record, of: planned, wasThere: wasThere, refusesLosses: options.refusesLosses)
        try unsynced.note(planned.byteCount, in: file, journal)
        bytes += planned.byteCount
        progress(Progress(tensors: done + 1, tensorCount: writer.order.count, bytes: bytes, byteCount: byteCount))
      }
      while !digests.isDone(within: .milliseconds(50)) { try transfer.checkCancellation() }
      guard let texts = digests.wait() else {
        throw Diagnostic("transfer.digest", "a source's SHA-256 cannot be taken", category: .defect)
      }
      try writer.finish(deferred: Dictionary(zip(names, texts), uniquingKeysWith: { first, _ in first }))
      for file in output.files {
        try file.trim()
        try file.sync()
        try transfer.checkCancellation()
      }
      try journal.finish()
      try publish(output.files)
      if !options.keepsJournal { journal.remove() }
      return report
    } catch {
      digests.cancel()
      for file in output.files { file.abandon() }
      journal.remove()
      throw error
    }
  }

  /// Finds what keeps a checkpoint from being written to `path`, so that long work is not for nothing; only writing
  /// itself tells for sure.
  ///
  /// - Throws: `transfer.format`, `transfer.exists`, `transfer.folder`, `transfer.create`.
  public static func checkOutput(_ path: String, options: Options = Options()) throws(Diagnostic) {
    _ = try format(for: path, named: options.format)
    // What is there may be what a killed process finished: only the journal tells.
    if options.resumes && TransferJournal.exists(OutputName(path).journalPath) { return }
    try checkFile(path, force: options.force)
  }

  /// The same for a file that is no checkpoint.
  ///
  /// - Throws: `transfer.exists`, `transfer.folder`, `transfer.create`.
  public static func checkFile(_ path: String, force: Bool) throws(Diagnostic) {
    try OutputFile.probe(path, force: force)
  }

  /// Removes the journal of an output that was written with `keepsJournal`.
  public static func removeJournal(of path: String) { unlink(OutputName(path).journalPath) }

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
    let format = try format(for: path, named: options.format)
    let declarations = tensors.map {
      TensorDeclaration(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
    }
    var request = CheckpointOutput.Request(declarations: declarations, metadata: metadata)
    request.key = options.key
    request.shardByteCount = options.shardByteCount
    let output = try CheckpointOutput(request, format: format, path: path) { (file) throws(Diagnostic) in
      try OutputFile(path: file, force: options.force)
    }
    for file in output.files { try file.reserve() }
    for index in output.writer.order { try output.writer.write(tensors[index].tensor.bytes) }
    try output.writer.finish()
    for file in output.files {
      try file.trim()
      try file.sync()
    }
    try publish(output.files)
  }
}
