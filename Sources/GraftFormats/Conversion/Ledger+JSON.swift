import GraftIR

extension Ledger {
  /// The same for programs.
  public var json: JSON {
    [
      "output": .text(output), "format": .text(format), "tensors": .int(tensorCount), "bytes": .int(byteCount),
      "unchanged": .bool(isUnchanged), "lossless": .bool(isLossless),
      "changes": .list(
        items.map {
          ["name": .text($0.name), "elements": .int($0.elementCount), "changes": .list($0.changes.map(\.json))]
        }
      ),
      "metadata": .list(
        texts.map {
          [
            "name": .text($0.name), "kind": .text($0.isAdded ? "added" : "dropped"), "reason": .text($0.reason),
            "loss": .bool($0.isLoss),
          ]
        }),
      "candidates": .list(candidates.map(\.json)), "notes": .list(notes.map { .text($0) }),
      "omissions": .list(omissions.map { ["what": .text($0.text), "loss": .bool($0.isLoss)] }),
      "warnings": .list(
        warnings.map {
          ["rule": .text($0.rule), "message": .text($0.message), "help": $0.help.map { .text($0) } ?? .null]
        }),
    ]
  }
}

extension Ledger.Change {
  fileprivate var json: JSON {
    switch self {
    case .cast(let from, let to, let counts): cast("cast", from.inspected, to.inspected, counts)
    case .packed(let from, let blocks, let counts): cast("packed", from.inspected, blocks.rawValue, counts)
    case .unpacked(let blocks):
      ["kind": "unpacked", "from": .text(blocks.rawValue), "to": .text(DType.f32.inspected), "loss": false]
    case .unfit(let blocks, let reason):
      ["kind": "unfit", "to": .text(blocks.rawValue), "reason": .text(reason), "loss": false]
    case .renamed(let old): ["kind": "renamed", "from": .text(old), "loss": false]
    case .unnamed(let old): ["kind": "unnamed", "from": .text(old), "loss": true]
    case .alias(let target): ["kind": "alias", "of": .text(target), "loss": false]
    case .untied(let target): ["kind": "untied", "from": .text(target), "loss": true]
    case .reordered: ["kind": "reordered", "loss": false]
    case .transposed: ["kind": "transposed", "loss": false]
    case .reshaped(let old): ["kind": "reshaped", "from": .list(old.axes.map { .int($0) }), "loss": false]
    case .dropped: ["kind": "dropped", "loss": false]
    }
  }
}

extension Ledger.Change {
  /// A change of values, with what it did to them.
  private func cast(_ kind: String, _ from: String, _ to: String, _ counts: CastCounts?) -> JSON {
    [
      "kind": .text(kind), "from": .text(from), "to": .text(to),
      "overflow": counts.map { .int($0.overflow) } ?? .null, "underflow": counts.map { .int($0.underflow) } ?? .null,
      "nan": counts.map { .int($0.nan) } ?? .null, "inexact": counts.map { .int($0.inexact) } ?? .null,
      "loss": .bool(loss != nil),
    ]
  }
}

extension DType {
  /// As `inspect` prints it: in safetensors' spelling, also where that has none.
  fileprivate var inspected: String { safetensorsName ?? rawValue.uppercased() }
}
