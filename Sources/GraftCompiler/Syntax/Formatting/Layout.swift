/// A text with the places where its lines may end.
///
/// Source: Wadler, "A prettier printer", 2003; widths are worked out as a layout is put together, so that writing takes
/// linear time.
struct Layout: Sendable {
  indirect enum Kind: Sendable {
    case text(String)
    /// Spaces, or the end of a line where what it stands in is spread over several.
    case line(spaces: Int, followsEmptyLine: Bool)
    /// The end of a line.
    case hardLine(followsEmptyLine: Bool)
    /// The comment behind the last word of a line; the end of the line follows.
    case trailing(String)
    /// Spaces, but only where the lines around are spread, to align what follows with the line below.
    case padding(Int)
    case row([Layout])
    /// One step further to the right.
    case nest(Layout)
    /// On one line where it fits, else spread.
    case group(Layout)
    /// As many on a line as fit, each with its comma.
    case fill([Layout])
    /// Behind a space on the same line; or, where it does not fit there but does on the next, one step to the right
    /// there.
    case hang(Layout, holdsBlock: Bool)
    /// Never spread.
    case flat(Layout)
  }

  let kind: Kind
  /// How wide it is on one line; `nil` where it cannot be on one.
  let flatWidth: Int?
  /// How much stands in front of the first place where a line may end.
  let lead: Int
  /// Whether there is such a place.
  let canBreak: Bool

  private init(_ kind: Kind, flatWidth: Int?, lead: Int, canBreak: Bool) {
    self.kind = kind
    self.flatWidth = flatWidth
    self.lead = lead
    self.canBreak = canBreak
  }

  private init(_ kind: Kind, like inner: Layout) {
    self.init(kind, flatWidth: inner.flatWidth, lead: inner.lead, canBreak: inner.canBreak)
  }

  static func text(_ text: String) -> Layout {
    let width = text.count
    return Layout(.text(text), flatWidth: width, lead: width, canBreak: false)
  }

  static let space = text(" ")
  static let nothing = row([])

  static func line(spaces: Int, followsEmptyLine: Bool = false) -> Layout {
    Layout(
      .line(spaces: spaces, followsEmptyLine: followsEmptyLine), flatWidth: spaces, lead: 0, canBreak: true)
  }

  static func hardLine(followsEmptyLine: Bool = false) -> Layout {
    Layout(.hardLine(followsEmptyLine: followsEmptyLine), flatWidth: nil, lead: 0, canBreak: true)
  }

  static func trailing(_ comment: String) -> Layout {
    Layout(.trailing(comment), flatWidth: nil, lead: 0, canBreak: true)
  }

  static func padding(_ count: Int) -> Layout {
    Layout(.padding(count), flatWidth: 0, lead: count, canBreak: false)
  }

  static func row(_ items: [Layout]) -> Layout {
    var flatWidth: Int? = 0
    var lead = 0
    var canBreak = false
    for item in items {
      flatWidth = flatWidth.flatMap { width in item.flatWidth.map { width + $0 } }
      if !canBreak { lead += item.lead }
      canBreak = canBreak || item.canBreak
    }
    return Layout(.row(items), flatWidth: flatWidth, lead: lead, canBreak: canBreak)
  }

  static func nest(_ inner: Layout) -> Layout { Layout(.nest(inner), like: inner) }

  static func group(_ inner: Layout) -> Layout { Layout(.group(inner), like: inner) }

  static func fill(_ items: [Layout]) -> Layout {
    let inner = row(items.enumerated().map { $0.offset == 0 ? $0.element : row([space, $0.element]) })
    return Layout(.fill(items), flatWidth: inner.flatWidth, lead: items.first?.lead ?? 0, canBreak: items.count > 1)
  }

  static func hang(_ inner: Layout, holdsBlock: Bool) -> Layout {
    let width = inner.flatWidth.map { $0 + 1 }
    return Layout(.hang(inner, holdsBlock: holdsBlock), flatWidth: width, lead: 0, canBreak: true)
  }

  static func flat(_ inner: Layout) -> Layout {
    Layout(.flat(inner), flatWidth: inner.flatWidth, lead: inner.flatWidth ?? 0, canBreak: false)
  }
}
