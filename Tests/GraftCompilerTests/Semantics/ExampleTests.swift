import Foundation
import GraftIR
import Testing

import GraftCompiler

/// What a researcher would write in the first month, at the size that it is written for.
@Suite struct ExampleTests {
  /// What the examples read, with numbers that no two blocks share.
  private static let files = [
    "locality.json": "{\"k32\": \(scores(7))}", "scores.json": "\(scores(11))",
  ]

  private static func scores(_ step: Int) -> [Double] { (0..<28).map { Double($0 * step % 28) / 28 } }

  /// Whose bases are not at hand in another way than `noise` makes good.
  private static let others = ["02-pixart-hyena_x.graft", "09-lora.graft"]

  static let names = Examples.names.filter { !others.contains($0) }

  @Test("Every example compiles with seeded weights, without a word, and its requirements hold", arguments: names)
  func compiles(_ name: String) throws {
    let text = try Examples.text(name)
    let compiled = Compiled(text, files: Self.files)
    #expect(compiled.diagnostics == [])
    #expect(compiled.grafts.count == text.components(separatedBy: "\ngraft ").count - 1)
    let required = text.components(separatedBy: "\n    require ").count - 1
    #expect(compiled.grafts.map(\.requirements.count).reduce(0, +) == required)
    for graft in compiled.grafts { #expect(!graft.edits.isEmpty && graft.emits.count == 1) }
  }

  @Test("Parameters are those that the sizes of what is put in and taken out add up to")
  func parameters() throws {
    func counts(_ name: String) throws -> [Int] {
      Compiled(try Examples.text(name), files: Self.files).grafts.map(\.grafted.parameters)
    }
    // 675,129,632 in the base; a gate of 1152 to 2304 with its biases for each of 14 pairs; 23,905,152 in a block.
    #expect(try counts("03-parallel-d14-gated.graft") == [712_320_800])
    #expect(try counts("11-prune-14.graft") == [340_457_504, 340_457_504])
  }

  @Test("An adapter is put in, and folded in a checkpoint of which nothing but the header is there")
  func lora() throws {
    let text = try Examples.text("09-lora.graft")
    func compile(_ graft: String, _ options: Compiler.Options) throws -> CompiledGraft {
      let compiler = Compiler(options: options) { _ throws(Diagnostic) in Array(text.utf8) }
      let grafts = compiler.compile(file: "09-lora.graft", graftName: graft)
      #expect(compiler.diagnostics.items == [])
      return try #require(grafts.first)
    }
    let adapted = try compile("dit-xl2-lora", .noise)
    #expect(adapted.grafted.parameters - adapted.base.parameters == 12_386_304)
    let file = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try adapted.architecture.writeHeader(to: file)
    var options = Compiler.Options.asWritten
    options.base = file
    let folded = try compile("dit-xl2-lora-folded", options)
    #expect(folded.base.parameters == adapted.grafted.parameters)
    #expect(folded.grafted.parameters == adapted.base.parameters)
    let plan = try folded.weightPlan(for: folded.emits[0])
    #expect(Set(plan.tensors.map(\.name)) == Set(Compiled("", model: "dit.xl2()").weights.keys))
  }

  @Test("The one of PixArt waits for its model, and for nothing else")
  func pixart() throws {
    let lora = try Examples.text("09-lora.graft").components(separatedBy: "\ngraft ")[0]
    let compiled = Compiled(try Examples.text("02-pixart-hyena_x.graft"), files: ["lora.graft": lora])
    #expect(compiled.rules == ["names.unknown-operator"])
    #expect(compiled.places == ["pixart.sigma"])
  }
}

extension Module {
  /// Writes what a safetensors file of its tensors would begin with; the rest takes no room on the disk.
  fileprivate func writeHeader(to path: String) throws {
    var entries: [String] = []
    var end = 0
    forEachParameter { name, parameter in
      let start = end
      end += 4 * (parameter.shape.elementCount ?? 0)
      entries.append(
        "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(parameter.shape.axes),\"data_offsets\":[\(start),\(end)]}")
    }
    let header = "{" + entries.joined(separator: ",") + "}"
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    bytes.append(Data(header.utf8))
    try bytes.write(to: URL(filePath: path))
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: UInt64(bytes.count + end))
  }
}
