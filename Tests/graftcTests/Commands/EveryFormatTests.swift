import Foundation
import GraftFormats
import Testing

/// A diffusion transformer in every format: there and back, as the source of a graft, and as what it emits.
@Suite struct EveryFormatTests {
  static let suffixes = [".safetensors", ".pt", ".npz", ".onnx", ".h5", ".weights.h5", ".gguf"]

  /// The prediction for the recorded inputs, as bits.
  private func prediction(
    of model: String, _ inputs: String, _ more: [String] = [], in folder: TemporaryFolder
  ) throws -> [UInt32] {
    let inputs = Golden.folder + "/" + inputs
    try Graftc.succeed(["run", model, "--input", inputs, "--output", folder("out.safetensors"), "--force"] + more)
    let out = try #require(try Golden.tensors(folder("out.safetensors"))["out"])
    #expect(out.floats.contains { $0.magnitude > 0.1 })
    return out.floats.map(\.bitPattern)
  }

  @Test("It goes there and back to the bit, metadata too, and runs to the same bits", arguments: suffixes)
  func thereAndBack(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let original = Golden.folder + "/dit/graft_mixed.pt"
    let (there, back) = (folder("there" + suffix), folder("back.pt"))
    let ledger = try Graftc.succeed(["convert", original, there, "--strict", "--json"]).json()
    #expect(ledger["lossless"] == true)
    try Graftc.succeed(["convert", there, back, "--strict"])
    expectSameBits(try Golden.tensors(back), try Golden.tensors(original))
    #expect(try Formats.open(back).metadata == Formats.open(original).metadata)

    let inputs = "dit/graft_mixed_io.safetensors"
    let assumptions = ["--assume", "dit(heads: 4)", "--assume", "swa(window: [4, 4])"]
    let expected = try prediction(of: original, inputs, assumptions, in: folder)
    #expect(try prediction(of: there, inputs, assumptions, in: folder) == expected)
  }

  @Test("A graft reads it, emits it, and explains itself there", arguments: suffixes)
  func graft(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let (source, output) = (folder("source" + suffix), folder("output" + suffix))
    try Graftc.succeed(["convert", Golden.folder + "/layouts/dit.safetensors", source])
    let text = """
      graft "g" {
          base dit(size: 8, width: 16, depth: 3, heads: 2, classes: 5) from "\(source)"
          replace blocks[0].attn with hyena_x()
          emit "output\(suffix)"
          emit "plain.pt"
      }

      """
    try folder.write(text, as: "g.graft")
    try Graftc.succeed(["compile", folder("g.graft")])
    expectSameBits(try Golden.tensors(output), try Golden.tensors(folder("plain.pt")))
    #expect(try Graftc.succeed(["inspect", "--program", output]).output == text)
    let inputs = "layouts/inputs.safetensors"
    #expect(try prediction(of: output, inputs, in: folder) == prediction(of: folder("plain.pt"), inputs, in: folder))
  }
}
