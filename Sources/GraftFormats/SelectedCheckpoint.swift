public import GraftIR

/// A part of a checkpoint, under the names that it has below its key. The metadata stay those of the whole.
public final class SelectedCheckpoint: CheckpointReader {
  /// The checkpoint that this is a part of.
  public let base: any CheckpointReader
  /// The key that leads to the part, or `nil` where only a prefix was taken off.
  public let key: String?
  /// The tensors of the part, under the names that they have below the key.
  public let entries: [TensorEntry]
  /// For each entry, its number in `base`.
  private let indices: [Int]
  /// The ties of the whole, as far as both ends are in the part.
  public let aliases: [Int: TensorAlias]

  /// The format of the whole.
  public var format: String { base.format }
  /// The path of the whole.
  public var file: String { base.file }
  /// The size of the whole.
  public var byteCount: Int { base.byteCount }
  /// The metadata of the whole.
  public var metadata: [String: String] { base.metadata }

  /// What every name began with, where that was a wrapper's.
  private let prefix: String?

  init(
    _ base: any CheckpointReader, key: String?, entries: [TensorEntry], indices: [Int], prefix: String? = nil
  ) {
    self.base = base
    self.key = key
    self.prefix = prefix
    self.entries = entries
    self.indices = indices
    aliases = Self.aliases(of: base, indices)
  }

  /// Where a target is left out, the first tensor of the part that shows all of it stands in for it.
  private static func aliases(of base: any CheckpointReader, _ indices: [Int]) -> [Int: TensorAlias] {
    let whole = base.aliases
    guard !whole.isEmpty else { return [:] }
    var standIns = Dictionary(indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var aliases: [Int: TensorAlias] = [:]
    for (index, old) in indices.enumerated() {
      guard let alias = whole[old] else { continue }
      if standIns[alias.target] == nil,
        alias.isWhole(base.entries[old].shape, ofTarget: base.entries[alias.target].shape)
      {
        standIns[alias.target] = index
      } else if let target = standIns[alias.target] {
        aliases[index] = alias.retargeted(to: target)
      }
    }
    return aliases
  }

  /// The notes of the whole.
  public var notes: [String] { base.notes }
  /// The omissions of the whole, and the prefix that was taken off all names.
  public var omissions: [Omission] {
    base.omissions + (prefix.map { [Omission("the prefix '\($0)' of every name", isLoss: false)] } ?? [])
  }

  /// The tensor of `entries[index]`, as the whole gives it.
  public func tensor(at index: Int) throws(Diagnostic) -> Tensor { try base.tensor(at: indices[index]) }
}

extension SelectedCheckpoint: LocatedCheckpoint {
  var files: [MappedFile] { (base as? any LocatedCheckpoint)?.files ?? [] }

  func region(at index: Int) -> FileRegion? { (base as? any LocatedCheckpoint)?.region(at: indices[index]) }

  func blockRegion(at index: Int) -> FileRegion? { (base as? any LocatedCheckpoint)?.blockRegion(at: indices[index]) }

  /// How the model has the part, where a graph in the whole tells.
  var modelView: ModelView? {
    guard let view = (base as? any LocatedCheckpoint)?.modelView else { return nil }
    func places(_ whole: [Int]) -> [Int] {
      let whole = Set(whole)
      return indices.indices.filter { whole.contains(indices[$0]) }
    }
    return ModelView(kept: places(view.kept), turned: places(view.turned), omitted: places(view.omitted))
  }

  func arrangement(at index: Int) -> Arrangement {
    (base as? any LocatedCheckpoint)?.arrangement(at: indices[index]) ?? .plain
  }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    guard let base = base as? any LocatedCheckpoint else { return entries[index].byteCount }
    return base.streamingByteCount(at: indices[index], inRunsOf: byteCount)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard let base = base as? any LocatedCheckpoint else {
      return try tensor(at: index).forEachRun(of: byteCount, body)
    }
    try base.stream(indices[index], inRunsOf: byteCount, body)
  }
}

extension CheckpointReader {
  /// The tensors below `key`, whose steps are joined with `/`; where no key is called so, those whose names begin with
  /// it and a dot, as wrappers of models leave them (`model.diffusion_model`).
  ///
  /// - Throws: `checkpoint.unknown-key` where there are none.
  public func selecting(_ key: String) throws(Diagnostic) -> SelectedCheckpoint {
    func parts(_ part: (TensorEntry) -> TensorEntry?) -> [(entry: TensorEntry, index: Int)] {
      entries.enumerated().compactMap { index, entry in part(entry).map { ($0, index) } }
    }
    var selected = parts { $0.below(key) }
    if selected.isEmpty { selected = parts { $0.behind(key + ".") } }
    guard !selected.isEmpty else {
      let near = suggestion(for: key, among: topKeys)
      throw Diagnostic(
        "checkpoint.unknown-key", "'\(file)' holds no tensors under '\(key)'", at: Location(file),
        help: near.map { "did you mean '\($0)'?" } ?? (topKeys.isEmpty ? "it holds no keys" : "it holds \(keyList)"))
    }
    return SelectedCheckpoint(self, key: key, entries: selected.map(\.entry), indices: selected.map(\.index))
  }

  /// The first of `ema`, `model` and `state_dict` that holds tensors, or `nil`.
  public var defaultKey: String? {
    let keys = Set(topKeys)
    return ["ema", "model", "state_dict"].first { keys.contains($0) }
  }

  /// The outermost keys that lead to tensors, in the order of the file; none in a flat file.
  public var topKeys: [String] {
    var seen: Set<String> = []
    return entries.compactMap { $0.path.count > 1 ? $0.path[0] : nil }.filter { seen.insert($0).inserted }
  }

  /// The keys as a message lists them: `'model', 'ema' and 'opt'`.
  public var keyList: String {
    let keys = topKeys.prefix(8).map { "'\($0.shortened)'" }
    guard keys.count > 1, let last = keys.last else { return keys.joined() }
    return keys.dropLast().joined(separator: ", ") + " and " + last
  }

  /// The same tensors without `module.` and `_orig_mod.` before every name, and the prefix that was taken off.
  ///
  /// Source: torch `DistributedDataParallel` and `torch.compile`, whose wrappers keep the model under these names.
  public func strippingWrapperPrefixes() -> (reader: any CheckpointReader, prefix: String?) {
    var prefix = ""
    while let next = ["module.", "_orig_mod."].first(where: { wrapper in
      !entries.isEmpty && entries.allSatisfy { $0.path.first?.hasPrefix(prefix + wrapper) ?? false }
    }) { prefix += next }
    guard !prefix.isEmpty else { return (self, nil) }
    let stripped = entries.map { $0.removing(prefix) }
    let indices = Array(entries.indices)
    return (SelectedCheckpoint(self, key: nil, entries: stripped, indices: indices, prefix: prefix), prefix)
  }
}

extension TensorEntry {
  /// The entry under what is left of its path below `key`, or `nil` where `key` does not lead here.
  fileprivate func below(_ key: String) -> TensorEntry? {
    guard name.hasPrefix(key + "/") else { return nil }
    var length = 0
    for (index, step) in path.dropLast().enumerated() {
      length += step.utf8.count + (index > 0 ? 1 : 0)
      if length == key.utf8.count {
        return TensorEntry(path: Array(path[(index + 1)...]), dtype: dtype, shape: shape, blocks: blocks)
      }
    }
    return nil
  }

  /// The entry under what its name goes on with behind `prefix`, or `nil` where it does not begin so.
  fileprivate func behind(_ prefix: String) -> TensorEntry? {
    guard let first = path.first, first.hasPrefix(prefix), first != prefix else { return nil }
    return removing(prefix)
  }

  /// The entry without `prefix`, which its name begins with.
  fileprivate func removing(_ prefix: String) -> TensorEntry {
    var path = path
    path[0].removeFirst(prefix.count)
    return TensorEntry(path: path, dtype: dtype, shape: shape, blocks: blocks)
  }
}
