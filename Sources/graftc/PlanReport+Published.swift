import GraftCompiler

extension PlanReport {
  /// What the operators of each kind in the base came to cost by their papers' formulas, where they were replaced or
  /// not: how papers tell the cost of an edit. Floating-point operations, two for a product and its sum.
  var publishedText: String {
    let rows = publishedRows
    guard !rows.isEmpty else { return "\n\n  no operator of the base states its paper's formula" }
    let header = ["by the papers' count", "parts", "operator FLOPs", "", "feature FLOPs", "", "parameters", ""]
    return "\n\n" + table(header, rows).joined(separator: "\n")
  }

  private var publishedRows: [[String]] {
    var grafted: [String: ModelSummary.Row] = [:]
    for row in graft.grafted.operators { grafted[row.path] = row }
    var order: [String] = []
    var kinds: [String: [ModelSummary.Row]] = [:]
    for row in graft.base.operators where row.published != nil {
      if kinds[row.operator] == nil { order.append(row.operator) }
      kinds[row.operator, default: []].append(row)
    }
    return order.compactMap { name in
      guard let old = kinds[name] else { return nil }
      let new = old.compactMap { grafted[$0.path] }.filter { $0.published != nil }
      // Where places went, or what stands there states no formula, there is nothing to compare.
      let isWhole = new.count == old.count
      func cells(_ value: (ModelSummary.Row) -> Double) -> [String] {
        let (before, after) = (old.reduce(0) { $0 + value($1) }, new.reduce(0) { $0 + value($1) })
        return isWhole ? [grouped(after), change(before, after)] : ["-", ""]
      }
      return [name, String(old.count)] + cells { $0.published?.operatorFlops ?? 0 }
        + cells { $0.published?.featureFlops ?? 0 } + cells { Double($0.parameters) }
    }
  }

  private func grouped(_ value: Double) -> String { value < 0x1p53 ? groupedDigits(Int(value.rounded())) : "\(value)" }

  private func change(_ before: Double, _ after: Double) -> String {
    let percent = before == 0 ? 0 : ((after - before) / before * 10_000).rounded() / 100
    return (percent >= 0 ? "+" : "") + "\(percent) %"
  }
}
