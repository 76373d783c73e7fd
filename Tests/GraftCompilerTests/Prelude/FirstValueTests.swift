import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// Shapes, sizes and first values of the operators of the prelude at the width of DiT-XL/2.
///
/// Expected numbers: the grafting paper's Table 4 and its code for parameters and shapes; mamba_ssm 2.2.4 and PyTorch's
/// layers for first values.
@Suite struct FirstValueTests {
  private func part(_ call: String, of part: String = "attn") throws -> Module {
    let compiled = Compiled(
      "replace blocks[0].\(part) with \(call) starting fresh",
      model: "dit(size: 32, width: 1152, depth: 1, heads: 16)")
    #expect(compiled.rules == [])
    return try #require(compiled.part("blocks.0.\(part)"))
  }

  private func values(_ module: Module, _ name: String) throws -> [Double] {
    var found: WeightExpression?
    module.forEachParameter { if $0 == name { found = $1.weight } }
    return try #require(found).evaluate([]).doubles
  }

  static let counts: [(String, String, Int)] = [
    ("mha()", "attn", 5_313_024), ("swa(window: [4, 4])", "attn", 5_313_024), ("hyena_se()", "attn", 5_336_064),
    ("hyena_x()", "attn", 5_330_304), ("hyena_y()", "attn", 5_318_784), ("mamba2()", "attn", 8_290_864),
    ("mlp(ratio: 3)", "mlp", 7_967_232), ("mlp()", "mlp", 10_622_592), ("mlp(ratio: 6)", "mlp", 15_933_312),
    ("mlp_hyena_x()", "mlp", 10_626_176),
  ]

  @Test("An operator has the published number of parameters", arguments: counts)
  func parameters(_ call: String, _ part: String, _ count: Int) throws {
    #expect(try self.part(call, of: part).parameterCount == count)
  }

  static let shapes: [(String, String, [String])] = [
    (
      "hyena_se()", "attn",
      [
        "out_proj.weight [1152, 1152]", "out_proj.bias [1152]", "in_proj.weight [3456, 1152]", "in_proj.bias [3456]",
        "short_filter.weight [3456, 1, 4]", "short_filter.bias [3456]", "inner_filter.weight [1152, 1, 4]",
        "inner_filter.bias [1152]",
      ]
    ),
    (
      "mamba2()", "attn",
      [
        "dt_bias [144]", "A_log [144]", "D [144]", "in_proj.weight [4880, 1152]", "conv1d.weight [2432, 1, 4]",
        "conv1d.bias [2432]", "norm.weight [2304]", "out_proj.weight [1152, 2304]",
      ]
    ),
    (
      "mlp_hyena_x()", "mlp",
      [
        "in_proj.weight [6912, 1152]", "in_proj.bias [6912]", "out_proj.weight [1152, 2304]", "out_proj.bias [1152]",
        "short_filter.weight [256, 1, 4]", "short_filter.bias [256]",
      ]
    ),
    (
      "mha_kv(qk_norm: true)", "attn",
      [
        "qkv.weight [3456, 1152]", "qkv.bias [3456]", "proj.weight [1152, 1152]", "proj.bias [1152]",
        "sr.weight [1152, 1, 2, 2]", "sr.bias [1152]", "norm.weight [1152]", "norm.bias [1152]", "q_norm.weight [1152]",
        "q_norm.bias [1152]", "k_norm.weight [1152]", "k_norm.bias [1152]",
      ]
    ),
  ]

  @Test("Tensors have the published names, shapes and order", arguments: shapes)
  func tensors(_ call: String, _ part: String, _ expected: [String]) throws {
    var found: [String] = []
    try self.part(call, of: part).forEachParameter { found.append("\($0) \($1.shape)") }
    #expect(found == expected)
  }

  @Test("Steps, rates and skips of Mamba-2 start as published")
  func mamba2() throws {
    let module = try part("mamba2()")
    let steps = try values(module, "dt_bias").map { log1p(exp($0)) }  // What softplus makes of them.
    // A relative 1e-5: the bias is rounded to f32 where it is about -7 and its exponential is what counts.
    #expect(steps.allSatisfy { $0 >= 0.001 * (1 - 1e-5) && $0 <= 0.1 * (1 + 1e-5) })
    let logarithms = steps.map { log($0) }
    // Uniform over a range of ln 100: of 144 draws each third of it gets some, and the mean is its middle.
    for third in 0..<3 {
      let range = log(0.001) + Double(third) * log(100) / 3..<log(0.001) + Double(third + 1) * log(100) / 3
      #expect(logarithms.count { range.contains($0) } > 25)
    }
    let rates = try values(module, "A_log")
    #expect(rates.allSatisfy { $0 >= 0 && $0 <= log(16) })
    #expect(rates.map { exp($0) }.count { $0 < 4 } < 60)  // A fifth of [1, 16]; were A_log itself uniform, a half.
    #expect(Set(rates).count > 140 && Set(steps).count > 140)
    #expect(try values(module, "D").allSatisfy { $0 == 1 })
    #expect(try values(module, "norm.weight").allSatisfy { $0 == 1 })
    let taps = try values(module, "conv1d.weight")
    #expect(taps.allSatisfy { abs($0) <= 0.5 } && taps.contains { abs($0) > 0.49 })
    let projection = try values(module, "out_proj.weight")
    #expect(projection.allSatisfy { abs($0) <= 1 / 2304.0.squareRoot() } && projection.contains { abs($0) > 0.0208 })
  }

  @Test("An inner filter starts as the identity, a coarse grid as the mean")
  func identities() throws {
    for call in ["hyena_se(inner_kernel: 3)", "hyena_y(kernel: 3)"] {
      let module = try part(call)
      #expect(try values(module, "inner_filter.weight") == (0..<1152).flatMap { _ in [0.0, 0, 1] })
      #expect(try values(module, "inner_filter.bias").allSatisfy { $0 == 0 })
    }
    let taps = try values(try part("hyena_x()"), "short_filter.weight")
    #expect(taps.allSatisfy { abs($0) <= 0.5 } && taps.contains { abs($0) > 0.49 })
    #expect(try values(try part("mha_kv()"), "sr.weight").allSatisfy { $0 == 0.25 })
  }

  @Test("Each tensor draws from its own stream, by the seed, in formulas too")
  func streams() throws {
    func weights(_ statement: String) throws -> [String: WeightExpression] {
      let compiled = Compiled.small(statement)
      #expect(compiled.rules == [])
      return compiled.weights
    }
    let one = try weights("replace blocks[1].attn with mamba2_bi(head_width: 4)")
    let all = try weights("replace blocks[all].attn with mamba2_bi(head_width: 4)")
    let other = try weights("replace blocks[1].attn with mamba2_bi(head_width: 4) starting fresh(seed: 5)")
    for name in ["dt_bias", "A_log", "dt_bias_back", "A_log_back"] {
      let values = try #require(one["blocks.1.attn.\(name)"]).evaluate([]).doubles
      #expect(one["blocks.1.attn.\(name)"] == all["blocks.1.attn.\(name)"])
      #expect(try all["blocks.2.attn.\(name)"]?.evaluate([]).doubles != values)
      #expect(try other["blocks.1.attn.\(name)"]?.evaluate([]).doubles != values)
    }
    #expect(
      try one["blocks.1.attn.A_log"]?.evaluate([]).doubles != one["blocks.1.attn.A_log_back"]?.evaluate([]).doubles)
  }

  @Test("Several draws of one formula are different, the same one used twice is the same")
  func severalDraws() throws {
    let text = """
      operator noisy(width d: Int) {
        let u = uniform(shape: [d])
        param same: [d] = u - u
        param other: [d] = uniform(shape: [d]) - uniform(shape: [d])
        forward(x: [B, N, d]) -> [B, N, d] { return x + same + other }
      }
      """
    let compiled = Compiled.small("replace blocks[1].attn with noisy()", before: text)
    #expect(compiled.rules == [])
    let weights = compiled.weights
    #expect(try weights["blocks.1.attn.same"]?.evaluate([]).doubles.allSatisfy { $0 == 0 } == true)
    #expect(try weights["blocks.1.attn.other"]?.evaluate([]).doubles.allSatisfy { $0 != 0 } == true)
    var streams: [String] = []
    if case .apply(_, _, let terms, _)? = weights["blocks.1.attn.other"] {
      streams = terms.compactMap { if case .draw(let draw, _) = $0 { draw.stream } else { nil } }
    }
    #expect(streams == ["blocks.1.attn.other", "blocks.1.attn.other#2"])
  }

  @Test("A draw of a size that cannot be is refused")
  func drawSizes() {
    for (shape, rule) in [("[-1]", "values.size"), ("[2 ** 40, 2]", "limits.elements"), ("[0.5]", "values.whole")] {
      let compiled = Compiled.small(
        "replace blocks[1].attn with mha() starting { qkv.bias = uniform(shape: \(shape)) }")
      #expect(compiled.rules == [rule])
    }
  }
}
