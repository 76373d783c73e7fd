import GraftIR

// Layout of the text `graft.keys` in the metadata of a format without dictionaries: a JSON list of the dictionaries
// that tensors were in, each by the keys that lead to it.
//
//   [["model"], ["opt", "state"]]
//
// A tensor `model/w` was then `w` in the dictionary `model`.

/// How nested dictionaries are kept where a format has a flat list of names.
enum KeyRecord {
  static let key = "graft.keys"
  /// Deeper than any trainer nests, and less than what is read again.
  static let depthLimit = 60

  /// The text for the dictionaries of `declarations`, or `nil` where there are none.
  static func text(for declarations: [TensorDeclaration]) -> String? {
    var seen: Set<[String]> = []
    let dictionaries = declarations.map(\.keys).filter { !$0.isEmpty && seen.insert($0).inserted }
    guard !dictionaries.isEmpty else { return nil }
    return JSON.list(dictionaries.map { .list($0.map { .text($0) }) }).text()
  }

  /// The dictionaries that `text` tells of, by their joined keys.
  ///
  /// - Throws: `checkpoint.keys`, and rules of the page `json`.
  static func read(_ text: String, file: String) throws(Diagnostic) -> [String: [String]] {
    let refusal = Diagnostic(
      "checkpoint.keys", "'\(key)' is no list of lists of at most \(depthLimit) keys", at: Location(file))
    guard let lists = try JSON(parsing: text, file: file).listValue else { throw refusal }
    var dictionaries: [String: [String]] = [:]
    for list in lists {
      let keys = list.listValue?.compactMap(\.textValue) ?? []
      guard !keys.isEmpty, keys.count == list.listValue?.count, keys.count <= depthLimit else { throw refusal }
      dictionaries[keys.joined(separator: "/")] = keys
    }
    return dictionaries
  }
}

extension [String: [String]] {
  /// The longest of these dictionaries that `name` lies in, by its keys; none where it lies in none.
  func keys(of name: String) -> [String] {
    guard !isEmpty else { return [] }
    var end = name.endIndex
    while let slash = name[..<end].lastIndex(of: "/") {
      if let keys = self[String(name[..<slash])] { return keys }
      end = slash
    }
    return []
  }
}

/// A checkpoint whose metadata tell of dictionaries, with its tensors in them.
final class KeyedCheckpoint: CheckpointReader, LocatedCheckpoint {
  let base: any LocatedCheckpoint
  let entries: [TensorEntry]
  let metadata: [String: String]

  var format: String { base.format }
  var file: String { base.file }
  var byteCount: Int { base.byteCount }
  var aliases: [Int: TensorAlias] { base.aliases }
  var files: [MappedFile] { base.files }
  var notes: [String] { base.notes }
  var omissions: [Omission] { base.omissions }

  /// `base` with its tensors in the dictionaries that its metadata tell of, or `base` itself where they tell of none.
  ///
  /// - Throws: `checkpoint.keys`, and rules of the page `json`.
  static func restoring(_ base: any LocatedCheckpoint) throws(Diagnostic) -> any LocatedCheckpoint {
    guard let text = base.metadata[KeyRecord.key] else { return base }
    return KeyedCheckpoint(base, try KeyRecord.read(text, file: base.file))
  }

  private init(_ base: any LocatedCheckpoint, _ dictionaries: [String: [String]]) {
    self.base = base
    metadata = base.metadata.filter { $0.key != KeyRecord.key }
    entries = base.entries.map { entry in
      let keys = dictionaries.keys(of: entry.name)
      guard entry.path.count == 1, !keys.isEmpty else { return entry }
      let own = entry.name.dropFirst(keys.joined(separator: "/").count + 1)
      return TensorEntry(path: keys + [String(own)], dtype: entry.dtype, shape: entry.shape, blocks: entry.blocks)
    }
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor { try base.tensor(at: index) }

  func region(at index: Int) -> FileRegion? { base.region(at: index) }

  func blockRegion(at index: Int) -> FileRegion? { base.blockRegion(at: index) }

  func arrangement(at index: Int) -> Arrangement { base.arrangement(at: index) }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    base.streamingByteCount(at: index, inRunsOf: byteCount)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) { try base.stream(index, inRunsOf: byteCount, body) }
}
