import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct PyTorchTests {
  private func open(_ bytes: [UInt8]) throws -> any CheckpointReader {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try Formats.open(try folder.write(bytes, as: "x.pt"))
  }

  private static let dictionary = Array("\u{80}\u{2}}.".unicodeScalars.map { UInt8($0.value) })

  @Test("Plain entries become metadata under their keys") func metadata() throws {
    let reader = try Formats.open(Fixtures.folder + "/formats/torch/nested.pt")
    let file = try #require(
      try Fixtures.json("formats/expected.json")["files"]?.listValue?.first { $0["file"] == "torch/nested.pt" })
    for member in try #require(file["values"]?.members) {
      #expect(reader.metadata[member.name] == member.value.textValue ?? member.value.text())
    }
    #expect(reader.metadata["args/image_size"] == "256")
    #expect(reader.metadata["args/tags"] == #"["a","b"]"#)
    #expect(reader.metadata["torch.Size"] == "[2,3]")
    #expect(reader.metadata["torch.dtype"] == "torch.bfloat16")
    #expect(reader.metadata["torch.device"] == "cpu")
  }

  @Test("Tensors are views of the file where its layout allows it") func views() throws {
    let reader = try Formats.open(Fixtures.folder + "/formats/torch/zip.pt")
    let byteCount = try Fixtures.bytes(reader.file).count
    /// The tensor, where it looks at the bytes of the whole file.
    func view(_ name: String) throws -> Tensor? {
      let tensor = try reader.tensor(at: try #require(reader.entries.firstIndex { $0.name == name }))
      return tensor.storage.byteCount == byteCount ? tensor : nil
    }
    let whole = try #require(try view("conv.weight"))
    #expect(whole.byteCount == 1440)
    #expect(try view("view.rows")?.storage === whole.storage)
    #expect(try view("view.transposed") == nil)
    #expect(try view("view.expanded") == nil)
    #expect(try #require(try view("shared.a")).offsetInBytes == view("shared.b")?.offsetInBytes)
  }

  @Test("Quantised tensors are refused by their type") func quantised() throws {
    var pickle = "\u{80}\u{2}ctorch._utils\n_rebuild_tensor_v2\n((".unicodeScalars.map { UInt8($0.value) }
    func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + text.utf8 }
    pickle += text("storage") + "ctorch\nQInt8Storage\n".utf8 + text("0") + text("cpu") + "K\u{1}tQK\0)".utf8
    pickle += ")\u{89}}tR.".unicodeScalars.map { UInt8($0.value) }
    let error = #expect(throws: Diagnostic.self) {
      try open(ZipFixture.archive([("a/data.pkl", pickle), ("a/data/0", [1])]))
    }
    #expect(error?.rule == "pytorch.dtype")
  }

  @Test(
    "What torch lacks is not written",
    arguments: [(DType.f6e2m3, Shape([4])), (.f4, Shape([2, 1])), (.f4, Shape([4, 1]))])
  func unwritable(_ dtype: DType, _ shape: Shape) throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.write([("w", Tensor(zeros: dtype, shape))], to: folder.path + "/x.pt")
    }
    #expect(error?.rule == "pytorch.unwritable")
    #expect(folder.names == [])
  }
}
