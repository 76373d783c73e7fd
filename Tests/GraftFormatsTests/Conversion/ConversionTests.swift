import GraftFormats
import GraftIR
import Testing

/// What a conversion does, and tells of it.
@Suite struct ConversionTests {
  /// Weights of two blocks, positions, and a tie.
  private func source(_ folder: TemporaryFolder, _ name: String = "source.pt") throws -> any CheckpointReader {
    var plan = WeightPlan(sources: [], tensors: [], metadata: ["note": "n", "graft.architecture": "{}"])
    func add(_ name: String, _ dtype: DType, _ value: Double, _ shape: Shape, alias: TensorAlias? = nil) {
      plan.tensors.append(
        PlannedTensor(
          name: name, dtype: dtype, shape: shape, expression: .fill(value, dtype, shape), origin: .computed,
          alias: alias))
    }
    for block in 0..<2 {
      add("blocks.\(block).weight", .f32, 1.00390625, [4, 2])  // Halfway between two bf16.
      add("blocks.\(block).bias", .f32, 1e-45, [4])
    }
    add("large", .f32, 70_000, [3])
    add("head.weight", .f32, 1.00390625, [4, 2], alias: TensorAlias(wholeOf: 0, shape: [4, 2]))
    add("position_ids", .i64, 3, [5])
    try TransferEngine.run(plan, readers: [], to: folder.path + "/" + name)
    return try Formats.open(folder.path + "/" + name)
  }

  private func convert(
    _ reader: any CheckpointReader, _ path: String, _ change: (inout ConversionOptions) throws -> Void = { _ in }
  ) throws -> Ledger {
    var options = ConversionOptions()
    options.force = true
    try change(&options)
    return try Conversion(reader, to: path, options: options).run().ledger
  }

  private func refusal(
    _ reader: any CheckpointReader, _ path: String, _ change: (inout ConversionOptions) throws -> Void
  ) -> Diagnostic? {
    #expect(throws: Diagnostic.self) { try convert(reader, path, change) }
  }

  @Test("Where nothing changes, one line says so") func nothing() throws {
    let folder = try TemporaryFolder()
    let ledger = try convert(try source(folder), folder.path + "/out.pt")
    #expect(ledger.isUnchanged && ledger.isLossless && ledger.items.isEmpty)
    #expect(ledger.text == "nothing changed: 7 tensors, 148 bytes in \(folder.path)/out.pt")
    #expect(ledger.json["unchanged"]?.boolValue == true && ledger.json["tensors"]?.intValue == 7)
  }

  @Test("What of a pickle does not come back is told, the class of an object as no loss") func objects() throws {
    let folder = try TemporaryFolder()
    let ledger = try convert(try Formats.open(Fixtures.folder + "/formats/torch/nested.pt"), folder.path + "/out.pt")
    #expect(ledger.text.contains("left out  the class of 1 object, whose fields are kept: 'args'"))
    #expect(ledger.firstLoss?.contains("1 value of bytes, classes or empty objects: 'bytes'") == true)
  }

  @Test("Where tensors are left out, what tells of values and groups stays, and what tells of the model does not")
  func descriptions() throws {
    let folder = try TemporaryFolder()
    var options = TransferEngine.Options()
    let tensors = [("a", Tensor([1], [1])), ("b", Tensor([2], [1]))].map { (name: $0.0, tensor: $0.1) }
    options.force = true
    try TransferEngine.write(
      tensors, metadata: ["n": "7", "graft.gguf-types": #"{"n": "u32"}"#, "graft.architecture": "{}"],
      to: folder.path + "/x.gguf", options: options)
    let ledger = try convert(try Formats.open(folder.path + "/x.gguf"), folder.path + "/y.gguf") {
      $0.excludes = [NamePattern("b")]
    }
    #expect(ledger.texts.map(\.name) == ["graft.architecture"])
    #expect(try Formats.open(folder.path + "/y.gguf").metadata["graft.gguf-types"]?.contains(#""n":"u32""#) == true)

    let keras = try Formats.open(Fixtures.folder + "/formats/keras/legacy_model.h5")
    let kept = try convert(keras, folder.path + "/z.h5") { $0.excludes = [NamePattern("model_weights/bn/*")] }
    #expect(kept.texts.map(\.name) == ["graft.hdf5-attributes of 'model_weights/bn'"])
    let left = try #require(try Formats.open(folder.path + "/z.h5").metadata["graft.hdf5-attributes"])
    #expect(left.contains(#""model_weights/pool""#) && !left.contains(#""model_weights/bn""#))
  }

  @Test("What is lost in a list of a pickle is told, and the prefix that a layout takes off is no loss")
  func lists() throws {
    let folder = try TemporaryFolder()
    let reader = try source(folder, "p.pt")
    let wrapped = try convert(reader, folder.path + "/w.pt") { $0.renames = [try RenameRule("^=>module.")] }
    #expect(!wrapped.isUnchanged)
    let stripped = try Formats.open(folder.path + "/w.pt").strippingWrapperPrefixes()
    let ledger = try convert(stripped.reader, folder.path + "/s.pt")
    #expect(stripped.prefix == "module." && !ledger.isUnchanged && ledger.isLossless)
    #expect(ledger.text.contains("left out  the prefix 'module.' of every name"))
  }

  @Test("Each change is told with its tensor, and casts with what they did") func changes() throws {
    let folder = try TemporaryFolder()
    let reader = try source(folder)
    let ledger = try convert(reader, folder.path + "/out.safetensors") { options in
      options.dtypes = [try DTypeRule("f16"), try DTypeRule("*.weight=bf16"), try DTypeRule("position_ids=i32")]
      options.renames = [try RenameRule("never=>x"), try RenameRule("^blocks=>layers")]
      options.excludes = [NamePattern("*.1.bias")]
    }
    func changes(_ name: String) -> [Ledger.Change] { ledger.items.first { $0.name == name }?.changes ?? [] }
    let weight = CastCounts(overflow: 0, underflow: 0, nan: 0, inexact: 8)
    let bias = CastCounts(overflow: 0, underflow: 4, nan: 0, inexact: 4)
    let large = CastCounts(overflow: 3, underflow: 0, nan: 0, inexact: 3)
    #expect(
      changes("layers.0.weight") == [.renamed(from: "blocks.0.weight"), .cast(from: .f32, to: .bf16, weight)])
    #expect(changes("layers.0.bias") == [.renamed(from: "blocks.0.bias"), .cast(from: .f32, to: .f16, bias)])
    #expect(changes("large") == [.cast(from: .f32, to: .f16, large)])
    #expect(changes("head.weight") == [.alias(of: "layers.0.weight"), .cast(from: .f32, to: .bf16, nil)])
    #expect(changes("position_ids") == [.cast(from: .i64, to: .i32, CastCounts())])
    #expect(changes("blocks.1.bias") == [.dropped])
    #expect(
      ledger.texts.map(\.name) == ["graft.architecture", "format"] && ledger.texts.map(\.isAdded) == [false, true])
    #expect(!ledger.isLossless && ledger.tensorCount == 6)
    let text = ledger.text
    #expect(text.contains("layers.{0-1}.weight (2): inexact 16 of 16"))
    #expect(text.contains("something is lost"))
    let rows = ledger.json["changes"]?.listValue ?? []
    #expect(rows.count == ledger.items.count)
    let row = rows.first { $0["name"]?.textValue == "large" }?["changes"]?.listValue?.first
    #expect(row?["kind"]?.textValue == "cast" && row?["overflow"]?.intValue == 3 && row?["to"]?.textValue == "F16")

    let output = try Formats.open(folder.path + "/out.safetensors")
    #expect(output.metadata == ["note": "n", "format": "pt"])
    #expect(
      Set(output.entries.map { "\($0.name) \($0.dtype)" }) == [
        "layers.0.weight bf16", "layers.1.weight bf16", "layers.0.bias f16", "large f16", "head.weight bf16",
        "position_ids i32",
      ])
  }

  @Test("Three hundred tensors are told on few lines") func grouping() throws {
    let folder = try TemporaryFolder()
    let names = (0..<28).flatMap { block in (0..<10).map { "blocks.\(block).part\($0 % 2).w\($0)" } } + ["a", "b"]
    try TransferEngine.write(names.map { ($0, Tensor([0.1], [1])) }, to: folder.path + "/x.safetensors")
    let ledger = try convert(try Formats.open(folder.path + "/x.safetensors"), folder.path + "/y.pt") {
      $0.dtypes = [try DTypeRule("bf16")]
    }
    #expect(ledger.items.count == 282)
    #expect(ledger.text.split(separator: "\n").count < 20)
    #expect(ledger.text.contains("blocks.{0-27}.part{0-1}.w{0-9} (280): inexact 280 of 280"))
  }

  @Test("A loss is refused before anything appears, where that is asked for") func strict() throws {
    let folder = try TemporaryFolder()
    let reader = try source(folder)
    func strict(_ change: @escaping (inout ConversionOptions) throws -> Void) -> Diagnostic? {
      refusal(reader, folder.path + "/out.safetensors") { options in
        options.isStrict = true
        try change(&options)
      }
    }
    #expect(strict { $0.dtypes = [try DTypeRule("bf16")] }?.rule == "transfer.loss")
    #expect(strict { $0.dtypes = [try DTypeRule("head.weight=f64")] }?.rule == "convert.loss")
    #expect(folder.names == ["source.pt"])
    let ledger = try convert(reader, folder.path + "/out.safetensors") { options in
      options.isStrict = true
      options.dtypes = [try DTypeRule("f64")]
      options.excludes = [NamePattern("large")]
    }
    #expect(ledger.isLossless && !ledger.isUnchanged)
  }

  @Test("A tie whose ends are of two types is none, and that is told") func untied() throws {
    let folder = try TemporaryFolder()
    let ledger = try convert(try source(folder), folder.path + "/out.pt") {
      $0.dtypes = [try DTypeRule("head.weight=f64")]
    }
    #expect(
      ledger.items.first { $0.name == "head.weight" }?.changes
        == [.untied(from: "blocks.0.weight"), .cast(from: .f32, to: .f64, CastCounts())])
    #expect(try Formats.open(folder.path + "/out.pt").aliases.isEmpty)
  }

  @Test("A tensor whose tie is left out stands for itself") func orphan() throws {
    let folder = try TemporaryFolder()
    let ledger = try convert(try source(folder), folder.path + "/out.pt") {
      $0.includes = [NamePattern("head.*"), NamePattern("large")]
    }
    let output = try Formats.open(folder.path + "/out.pt")
    #expect(Set(output.entries.map(\.name)) == ["head.weight", "large"] && output.aliases.isEmpty)
    #expect(ledger.items.filter { $0.changes == [.dropped] }.count == 5)
  }

  @Test("What cannot be done is refused before a file is made") func refusals() throws {
    let folder = try TemporaryFolder()
    let reader = try source(folder)
    let path = folder.path + "/out.safetensors"
    let clash = refusal(reader, path) { $0.renames = [try RenameRule("\\d=>")] }
    #expect(clash?.rule == "convert.name-clash" && clash?.category == .usage)
    for name in ["blocks.0.weight", "blocks.1.weight", "blocks..weight"] {
      #expect(clash?.message.contains("'\(name)'") == true)
    }
    #expect(refusal(reader, path) { $0.includes = [NamePattern("weight")] }?.rule == "convert.nothing")
    #expect(
      refusal(reader, path) { $0.dtypes = [try DTypeRule("f4"), try DTypeRule("large=f4")] }?.rule == "convert.cast")
    #expect(refusal(reader, path) { $0.dtypes = [try DTypeRule("large=c64")] }?.rule == "convert.cast")
    #expect(refusal(reader, path) { $0.format = "gif" }?.rule == "transfer.format")
    #expect(refusal(reader, folder.path + "/out.xyz") { _ in }?.rule == "transfer.format")
    #expect(refusal(reader, reader.file) { _ in }?.rule == "transfer.own-source")
    #expect(refusal(reader, path) { $0.memoryLimit = 1000 }?.rule == "transfer.memory")
    #expect(refusal(reader, path) { $0.shardByteCount = 0 }?.rule == "sharded.limit")
    #expect(folder.names == ["source.pt"])
  }

  @Test("A file may be empty") func empty() throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write([], metadata: ["format": "pt"], to: folder.path + "/x.safetensors")
    let ledger = try convert(try Formats.open(folder.path + "/x.safetensors"), folder.path + "/y.safetensors")
    #expect(ledger.isUnchanged && ledger.tensorCount == 0)
  }

  @Test("Several models in a file are listed with how far apart they are") func candidates() throws {
    let folder = try TemporaryFolder()
    var plan = WeightPlan(sources: [], tensors: [], metadata: [:])
    for (key, value) in [("opt", 9.0), ("model", 3), ("ema", 4), ("other", 1)] {
      for name in key == "other" ? ["x", "y", "z"] : ["a", "b"] where key != "opt" {
        var tensor = PlannedTensor(
          name: "\(key)/\(name)", dtype: key == "ema" ? .f64 : .f32, shape: [5000],
          expression: .fill(value, key == "ema" ? .f64 : .f32, [5000]), origin: .computed)
        tensor.keys = [key]
        plan.tensors.append(tensor)
      }
    }
    try TransferEngine.run(plan, readers: [], to: folder.path + "/x.pt")
    let reader = try Formats.open(folder.path + "/x.pt")
    let ledger = try convert(reader, folder.path + "/y.pt")
    #expect(ledger.candidates.map(\.key) == ["model", "ema"])
    #expect(ledger.candidates.map(\.relativeL2) == [nil, 1.0 / 3])  // |4 - 3| beside |3|, everywhere.
    #expect(ledger.candidates.map(\.tensorCount) == [2, 2] && ledger.candidates.map(\.sharedCount) == [0, 2])
    #expect(ledger.text.contains("candidate 'ema'"))
    #expect(try convert(reader.selecting("ema"), folder.path + "/z.pt").candidates.isEmpty)
  }

  @Test("A rule that is for no tensor is told") func unused() throws {
    let folder = try TemporaryFolder()
    try TransferEngine.write(
      [("a.weight", Tensor(zeros: .f32, [8])), ("a.bias", Tensor(zeros: .f32, [8]))], to: folder.path + "/x.pt")
    var options = ConversionOptions()
    options.includes = [NamePattern("a.*"), NamePattern("c.*")]
    options.excludes = [NamePattern("*.bias"), NamePattern("none")]
    options.dtypes = [try DTypeRule("a.weight=bf16"), try DTypeRule("f16"), try DTypeRule("i8")]
    options.renames = [try RenameRule("^a=>b"), try RenameRule("^z=>b")]
    let reader = try Formats.open(folder.path + "/x.pt")
    let ledger = try Conversion(reader, to: folder.path + "/y.pt", options: options).ledger
    #expect(ledger.warnings.map(\.rule) == [String](repeating: "convert.unused", count: 5))
    #expect(
      ledger.warnings.map(\.message) == [
        "--include 'c.*' is for no tensor", "--exclude 'none' is for no tensor", "--rename '^z=>b' is for no tensor",
        "--dtype 'a.weight=bf16' is for no tensor", "--dtype 'i8' is for no tensor",
      ])
  }

  @Test("What readers of the output refuse is told before it is written") func lint() throws {
    let folder = try TemporaryFolder()
    func rules(_ dtype: DType, _ name: String, metadata: [String: String] = [:], name tensor: String = "x") throws
      -> [String]
    {
      try TransferEngine.write(
        [(tensor, Tensor(zeros: dtype, [8]))], metadata: metadata, to: folder.path + "/in.safetensors",
        options: {
          var options = TransferEngine.Options(); options.force = true; return options
        }())
      return try Conversion(try Formats.open(folder.path + "/in.safetensors"), to: folder.path + "/" + name).ledger
        .warnings.map(\.rule)
    }
    #expect(try rules(.f32, "x.safetensors") == ["convert.lint-mark"])
    #expect(try rules(.f32, "x.gguf") == ["convert.lint-architecture"])
    #expect(try rules(.f32, "x.gguf", metadata: ["general.architecture": "x"]) == [])
    let long = String(repeating: "x", count: 64)
    #expect(try rules(.f32, "x.gguf", metadata: ["general.architecture": "x"], name: long) == ["convert.lint-name"])
    #expect(try rules(.f32, "x.safetensors", metadata: ["format": "pt"]) == [])
    #expect(try rules(.f4, "x.safetensors", metadata: ["format": "pt"]) == ["convert.lint-dtype"])
    #expect(try rules(.f8e4m3, "x.pt") == ["convert.lint-dtype"])
    #expect(try rules(.f32, "x.pt") == [])
  }

  @Test("Several files and an index hold the same") func shards() throws {
    let folder = try TemporaryFolder()
    let reader = try source(folder)
    _ = try convert(reader, folder.path + "/out.safetensors") { $0.shardByteCount = 60 }
    #expect(folder.names.filter { $0.hasPrefix("out") }.count == 4)
    let output = try Formats.open(folder.path + "/out.safetensors.index.json")
    #expect(try CheckpointDifference(reader, output).isEqual)
    #expect(output.aliases.count == 1)
  }
}
