import GraftIR

/// How a text is put together, as the parser read it: its words in order, and what belongs together among them.
///
/// The formatter works on it. It is kept beside the syntax tree because a tree forgets what means nothing (parentheses,
/// last commas) and what stands where.
struct Outline {
  /// One word, number, sign or piece of a text.
  struct Word {
    enum Kind {
      case plain
      /// `"a\(`, `)b\(` or `)c"`: what stands around the values in a text; a text without values is one piece.
      case textPiece
    }

    let range: Range<Int>
    let kind: Kind
  }

  /// What the entries of braces are.
  enum Block {
    /// Of an operator or graft; parts stand below each other with their signs aligned.
    case body(isAligned: Bool)
    /// Of an `if`, a loop or an entry.
    case branch(isAligned: Bool)
    /// `{ PATH = VALUE ... }`
    case assignments
  }

  /// An operation between two values, or a condition with its values.
  struct Span: Equatable {
    enum Kind: Equatable {
      /// `level` tells how tightly it binds, `sign` where its first word is.
      case infix(level: Int, sign: Int, isRange: Bool)
      /// Where `then` and `else` are.
      case conditional(then: Int, else: Int)
    }

    /// Words, as indices.
    let words: Range<Int>
    let kind: Kind
  }

  private(set) var words: [Word] = []
  /// Brackets that follow what they belong to without a space.
  private(set) var glued: Set<Int> = []
  /// Words before which a line may end where the brackets around are spread over several.
  private(set) var softBreaks: Set<Int> = []
  /// Words that go to a line of their own, with all that follows, where a statement is too long.
  private(set) var hangs: Set<Int> = []
  /// Opening braces that hold entries.
  private(set) var blocks: [Int: Block] = [:]
  /// The first words of entries and declarations.
  private(set) var entries: Set<Int> = []
  /// An inner span comes before the one around it.
  private(set) var spans: [Span] = []

  // MARK: What the parser tells

  mutating func add(_ range: Range<Int>, _ kind: Word.Kind = .plain) { words.append(Word(range: range, kind: kind)) }

  /// The bracket that is about to be taken belongs to the word in front.
  mutating func glue() { glued.insert(words.count) }

  /// The first glued bracket at or behind byte `offset` is none.
  mutating func unglue(from offset: Int) {
    if let bracket = (index(at: offset)..<words.count).first(where: glued.contains) { glued.remove(bracket) }
  }

  mutating func softBreak() { softBreaks.insert(words.count) }
  mutating func hang() { hangs.insert(words.count) }
  mutating func block(_ kind: Block) { blocks[words.count] = kind }
  mutating func entry() { entries.insert(words.count) }

  /// An operation from byte `start` to the words taken so far, whose sign begins at byte `sign`.
  mutating func infix(level: Int, sign: Int, isRange: Bool = false, from start: Int) {
    let kind = Span.Kind.infix(level: level, sign: index(at: sign), isRange: isRange)
    spans.append(Span(words: index(at: start)..<words.count, kind: kind))
  }

  /// A condition from byte `start` to the words taken so far, and the bytes where its values begin.
  mutating func conditional(from start: Int, then yes: Int, else no: Int) {
    let kind = Span.Kind.conditional(then: index(at: yes) - 1, else: index(at: no) - 1)
    spans.append(Span(words: index(at: start)..<words.count, kind: kind))
  }

  /// The first word at or behind byte `offset`.
  private func index(at offset: Int) -> Int {
    var low = 0
    var high = words.count
    while low < high {
      let middle = (low + high) / 2
      if words[middle].range.lowerBound < offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
