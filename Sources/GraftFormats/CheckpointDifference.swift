public import GraftIR

/// What two checkpoints hold differently.
public struct CheckpointDifference: Sendable, Hashable {
  /// One tensor that both hold, differently.
  public struct Change: Sendable, Hashable {
    /// The tensor's name.
    public let name: String
    /// `dtype`, `shape`, `value` or `bits`, with both sides of the first two. Bits alone differ where values are equal:
    /// zeros of two signs, NaN of two kinds.
    public let reason: String
    /// The largest difference of two elements; `nil` where the shapes differ.
    public let largest: Double?
    /// The norm of the difference over the norm of the first; `nil` where the shapes differ.
    public let relativeL2: Double?
    /// The SHA-256 of the bytes on both sides; none where the shapes differ.
    public let digests: [String]
  }

  /// In the first only.
  public let missing: [String]
  /// In the second only.
  public let extra: [String]
  /// In both, but not the same.
  public let changed: [Change]

  /// Whether nothing differs by more than was allowed.
  public var isEqual: Bool { missing.isEmpty && extra.isEmpty && changed.isEmpty }

  /// Compares every tensor by name. Two elements may differ by `absolute` plus `relative` times the larger one,
  /// whatever their types; where both are 0, equal tensors are of one type and equal in every bit.
  ///
  /// - Throws: what the readers throw.
  public init(
    _ first: any CheckpointReader, _ second: any CheckpointReader, relative: Double = 0, absolute: Double = 0
  ) throws(Diagnostic) {
    let a = Dictionary(first.entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { x, _ in x })
    let b = Dictionary(second.entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { x, _ in x })
    missing = first.entries.map(\.name).filter { b[$0] == nil }
    extra = second.entries.map(\.name).filter { a[$0] == nil }
    var changed: [Change] = []
    for (index, entry) in first.entries.enumerated() {
      guard let other = b[entry.name] else { continue }
      let found = second.entries[other]
      guard entry.shape == found.shape else {
        changed.append(
          Change(
            name: entry.name, reason: "shape: \(entry.shape) and \(found.shape)", largest: nil, relativeL2: nil,
            digests: []))
        continue
      }
      let x = try first.tensor(at: index)
      let y = try second.tensor(at: other)
      let isSameType = entry.dtype == found.dtype
      if x == y { continue }
      let difference = TensorComparison(x, y, relative: relative, absolute: absolute)
      let isClose = difference.farCount == 0
      if isClose && (relative > 0 || absolute > 0) { continue }
      let valueReason = isClose ? "bits" : "value"
      changed.append(
        Change(
          name: entry.name, reason: isSameType ? valueReason : "dtype: \(entry.dtype) and \(found.dtype)",
          largest: difference.largest, relativeL2: difference.relativeL2,
          digests: [x, y].compactMap { SHA256.hexadecimal(of: $0.bytes) }))
    }
    self.changed = changed
  }
}

extension CheckpointDifference {
  /// As the command line promises it.
  public var json: JSON {
    func number(_ value: Double?) -> JSON { value.map { $0.isFinite ? .number($0) : .text("\($0)") } ?? .null }
    return [
      "equal": .bool(isEqual), "missing": .list(missing.map { .text($0) }), "extra": .list(extra.map { .text($0) }),
      "changed": .list(
        changed.map {
          [
            "name": .text($0.name), "reason": .text($0.reason), "max_abs": number($0.largest),
            "relative_l2": number($0.relativeL2), "sha256": .list($0.digests.map { .text($0) }),
          ]
        }),
    ]
  }

  /// A line for each difference.
  public var text: String {
    if isEqual { return "equal" }
    var lines = missing.map { "missing  \($0)" } + extra.map { "extra    \($0)" }
    for change in changed {
      var line = "changed  \(change.name): \(change.reason)"
      if let largest = change.largest, let relative = change.relativeL2 {
        line += ", max abs \(largest), relative L2 \(relative)"
      }
      if !change.digests.isEmpty {
        line += ", SHA-256 " + change.digests.map { $0.prefix(12) + "..." }.joined(separator: " and ")
      }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }
}
