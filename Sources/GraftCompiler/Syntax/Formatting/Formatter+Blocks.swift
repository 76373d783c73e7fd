extension Formatter {
  /// The most that the names of parts below each other may differ in length for their signs to be aligned.
  private static let alignedDifference = 8

  /// One entry of a file or of braces.
  ///
  /// - Parameter padding: Spaces in front of its `=`.
  func entry(_ range: Range<Int>, padding: Int = 0) -> Layout {
    let row = sequence(range, .entry(padding: padding))
    // The lines of its braces end together; a value decides for itself.
    return sign(of: range) == nil ? .group(row) : row
  }

  /// The `=` of an entry that is `NAME = VALUE` or the like.
  private func sign(of range: Range<Int>) -> Int? {
    var index = range.lowerBound
    while index < range.upperBound {
      if words[index].text == "=", words[index].kind == .plain { return index }
      index = behind(index)
    }
    return nil
  }

  /// Braces that hold entries.
  func block(_ opening: Int, _ kind: Outline.Block) -> Layout {
    guard let closing = words[opening].partner else { return .text(words[opening].text) }
    let inner = entries(in: (opening + 1)..<closing)
    let hasComments = hasComments(between: opening..<(closing + 1))
    if inner.isEmpty, !hasComments { return .text("{}") }
    switch kind {
    case .body(let isAligned):
      return lines(opening, closing, inner, isAligned: isAligned)
    case .branch(let isAligned):
      if inner.count == 1, !hasComments, !holdsBranch(inner[0]) {
        return .row([.text("{"), .nest(.row([.line(spaces: 1), entry(inner[0])])), .line(spaces: 1), .text("}")])
      }
      return lines(opening, closing, inner, isAligned: isAligned)
    case .assignments:
      // On one line, a name `step` would go on with the range in front of it.
      let mustSpread = inner.contains { rangeEnds.contains($0.lowerBound) && words[$0.lowerBound].text == "step" }
      if hasComments || mustSpread { return lines(opening, closing, inner, isAligned: true) }
      let paddings = paddings(inner)
      var rows: [Layout] = []
      for (place, range) in inner.enumerated() {
        let emptyLine = place > 0 && words[range.lowerBound].followsEmptyLine
        rows.append(.line(spaces: place == 0 ? 1 : 2, followsEmptyLine: emptyLine))
        rows.append(entry(range, padding: paddings[place]))
      }
      return .group(.row([.text("{"), .nest(.row(rows)), .line(spaces: 1), .text("}")]))
    }
  }

  /// Braces with each entry on lines of its own.
  private func lines(_ opening: Int, _ closing: Int, _ inner: [Range<Int>], isAligned: Bool) -> Layout {
    let paddings = isAligned ? paddings(inner) : inner.map { _ in 0 }
    var rows: [Layout] = []
    var previous: Range<Int>?
    for (place, range) in inner.enumerated() {
      let isApart = isAligned && (isCode(range) || previous.map(isCode) == true) && previous != nil
      rows.append(entryJoint(range.lowerBound, isFirst: previous == nil, isApart: isApart))
      rows.append(entry(range, padding: paddings[place]))
      previous = range
    }
    rows.append(lastComments(closing, isAlone: previous == nil))
    return .row([.text("{"), .nest(.row(rows)), .hardLine(), .text("}")])
  }

  /// Whether the member of an operator is a `forward` or the like, which empty lines set apart.
  func isCode(_ range: Range<Int>) -> Bool {
    range.count > 1 && words[range.lowerBound + 1].text == "(" && outline.glued.contains(range.lowerBound + 1)
  }

  private func holdsBranch(_ range: Range<Int>) -> Bool {
    range.contains { index in
      if case .branch? = outline.blocks[index] { return true }
      return false
    }
  }

  /// The spaces in front of each `=`, so that those of parts below each other are aligned.
  ///
  /// Other entries and empty lines end a run, and so does a name that is much longer or shorter.
  private func paddings(_ inner: [Range<Int>]) -> [Int] {
    var paddings = inner.map { _ in 0 }
    var run: [(place: Int, width: Int)] = []
    func close() {
      let widest = run.map(\.width).max() ?? 0
      for (place, width) in run { paddings[place] = widest - width }
      run = []
    }
    for (place, range) in inner.enumerated() {
      let word = words[range.lowerBound]
      if word.followsEmptyLine || word.comments.contains(where: \.followsEmptyLine) { close() }
      guard let width = partNameWidth(range) else {
        close()
        continue
      }
      let widths = run.map(\.width) + [width]
      if (widths.max() ?? 0) - (widths.min() ?? 0) > Self.alignedDifference { close() }
      run.append((place, width))
    }
    close()
    return paddings
  }

  /// How wide the name of a part is, where the entry is one.
  private func partNameWidth(_ range: Range<Int>) -> Int? {
    guard let sign = sign(of: range), sign > range.lowerBound else { return nil }
    let name = range.lowerBound..<sign
    // `param x: [n] = ...`, `let x = ...` and the like are no parts: two words side by side.
    guard !name.dropFirst().contains(where: { hasSpace(before: $0) && words[$0 - 1].text != "," }) else { return nil }
    guard !hasComments(between: range.lowerBound..<(sign + 1)) else { return nil }
    return sequence(name, .entry(padding: 0)).flatWidth
  }
}
