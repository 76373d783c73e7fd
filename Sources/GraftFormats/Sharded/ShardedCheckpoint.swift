import GraftIR

// Layout of an index (Hugging Face transformers, `model.safetensors.index.json`):
//
//   {"metadata": {"total_size": 123}, "weight_map": {"tensor": "model-00001-of-00002.safetensors", ...}}
//
// Another `total_size` is told, not refused: writers count tensors that share their bytes differently.

/// Several checkpoint files that an index ties together.
final class ShardedCheckpoint: CheckpointReader, LocatedCheckpoint {
  /// The index names every tensor once, so its size is like that of a safetensors header.
  static let indexLimit = 100_000_000

  let format: String
  let file: String
  let byteCount: Int
  let entries: [TensorEntry]
  let metadata: [String: String]
  let aliases: [Int: TensorAlias]
  let notes: [String]
  /// Those of all shards, equal ones once.
  let omissions: [Omission]
  private let shards: [any LocatedCheckpoint]
  /// For each entry, its shard and its number there.
  private let places: [(shard: Int, index: Int)]

  var files: [MappedFile] { shards.flatMap(\.files) }

  private static func omissions(of shards: [any LocatedCheckpoint]) -> [Omission] {
    var seen: Set<Omission> = []
    return shards.flatMap(\.omissions).filter { seen.insert($0).inserted }
  }

  /// Whether `bytes` are those of an index, whatever it is called.
  static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let start = bytes.prefix(4096)
    guard start.first(where: { !JSONScanner.isSpace($0) }) == UInt8(ascii: "{") else { return false }
    let name = Array("\"weight_map\"".utf8)
    return start.indices.contains { start[$0...].starts(with: name) }
  }

  /// Opens the index at `indexPath` and every file that it names.
  ///
  /// - Throws: rules of the pages `sharded`, `json` and of the shards' format.
  init(indexPath: String) throws(Diagnostic) {
    let index = try MappedFile(path: indexPath)
    let (map, totalSize) = try Self.weightMap(index)
    let names = try Self.shardNames(map, indexPath)
    var shards: [any LocatedCheckpoint] = []
    for name in names {
      shards.append(try Formats.openSingle(try MappedFile(path: try Self.path(of: name, indexPath))))
    }

    var entries: [TensorEntry] = []
    var places: [(shard: Int, index: Int)] = []
    let owners = Dictionary(map.map { ($0.0, $0.1) }, uniquingKeysWith: { first, _ in first })
    var aliases: [Int: TensorAlias] = [:]
    for (number, shard) in shards.enumerated() {
      let first = entries.count
      for (index, alias) in shard.aliases { aliases[first + index] = alias.retargeted(to: first + alias.target) }
      for (position, entry) in shard.entries.enumerated() {
        guard let owner = owners[entry.name], owner == names[number] else {
          throw Diagnostic(
            "sharded.not-in-index",
            "'\(names[number].shortened)' holds '\(entry.name.shortened)', which the index does not look for there",
            at: Location(indexPath, tensor: entry.name))
        }
        entries.append(entry)
        places.append((number, position))
      }
    }
    guard entries.count == map.count else {
      let found = Set(entries.map(\.name))
      let missing = map.first { !found.contains($0.0) }
      throw Diagnostic(
        "sharded.not-in-shard",
        "'\(missing?.1.shortened ?? "")' does not hold '\(missing?.0.shortened ?? "")', which the index looks for there",
        at: Location(indexPath, tensor: missing?.0))
    }
    var metadata: [String: String] = [:]
    for shard in shards { metadata.merge(shard.metadata) { first, _ in first } }
    format = shards.first?.format ?? SafetensorsReader.formatName
    file = indexPath
    byteCount = shards.reduce(index.byteCount) { $0 + $1.byteCount }
    self.entries = entries
    self.metadata = metadata
    self.aliases = aliases
    self.shards = shards
    self.places = places
    omissions = Self.omissions(of: shards)
    notes = shards.flatMap(\.notes) + Self.note(onTotalSize: totalSize, entries, aliases, indexPath)
  }

  /// `parts` one after the other, no tensor of which has another one's name; `file` is what was asked for.
  init(_ parts: [any LocatedCheckpoint], file: String) {
    format = parts.first?.format ?? SafetensorsReader.formatName
    self.file = file
    byteCount = parts.reduce(0) { $0 &+ $1.byteCount }
    entries = parts.flatMap(\.entries)
    places = parts.enumerated().flatMap { number, part in part.entries.indices.map { (number, $0) } }
    aliases = [:]
    metadata = parts.reduce(into: [:]) { $0.merge($1.metadata) { first, _ in first } }
    shards = parts
    omissions = Self.omissions(of: parts)
    notes = parts.flatMap(\.notes)
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    try shards[places[index].shard].tensor(at: places[index].index)
  }

  func region(at index: Int) -> FileRegion? { shards[places[index].shard].region(at: places[index].index) }

  func blockRegion(at index: Int) -> FileRegion? { shards[places[index].shard].blockRegion(at: places[index].index) }

  func arrangement(at index: Int) -> Arrangement {
    shards[places[index].shard].arrangement(at: places[index].index)
  }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    shards[places[index].shard].streamingByteCount(at: places[index].index, inRunsOf: byteCount)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    try shards[places[index].shard].stream(places[index].index, inRunsOf: byteCount, body)
  }

  /// The paths of the files that the index `indexPath` names, none of which is opened.
  ///
  /// - Throws: rules of the pages `sharded` and `json`.
  static func shardPaths(ofIndex indexPath: String) throws(Diagnostic) -> [String] {
    let names = try shardNames(try weightMap(try MappedFile(path: indexPath)).map, indexPath)
    var paths: [String] = []
    for name in names { paths.append(try path(of: name, indexPath)) }
    return paths
  }

  /// The files that `map` names, each once, in the order of the index.
  private static func shardNames(_ map: [(String, String)], _ indexPath: String) throws(Diagnostic) -> [String] {
    let indexName = indexPath.split(separator: "/").last.map(String.init) ?? indexPath
    var names: [String] = []
    var seen: Set<String> = []
    for (tensor, shard) in map where !seen.contains(shard) {
      try check(shard, of: tensor, indexName: indexName, indexPath)
      seen.insert(shard)
      names.append(shard)
    }
    return names
  }

  /// Where the shard called `name` is, which is there.
  private static func path(of name: String, _ indexPath: String) throws(Diagnostic) -> String {
    let folder = indexPath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let path = (folder.isEmpty && !indexPath.hasPrefix("/") ? "" : folder + "/") + name
    guard PathKind(of: path) != .nothing else {
      throw Diagnostic(
        "sharded.missing-shard", "the index names '\(name.shortened)', which is not there", at: Location(indexPath),
        category: .inputMissing)
    }
    return path
  }

  /// What to say where the index gives another size than the tensors have, with tied ones counted once or each.
  private static func note(
    onTotalSize totalSize: Int?, _ entries: [TensorEntry], _ aliases: [Int: TensorAlias], _ indexPath: String
  ) -> [String] {
    guard let totalSize else { return [] }
    let each = entries.reduce(0) { $0 &+ $1.byteCount }
    let once = entries.indices.reduce(0) { aliases[$1] == nil ? $0 &+ entries[$1].byteCount : $0 }
    guard totalSize != each, totalSize != once else { return [] }
    return ["the index '\(indexPath)' gives the tensors \(totalSize) bytes, but they have \(each)"]
  }

  /// Tensor and shard, in the order of the index, and the bytes that it gives all tensors.
  private static func weightMap(
    _ index: MappedFile
  ) throws(Diagnostic) -> (map: [(String, String)], totalSize: Int?) {
    guard index.byteCount <= indexLimit else {
      throw Diagnostic(
        "sharded.index", "the index has \(index.byteCount) bytes, more than \(indexLimit)", at: Location(index.path))
    }
    var scanner = JSONScanner(index.storage.bytes, file: index.path)
    guard scanner.kind() == .object else {
      throw Diagnostic("sharded.index", "the index is no JSON object", at: Location(index.path))
    }
    var map: [(String, String)]?
    var totalSize: Int?
    try scanner.object { (scanner, name) throws(Diagnostic) in
      if name == "metadata" {
        totalSize = try scanner.value()["total_size"]?.intValue
        return
      }
      guard name == "weight_map" else { return try scanner.skipValue() }
      guard scanner.kind() == .object else {
        throw scanner.failure("sharded.index", "'weight_map' is no object", scanner.position)
      }
      var found: [(String, String)] = []
      try scanner.object { (scanner, tensor) throws(Diagnostic) in
        guard scanner.kind() == .text else {
          throw scanner.failure("sharded.index", "the shard of '\(tensor.shortened)' is no text", scanner.position)
        }
        found.append((tensor, try scanner.text()))
      }
      map = found
    }
    try scanner.end()
    guard let map else {
      throw Diagnostic("sharded.index", "the index has no 'weight_map'", at: Location(index.path))
    }
    return (map, totalSize)
  }

  /// Refuses names that lead out of the index's folder. A link that stands under a plain name is followed: caches of
  /// downloads consist of them.
  private static func check(
    _ shard: String, of tensor: String, indexName: String, _ indexPath: String
  ) throws(Diagnostic) {
    let parts = shard.split(separator: "/", omittingEmptySubsequences: false)
    let isUnsafe =
      parts.contains("..") || parts.contains("") || shard.hasPrefix("~") || shard.contains("://")
      || shard.utf8.contains(0) || shard.utf8.contains(UInt8(ascii: "\\")) || shard.hasPrefix("file:")
    guard !isUnsafe else {
      throw Diagnostic(
        "sharded.unsafe-path", "the index sends '\(tensor.shortened)' to '\(shard.shortened)', out of its folder",
        at: Location(indexPath, tensor: tensor))
    }
    guard shard != indexName, !shard.hasSuffix(".index.json") else {
      throw Diagnostic(
        "sharded.index", "the index names '\(shard.shortened)', an index, as a shard", at: Location(indexPath))
    }
  }
}
