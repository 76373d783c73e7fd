import GraftIR

/// A checkpoint that is being written: the writer that takes its tensors, and the files that it grows in.
struct CheckpointOutput {
  /// Takes the tensors that are no aliases.
  let writer: any StreamingCheckpointWriter
  /// In the order in which they have to get their names.
  let files: [OutputFile]

  /// What is written, whatever the format.
  struct Request {
    let declarations: [TensorDeclaration]
    let metadata: [String: String]
    /// Names of metadata that are known only when all tensors are written: texts of exactly 64 bytes.
    var deferred: [String] = []
    /// The dictionary key that the tensors go under, where the format has dictionaries.
    var key: String?
    /// The most bytes of tensors in a file, or `nil` for one file.
    var shardByteCount: Int?

    /// The shards that `declarations`, as a file of `format` holds them, are in. A format with a file for data alone puts
    /// them there, and is not cut otherwise.
    ///
    /// - Throws: `sharded.limit`, `sharded.whole`.
    fileprivate func plan(
      of declarations: [TensorDeclaration], _ format: Format, _ path: String
    ) throws(Diagnostic) -> ShardPlan {
      let limit = format.companion == nil ? shardByteCount ?? .max : .max
      let plan = try ShardPlan(declarations, limit: limit, path: path)
      if plan.indexPath != nil,
        let end = format.wholeExtensions.first(where: ShardPlan.basePath(of: path).lowercased().hasSuffix)
      {
        throw Diagnostic(
          "sharded.whole", "a '\(end)' is one file to its readers, and \(plan.shards.count) shards are asked for",
          at: Location(path), help: "write one file, or shards under another extension", category: .usage)
      }
      return plan
    }
  }

  /// The files that writing `request` to `path` makes, in the order in which they get their names.
  ///
  /// - Throws: `sharded.limit`, `sharded.whole`.
  static func paths(for request: Request, format: Format, path: String) throws(Diagnostic) -> [String] {
    let declarations = format.keepsAliases ? request.declarations : request.declarations.filter { $0.alias == nil }
    let plan = try request.plan(of: declarations, format, path)
    var paths: [String] = []
    for shard in plan.shards {
      if let second = format.companion?(shard.tensors.map { declarations[$0] }, request.shardByteCount, shard.path) {
        paths.append(second)
      }
      paths.append(shard.path)
    }
    return paths + (plan.indexPath.map { [$0] } ?? [])
  }

  /// Starts all files of the checkpoint `path`; `makeFile` makes them by their paths.
  ///
  /// - Throws: `sharded.limit`, `sharded.whole`, and what `makeFile` and the format's writer throw.
  init(
    _ request: Request, format: Format, path: String, makeFile: (String) throws(Diagnostic) -> OutputFile
  ) throws(Diagnostic) {
    try Declarations.checkNames(request.declarations)
    Declarations.checkAliases(request.declarations)
    var declarations = request.declarations
    var metadata = request.metadata
    let kept = declarations.indices.filter { format.keepsAliases || declarations[$0].alias == nil }
    if kept.count < declarations.count {
      metadata[AliasRecord.key] = AliasRecord.text(for: declarations)
      declarations = kept.map { declarations[$0] }
    }
    if !format.keepsKeys, let text = KeyRecord.text(for: request.declarations) { metadata[KeyRecord.key] = text }
    let plan = try request.plan(of: declarations, format, path)
    let writer = try ShardedWriter(
      plan, format: format, declarations: declarations, metadata: metadata, deferred: request.deferred,
      key: request.key, companionLimit: request.shardByteCount, makeOutput: makeFile)
    files = writer.outputs
    self.writer = kept.count == request.declarations.count ? writer : RenumberingWriter(writer, numbers: kept)
  }
}

/// Hands everything on to a writer that knows the tensors by other numbers.
private final class RenumberingWriter: StreamingCheckpointWriter {
  let order: [Int]
  private let base: any StreamingCheckpointWriter

  /// `numbers` has, for each number of `base`, the one that callers use.
  init(_ base: any StreamingCheckpointWriter, numbers: [Int]) {
    self.base = base
    order = base.order.map { numbers[$0] }
  }

  var output: OutputFile? { base.output }

  var seal: UInt32 {
    get { base.seal }
    set { base.seal = newValue }
  }

  func outputByteCount(of byteCount: Int) -> Int { base.outputByteCount(of: byteCount) }
  func begin() throws(Diagnostic) { try base.begin() }
  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try base.append(chunk) }
  func append(copying region: FileRegion) throws(Diagnostic) { try base.append(copying: region) }
  func end() throws(Diagnostic) { try base.end() }
  func finish(deferred: [String: String]) throws(Diagnostic) { try base.finish(deferred: deferred) }
}
