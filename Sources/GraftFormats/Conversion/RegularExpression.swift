package import GraftIR

/// A regular expression that takes time in proportion to its own length and the text's, whatever it says.
///
/// It has what Perl, Python and ICU agree on: literals, `.`, classes, `\d \w \s` and their opposites, `^ $ \b \B`,
/// groups, alternation, and greedy and lazy repetition. Backreferences and looking around are refused: they are what
/// makes matching exponential. The first match from the left is found, and of those that begin there the one that Perl
/// prefers.
///
/// Source: Pike's virtual machine, as in Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009.
package struct RegularExpression: Sendable, Hashable {
  /// The most steps that a pattern may compile to.
  static let programLimit = 2000

  /// One step of the machine.
  enum Step: Sendable, Hashable {
    case scalar(ScalarSet)
    /// Goes on at both, the first one preferred.
    case split(Int, Int)
    case jump(Int)
    /// Notes the place in the text: 2n where group n begins, 2n + 1 where it ends.
    case save(Int)
    case assert(Assertion)
    case match
  }

  enum Assertion: Sendable, Hashable { case start, end, wordBorder, noWordBorder }

  /// As it was written.
  package let pattern: String
  let program: [Step]
  /// The groups, the whole match as group 0 among them.
  let groupCount: Int
  /// Names of groups.
  let groupNames: [String: Int]

  /// What was found: for each group the range of scalars, or `nil` where it took no part.
  struct Match {
    let groups: [Range<Int>?]
    var range: Range<Int> { groups.first.flatMap(\.self) ?? 0..<0 }
  }

  /// Compiles `pattern`.
  ///
  /// - Throws: `convert.pattern`.
  package init(_ pattern: String) throws(Diagnostic) {
    var parser = RegularExpressionParser(pattern)
    let tree = try parser.parse()
    var compiler = RegularExpressionCompiler()
    try compiler.compile(tree, pattern: pattern)
    self.pattern = pattern
    program = compiler.program
    groupCount = parser.groupCount
    groupNames = parser.groupNames
  }

  /// The first match in `text` that begins at `start` or later.
  ///
  /// - Parameter budget: the steps that may still be taken.
  /// - Throws: `convert.pattern` where more are needed.
  func firstMatch(in text: [Unicode.Scalar], from start: Int, budget: inout Int) throws(Diagnostic) -> Match? {
    var machine = Machine(self, text, budget: budget)
    let match = machine.run(from: start)
    budget = machine.budget
    guard budget >= 0 else {
      throw Diagnostic(
        "convert.pattern", "the pattern '\(pattern.shortened)' takes too many steps on these names", category: .usage)
    }
    return match
  }
}

/// The threads of a run, in order of preference.
private struct Machine {
  private struct Thread {
    let step: Int
    let saved: [Int]
  }

  private let expression: RegularExpression
  private let text: [Unicode.Scalar]
  private var threads: [Thread] = []
  /// For each step, the place in the text at which it was last reached, so that it is only once.
  private var reached: [Int]
  /// The steps that may still be taken; below 0 the run has stopped without an answer.
  private(set) var budget: Int

  init(_ expression: RegularExpression, _ text: [Unicode.Scalar], budget: Int) {
    self.budget = budget
    self.expression = expression
    self.text = text
    reached = Array(repeating: -1, count: expression.program.count)
  }

  mutating func run(from start: Int) -> RegularExpression.Match? {
    var found: [Int]?
    for place in start...max(start, text.count) where place <= text.count {
      // A match is searched from here on too, as long as there is none further left.
      if found == nil { add(0, Array(repeating: -1, count: 2 * expression.groupCount), at: place) }
      if budget < 0 || (threads.isEmpty && found != nil) { break }
      let current = threads
      threads = []
      for thread in current {
        switch expression.program[thread.step] {
        case .scalar(let set):
          if place < text.count, set.contains(text[place]) { add(thread.step + 1, thread.saved, at: place + 1) }
        case .match: found = thread.saved
        case .split, .jump, .save, .assert: break
        }
        // What is less preferred than a match counts no more.
        if case .match = expression.program[thread.step] { break }
      }
    }
    guard let found else { return nil }
    return RegularExpression.Match(
      groups: stride(from: 0, to: found.count, by: 2).map { index in
        found[index] >= 0 && found[index + 1] >= found[index] ? found[index]..<found[index + 1] : nil
      })
  }

  /// Adds a thread at `step` and follows what takes no scalar. A list instead of recursion: programs may be long.
  private mutating func add(_ step: Int, _ saved: [Int], at place: Int) {
    var waiting = [Thread(step: step, saved: saved)]
    while let thread = waiting.popLast() {
      budget -= 1
      guard reached[thread.step] != place else { continue }
      reached[thread.step] = place
      switch expression.program[thread.step] {
      case .jump(let next): waiting.append(Thread(step: next, saved: thread.saved))
      case .split(let first, let second):
        waiting.append(Thread(step: second, saved: thread.saved))
        waiting.append(Thread(step: first, saved: thread.saved))
      case .save(let slot):
        var saved = thread.saved
        saved[slot] = place
        waiting.append(Thread(step: thread.step + 1, saved: saved))
      case .assert(let assertion):
        if holds(assertion, at: place) { waiting.append(Thread(step: thread.step + 1, saved: thread.saved)) }
      case .scalar, .match: threads.append(thread)
      }
    }
  }

  private func holds(_ assertion: RegularExpression.Assertion, at place: Int) -> Bool {
    let before = place > 0 && ScalarSet.word.contains(text[place - 1])
    let after = place < text.count && ScalarSet.word.contains(text[place])
    return switch assertion {
    case .start: place == 0
    case .end: place == text.count
    case .wordBorder: before != after
    case .noWordBorder: before == after
    }
  }
}

/// Some Unicode scalars, as ranges, or all but these.
struct ScalarSet: Sendable, Hashable {
  var ranges: [ClosedRange<UInt32>]
  var isInverted = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar.value) } != isInverted
  }

  init(_ ranges: [ClosedRange<UInt32>], isInverted: Bool = false) {
    self.ranges = ranges
    self.isInverted = isInverted
  }

  init(_ scalar: Unicode.Scalar) { self.init([scalar.value...scalar.value]) }

  /// Everything but a line feed.
  static let any = ScalarSet([10...10], isInverted: true)
  static let digit = ScalarSet([48...57])
  static let space = ScalarSet([9...13, 32...32])
  static let word = ScalarSet([48...57, 65...90, 95...95, 97...122])

  /// The ranges, without inversion.
  var plainRanges: [ClosedRange<UInt32>] {
    guard isInverted else { return ranges }
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
      next = max(next, range.upperBound + 1)
    }
    return next <= 0x10FFFF ? result + [next...0x10FFFF] : result
  }
}
