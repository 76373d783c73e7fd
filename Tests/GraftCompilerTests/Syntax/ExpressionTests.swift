import GraftIR
import Testing

import GraftCompiler

/// The value of `let v = VALUE`, which must parse without a word.
func expression(_ text: String) throws -> Expression {
  var diagnostics = Diagnostics()
  let tree = parse(SourceText(file: "v.graft", text: "let v = \(text)"), into: &diagnostics)
  #expect(diagnostics.items.isEmpty, "\(text): \(diagnostics.items)")
  #expect(tree.declarations.count == 1, "\(text)")
  guard case .let(let declaration) = try #require(tree.declarations.first) else {
    throw Diagnostic("test.let", "no let")
  }
  return declaration.value
}

/// A spelling of the tree with every operation in parentheses.
func structure(_ expression: Expression) -> String {
  func binding(_ binding: Expression.Binding) -> String {
    "\(binding.name.text) in \(structure(binding.list))"
      + (binding.condition.map { " where \(structure($0))" } ?? "")
  }
  switch expression.kind {
  case .number(let text), .name(let text): return text
  case .bool(let value): return "\(value)"
  case .text(let parts):
    return "'"
      + parts.map { part in
        switch part {
        case .literal(let text): text
        case .value(let value): "{\(structure(value))}"
        }
      }.joined() + "'"
  case .list(let items): return "[\(items.map(structure).joined(separator: ", "))]"
  case .tuple(let items): return "<\(items.map(structure).joined(separator: ", "))>"
  case .comprehension(let value, let of): return "[\(structure(value)) for \(binding(of))]"
  case .range(let lower, let upper, let isClosed, let step):
    return "(\(structure(lower)) \(isClosed ? "..." : "..<") \(structure(upper))"
      + (step.map { " step \(structure($0))" } ?? "") + ")"
  case .call(let callee, let arguments):
    let list = arguments.map { ($0.label.map { $0.text + ": " } ?? "") + structure($0.value) }
    return "\(structure(callee))(\(list.joined(separator: ", ")))"
  case .member(let whole, let name): return "\(structure(whole)).\(name.text)"
  case .members(let whole, let names): return "\(structure(whole)).{\(names.map(\.text).joined(separator: ", "))}"
  case .index(let whole, let items):
    let list = items.map { item in
      switch item {
      case .value(let value): structure(value)
      case .binding(let of): binding(of)
      }
    }
    return "\(structure(whole))[\(list.joined(separator: ", "))]"
  case .unary(let operation, let operand): return "(\(operation.rawValue) \(structure(operand)))"
  case .binary(let operation, let left, let right, _):
    return "(\(structure(left)) \(operation.rawValue) \(structure(right)))"
  case .conditional(let condition, let yes, let no):
    return "(if \(structure(condition)) then \(structure(yes)) else \(structure(no)))"
  case .shared(let path): return "(shared \(structure(path)))"
  case .starting(let value, let start):
    var text = "(\(structure(value)) starting"
    switch start.base {
    case .fresh(let seed): text += " fresh" + (seed.map { " \(structure($0))" } ?? "")
    case .adopted: text += " adopted"
    case .from(let file): text += " from \(structure(file))"
    case nil: break
    }
    for assignment in start.assignments {
      text += " {\(structure(assignment.target)) = \(structure(assignment.value))}"
    }
    return text + ")"
  }
}

@Suite struct ExpressionTests {
  static let cases: [(String, String)] = [
    // Precedence, from the grammar of specs/language.md.
    ("a + b * c", "(a + (b * c))"),
    ("a - b - c", "((a - b) - c)"),
    ("a / b % c", "((a / b) % c)"),
    ("2 ** 3 ** 4", "(2 ** (3 ** 4))"),
    ("-2 ** 2", "(- (2 ** 2))"),
    ("2 ** -1", "(2 ** (- 1))"),
    ("n ** -0.5 * 2", "((n ** (- 0.5)) * 2)"),
    ("a * -b", "(a * (- b))"),
    ("--a", "(- (- a))"),
    ("a or b and not c == d", "(a or (b and (not (c == d))))"),
    ("not not a", "(not (not a))"),
    ("a in odd and b not in even", "((a in odd) and (b not in even))"),
    ("x is mlp or x is not mha", "((x is mlp) or (x is not mha))"),
    ("i + 1 < n", "((i + 1) < n)"),
    ("0..<n + 1", "(0 ..< (n + 1))"),
    ("i in 0...n step 2", "(i in (0 ... n step 2))"),
    ("8...18 step 2", "(8 ... 18 step 2)"),
    ("if a then b else if c then d else e + 1", "(if a then b else (if c then d else (e + 1)))"),
    ("(a + b) * c", "((a + b) * c)"),
    ("(a, b)", "<a, b>"),
    // Numbers are kept as written.
    ("[4, 0.5, 1e-4, 675_371_552, 676M, 2GB, 2GiB, 1.5K]", "[4, 0.5, 1e-4, 675_371_552, 676M, 2GB, 2GiB, 1.5K]"),
    ("0..<14", "(0 ..< 14)"),
    // Paths.
    ("blocks[3].attn.qkv", "blocks[3].attn.qkv"),
    ("blocks[3].{attn, mlp}.weight", "blocks[3].{attn, mlp}.weight"),
    ("blocks[8...18 step 2, 20...27].attn", "blocks[(8 ... 18 step 2), (20 ... 27)].attn"),
    ("blocks[i in all where i % 4 != 3].attn", "blocks[i in all where ((i % 4) != 3)].attn"),
    ("blocks[i in odd, 4]", "blocks[i in odd, 4]"),
    ("read(\"x.json\")[band].k32", "read('x.json')[band].k32"),
    ("f(a, b: c,)", "f(a, b: c)"),
    ("f()(x)[0]", "f()(x)[0]"),
    // Lists.
    ("[]", "[]"),
    ("[2 * i for i in 0..<14]", "[(2 * i) for i in (0 ..< 14)]"),
    ("[i for i in l where i > 2]", "[i for i in l where (i > 2)]"),
    ("[0, 1,]", "[0, 1]"),
    // Texts.
    (#""a\(x)b""#, "'a{x}b'"),
    (#""\(f("(", g(1)))-\(i)""#, "'{f('(', g(1))}-{i}'"),
    (#""\\ \" \n\t\\(x)""#, "'\\ \" \n\t\\(x)'"),
    (#""""#, "''"),
    (#""// no comment""#, "'// no comment'"),
    // Starts.
    ("f(x) starting fresh", "(f(x) starting fresh)"),
    ("f(x) starting fresh(seed: 3)", "(f(x) starting fresh 3)"),
    ("f(x) starting adopted { a.b = 0 c = old.c }", "(f(x) starting adopted {a.b = 0} {c = old.c})"),
    (#"f(x) starting from "s_\(i).pt""#, "(f(x) starting from 's_{i}.pt')"),
    ("f(x) starting { weight = 0  bias = 1 }", "(f(x) starting {weight = 0} {bias = 1})"),
    ("[old, old starting { m[1] = 0 }]", "[old, (old starting {m[1] = 0})]"),
    ("g(modulation: shared blocks[0].m)", "g(modulation: (shared blocks[0].m))"),
    ("block(d) * depth", "(block(d) * depth)"),
    // Words that mean something elsewhere are names here.
    ("pairs + groups(of) * auto - fresh / noise", "((pairs + (groups(of) * auto)) - (fresh / noise))"),
    ("f(step: 1, where: from, with: as, layout: model)", "f(step: 1, where: from, with: as, layout: model)"),
    ("all", "all"),
    // New lines.
    ("a\n  + b\n  and c", "((a + b) and c)"),
    ("f(\n  a,\n  b\n)", "f(a, b)"),
  ]

  @Test("Operators, paths, lists, texts and starts have the structure of the grammar", arguments: cases)
  func structure(_ text: String, _ expected: String) throws {
    #expect(GraftCompilerTests.structure(try expression(text)) == expected)
  }

  @Test("The canonical spelling parses to the same expression", arguments: cases)
  func printing(_ source: String, _: String) throws {
    let value = try expression(source)
    let spelling = text(of: value)
    #expect(!spelling.contains("\n"))
    let again = try expression(spelling)
    #expect(GraftCompilerTests.structure(again) == GraftCompilerTests.structure(value))
    #expect(text(of: again) == spelling)
  }

  @Test("Places are the bytes of what was written, parentheses included")
  func places() throws {
    let value = try expression("f(1) * (a + b)")
    #expect(value.at.range == 8..<22)
    guard case .binary(.multiply, let left, let right, let sign) = value.kind else { throw Diagnostic("test.kind", "") }
    #expect(left.at.range == 8..<12)
    #expect(sign.range == 13..<14)
    #expect(right.at.range == 15..<22)
  }

  @Test("Depth is one more than the deepest operand")
  func depth() throws {
    #expect(try expression("a").depth == 1)
    #expect(try expression("a + b * c").depth == 3)
    #expect(try expression("f(a + b)[i in all where i > 1]").depth == 4)
    #expect(try expression(#""\(a + b)""#).depth == 3)
    #expect(try expression("f starting { a = 1 + 2 }").depth == 3)
  }

  static let wrong: [(String, String, Range<Int>)] = [
    ("a < b < c", "syntax.chain", 14..<15),
    ("0..<4..<5", "syntax.chain", 13..<16),
    ("1 + not a", "syntax.expected", 12..<15),
    ("4x", "syntax.number", 8..<10),
    ("2Gb", "syntax.number", 8..<11),
    ("1_", "syntax.number", 8..<10),
    ("a ? b", "syntax.character", 10..<11),
    ("$é", "syntax.character", 8..<11),
    ("\"abc", "syntax.text", 8..<9),
    ("\"a\\(b\nc)\"", "syntax.text", 8..<9),
    ("\"\\q\"", "syntax.escape", 9..<10),
    ("\"\\(a b)\"", "syntax.expected", 13..<14),
    ("\"\u{0}\"", "syntax.character", 9..<10),
    ("f(a", "syntax.expected", 11..<11),
    ("for", "syntax.expected", 8..<11),
    ("a.if", "syntax.reserved-word", 10..<12),
    ("a[]", "syntax.expected", 10..<11),
    ("a.{}", "syntax.expected", 11..<12),
    ("f starting adoptd", "syntax.expected", 19..<25),
    ("if a then b", "syntax.expected", 19..<19),
  ]

  @Test("What is wrong is reported once, at its place", arguments: wrong)
  func errors(_ text: String, _ rule: String, _ range: Range<Int>) {
    var diagnostics = Diagnostics()
    _ = parse(SourceText(file: "v.graft", text: "let v = \(text)"), into: &diagnostics)
    #expect(diagnostics.items.map(\.rule) == [rule], "\(diagnostics.items)")
    #expect(diagnostics.items.first?.location?.range == range)
  }
}
