import GraftIR

/// One run of the engine: gets each tensor's values into the writer, whichever way they come about.
struct Transfer {
  private let sources: WeightSources
  private let writer: any StreamingCheckpointWriter
  private let memory: TransferMemory
  private let countsCasts: Bool
  private let isCancelled: () -> Bool
  /// What casting did to the tensor that is being written, where that is counted.
  private var counts: CastCounts?
  /// The blocks that values of the tensor which is being written go into, or `nil`.
  private var blocks: BlockType?
  /// Where casts put their results, made when the first one comes.
  private var room: Storage?
  /// The same of blocks.
  private var blockRoom: Storage?
  /// Results that no source takes part in, since models repeat them in every block. Emptied when it grows.
  private var known: [WeightExpression: Tensor] = [:]
  private var knownByteCount = 0

  init(
    sources: WeightSources, writer: any StreamingCheckpointWriter, memory: TransferMemory = TransferMemory(),
    countsCasts: Bool = false, isCancelled: @escaping () -> Bool
  ) {
    self.sources = sources
    self.writer = writer
    self.memory = memory
    self.countsCasts = countsCasts
    self.isCancelled = isCancelled
  }

  func checkCancellation() throws(Diagnostic) {
    guard !isCancelled() else {
      throw Diagnostic("transfer.interrupted", "the transfer was interrupted", category: .interrupted)
    }
  }

  /// Gets `planned`, tensor `number` of the plan and the next of the writer's order, into the output. Where an earlier
  /// process wrote it, as `earlier` says, and its bytes are there, they are passed over.
  ///
  /// - Returns: what a journal notes of it, and whether it was there.
  mutating func write(
    _ planned: PlannedTensor, number: Int, earlier: TransferJournal.Record? = nil
  ) throws(Diagnostic) -> (record: TransferJournal.Record, wasThere: Bool) {
    try checkCancellation()
    try writer.begin()
    let output = writer.output
    let position = output?.byteCount ?? 0
    let byteCount = writer.outputByteCount(of: planned.byteCount)
    if let earlier, let output, earlier.tensor == number, earlier.position == position,
      byteCount <= output.keptByteCount - output.byteCount
    {
      output.passOver(byteCount)
      writer.seal = earlier.seal
      try writer.end()
      return (earlier, true)
    }
    counts = countsCasts ? CastCounts() : nil
    try writeValues(planned)
    let seal = writer.seal
    try writer.end()
    let record = TransferJournal.Record(
      tensor: number, position: position, seal: seal, counts: counts ?? CastCounts())
    return (record, false)
  }

  private mutating func writeValues(_ planned: PlannedTensor) throws(Diagnostic) {
    if let region = try sources.blockRegion(of: planned) { return try copy(region) }
    blocks = planned.blocks
    var expression = planned.expression
    while case .copies(let all) = expression { expression = try sources.agreed(all) }
    switch expression {
    case .source(let source):
      let index = try sources.index(of: source)
      guard let reader = sources.readers[source.source] as? any LocatedCheckpoint else {
        return try append(try sources.readers[source.source].tensor(at: index), as: planned.dtype)
      }
      if planned.dtype == source.dtype, blocks == nil, let region = reader.region(at: index) { return try copy(region) }
      // The closure borrows nothing of `self`, which changes while it runs.
      var sink = self
      try reader.stream(index, inRunsOf: memory.runByteCount) { (run) throws(Diagnostic) in
        try sink.append(run, of: source.dtype, as: planned.dtype)
      }
      self = sink
    case .fill(let value, let dtype, let shape): try fill(value, dtype, shape, as: planned.dtype)
    case .draw(let draw, let shape): try append(draw, count: shape.elementCount ?? 0, as: planned.dtype)
    case .apply, .computed, .copies: try append(try value(of: expression), as: planned.dtype)
    }
  }

  private func copy(_ region: FileRegion) throws(Diagnostic) {
    let step = 64 << 20
    for offset in stride(from: region.offset, to: region.offset + region.byteCount, by: step) {
      try checkCancellation()
      let count = min(step, region.offset + region.byteCount - offset)
      try writer.append(copying: FileRegion(file: region.file, offset: offset, byteCount: count))
    }
  }

  private mutating func value(of expression: WeightExpression) throws(Diagnostic) -> Tensor {
    if let tensor = known[expression] { return tensor }
    let tensor = try sources.evaluate(expression)
    if !expression.readsSources && tensor.byteCount <= memory.knownByteCount {
      if knownByteCount + tensor.byteCount > memory.knownByteCount {
        known = [:]
        knownByteCount = 0
      }
      known[expression] = tensor
      knownByteCount += tensor.byteCount
    }
    return tensor
  }

  private mutating func append(_ tensor: Tensor, as dtype: DType) throws(Diagnostic) {
    var sink = self
    try tensor.forEachRun(of: memory.runByteCount) { (run) throws(Diagnostic) in
      try sink.append(run, of: tensor.dtype, as: dtype)
    }
    self = sink
  }

  /// Writes a run of elements of type `source`, whole bytes of them.
  private mutating func append(
    _ run: UnsafeRawBufferPointer, of source: DType, as dtype: DType
  ) throws(Diagnostic) {
    try checkCancellation()
    guard dtype != source else { return try append(run) }
    guard let cast = Cast(from: source, to: dtype) else { preconditionFailure("the plan was checked") }
    let count = run.count * 8 / source.bitWidth
    let room = self.room ?? Storage(byteCount: memory.runByteCount)
    self.room = room
    // Results of 16 bytes an element fill the room; a multiple of eight elements is whole bytes in every type.
    let step = memory.runByteCount / 16
    for start in stride(from: 0, to: count, by: step) {
      let elements = min(step, count - start)
      let out = UnsafeMutableRawBufferPointer(start: room.start, count: elements * dtype.bitWidth / 8)
      let from = UnsafeRawBufferPointer(rebasing: run[(start * source.bitWidth / 8)...])
      if blocks == nil {
        cast.run(from, into: out, count: elements, counts: &counts)
      } else {
        cast.run(from, into: out, count: elements)  // What becomes of values is counted once, from blocks.
      }
      try append(UnsafeRawBufferPointer(out))
    }
  }

  /// Writes a run of elements of the tensor's own type, in blocks where that is asked for.
  private mutating func append(_ run: UnsafeRawBufferPointer) throws(Diagnostic) {
    guard let blocks else { return try writer.append(run) }
    let packing = BlockPacking(blocks)
    let room = self.blockRoom ?? Storage(byteCount: BlockPacking.roomByteCount)
    blockRoom = room
    for start in stride(from: 0, to: run.count, by: BlockPacking.runByteCount) {
      let part = UnsafeRawBufferPointer(rebasing: run[start..<min(start + BlockPacking.runByteCount, run.count)])
      try writer.append(packing.run(part, through: room, counts: &counts))
    }
  }

  private mutating func fill(
    _ value: Double, _ source: DType, _ shape: Shape, as dtype: DType
  ) throws(Diagnostic) {
    guard let one = Tensor.filled(with: value, source, [8])?.cast(to: dtype),
      let repeats = Shape([memory.runByteCount / one.byteCount * 8]).elementCount,
      let run = Tensor.filled(with: value, source, [repeats])?.cast(to: dtype)
    else {
      throw Diagnostic("transfer.cast", "\(source) cannot be filled with a number and become \(dtype)")
    }
    let total = dtype.byteCount(of: shape.elementCount ?? 0) ?? 0
    for start in stride(from: 0, to: total, by: run.byteCount) {
      try checkCancellation()
      try append(UnsafeRawBufferPointer(rebasing: run.bytes[..<min(run.byteCount, total - start)]))
    }
    withExtendedLifetime(run) {}
  }

  private mutating func append(_ draw: Draw, count: Int, as dtype: DType) throws(Diagnostic) {
    let step = memory.runByteCount / 4
    let run = Storage(byteCount: 4 * min(count, step))
    for start in stride(from: 0, to: count, by: step) {
      let values = UnsafeMutableRawBufferPointer(start: run.start, count: 4 * min(step, count - start))
      draw.fill(values, startingAt: start)
      try append(UnsafeRawBufferPointer(values), of: .f32, as: dtype)
    }
  }
}
