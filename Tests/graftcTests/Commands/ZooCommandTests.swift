import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

@Suite struct ZooCommandTests {
  @Test("The list names grafts, operators, models, presets and layouts, with what they are")
  func list() throws {
    let text = try Graftc.succeed(["zoo"]).output
    for word in ["grafts", "operators", "models", "presets", "layouts", "dit-xl2-parallel-d14", "swa", "dit.xl2"] {
      #expect(text.contains(word))
    }
    let json = try Graftc.succeed(["zoo", "--json"]).json()
    guard case .list(let items) = json else {
      Issue.record("\(json)")
      return
    }
    #expect(items.count > 60)
    for item in items { for key in ["name", "kind", "summary"] { #expect(item[key] != nil) } }
  }

  @Test("One is printed with its text and what it costs")
  func one() throws {
    let graft = try Graftc.succeed(["zoo", "dit-xl2-parallel-d14", "--quiet"]).output
    #expect(graft.contains("parallelize blocks in pairs") && graft.contains("712,304,672"))
    let preset = try Graftc.succeed(["zoo", "dit.s8"]).output
    #expect(preset.contains("blocks.11.attn.qkv.weight  [1152, 384]"))
    #expect(try Graftc.succeed(["zoo", "diffusers"]).output.contains("layout diffusers of dit {"))
    try Graftc.fail(64, ["zoo", "dit-xl2-parallel-d15"], rule: "usage.zoo")
  }

  @Test("Every preset is printed, also one of an operator", arguments: Zoo.items.filter { $0.kind == .preset })
  func presets(_ item: Zoo.Item) throws {
    let text = try Graftc.succeed(["zoo", item.name]).output
    #expect(text.contains("preset \(item.name)"))
    #expect(text.contains("multiply-adds") == item.isModelPreset)
  }

  @Test("What keeps a graft of the zoo from being planned is told")
  func broken() throws {
    let folder = try TemporaryFolder()
    try folder.write("no checkpoint", as: "DiT-XL-2-256x256.pt")
    let result = try Graftc.run(["zoo", "dit-xl2-parallel-d14"], folder: folder.path)
    #expect(result.code == 65 && result.error.contains("DiT-XL-2-256x256.pt"))
  }

  @Test("A name from the zoo is a graft wherever one is meant, and a file of that name goes before it")
  func names() throws {
    let folder = try TemporaryFolder()
    let plan = try Graftc.succeed(["plan", "dit-xl2-mha-hyena_x-50p", "--json"], folder: folder.path).json()
    #expect(plan["grafted"]?["parameters"] == 675_371_552)
    try folder.write(
      #"graft "mine" { base dit.s8() noise  remove blocks[0]  emit "m.pt" }"#, as: "dit-xl2-mha-hyena_x-50p")
    let mine = try Graftc.succeed(["plan", "dit-xl2-mha-hyena_x-50p", "--json"], folder: folder.path).json()
    #expect(mine["model"] == "mine")
    let error = try Graftc.fail(66, ["plan", "dit-xl2-mha-hyena_x-51p"], folder: folder.path).error
    #expect(error.contains("the zoo has 'dit-xl2-mha-hyena_x-50p'"))
  }

  @Test("Every graft whose selectors fit a small model runs there", arguments: Zoo.items.filter(\.fitsSmallModel))
  func runs(_ item: Zoo.Item) throws {
    let folder = try TemporaryFolder()
    // As many blocks, and a width that heads, scan and schedule of the originals divide.
    let text = item.text.replacing("dit.xl2(image: 256)", with: "dit(size: 16, width: 64, depth: 28, heads: 4)")
      .split(separator: "\n").filter { !$0.contains("require") }.joined(separator: "\n")
    try folder.write(text, as: "small.graft")
    let picture = Tensor((0..<1024).map { Float($0 % 17) / 8 - 1 }, [1, 4, 16, 16])
    try TransferEngine.write(
      [("x", picture), ("t", Tensor([500], [1])), ("y", Tensor(.i64, [1], integers: [3]))], to: folder("in.safetensors")
    )
    try Graftc.succeed(
      [
        "run", folder("small.graft"), "--base", "noise", "--input", folder("in.safetensors"), "--output",
        folder("out.safetensors"), "--quiet",
      ])
    let out = try #require(try Golden.tensors(folder("out.safetensors"))["out"]).floats
    #expect(out.allSatisfy(\.isFinite) && out.contains { abs($0) > 1e-3 })
  }
}

extension Zoo.Item {
  /// Whether it is one graft over the plain DiT-XL/2 that speaks of no width or schedule of its own.
  fileprivate var fitsSmallModel: Bool {
    kind == .graft && text.components(separatedBy: "\ngraft ").count == 2 && !text.contains("1152")
  }
}
