import Foundation
import GraftFormats
import GraftIR
import Testing

/// The interpreter that has the libraries, or `nil` where nobody asks for them.
enum Interop {
  static let python = ProcessInfo.processInfo.environment["GRAFT_PYTHON"]
  /// Where files are made from; `GRAFT_SEED` makes others.
  static let seed = ProcessInfo.processInfo.environment["GRAFT_SEED"].flatMap(Int.init) ?? 1

  /// What the script `name` in `Tests/Fixtures` prints.
  static func ask(_ arguments: [String], of name: String = "interop.py") throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: try #require(python))
    process.arguments = [Fixtures.folder + "/" + name] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
  }
}

/// graft and the libraries that formats come from read each other's files. `make test-interop` installs those and runs
/// this with `GRAFT_PYTHON`.
@Suite(.enabled(if: Interop.python != nil))
struct InteropTests {
  /// The tensors of `reader` as the script tells them.
  private func tensors(of reader: any CheckpointReader) throws -> Set<JSON> {
    var found: Set<JSON> = []
    for (index, entry) in reader.entries.enumerated() {
      found.insert([
        "name": .text(entry.name), "dtype": .text(entry.dtype.safetensorsName ?? "C128"),
        "shape": .list(entry.shape.axes.map { .int($0) }),
        "sha256": .text(try Fixtures.digest(reader.tensor(at: index))),
      ])
    }
    return found
  }

  @Test("What the libraries write is read, whatever types, strides, views and sharing it has", arguments: 0..<4)
  func reading(_ number: Int) throws {
    let folder = try TemporaryFolder()
    let seed = Interop.seed * 100 + number
    _ = try Interop.ask(["make", "\(seed)", folder.path])
    let expected = try JSON(parsing: Fixtures.bytes(folder.path + "/expected.json"), file: "expected.json")
    let files = try #require(expected.members)
    #expect(files.count == 62)
    for file in files {
      let reader = try Formats.open(folder.path + "/" + file.name)
      let wanted = Set(file.value["tensors"]?.listValue ?? [])
      #expect(try tensors(of: reader) == wanted, "\(file.name), seed \(seed)")
      for member in file.value["metadata"]?.members ?? [] {
        #expect(reader.metadata[member.name] == member.value.textValue, "\(file.name), seed \(seed)")
      }
    }
  }

  /// Tensors of every type that `accepts` takes, every byte pattern among them, some without elements or axes.
  private static func samples(_ accepts: (DType) -> Bool) -> [(name: String, tensor: Tensor)] {
    var random = SeededNumbers(seed: UInt64(Interop.seed))
    return DType.allCases.filter(accepts).flatMap { dtype in
      [Shape([3, 8]), [0, 4], dtype.byteWidth == nil ? [16] : []].enumerated().map { number, shape in
        let tensor = Tensor(zeros: dtype, shape)
        for index in 0..<tensor.byteCount {
          tensor.mutableBytes[index] = UInt8.random(in: 0...(dtype == .bool ? 1 : 255), using: &random)
        }
        return ("\(dtype).\(number)", tensor)
      }
    }
  }

  /// Whether torch and its safetensors have the type.
  private static func isTorch(_ dtype: DType) -> Bool { dtype != .f6e2m3 && dtype != .f6e3m2 }

  @Test("What is written is opened by the libraries, which find the same values") func writing() throws {
    let folder = try TemporaryFolder()
    var written: [String: [(name: String, tensor: Tensor)]] = [
      "a.pt": Self.samples(Self.isTorch),
      "a.safetensors": Self.samples { Self.isTorch($0) && $0 != .c128 },
      "a.npz": Self.samples { _ in true },
      "a.h5": Self.samples { $0.byteWidth != nil },
      "a.weights.h5": Self.samples { $0.byteWidth != nil },
      "a.onnx": Self.samples(Self.isTorch),
    ]
    for (number, (_, tensor)) in Self.samples({ $0.bitWidth >= 16 || $0 == .u8 || $0 == .i8 || $0 == .bool })
      .enumerated()
    {
      written["\(number).npy"] = [("", tensor)]
    }
    for (name, tensors) in written {
      try TransferEngine.write(
        tensors, metadata: name.hasSuffix(".npy") ? [:] : ["format": "pt"], to: folder.path + "/" + name)
    }
    var options = TransferEngine.Options()
    options.shardByteCount = 300
    for name in ["s.bin", "s.safetensors"] {
      written[name + ".index.json"] = written["a.safetensors"]
      try TransferEngine.write(
        try #require(written["a.safetensors"]), metadata: ["format": "pt"], to: folder.path + "/" + name,
        options: options)
    }
    written["e.onnx"] = Self.samples(Self.isTorch) + [("large", Tensor(zeros: .f32, [40, 40]))]
    try TransferEngine.write(try #require(written["e.onnx"]), to: folder.path + "/e.onnx", options: options)
    let found = try JSON(parsing: try Interop.ask(["read", folder.path]), file: "interop.py")
    #expect(found.members?.count == written.count)
    for (name, tensors) in written {
      let wanted = tensors.map { name, tensor -> JSON in
        [
          "name": .text(name), "dtype": .text(tensor.dtype.safetensorsName ?? "C128"),
          "shape": .list(tensor.shape.axes.map { .int($0) }), "sha256": .text(Fixtures.digest(tensor)),
        ]
      }
      #expect(Set(found[name]?["tensors"]?.listValue ?? []) == Set(wanted), "\(name)")
    }
    #expect(found["a.safetensors"]?["metadata"]?["format"] == "pt")
    let total = written["a.safetensors"]?.reduce(0) { $0 + $1.tensor.byteCount }
    #expect(found["s.safetensors.index.json"]?["total_size"]?.intValue == total)
  }

  @Test("Tied tensors share memory when torch opens what is written") func sharing() throws {
    let folder = try TemporaryFolder()
    let original = try Formats.open(Fixtures.folder + "/kinds/sharing.pt")
    var options = TransferEngine.Options()
    options.recordsDigests = false
    try TransferEngine.run(
      WeightPlan(copying: original), readers: [original], to: folder.path + "/x.pt", options: options)
    let found = try JSON(parsing: try Interop.ask(["read", folder.path]), file: "interop.py")
    #expect(Set(found["x.pt"]?["tensors"]?.listValue ?? []) == (try tensors(of: original)))
    let ties = found["x.pt"]?["aliases"]?.members.map {
      Dictionary(uniqueKeysWithValues: $0.map { ($0.name, $0.value) })
    }
    let wanted = original.aliases.map {
      (original.entries[$0.key].name, JSON.text(original.entries[$0.value.target].name))
    }
    #expect(ties == Dictionary(uniqueKeysWithValues: wanted))
  }

  @Test("Keras loads what it saved after it went through another format, and what was cast") func keras() throws {
    let folder = try TemporaryFolder()
    _ = try Interop.ask(["keras-make", folder.path])
    try FileManager.default.createDirectory(atPath: folder.path + "/back", withIntermediateDirectories: false)
    let files = ["model.keras", "model.h5", "model.weights.h5", "weights.h5"]
    for name in files {
      let between = folder.path + "/" + name + ".safetensors"
      _ = try Conversion(try Formats.open(folder.path + "/" + name), to: between, options: ConversionOptions()).run()
      _ = try Conversion(try Formats.open(between), to: folder.path + "/back/" + name, options: ConversionOptions())
        .run()
    }
    var options = ConversionOptions()
    options.dtypes = [try DTypeRule("bf16")]
    _ = try Conversion(
      try Formats.open(folder.path + "/model.weights.h5"), to: folder.path + "/back/bf16.weights.h5", options: options
    ).run()
    let found = try JSON(parsing: try Interop.ask(["keras-read", folder.path]), file: "interop.py")
    #expect(found.members?.count == files.count + 1)
    for member in found.members ?? [] { #expect(member.value.doubleValue == 0, "\(member.name)") }
  }
}
