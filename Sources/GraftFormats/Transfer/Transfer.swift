import GraftIR

/// One run of the engine: gets each tensor's values into the writer, whichever way they come about.
struct Transfer {
  private let sources: WeightSources
  private let writer: any StreamingCheckpointWriter
  private let isCancelled: () -> Bool
  /// Results that no source takes part in, since models repeat them in every block. Emptied when it grows.
  private var known: [WeightExpression: Tensor] = [:]
  private var knownByteCount = 0

  private static let knownLimit = 32 << 20

  init(sources: WeightSources, writer: any StreamingCheckpointWriter, isCancelled: @escaping () -> Bool) {
    self.sources = sources
    self.writer = writer
    self.isCancelled = isCancelled
  }

  func checkCancellation() throws(Diagnostic) {
    guard !isCancelled() else {
      throw Diagnostic("transfer.interrupted", "the transfer was interrupted", category: .interrupted)
    }
  }

  /// Writes `planned`, the next tensor of the writer's order.
  mutating func write(_ planned: PlannedTensor) throws(Diagnostic) {
    try checkCancellation()
    try writer.begin()
    switch planned.expression {
    case .source(let source):
      let index = try sources.index(of: source)
      let reader = sources.readers[source.source]
      if planned.dtype == source.dtype, let region = (reader as? any LocatedCheckpoint)?.region(at: index) {
        try copy(region)
      } else {
        try append(try reader.tensor(at: index), as: planned.dtype)
      }
    case .fill(let value, let dtype, let shape): try fill(value, dtype, shape, as: planned.dtype)
    case .draw(let draw, let shape):
      try stream(.f32, shape.elementCount ?? 0, as: planned.dtype) { run, first in
        draw.fill(run, startingAt: first)
      }
    case .apply, .computed: try append(try value(of: planned.expression), as: planned.dtype)
    }
    try writer.end()
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
    if !expression.readsSources && tensor.byteCount <= Self.knownLimit {
      if knownByteCount + tensor.byteCount > Self.knownLimit {
        known = [:]
        knownByteCount = 0
      }
      known[expression] = tensor
      knownByteCount += tensor.byteCount
    }
    return tensor
  }

  private func append(_ tensor: Tensor, as dtype: DType) throws(Diagnostic) {
    let bytes = tensor.bytes
    guard dtype != tensor.dtype else {
      for start in stride(from: 0, to: bytes.count, by: TransferEngine.runByteCount) {
        try checkCancellation()
        let end = min(start + TransferEngine.runByteCount, bytes.count)
        try writer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      }
      return
    }
    guard let cast = Cast(from: tensor.dtype, to: dtype) else { preconditionFailure("the plan was checked") }
    let count = tensor.elementCount
    // A multiple of eight elements is whole bytes in every type.
    let step = TransferEngine.runByteCount / 8
    let out = Storage(byteCount: min(count, step) * dtype.bitWidth / 8 + 1)
    for start in stride(from: 0, to: count, by: step) {
      try checkCancellation()
      let run = min(step, count - start)
      let room = UnsafeMutableRawBufferPointer(start: out.start, count: run * dtype.bitWidth / 8)
      cast.run(UnsafeRawBufferPointer(rebasing: bytes[(start * tensor.dtype.bitWidth / 8)...]), into: room, count: run)
      try writer.append(UnsafeRawBufferPointer(room))
    }
  }

  private func fill(_ value: Double, _ source: DType, _ shape: Shape, as dtype: DType) throws(Diagnostic) {
    guard let one = Tensor.filled(with: value, source, [8])?.cast(to: dtype) else {
      throw Diagnostic("transfer.cast", "\(source) cannot be filled with a number and become \(dtype)")
    }
    let total = dtype.byteCount(of: shape.elementCount ?? 0) ?? 0
    let unit = one.byteCount
    let run = Storage(byteCount: min(TransferEngine.runByteCount / unit * unit, total + unit))
    withExtendedLifetime(one) {
      guard let pattern = one.bytes.baseAddress else { return }
      for offset in stride(from: 0, to: run.byteCount - unit + 1, by: unit) {
        (run.start + offset).copyMemory(from: pattern, byteCount: unit)
      }
    }
    let whole = run.byteCount / unit * unit
    for start in stride(from: 0, to: total, by: whole) {
      try checkCancellation()
      try writer.append(UnsafeRawBufferPointer(start: run.start, count: min(whole, total - start)))
    }
  }

  /// Writes `count` values of type `source` that `make` puts into each run, from the given element on.
  private func stream(
    _ source: DType, _ count: Int, as dtype: DType, make: (UnsafeMutableRawBufferPointer, Int) -> Void
  ) throws(Diagnostic) {
    let step = TransferEngine.runByteCount / 8
    let width = source.bitWidth / 8
    let run = Storage(byteCount: min(count, step) * width)
    for start in stride(from: 0, to: count, by: step) {
      try checkCancellation()
      let elements = min(step, count - start)
      let values = UnsafeMutableRawBufferPointer(start: run.start, count: elements * width)
      make(values, start)
      try append(Tensor(source, [elements], storage: run), as: dtype)
    }
  }
}
