public import GraftIR

/// Shows a diagnostic with the line that it points at.
///
///     error: 'hyena_z' is not an operator
///       --> night.graft:4:35
///        |
///      4 |     replace blocks[odd].attn with hyena_z(kernel: 4)
///        |                                   ^^^^^^^ did you mean 'hyena_x'?
///        = rule: names.unknown-operator
///
/// Lines and columns count from 1, columns in characters. What points into a file without text, such as a checkpoint,
/// is shown as its bytes and tensor.
public struct DiagnosticRenderer: Sendable {
  /// The most characters of a line that are shown.
  private static let maximumWidth = 120

  private let sources: [String: [UInt8]]

  /// Shows lines of `sources`; of two with the same name the first.
  public init(sources: [SourceText]) {
    self.sources = Dictionary(sources.map { ($0.file, Array($0.text.utf8)) }, uniquingKeysWith: { first, _ in first })
  }

  /// Everything of `diagnostics` in source order, with an empty line between two.
  public func render(_ diagnostics: Diagnostics) -> String {
    diagnostics.inSourceOrder.map(render).joined(separator: "\n")
  }

  /// `diagnostic` over several lines, each with its line feed.
  public func render(_ diagnostic: Diagnostic) -> String {
    var lines = ["\(diagnostic.severity == .error ? "error" : "warning"): \(oneLine(diagnostic.message))"]
    var margin = "  "
    if let location = diagnostic.location {
      if let bytes = sources[location.file] {
        let place = Place(location.range, in: bytes)
        let number = String(place.line)
        margin = String(repeating: " ", count: max(2, number.count + 1))
        let shown = excerpt(place)
        lines.append("  --> \(oneLine(location.file)):\(place.line):\(place.column)")
        lines.append("\(margin) |")
        lines.append("\(String(repeating: " ", count: margin.count - number.count))\(number) | \(shown.line)")
        let label = diagnostic.label.map { " " + oneLine($0) } ?? ""
        lines.append("\(margin) | \(shown.carets)\(label)")
      } else {
        lines.append("  --> \(bytePlace(location))")
        if let label = diagnostic.label { lines.append("\(margin) = \(oneLine(label))") }
      }
    } else if let label = diagnostic.label {
      lines.append("\(margin) = \(oneLine(label))")
    }
    if let help = diagnostic.help { lines.append("\(margin) = help: \(oneLine(help))") }
    lines.append("\(margin) = rule: \(diagnostic.rule)")
    return lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  private func bytePlace(_ location: Location) -> String {
    var place = oneLine(location.file)
    if !location.range.isEmpty { place += ", bytes \(location.range.lowerBound) to \(location.range.upperBound)" }
    if let tensor = location.tensor { place += ", tensor '\(oneLine(tensor))'" }
    return place
  }

  /// Names come out of files, so what would break a line or steer a terminal is spelled out.
  private func oneLine(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if Self.isControl(scalar) {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .format: true
    default: false
    }
  }

  /// The line with carets under what is meant, cut where it is long.
  private func excerpt(_ place: Place) -> (line: String, carets: String) {
    var characters = Self.printable(place.before)
    let start = characters.count
    characters += Self.printable(place.marked)
    let end = max(start + 1, characters.count)
    characters += Self.printable(place.after)
    guard characters.count > Self.maximumWidth || place.isCutInFront else {
      let carets = String(repeating: " ", count: start) + String(repeating: "^", count: end - start)
      return (String(characters), carets)
    }
    // A window that shows some of what is in front, and the caret.
    let from = max(0, min(start - Self.maximumWidth / 3, characters.count - Self.maximumWidth))
    let to = min(characters.count, from + Self.maximumWidth)
    let front = from > 0 || place.isCutInFront ? "..." : ""
    let line = front + String(characters[from..<to]) + (to < characters.count || place.isCut ? "..." : "")
    let caretCount = max(1, min(end, to) - start)
    return (
      line,
      String(repeating: " ", count: front.count + start - from) + String(repeating: "^", count: caretCount)
    )
  }

  /// What a terminal shows one cell wide each: a tab is four spaces, a control character a mark.
  private static func printable(_ text: String) -> [Character] {
    var result: [Character] = []
    for character in text {
      if character == "\t" {
        result += [" ", " ", " ", " "]
      } else if character.unicodeScalars.contains(where: isControl), character.unicodeScalars.count == 1 {
        result.append("\u{FFFD}")
      } else {
        result.append(character)
      }
    }
    return result
  }

  /// The first line of a range, in three pieces.
  private struct Place {
    let line: Int
    /// In characters, or in scalars where the line is far too long to be read.
    let column: Int
    let before: String
    let marked: String
    let after: String
    /// Whether the line goes on behind `after`.
    let isCut: Bool
    let isCutInFront: Bool

    init(_ range: Range<Int>, in bytes: [UInt8]) {
      let start = min(max(0, range.lowerBound), bytes.count)
      var line = 1
      var lineStart = 0
      bytes.withUnsafeBufferPointer { bytes in
        for index in 0..<start where bytes[index] == UInt8(ascii: "\n") {
          line += 1
          lineStart = index + 1
        }
      }
      // Nothing far behind is shown, so nothing far behind is read.
      let limit = min(bytes.count, start + 4 * DiagnosticRenderer.maximumWidth)
      var lineEnd = start
      while lineEnd < limit, bytes[lineEnd] != UInt8(ascii: "\n") { lineEnd += 1 }
      isCut = lineEnd == limit && limit < bytes.count && bytes[limit] != UInt8(ascii: "\n")
      while isCut, lineEnd > start, bytes[lineEnd] & 0xC0 == 0x80 { lineEnd -= 1 }
      let hasReturn = lineEnd > start && bytes[lineEnd - 1] == UInt8(ascii: "\r")
      let textEnd = hasReturn ? lineEnd - 1 : lineEnd
      let end = min(max(range.upperBound, start), textEnd)
      // A byte order mark takes no column.
      if lineStart == 0, start >= 3, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { lineStart = 3 }
      self.line = line
      isCutInFront = start - lineStart > 4096
      var shownStart = isCutInFront ? start - 4 * DiagnosticRenderer.maximumWidth : lineStart
      while isCutInFront, shownStart < start, bytes[shownStart] & 0xC0 == 0x80 { shownStart += 1 }
      before = String(decoding: bytes[shownStart..<start], as: UTF8.self)
      if isCutInFront {
        column = bytes.withUnsafeBufferPointer { bytes in
          var count = 1
          for index in lineStart..<start where bytes[index] & 0xC0 != 0x80 { count += 1 }
          return count
        }
      } else {
        column = before.count + 1
      }
      marked = String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
      after = String(decoding: bytes[max(start, end)..<max(start, textEnd)], as: UTF8.self)
    }
  }
}
