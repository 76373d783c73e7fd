import Foundation
import GraftFormats
import GraftIR
import Testing

/// From any format to any other and back: every pair of the registry, so that a new format is tested with all others.
@Suite struct RoundTripTests {
  /// A format, as one file or as several and an index, by the ending of its names.
  struct Target: Sendable, Hashable {
    let format: String
    var suffix: String
    var isSharded = false

    /// Whether a file is one tensor without a name.
    var holdsOneTensor: Bool { format == "npy" }
  }

  struct Pair: Sendable, CustomTestStringConvertible {
    let first: Target
    let second: Target
    var testDescription: String {
      [first, second, first].map { $0.suffix + ($0.isSharded ? " in shards" : "") }.joined(separator: " → ")
    }
  }

  static let targets = Formats.all.filter(\.isWritable).flatMap { format in
    let target = Target(format: format.name, suffix: format.extensions[0])
    return switch format.name {
    case "safetensors", "pytorch": [target, Target(format: target.format, suffix: target.suffix, isSharded: true)]
    case "hdf5": [target, Target(format: target.format, suffix: ".weights.h5")]
    default: [target]
    }
  }
  static let pairs = targets.flatMap { a in targets.map { Pair(first: a, second: $0) } }

  /// Tensors of the given types, with what layouts stumble over, tied ones and nested ones.
  static func sample(_ dtypes: [DType]) -> WeightPlan {
    var random = SeededNumbers(seed: 9)
    var plan = WeightPlan(sources: [], tensors: [], metadata: ["note": "schlüssel ☃\n", "args/depth": "28"])
    func add(_ keys: [String], _ name: String, _ dtype: DType, _ shape: Shape, alias: TensorAlias? = nil) {
      var tensor = PlannedTensor(
        name: (keys + [name]).joined(separator: "/"), dtype: dtype, shape: shape,
        expression: .source(SourceTensor(source: 0, name: "\(plan.tensors.count)", dtype: dtype, shape: shape)),
        origin: .computed, alias: alias)
      tensor.keys = keys
      plan.tensors.append(tensor)
      _ = random.next()
    }
    for dtype in dtypes { add(["model"], "every.\(dtype)", dtype, [3, 8]) }
    add(["model"], "scalar", .f32, [])
    add([], "empty", .f32, [0, 5])
    add([], "номер.重み", .f32, [2, 1, 3])
    add(["opt", "state", "0"], "odd", dtypes.contains(.u8) ? .u8 : .i8, [7])
    add(["model"], "tied", dtypes[0], [3, 8], alias: TensorAlias(wholeOf: 0, shape: [3, 8]))
    return plan
  }

  /// A tensor without a name, beside nothing: all that some formats have room for.
  static func nameless(_ dtype: DType, _ shape: Shape) -> WeightPlan {
    let source = SourceTensor(source: 0, name: "0", dtype: dtype, shape: shape)
    let tensor = PlannedTensor(
      name: "", dtype: dtype, shape: shape, expression: .source(source), origin: .computed)
    return WeightPlan(sources: [], tensors: [tensor], metadata: [:])
  }

  /// The types that `format` can hold: it says so by what it refuses.
  static func dtypes(of format: String) throws -> [DType] {
    let folder = try TemporaryFolder()
    return DType.allCases.filter { dtype in
      var options = TransferEngine.Options()
      options.format = format
      options.force = true
      return
        (try? TransferEngine.write([("x", Tensor(zeros: dtype, [8]))], to: folder.path + "/x", options: options)) != nil
    }
  }

  /// Bits that tell every mistake: every byte another one, in `bool` 0 and 1.
  private func reader(of plan: WeightPlan, _ folder: TemporaryFolder) throws -> any CheckpointReader {
    var random = SeededNumbers(seed: 4)
    let tensors = plan.tensors.enumerated().map { index, planned in
      let tensor = Tensor(zeros: planned.dtype, planned.shape)
      for byte in tensor.mutableBytes.indices {
        tensor.mutableBytes[byte] = planned.dtype == .bool ? UInt8(byte % 2) : UInt8(truncatingIfNeeded: random.next())
      }
      return ("\(index)", tensor)
    }
    // Both first formats together hold every type.
    var files: [any CheckpointReader] = []
    for (name, dtypes) in [("s.safetensors", { $0 != DType.c128 }), ("s.pt", { $0 == DType.c128 })]
      as [(
        String, (DType) -> Bool
      )]
    {
      try TransferEngine.write(tensors.filter { dtypes($0.1.dtype) }, to: folder.path + "/" + name)
      files.append(try Formats.open(folder.path + "/" + name))
    }
    return MergedReader(files)
  }

  /// The types that both formats of `pair` hold.
  private func commonTypes(_ pair: Pair) throws -> [DType] {
    let common = try Set(Self.dtypes(of: pair.first.format)).intersection(Self.dtypes(of: pair.second.format))
    return DType.allCases.filter(common.contains)
  }

  @Test("Every pair of formats keeps every bit that both can hold", arguments: pairs)
  func everyPair(_ pair: Pair) throws {
    let dtypes = try commonTypes(pair)
    #expect(dtypes.count >= 8)
    guard pair.first.holdsOneTensor || pair.second.holdsOneTensor else {
      return try expectRoundTrip(pair, Self.sample(dtypes))
    }
    for dtype in dtypes {
      for shape in [[3, 8], [0, 5], [8]] as [Shape] { try expectRoundTrip(pair, Self.nameless(dtype, shape)) }
    }
  }

  private func expectRoundTrip(_ pair: Pair, _ plan: WeightPlan) throws {
    let folder = try TemporaryFolder()
    let isWhole = plan.tensors.count > 1
    let original = folder.path + "/original" + pair.first.suffix
    var options = TransferEngine.Options()
    options.recordsDigests = false
    try TransferEngine.run(plan, readers: [try reader(of: plan, folder)], to: original, options: options)

    func convert(_ from: String, _ name: String, _ target: Target) throws -> any CheckpointReader {
      let to = folder.path + "/" + name + target.suffix
      var strict = ConversionOptions()
      strict.isStrict = true  // Nothing is lost on the way, and that is what is said.
      if target.isSharded { strict.shardByteCount = 100 }
      let (ledger, _) = try Conversion(try Formats.open(from), to: to, options: strict).run()
      #expect(ledger.isLossless)
      return try Formats.open(to + (target.isSharded && isWhole ? ".index.json" : ""))
    }
    let there = try convert(original, "there", pair.second)
    try expectEqual(there, try Formats.open(original), "there", isWhole: isWhole)
    let back = try convert(there.file, "back", pair.first)
    try expectEqual(back, try Formats.open(original), "back", isWhole: isWhole)
    // And a third time, to the byte: what comes back is what goes out. Shards come in another order.
    let again = try convert(back.file, "again", pair.second)
    if !pair.first.isSharded && !pair.second.isSharded {
      #expect(try Fixtures.bytes(again.file) == Fixtures.bytes(there.file))
    }
    try expectEqual(again, there, "again", isWhole: isWhole)
  }

  @Test("A format without names and metadata loses them, and that is told and refused") func names() throws {
    let folder = try TemporaryFolder()
    let tensors = [("w", Tensor([1, 2], [2])), ("v", Tensor([3], [1]))]
    try TransferEngine.write(tensors, metadata: ["note": "n"], to: folder.path + "/x.safetensors")
    let reader = try Formats.open(folder.path + "/x.safetensors")
    var options = ConversionOptions()
    func refusal() -> Diagnostic? {
      #expect(throws: Diagnostic.self) { try Conversion(reader, to: folder.path + "/x.npy", options: options) }
    }
    #expect(refusal()?.rule == "convert.one-tensor")
    options.includes = [NamePattern("w")]
    let (ledger, _) = try Conversion(reader, to: folder.path + "/x.npy", options: options).run()
    #expect(ledger.items.map(\.changes) == [[.unnamed(from: "w")], [.dropped]])
    #expect(ledger.texts.map(\.name) == ["note"] && !ledger.isLossless)
    options.isStrict = true
    #expect(refusal()?.rule == "convert.loss")
    let array = try Formats.open(folder.path + "/x.npy")
    #expect(array.entries.map(\.name) == [""])
  }

  private func expectEqual(
    _ found: any CheckpointReader, _ expected: any CheckpointReader, _ where: String, isWhole: Bool
  ) throws {
    #expect(found.entries.count == expected.entries.count)
    let numbers = Dictionary(uniqueKeysWithValues: found.entries.enumerated().map { ($1.name, $0) })
    for (index, entry) in expected.entries.enumerated() {
      let number = try #require(numbers[entry.name], "\(entry.name), \(`where`)")
      let same = found.entries[number]
      #expect(same.dtype == entry.dtype && same.shape == entry.shape, "\(entry.name), \(`where`)")
      #expect(same.path.dropLast() == entry.path.dropLast(), "\(`where`)")
      let (a, b) = (try found.tensor(at: number), try expected.tensor(at: index))
      let isEqual = withExtendedLifetime((a, b)) { a.bytes.elementsEqual(b.bytes) }
      #expect(isEqual, "\(entry.name), \(`where`)")
    }
    func ties(_ reader: any CheckpointReader) -> Set<Set<String>> {
      Set(reader.aliases.map { [reader.entries[$0].name, reader.entries[$1.target].name] })
    }
    #expect(ties(found) == ties(expected) && ties(found).isEmpty != isWhole, "\(`where`)")
    // What says for whom a safetensors file is, a PyTorch file says by itself.
    func texts(_ reader: any CheckpointReader) -> [String: String] { reader.metadata.filter { $0.key != "format" } }
    #expect(texts(found) == texts(expected) && texts(found).isEmpty != isWhole, "\(`where`)")
  }
}

/// Several checkpoints as one.
private final class MergedReader: CheckpointReader {
  let readers: [any CheckpointReader]
  let entries: [TensorEntry]
  private let places: [(Int, Int)]
  var format: String { readers[0].format }
  var file: String { readers[0].file }
  var byteCount: Int { readers.reduce(0) { $0 + $1.byteCount } }
  var metadata: [String: String] { [:] }

  init(_ readers: [any CheckpointReader]) {
    self.readers = readers
    entries = readers.flatMap(\.entries)
    places = readers.enumerated().flatMap { number, reader in reader.entries.indices.map { (number, $0) } }
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    try readers[places[index].0].tensor(at: places[index].1)
  }
}
