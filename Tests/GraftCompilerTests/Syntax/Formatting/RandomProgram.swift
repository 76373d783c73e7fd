/// A graft file made at random from the whole grammar, as words that may be spaced in any way that keeps what they
/// mean.
struct RandomProgram {
  struct Word {
    let text: String
    /// Whether it may begin a line.
    let mayBeginLine: Bool
    /// Whether nothing may stand in front of it, as inside a text.
    let isTight: Bool
  }

  private(set) var words: [Word] = []
  private var random: SplitMix
  private var depth = 0
  private var isInText = false

  init(seed: Int) {
    random = SplitMix(seed)
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      put("import")
      put("\"file\(Int.random(in: 0...9, using: &random)).graft\"")
    }
    for _ in 0..<Int.random(in: 1...4, using: &random) { declaration() }
  }

  // MARK: Spelling

  /// The words with random spaces and line ends between them; with comments, each with its number, where told.
  func spelled(seed: Int, comments: Bool) -> (text: String, comments: [String]) {
    var random = SplitMix(seed)
    var result = ""
    var written: [String] = []
    func comment() -> String {
      let slashes = ["//", "///", "// ", "/// ", "//\t"].randomElement(using: &random) ?? "//"
      written.append("\(slashes)text, \"(\\( }{ #\(written.count)")
      return written[written.count - 1] + (["", " ", "\t "].randomElement(using: &random) ?? "") + "\n"
    }
    func gap(_ next: Word?) {
      let previous = result.last
      let lineMayEnd = next?.mayBeginLine ?? true
      if lineMayEnd, comments, Int.random(in: 0..<6, using: &random) == 0 {
        for _ in 0..<Int.random(in: 1...2, using: &random) {
          result += ["", " ", "\n", "\n\n  ", "\n\n\n", "\r\n"].randomElement(using: &random) ?? ""
          // A sign of division would become part of the comment.
          result += (result.last == "/" ? " " : "") + comment()
        }
      }
      if lineMayEnd, Int.random(in: 0..<4, using: &random) == 0 {
        // Empty lines mean something, so they come with comments only.
        result += (comments ? ["\n", "\n\n", "\n   \n\t\n"] : ["\n", "\r\n"]).randomElement(using: &random) ?? ""
      }
      let isTight = ["(", "[", ","].contains(previous) && Bool.random(using: &random)
      if !isTight { result += [" ", "  ", "\t", "   "].randomElement(using: &random) ?? " " }
    }
    for word in words {
      if !word.isTight { gap(word) }
      result += word.text
    }
    gap(nil)
    return (result, written)
  }

  private mutating func put(_ texts: String..., glued: Bool = false) {
    for text in texts { words.append(Word(text: text, mayBeginLine: !glued && !isInText, isTight: false)) }
  }

  // MARK: Chances

  private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  private static let names = [
    "a", "b", "x", "blocks", "attn", "in_proj", "a_name_that_is_rather_long", "fresh", "model", "old", "all", "w1",
    "with", "from", "adopted", "noise", "auto", "layout",
  ]

  private mutating func name() { put(Self.names.randomElement(using: &random) ?? "a") }

  /// `open ITEM, ITEM, close`
  private mutating func list(
    _ open: String, _ close: String, glued: Bool = false, atLeast least: Int = 0, _ item: (inout RandomProgram) -> Void
  ) {
    put(open, glued: glued)
    let count = max(least, depth < 3 && chance(8) ? number(0...14) : number(0...3))
    for index in 0..<count {
      item(&self)
      if index < count - 1 || chance(4) { put(",") }
    }
    put(close)
  }

  private mutating func block(most: Int = 3, _ entry: (inout RandomProgram) -> Void) {
    put("{")
    for _ in 0..<number(0...most) { entry(&self) }
    put("}")
  }

  // MARK: Declarations

  private mutating func declaration() {
    if chance(5) {
      put("let", "f")
      return letRest()
    }
    switch number(0...4) {
    case 4:
      put("layout")
      name()
      put("of")
      name()
      block(most: 6) { $0.layoutLine() }
    case 0:
      put("preset")
      dotted()
      parameters()
      put("=")
      expression()
    case 1:
      put("graft", "\"g\"")
      parameters()
      block(most: 6) { $0.statement() }
    default:
      put(chance(3) ? "model" : "operator")
      name()
      parameters()
      block(most: 6) { $0.member() }
    }
  }

  private mutating func layoutLine() {
    if chance(4) {
      put("without")
      return tensorName()
    }
    tensorName()
    put("=")
    if chance(2) {
      put("split")
      list("(", ")", glued: true, atLeast: 1) { $0.tensorName() }
    } else {
      tensorName()
    }
  }

  private mutating func tensorName() {
    name()
    while chance(2) {
      put(".")
      if chance(3) {
        list("{", "}", atLeast: 1) { $0.name() }
      } else if chance(3) {
        put("12", ".")
        name()
      } else {
        put(chance(4) ? "in" : "weight")
      }
    }
  }

  private mutating func letRest() {
    if chance(3) { list("(", ")", glued: true) { $0.name() } }
    put("=")
    expression()
  }

  private mutating func dotted() {
    name()
    while chance(3) {
      put(".")
      name()
    }
  }

  private mutating func parameters() {
    guard !chance(3) else { return }
    list("(", ")", glued: true) { program in
      program.name()
      if program.chance(3) { program.name() }
      program.put(":")
      program.type()
      if program.chance(3) {
        program.put("=")
        program.expression()
      }
    }
  }

  private mutating func type() {
    switch number(0...4) {
    case 0:
      put("[")
      put(["Int", "Float", "Text"].randomElement(using: &random) ?? "Int")
      put("]")
    case 1:
      name()
      repeat {
        put("|")
        name()
      } while chance(2)
    case 2:
      patterns()
      put("->")
      patterns()
    default: put(["Int", "Float", "Bool", "Text", "DType"].randomElement(using: &random) ?? "Int")
    }
  }

  private mutating func patterns() {
    if chance(4) { list("(", ")", atLeast: 1) { $0.pattern() } } else { pattern() }
  }

  private mutating func pattern() {
    put("[")
    var needsComma = false
    if chance(4) {
      put("...")
      needsComma = true
    }
    for _ in 0..<number(0...3) {
      if needsComma { put(",") }
      // A name in front would make it the type of a list.
      if !needsComma { put("B") } else { expression() }
      needsComma = true
    }
    put("]")
    if chance(5) { put("of", "i64") }
    if chance(5) {
      put("*")
      path()
    }
  }

  // MARK: Members

  private mutating func member() {
    switch number(0...9) {
    case 0:
      put("let", "v")
      letRest()
    case 1, 2, 3:
      put(["p", "part", "long_part_name", "q1"].randomElement(using: &random) ?? "p", "=")
      expression()
    case 4:
      put(chance(3) ? "table" : "param", "w", ":")
      pattern()
      if chance(2) {
        put("=")
        expression()
      }
      if chance(3) { put("frozen") }
    case 5:
      put("recover", "w", "=")
      expression()
    case 6:
      put("adopt", "old", ":")
      dotted()
      assignments()
    case 7:
      put("cost")
      block {
        $0.put($0.chance(2) ? "operator" : "features", "=")
        $0.expression()
      }
    case 8: conditional { $0.member() }
    default:
      put("forward")
      list("(", ")", glued: true) {
        $0.put("x", ":")
        $0.pattern()
      }
      put("->")
      patterns()
      block { $0.step() }
    }
  }

  private mutating func step() {
    switch number(0...5) {
    case 0:
      put("let", "v")
      letRest()
    case 1:
      put("let")
      list("(", ")") { $0.name() }
      put("=")
      expression()
    case 2:
      put("return")
      expression()
    case 3: conditional { $0.step() }
    default:
      put("y", "=")
      expression()
    }
  }

  private mutating func conditional(_ entry: (inout RandomProgram) -> Void) {
    if chance(3) {
      put("for", "i", "in")
      condition()
      return block(entry)
    }
    put("if")
    condition()
    block(entry)
    if chance(3) {
      put("else", "if")
      condition()
      block(entry)
    }
    if chance(2) {
      put("else")
      block(entry)
    }
  }

  /// An expression in front of braces, which would belong to a `starting` at its end.
  private mutating func condition() {
    guard chance(2) else { return path() }
    put("(")
    expression()
    put(")")
  }

  private mutating func binding() {
    put("i", "in")
    expression()
    if chance(3) {
      put("where")
      expression()
    }
  }

  // MARK: Statements

  private mutating func statement() {
    switch number(0...8) {
    case 0:
      put("base")
      if chance(3) {
        put("auto", "from")
        expression()
      } else {
        path()
        put(["fresh", "noise"].randomElement(using: &random) ?? "noise")
        if chance(2) { seed() }
      }
    case 1:
      put("remove")
      path()
    case 2:
      put("parallelize")
      path()
      put("in")
      switch number(0...2) {
      case 0: put("pairs")
      case 1:
        put("groups", "of")
        expression()
      default: list("[", "]") { $0.list("[", "]") { $0.put("1") } }
      }
      put("with")
      expression()
    case 3:
      put("let", "v")
      letRest()
    case 4:
      put("require")
      expression()
    case 5:
      put("emit")
      text()
      emitRest()
    case 6:
      put("distill")
      path()
      list("(", ")", glued: true) { $0.argument() }
    case 7:
      put("finetune")
      list("(", ")") { $0.argument() }
    default:
      put("replace")
      path()
      put("with")
      expression()
    }
  }

  private mutating func emitRest() {
    if chance(2) {
      put("as", "bf16")
      if chance(2) {
        put(",", "f32", "for")
        path()
      }
    }
    if chance(3) { put("layout", "diffusers") }
    if chance(3) { put("shards", "of", "2GB") }
  }

  private mutating func seed() {
    put("(", glued: true)
    put("seed", ":")
    expression()
    put(")")
  }

  // MARK: Expressions

  private mutating func expression() {
    depth += 1
    defer { depth -= 1 }
    if depth < 6, chance(10) {
      put("if")
      expression()
      put("then")
      expression()
      put("else")
      return expression()
    }
    formula(1)
  }

  /// Operators that bind at least as tightly as `level`.
  private mutating func formula(_ level: Int) {
    depth += 1
    defer { depth -= 1 }
    if depth > 6 || chance(3) { return operand() }
    switch Int.random(in: level...10, using: &random) {
    case 1: chain(2, ["or"])
    case 2: chain(3, ["and"])
    case 3:
      put("not")
      formula(3)
    case 4:
      formula(5)
      let signs = [["=="], ["!="], ["<"], ["<="], [">"], [">="], ["in"], ["not", "in"], ["is"], ["is", "not"]]
      for sign in signs.randomElement(using: &random) ?? [] { put(sign) }
      formula(5)
    case 5:
      formula(6)
      put(chance(2) ? "..<" : "...")
      formula(6)
      if chance(3) {
        put("step", glued: true)
        formula(6)
      }
    case 6: chain(7, ["+", "-"])
    case 7: chain(8, ["*", "/", "%"])
    case 8:
      put("-")
      operand()
    case 9:
      operand()
      put("**")
      operand()
    default: operand()
    }
  }

  private mutating func chain(_ level: Int, _ signs: [String]) {
    formula(level)
    for _ in 0..<number(1...3) {
      let sign = signs.randomElement(using: &random) ?? "+"
      put(sign, glued: sign == "-")
      formula(level)
    }
  }

  private mutating func operand() {
    if depth > 8 { return name() }
    if chance(12) { put("shared") }
    path()
    while chance(10) { start() }
  }

  private mutating func start() {
    put("starting")
    switch number(0...3) {
    case 0: put("adopted")
    case 1:
      put("fresh")
      if chance(2) { seed() }
    case 2:
      put("from")
      path()
    default: return assignments()
    }
    if chance(3) { assignments() }
  }

  private mutating func assignments() {
    block { program in
      program.put(["weight", "x", "a_longer_target"].randomElement(using: &program.random) ?? "x")
      if program.chance(3) { program.put(".", "weight") }
      program.put("=")
      program.expression()
    }
  }

  private mutating func path() {
    primary()
    while chance(depth > 6 ? 6 : 3) {
      switch number(0...3) {
      case 0: list("(", ")", glued: true) { $0.argument() }
      case 1: list("[", "]", glued: true, atLeast: 1) { $0.chance(3) ? $0.binding() : $0.expression() }
      case 2:
        put(".")
        list("{", "}", atLeast: 1) { $0.name() }
      default:
        put(".")
        name()
      }
    }
  }

  private mutating func argument() {
    if chance(2) { put("label", ":") }
    expression()
  }

  private mutating func primary() {
    depth += 1
    defer { depth -= 1 }
    let isDeep = depth > 6
    switch number(0...(isDeep ? 4 : 9)) {
    case 0, 1: name()
    case 2: put(["1", "0.5", "1e-4", "675_371_552", "2GiB", "676M"].randomElement(using: &random) ?? "1")
    case 3: put(chance(2) ? "true" : "false")
    case 4: put(chance(2) ? "\"a.pt\"" : "\"é // \\n \\\"\"")
    case 5: text()
    case 6:
      put("(")
      expression()
      put(")")
    case 7:
      put("(")
      expression()
      put(",")
      if chance(2) { expression() }
      put(")")
    case 8: list("[", "]") { $0.expression() }
    default:
      put("[")
      expression()
      put("for")
      binding()
      put("]")
    }
  }

  private mutating func text() {
    let isOutermost = !isInText
    isInText = true
    words.append(Word(text: "\"a", mayBeginLine: isOutermost, isTight: false))
    for _ in 0..<number(0...2) where depth < 7 {
      words.append(Word(text: "\\(", mayBeginLine: false, isTight: true))
      expression()
      put(")")
    }
    words.append(Word(text: "b\"", mayBeginLine: false, isTight: true))
    if isOutermost { isInText = false }
  }
}

/// Random numbers that are the same in every run. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) {
    state = UInt64(truncatingIfNeeded: seed)
    // Neighbouring seeds would give the same numbers one step apart.
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
