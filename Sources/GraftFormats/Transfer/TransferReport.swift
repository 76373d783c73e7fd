import GraftIR

/// What a transfer did, beside writing its output.
public struct TransferReport: Sendable, Hashable {
  /// What casts did, by the number of the tensor in the plan; only tensors of which something is to be told.
  public internal(set) var counts: [Int: CastCounts] = [:]
  /// The bytes of all tensors as the output holds them, of an alias none.
  public internal(set) var byteCount = 0
  /// Tensors that an earlier process had written.
  public internal(set) var resumedCount = 0
  /// Why nothing was taken up where that was asked for, for a person to read.
  public internal(set) var restartReason: String?

  /// Adds what `record` tells of `planned`.
  ///
  /// - Throws: `transfer.loss` where a cast changed a value, and that is refused.
  mutating func add(
    _ record: TransferJournal.Record, of planned: PlannedTensor, wasThere: Bool, refusesLosses: Bool
  ) throws(Diagnostic) {
    if wasThere { resumedCount += 1 }
    guard record.counts != CastCounts() else { return }
    counts[record.tensor] = record.counts
    let lostNaN = planned.dtype.hasNaN ? 0 : record.counts.nan
    guard refusesLosses, record.counts.inexact + lostNaN > 0 else { return }
    throw Diagnostic(
      "transfer.loss",
      "'\(planned.name.shortened)' has \(record.counts.inexact + lostNaN) values that \(planned.blocks?.rawValue ?? planned.dtype.rawValue) does not hold",
      help: "choose a wider dtype, or allow losses")
  }
}
