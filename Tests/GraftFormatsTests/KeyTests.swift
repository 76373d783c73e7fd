import GraftFormats
import GraftIR
import Testing

/// Nested dictionaries, also in formats that have none.
@Suite struct KeyTests {
  private func nested(_ path: String) throws {
    var plan = WeightPlan(sources: [], tensors: [], metadata: ["note": "n"])
    for keys in [["model"], ["opt", "state", "0"], [], ["opt", "other/one"]] {
      let name = (keys + ["a/b.weight"]).joined(separator: "/")
      var tensor = PlannedTensor(
        name: name, dtype: .f32, shape: [2], expression: .fill(Double(keys.count), .f32, [2]), origin: .computed)
      tensor.keys = keys
      plan.tensors.append(tensor)
    }
    try TransferEngine.run(plan, readers: [], to: path)
  }

  static let paths = [
    ["model", "a/b.weight"], ["opt", "state", "0", "a/b.weight"], ["a/b.weight"], ["opt", "other/one", "a/b.weight"],
  ]

  @Test("Tensors come back in the dictionaries that they were in", arguments: ["x.pt", "x.safetensors"])
  func roundTrip(_ name: String) throws {
    let folder = try TemporaryFolder()
    try nested(folder.path + "/" + name)
    let reader = try Formats.open(folder.path + "/" + name)
    #expect(Set(reader.entries.map(\.path)) == Set(Self.paths))
    #expect(reader.metadata == ["note": "n"])
    #expect(try reader.selecting("opt/state").entries.map(\.name) == ["0/a/b.weight"])
    // From there into a format with dictionaries, and back.
    for other in ["y.pt", "z.safetensors"] {
      try TransferEngine.run(
        WeightPlan(copying: reader, metadata: reader.metadata), readers: [reader], to: folder.path + "/" + other,
        options: {
          var options = TransferEngine.Options(); options.recordsDigests = false; return options
        }())
      let copy = try Formats.open(folder.path + "/" + other)
      #expect(Set(copy.entries.map(\.path)) == Set(Self.paths) && copy.metadata == ["note": "n"])
    }
  }

  @Test(
    "What is no list of lists of keys is refused",
    arguments: ["{}", "[\"model\"]", "[[]]", "[[1]]", "[[\(String(repeating: "\"k\",", count: 60))\"k\"]]"])
  func refusals(_ text: String) throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write(
      [("model/w", Tensor([1], [1]))], metadata: ["graft.keys": text], to: folder.path + "/x.safetensors")
    let error = #expect(throws: Diagnostic.self) { try Formats.open(folder.path + "/x.safetensors") }
    #expect(error?.rule == "checkpoint.keys")
  }

  @Test("A tensor is not called like a dictionary in a format that has them") func clash() throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write(
      [("model", Tensor([1], [1])), ("model/w", Tensor([1], [1]))], metadata: ["graft.keys": "[[\"model\"]]"],
      to: folder.path + "/x.safetensors")
    let reader = try Formats.open(folder.path + "/x.safetensors")
    #expect(Set(reader.entries.map(\.path)) == [["model"], ["model", "w"]])
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.run(WeightPlan(copying: reader), readers: [reader], to: folder.path + "/x.pt")
    }
    #expect(error?.rule == "pytorch.unwritable" && folder.names == ["x.safetensors"])
  }
}
