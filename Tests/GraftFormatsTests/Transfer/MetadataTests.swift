import Foundation
import GraftFormats
import GraftIR
import Testing

/// Checkpoints whose metadata are written anew.
@Suite struct MetadataTests {
  private static let texts = ["format": "pt", "note": "one"]

  private func write(_ name: String, in folder: TemporaryFolder) throws -> String {
    let path = folder.path + "/" + name
    try TransferEngine.write(TransferEngineTests.tensors(for: name), metadata: Self.texts, to: path)
    return path
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  @Test("Metadata are replaced in place, tensors keep every byte", arguments: TransferEngineTests.outputs)
  func inPlace(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try write(name, in: folder)
    let before = try bytes(path)
    let texts = Self.texts.merging(["result": "long enough to move what follows ☃"]) { old, _ in old }
    try TransferEngine.rewrite(path, metadata: texts, to: path)
    let reader = try Formats.open(path)
    #expect(reader.metadata == texts)
    #expect(reader.entries.map(\.name).sorted() == TransferEngineTests.tensors(for: name).map(\.name).sorted())
    for (name, tensor) in TransferEngineTests.tensors(for: name) {
      let index = try #require(reader.entries.firstIndex { $0.name == name })
      let read = try reader.tensor(at: index)
      #expect(read.type == tensor.type && read.bytes.elementsEqual(tensor.bytes), "\(name)")
    }
    // The way back gives the first file: nothing but the metadata changed.
    try TransferEngine.rewrite(path, metadata: Self.texts, to: path)
    #expect(try bytes(path) == before)
    #expect(folder.names == [name])
  }

  @Test(
    "A copy goes elsewhere, in the format of its source, and a file in the way stays",
    arguments: TransferEngineTests.outputs)
  func copy(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try write(name, in: folder)
    let copy = folder.path + "/copy.data"
    try TransferEngine.rewrite(path, metadata: ["a": "b"], to: copy)
    #expect(try Formats.open(copy).metadata == ["a": "b"])
    #expect(try Formats.open(path).metadata == Self.texts)
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.rewrite(path, metadata: [:], to: copy)
    }
    #expect(error?.rule == "transfer.exists")
    // Under another name it is still the source.
    let link = folder.path + "/link"
    try FileManager.default.linkItem(atPath: path, toPath: link)
    var options = TransferEngine.Options()
    options.force = true
    let other = #expect(throws: Diagnostic.self) {
      try TransferEngine.rewrite(path, metadata: [:], to: link, options: options)
    }
    #expect(other?.rule == "transfer.own-source")
  }

  @Test("Where a link is named, what it leads to is replaced")
  func link() throws {
    let folder = try TemporaryFolder()
    let path = try write("out.safetensors", in: folder)
    let link = folder.path + "/link.safetensors"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    try TransferEngine.rewrite(link, metadata: ["a": "b"], to: link)
    #expect(try Formats.open(path).metadata == ["a": "b"])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == path)
  }

  @Test("An interrupted rewriting leaves the file as it was")
  func interrupted() throws {
    let folder = try TemporaryFolder()
    let path = try write("out.pt", in: folder)
    let before = try bytes(path)
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.rewrite(path, metadata: [:], to: path, isCancelled: { true })
    }
    #expect(error?.rule == "transfer.interrupted")
    #expect(try bytes(path) == before)
    #expect(folder.names == ["out.pt"])
  }

  @Test("What would not come out as it was is refused")
  func dictionaries() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/keyed.pt"
    var options = TransferEngine.Options()
    options.key = "ema"
    try TransferEngine.write([("w", Tensor([1, 2], [2]))], to: path, options: options)
    let error = #expect(throws: Diagnostic.self) { try TransferEngine.rewrite(path, metadata: [:], to: path) }
    #expect(error?.rule == "transfer.one-file")
  }

  @Test("The digest of a reader is that of its file")
  func digest() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.safetensors"
    try TransferEngine.write([("w", Tensor([1, 2], [2]))], to: path)
    let first = try Formats.digest(of: Formats.open(path))
    #expect(first.count == 64)
    try TransferEngine.rewrite(path, metadata: ["a": "b"], to: path)
    #expect(try Formats.digest(of: Formats.open(path)) != first)
  }
}
