import GraftIR

/// How a transfer spends memory, beside what the system maps and caches.
struct TransferMemory: Sendable, Hashable {
  /// What the process takes whatever it does: code's own data, headers of checkpoints, stacks.
  static let base = 16_000_000
  /// Less than this leaves no room to work in.
  static let least = 24_000_000

  /// What elements come in: a multiple of 4096.
  let runByteCount: Int
  /// What computed results may take that are kept because a model may repeat them.
  let knownByteCount: Int
  /// What one tensor may take in whole, or `nil` where there is no limit.
  let tensorByteCount: Int?

  /// Runs of 4 MB, and tensors of any size.
  init() {
    runByteCount = 1 << 22
    knownByteCount = 32 << 20
    tensorByteCount = nil
  }

  /// What a process of at most `limit` bytes can do.
  ///
  /// - Throws: `transfer.memory`.
  init(limit: Int) throws(Diagnostic) {
    guard limit >= Self.least else {
      throw Diagnostic(
        "transfer.memory", "\(limit) bytes are less than the \(Self.least) that a transfer takes at least",
        category: .usage)
    }
    // Two runs are in memory where a tensor is gathered and cast, or drawn and cast.
    let free = limit - Self.base
    runByteCount = min(1 << 22, free / 4 / 4096 * 4096)
    knownByteCount = min(32 << 20, free / 4)
    tensorByteCount = free - 2 * runByteCount - knownByteCount
  }

  /// Refuses a tensor that has to be in memory in larger parts than there is room for.
  ///
  /// - Throws: `transfer.memory`.
  func check(_ planned: PlannedTensor, _ sources: WeightSources) throws(Diagnostic) {
    guard let tensorByteCount else { return }
    let need = try sources.wholeByteCount(of: planned.expression, inRunsOf: runByteCount)
    guard need <= tensorByteCount else {
      throw Diagnostic(
        "transfer.memory",
        "'\(planned.name.shortened)' takes \(need) bytes of memory, but only \(tensorByteCount) are left for a tensor",
        help: "allow about \(need - tensorByteCount) bytes more")
    }
  }
}

extension WeightSources {
  /// The memory that the values of `expression` take while they come about, beside runs and what is mapped.
  fileprivate func wholeByteCount(
    of expression: WeightExpression, inRunsOf runByteCount: Int
  ) throws(Diagnostic) -> Int {
    switch expression {
    case .source(let source):
      let index = try index(of: source)
      guard let reader = readers[source.source] as? any LocatedCheckpoint else {
        return readers[source.source].entries[index].byteCount
      }
      let count = reader.streamingByteCount(at: index, inRunsOf: runByteCount)
      return count <= runByteCount ? 0 : count
    case .fill, .draw: return 0
    case .copies(let all): return try mostByteCount(of: all, inRunsOf: runByteCount)
    case .apply, .computed: return try computedByteCount(of: expression)
    }
  }

  /// The memory of copies that are compared, two at a time, and of the first that is then taken.
  private func mostByteCount(
    of copies: [WeightExpression], inRunsOf runByteCount: Int
  ) throws(Diagnostic) -> Int {
    var most = 0
    for copy in copies { most = max(most, try computedByteCount(of: copy)) }
    let whole = try wholeByteCount(of: copies[0], inRunsOf: runByteCount)
    return max(whole, most > .max / 2 ? .max : 2 * most)
  }

  /// The same of what a primitive takes or gives, which is in memory whole.
  private func computedByteCount(of expression: WeightExpression) throws(Diagnostic) -> Int {
    switch expression {
    case .source(let source):
      let index = try index(of: source)
      let reader = readers[source.source]
      return (reader as? any LocatedCheckpoint)?.region(at: index) != nil ? 0 : reader.entries[index].byteCount
    case .fill, .draw: return expression.byteCount
    case .copies(let all): return try mostByteCount(of: all, inRunsOf: .max)
    case .apply(_, _, let arguments, _):
      var sum = expression.byteCount
      for argument in arguments { sum = sum &+ (try computedByteCount(of: argument)) }
      return sum < 0 ? .max : sum
    case .computed(let graph):
      // Every value of the graph may be there at once.
      var sum = 0
      for type in graph.graph.types { sum = sum &+ type.byteCount }
      for argument in graph.arguments { sum = sum &+ (try computedByteCount(of: argument)) }
      return sum < 0 ? .max : sum
    }
  }
}

extension WeightExpression {
  fileprivate var byteCount: Int { type.byteCount }
}

extension TensorType {
  /// The bytes of a tensor of the type, or what no memory holds where they overflow.
  fileprivate var byteCount: Int { shape?.elementCount.flatMap(dtype.byteCount(of:)) ?? .max / 64 }
}
