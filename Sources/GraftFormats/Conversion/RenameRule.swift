public import GraftIR

/// Gives tensors other names: what a regular expression matches becomes something else.
///
///     ^model\.=>                   takes a prefix off
///     layers\.(\d+)=>blocks.\1    keeps a number
///
/// Every match in a name is replaced. In the new text `\1` or `$1` is a group, `${name}` a group with a name, `\\` and
/// `$$` are themselves.
public struct RenameRule: Sendable, Hashable {
  /// The steps that all names together may take.
  package static let stepLimit = 200_000_000

  /// As it was written.
  public let text: String
  private let expression: RegularExpression
  private let pieces: [Piece]

  private enum Piece: Sendable, Hashable {
    case text(String)
    case group(Int)
  }

  /// Reads `REGEX=>NEW`; the first `=>` divides them.
  ///
  /// - Throws: `convert.rename`, `convert.pattern`.
  public init(_ text: String) throws(Diagnostic) {
    guard let arrow = text.firstRange(of: "=>"), arrow.lowerBound > text.startIndex else {
      throw Diagnostic("convert.rename", "'\(text.shortened)' is not REGEX=>NEW", category: .usage)
    }
    self.text = text
    expression = try RegularExpression(String(text[..<arrow.lowerBound]))
    pieces = try Self.pieces(of: String(text[arrow.upperBound...]), expression, rule: text)
  }

  /// The new name for `name`, or `nil` where nothing in it matches.
  ///
  /// - Parameter budget: the steps that may still be taken, for all names together.
  /// - Throws: `convert.pattern` where more are needed.
  package func newName(for name: String, budget: inout Int) throws(Diagnostic) -> String? {
    let scalars = Array(name.unicodeScalars)
    var result = ""
    var done = 0
    var start = 0
    var hasMatched = false
    while start <= scalars.count, let match = try expression.firstMatch(in: scalars, from: start, budget: &budget) {
      hasMatched = true
      result.unicodeScalars.append(contentsOf: scalars[done..<match.range.lowerBound])
      for piece in pieces {
        switch piece {
        case .text(let text): result += text
        case .group(let number):
          if let group = match.groups[number] { result.unicodeScalars.append(contentsOf: scalars[group]) }
        }
      }
      done = match.range.upperBound
      start = match.range.isEmpty ? done + 1 : done  // Nothing is matched twice in one place.
      if match.range.isEmpty, done < scalars.count {
        result.unicodeScalars.append(scalars[done])
        done += 1
      }
    }
    guard hasMatched else { return nil }
    if done < scalars.count { result.unicodeScalars.append(contentsOf: scalars[done...]) }
    return result
  }

  private static func pieces(
    of text: String, _ expression: RegularExpression, rule: String
  ) throws(Diagnostic) -> [Piece] {
    var pieces: [Piece] = []
    var plain = ""
    var rest = text[...]
    func group(_ number: Int?) throws(Diagnostic) -> Piece {
      guard let number, (0..<expression.groupCount).contains(number) else {
        throw Diagnostic(
          "convert.rename",
          "the new name of '\(rule.shortened)' names a group that the pattern's \(expression.groupCount - 1) do not have",
          category: .usage)
      }
      return .group(number)
    }
    while let character = rest.popFirst() {
      guard character == "\\" || character == "$", let next = rest.first else {
        plain.append(character)
        continue
      }
      if next == character {
        plain.append(character)
        rest.removeFirst()
        continue
      }
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty || (character == "$" && next == "{") else {
        plain.append(character)
        continue
      }
      pieces.append(.text(plain))
      plain = ""
      if !digits.isEmpty {
        pieces.append(try group(Int(digits.prefix(2))))
        rest.removeFirst(min(2, digits.count))
        continue
      }
      let name = rest.dropFirst().prefix { $0 != "}" }
      pieces.append(try group(Int(name) ?? expression.groupNames[String(name)]))
      rest = rest.dropFirst(name.count + 2)
    }
    pieces.append(.text(plain))
    return pieces
  }
}
