import GraftIR

/// Which tensors go into which file where a checkpoint is written in several.
///
///     X.safetensors  →  X-00001-of-00003.safetensors, …, X.safetensors.index.json
///
/// Source: huggingface_hub `split_state_dict_into_shards_factory`, whose names and order transformers reads.
struct ShardPlan: Sendable, Hashable {
  /// One file of the checkpoint.
  struct Shard: Sendable, Hashable {
    let path: String
    /// Numbers of declarations, ascending.
    let tensors: [Int]
  }

  /// More would run into the limit of open files that a process has.
  static let shardLimit = 500
  static let indexSuffix = ".index.json"

  /// At least one.
  let shards: [Shard]
  /// The file that ties the shards together, or `nil` where there is only one and nobody asked for an index.
  let indexPath: String?
  /// What all tensors fill together; an alias fills nothing.
  let byteCount: Int

  /// Spreads `declarations`, in their order, over files of at most `limit` bytes of tensors each; a larger tensor has
  /// a file of its own.
  ///
  /// - Parameter path: what the checkpoint is to be called: the name that it would have as one file, or its index.
  /// - Throws: `sharded.limit`.
  init(_ declarations: [TensorDeclaration], limit: Int, path: String) throws(Diagnostic) {
    let base = Self.basePath(of: path)
    let groups = try Self.groups(declarations, limit: limit, path: path)
    guard groups.count <= Self.shardLimit else {
      throw Diagnostic(
        "sharded.limit", "shards of \(limit) bytes are \(groups.count) files, more than \(Self.shardLimit)",
        at: Location(path), help: "choose larger shards", category: .usage)
    }
    byteCount = Declarations.byteCount(of: declarations)
    guard groups.count > 1 || base != path else {
      shards = [Shard(path: path, tensors: groups[0])]
      indexPath = nil
      return
    }
    let (stem, suffix) = Self.split(base)
    shards = groups.enumerated().map { number, tensors in
      Shard(path: ShardName.text(stem, number + 1, of: groups.count, suffix), tensors: tensors)
    }
    indexPath = base + Self.indexSuffix
  }

  /// The name that the checkpoint would have as one file.
  static func basePath(of path: String) -> String {
    path.hasSuffix(indexSuffix) ? String(path.dropLast(indexSuffix.count)) : path
  }

  /// The text of the index: every tensor's name, below `key` where there is one, and the name of its shard.
  func index(of declarations: [TensorDeclaration], key: String?) -> [UInt8] {
    var map: [JSON.Member] = []
    for shard in shards {
      let file = shard.path.split(separator: "/").last.map(String.init) ?? shard.path
      for tensor in shard.tensors {
        map.append(JSON.Member((key.map { $0 + "/" } ?? "") + declarations[tensor].name, .text(file)))
      }
    }
    let json: JSON = ["metadata": ["total_size": .int(byteCount)], "weight_map": .object(map)]
    return Array((json.text() + "\n").utf8)
  }

  /// An alias goes where its target is, wherever that stands.
  private static func groups(
    _ declarations: [TensorDeclaration], limit: Int, path: String
  ) throws(Diagnostic) -> [[Int]] {
    guard limit > 0 else {
      throw Diagnostic("sharded.limit", "shards of \(limit) bytes hold nothing", at: Location(path), category: .usage)
    }
    var owners = [Int](repeating: 0, count: declarations.count)
    var group = 0
    var filled = 0
    var isEmpty = true
    for (index, declaration) in declarations.enumerated() where declaration.alias == nil {
      if !isEmpty && declaration.byteCount > limit - filled {
        group += 1
        filled = 0
      }
      isEmpty = false
      owners[index] = group
      // A tensor beyond the limit fills its file and leaves no room.
      filled = min(limit, filled + min(limit, declaration.byteCount))
    }
    var groups = [[Int]](repeating: [], count: group + 1)
    for (index, declaration) in declarations.enumerated() {
      groups[owners[declaration.alias?.target ?? index]].append(index)
    }
    return groups
  }

  /// The name before its extension, and the extension.
  private static func split(_ path: String) -> (String, String) {
    let suffix = Formats.all.flatMap(\.extensions).filter { path.lowercased().hasSuffix($0) }.max {
      $0.count < $1.count
    }
    let count = suffix?.count ?? 0
    return (String(path.dropLast(count)), String(path.suffix(count)))
  }
}
