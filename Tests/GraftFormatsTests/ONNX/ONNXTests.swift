import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct ONNXTests {
  private typealias Build = ONNXBuilder

  private func rule(_ bytes: [UInt8]) throws -> String? {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, as: "x.onnx")
    do throws(Diagnostic) {
      let reader = try Formats.open(path)
      for index in reader.entries.indices { _ = try reader.tensor(at: index) }
    } catch { return error.rule }
    return nil
  }

  private func open(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> any CheckpointReader {
    try Formats.open(folder.write(bytes, as: "x.onnx"))
  }

  private func tensor(_ name: String, _ reader: any CheckpointReader) throws -> Tensor {
    try reader.tensor(at: #require(reader.entries.firstIndex { $0.name == name }, "\(name)"))
  }

  // MARK: Reading

  static let breaches: [(String, [UInt8])] = [
    ("onnx.sparse", Build.model(Build.bytes(15, Build.bytes(1, Build.tensor("few", 1, [1], []))))),
    (
      "onnx.sparse",
      Build.model(
        Build.bytes(1, Build.node("Constant", [], ["c"], Build.attribute("sparse_value", Build.bytes(22, [])))))
    ),
    ("onnx.name", Build.model(Build.bytes(5, Build.tensor("", 1, [0], [])))),
    (
      "onnx.name",
      Build.model(Build.bytes(1, Build.node("Constant", [], [], Build.attribute("value_float", Build.float(2, 1)))))
    ),
    ("onnx.limit", Build.model(Build.initializer(String(repeating: "n", count: 70_000)))),
    (
      "onnx.limit",
      Build.model(
        Build.bytes(
          1,
          Build.node(
            "If", [], ["y"], name: String(repeating: "n", count: 4000),
            Build.attribute(
              "then",
              Build.bytes(
                6,
                Build.bytes(
                  1,
                  Build.node(
                    "If", [], ["z"], name: String(repeating: "m", count: 90),
                    Build.attribute("else", Build.bytes(6, []))))))))
      )
    ),
    ("onnx.limit", Build.model([], Build.bytes(25, Build.text(1, String(repeating: "f", count: 4100))))),
    ("onnx.count", Build.model([], (0..<1001).flatMap { _ in Build.bytes(8, Build.number(2, 17)) })),
    ("onnx.count", Build.model([], (0..<500_001).flatMap { _ in Build.bytes(25, []) })),
    ("onnx.duplicate", Build.model([], Build.bytes(25, Build.text(1, "f")) + Build.bytes(25, Build.text(1, "f")))),
    ("onnx.message", Build.model(Build.bytes(5, Build.bytes(1, [0x80]) + Build.number(2, 1)))),
    ("onnx.count", Build.model((0..<500_001).flatMap { _ in Build.bytes(1, []) })),
    ("onnx.duplicate", Build.model([]) + Build.bytes(7, [])),
    ("onnx.duplicate", Build.model([], Build.bytes(14, Build.text(1, "k")) + Build.bytes(14, Build.text(1, "k")))),
    ("onnx.axis", Build.model(Build.bytes(5, Build.tensor("w", 1, [Int64](repeating: 1, count: 65), [])))),
    ("onnx.data", Build.model(Build.bytes(5, Build.tensor("w", 1, [0], Build.bytes(9, []) + Build.bytes(9, []))))),
    ("onnx.data", Build.model(Build.bytes(5, Build.tensor("w", 7, [1], Build.float(4, 1))))),
    ("onnx.value", Build.model(Build.bytes(5, Build.tensor("w", 12, [1], Build.number(11, 1 << 32))))),
    ("onnx.value", Build.model(Build.bytes(5, Build.tensor("w", 9, [1], Build.number(5, 2))))),
    ("onnx.dtype", Build.model(Build.bytes(5, Build.tensor("w", 22, [2], Build.bytes(9, [0]))))),
    ("onnx.size", Build.model(Build.bytes(5, Build.tensor("w", 23, [3], Build.bytes(9, [0, 0]))))),
    ("onnx.truncated", Build.model(Build.bytes(5, Build.tensor("w", 1, [1], Build.bytes(4, [0, 0, 0]))))),
    ("onnx.truncated", Build.model(Build.bytes(5, Build.tensor("w", 6, [1], Build.bytes(5, [0x80]))))),
    ("onnx.byte-count", Build.model(Build.bytes(5, Build.tensor("w", 6, [1], Build.bytes(5, [0, 1]))))),
    ("onnx.wire-type", Build.model(Build.bytes(5, Build.tensor("w", 6, [1], Build.float(5, 0))))),
    ("onnx.wire-type", Build.model([0x0C])),
  ]

  @Test("What breaks a rule breaks that one", arguments: breaches.indices)
  func broken(_ number: Int) throws {
    let (expected, bytes) = Self.breaches[number]
    #expect(try rule(bytes) == expected)
  }

  @Test("Functions of one name are told apart by domain and overload")
  func functions() throws {
    func function(_ domain: String, _ overload: String, _ value: Float) -> [UInt8] {
      Build.bytes(
        25,
        Build.text(1, "f") + Build.text(10, domain) + Build.text(13, overload)
          + Build.bytes(7, Build.node("Constant", [], ["c"], Build.attribute("value_float", Build.float(2, value)))))
    }
    let folder = try TemporaryFolder()
    let reader = try open(
      Build.model(Build.initializer("c"), function("a", "", 1) + function("b", "", 2) + function("b", "x", 3)), folder)
    #expect(reader.entries.map(\.name) == ["c", "a:f/c", "b:f/c", "b:f:x/c"])
    for (name, value) in [("a:f/c", Float(1)), ("b:f/c", 2), ("b:f:x/c", 3)] {
      #expect(try tensor(name, reader).floats == [value])
    }
  }

  @Test("Data of every type stand raw, packed and one by one, and are the same")
  func spellings() throws {
    // (type, field, numbers, the bytes in memory)
    let cases: [(Int64, UInt64, [Int64], [UInt8])] = [
      (2, 5, [0, 255], [0, 255]), (3, 5, [-128, 127], [0x80, 0x7F]), (4, 5, [1, 65_535], [1, 0, 255, 255]),
      (5, 5, [-2, 3], [0xFE, 0xFF, 3, 0]), (6, 5, [-1, 7], [255, 255, 255, 255, 7, 0, 0, 0]),
      (7, 7, [-1, 2], [UInt8](repeating: 255, count: 8) + [2, 0, 0, 0, 0, 0, 0, 0]), (9, 5, [1, 0], [1, 0]),
      (10, 5, [15_360, 49_152], [0, 0x3C, 0, 0xC0]), (12, 11, [1, 4_294_967_295], [1, 0, 0, 0, 255, 255, 255, 255]),
      (13, 11, [-1, 1], [UInt8](repeating: 255, count: 8) + [1, 0, 0, 0, 0, 0, 0, 0]),
      (16, 5, [16_256, 49_024], [0x80, 0x3F, 0x80, 0xBF]), (17, 5, [56, 200], [56, 200]),
      (18, 5, [56, 200], [56, 200]),
      (19, 5, [56, 200], [56, 200]), (20, 5, [56, 200], [56, 200]), (24, 5, [127, 254], [127, 254]),
      (23, 5, [0x21], [0x21]),
    ]
    let folder = try TemporaryFolder()
    for (type, field, numbers, memory) in cases {
      let dims: [Int64] = [2]
      let spellings = [
        Build.bytes(9, memory), numbers.flatMap { Build.number(field, $0) },
        Build.bytes(field, numbers.flatMap { Build.varint(UInt64(bitPattern: $0)) }),
      ]
      for data in spellings {
        let reader = try open(Build.model(Build.bytes(5, Build.tensor("w", type, dims, data))), folder)
        let tensor = try reader.tensor(at: 0)
        #expect(withExtendedLifetime(tensor) { Array(tensor.bytes) } == memory, "type \(type)")
      }
    }
    let pair = Build.float(4, 1) + Build.float(4, -2)
    let reader = try open(
      Build.model(
        Build.bytes(5, Build.tensor("c", 14, [1], pair)) + Build.bytes(5, Build.tensor("f", 1, [2], pair))), folder)
    #expect(reader.entries.map(\.dtype) == [.c64, .f32])
    #expect(try reader.tensor(at: 1).floats == [1, -2])
    let complex = try reader.tensor(at: 0)
    #expect(withExtendedLifetime(complex) { complex.bytes.count } == 8)
  }

  @Test("Constants of every kind are read, those of texts passed over, and inner names are told apart")
  func constants() throws {
    func constant(_ output: String, _ name: String, _ value: [UInt8]) -> [UInt8] {
      Build.bytes(1, Build.node("Constant", [], [output], Build.attribute(name, value)))
    }
    let inner = Build.initializer("w") + Build.initializer("v") + constant("f", "value_float", Build.float(2, 3))
    let branch = Build.node("If", ["c"], ["y"], name: "choice", Build.attribute("then_branch", Build.bytes(6, inner)))
    let graph =
      constant("f", "value_float", Build.float(2, 0.5))
      + constant("fs", "value_floats", Build.float(7, 1) + Build.float(7, 2))
      + constant("i", "value_int", Build.number(3, -3)) + constant("is", "value_ints", Build.bytes(8, [4, 5, 6]))
      + constant("t", "value", Build.bytes(5, Build.tensor("", 7, [1], Build.number(7, 9))))
      + constant("s", "value_string", Build.text(4, "words"))
      + constant("st", "value", Build.bytes(5, Build.tensor("", 8, [1], Build.text(6, "words"))))
      + Build.bytes(1, branch) + Build.initializer("w")
    let function = Build.bytes(
      25,
      Build.text(1, "twice")
        + Build.bytes(7, Build.node("Constant", [], ["f"], Build.attribute("value_int", Build.number(3, 1)))))
    let folder = try TemporaryFolder()
    let reader = try open(Build.model(graph, function), folder)
    #expect(
      reader.entries.map(\.name) == [
        "w", "f", "fs", "i", "is", "t", "choice/then_branch/w", "v", "choice/then_branch/f", "twice/f",
      ])
    #expect(try tensor("f", reader).floats == [0.5])
    #expect(try tensor("f", reader).shape == [])
    #expect(try tensor("fs", reader).floats == [1, 2])
    #expect(try tensor("i", reader).dtype == .i64)
    #expect(try tensor("is", reader).shape == [3])
    #expect(try tensor("choice/then_branch/f", reader).floats == [3])
    #expect(reader.omissions.contains { $0.text.contains("2 constants of texts") })
  }

  @Test("A file that is linked from a cache finds its data beside its own link, and no others") func links() throws {
    let folder = try TemporaryFolder()
    let manager = FileManager.default
    for name in ["blobs", "snapshot", "elsewhere"] {
      try manager.createDirectory(atPath: folder.path + "/" + name, withIntermediateDirectories: false)
    }
    func entry(_ key: String, _ value: String) -> [UInt8] { Build.bytes(13, Build.text(1, key) + Build.text(2, value)) }
    let bytes = Build.model(
      Build.bytes(
        5, Build.tensor("w", 1, [2], entry("location", "m.data") + entry("offset", "4") + Build.number(14, 1))))
    try folder.write(bytes, as: "blobs/1")
    for place in ["blobs", "elsewhere"] { try folder.write([UInt8](repeating: 0, count: 12), as: place + "/2") }
    let snapshot = folder.path + "/snapshot"
    try manager.createSymbolicLink(atPath: snapshot + "/m.onnx", withDestinationPath: "../blobs/1")
    try manager.createSymbolicLink(atPath: snapshot + "/m.data", withDestinationPath: "../blobs/2")
    #expect(try Formats.open(snapshot + "/m.onnx").tensor(at: 0).floats == [0, 0])
    try manager.removeItem(atPath: snapshot + "/m.data")
    try manager.createSymbolicLink(atPath: snapshot + "/m.data", withDestinationPath: "../elsewhere/2")
    let error = #expect(throws: Diagnostic.self) { try Formats.open(snapshot + "/m.onnx") }
    #expect(error?.rule == "onnx.external-path")
  }

  // MARK: Exported models

  @Test(
    "The tensors of an exported model are the model's own, to the bit, with its names and orientation",
    arguments: ["script", "dynamo"])
  func exported(_ name: String) throws {
    let reader = try Formats.open(Fixtures.folder + "/onnx/\(name).onnx")
    let expected = try Formats.open(Fixtures.folder + "/layouts/dit.safetensors")
    // As the exporter left them: named by their modules, and 13 of them turned.
    let shapes = Dictionary(expected.entries.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    let weights = reader.entries.filter { shapes[$0.name] != nil }
    #expect(weights.count == expected.entries.count && reader.entries.count > weights.count)
    #expect(weights.count { shapes[$0.name] != $0.shape } == 10)  // Three more are square.
    #expect(reader.notes.contains { $0.hasPrefix("13 weights of MatMul are transposed") })
    let model = reader.asModel
    #expect(Set(model.entries.map(\.name)) == Set(shapes.keys))
    for (index, entry) in expected.entries.enumerated() {
      #expect(try tensor(entry.name, model) == expected.tensor(at: index), "\(entry.name)")
    }
    let folder = try TemporaryFolder()
    for target in ["x.safetensors", "x.pt", "x.onnx"] {
      var options = ConversionOptions()
      options.memoryLimit = 64_000_000
      _ = try Conversion(model, to: folder.path + "/" + target, options: options).run()
      let copy = try Formats.open(folder.path + "/" + target)
      #expect(try CheckpointDifference(copy, expected).isEqual)
    }
  }

  /// A `MatMul` with what stands around it, as an exporter of PyTorch leaves a `Linear`.
  private func product(_ weight: String, _ rest: [UInt8] = [], dims: [Int64] = [2, 2]) -> [UInt8] {
    Build.bytes(1, Build.node("MatMul", ["x", weight], ["y"], name: "/a/fc/MatMul")) + rest
      + Build.initializer(weight, dims)
  }

  @Test("A numbered weight is called by its module only where the graph leaves no doubt") func doubts() throws {
    let folder = try TemporaryFolder()
    let weight = "onnx::MatMul_7"
    func names(_ graph: [UInt8]) throws -> [String] {
      let reader = try open(Build.model(graph), folder)
      return reader.entries.map(\.name) + reader.asModel.entries.map { "\($0.name) of the model" }
    }
    let own = ["a.fc.weight", "a.fc.weight of the model"]
    #expect(try names(product(weight)) == own)  // Alone in its module.
    let other = Build.bytes(1, Build.node("Relu", ["y"], ["z"], name: "/a/fc/Relu"))
    #expect(try names(product(weight, other)) == [weight])
    let bias = Build.bytes(1, Build.node("Add", ["y", "a.fc.bias"], ["z"], name: "/a/fc/Add"))
    #expect(try names(product(weight, bias + Build.initializer("a.fc.bias"))).contains("a.fc.weight"))
    let foreign = Build.bytes(1, Build.node("Add", ["y", "b"], ["z"], name: "/a/fc/Add")) + Build.initializer("b")
    #expect(try names(product(weight, foreign)).contains(weight))
    // Taken by two modules, taken already, and named by a person.
    let second = Build.bytes(1, Build.node("MatMul", ["x", weight], ["z"], name: "/b/fc/MatMul"))
    #expect(try names(product(weight, second)).contains(weight))
    #expect(try names(product(weight, Build.initializer("a.fc.weight"))).contains(weight))
    let named = try open(Build.model(product("a.fc.weight", dims: [2, 3])), folder)
    #expect(named.asModel.entries.map(\.shape) == [[2, 3]])
    let turned = try open(Build.model(product(weight, dims: [2, 3])), folder)
    #expect(turned.entries.map(\.shape) == [[2, 3]] && turned.asModel.entries.map(\.shape) == [[3, 2]])
    let raw = try turned.asModel.tensor(at: 0)
    var bytes: [UInt8] = []
    for place in [0, 3, 1, 4, 2, 5] as [UInt8] { bytes += [4 * place, 4 * place + 1, 4 * place + 2, 4 * place + 3] }
    #expect(withExtendedLifetime(raw) { Array(raw.bytes) } == bytes)
  }

  @Test("The model's view of a part is that part of the whole's view") func part() throws {
    let folder = try TemporaryFolder()
    let node = Build.node("MatMul", ["x", "onnx::MatMul_7"], ["y"], name: "/model/fc/MatMul")
    let graph = Build.bytes(1, node) + Build.initializer("onnx::MatMul_7", [2, 3]) + Build.initializer("other", [4])
    let part = try open(Build.model(graph), folder).selecting("model")
    #expect(part.entries.map(\.name) == ["fc.weight"] && part.entries.map(\.shape) == [[2, 3]])
    #expect(part.asModel.entries.map(\.shape) == [[3, 2]] && part.holdsTurnedMatrices)
    #expect(part.asModel.omissions.map(\.text) == ["the graph of 1 node"])
    let turned = try part.asModel.tensor(at: 0)
    #expect(try turned == open(Build.model(graph), folder).asModel.tensor(at: 0))
  }

  @Test("A node that ONNX Runtime made of others still tells of its module", arguments: ["", "/", "_token_3"])
  func optimised(_ end: String) throws {
    let folder = try TemporaryFolder()
    let name = "/a/fc/MatMul/MatMulAddFusion" + end
    let node = Build.node("Gemm", ["x", "onnx::MatMul_7", "a.fc.bias"], ["y"], name: name)
    let graph =
      Build.bytes(1, node) + Build.initializer("onnx::MatMul_7", [2, 3]) + Build.initializer("a.fc.bias", [3])
      + Build.initializer("/a/Constant_output_0", [1])
    let model = try open(Build.model(graph), folder).asModel
    #expect(model.entries.map(\.name) == ["a.fc.weight", "a.fc.bias"] && model.entries[0].shape == [3, 2])
  }

  @Test("What an exporter keeps once with equal ones has all its names") func copies() throws {
    let folder = try TemporaryFolder()
    // The one that traces says so by nodes, numbered weights among them.
    let traced =
      Build.bytes(1, Build.node("Identity", ["a.fc.bias"], ["b.fc.bias"], name: "Identity_1"))
      + Build.bytes(1, Build.node("Identity", ["onnx::MatMul_7"], ["onnx::MatMul_9"], name: "Identity_2"))
      + Build.bytes(1, Build.node("MatMul", ["x", "onnx::MatMul_9"], ["z"], name: "/b/fc/MatMul"))
      + product("onnx::MatMul_7", Build.initializer("a.fc.bias", [2]), dims: [3, 2])
    let first = try open(Build.model(traced), folder)
    #expect(first.asModel.entries.map(\.name) == ["a.fc.bias", "a.fc.weight", "b.fc.bias", "b.fc.weight"])
    #expect(first.asModel.entries.map(\.shape) == [[2], [2, 3], [2], [2, 3]])
    let firstModel = first.asModel
    #expect(try firstModel.tensor(at: 3) == firstModel.tensor(at: 1))
    // The one that exports programs lists them.
    func entry(_ field: UInt64, _ key: String, _ value: String) -> [UInt8] {
      Build.bytes(field, Build.text(1, key) + Build.text(2, value))
    }
    func linear(_ module: String, _ output: String, of type: String) -> [UInt8] {
      let scopes = entry(9, "pkg.torch.onnx.name_scopes", "['', '\(module)', 'linear']")
      let classes = entry(
        9, "pkg.torch.onnx.class_hierarchy", "['M', '\(type)', 'aten.linear.default']")
      return Build.bytes(1, Build.node("MatMul", ["x", "val_1"], [output], scopes + classes))
        + Build.bytes(1, Build.node("Add", [output, "a.bias"], [output + "b"], scopes + classes))
    }
    let signature = ["a.weight", "a.bias", "b.weight", "b.bias"].map { "p: PARAMETER target='\($0)'" }
    func program(of type: String = "torch.nn.modules.linear.Linear") -> [UInt8] {
      linear("a", "y", of: type) + linear("b", "z", of: type) + Build.initializer("val_1", [3, 2])
        + Build.initializer("a.bias", [2]) + Build.initializer("fraction")
        + entry(16, "pkg.torch.export.ExportedProgram.graph_signature", signature.joined(separator: "\n"))
    }
    let second = try open(Build.model(program()), folder)
    #expect(second.entries.map(\.name) == ["a.weight", "a.bias", "fraction", "b.bias", "b.weight"])
    #expect(second.asModel.entries.map(\.name) == ["a.weight", "a.bias", "b.bias", "b.weight"])
    #expect(second.asModel.entries.map(\.shape) == [[2, 3], [2], [2], [2, 3]])
    #expect(!second.notes.contains { $0.contains("not in the graph") })
    #expect(second.omissions.contains(where: \.isLoss) && !second.asModel.omissions.contains(where: \.isLoss))

    // A class of somebody's own may have worked the weight out, and a fold leaves parameters without a place.
    let third = try open(Build.model(program(of: "mine.Scaled")), folder)
    #expect(third.asModel.entries.map(\.name) == ["a.bias"])
    #expect(third.notes.contains { $0.contains("3 tensors of the exported program, such as 'a.weight', are not in") })
  }

  @Test("Sizes that an optimiser adds are none of the model's tensors") func sizes() throws {
    let folder = try TemporaryFolder()
    let graph =
      Build.bytes(1, Build.node("Reshape", ["x", "gemm_input_shape"], ["y"]))
      + Build.bytes(1, Build.node("Add", ["y", "steps"], ["z"])) + Build.initializer("gemm_input_shape", [2])
      + Build.initializer("steps", [2])
    let reader = try open(Build.model(graph), folder)
    #expect(reader.entries.count == 2 && reader.asModel.entries.map(\.name) == ["steps"])
  }

  // MARK: Writing

  private func write(
    _ tensors: [(name: String, tensor: Tensor)], _ folder: TemporaryFolder, limit: Int? = nil,
    metadata: [String: String] = [:]
  ) throws -> any CheckpointReader {
    var options = TransferEngine.Options()
    options.shardByteCount = limit
    options.force = true
    try TransferEngine.write(tensors, metadata: metadata, to: folder.path + "/w.onnx", options: options)
    return try Formats.open(folder.path + "/w.onnx")
  }

  @Test("Data begin at multiples of 64 in the model, and of 4096 in a file of their own", arguments: [nil, 5000])
  func alignment(_ limit: Int?) throws {
    let folder = try TemporaryFolder()
    let marks: [[UInt8]] = (0..<6).map { number in (0..<16).map { UInt8(160 + number * 16 + $0) } }
    let counts = [16, 300, 1024, 1100, 5000, 40_000]
    let tensors = zip(marks, counts).enumerated().map { number, pair in
      let tensor = Tensor(zeros: .u8, [pair.1])
      tensor.mutableBytes.copyBytes(from: pair.0)
      return (String(repeating: "n", count: number * 40 + 1), tensor)
    }
    let reader = try write(tensors, folder, limit: limit, metadata: ["a": "b"])
    #expect(reader.metadata == ["a": "b"] && reader.notes == [])
    #expect(folder.names == (limit == nil ? ["w.onnx"] : ["w.onnx", "w.onnx.data"]))
    for (index, (name, tensor)) in tensors.enumerated() {
      #expect(reader.entries[index].name == name)
      #expect(try reader.tensor(at: index) == tensor)
    }
    for (number, mark) in marks.enumerated() {
      let isOutside = limit != nil && counts[number] >= 1024
      let data = try Data(contentsOf: URL(filePath: folder.path + (isOutside ? "/w.onnx.data" : "/w.onnx")))
      let place = try #require(data.range(of: Data(mark)))
      #expect(place.lowerBound % (isOutside ? 4096 : 64) == 0)
    }
    // A second time makes the same files anew, and appends nothing.
    let first = try folder.names.map { try Fixtures.bytes(folder.path + "/" + $0) }
    _ = try write(tensors, folder, limit: limit, metadata: ["a": "b"])
    #expect(try folder.names.map { try Fixtures.bytes(folder.path + "/" + $0) } == first)
  }

  @Test("Disk blocks that were set aside for more than came are given back") func reserved() throws {
    let folder = try TemporaryFolder()
    let small = (0..<1000).map { ("small.\($0)", Tensor(zeros: .u8, [1000])) }
    _ = try write(small + [("large", Tensor(zeros: .u8, [2000]))], folder, limit: 5000)
    var status = stat()
    #expect(stat(folder.path + "/w.onnx.data", &status) == 0)
    #expect(status.st_size < 10_000 && status.st_blocks * 512 < 100_000)
  }

  @Test("What ONNX has no room for is refused") func unwritable() throws {
    let folder = try TemporaryFolder()
    for dtype in [DType.f6e2m3, .f6e3m2] {
      let error = #expect(throws: Diagnostic.self) { try write([("x", Tensor(zeros: dtype, [8]))], folder) }
      #expect(error?.rule == "onnx.unwritable")
    }
    #expect(folder.names == [] && folder.hidden == [])
  }

  @Test("A tensor without a name gets one in the file, and has none when it is read") func unnamed() throws {
    let folder = try TemporaryFolder()
    let reader = try write([("", Tensor([1, 2], [2])), ("unnamed", Tensor([3], [1]))], folder)
    #expect(reader.entries.map(\.name) == ["", "unnamed"])
    #expect(reader.metadata == [:])
  }

  @Test("Versions are those of 2022 unless a type needs others")
  func versions() throws {
    let folder = try TemporaryFolder()
    let cases: [(DType, UInt8)] = [(.bf16, 8), (.c128, 8), (.f8e4m3, 9), (.f4, 11), (.f8e8m0, 12)]
    for (dtype, version) in cases {
      _ = try write([("x", Tensor(zeros: dtype, [8]))], folder)
      #expect(Array(try Fixtures.bytes(folder.path + "/w.onnx").prefix(2)) == [8, version])
    }
  }
}
