import Foundation
import GraftIR
import Testing

import GraftCompiler

@Suite struct CompilerTests {
  private func rule(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? Diagnostic)?.rule }
  }

  @Test("A text file is a regular file of at most 16 MiB")
  func files() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(rule { _ = try TextFile.read(folder.path) } == "files.not-a-file")
    #expect(rule { _ = try TextFile.read("/dev/zero") } == "files.not-a-file")
    #expect(
      rule { _ = try TextFile.read(folder.path + "/" + String(repeating: "a", count: 5000)) } == "files.unreadable")
    #expect(try TextFile.read(folder.path + "/nothing") == nil)
    let large = folder.appending(path: "large.graft")
    try Data().write(to: large)
    let handle = try FileHandle(forWritingTo: large)
    try handle.truncate(atOffset: UInt64(TextFile.limit) + 1)
    try handle.close()
    #expect(rule { _ = try TextFile.read(large.path) } == "files.too-large")
  }

  @Test("A model by its call runs with seeded weights where that is said")
  func expressions() throws {
    let call = "dit(size: 4, width: 8, depth: 1, heads: 2)"
    #expect(
      rule { _ = try Compiler().open(.expression(ExpressionAddress(parsing: call)), randomWeights: false) }
        == "usage.random-weights")
    let models = try Compiler().open(.expression(ExpressionAddress(parsing: call)), randomWeights: true)
    #expect(models.first?.program.graphs.map(\.name) == ["forward", "forward_with_cfg"])
    #expect(
      rule { _ = try Compiler().open(.expression(ExpressionAddress(parsing: "f())")), randomWeights: true) }
        == "usage.expression")
    #expect(
      rule { _ = try Compiler().open(.expression(ExpressionAddress(parsing: "nothing()")), randomWeights: true) }
        == "names.unknown-operator")
    #expect(rule { _ = try Compiler().open(.checkpoint("/nowhere.pt"), randomWeights: false) } == "weights.no-file")
  }

  @Test("An operator by its call is one operator, and is given its inputs")
  func operators() {
    func open(_ text: String, _ inputs: [String: Shape] = [:]) -> String? {
      rule {
        _ = try Compiler().openOperator(ExpressionAddress(parsing: text), checkpoint: "/nowhere.pt", inputs: inputs)
      }
    }
    #expect(open("[linear(1, 2)]") == "usage.operator")
    #expect(open("linear(1, 2)") == "run.input-missing")
    #expect(open("linear(1, 2)", ["x": [1]]) == "weights.no-file")
    #expect(open("4") == "names.operator")
  }

  @Test("A model is a checkpoint, a graft of a file, or a call, of a file's operator too")
  func addresses() {
    func call(_ text: String, _ file: String? = nil) -> ModelAddress {
      .expression(ExpressionAddress(parsing: file.map { "\($0):\(text)" } ?? text))
    }
    #expect(ModelAddress("a.pt:ema") == .checkpoint("a.pt:ema"))
    #expect(ModelAddress("dit.xl2(image: 512)") == call("dit.xl2(image: 512)"))
    #expect(ModelAddress("-") == .graft(GraftAddress(file: "-")))
    #expect(ModelAddress("x/a.graft") == .graft(GraftAddress(file: "x/a.graft")))
    #expect(ModelAddress("a.graft:half (2)") == .graft(GraftAddress(file: "a.graft", name: "half (2)")))
    #expect(ModelAddress("a.graft:gated(width: 2)") == call("gated(width: 2)", "a.graft"))
    #expect(ExpressionAddress(parsing: "a.graft:gated(width: 2)").file == "a.graft")
    #expect(ExpressionAddress(parsing: "gated(width: 2)").file == nil)
  }

  @Test("A list that the model does not run cannot be parallelized")
  func notCalled() {
    let compiled = Compiled(
      "parallelize idle in pairs with merge_sum()", model: "a()",
      before: """
        operator a() {
          idle = linear(8, 8) * 2
          forward(x: [B, 4, 8]) -> [B, 4, 8] { return x }
        }
        """)
    #expect(compiled.rules == ["paths.not-called"])
  }

  @Test("A formula over weights does not reach into a forward, and a graph has so many nodes")
  func forwards() {
    func rules(_ body: String) -> [String] {
      Compiled("operator a() { \(body) }\ngraft \"g\" { base a() noise }").rules
    }
    #expect(rules("let w = ones([8])\nforward(x: [B, 8]) -> [B, 8] { return x * w }") == ["calls.forward"])
    let loop = "for i in 0..<1000 { for j in 0..<250 { y = y + 1 } }"
    #expect(rules("forward(x: [B, 8]) -> [B, 8] { let y = x\n\(loop)\nreturn y }") == ["limits.nodes"])
  }
}
