public import GraftIR

/// What two checkpoints hold differently.
public struct CheckpointDifference: Sendable, Hashable {
  /// One tensor that both hold, differently.
  public struct Change: Sendable, Hashable {
    public let name: String
    /// `dtype`, `shape` or `value`, with both sides.
    public let reason: String
    /// The largest difference of two elements; `nil` where the shapes differ.
    public let largest: Double?
    /// The norm of the difference over the norm of the first; `nil` where the shapes differ.
    public let relativeL2: Double?
  }

  /// In the first only.
  public let missing: [String]
  /// In the second only.
  public let extra: [String]
  public let changed: [Change]

  /// Whether nothing differs by more than was allowed.
  public var isEqual: Bool { missing.isEmpty && extra.isEmpty && changed.isEmpty }

  /// Compares every tensor by name. Two elements may differ by `absolute` plus `relative` times the larger one.
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
      if entry.shape != found.shape {
        changed.append(
          Change(name: entry.name, reason: "shape: \(entry.shape) and \(found.shape)", largest: nil, relativeL2: nil))
        continue
      }
      let x = try first.tensor(at: index)
      let y = try second.tensor(at: other)
      let isSameType = entry.dtype == found.dtype
      if isSameType, x.bytes.elementsEqual(y.bytes) { continue }
      let difference = Self.values(x, y, relative: relative, absolute: absolute)
      if isSameType && difference.isClose { continue }
      let reason = isSameType ? "value" : "dtype: \(entry.dtype) and \(found.dtype)"
      changed.append(
        Change(name: entry.name, reason: reason, largest: difference.largest, relativeL2: difference.relativeL2))
    }
    self.changed = changed
  }

  private static func values(
    _ x: Tensor, _ y: Tensor, relative: Double, absolute: Double
  ) -> (isClose: Bool, largest: Double, relativeL2: Double) {
    let (a, b) = (x.bytes, y.bytes)
    var largest = 0.0
    var square = 0.0
    var norm = 0.0
    var isClose = true
    // Where both are of one type, bits tell more than doubles do: of 64-bit integers, of imaginary parts.
    let width = x.dtype == y.dtype && !x.dtype.isFloatingPoint ? x.dtype.byteWidth : nil
    for index in 0..<x.elementCount {
      let (p, q) = (x.dtype.load(index, from: a), y.dtype.load(index, from: b))
      if let width, p == q,
        !a[index * width..<(index + 1) * width].elementsEqual(b[index * width..<(index + 1) * width])
      {
        isClose = false
        continue
      }
      if p == q || (p.isNaN && q.isNaN) {
        norm += p.isNaN ? 0 : p * p
        continue
      }
      let difference = abs(p - q)
      largest = difference > largest || difference.isNaN ? difference : largest
      square += difference * difference
      norm += p * p
      if !difference.isFinite || difference > absolute + relative * max(abs(p), abs(q)) { isClose = false }
    }
    return (isClose, largest, norm == 0 ? square.squareRoot() : (square / norm).squareRoot())
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
            "relative_l2": number($0.relativeL2),
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
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }
}
