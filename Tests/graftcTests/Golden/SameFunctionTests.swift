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
}
