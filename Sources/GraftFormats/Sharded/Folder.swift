import Glibc
import GraftIR

/// A folder in the place of a checkpoint file.
enum Folder {
  /// The one checkpoint in `folder`: its only index, else its only file of a format that graft reads.
  ///
  /// - Throws: `checkpoint.folder` where it holds none or several, `checkpoint.unreadable`.
  static func checkpoint(in folder: String) throws(Diagnostic) -> String {
    let names = try list(folder)
    let indices = names.filter { $0.hasSuffix(".index.json") }
    var candidates = indices.isEmpty ? names.filter { Formats.format(ofPath: $0) != nil } : indices
    let parts = candidates.compactMap(ShardName.init(path:))
    if let first = parts.first, parts.count == candidates.count, first.suffix.lowercased() == ".gguf",
      parts.allSatisfy({ $0.stem == first.stem && $0.count == first.count })
    {
      candidates = [first.path(ofNumber: first.number)]  // Each of them leads to the others.
    }
    guard let only = candidates.first, candidates.count == 1 else {
      let found =
        candidates.isEmpty ? "no checkpoint" : "several checkpoints: " + candidates.prefix(8).joined(separator: ", ")
      throw Diagnostic(
        "checkpoint.folder", "the folder '\(folder)' holds \(found)", at: Location(folder),
        help: candidates.isEmpty ? nil : "name one of them", category: candidates.isEmpty ? .inputMissing : .badData)
    }
    return folder + "/" + only
  }

  private static func list(_ folder: String) throws(Diagnostic) -> [String] {
    guard let stream = opendir(folder) else {
      throw Diagnostic(
        "checkpoint.unreadable", "the folder '\(folder)' cannot be listed: \(systemMessage(errno))",
        at: Location(folder), category: .ioFailure)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}
