import GraftIR
import Testing

import GraftCompiler

@Suite struct ModelSummaryTests {
  // Parameters: Peebles and Xie 2023, table 1 (33M, 130M, 458M, 675M), and the published checkpoints to the number.
  static let models: [(String, Int, Int?)] = [
    ("dit.xl2(image: 256)", 675_129_632, 118_621_421_568), ("dit.xl2(image: 512)", 676_014_368, 524_538_298_368),
    ("dit.l2()", 458_102_816, nil), ("dit.b2()", 130_512_416, nil), ("dit.s2()", 32_963_360, nil),
    ("dit.d14()", 340_457_504, nil), ("dit.xl4()", 675_074_432, nil), ("dit.xl8()", 675_683_072, nil),
  ]

  @Test("Published models have their published numbers, in total and as sums of the rows", arguments: models)
  func isPublished(_ model: String, _ parameters: Int, _ macs: Int?) throws {
    let summary = try #require(Compiled("", model: model).grafts.first?.grafted)
    #expect(summary.parameters == parameters)
    if let macs { #expect(summary.macs == macs) }
    #expect(summary.bytes == 4 * parameters)
    #expect(summary.operators.reduce(0) { $0 + $1.parameters } == summary.parameters)
    #expect(summary.operators.reduce(0) { $0 + $1.macs } == summary.macs)
  }

  @Test("DiT-XL/2 in pairs with a linear merge costs what the grafting paper says")
  func pairs() throws {
    let compiled = Compiled(
      "parallelize blocks in pairs with merge_linear()\nrequire depth == 14", model: "dit.xl2()")
    let graft = try #require(compiled.grafts.first)
    #expect(graft.grafted.parameters == 712_304_672)
    #expect(graft.grafted.macs == 128_134_103_040)
    #expect(graft.base.macs == 118_621_421_568)
    #expect(graft.grafted.depth == 14)
    #expect(graft.grafted.operators.reduce(0) { $0 + $1.parameters } == 712_304_672)
    #expect(graft.grafted.operators.reduce(0) { $0 + $1.macs } == 128_134_103_040)
  }

  static let operators: [(String, Int)] = [
    ("mha(1152, 16)", 5_313_024), ("hyena_x(1152)", 5_330_304), ("mlp(1152, 3)", 7_967_232),
    ("mlp(1152, 6)", 15_933_312), ("linear(1152, 3456)", 3_984_768),
  ]

  @Test("Operators at width 1152 have the parameters that their layers add up to", arguments: operators)
  func addsUp(_ call: String, _ parameters: Int) throws {
    let evaluator = Evaluator()
    let datum = try Compiler().evaluate(call, file: "test", Library.prelude, evaluator)
    let operation = try evaluator.operation(datum, at: Location("test"))
    #expect(try evaluator.instantiate(operation).parameterCount == parameters)
  }

  @Test("Figures of parts, of the base, and conditions over them")
  func figures() {
    let compiled = Compiled(
      """
      require parameters(blocks[0].attn) == 5_313_024 and bytes(blocks[0].attn) == 4 * 5_313_024
      require macs(blocks[0].attn) == 256 * 4 * 1152 ** 2 + 2 * 256 ** 2 * 1152
      require macs(model) == macs and parameters(model) == parameters and parameters(pos_embed) == 256 * 1152
      remove blocks[last(14)]
      require depth == 14 and base.depth == 28 and parameters == 340_457_504 and base.bytes == 4 * base.parameters
      """, model: "dit.xl2()")
    #expect(compiled.rules == [])
  }

  @Test("A condition on bytes counts what the plan prints, wherever it stands")
  func requiredBytes() throws {
    let types: [(String, Int, Int)] = [
      ("emit \"a.safetensors\" as bf16", 2, 0), ("emit \"a.safetensors\" as f64", 8, 0), ("", 4, 0),
      ("emit \"a.safetensors\" as bf16, f32 for blocks[_chosen].attn\nemit \"b.safetensors\"", 2, 2),
    ]
    for (emit, width, more) in types {
      let plan = try #require(Compiled.small("let _chosen = [1]\n" + emit).grafts.first?.grafted)
      let attention = 4 * 8 * 8 + 4 * 8  // qkv and proj of width 8, with their biases.
      #expect(plan.bytes == width * plan.parameters + more * attention)
      let part = "bytes(blocks[i in [1]].attn) == \(width + more) * \(attention) and bytes(pos_embed) == \(width * 32)"
      let condition = "require bytes == \(plan.bytes) and base.bytes == 4 * base.parameters and \(part)"
      #expect(Compiled.small("let _chosen = [1]\n\(condition)\n\(emit)").rules == [])
      #expect(Compiled.small("let _chosen = [1]\n\(emit)\n\(condition)").rules == [])
    }
    let unknown = Compiled.small("require bytes > 0\nemit \"a.safetensors\" as bf16, f32 for nothing")
    #expect(unknown.rules == ["names.unknown"] && unknown.places == ["nothing"])
  }

  @Test("Emitted types decide the bytes")
  func bytes() throws {
    let compiled = Compiled.small("emit \"a.safetensors\" as bf16, f32 for pos_embed")
    let summary = try #require(compiled.grafts.first?.grafted)
    #expect(summary.bytes == 2 * summary.parameters + 2 * 4 * 8)  // 4 tokens of 8 numbers, twice as wide.
  }
}
