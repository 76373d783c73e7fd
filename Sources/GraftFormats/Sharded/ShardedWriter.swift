import GraftIR

/// Writes a checkpoint as several files and an index.
///
/// All metadata, and those that come last, are in the first file; the others repeat only what is not graft's own, such
/// as the `format` that transformers asks every file for.
final class ShardedWriter: StreamingCheckpointWriter {
  let order: [Int]
  /// The files in the order in which they have to get their names: the index, which makes them a checkpoint, last.
  let outputs: [OutputFile]
  private var writers: [any StreamingCheckpointWriter]
  /// For each place of `order`, the shard that it is in.
  private let owners: [Int]
  private var written = 0

  /// Starts all files of `plan`, which `makeOutput` makes by their paths; with over `companionLimit` bytes of tensors,
  /// a second one beside each where the format has such.
  ///
  /// - Throws: what `makeOutput` and the format's writer throw.
  init(
    _ plan: ShardPlan, format: Format, declarations: [TensorDeclaration], metadata: [String: String],
    deferred: [String], key: String?, companionLimit: Int?, makeOutput: (String) throws(Diagnostic) -> OutputFile
  ) throws(Diagnostic) {
    guard let makeWriter = format.makeWriter else { preconditionFailure("the format is written") }
    var outputs: [OutputFile] = []
    var writers: [any StreamingCheckpointWriter] = []
    var order: [Int] = []
    var owners: [Int] = []
    let shared = metadata.filter { !$0.key.hasPrefix("graft.") }
    for (number, shard) in plan.shards.enumerated() {
      let parts = Self.declarations(shard.tensors, of: declarations)
      let second = try format.companion?(parts, companionLimit, shard.path).map(makeOutput)
      if let second { outputs.append(second) }
      let output = try makeOutput(shard.path)
      outputs.append(output)
      (second ?? output).expectedByteCount = Declarations.byteCount(of: parts)
      var request = WriterRequest(
        output: output, declarations: parts, metadata: number == 0 ? metadata : shared,
        deferred: number == 0 ? deferred : [], key: key, companion: second)
      if plan.indexPath != nil {
        request.shard = WriterRequest.Shard(
          number: number, count: plan.shards.count, tensorCount: declarations.count)
      }
      let writer: any StreamingCheckpointWriter
      do throws(Diagnostic) { writer = try makeWriter(request) } catch { throw error.at(Location(shard.path)) }
      writers.append(writer)
      order += writer.order.map { shard.tensors[$0] }
      owners += writer.order.map { _ in number }
    }
    if let indexPath = plan.indexPath {
      let index = try makeOutput(indexPath)
      outputs.append(index)
      try index.append(plan.index(of: declarations, key: key))
    }
    self.outputs = outputs
    self.writers = writers
    self.order = order
    self.owners = owners
  }

  var output: OutputFile? { written < order.count ? writers[owners[written]].output : nil }

  var seal: UInt32 {
    get { written < order.count ? writers[owners[written]].seal : 0 }
    set { writers[owners[written]].seal = newValue }
  }

  func outputByteCount(of byteCount: Int) -> Int { writers[owners[written]].outputByteCount(of: byteCount) }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    try writers[owners[written]].begin()
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try writers[owners[written]].append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) {
    try writers[owners[written]].append(copying: region)
  }

  func end() throws(Diagnostic) {
    try writers[owners[written]].end()
    written += 1
  }

  func finish(deferred: [String: String]) throws(Diagnostic) {
    for (number, writer) in writers.enumerated() { try writer.finish(deferred: number == 0 ? deferred : [:]) }
  }

  /// The declarations `tensors` on their own, so that aliases point at each other by their numbers there.
  private static func declarations(_ tensors: [Int], of all: [TensorDeclaration]) -> [TensorDeclaration] {
    let numbers = Dictionary(tensors.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    return tensors.map { tensor in
      var declaration = all[tensor]
      declaration.alias = declaration.alias.flatMap { alias in numbers[alias.target].map { alias.retargeted(to: $0) } }
      return declaration
    }
  }
}
