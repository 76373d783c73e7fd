public import GraftIR

/// One of several models that a file holds side by side, such as a trainer's weights and their running average.
public struct Candidate: Sendable, Hashable {
  /// The key that leads to it.
  public let key: String
  /// The tensors below it.
  public let tensorCount: Int
  /// The bytes of their values.
  public let byteCount: Int
  /// The key of the first of them, which this one is measured against; `nil` for the first itself.
  public let other: String?
  /// The norm of the difference over the norm of the other, over all tensors that both hold; `nil` for the first.
  public let relativeL2: Double?
  /// How many tensors both hold in one shape.
  public let sharedCount: Int

  /// More keys are no trainer's, and each would be held against every other.
  private static let keyLimit = 32

  /// The models that `reader` holds side by side, where there are at least two: keys below which the same tensors are.
  ///
  /// - Parameter isCancelled: asked for every tensor; measuring reads them all.
  /// - Throws: what the reader throws; `transfer.interrupted`.
  public static func all(
    in reader: any CheckpointReader, isCancelled: () -> Bool = { false }
  ) throws(Diagnostic) -> [Candidate] {
    var parts: [(key: String, tensors: [String: Int])] = []
    var numbers: [String: Int] = [:]
    for (index, entry) in reader.entries.enumerated() where entry.path.count > 1 {
      let key = entry.path[0]
      let number = numbers[key] ?? parts.count
      if number == parts.count {
        guard parts.count < keyLimit else { continue }
        numbers[key] = number
        parts.append((key, [:]))
      }
      parts[number].tensors[entry.path.dropFirst().joined(separator: "/")] = index
    }
    func shared(_ a: [String: Int], _ b: [String: Int]) -> [(Int, Int)] {
      a.compactMap { name, x in
        b[name].flatMap { y in reader.entries[x].shape == reader.entries[y].shape ? (x, y) : nil }
      }.sorted { $0.0 < $1.0 }
    }
    // The first part that another one resembles in most of its tensors, and what resembles it.
    for (number, first) in parts.enumerated() {
      let alike = parts[(number + 1)...].filter {
        2 * shared(first.tensors, $0.tensors).count > max(first.tensors.count, $0.tensors.count)
      }
      guard !alike.isEmpty else { continue }
      func bytes(_ tensors: [String: Int]) -> Int { tensors.values.reduce(0) { $0 + reader.entries[$1].byteCount } }
      var found = [
        Candidate(
          key: first.key, tensorCount: first.tensors.count, byteCount: bytes(first.tensors), other: nil,
          relativeL2: nil, sharedCount: 0)
      ]
      for part in alike {
        let pairs = shared(first.tensors, part.tensors)
        var distance = TensorComparison()
        for (x, y) in pairs {
          guard !isCancelled() else {
            throw Diagnostic("transfer.interrupted", "the comparison was interrupted", category: .interrupted)
          }
          distance += TensorComparison(try reader.tensor(at: x), try reader.tensor(at: y))
        }
        found.append(
          Candidate(
            key: part.key, tensorCount: part.tensors.count, byteCount: bytes(part.tensors), other: first.key,
            relativeL2: distance.relativeL2, sharedCount: pairs.count))
      }
      return found
    }
    return []
  }

  var text: String {
    let size = "candidate '\(key)': \(tensorCount) tensors, \(grouped(byteCount)) bytes"
    guard let other, let relativeL2 else { return size }
    return size + ", relative L2 \(relativeL2) from '\(other)' over \(sharedCount) tensors"
  }

  var json: JSON {
    [
      "key": .text(key), "tensors": .int(tensorCount), "bytes": .int(byteCount),
      "from": other.map { .text($0) } ?? .null,
      "relative_l2": relativeL2.map { $0.isFinite ? .number($0) : .text("\($0)") } ?? .null,
    ]
  }
}
