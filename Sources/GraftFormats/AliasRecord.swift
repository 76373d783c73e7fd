import GraftIR

// Layout of the text `graft.aliases` in the metadata of a format that has no aliases of its own: a JSON object.
//
//   {"all.of.it": "target",
//    "part": {"of": "target", "offset": 7, "shape": [2, 7], "strides": [7, 1]}}

/// How aliases are kept where a format stores every tensor for itself.
enum AliasRecord {
  static let key = "graft.aliases"

  /// The text for the aliases among `declarations`, or `nil` where there are none.
  static func text(for declarations: [TensorDeclaration]) -> String? {
    var members: [JSON.Member] = []
    for declaration in declarations {
      guard let alias = declaration.alias else { continue }
      let target = declarations[alias.target]
      if alias.isWhole(declaration.shape, ofTarget: target.shape) {
        members.append(JSON.Member(declaration.name, .text(target.name)))
        continue
      }
      members.append(
        JSON.Member(
          declaration.name,
          [
            "of": .text(target.name), "offset": .int(alias.offset),
            "shape": .list(declaration.shape.axes.map { .int($0) }), "strides": .list(alias.strides.map { .int($0) }),
          ]))
    }
    return members.isEmpty ? nil : JSON.object(members).text()
  }

  /// The tensors that `text` adds to `entries`, each with its tie.
  ///
  /// - Throws: `checkpoint.aliases`, and rules of the page `json`.
  static func read(
    _ text: String, entries: [TensorEntry], file: String
  ) throws(Diagnostic) -> [(entry: TensorEntry, alias: TensorAlias)] {
    func refusal(_ message: String) -> Diagnostic {
      Diagnostic("checkpoint.aliases", message, at: Location(file))
    }
    guard let members = try JSON(parsing: text, file: file).members else {
      throw refusal("'\(key)' is no JSON object")
    }
    let numbers = Dictionary(entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [(entry: TensorEntry, alias: TensorAlias)] = []
    for member in members {
      let name = member.name
      guard numbers[name] == nil else {
        throw refusal("'\(name.shortened)' is a tensor of its own and an alias at once")
      }
      guard let target = (member.value.textValue ?? member.value["of"]?.textValue).flatMap({ numbers[$0] }) else {
        throw refusal("the alias '\(name.shortened)' shows no tensor that is there")
      }
      let entry = entries[target]
      guard member.value.textValue == nil else {
        let alias = TensorAlias(wholeOf: target, shape: entry.shape)
        found.append((TensorEntry(path: [name], dtype: entry.dtype, shape: entry.shape), alias))
        continue
      }
      guard let axes = integers(member.value["shape"]), let strides = integers(member.value["strides"]),
        let offset = member.value["offset"]?.intValue,
        let width = entry.dtype.byteWidth,
        let layout = StridedLayout(sizes: axes, strides: strides, width: width),
        layout.fits(offset: offset, available: entry.byteCount / width)
      else { throw refusal("the alias '\(name.shortened)' is no part of '\(entry.name.shortened)'") }
      found.append(
        (
          TensorEntry(path: [name], dtype: entry.dtype, shape: Shape(axes)),
          TensorAlias(target: target, offset: offset, strides: strides)
        ))
    }
    return found
  }

  private static func integers(_ json: JSON?) -> [Int]? {
    guard let elements = json?.listValue, elements.count <= 64 else { return nil }
    let integers = elements.compactMap(\.intValue)
    return integers.count == elements.count && integers.allSatisfy { $0 >= 0 } ? integers : nil
  }
}

/// A checkpoint whose metadata tell of aliases, with those among its tensors.
final class AliasedCheckpoint: CheckpointReader, LocatedCheckpoint {
  let base: any LocatedCheckpoint
  let entries: [TensorEntry]
  let metadata: [String: String]
  let aliases: [Int: TensorAlias]

  var format: String { base.format }
  var file: String { base.file }
  var byteCount: Int { base.byteCount }
  var files: [MappedFile] { base.files }
  var notes: [String] { base.notes }
  var omissions: [Omission] { base.omissions }

  /// `base` with the tensors that its metadata add, or `base` itself where they add none.
  ///
  /// - Throws: `checkpoint.aliases`, and rules of the page `json`.
  static func restoring(_ base: any LocatedCheckpoint) throws(Diagnostic) -> any LocatedCheckpoint {
    guard let text = base.metadata[AliasRecord.key] else { return base }
    return AliasedCheckpoint(base, try AliasRecord.read(text, entries: base.entries, file: base.file))
  }

  private init(_ base: any LocatedCheckpoint, _ added: [(entry: TensorEntry, alias: TensorAlias)]) {
    self.base = base
    entries = base.entries + added.map(\.entry)
    metadata = base.metadata.filter { $0.key != AliasRecord.key }
    var aliases = base.aliases
    for (number, one) in added.enumerated() { aliases[base.entries.count + number] = one.alias }
    self.aliases = aliases
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    guard index >= base.entries.count, let alias = aliases[index] else { return try base.tensor(at: index) }
    return try base.tensor(at: alias.target).showing(alias, entries[index].shape)
  }

  func region(at index: Int) -> FileRegion? {
    guard index >= base.entries.count, let alias = aliases[index] else { return base.region(at: index) }
    guard let whole = base.region(at: alias.target) else { return nil }
    let entry = entries[index]
    if alias.isWhole(entry.shape, ofTarget: entries[alias.target].shape) { return whole }
    guard let width = entry.dtype.byteWidth,
      let layout = StridedLayout(sizes: entry.shape.axes, strides: alias.strides, width: width), layout.isContiguous
    else { return nil }
    return FileRegion(file: whole.file, offset: whole.offset + alias.offset * width, byteCount: entry.byteCount)
  }

  func blockRegion(at index: Int) -> FileRegion? {
    index < base.entries.count ? base.blockRegion(at: index) : nil
  }

  func arrangement(at index: Int) -> Arrangement {
    if index < base.entries.count { return base.arrangement(at: index) }
    return region(at: index) == nil ? .strided : .plain
  }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    if index < base.entries.count { return base.streamingByteCount(at: index, inRunsOf: byteCount) }
    return region(at: index) == nil ? entries[index].byteCount : 0
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    if index < base.entries.count { return try base.stream(index, inRunsOf: byteCount, body) }
    try tensor(at: index).forEachRun(of: byteCount, body)
  }
}

extension Tensor {
  /// The part of a contiguous tensor that `alias` shows, which has the given shape.
  fileprivate func showing(_ alias: TensorAlias, _ shape: Shape) -> Tensor {
    guard !alias.isWhole(shape, ofTarget: self.shape), let width = dtype.byteWidth,
      let layout = StridedLayout(sizes: shape.axes, strides: alias.strides, width: width)
    else { return self }
    if layout.isContiguous {
      return Tensor(dtype, shape, storage: storage, offsetInBytes: offsetInBytes + alias.offset * width)
    }
    let part = Tensor(zeros: dtype, shape)
    layout.gather(from: bytes.baseAddress.map { $0 + alias.offset * width }, into: part.mutableBytes)
    return part
  }
}
