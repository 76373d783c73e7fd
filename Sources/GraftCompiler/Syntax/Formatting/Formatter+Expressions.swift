extension Formatter {
  /// Where a row of words stands.
  enum Surroundings: Equatable {
    /// It is an entry, or the rest of one. `padding` is the number of spaces in front of its `=`.
    case entry(padding: Int)
    /// Between the brackets or commas of a list.
    case item
    /// Between two signs.
    case operand
  }

  /// Words one behind the other, what belongs together among them kept together.
  func sequence(_ range: Range<Int>, _ surroundings: Surroundings) -> Layout {
    var rows: [Layout] = []
    var index = range.lowerBound
    while index < range.upperBound {
      if index > range.lowerBound {
        if case .entry(let padding) = surroundings {
          let rest = index..<range.upperBound
          if padding > 0, words[index].text == "=" { rows.append(.padding(padding)) }
          if hangs(index) {
            rows.append(.hang(sequence(rest, .entry(padding: 0)), holdsBlock: holdsAssignments(rest)))
            return .row(rows)
          }
        }
        if words[index].text == "->", isCode(range), let opening = body(index..<range.upperBound) {
          // Inputs are spread before the shape of the result is.
          let result = sequence(index..<opening, .operand)
          let isShort = (result.flatWidth ?? .max) <= Self.widestResult
          rows += [joint(index), isShort ? .flat(result) : result]
          index = opening
          continue
        }
        rows.append(joint(index, isLine: surroundings == .item && outline.softBreaks.contains(index)))
      }
      if let span = span(at: index, upTo: range.upperBound) {
        rows.append(operation(span))
        index = span.words.upperBound
      } else if let kind = outline.blocks[index] {
        rows.append(block(index, kind))
        index = behind(index)
      } else if words[index].opens {
        let end = words[index].kind == .textPiece ? textEnd(index) : behind(index)
        rows.append(words[index].kind == .textPiece ? text(index..<end) : brackets(index))
        index = end
      } else {
        rows.append(.text(words[index].text))
        index += 1
      }
    }
    return rows.count == 1 ? rows[0] : .row(rows)
  }

  /// The widest shape of a result that is never spread.
  private static let widestResult = 100

  /// Where the braces begin that are in `range`, but not in brackets within it.
  private func body(_ range: Range<Int>) -> Int? {
    var index = range.lowerBound
    while index < range.upperBound {
      if outline.blocks[index] != nil { return index }
      index = behind(index)
    }
    return nil
  }

  /// Whether an entry that is too long goes on below from the word at `index`.
  private func hangs(_ index: Int) -> Bool {
    guard !words[index].hasComments else { return false }
    return outline.hangs.contains(index) || (words[index - 1].text == "=" && words[index - 1].kind == .plain)
  }

  // MARK: Operations

  private func operation(_ span: Outline.Span) -> Layout {
    switch span.kind {
    case .conditional: conditional(span)
    case .infix(let level, let sign, let isRange): infix(span, level: level, sign: sign, isRange: isRange)
    }
  }

  /// `a + b + c`, spread behind its signs: some of them cannot begin a line.
  private func infix(_ span: Outline.Span, level: Int, sign: Int, isRange: Bool) -> Layout {
    let start = span.words.lowerBound
    if isRange || words[sign].text == "**" {
      return .row([
        sequence(start..<sign, .operand), joint(sign), .text(words[sign].text), joint(sign + 1),
        sequence((sign + 1)..<span.words.upperBound, .operand),
      ])
    }
    // From the right: each sign with its right side.
    var pieces: [Layout] = []
    var sign = sign
    var end = span.words.upperBound
    while true {
      let right = sign + signLength(sign)
      // A comment in front lets the sign begin a line, which then goes on with its right side.
      let beginsLine = words[sign].hasComments
      pieces.append(
        .row([
          joint(sign, isLine: beginsLine), .text(words[sign].text),
          right - sign == 2 ? .row([joint(sign + 1), .text(words[sign + 1].text)]) : .nothing,
          joint(right, isLine: !beginsLine, spaces: 1), sequence(right..<end, .operand),
        ]))
      guard let left = self.span(at: start, upTo: sign), left.words.upperBound == sign,
        case .infix(level, let nextSign, isRange: false) = left.kind
      else { break }
      end = sign
      sign = nextSign
    }
    return .group(.row([sequence(start..<sign, .operand), .nest(.row(pieces.reversed()))]))
  }

  /// How many words the sign is: two for `not in` and `is not`.
  private func signLength(_ sign: Int) -> Int {
    if words[sign].text == "not" { return 2 }
    return words[sign].text == "is" && words[sign + 1].text == "not" ? 2 : 1
  }

  /// `if a then b else if c then d else e`, with each `else` on its own line where it is spread.
  private func conditional(_ whole: Outline.Span) -> Layout {
    var head: Layout?
    var rest: [Layout] = []
    var span = whole
    while case .conditional(let then, let `else`) = span.kind {
      let start = span.words.lowerBound
      let piece = Layout.group(
        .row([
          .text("if"), joint(start + 1), sequence((start + 1)..<then, .operand),
          .nest(
            .row([
              joint(then, isLine: true), .text("then"), joint(then + 1),
              sequence((then + 1)..<`else`, .operand),
            ])),
        ]))
      if head == nil { head = piece } else { rest.append(piece) }
      rest += [joint(`else`, isLine: true), .text("else"), joint(`else` + 1)]
      let last = (`else` + 1)..<span.words.upperBound
      if let next = self.span(at: last.lowerBound, upTo: last.upperBound), next.words == last,
        case .conditional = next.kind
      {
        span = next
      } else {
        rest.append(sequence(last, .operand))
        break
      }
    }
    return .group(.row([head ?? .nothing, .nest(.row(rest))]))
  }

  // MARK: Texts

  /// The word behind a text in which values stand.
  private func textEnd(_ start: Int) -> Int {
    var index = start
    while words[index].opens, let partner = words[index].partner { index = partner }
    return index + 1
  }

  /// A text with its values.
  private func text(_ range: Range<Int>) -> Layout {
    var rows: [Layout] = []
    var index = range.lowerBound
    while true {
      rows.append(.text(words[index].text))
      guard words[index].opens, let partner = words[index].partner else { break }
      rows.append(sequence((index + 1)..<partner, .operand))
      index = partner
    }
    return .flat(.row(rows))
  }

  // MARK: Brackets

  /// The widest entry of a list that is filled into lines.
  private static let widestFilled = 16

  /// Brackets with entries and commas: on one line, or with each entry on its own line; short values fill lines.
  private func brackets(_ opening: Int) -> Layout {
    guard let closing = words[opening].partner else { return .text(words[opening].text) }
    var items: [Range<Int>] = []
    var start = opening + 1
    var index = start
    while index < closing {
      if words[index].text == "," {
        items.append(start..<index)
        start = index + 1
      }
      index = behind(index)
    }
    if start < closing { items.append(start..<closing) }
    let (open, close) = (Layout.text(words[opening].text), Layout.text(words[closing].text))
    guard let first = items.first else {
      return .row([open, joint(closing), close])
    }
    let isParenthesis = words[opening].text == "("
    let isGlued = outline.glued.contains(opening)
    // Without it, one value in parentheses would be no list of values.
    let keepsComma = start == closing && items.count == 1 && isParenthesis && !isGlued
    let losesComma = start == closing && !keepsComma
    let hasLastComments = words[closing].hasComments || (losesComma && words[closing - 1].hasComments)
    let isTight =
      items.count == 1 && isParenthesis && (isGlued ? isList(first) && !hasLastComments : start < closing)
    if isTight {
      return .row([open, joint(opening + 1), sequence(first, .item), joint(closing), close])
    }
    var layouts: [Layout] = []
    for (place, item) in items.enumerated() {
      var layout = [sequence(item, .item)]
      let isLast = place == items.count - 1
      if !isLast || keepsComma { layout += [joint(item.upperBound), .text(",")] }
      layouts.append(.row(layout))
    }
    if words[opening].text == "[", items.count > 1, !hasComments(between: opening..<(closing + 1)),
      layouts.allSatisfy({ ($0.flatWidth ?? .max) <= Self.widestFilled })
    {
      return .group(
        .row([open, .nest(.row([.line(spaces: 0), .fill(layouts)])), .line(spaces: 0), close]))
    }
    var rows: [Layout] = []
    for (place, item) in items.enumerated() {
      rows += [joint(item.lowerBound, isLine: true, spaces: place == 0 ? 0 : 1), layouts[place]]
    }
    // A comma that goes leaves its comments.
    if losesComma { rows.append(lastComments(closing - 1, isAlone: true)) }
    rows.append(
      lastComments(closing, isAlone: true, isOnOwnLine: losesComma && words[closing - 1].hasComments))
    return .group(.row([open, .nest(.row(rows)), .line(spaces: 0), close]))
  }

  /// Whether `item` is a list in brackets and nothing else.
  private func isList(_ item: Range<Int>) -> Bool {
    words[item.lowerBound].text == "[" && behind(item.lowerBound) == item.upperBound
      && words[item.lowerBound].partner == item.upperBound - 1
  }
}
