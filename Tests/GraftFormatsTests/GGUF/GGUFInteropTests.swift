import Foundation
import GraftFormats
import GraftIR
import Testing

/// graft and gguf-py read each other's files. `make test-interop` installs it and runs this with `GRAFT_PYTHON`.
@Suite(.enabled(if: Interop.python != nil))
struct GGUFInteropTests {
  private static let script = "interop_gguf.py"

  @Test(
    "What gguf-py writes has the same values here, and goes on byte for byte; what is packed here is packed as there")
  func both() throws {
    let folder = try TemporaryFolder()
    _ = try Interop.ask(["make", "\(Interop.seed)", folder.path], of: Self.script)
    let expected = try JSON(parsing: Fixtures.bytes(folder.path + "/expected.json"), file: "expected.json")
    let files = try #require(expected["files"]?.members)
    let output = try TemporaryFolder()
    for file in files {
      let reader = try Formats.open(folder.path + "/" + file.name)
      #expect(reader.metadata["a.list"] != nil)
      let tensors = try #require(file.value["tensors"]?.listValue ?? file.value.listValue)
      #expect(tensors.count == reader.entries.count)
      for (index, entry) in reader.entries.enumerated() {
        let wanted = try #require(tensors.first { $0["name"]?.textValue == entry.name })
        #expect(wanted["shape"]?.listValue?.compactMap(\.intValue) == entry.shape.axes)
        #expect(
          wanted["values"]?.textValue == Fixtures.digest(try reader.tensor(at: index)), "\(file.name) \(entry.name)")
      }
      _ = try Conversion(reader, to: output.path + "/" + file.name).run()
    }
    let numbers = try Formats.open(folder.path + "/numbers.safetensors")
    let packed = try #require(expected["packed"]?.members)
    for kind in packed {
      var options = ConversionOptions()
      options.dtypes = [try DTypeRule(kind.name)]
      _ = try Conversion(numbers, to: output.path + "/packed-\(kind.name).gguf", options: options).run()
    }
    let found = try JSON(parsing: try Interop.ask(["read", output.path], of: Self.script), file: Self.script)
    for file in files { #expect(found[file.name] == file.value, "\(file.name)") }
    for kind in packed {
      for tensor in found["packed-\(kind.name).gguf"]?.listValue ?? [] {
        let name = try #require(tensor["name"]?.textValue)
        #expect(tensor["stored"] == kind.value[name], "\(kind.name) \(name), seed \(Interop.seed)")
      }
    }
  }
}
