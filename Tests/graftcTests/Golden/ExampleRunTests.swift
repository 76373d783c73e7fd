import Foundation
import GraftFormats
import GraftIR
import Testing

/// The grafts of `Tests/Fixtures/examples` on a narrow model of as many blocks, compiled, and run from what that
/// writes.
@Suite struct ExampleRunTests {
  /// A width that heads, scan and schedule of the examples divide, and a grid of 8 by 8 tokens.
  private static let model = "dit(size: 16, width: 64, depth: 28, heads: 4"
  /// Grafts that say of themselves that they keep the function, at step 500 without a class.
  private static let keepsFunction: Set = [
    "dit-xl2-adaln_single", "dit-xl2-d35", "dit-xl2-inpaint", "dit-xl2-lora", "dit-xl2-lora-folded",
  ]

  /// One example, without PixArt's, whose model does not ship.
  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: Golden.folder + "/examples"))?
    .filter { $0.hasSuffix(".graft") && !$0.hasPrefix("02-") }.sorted() ?? []

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("Fourteen examples are here") func count() { #expect(Self.names.count == 14) }

  @Test("What an example makes of a narrow model runs, and is the same function where it says so", arguments: names)
  func runs(_ name: String) throws {
    try writeStarts()
    try folder.write("graft \"plain\" { base \(Self.model)) noise  emit \"plain.safetensors\" }", as: "plain.graft")
    let plain = try answer("plain", of: "plain.graft", [])
    #expect(plain.contains { abs($0) > 1e-3 })
    let scale = plain.map(abs).max() ?? 0

    let text = narrowed(try String(contentsOfFile: Golden.folder + "/examples/" + name, encoding: .utf8))
    try folder.write(text, as: name)
    for graft in text.matches(of: /graft "([^"]+)"/).map({ String($0.output.1) }) {
      // `auto` reads what the graft before it wrote.
      let out = try answer(graft, of: name, graft.hasSuffix("-folded") ? [] : ["--base", "noise"])
      let change = zip(out, plain).map { abs($0 - $1) }.max() ?? 0
      #expect(out.count == plain.count && out.allSatisfy(\.isFinite))
      // Sums of at most 256 products in another order, through up to 35 blocks.
      #expect((change <= 1e-4 * scale) == Self.keepsFunction.contains(graft), "\(graft): \(change) of \(scale)")
    }
  }

  /// The same at the width of the narrow model, whose number of parameters is nobody's requirement.
  private func narrowed(_ text: String) -> String {
    text.replacing("dit.xl2(image: 256", with: Self.model).replacing(
      "dit.xl4(image: 256", with: Self.model + ", patch: 4"
    )
    .replacing("1152", with: "64").replacing("64 * round(18 *", with: "4 * round(16 *")
    .split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains("require parameters") }
    .joined(separator: "\n")
  }

  /// What the checkpoint that `graft` of `file` is compiled to answers.
  private func answer(_ graft: String, of file: String, _ options: [String]) throws -> [Float] {
    let checkpoint = folder(graft + ".safetensors")
    try Graftc.succeed(["compile", folder(file) + ":" + graft, "-o", checkpoint] + options)
    let channels = graft.hasSuffix("inpaint") ? 9 : 4
    let picture = Tensor((0..<channels * 256).map { Float($0 * 37 % 101 - 50) / 40 }, [1, channels, 16, 16])
    try TransferEngine.write(
      [("x", picture), ("t", Tensor([500], [1])), ("y", Tensor(.i64, [1], integers: [1000]))],
      to: folder(graft + "-in.safetensors"))
    let out = folder(graft + "-out.safetensors")
    try Graftc.succeed(["run", checkpoint, "--input", folder(graft + "-in.safetensors"), "--output", out])
    return try #require(try Golden.tensors(out)["out"]).floats
  }

  /// What the examples read beside checkpoints: a score for each block, and operators of a first stage.
  private func writeStarts() throws {
    let scores = (0..<28).map { String($0 * 11 % 28) }.joined(separator: ", ")
    try folder.write("[\(scores)]", as: "scores.json")
    try folder.write("{\"k32\": [\(scores)]}", as: "locality.json")
    try FileManager.default.createDirectory(atPath: folder("stage1/hyena_x"), withIntermediateDirectories: true)
    for block in stride(from: 1, to: 28, by: 2) {
      func tensor(_ shape: Shape) -> Tensor {
        Tensor((0..<(shape.elementCount ?? 0)).map { Float($0 * 31 % 97 - 48 + block) / 400 }, shape)
      }
      try TransferEngine.write(
        [
          ("in_proj.weight", tensor([192, 64])), ("in_proj.bias", tensor([192])),
          ("short_filter.weight", tensor([192, 1, 4])), ("short_filter.bias", tensor([192])),
          ("out_proj.weight", tensor([64, 64])), ("out_proj.bias", tensor([64])),
        ], to: folder("stage1/hyena_x/block_\(block).pt"))
    }
  }
}
