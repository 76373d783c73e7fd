import Foundation
import GraftFormats
import GraftIR
import Testing

/// Grafts that say the same function in another way, run from the checkpoints that they write.
@Suite struct SameFunctionTests {
  private let folder: TemporaryFolder
  private let input: String

  static let lora = """
    operator lora(inner: [..., n] -> [..., m], rank: Int = 64, alpha: Float = rank) {
        down = linear(n, rank, bias: false)
        up   = linear(rank, m, bias: false) starting { weight = 0 }
        forward(x: [..., n]) -> [..., m] { return inner(x) + alpha / rank * up(down(x)) }
    }

    """

  init() throws {
    folder = try TemporaryFolder()
    input = try Small.inputs(folder)
  }

  /// Writes a graft of the small model with seeded weights, compiles it, and gives what its checkpoint answers.
  private func answer(
    _ statements: String, as name: String, base: String = "\(Small.model) noise(seed: 7)"
  ) throws -> [Float] {
    let text = Self.lora + "graft \"g\" {\n base \(base)\n\(statements)\n emit \"\(name).safetensors\"\n}\n"
    try folder.write(text, as: "\(name).graft")
    try Graftc.succeed(["compile", folder("\(name).graft"), "-o", folder("\(name).safetensors")])
    try Graftc.succeed([
      "run", folder("\(name).safetensors"), "--input", input, "--output", folder("\(name)-out.safetensors"),
    ])
    return try #require(try Golden.tensors(folder("\(name)-out.safetensors"))["out"]).floats
  }

  private func tensors(_ name: String) throws -> [String] {
    try Golden.tensors(folder("\(name).safetensors")).keys.sorted()
  }

  @Test("An adapter whose last layer is zero changes nothing, and folds into the weights that it adapts")
  func adapters() throws {
    let plain = try answer("", as: "plain")
    #expect(plain.contains { $0 != 0 })
    let wrap = "replace blocks[all].attn.{qkv, proj} with lora(old, rank: 3)"
    #expect(try answer(wrap, as: "lora") == plain)

    let trained = wrap + " starting { up.weight = 0.01 }"
    let adapted = try answer(trained, as: "trained")
    #expect(adapted != plain)
    // The checkpoint that graft wrote opens again, `inner` and all.
    let folded = try answer(
      """
      replace blocks[all].attn.{qkv, proj} with old.inner starting {
          weight = old.inner.weight + matmul(old.up.weight, old.down.weight)
      }
      """, as: "folded", base: "auto from \"trained.safetensors\"")
    #expect(try tensors("folded") == (try tensors("plain")))
    // Sums of 16 products in another order, through four blocks; answers are near one.
    let largest = adapted.map(abs).max() ?? 0
    #expect(zip(folded, adapted).allSatisfy { abs($0 - $1) <= 2e-5 * largest })
  }

  @Test("Weights that are shared answer as copies of them do, from a smaller file")
  func shared() throws {
    let copied = try answer(
      "replace blocks[all].adaLN_modulation with blocks[0].adaLN_modulation\nparallelize blocks in pairs with merge_sum()",
      as: "copied")
    let shared = try answer(
      "replace blocks[all].adaLN_modulation with shared blocks[0].adaLN_modulation\nparallelize blocks in pairs with merge_sum()",
      as: "shared")
    #expect(shared == copied)
    #expect(try tensors("shared").count == (try tensors("copied").count) - 6)
    // Opened once more, one place gets weights of its own.
    let apart = try answer(
      "replace blocks[1].branches[0].adaLN_modulation[1] with linear(16, 96) starting adopted", as: "apart",
      base: "auto from \"shared.safetensors\"")
    #expect(apart == copied)
    #expect(try tensors("apart").count == (try tensors("shared").count) + 2)
  }

  @Test("A block that runs twice on one set of weights answers as two copies of it do")
  func tied() throws {
    let copied = try answer("replace blocks[all] with [old, old]", as: "copied")
    #expect(try answer("replace blocks[all] with [old, shared old]", as: "tied") == copied)
    #expect(try tensors("copied").count > (try tensors("tied").count) * 3 / 2)
  }

  /// adaLN-single: one modulation for all blocks, and a table for each that makes up for it at one condition.
  private static let single = """
    operator single_block(width d: Int, heads: Int, modulation: [B, d] -> [B, 6 * d]) {
        attn = mha(d, heads)
        mlp  = mlp(d)
        param scale_shift_table: [6, d] = normal(std: d ** -0.5)

        forward(x: [B, N, d], c: [B, d]) -> [B, N, d] {
            let (shift1, scale1, gate1, shift2, scale2, gate2) =
                split(reshape(modulation(c), [B, 6, d]) + scale_shift_table, 6, axis: 1)
            let y = x + gate1 * attn(layer_norm(x) * (1 + scale1) + shift1)
            return y + gate2 * mlp(layer_norm(y) * (1 + scale2) + shift2)
        }
    }

    """

  @Test("Tables computed from calls of parts make the function the same at the condition that was called")
  func computed() throws {
    let text =
      Self.single + """
        graft "g" {
            base \(Small.model) noise(seed: 7)
            let c = t_embedder([500]) + y_embedder([3])
            replace blocks[all] with single_block(modulation: shared blocks[0].adaLN_modulation) starting {
                attn = old.attn
                mlp  = old.mlp
                scale_shift_table = reshape(old.adaLN_modulation(c) - blocks[0].adaLN_modulation(c), [6, 16])
            }
            emit "single.safetensors"
        }
        """
    try folder.write(text, as: "single.graft")
    try Graftc.succeed(["compile", folder("single.graft"), "-o", folder("single.safetensors")])
    _ = try answer("", as: "plain")
    func outputs(_ times: [Float], _ classes: [Int]) throws -> [[Float]] {
      var tensors = try Golden.tensors(input)
      tensors["t"] = Tensor(times, [2])
      tensors["y"] = Tensor(.i64, [2], integers: classes)
      let other = folder("in-\(times[0]).safetensors")
      try TransferEngine.write(tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }, to: other)
      return try ["plain", "single"].map { name in
        let output = folder("\(name)-\(times[0]).safetensors")
        try Graftc.succeed(["run", folder("\(name).safetensors"), "--input", other, "--output", output])
        return try #require(try Golden.tensors(output)["out"]).floats
      }
    }
    // Sums of 16 products in another order, through four blocks.
    let at = try outputs([500, 500], [3, 3])
    let largest = at[0].map(abs).max() ?? 0
    #expect(zip(at[0], at[1]).allSatisfy { abs($0 - $1) <= 2e-5 * largest })
    let elsewhere = try outputs([10, 900], [0, 1])
    #expect(zip(elsewhere[0], elsewhere[1]).contains { abs($0 - $1) > 1e-3 * largest })
  }
}
