import GraftIR

/// What a regular expression says, before it becomes a program.
indirect enum RegularExpressionTree {
  case empty
  case set(ScalarSet)
  case assert(RegularExpression.Assertion)
  /// A group with its number, or `nil` where it notes nothing.
  case group(RegularExpressionTree, Int?)
  case sequence([RegularExpressionTree])
  case choice([RegularExpressionTree])
  /// At least so often, and at most; the more the better unless it is lazy.
  case repeated(RegularExpressionTree, Int, Int?, isLazy: Bool)
}

/// Reads the text of a regular expression.
struct RegularExpressionParser {
  /// Longer patterns are nobody's.
  static let lengthLimit = 1000
  /// Groups inside each other.
  static let depthLimit = 50
  /// What `{n}` may ask for.
  static let countLimit = 1000

  private let pattern: String
  private let scalars: [Unicode.Scalar]
  private var place = 0
  private var depth = 0
  private(set) var groupCount = 1
  private(set) var groupNames: [String: Int] = [:]

  init(_ pattern: String) {
    self.pattern = pattern
    scalars = Array(pattern.unicodeScalars)
  }

  mutating func parse() throws(Diagnostic) -> RegularExpressionTree {
    guard scalars.count <= Self.lengthLimit else {
      throw failure("has \(scalars.count) characters, more than \(Self.lengthLimit)")
    }
    let tree = try choice()
    guard place == scalars.count else { throw failure("closes a group at \(place) that it did not open") }
    return .group(tree, 0)
  }

  private func failure(_ what: String) -> Diagnostic {
    Diagnostic(
      "convert.pattern", "the pattern '\(pattern.shortened)' \(what)",
      help: "literals, . [a-z] \\d \\w \\s ^ $ \\b ( ) | * + ? {m,n}; \\ before any of these for itself",
      category: .usage)
  }

  private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    place += 1
    return true
  }

  private mutating func choice() throws(Diagnostic) -> RegularExpressionTree {
    var choices = [try sequence()]
    while take("|") { choices.append(try sequence()) }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence() throws(Diagnostic) -> RegularExpressionTree {
    var items: [RegularExpressionTree] = []
    while let scalar = next, scalar != "|", scalar != ")" { items.append(try repetition(of: try atom())) }
    return items.isEmpty ? .empty : .sequence(items)
  }

  private mutating func repetition(of atom: RegularExpressionTree) throws(Diagnostic) -> RegularExpressionTree {
    let start = place
    let bounds: (Int, Int?)
    switch next {
    case "*": bounds = (0, nil)
    case "+": bounds = (1, nil)
    case "?": bounds = (0, 1)
    case "{":
      guard let counts = counts() else { return atom }  // A brace that counts nothing is itself.
      bounds = counts
      place -= 1  // Its closing brace is passed below, as the others are.
    default: return atom
    }
    place += 1
    guard bounds.0 <= bounds.1 ?? bounds.0, max(bounds.0, bounds.1 ?? 0) <= Self.countLimit else {
      throw failure("repeats from \(bounds.0) to \(bounds.1 ?? 0) times at \(start), of at most \(Self.countLimit)")
    }
    let isLazy = take("?")
    if next == "+" || next == "*" || next == "?" {
      throw failure("repeats a repetition at \(place)")
    }
    return .repeated(atom, bounds.0, bounds.1, isLazy: isLazy)
  }

  /// `{2}`, `{2,}` or `{2,5}`, read up to its end; nothing is read where it is none of these.
  private mutating func counts() -> (Int, Int?)? {
    let start = place
    place += 1
    let low = number()
    var high = low
    if take(",") { high = next == "}" ? nil : number() ?? -1 }
    guard let low, high != -1, take("}") else {
      place = start
      return nil
    }
    return (low, high)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let scalar = next, let digit = Int(String(scalar)), scalar.isASCII {
      value = min((value ?? 0) * 10 + digit, 1_000_000)
      place += 1
    }
    return value
  }

  private mutating func atom() throws(Diagnostic) -> RegularExpressionTree {
    guard let scalar = next else { return .empty }
    place += 1
    switch scalar {
    case ".": return .set(.any)
    case "^": return .assert(.start)
    case "$": return .assert(.end)
    case "(": return try group()
    case "[": return .set(try set())
    case "\\": return try escape()
    case "*", "+", "?": throw failure("repeats nothing at \(place - 1)")
    default: return .set(ScalarSet(scalar))
    }
  }

  private mutating func group() throws(Diagnostic) -> RegularExpressionTree {
    depth += 1
    guard depth <= Self.depthLimit else { throw failure("nests groups deeper than \(Self.depthLimit)") }
    var number: Int?
    if take("?") {
      if !take(":") {
        _ = take("P")
        guard take("<"), next != "=", next != "!" else { throw failure("looks around or sets options at \(place)") }
        var name = ""
        while let scalar = next, scalar != ">" {
          name.unicodeScalars.append(scalar)
          place += 1
        }
        guard take(">"), !name.isEmpty, groupNames[name] == nil else {
          throw failure("names a group wrongly at \(place)")
        }
        groupNames[name] = groupCount
        number = groupCount
        groupCount += 1
      }
    } else {
      number = groupCount
      groupCount += 1
    }
    let tree = try choice()
    guard take(")") else { throw failure("leaves a group open") }
    depth -= 1
    return .group(tree, number)
  }

  private mutating func escape() throws(Diagnostic) -> RegularExpressionTree {
    switch next {
    case "b":
      place += 1
      return .assert(.wordBorder)
    case "B":
      place += 1
      return .assert(.noWordBorder)
    default: return .set(try escapedSet())
    }
  }

  /// What stands behind a backslash, in a class or outside.
  private mutating func escapedSet() throws(Diagnostic) -> ScalarSet {
    guard let scalar = next else { throw failure("ends in a backslash") }
    place += 1
    switch scalar {
    case "d": return .digit
    case "D": return ScalarSet(ScalarSet.digit.ranges, isInverted: true)
    case "w": return .word
    case "W": return ScalarSet(ScalarSet.word.ranges, isInverted: true)
    case "s": return .space
    case "S": return ScalarSet(ScalarSet.space.ranges, isInverted: true)
    case "t": return ScalarSet("\t")
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    default:
      guard !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
        throw failure("asks for '\\\(scalar)', which is not understood")
      }
      return ScalarSet(scalar)
    }
  }

  private mutating func set() throws(Diagnostic) -> ScalarSet {
    var set = ScalarSet([])
    set.isInverted = take("^")
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      isFirst = false
      place += 1
      var low = ScalarSet(scalar)
      if scalar == "\\" { low = try escapedSet() }
      if scalar == "[", next == ":" || next == "." || next == "=" {
        throw failure("holds a named class at \(place), which is not understood")
      }
      // A dash at the end is itself.
      if next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" {
        place += 1
        let other = scalars[place]
        place += 1
        let high = other == "\\" ? try escapedSet() : ScalarSet(other)
        guard let from = low.single, let to = high.single, from <= to else {
          throw failure("holds a range at \(place) that goes from nothing to nothing")
        }
        low = ScalarSet([from...to])
      }
      set.ranges += low.plainRanges
    }
    guard take("]") else { throw failure("leaves a class open") }
    return set
  }
}

extension ScalarSet {
  /// The only scalar of the set, where there is one.
  fileprivate var single: UInt32? {
    guard !isInverted, ranges.count == 1, ranges[0].count == 1 else { return nil }
    return ranges[0].lowerBound
  }
}

/// Turns what was read into steps.
struct RegularExpressionCompiler {
  private(set) var program: [RegularExpression.Step] = []

  mutating func compile(_ tree: RegularExpressionTree, pattern: String) throws(Diagnostic) {
    let isWithinLimit = add(tree)
    program.append(.match)
    guard isWithinLimit, program.count <= RegularExpression.programLimit else {
      throw Diagnostic(
        "convert.pattern",
        "the pattern '\(pattern.shortened)' takes more than \(RegularExpression.programLimit) steps",
        help: "repeat less", category: .usage)
    }
  }

  /// False where there would be too many steps.
  private mutating func add(_ tree: RegularExpressionTree) -> Bool {
    guard program.count <= RegularExpression.programLimit else { return false }
    switch tree {
    case .empty: return true
    case .set(let set): program.append(.scalar(set))
    case .assert(let assertion): program.append(.assert(assertion))
    case .group(let inner, let number):
      if let number { program.append(.save(2 * number)) }
      guard add(inner) else { return false }
      if let number { program.append(.save(2 * number + 1)) }
    case .sequence(let items): return items.allSatisfy { add($0) }
    case .choice(let choices): return addChoice(choices)
    case .repeated(let inner, let low, let high, let isLazy): return addRepetition(inner, low, high, isLazy)
    }
    return true
  }

  private mutating func addChoice(_ choices: [RegularExpressionTree]) -> Bool {
    var ends: [Int] = []
    for choice in choices.dropLast() {
      let split = program.count
      program.append(.match)
      guard add(choice) else { return false }
      ends.append(program.count)
      program.append(.match)
      program[split] = .split(split + 1, program.count)
    }
    guard let last = choices.last, add(last) else { return choices.isEmpty }
    for end in ends { program[end] = .jump(program.count) }
    return true
  }

  private mutating func addRepetition(
    _ inner: RegularExpressionTree, _ low: Int, _ high: Int?, _ isLazy: Bool
  ) -> Bool {
    for _ in 0..<low {
      let count = program.count
      guard add(inner) else { return false }
      if program.count == count { break }  // Nothing, however often.
    }
    guard let high else {
      let split = program.count
      program.append(.match)
      guard add(inner) else { return false }
      program.append(.jump(split))
      program[split] = isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
      return true
    }
    var splits: [Int] = []
    for _ in low..<max(low, high) {
      splits.append(program.count)
      program.append(.match)
      guard add(inner) else { return false }
    }
    for split in splits {
      program[split] = isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
    }
    return true
  }
}
