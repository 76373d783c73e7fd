import GraftIR
import Testing

import GraftCompiler

/// `specs/functions.md` tells of every function, and what it says of each holds.
@Suite struct FunctionsPageTests {
  /// A row of the page's tables, with the title above it.
  struct Row: Sendable, CustomTestStringConvertible {
    let title: String
    /// `softmax(x, axis?)`
    let signature: String
    let example: String
    let result: String

    var testDescription: String { example }
  }

  private static let rows: [Row] = {
    var title = ""
    var rows: [Row] = []
    for line in (try? Project.text("specs/functions.md"))?.split(separator: "\n") ?? [] {
      if line.hasPrefix("## ") { title = String(line.dropFirst(3)) }
      guard line.hasPrefix("| `") else { continue }
      let cells = line.split(separator: "|").map { $0.trimming { $0 == " " }.trimming { $0 == "`" } }
      rows.append(Row(title: title, signature: cells[0], example: cells[2], result: cells[3]))
    }
    return rows
  }()

  @Test("Every function has its row, with its arguments")
  func complete() {
    #expect(Self.rows.map(\.signature).sorted() == Compiler.functionSignatures.sorted())
  }

  @Test("Each example gives what the page says", arguments: rows)
  func example(_ row: Row) {
    let text =
      switch row.title {
      case "Tensors":
        """
        operator example() {
            param weight: [8, 8] = 0
            param bias: [8] = 0
            param taps: [8, 1, 4] = 0
            param kernel: [8, 8, 3, 3] = 0
            param rows: [10, 8] = 0
            param a: [2] = 0
            forward(
                x: [B, 16, 8], picture: [B, 8, 4, 4], ids: [B] of i64, dt: [B, 16, 2], s: [B, 16, 3]
            ) -> \(row.result) {
                let _ = [weight, bias, taps, kernel, rows, a]
                return \(row.example)
            }
        }
        graft "g" { base example fresh }
        """
      case "First values":
        """
        operator example() {
            param p: \(row.result) = \(row.example)
            forward(x: [B, 4]) -> [B, 8] { return linear(x, p) }
        }
        graft "g" { base example fresh }
        """
      default:
        """
        operator example() { forward(x: [B, 4]) -> [B, 4] { return x } }
        graft "g" {
            base example fresh
            require (\(row.example)) == \(row.result)
        }
        """
      }
    let compiled = Compiled(text, files: ["scores.json": #"{"k32": [3, 1, 2]}"#], options: .asWritten)
    #expect(compiled.diagnostics == [])
    #expect(compiled.grafts.count == 1)
  }

  @Test(
    "What other frameworks call a function is known",
    arguments: [("where", "select"), ("permute", "transpose"), ("reduce_mean", "mean"), ("cat", "concat")])
  func otherName(_ word: String, _ function: String) {
    let compiled = Compiled(
      """
      operator example() { forward(x: [B, 4]) -> [B, 4] { return \(word)(x) } }
      graft "g" { base example fresh }
      """, options: .asWritten)
    #expect(compiled.rules == ["names.unknown-operator"])
    #expect(compiled.diagnostics.first?.label == "did you mean '\(function)'?")
  }

  @Test("What does not spread comes with the shape in which it would")
  func spreading() {
    let compiled = Compiled(
      """
      operator example() {
          forward(x: [B, 16, 8], g: [B, 8]) -> [B, 16, 8] { return x * silu(g) }
      }
      graft "g" { base example fresh }
      """, options: .asWritten)
    #expect(compiled.diagnostics.map(\.message) == ["[B, 8] does not spread over [B, 16, 8]"])
    #expect(compiled.diagnostics.first?.help == "reshape(silu(g), [B, 1, 8])")
    #expect(compiled.places == ["silu(g)"])
  }
}

extension Substring {
  fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
    var text = self[...]
    while let first = text.first, isTrimmed(first) { text.removeFirst() }
    while let last = text.last, isTrimmed(last) { text.removeLast() }
    return String(text)
  }
}

extension String {
  fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String { self[...].trimming(isTrimmed) }
}
