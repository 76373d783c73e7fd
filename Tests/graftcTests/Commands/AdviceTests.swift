import Foundation
import GraftFormats
import GraftIR
import Testing

/// Where a person most likely meant something else, the message says what.
@Suite struct AdviceTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Small.graft, as: "small.graft")
  }

  @Test("A checkpoint where a graft is wanted, and the other way round")
  func kinds() throws {
    let plan = try Graftc.fail(64, ["plan", Golden.shapesModel], rule: "graft.checkpoint")
    #expect(plan.error.contains("graftc inspect"))
    let inspect = try Graftc.fail(65, ["inspect", folder("small.graft")], rule: "checkpoint.unknown-format")
    #expect(inspect.error.contains("graftc plan"))
  }

  @Test("The name of a model without its parentheses", arguments: ["dit", "dit.s2"])
  func modelName(_ name: String) throws {
    let result = try Graftc.fail(66, ["bench", name, "--random-weights"], rule: "weights.no-file")
    #expect(result.error.contains("'\(name)()'"))
  }

  @Test("What the zoo does not have")
  func zoo() throws {
    #expect(try Graftc.fail(64, ["zoo", "nope"], rule: "usage.zoo").error.contains("'graftc zoo' lists"))
  }

  @Test("Arguments of a preset are told at its call")
  func preset() throws {
    let size = try Graftc.fail(65, ["bench", "dit.xl2(image: 300)", "--random-weights"], rule: "values.whole")
    #expect(size.error.contains("'dit.xl2 with image 300': 'size' must be whole, and is 37.5\n  --> dit.xl2(image"))
    let label = try Graftc.fail(65, ["bench", "dit.s2(widht: 3)", "--random-weights"], rule: "calls.label")
    #expect(label.error.contains("did you mean 'width'?"))
  }

  @Test("A file that holds several models, compared with one of them")
  func severalModels() throws {
    try Graftc.succeed(["compile", folder("small.graft"), "-o", folder("small.pt")])
    let result = try Graftc.run(["diff", Golden.shapesModel, folder("small.pt")])
    #expect(result.code == 1)
    #expect(result.error.contains("holds 'model' and 'ema'; compare one of them"))
  }

  @Test("Numbers may stand apart, and an index that no table has names the table's part")
  func indices() throws {
    let inputs: [(String, Tensor)] = [
      ("x", Tensor([Float](repeating: 1, count: 3 * 32 * 32), [1, 3, 32, 32])), ("t", Tensor([Float(3)], [1])),
      ("y", Tensor(.i64, [1], integers: [11])),
    ]
    try TransferEngine.write(inputs.map { (name: $0.0, tensor: $0.1) }, to: folder("in.safetensors"))
    let result = try Graftc.fail(
      65, ["run", Golden.shapesModel, "--input", folder("in.safetensors"), "-o", folder("out.safetensors")],
      rule: "run.index")
    #expect(result.error.contains("in 'y_embedder.embedding_table'"))
    try Graftc.succeed(
      ["sample", Golden.shapesModel, "--labels", "0, 3", "--steps", "2", "-o", folder("two.png")])
  }

  @Test("A graft that emits what cannot be written is refused where it says so")
  func format() throws {
    try folder.write(Small.graft.replacing(".safetensors", with: ".gib"), as: "gib.graft")
    for command in ["check", "plan", "compile"] {
      let result = try Graftc.fail(65, [command, "gib.graft"], rule: "transfer.format", folder: folder.path)
      #expect(result.error.contains("--> gib.graft:"))
    }
  }
}
