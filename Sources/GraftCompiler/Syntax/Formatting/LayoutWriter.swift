/// Writes a layout with as little spread over several lines as its width allows.
struct LayoutWriter {
  static let width = 120
  static let indentStep = 4

  private(set) var result = ""
  private var column = 0
  private var indent = 0
  /// Spaces to write in front of the next text of a line that is still empty.
  private var pendingSpaces = 0

  /// `layout` as text, which ends in a line feed unless it is empty.
  static func text(of layout: Layout) -> String {
    var writer = LayoutWriter()
    writer.write(layout, before: 0)
    if !writer.result.isEmpty { writer.result += "\n" }
    return writer.result
  }

  /// Whether `layout` fits on the line, and `trailing` characters behind it.
  private func fits(_ layout: Layout, before trailing: Int, at column: Int) -> Bool {
    guard let width = layout.flatWidth else { return false }
    return column + width + trailing <= Self.width
  }

  /// Writes `layout`, spread, with `trailing` characters behind it on its last line.
  private mutating func write(_ layout: Layout, before trailing: Int) {
    switch layout.kind {
    case .text(let text): put(text)
    case .line(_, let followsEmptyLine), .hardLine(let followsEmptyLine): endLine(isDoubled: followsEmptyLine)
    case .trailing(let comment): put("  " + comment)
    case .padding(let count): put(String(repeating: " ", count: count))
    case .row(let items):
      // What stands behind each item, up to where a line may end.
      var behind = [trailing]
      for item in items.reversed() {
        behind.append(item.canBreak ? item.lead : item.lead + (behind.last ?? 0))
      }
      for (index, item) in items.enumerated() { write(item, before: behind[items.count - 1 - index]) }
    case .nest(let inner):
      indent += Self.indentStep
      write(inner, before: trailing)
      indent -= Self.indentStep
    case .group(let inner):
      if fits(inner, before: trailing, at: column) { writeFlat(inner) } else { write(inner, before: trailing) }
    case .fill(let items):
      for (index, item) in items.enumerated() {
        let isLast = index == items.count - 1
        if index > 0 {
          if fits(item, before: isLast ? trailing : 0, at: column + 1) { put(" ") } else { endLine(isDoubled: false) }
        }
        writeFlat(item)
      }
    case .hang(let inner, let holdsBlock):
      let below = indent + Self.indentStep
      if !fits(inner, before: trailing, at: column + 1), !holdsBlock, fits(inner, before: trailing, at: below) {
        indent = below
        endLine(isDoubled: false)
        writeFlat(inner)
        indent -= Self.indentStep
      } else {
        put(" ")
        write(.group(inner), before: trailing)
      }
    case .flat(let inner): writeFlat(inner)
    }
  }

  private mutating func writeFlat(_ layout: Layout) {
    switch layout.kind {
    case .text(let text): put(text)
    case .line(let spaces, _): put(String(repeating: " ", count: spaces))
    case .hardLine, .trailing: write(layout, before: 0)
    case .padding: break
    case .row(let items): for item in items { writeFlat(item) }
    case .nest(let inner), .group(let inner), .flat(let inner): writeFlat(inner)
    case .fill(let items):
      for (index, item) in items.enumerated() {
        if index > 0 { put(" ") }
        writeFlat(item)
      }
    case .hang(let inner, _):
      put(" ")
      writeFlat(inner)
    }
  }

  private mutating func put(_ text: String) {
    if text.isEmpty { return }
    result += String(repeating: " ", count: pendingSpaces) + text
    pendingSpaces = 0
    column += text.count
  }

  private mutating func endLine(isDoubled: Bool) {
    if result.isEmpty { return }  // Nothing stands above the first line.
    result += isDoubled ? "\n\n" : "\n"
    column = indent
    pendingSpaces = indent
  }
}
