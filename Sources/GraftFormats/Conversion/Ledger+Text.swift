import GraftIR

extension Ledger {
  /// For a person: one line where nothing happened, else a heading for each kind of thing with the tensors below it,
  /// those of equal blocks on one line.
  public var text: String {
    let size = "\(tensorCount) tensors, \(grouped(byteCount)) bytes"
    var lines: [String] = []
    for candidate in candidates { lines.append(candidate.text) }
    lines += notes.map { "note: \($0)" }
    lines += warnings.map { "warning: \($0.message)" + ($0.help.map { "; \($0)" } ?? "") + " (\($0.rule))" }
    guard !isUnchanged else { return (lines + ["nothing changed: \(size) in \(output)"]).joined(separator: "\n") }
    lines.append("\(output): \(size)")
    for group in groups { lines += group.lines }
    lines += texts.map { "metadata \($0.isAdded ? "added" : "left out")  \($0.name.shortened): \($0.reason)" }
    lines += omissions.map { "left out  \($0.text)" }
    lines.append(isLossless ? "nothing is lost" : "something is lost: \(firstLoss ?? "")")
    return lines.joined(separator: "\n")
  }

  /// Tensors that the same thing happened to.
  private struct Group {
    let heading: String
    var items: [(name: String, elementCount: Int, counts: CastCounts?)] = []

    /// The most lines below a heading.
    private static let limit = 16

    var lines: [String] {
      var lines = ["\(heading)  \(counted(items.count, "tensor"))" + sum(items).description]
      let families = NameFamilies(items.map(\.name)).families
      for family in families.prefix(Self.limit) {
        let members = family.members.map { items[$0] }
        let count = members.count > 1 ? " (\(members.count))" : ""
        lines.append("  \(family.pattern)\(count)" + (items.count > 1 ? sum(members).description : ""))
      }
      if families.count > Self.limit {
        let rest = families.dropFirst(Self.limit).reduce(0) { $0 + $1.members.count }
        lines.append("  and \(rest) more")
      }
      return lines
    }

    private func sum(_ items: [(name: String, elementCount: Int, counts: CastCounts?)]) -> Sum {
      items.reduce(into: Sum()) { sum, item in
        guard let counts = item.counts else { return }
        sum.elementCount += item.elementCount
        sum.counts += counts
      }
    }
  }

  /// What casts did to several tensors.
  private struct Sum: CustomStringConvertible {
    var elementCount = 0
    var counts = CastCounts()

    var description: String {
      guard elementCount > 0 else { return "" }
      let parts = [
        ("overflow", counts.overflow), ("to zero", counts.underflow), ("NaN", counts.nan), ("inexact", counts.inexact),
      ]
      let told = parts.filter { $0.1 > 0 }.map { "\($0.0) \(grouped($0.1))" }
      if told.isEmpty { return ": every value kept" }
      return ": \(told.joined(separator: ", ")) of \(grouped(elementCount))"
    }
  }

  private var groups: [Group] {
    var groups: [Group] = []
    var numbers: [String: Int] = [:]
    for item in items {
      for change in item.changes {
        switch change {
        case .cast(_, _, nil), .packed(_, _, nil): continue  // Told where the tensor is that it is tied to.
        default: break
        }
        let (heading, name, counts) = change.line(of: item.name)
        let number = numbers[heading] ?? groups.count
        if number == groups.count {
          numbers[heading] = number
          groups.append(Group(heading: heading))
        }
        groups[number].items.append((name, item.elementCount, counts))
      }
    }
    return groups
  }
}

extension Ledger.Change {
  /// The heading that it stands under, how the tensor is told there, and what a cast did.
  fileprivate func line(of name: String) -> (heading: String, name: String, CastCounts?) {
    switch self {
    case .cast(let from, let to, let counts): ("cast \(from) → \(to)", name, counts)
    case .packed(let from, let kind, let counts): ("packed \(from) → \(kind.spelling)", name, counts)
    case .unpacked(let kind): ("unpacked \(kind.spelling) → f32", name, nil)
    case .unfit(let kind, let reason): ("not \(kind.spelling), since \(reason)", name, nil)
    case .renamed(let old): ("renamed", "\(old) → \(name)", nil)
    case .unnamed(let old): ("left without a name", old, nil)
    case .alias(let target): ("tied", "\(name) = \(target)", nil)
    case .untied(let target): ("no longer tied", "\(name), once \(target)", nil)
    case .reordered: ("put in plain order", name, nil)
    case .transposed: ("turned from Fortran order", name, nil)
    case .reshaped(let old): ("reshaped", "\(name), once \(old)", nil)
    case .dropped: ("left out", name, nil)
    }
  }
}

/// `12,345,678`.
func grouped(_ number: Int) -> String {
  let digits = Array(String(number.magnitude))
  var text = number < 0 ? "-" : ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { text += "," }
    text.append(digit)
  }
  return text
}
