import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// `shared PATH`: one set of weights in several places.
@Suite struct SharedTensorTests {
  private static let one = "replace blocks[all].adaLN_modulation with shared blocks[0].adaLN_modulation\n"

  /// The names that the plan writes below `part` of blocks.
  private func stored(_ compiled: Compiled, _ part: String = "adaLN_modulation.1.weight") throws -> [String] {
    let graft = try #require(compiled.grafts.first)
    return try graft.weightPlan(for: nil).tensors.map(\.name).filter { $0.hasPrefix("blocks") && $0.hasSuffix(part) }
  }

  @Test("Shared weights are stored once under their first name, and counted once")
  func once() throws {
    let compiled = Compiled.small(
      Self.one + """
        require base.parameters - parameters == 3 * (48 * 8 + 48)
        require parameters(blocks[all].adaLN_modulation) == 48 * 8 + 48 and bytes(blocks[0, 1].adaLN_modulation) == 4 * 432
        require parameters(blocks) == parameters(blocks[0]) + 3 * parameters(blocks[1].{attn, mlp})
        """)
    #expect(compiled.diagnostics == [])
    #expect(try stored(compiled) == ["blocks.0.adaLN_modulation.1.weight"])
    let graft = try #require(compiled.grafts.first)
    #expect(graft.grafted.operators.reduce(0) { $0 + $1.parameters } == graft.grafted.parameters)
    #expect(graft.grafted.bytes == 4 * graft.grafted.parameters)
    let program = try graft.program()
    #expect(program.parameters.count == (try graft.weightPlan(for: nil).tensors.count))
    // One condition through one modulation is worked out once.
    let products = program.graphs[0].nodes.filter {
      $0.path.contains("adaLN_modulation.1") && $0.path.hasPrefix("blocks")
    }
    #expect(products.count == 1)
  }

  static let places: [(String, [String])] = [
    // Another operator in one place: the others stay one.
    ("replace blocks[2].adaLN_modulation with [silu(), linear(8, 48)]", ["0", "2"]),
    ("replace blocks[0].adaLN_modulation with [silu(), linear(8, 48)]", ["0", "1"]),
    ("replace blocks[1] with old starting { adaLN_modulation[1].weight = 0 }", ["0", "1"]),
    ("replace blocks[1].adaLN_modulation[1] with linear(8, 48) starting adopted", ["0", "1"]),
    ("replace blocks[1].adaLN_modulation[1] with old starting fresh", ["0", "1"]),
    ("replace blocks[1].adaLN_modulation[1] with old starting from \"x.safetensors\"", ["0", "1"]),
    // Moved, repeated and run side by side, they stay one.
    ("remove blocks[0]", ["0"]),
    ("replace blocks with blocks[1, 3] + blocks[0, 2, 3]", ["0"]),
    ("replace blocks[all] with [old, old]", ["0"]),
    ("replace blocks[2] with [old, old starting { adaLN_modulation[1] = 0 }]", ["0", "3"]),
    ("parallelize blocks in pairs with merge_sum()", ["0.branches.0"]),
    (
      "parallelize blocks in pairs with merge_sum()\nreplace blocks[0].branches[0].adaLN_modulation[1] with linear(8, 48)",
      ["0.branches.0", "0.branches.1"]
    ),
    ("replace blocks[3].adaLN_modulation with shared blocks[1].adaLN_modulation", ["0"]),
  ]

  @Test("What stays one, and what becomes a set of its own", arguments: places)
  func later(_ statement: String, _ expected: [String]) throws {
    let compiled = Compiled.small(Self.one + statement)
    #expect(compiled.diagnostics == [])
    #expect(try stored(compiled) == expected.map { "blocks.\($0).adaLN_modulation.1.weight" })
  }

  static let ways: [(String, [String])] = [
    ("replace blocks[all] with [old, shared old]", ["0", "2", "4", "6"]),
    ("replace blocks[0] with [shared old, shared old, old]", ["0", "3", "4", "5"]),
    (
      "replace blocks[all] with [shared old, old starting { adaLN_modulation[1].weight = 0 }]", (0..<8).map(String.init)
    ),
    ("let m = shared blocks[1].adaLN_modulation\nreplace blocks[2, 3].adaLN_modulation with m", ["0", "1"]),
    ("replace blocks[i in odd].adaLN_modulation with shared blocks[i - 1].adaLN_modulation", ["0", "2"]),
    ("replace blocks[1] with old starting { adaLN_modulation = shared blocks[0].adaLN_modulation }", ["0", "2", "3"]),
    ("replace blocks[1] with old starting { adaLN_modulation = blocks[0].adaLN_modulation }", ["0", "1", "2", "3"]),
    (
      "replace blocks[1].adaLN_modulation[1] with old starting { weight = shared blocks[0].adaLN_modulation[1].weight }",
      ["0", "2", "3"]
    ),
    (
      "replace blocks[1].adaLN_modulation[1] with old starting { weight = 2 * shared blocks[0].adaLN_modulation[1].weight }",
      ["0", "1", "2", "3"]
    ),
    ("replace blocks[3] with shared blocks[1]", ["0", "1", "2"]),
    ("let _ = shared blocks[1]", ["0", "1", "2", "3"]),
  ]

  @Test("What 'shared' makes one", arguments: ways)
  func sharing(_ statement: String, _ expected: [String]) throws {
    let compiled = Compiled.small(statement)
    #expect(compiled.rules == [])
    #expect(try stored(compiled) == expected.map { "blocks.\($0).adaLN_modulation.1.weight" })
  }

  @Test("An operator is given a shared part")
  func argument() throws {
    let compiled = Compiled.small(
      "replace blocks[all].attn.qkv with lora(shared blocks[1].attn.qkv, rank: 2)\nparallelize blocks in pairs with merge_sum()",
      before: OperatorParameterTests.lora)
    #expect(compiled.rules == [])
    #expect(try stored(compiled, "attn.qkv.inner.weight") == ["blocks.0.branches.0.attn.qkv.inner.weight"])
    #expect(try stored(compiled, "attn.qkv.down.weight").count == 4)
    let expected = Compiled.small("").weights["blocks.1.attn.qkv.weight"]
    #expect(compiled.weights["blocks.0.branches.0.attn.qkv.inner.weight"] == expected)
  }

  static let wrong: [(String, String)] = [
    ("replace blocks[1].attn with shared blocks[2, 3].attn", "values.one-part"),
    ("replace blocks[1].attn with shared hyena_x()", "paths.path"),
    ("replace blocks[1].attn with shared blocks[0].attn.qkv", "replace.result"),
    ("replace blocks[1].attn with shared blocks[9].attn", "paths.out-of-range"),
    ("replace blocks[1].attn with shared 3", "paths.path"),
    ("require shared blocks[0].attn == 1", "values.compare"),
    ("replace blocks[0].attn.qkv with [shared old, shared old]", "shapes.mismatch"),
    ("replace blocks[0].attn with mha() starting { qkv = shared old.proj }", "starts.shape"),
  ]

  @Test("'shared' names one part of the model", arguments: wrong)
  func mistakes(_ statement: String, _ rule: String) { #expect(Compiled.small(statement).rules == [rule]) }

  @Test("In a declaration there is nothing to share")
  func declaration() {
    let own = "operator a(width d: Int) { x = linear(d, d)  y = shared x\nforward(x: [B, d]) -> [B, d] { return x } }"
    #expect(Compiled.small("replace blocks[0].attn with a()", before: own).rules == ["values.shared"])
  }

  @Test("A checkpoint tells what is shared, and is read so; what cannot be shared is damage")
  func metadata() throws {
    let module = try #require(
      Compiled.small(
        Self.one + "replace blocks[2] with shared blocks[1]\nparallelize blocks in pairs with merge_linear()"
      )
      .architecture)
    let description = try SelfDescription(module, Evaluator())
    var texts = [
      SelfDescription.declarationsKey: description.declarations,
      SelfDescription.architectureKey: description.architecture,
    ]
    func read() throws -> Module? {
      try onDeepStack { () throws(Diagnostic) in try SelfDescription.module(from: texts, file: "x", Evaluator()) }
    }
    let back = try #require(try read())
    #expect(try lower(back, Evaluator()) == lower(module, Evaluator()))
    #expect(try SelfDescription(back, Evaluator()).architecture == description.architecture)
    // The checkpoint's own tensors are those that are stored.
    #expect(try ListedCheckpoint(module, metadata: texts).recognised().parameterCount == module.parameterCount)

    let whole = description.architecture
    let start = try #require(whole.range(of: ",\"shared\":"))
    for groups in [
      "1", "[1]", "[[1]]", "[[\"blocks.0.branches.0.attn.qkv.weight\", \"nowhere\"]]",
      "[[\"pos_embed\"], [\"pos_embed\"]]", "[[\"pos_embed\", \"pos_embed\"]]",
      "[[\"blocks.0.branches.0.attn.qkv.weight\", \"blocks.0.branches.1.attn.proj.weight\"]]",
    ] {
      texts[SelfDescription.architectureKey] = whole[..<start.lowerBound] + ",\"shared\":\(groups)}"
      #expect(throws: Diagnostic.self) { try read() }
    }
  }
}
