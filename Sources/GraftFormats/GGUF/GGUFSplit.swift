import GraftIR

// NAME-00001-of-00003.gguf, NAME-00002-of-00003.gguf, ...: every file has tensors of its own and the values
//
//   split.no             u16, from 0 on
//   split.count          u16, how many files
//   split.tensors.count  i32, the tensors of all files
//
// The other values are in the first one. Source: llama.cpp `tools/gguf-split`.

/// What a GGUF file says of being one of several.
struct GGUFSplit: Sendable, Hashable {
  static let numberKey = "split.no"
  static let countKey = "split.count"
  static let tensorsKey = "split.tensors.count"
  static let keys = [numberKey, countKey, tensorsKey]

  /// From 0 on.
  let number: Int
  let count: Int
  /// The tensors of all files, where that is said.
  let tensorCount: Int?

  init(_ shard: WriterRequest.Shard) {
    number = shard.number
    count = shard.count
    tensorCount = shard.tensorCount
  }

  /// What `metadata` tell, or `nil` where the file is the only one.
  init?(_ metadata: [String: String]) {
    guard let count = metadata[Self.countKey].flatMap(Int.init), count > 1 else { return nil }
    self.count = count
    number = metadata[Self.numberKey].flatMap(Int.init) ?? 0
    tensorCount = metadata[Self.tensorsKey].flatMap(Int.init)
  }

  /// Puts the values in.
  func note(in metadata: inout [String: String], _ types: inout [String: String]) {
    metadata[Self.numberKey] = "\(number)"
    metadata[Self.countKey] = "\(count)"
    types[Self.numberKey] = "u16"
    types[Self.countKey] = "u16"
    guard let tensorCount else { return }
    metadata[Self.tensorsKey] = "\(tensorCount)"
    types[Self.tensorsKey] = "i32"
  }

  /// The checkpoint that `file` is a part of: all files, opened from beside it.
  ///
  /// - Throws: `gguf.split`, `gguf.duplicate`, `checkpoint.missing`, and rules of every file's own.
  func joined(_ file: GGUFReader) throws(Diagnostic) -> any LocatedCheckpoint {
    guard count <= ShardPlan.shardLimit else {
      throw Diagnostic(
        "gguf.split", "the checkpoint is \(count) files, more than \(ShardPlan.shardLimit)", at: Location(file.file))
    }
    guard (0..<count).contains(number) else {
      throw Diagnostic(
        "gguf.split", "'\(Self.numberKey)' is \(number), and of \(count) files the numbers are 0 to \(count - 1)",
        at: Location(file.file))
    }
    guard let name = ShardName(path: file.file), name.number == number + 1, name.count == count else {
      throw Diagnostic(
        "gguf.split",
        "the file is number \(number + 1) of \(count), and is not called "
          + ShardName.text("NAME", number + 1, of: count, ".gguf"),
        at: Location(file.file))
    }
    var parts: [any LocatedCheckpoint] = []
    var names: Set<String> = []
    for other in 0..<count {
      let part = other == number ? file : try GGUFReader(try MappedFile(path: name.path(ofNumber: other + 1)))
      guard let split = part.split, split.count == count, split.number == other else {
        throw Diagnostic(
          "gguf.split", "the file does not say that it is number \(other + 1) of \(count)", at: Location(part.file))
      }
      guard split.tensorCount == tensorCount else {
        func told(_ count: Int?) -> String { count.map { "\($0) tensors" } ?? "no number of tensors" }
        throw Diagnostic(
          "gguf.split",
          "the file tells of \(told(split.tensorCount)) together, and number \(number + 1) of \(told(tensorCount))",
          at: Location(part.file))
      }
      for entry in part.entries where !names.insert(entry.name).inserted {
        throw Diagnostic(
          "gguf.duplicate", "a file before has a tensor '\(entry.name.shortened)', too",
          at: Location(part.file, tensor: entry.name))
      }
      parts.append(part)
    }
    if let tensorCount, tensorCount != names.count {
      throw Diagnostic(
        "gguf.split", "the files hold \(names.count) tensors together, and not \(tensorCount)", at: Location(file.file))
    }
    return ShardedCheckpoint(parts, file: file.file)
  }
}
