import GraftIR
import Testing

import GraftCompiler

@Suite struct EvaluatorTests {
  /// The value of `text` at compile time, below `declarations`.
  private func value(_ text: String, _ declarations: String = "") throws -> Datum {
    let compiler = Compiler()
    let scope = compiler.library.load(SourceText(file: "a.graft", text: declarations))
    #expect(!compiler.library.diagnostics.hasErrors)
    return try onDeepStack { () throws(Diagnostic) in
      try compiler.evaluate(text, file: "test", scope, Evaluator())
    }
  }

  private func rule(_ text: String, _ declarations: String = "") -> String? {
    do {
      _ = try value(text, declarations)
      return nil
    } catch { return (error as? Diagnostic)?.rule }
  }

  static let values: [(String, String)] = [
    ("1 + 2 * 3", "7"), ("-2 ** 2", "-4"), ("2 ** -2", "0.25"), ("7 % 3", "1"), ("-7 % 3", "2"), ("1 / 3 + 2 / 3", "1"),
    ("64 * round(18 * (2 + 4 * 3 / 27))", "2816"), ("floor(7 / 2)", "3"), ("ceil(7 / 2)", "4"), ("abs(-3)", "3"),
    ("min(3, 1, 2)", "1"), ("max([3, 1, 2])", "3"), ("sum([1, 2, 3])", "6"), ("mean([1, 2])", "1.5"),
    ("count([1, 2, 3])", "3"), ("sqrt(16)", "4"), ("[0..<3, 7]", "[0, 1, 2, 7]"), ("0...6 step 3", "[0, 3, 6]"),
    ("[2 * i for i in 0..<4 where i % 2 == 1]", "[2, 6]"), ("[1] + [2]", "[1, 2]"), ("3 in [1, 2, 3]", "true"),
    ("3 not in [1, 2]", "true"), ("[1, [2]] == [1, [2]]", "true"), ("if 1 < 2 then \"a\" else \"b\"", "a"),
    ("\"\\(1 / 4)-\\([1, 2])\"", "0.25-[1, 2]"), ("true and not false or 1 / 0 == 0", "true"),
    ("false and 1 / 0 == 0", "false"), ("[1, 2, 3][[2, 0]]", "[3, 1]"), ("top(2, [5, 9, 9, 1])", "[1, 2]"),
    ("bottom(2, [5, 9, 9, 1])", "[0, 3]"), ("\"a\" + \"b\" == \"ab\"", "true"), ("bf16", "bf16"),
    ("twice(4)", "8"), ("fib(10)", "55"), ("ten", "10"), ("round(0.5) + round(1.5)", "2"),
  ]

  @Test("Expressions have the values that arithmetic and lists give them", arguments: values)
  func isWorth(_ text: String, _ expected: String) throws {
    let declarations = """
      let twice(x) = 2 * x
      let ten = 10
      let fib(n) = if n < 2 then n else fib(n - 1) + fib(n - 2)
      """
    #expect(try value(text, declarations).interpolated == expected)
  }

  static let mistakes: [(String, String)] = [
    ("1 / 0", "values.division-by-zero"), ("10 ** 30", "values.overflow"), ("9223372036854775808", "values.overflow"),
    ("exp(1000)", "values.not-finite"), ("1 + true", "values.operands"), ("1 == \"a\"", "values.compare"),
    ("-\"a\"", "values.number"), ("if 1 then 2 else 3", "values.truth"), ("3 in 4", "values.list"),
    ("[1, 2][2]", "values.index"), ("[1, 2][0.5]", "values.whole"), ("4[0]", "values.index"),
    ("[1, 2][\"a\"]", "values.index"), ("0..<(1 / 2)", "values.whole"), ("0...4 step 0", "values.range"),
    ("max([])", "values.empty"), ("mean([])", "values.empty"), ("top(3, [1])", "values.count"),
    ("\"\\(linear)\"", "values.text"), ("nothing", "names.unknown"), ("nothing(1)", "names.unknown-operator"),
    ("sum(3)", "values.list"), ("sqrt([1])", "calls.type"), ("floor(1, 2)", "calls.count"),
    ("floor(y: 1)", "calls.label"), ("floor()", "calls.missing"), ("split(1, into: 2, into: 2)", "calls.twice"),
    ("linear(1, inputs: 2)", "calls.twice"), ("linear(1, 2, true, 4)", "calls.count"),
    ("linear(width: 1)", "calls.label"),
    ("linear(1 / 2, 2)", "values.whole"), ("linear(\"a\", 2)", "calls.type"), ("f(1)", "calls.count"),
    ("f(c: 1, 2)", "calls.label"), ("4(1)", "calls.callable"), ("(linear(1, 2))(3)", "calls.callable"),
    ("[1].a", "names.no-member"), ("[1].{a, b}", "names.no-member"), ("shared a", "values.shared"),
    ("4 starting { a = 1 }", "starts.operator"), ("linear(1, 2) starting fresh starting fresh", "starts.twice"),
    ("1 is linear", "values.one-part"), ("1 is nothing", "names.unknown-operator"),
    ("uniform(low: 2, high: 1)", "values.distribution"), ("normal(-1)", "values.distribution"),
    ("normal(1e300)", "values.distribution"), ("reshape(zeros([4]), [1 / 2])", "values.size"),
    ("split(zeros([4]), 3)", "values.split"), ("size(zeros([4]), 1)", "values.axis"), ("concat([])", "values.empty"),
    ("iota(-1)", "values.size"), ("linear(1, 2) * -1", "limits.list"), ("zeros([2]) + true", "values.operands"),
    ("zeros([2]) % 2", "values.operands"), ("B * zeros([2])", "names.unknown"),
    ("tile(zeros([2]), [0])", "values.size"),
  ]

  @Test("A mistake in an expression is told by its rule", arguments: mistakes)
  func isRefused(_ text: String, _ expected: String) {
    #expect(rule(text, "let f(a, b) = a + b") == expected)
  }

  static let bounds: [(String, String, String)] = [
    ("", "0..<10 ** 15", "limits.list"), ("", "[0..<100000 for i in 0..<100000]", "limits.list"),
    ("let a(n) = [n, n]\nlet b(n) = a(a(a(a(a(a(n))))))", "b(b(b(1)))", "limits.list"),
    ("let f(x) = if true then f(x + 1) else 0", "f(0)", "limits.depth"),
    ("let f(x) = g(x)\nlet g(x) = f(x)", "f(0)", "limits.depth"),
    ("let f(n) = if n == 0 then 0 else f(n - 1) + f(n - 1)", "f(100)", "limits.steps"),
    ("let f(n) = if n == 0 then 0 else g(n - 1) + g(n - 1)\nlet g(n) = f(n)", "f(100)", "limits.steps"),
    ("let a = b\nlet b = a", "a", "limits.depth"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, t + t)", "f(40, \"ab\")", "limits.text"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, \"\\(t)\\(t)\")", "f(40, \"ab\")", "limits.text"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, [t])", "f(40, 1)", "limits.list"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, [t, t])", "f(60, 1) == f(60, 1)", "limits.list"),
    ("", "[i for i in 0..<90000 where i in 0..<90000]", "limits.steps"),
    ("", "[i for i in [j for j in 0..<90000 where j in [k for k in 0..<90000]]]", "limits.steps"),
    ("", "zeros([10 ** 7, 10 ** 7])", "limits.elements"), ("", "zeros([2 ** 40, 2 ** 40])", "Constant.count"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, t + t)", "f(40, ones([2]))", "limits.formula"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, t + 1)", "f(400, ones([2]))", "limits.formula"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, concat([t, t]))", "f(60, ones([2]))", "limits.formula"),
    ("let f(n, t) = if n == 0 then t else f(n - 1, tile(t, [10000]))", "f(8, ones([2]))", "limits.elements"),
    ("", "[linear(1, 2) * 10000 for i in 0..<10000]", "limits.steps"),
    (
      "let t(n) = if n == 0 then \"ab\" else t(n - 1) + t(n - 1)", "[t(15) + \"\\(i)\" for i in 0..<99999]",
      "limits.steps"
    ),
    ("", "linear(1, 2) * 10 ** 9", "limits.list"),
    ("", "\"\\([\"\(String(repeating: "a", count: 2000))\" for i in 0..<1000])\"", "values.text"),
  ]

  @Test("What grows or runs without end is refused, soon", arguments: bounds)
  func isBounded(_ declarations: String, _ text: String, _ expected: String) {
    let clock = ContinuousClock()
    var found: String?
    let time = clock.measure { found = rule(text, declarations) }
    #expect(found == expected)
    #expect(time < HostileTextTests.limit)
  }
}
