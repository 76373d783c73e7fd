import GraftIR

extension Datum {
  /// The entries of what can be run over.
  var entries: [Datum]? {
    switch self {
    case .list(let values), .tuple(let values): values
    case .number, .bool, .text, .word, .dtype, .record, .tensor, .distribution, .operation, .selection, .module,
      .function, .part:
      nil
    }
  }

  /// How it stands inside a text, or `nil` for what has no spelling, or one beyond the limit of a text.
  var interpolated: String? {
    var result = ""
    return spell(into: &result, limit: Evaluator.textLimit) ? result : nil
  }

  /// How tables show it; what is long is cut.
  var summary: String {
    var result = ""
    if spell(into: &result, limit: 200) { return result }
    return result.isEmpty ? kindText : "\(result.prefix(200))..."
  }

  private func spell(into result: inout String, limit: Int) -> Bool {
    switch self {
    case .number(let number): result += number.description
    case .text(let text), .word(let text): result += text
    case .bool(let value): result += String(value)
    case .dtype(let dtype): result += dtype.rawValue
    case .list(let values):
      result += "["
      for (index, value) in values.enumerated() {
        if index > 0 { result += ", " }
        if !value.spell(into: &result, limit: limit) { return false }
      }
      result += "]"
    case .record, .tuple, .tensor, .distribution, .operation, .selection, .module, .function, .part: return false
    }
    return result.utf8.count <= limit
  }

  /// The entries of lists, and of those inside them, or `nil` where they are more than `limit` or deeper than `depth`.
  func size(limit: Int, depth: Int) -> Int? {
    guard let entries else { return 0 }
    if depth == 0 { return nil }
    var total = entries.count
    for entry in entries {
      if total > limit { return nil }
      guard let inside = entry.size(limit: limit - total, depth: depth - 1) else { return nil }
      total += inside
    }
    return total > limit ? nil : total
  }
}
