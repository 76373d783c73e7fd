/// What a stage found wrong, each thing once.
public struct Diagnostics: Sendable {
  /// What was reported, in order.
  public private(set) var items: [Diagnostic] = []
  private var seen: Set<Diagnostic> = []

  /// An empty collection.
  public init() {}

  /// Whether anything in it stops the compilation.
  public var hasErrors: Bool { items.contains { $0.severity == .error } }

  /// Adds `diagnostic` unless the same rule was already reported at the same place.
  public mutating func report(_ diagnostic: Diagnostic) {
    let sameplace = items.contains {
      $0.location != nil && $0.location == diagnostic.location && $0.rule == diagnostic.rule
    }
    if sameplace || !seen.insert(diagnostic).inserted { return }
    items.append(diagnostic)
  }

  /// Adds everything of `other`.
  public mutating func report(_ other: Diagnostics) {
    for item in other.items { report(item) }
  }

  /// Everything in source order: by file in order of first report, then by place; what has no place comes last.
  public var inSourceOrder: [Diagnostic] {
    var files: [String: Int] = [:]
    for item in items {
      if let file = item.location?.file, files[file] == nil { files[file] = files.count }
    }
    let keyed = items.enumerated().map { index, item in
      (
        item.location.flatMap { files[$0.file] } ?? Int.max, item.location?.range.lowerBound ?? Int.max, index, item
      )
    }
    return keyed.sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }.map(\.3)
  }
}
