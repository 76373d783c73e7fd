public import GraftIR

/// `source` in canonical form, or `nil` where it does not parse; then `diagnostics` says why.
///
/// Layout follows from the words and comments alone, and from which statements an empty line separates, not from where
/// lines ended: two texts that differ in spaces become one, and formatting twice changes nothing. Every word and
/// comment stays, in order, but for a comma behind the last entry of a list. What comes out is read again and compared,
/// so that no mistake here can change what a file means.
public func formatted(_ source: SourceText, into diagnostics: inout Diagnostics) -> String? {
  let (result, found) = withDeepStack {
    var found = Diagnostics()
    let text = formattedOnThisStack(source, into: &found)
    return (text, found)
  }
  diagnostics.report(found)
  return result
}

private func formattedOnThisStack(_ source: SourceText, into diagnostics: inout Diagnostics) -> String? {
  guard let (before, documentation) = outline(of: source, into: &diagnostics) else { return nil }
  let words = Lexeme.all(of: before, in: Array(source.text.utf8))
  let text = Formatter(words, before).text()
  var problems = Diagnostics()
  let result = SourceText(file: source.file, text: text)
  guard let (after, newDocumentation) = outline(of: result, into: &problems), documentation == newDocumentation,
    Skeleton(words, before) == Skeleton(Lexeme.all(of: after, in: Array(text.utf8)), after)
  else {
    diagnostics.report(
      Diagnostic(
        "graft.defect", "formatting '\(source.file)' would change what it means", at: Location(source.file),
        category: .defect))
    return nil
  }
  return text
}

/// What formatting leaves as it is.
private struct Skeleton: Equatable {
  private let words: [String]
  private let comments: [String]
  private let glued: [Int]
  private let entries: [Int]
  private let blocks: [Int]
  private let spans: [Outline.Span]

  init(_ lexemes: [Lexeme], _ outline: Outline) {
    // Commas behind the last entry may go.
    let kept = lexemes.indices.filter { !(lexemes[$0].text == "," && lexemes[$0 + 1].closes) }
    var places = [Int](repeating: 0, count: lexemes.count + 1)
    for (place, index) in kept.enumerated() { places[index] = place }
    for index in lexemes.indices.reversed() where lexemes[index].text == "," && lexemes[index + 1].closes {
      places[index] = places[index + 1]
    }
    places[lexemes.count] = kept.count
    words = kept.map { lexemes[$0].text }
    comments = lexemes.flatMap { [$0.trailing].compactMap { $0 } + $0.comments.map(\.text) }
    glued = outline.glued.map { places[$0] }.sorted()
    entries = outline.entries.map { places[$0] }.sorted()
    blocks = outline.blocks.keys.map { places[$0] }.sorted()
    spans = outline.spans.map { span in
      let range = places[span.words.lowerBound]..<places[span.words.upperBound]
      switch span.kind {
      case .infix(let level, let sign, let isRange):
        return Outline.Span(words: range, kind: .infix(level: level, sign: places[sign], isRange: isRange))
      case .conditional(let then, let `else`):
        return Outline.Span(words: range, kind: .conditional(then: places[then], else: places[`else`]))
      }
    }
  }
}

/// Lays out the words of a file.
struct Formatter {
  let words: [Lexeme]
  let outline: Outline
  /// Spans by their first word, the shortest first.
  private let spans: [Int: [Outline.Span]]
  /// How many of the words in front of each have comments before them.
  private let commentCounts: [Int]
  /// How many braces with assignments open in front of each word.
  private let assignmentCounts: [Int]
  private let signs: Set<Int>
  private let rangeSigns: Set<Int>
  /// The ends of ranges, behind which `step` would go on.
  let rangeEnds: Set<Int>

  /// The words of a file with the outline that they were made from.
  init(_ words: [Lexeme], _ outline: Outline) {
    self.words = words
    self.outline = outline
    var spans: [Int: [Outline.Span]] = [:]
    var signs: Set<Int> = []
    var rangeSigns: Set<Int> = []
    var rangeEnds: Set<Int> = []
    for span in outline.spans {
      spans[span.words.lowerBound, default: []].append(span)
      guard case .infix(_, let sign, let isRange) = span.kind else { continue }
      signs.insert(sign)
      if isRange {
        rangeSigns.insert(sign)
        rangeEnds.insert(span.words.upperBound)
      }
    }
    self.spans = spans
    self.signs = signs
    self.rangeSigns = rangeSigns
    self.rangeEnds = rangeEnds
    var comments = [0]
    var assignments = [0]
    for (index, word) in words.enumerated() {
      comments.append((comments.last ?? 0) + (word.hasComments ? 1 : 0))
      if case .assignments? = outline.blocks[index] {
        assignments.append((assignments.last ?? 0) + 1)
      } else {
        assignments.append(assignments.last ?? 0)
      }
    }
    commentCounts = comments
    assignmentCounts = assignments
  }

  /// The whole file in canonical form.
  func text() -> String {
    let end = words.count - 1
    var rows: [Layout] = []
    var previous: Range<Int>?
    for declaration in entries(in: 0..<end) {
      let isApart = previous.map { endsInBody($0) || endsInBody(declaration) } ?? false
      rows.append(entryJoint(declaration.lowerBound, isFirst: previous == nil, isApart: isApart))
      rows.append(entry(declaration))
      previous = declaration
    }
    rows.append(lastComments(end, isAlone: previous == nil))
    return LayoutWriter.text(of: .row(rows))
  }

  /// Whether the declaration is one with braces.
  private func endsInBody(_ declaration: Range<Int>) -> Bool {
    guard let opening = words[declaration.upperBound - 1].partner, case .body? = outline.blocks[opening] else {
      return false
    }
    return words[declaration.upperBound - 1].closes
  }

  // MARK: What stands where

  /// The entries whose first words are in `range`, but not in brackets within it.
  func entries(in range: Range<Int>) -> [Range<Int>] {
    var starts: [Int] = []
    var index = range.lowerBound
    while index < range.upperBound {
      if outline.entries.contains(index) { starts.append(index) }
      index = behind(index)
    }
    return starts.enumerated().map { place, start in
      start..<(place + 1 < starts.count ? starts[place + 1] : range.upperBound)
    }
  }

  /// The word behind `index`, or behind the bracket that it opens.
  func behind(_ index: Int) -> Int {
    guard words[index].opens, let partner = words[index].partner else { return index + 1 }
    // The piece of a text that ends one value may begin another.
    return words[partner].opens ? partner : partner + 1
  }

  /// The longest span that begins at `start` and ends at `end` at most.
  func span(at start: Int, upTo end: Int) -> Outline.Span? {
    guard let all = spans[start] else { return nil }
    var low = 0
    var high = all.count
    while low < high {
      let middle = (low + high) / 2
      if all[middle].words.upperBound <= end { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? all[low - 1] : nil
  }

  /// Whether comments stand between the words of `range`.
  func hasComments(between range: Range<Int>) -> Bool {
    range.count > 1 && commentCounts[range.upperBound] > commentCounts[range.lowerBound + 1]
  }

  /// Whether braces with assignments begin in `range`.
  func holdsAssignments(_ range: Range<Int>) -> Bool {
    assignmentCounts[range.upperBound] > assignmentCounts[range.lowerBound]
  }

  /// Whether a space stands in front of the word at `index`, where no line ends there.
  func hasSpace(before index: Int) -> Bool {
    let (previous, next) = (words[index - 1], words[index])
    if previous.opens || next.closes || outline.glued.contains(index) { return false }
    if rangeSigns.contains(index) || rangeSigns.contains(index - 1) { return false }
    switch next.text {
    case ",", ":", ".": return false
    default: break
    }
    if previous.text == "." { return false }
    return previous.text != "-" || signs.contains(index - 1)
  }

  // MARK: Comments

  /// What stands between two words that belong to one entry: a space, nothing or the end of a line, and comments.
  func joint(_ index: Int, isLine: Bool = false, spaces: Int? = nil) -> Layout {
    let spaces = spaces ?? (hasSpace(before: index) ? 1 : 0)
    let word = words[index]
    guard word.hasComments else {
      if isLine { return .line(spaces: spaces) }
      return spaces == 0 ? .nothing : .space
    }
    // Of entries in brackets, an empty line tells whether a comment documents them.
    if isLine { return entryJoint(index, isFirst: words[index - 1].opens, isApart: false) }
    var rows: [Layout] = []
    if let trailing = word.trailing { rows.append(.trailing(trailing)) }
    for comment in word.comments { rows += [.hardLine(), .text(comment.text)] }
    rows.append(.hardLine())
    return .nest(.row(rows))
  }

  /// What stands in front of an entry.
  ///
  /// - Parameter isApart: Whether an empty line has to be there.
  func entryJoint(_ index: Int, isFirst: Bool, isApart: Bool) -> Layout {
    let word = words[index]
    var emptyLines = word.comments.map(\.followsEmptyLine) + [word.followsEmptyLine]
    if isFirst { emptyLines[0] = false }
    if isApart, !emptyLines.contains(true) { emptyLines[0] = true }
    var rows: [Layout] = []
    if let trailing = word.trailing { rows.append(.trailing(trailing)) }
    for (comment, emptyLine) in zip(word.comments, emptyLines) {
      rows += [.hardLine(followsEmptyLine: emptyLine), .text(comment.text)]
    }
    rows.append(.hardLine(followsEmptyLine: emptyLines[word.comments.count]))
    return .row(rows)
  }

  /// The comments in front of what closes braces, or of the end of the file.
  ///
  /// - Parameter isOnOwnLine: Whether a comment stands in front already, so that no other can end its line.
  func lastComments(_ index: Int, isAlone: Bool, isOnOwnLine: Bool = false) -> Layout {
    var rows: [Layout] = []
    if let trailing = words[index].trailing {
      rows += isOnOwnLine ? [.hardLine(), .text(trailing)] : [.trailing(trailing)]
    }
    for (place, comment) in words[index].comments.enumerated() {
      let emptyLine = comment.followsEmptyLine && !(isAlone && place == 0)
      rows += [.hardLine(followsEmptyLine: emptyLine), .text(comment.text)]
    }
    return .row(rows)
  }
}
