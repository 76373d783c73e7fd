import Foundation
import GraftFormats
import GraftIR
import Testing

@Suite struct TransferEngineTests {
  static let outputs = ["out.safetensors", "out.pt"]

  /// A tensor of each type that `format` can hold, and shapes that layouts stumble over.
  static func tensors(for name: String) -> [(name: String, tensor: Tensor)] {
    var random = SeededNumbers(seed: 5)
    func tensor(_ dtype: DType, _ shape: Shape) -> Tensor {
      let tensor = Tensor(zeros: dtype, shape)
      for index in tensor.mutableBytes.indices {
        tensor.mutableBytes[index] = dtype == .bool ? UInt8(index % 2) : UInt8(truncatingIfNeeded: random.next())
      }
      return tensor
    }
    let types = DType.allCases.filter { dtype in
      name.hasSuffix(".pt") ? dtype != .f6e2m3 && dtype != .f6e3m2 : dtype != .c128
    }
    return types.map { ("every.\($0)", tensor($0, [3, 4])) } + [
      ("scalar", tensor(.f32, [])), ("empty", tensor(.i64, [0, 5])), ("odd", tensor(.u8, [7])), ("", tensor(.f16, [1])),
      ("номер/重み", tensor(.f32, [2, 1, 3])),
    ]
  }

  @Test("What is written reads back, for every type", arguments: outputs)
  func roundTrip(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/" + name
    let tensors = Self.tensors(for: name)
    let metadata = ["note": "schlüssel ☃\n", "format": "pt"]
    try TransferEngine.write(tensors, metadata: metadata, to: path)
    let reader = try Formats.open(path)
    #expect(reader.metadata == metadata)
    #expect(reader.entries.count == tensors.count)
    for (name, tensor) in tensors {
      let index = try #require(reader.entries.firstIndex { $0.name == name }, "\(name)")
      let read = try reader.tensor(at: index)
      #expect(read.type == tensor.type && read.bytes.elementsEqual(tensor.bytes), "\(name)")
    }
    #expect(folder.names == [name])
  }

  /// A small checkpoint to start from, and its path.
  private func source(in folder: TemporaryFolder) throws -> String {
    let path = folder.path + "/source.safetensors"
    try TransferEngine.write(
      [("w", Tensor([1, 1.00390625, -2, .nan], [2, 2])), ("b", Tensor(.i64, [2], integers: [7, -7]))], to: path)
    return path
  }

  private func plan(_ source: String) -> WeightPlan {
    let w = WeightExpression.source(SourceTensor(source: 0, name: "w", dtype: .f32, shape: [2, 2]))
    let b = WeightExpression.source(SourceTensor(source: 0, name: "b", dtype: .i64, shape: [2]))
    let draw = Draw(.normal(mean: 0, deviation: 0.02), seed: 1, stream: "fresh")
    let constant = WeightExpression.apply(
      primitive: "Constant", ["dtype": .dtype(.f32), "shape": .ints([2]), "values": .floats([3, 4])], [],
      TensorType(.f32, Shape([2])))
    func planned(_ name: String, _ dtype: DType, _ expression: WeightExpression, _ origin: WeightOrigin)
      -> PlannedTensor
    {
      PlannedTensor(
        name: name, dtype: dtype, shape: expression.type.shape ?? [], expression: expression, origin: origin)
    }
    return WeightPlan(
      sources: [WeightPlan.Source(file: source, key: nil)],
      tensors: [
        planned("kept", .f32, w, .kept), planned("cast", .bf16, w, .kept), planned("kept.b", .i64, b, .kept),
        planned("zeros", .f16, .fill(0, .f32, [3, 5]), .computed),
        planned("ones", .f32, .fill(1, .f32, [1000]), .computed),
        planned("fresh", .f32, .draw(draw, [700_001]), .fresh), planned("fresh.bf16", .bf16, .draw(draw, [9]), .fresh),
        planned("constant", .f32, constant, .computed), planned("again", .f16, constant, .computed),
      ], metadata: ["graft": "text"])
  }

  @Test("A plan's file holds what its expressions say", arguments: outputs)
  func run(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    let plan = plan(source)
    let path = folder.path + "/" + name
    let input = try Formats.open(source)
    var steps: [TransferEngine.Progress] = []
    try TransferEngine.run(plan, readers: [input], to: path, progress: { steps.append($0) })
    let reader = try Formats.open(path)
    #expect(reader.entries.count == plan.tensors.count)
    for tensor in plan.tensors {
      let index = try #require(reader.entries.firstIndex { $0.name == tensor.name })
      let expected = try #require(try tensor.expression.evaluate([input]).cast(to: tensor.dtype))
      let found = try reader.tensor(at: index)
      #expect(found.type == TensorType(tensor.dtype, tensor.shape))
      #expect(found.bytes.elementsEqual(expected.bytes), "\(tensor.name)")
    }
    let digest = try Fixtures.bytes(source).withUnsafeBytes { Fixtures.digest($0) }
    #expect(reader.metadata == ["graft": "text", "graft.source.0.sha256": digest])
    #expect(steps.map(\.tensors) == Array(1...9))
    #expect(steps.last?.bytes == steps.last?.byteCount)
    #expect(folder.names == [name, "source.safetensors"].sorted())
  }

  @Test("The same plan gives the same bytes, whatever the file is called", arguments: outputs)
  func determinism(_ name: String) throws {
    let folder = try TemporaryFolder()
    let plan = plan(try source(in: folder))
    let input = try Formats.open(folder.path + "/source.safetensors")
    try TransferEngine.run(plan, readers: [input], to: folder.path + "/" + name)
    try TransferEngine.run(plan, readers: [input], to: folder.path + "/other-" + name)
    #expect(try Fixtures.bytes(folder.path + "/" + name) == Fixtures.bytes(folder.path + "/other-" + name))
  }

  @Test("A key nests the tensors of a PyTorch file") func key() throws {
    let folder = try TemporaryFolder()
    var options = TransferEngine.Options()
    options.key = "ema"
    try TransferEngine.write([("w", Tensor([1, 2], [2]))], to: folder.path + "/x.pt", options: options)
    #expect(try Formats.open(folder.path + "/x.pt").entries.map(\.path) == [["ema", "w"]])
    let (model, notes) = try Formats.openModel(CheckpointAddress(parsing: folder.path + "/x.pt"))
    #expect(model.entries.map(\.name) == ["w"] && notes.count == 1)
  }

  @Test("An output that exists is refused, unless it may be replaced") func existing() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], as: "x.safetensors")
    let error = #expect(throws: Diagnostic.self) { try TransferEngine.write([], to: path) }
    #expect(error?.rule == "transfer.exists" && error?.category == .cannotCreate)
    #expect(try Fixtures.bytes(path) == [1, 2, 3])
    var options = TransferEngine.Options()
    options.force = true
    try TransferEngine.write([], to: path, options: options)
    #expect(try Formats.open(path).entries.isEmpty)
    #expect(folder.names == ["x.safetensors"])
  }

  @Test("What a killed process left behind is replaced") func stale() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 2, 3], as: ".x.safetensors.graft-partial")
    try TransferEngine.write([], to: folder.path + "/x.safetensors")
    #expect(folder.names == ["x.safetensors"])
  }

  @Test("Two processes do not write one file") func busy() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    let path = folder.path + "/x.safetensors"
    var refusals: [Diagnostic] = []
    let input = try Formats.open(source)
    try TransferEngine.run(
      plan(source), readers: [input], to: path,
      progress: { _ in
        // A lock belongs to the opened file and not to the process, so one process stands in for two.
        do throws(Diagnostic) { try TransferEngine.write([], to: path) } catch { refusals.append(error) }
      })
    #expect(refusals.count == 9)
    #expect(refusals.allSatisfy { $0.rule == "transfer.busy" && $0.category == .cannotCreate })
    #expect(try Formats.open(path).entries.count == 9)
    #expect(folder.names == ["source.safetensors", "x.safetensors"])
  }

  @Test("A missing folder, a folder as output and a name without format are refused") func places() throws {
    let folder = try TemporaryFolder()
    for (path, rule, category) in [
      (folder.path + "/no/x.pt", "transfer.folder", Diagnostic.Category.cannotCreate),
      (folder.path, "transfer.format", .usage), (folder.path + "/x.txt", "transfer.format", .usage),
      ("/proc/x.pt", "transfer.create", .cannotCreate),
    ] {
      let error = #expect(throws: Diagnostic.self) { try TransferEngine.write([], to: path) }
      #expect(error?.rule == rule && error?.category == category)
    }
    try FileManager.default.createDirectory(atPath: folder.path + "/d.pt", withIntermediateDirectories: false)
    let error = #expect(throws: Diagnostic.self) { try TransferEngine.write([], to: folder.path + "/d.pt") }
    #expect(error?.rule == "transfer.exists")
  }

  @Test("A checkpoint is not written over itself, under whatever name") func ownSource() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    let link = folder.path + "/link.safetensors"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: source)
    var options = TransferEngine.Options()
    options.force = true
    for path in [source, link] {
      let error = #expect(throws: Diagnostic.self) {
        try TransferEngine.run(plan(source), readers: [try Formats.open(source)], to: path, options: options)
      }
      #expect(error?.rule == "transfer.own-source" && error?.category == .cannotCreate)
    }
  }

  @Test("An interrupted transfer leaves nothing behind", arguments: 0..<6)
  func cancellation(_ step: Int) throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    var asked = 0
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.run(
        plan(source), readers: [try Formats.open(source)], to: folder.path + "/x.pt",
        isCancelled: {
          asked += 1
          return asked > step
        })
    }
    #expect(error?.rule == "transfer.interrupted" && error?.category == .interrupted)
    #expect(folder.names == ["source.safetensors"])
  }

  @Test("A full disk is an input or output failure and leaves nothing behind") func fullDisk() async throws {
    // The limit counts for a whole process, so it is set in one of its own.
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let folder = try TemporaryFolder()
      for name in ["x.pt", "x.safetensors"] {
        let error = #expect(throws: Diagnostic.self) {
          try TransferEngine.write([("w", Tensor(zeros: .f32, [100_000]))], to: folder.path + "/" + name)
        }
        #expect(error?.rule == "transfer.write" && error?.category == .ioFailure)
      }
      #expect(folder.names == [])
    }
  }

  @Test("A plan that cannot be carried out is refused before a file is made") func plans() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    let good = plan(source).tensors[0]
    func tensor(
      _ name: String, _ dtype: DType, _ shape: Shape, _ expression: WeightExpression
    ) -> PlannedTensor {
      PlannedTensor(name: name, dtype: dtype, shape: shape, expression: expression, origin: .computed)
    }
    let cases: [(PlannedTensor, String)] = [
      (
        tensor("x", .f32, [2, 2], .source(SourceTensor(source: 0, name: "W", dtype: .f32, shape: [2, 2]))),
        "transfer.missing-source"
      ),
      (
        tensor("x", .f32, [2, 2], .source(SourceTensor(source: 3, name: "w", dtype: .f32, shape: [2, 2]))),
        "transfer.missing-source"
      ),
      (
        tensor("x", .f32, [2, 2], .source(SourceTensor(source: 0, name: "w", dtype: .f64, shape: [2, 2]))),
        "transfer.source-type"
      ),
      (tensor("x", .f32, [2, 2], .fill(0, .f32, [3])), "transfer.shape"),
      (tensor("x", .c64, [1], .fill(0, .f32, [1])), "transfer.cast"),
      (tensor("kept", .f32, [1], .fill(0, .f32, [1])), "transfer.duplicate-name"),
      (
        tensor(
          "x", .f32, [],
          .apply(
            primitive: "ReduceSum", ["axes": .ints([0]), "keepdims": .bool(false)],
            [.draw(Draw(.uniform(low: 0, high: 1), seed: 0, stream: "x"), [1 << 40])],
            TensorType(.f32, Shape([])))), "transfer.size"
      ),
      (
        tensor("x", .f32, [1], .apply(primitive: "No", [:], [], TensorType(.f32, Shape([1])))),
        "transfer.unknown-primitive"
      ),
      (
        tensor(
          "x", .f32, [1],
          .apply(
            primitive: "Constant", ["dtype": .dtype(.f32), "shape": .ints([2]), "values": .floats([1])], [],
            TensorType(.f32, Shape([1])))), "transfer.expression-type"
      ),
      (tensor("x", .c128, [1], .fill(0, .c128, [1])), "transfer.cast"),
      (
        {
          var packed = tensor("x", .f32, [2, 32], .fill(0, .f32, [2, 32]))
          packed.blocks = .q8_0
          return packed
        }(), "transfer.blocks"
      ),
    ]
    for (bad, rule) in cases {
      let plan = WeightPlan(sources: [], tensors: [good, bad], metadata: [:])
      let error = #expect(throws: Diagnostic.self) {
        try TransferEngine.run(plan, readers: [try Formats.open(source)], to: folder.path + "/x.safetensors")
      }
      #expect(error?.rule == rule, "\(bad.name)")
      #expect(folder.names == ["source.safetensors"])
    }
  }

  @Test("Copies of one tensor are compared to the bit, and the first is written")
  func copies() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/copies.safetensors"
    try TransferEngine.write(
      [("a", Tensor([1, 2], [2])), ("b", Tensor([1, 2], [2])), ("c", Tensor([1, 2.5], [2]))], to: path)
    func run(_ names: [String], _ output: String) throws {
      let copies = names.map { WeightExpression.source(SourceTensor(source: 0, name: $0, dtype: .f32, shape: [2])) }
      let tensor = PlannedTensor(name: "x", dtype: .f32, shape: [2], expression: .copies(copies), origin: .kept)
      try TransferEngine.run(
        WeightPlan(sources: [], tensors: [tensor], metadata: [:]), readers: [try Formats.open(path)],
        to: folder.path + "/" + output)
    }
    try run(["b", "a", "b"], "same.safetensors")
    #expect(try Formats.open(folder.path + "/same.safetensors").tensor(at: 0).floats == [1, 2])
    let error = #expect(throws: Diagnostic.self) { try run(["a", "b", "c"], "other.safetensors") }
    #expect(error?.rule == "transfer.copies")
    #expect(folder.names == ["copies.safetensors", "same.safetensors"])
  }

  /// What a left-out tensor may be off by, in the type that holds it.
  static let omissions: [(DType, Double, Bool)] = [
    (.f32, 0, true), (.f32, 1e-4, true), (.f32, 1e-3, false), (.bf16, 1e-3, true), (.bf16, 0.1, false),
  ]

  @Test("A tensor is left out where it is close to what readers make", arguments: omissions)
  func omission(_ dtype: DType, _ difference: Double, _ isFine: Bool) throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    let held = WeightExpression.apply(
      primitive: "Cast", ["to": .dtype(dtype)], [.fill(0.5 + difference, .f32, [3])], TensorType(dtype, Shape([3])))
    var plan = plan(source)
    plan.omissions = [
      WeightPlan.Omission(name: "table", expression: held, expected: .fill(0.5, .f32, [3]), form: "layout 'a'")
    ]
    let output = folder.path + "/x.safetensors"
    func run() throws { try TransferEngine.run(plan, readers: [try Formats.open(source)], to: output) }
    guard !isFine else { return try run() }
    let error = #expect(throws: Diagnostic.self) { try run() }
    #expect(error?.rule == "transfer.omission")
    #expect(folder.names == ["source.safetensors"])
  }

  @Test("A copied checkpoint holds what the original holds", arguments: ExpectedFile.small, outputs)
  func copying(_ file: ExpectedFile, _ name: String) throws {
    let folder = try TemporaryFolder()
    guard let original = try? Formats.open(file.path) else {
      return #expect(file.isOptional || file.refusal != nil)
    }
    let path = folder.path + "/" + name
    let plan = WeightPlan(copying: original, metadata: original.metadata)
    if name.hasSuffix(".safetensors"), plan.tensors.contains(where: { $0.dtype == .c128 }) { return }
    try TransferEngine.run(plan, readers: [original], to: path)
    let copy = try Formats.open(path)
    #expect(Set(copy.entries.map(\.name)) == Set(original.entries.map(\.name)))
    for (index, entry) in copy.entries.enumerated() {
      let other = try #require(original.entries.firstIndex { $0.name == entry.name })
      let (a, b) = (try copy.tensor(at: index), try original.tensor(at: other))
      #expect(a.type == b.type && a.bytes.elementsEqual(b.bytes), "\(entry.name)")
    }
    for (name, text) in original.metadata { #expect(copy.metadata[name] == text) }
  }

  @Test("A copy casts floating point alone") func castingCopy() throws {
    let folder = try TemporaryFolder()
    let original = try Formats.open(try source(in: folder))
    let plan = WeightPlan(copying: original, as: .bf16)
    #expect(Dictionary(uniqueKeysWithValues: plan.tensors.map { ($0.name, $0.dtype) }) == ["w": .bf16, "b": .i64])
  }

  @Test("A cast that changes a value ends a transfer that refuses losses") func losses() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)  // 1.00390625 is no bf16.
    let input = try Formats.open(source)
    var options = TransferEngine.Options()
    options.countsCasts = true
    let plan = WeightPlan(copying: input, as: .bf16)
    let report = try TransferEngine.run(plan, readers: [input], to: folder.path + "/a.pt", options: options)
    #expect(report.counts == [1: CastCounts(overflow: 0, underflow: 0, nan: 1, inexact: 1)])
    options.refusesLosses = true
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.run(plan, readers: [input], to: folder.path + "/b.pt", options: options)
    }
    #expect(error?.rule == "transfer.loss" && folder.names == ["a.pt", "source.safetensors"])
    // f64 holds every f32, NaN included; f4 has none.
    try TransferEngine.run(
      WeightPlan(copying: input, as: .f64), readers: [input], to: folder.path + "/c.pt", options: options)
    try TransferEngine.write([("w", Tensor([1, .nan], [2]))], to: folder.path + "/nan.pt")
    let nan = try Formats.open(folder.path + "/nan.pt")
    let lost = #expect(throws: Diagnostic.self) {
      try TransferEngine.run(
        WeightPlan(copying: nan, as: .f4), readers: [nan], to: folder.path + "/d.safetensors", options: options)
    }
    #expect(lost?.rule == "transfer.loss")
  }

  @Test("A limit of memory gives the same bytes in shorter runs", arguments: outputs)
  func memoryLimit(_ name: String) throws {
    let folder = try TemporaryFolder()
    // A transposed view of 6 MB, of which a file holds the elements in another order.
    let draw = WeightExpression.draw(Draw(.uniform(low: -1, high: 1), seed: 1, stream: "d"), [1500, 1000])
    var whole = PlannedTensor(name: "a/w", dtype: .f32, shape: [1500, 1000], expression: draw, origin: .fresh)
    whole.keys = ["a"]
    var view = PlannedTensor(
      name: "b/w", dtype: .f32, shape: [1000, 1500], expression: .fill(0, .f32, [1000, 1500]), origin: .fresh,
      alias: TensorAlias(target: 0, offset: 0, strides: [1, 1000]))
    view.keys = ["b"]
    let strided = WeightPlan(sources: [], tensors: [whole, view], metadata: [:])
    try TransferEngine.run(strided, readers: [], to: folder.path + "/strided.pt")
    let input = try Formats.open(folder.path + "/strided.pt").selecting("b")
    let values = try input.tensor(at: 0).floats
    let original = try Formats.open(folder.path + "/strided.pt").tensor(at: 0).floats
    #expect(values[1] == original[1000] && values[1500] == original[1])
    for dtype in [nil, DType.f16] {
      let plan = WeightPlan(copying: input, as: dtype)
      var options = TransferEngine.Options()
      options.force = true
      try TransferEngine.run(plan, readers: [input], to: folder.path + "/" + name, options: options)
      let expected = try Fixtures.bytes(folder.path + "/" + name)
      let read = try Formats.open(folder.path + "/" + name).tensor(at: 0).cast(to: .f32)
      #expect(read?.floats == (dtype == nil ? values : values.map { Float(Float16($0)) }))
      options.memoryLimit = 24_000_000
      try TransferEngine.run(plan, readers: [input], to: folder.path + "/" + name, options: options)
      #expect(try Fixtures.bytes(folder.path + "/" + name) == expected)
    }
  }

  @Test("What does not fit the memory is refused before a file is made") func memory() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder)
    let large = WeightExpression.apply(
      primitive: "Constant", ["dtype": .dtype(.f32), "shape": .ints([10_000_000]), "values": .floats([1])], [],
      TensorType(.f32, Shape([10_000_000])))
    let plan = WeightPlan(
      sources: [],
      tensors: [
        PlannedTensor(name: "x", dtype: .f32, shape: [10_000_000], expression: large, origin: .computed)
      ], metadata: [:])
    for (limit, category) in [(1000, Diagnostic.Category.usage), (40_000_000, .badData)] {
      var options = TransferEngine.Options()
      options.memoryLimit = limit
      let error = #expect(throws: Diagnostic.self) {
        try TransferEngine.run(
          plan, readers: [try Formats.open(source)], to: folder.path + "/x.safetensors", options: options)
      }
      #expect(error?.rule == "transfer.memory" && error?.category == category)
      #expect(folder.names == ["source.safetensors"])
    }
  }
}
