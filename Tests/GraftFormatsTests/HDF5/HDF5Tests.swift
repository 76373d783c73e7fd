import Foundation
import GraftFormats
import GraftIR
import Testing

/// What is special about HDF5, beside what every format promises.
@Suite struct HDF5Tests {
  private static let folder = Fixtures.folder + "/formats/hdf5"
  private static let keras = Fixtures.folder + "/formats/keras"

  private func rule(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return (error as? Diagnostic)?.rule }
    return nil
  }

  private func convert(
    _ from: String, to path: String, _ change: (inout ConversionOptions) -> Void = { _ in }
  ) throws -> any CheckpointReader {
    var options = ConversionOptions()
    change(&options)
    _ = try Conversion(try Formats.open(from), to: path, options: options).run()
    return try Formats.open(path)
  }

  /// Names with a shape and a digest each.
  private func contents(_ reader: any CheckpointReader) throws -> [String: String] {
    var found: [String: String] = [:]
    for (index, entry) in reader.entries.enumerated() {
      found[entry.name] = "\(entry.dtype) \(entry.shape) \(Fixtures.digest(try reader.tensor(at: index)))"
    }
    return found
  }

  @Test(
    "Chunks come out the same whole and in runs, whatever the runs", arguments: ["gzip.h5", "checked.h5", "odd.h5"])
  func runs(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = try Formats.open(Self.folder + "/" + name)
    let copy = try convert(source.file, to: folder.path + "/x.safetensors") { $0.memoryLimit = 24_000_000 }
    #expect(try contents(copy) == contents(source))
  }

  @Test("Truths, complex numbers and narrow floats are written as h5py and Keras read them") func types() throws {
    let folder = try TemporaryFolder()
    let source = try Formats.open(Fixtures.folder + "/hdf5/types.h5")
    #expect(source.omissions.first?.text.contains("4 datasets") == true)
    for name in ["x.h5", "x.weights.h5"] {
      let copy = try convert(source.file, to: folder.path + "/" + name)
      #expect(try contents(copy) == contents(source))
      #expect(copy.entries.map(\.name) == source.entries.map(\.name))
    }
    // Sizes alone tell the spellings apart: one has an attribute for each tensor of bf16.
    let plain = try Fixtures.bytes(folder.path + "/x.h5")
    let keras = try Fixtures.bytes(folder.path + "/x.weights.h5")
    #expect(plain != keras)
  }

  @Test("What is written is the same bytes each time") func determinism() throws {
    let folder = try TemporaryFolder()
    for name in ["a.h5", "b.h5"] { _ = try convert(Self.folder + "/plain.h5", to: folder.path + "/" + name) }
    #expect(try Fixtures.bytes(folder.path + "/a.h5") == Fixtures.bytes(folder.path + "/b.h5"))
  }

  static let nameLists = [
    ["a/\u{301}b", "a/c", "\u{301}/x", "é/1", "e\u{301}/2"], ["a//\u{301}b", "a/\u{301}/.", "a/\u{301}"],
    ["a", "a/b", "a/b/c"], ["", "/", "//", "."], ["./a", "a/./b", "a//b", "a/"],
    ["__graft__", "__graft__.0", "__graft__/x"],
    ["zero\0byte", "new\nline", "ключ/鍵"], ["z", "b", "a", "10", "9"], ["..", "../x", "~"],
    [String(repeating: "long/", count: 200) + "x", String(repeating: "n", count: 70_000)],
  ]

  @Test("Names that are no paths come back, in their order", arguments: nameLists)
  func namesComeBack(_ names: [String]) throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write(
      names.enumerated().map { ($1, Tensor([Float($0)], [1])) }, metadata: ["a": "b"], to: folder.path + "/x.h5")
    let copy = try Formats.open(folder.path + "/x.h5")
    #expect(copy.entries.map(\.name) == names)
    #expect(try copy.entries.indices.map { try copy.tensor(at: $0).floats[0] } == names.indices.map { Float($0) })
    #expect(copy.metadata["a"] == "b")
    #expect(!copy.metadata.keys.contains { $0.hasPrefix("graft.hdf5") })
  }

  @Test("Metadata come back, whatever texts they are") func metadata() throws {
    let folder = try TemporaryFolder()
    let (long, longer) = (String(repeating: "n", count: 256), String(repeating: "n", count: 70_000))
    var texts = [
      "": "nameless", "empty": "", "zero": "a\0b", "z\0": "c", "long": String(repeating: "x", count: 100_000),
      "very long": String(repeating: "y", count: 2_000_000), "graft.own": "{}", "a/b": "☃", "layer_names": "no list",
      "graft.hdf5-attributes":
        #"{"":{"layer_names":["x"]},"g":{"list":["a",""],"text":"t"},"w":{"a":"b"},"n":{"n":1},"#
        + #""long":{"\#(long)":"t"},"longer":{"\#(longer)":["t"]}}"#,
    ]
    for number in 0..<300 { texts["number \(number)"] = "\(number)" }
    try TransferEngine.write([("w", Tensor([1], [1]))], metadata: texts, to: folder.path + "/x.h5")
    var found = try Formats.open(folder.path + "/x.h5").metadata.filter { !$0.key.hasPrefix("graft.source") }
    for (name, text) in texts where name != "graft.hdf5-attributes" { #expect(found[name] == text, "\(name)") }
    // Groups come in the order of their names.
    let attributes = try JSON(parsing: found.removeValue(forKey: "graft.hdf5-attributes") ?? "", file: "attributes")
    #expect(Set(attributes.members?.map(\.name) ?? []) == ["", "g", "w", "n", "long", "longer"])
    #expect(attributes["longer"]?.members?.map(\.value) == [["t"]])
  }

  /// A fixture with nothing behind it up to `byteCount` bytes: what it has must not be more than a file may unpack to.
  private func extended(_ name: String, to byteCount: off_t, in folder: TemporaryFolder) throws -> String {
    let path = try folder.write(Fixtures.bytes(Fixtures.folder + "/hdf5/" + name), as: name)
    try #require(truncate(path, byteCount) == 0)
    return path
  }

  @Test("What was never written is its fill value, in no more memory than a run") func unwritten() throws {
    let folder = try TemporaryFolder()
    let path = try extended("unwritten.h5", to: 70_000, in: folder)
    let copy = try convert(path, to: folder.path + "/x.safetensors") { $0.memoryLimit = 24_000_000 }
    #expect(copy.entries.map(\.shape) == [[4, 1 << 22]])
    #expect(try copy.tensor(at: 0).floats.allSatisfy { $0 == 1.5 })
  }

  @Test("What is hardly in a file takes neither memory nor a disk")
  func hardlyWritten() throws {
    let folder = try TemporaryFolder()
    for (name, text) in [
      ("hardly_written.h5", "to unpack a row of chunks"), ("several_unwritten.h5", "the datasets up to 'b'"),
    ] {
      let path = try extended(name, to: 5_000_000, in: folder)
      let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
      #expect(error?.rule == "hdf5.size")
      #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
  }

  @Test(
    "Order and lists of Keras survive other formats",
    arguments: ["legacy_model.h5", "legacy_weights.h5", "model.weights.h5"])
  func kerasRoundTrip(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = try Formats.open(Self.keras + "/" + name)
    #expect(source.notes.contains { $0.contains("(in, out)") })
    let between = try convert(source.file, to: folder.path + "/x.pt")
    let back = try convert(between.file, to: folder.path + "/" + name)
    #expect(try contents(back) == contents(source))
    #expect(back.entries.map(\.name) == source.entries.map(\.name))
    #expect(back.metadata == source.metadata)
    #expect(
      source.metadata["graft.hdf5-attributes"]?.contains(name.hasPrefix("legacy") ? "weight_names" : "dense") == true)
  }

  @Test("A Keras archive goes through other formats and comes back") func archive() throws {
    let folder = try TemporaryFolder()
    let source = try Formats.open(Self.keras + "/model.keras")
    #expect(source.metadata["config.json"]?.contains("Functional") == true)
    let between = try convert(source.file, to: folder.path + "/x.safetensors")
    let back = try convert(between.file, to: folder.path + "/x.keras")
    #expect(try contents(back) == contents(source))
    #expect(back.metadata.filter { $0.key != "format" } == source.metadata)
    #expect(
      rule { _ = try convert(Self.folder + "/plain.h5", to: folder.path + "/y.keras") } == "hdf5.unwritable")
  }

  @Test("Attributes that no metadata hold are told, and are a loss") func otherAttributes() throws {
    let folder = try TemporaryFolder()
    let source = try Formats.open(Fixtures.folder + "/hdf5/attributes.h5")
    #expect(source.metadata["note"] == "kept" && source.metadata["graft.hdf5-attributes"]?.contains("too") == true)
    #expect(
      source.omissions.map(\.text) == [
        "3 attributes that are no texts of groups: of '/', '/group', '/group/w'"
      ])
    #expect(
      rule { _ = try convert(source.file, to: folder.path + "/x.pt") { $0.isStrict = true } } == "convert.loss")
    #expect(try Formats.open(Fixtures.folder + "/hdf5/types.h5").omissions.count == 1)  // `dtype` is read.
  }

  @Test("Keras gets one file, since it opens no more", arguments: ["x.weights.h5", "x.keras", "x.keras.index.json"])
  func shards(_ name: String) throws {
    let folder = try TemporaryFolder()
    var options = TransferEngine.Options()
    options.shardByteCount = 8
    let metadata = ["config.json": "{}", "metadata.json": "{}"]
    let tensors = [("a", Tensor([1, 2], [2])), ("b", Tensor([3, 4], [2]))]
    #expect(
      rule { try TransferEngine.write(tensors, metadata: metadata, to: folder.path + "/" + name, options: options) }
        == "sharded.whole")
    #expect(folder.names == [] && folder.hidden == [])
  }

  @Test("The tensors of an archive are stored, and are there") func archives() throws {
    let folder = try TemporaryFolder()
    var bytes = ZipFixture.archive([("model.weights.h5", Array("no HDF5".utf8))])
    #expect(rule { _ = try Formats.open(try folder.write(bytes, as: "a.keras")) } == "hdf5.signature")
    let original = try Fixtures.bytes(Self.keras + "/model.weights.h5")
    bytes = ZipFixture.archive([("model.weights.h5", original), ("config.json", [0xFF])])
    #expect(rule { _ = try Formats.open(try folder.write(bytes, as: "b.keras")) } == "hdf5.utf8")
    bytes = ZipFixture.archive([("model.weights.h5", original), ("assets/x", [1])])
    #expect(
      try Formats.open(try folder.write(bytes, as: "c.keras")).omissions.contains { $0.text.contains("assets/x") })
  }

  @Test(
    "What HDF5 has no room for is refused",
    arguments: [
      Tensor(zeros: .f4, [2]), Tensor(zeros: .f32, Shape([Int](repeating: 1, count: 33))),
    ])
  func unwritable(_ tensor: Tensor) throws {
    let folder = try TemporaryFolder()
    #expect(rule { try TransferEngine.write([("x", tensor)], to: folder.path + "/x.h5") } == "hdf5.unwritable")
    #expect(folder.names.isEmpty)
  }

  @Test("A tensor of over four gigabytes has its place") func large() throws {
    let folder = try TemporaryFolder()
    var plan = WeightPlan(sources: [], tensors: [], metadata: [:])
    // A shape without elements and a small tensor behind it stand where addresses are wide.
    for (name, shape) in [("a", Shape([0, 1 << 40])), ("b", [3])] {
      plan.tensors.append(
        PlannedTensor(name: name, dtype: .f32, shape: shape, expression: .fill(1, .f32, shape), origin: .fresh))
    }
    try TransferEngine.run(plan, readers: [], to: folder.path + "/x.h5", options: TransferEngine.Options())
    #expect(try Formats.open(folder.path + "/x.h5").entries.map(\.shape) == [[0, 1 << 40], [3]])
  }

  /// Every how many bytes one is changed; `GRAFT_DAMAGES` makes it every one.
  static let step = ProcessInfo.processInfo.environment["GRAFT_DAMAGES"] == nil ? 97 : 1

  @Test("One changed byte is read or refused, and the library takes nobody along") func singleBytes() throws {
    let folder = try TemporaryFolder()
    let original = try Fixtures.bytes(Self.keras + "/legacy_weights.h5")
    var rules: [String: Int] = [:]
    for place in stride(from: 0, to: original.count, by: Self.step) {
      var bytes = original
      bytes[place] ^= 0xFF
      let path = try folder.write(bytes, as: "x.h5")
      let found = rule {
        let reader = try Formats.open(path)
        for index in reader.entries.indices { _ = try reader.tensor(at: index) }
      }
      rules[found ?? "read", default: 0] += 1
      #expect(found?.hasPrefix("hdf5.") ?? true, "byte \(place): \(found ?? "")")
    }
    #expect(rules["read", default: 0] > 0 && rules.count > 1)
    if Self.step == 1 { print("one byte of \(original.count) changed: \(rules.sorted { $0.key < $1.key })") }
  }
}
