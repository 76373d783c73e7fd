public import GraftIR

/// What a conversion did to every tensor and text: what a person has to know who relies on the output.
public struct Ledger: Sendable, Hashable {
  /// One thing that happened to a tensor.
  public enum Change: Sendable, Hashable {
    /// Cast, with what that did to its values; a tensor that is tied to another one has no values of its own.
    case cast(from: DType, to: DType, CastCounts?)
    /// Put into blocks, with what that did to its values; a tensor that is tied to another one has no values of its
    /// own.
    case packed(from: DType, into: BlockType, CastCounts?)
    /// Held in blocks by the source, and as the numbers that these stand for now.
    case unpacked(from: BlockType)
    /// Not put into blocks as a rule says, for the given reason.
    case unfit(BlockType, reason: String)
    /// Not called so before.
    case renamed(from: String)
    /// Called so before, and not called anything now.
    case unnamed(from: String)
    /// Tied to the tensor of that name, and stored once.
    case alias(of: String)
    /// No longer tied to the tensor of that name, but stored for itself.
    case untied(from: String)
    /// Held by the source with gaps, repeated or in another order of axes, and in plain order now.
    case reordered
    /// Held by the source with the first axis fastest, as Fortran does, and with the last one fastest now.
    case transposed
    /// Of that shape before.
    case reshaped(from: Shape)
    /// Left out, because the options say so.
    case dropped
  }

  /// A tensor that something happened to.
  public struct Item: Sendable, Hashable {
    /// Its name in the output, or in the source where it was dropped.
    public let name: String
    /// The elements that it has.
    public let elementCount: Int
    /// In the order of their happening.
    public internal(set) var changes: [Change]
  }

  /// One thing that happened to the texts beside the tensors.
  public struct TextChange: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Whether it is in the output only; else it is in the source only.
    public let isAdded: Bool
    /// Why.
    public let reason: String
    /// Whether something is lost with it.
    public let isLoss: Bool
  }

  /// Where the output is.
  public let output: String
  /// The name of its format.
  public let format: String
  /// The tensors that the output holds, aliases among them.
  public let tensorCount: Int
  /// The bytes of their values, of an alias none.
  public let byteCount: Int
  /// The tensors that something happened to, in the order of the source.
  public internal(set) var items: [Item]
  /// The texts that something happened to, by name.
  public let texts: [TextChange]
  /// What readers of the output will refuse, or take otherwise.
  public let warnings: [Diagnostic]
  /// What was taken for granted when the source was read.
  public let notes: [String]
  /// What the source holds beside tensors and texts, and the output does not.
  public let omissions: [Omission]
  /// The models that the source holds side by side, where there are several.
  public internal(set) var candidates: [Candidate] = []

  /// Whether the output holds all that the source does, as it was.
  public var isUnchanged: Bool { items.isEmpty && texts.isEmpty && omissions.isEmpty }

  /// Whether everything that is in the source can be had back from the output, or is no loss.
  public var isLossless: Bool { firstLoss == nil }

  /// What was lost first, for a person, or `nil`.
  package var firstLoss: String? {
    for item in items {
      for change in item.changes {
        if let loss = change.loss { return "'\(item.name.shortened)' \(loss)" }
      }
    }
    if let text = texts.first(where: \.isLoss) {
      return "the text '\(text.name.shortened)' is left out: \(text.reason)"
    }
    return omissions.first(where: \.isLoss).map { "what is neither tensor nor text is left out: \($0.text)" }
  }
}

extension Ledger.Change {
  /// What is lost by it, for a person, or `nil`.
  var loss: String? {
    switch self {
    case .cast(_, let dtype, let counts):
      guard let counts else { return nil }
      let lostCount = counts.inexact + (dtype.hasNaN ? 0 : counts.nan)
      return lostCount > 0 ? "has \(lostCount) values that \(dtype) does not hold" : nil
    case .packed(_, let kind, let counts):
      guard let counts else { return nil }
      return counts.inexact > 0 ? "has \(counts.inexact) values that \(kind.rawValue) does not hold" : nil
    case .untied(let other): return "is no longer tied to '\(other.shortened)'"
    case .unnamed(let old): return "loses its name '\(old.shortened)'"
    case .unpacked, .unfit, .renamed, .alias, .reordered, .transposed, .reshaped, .dropped: return nil
    }
  }
}
