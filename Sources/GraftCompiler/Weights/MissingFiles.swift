public import GraftIR

/// A file that a line of a graft reads, once for each index that its brackets bind.
struct FileUse: Sendable {
  /// The path, as seen from the working directory.
  let file: String
  let isMissing: Bool
  /// The name as the graft writes it: `"stage1/block_\(i).pt"`.
  let text: String
  let bindings: [(String, Number)]
  let at: Location
  /// Whether it is the base model's.
  var isBase = false
}

/// The files of one line that are not there.
public struct MissingFiles: Sendable, Hashable {
  /// Their paths, as seen from the working directory.
  public let files: [String]
  /// How many files the line names.
  public let count: Int
  /// What a person is told of all of them: `3 of 14 files "stage1/block_\(i).pt" are missing: i = 7, 9, 21`.
  public let message: String
  /// Where the graft names them.
  public let at: Location
  private let isBase: Bool

  /// What is missing of `uses`, for each place that names files.
  static func all(of uses: [FileUse]) -> [MissingFiles] {
    var places: [Location] = []
    var groups: [Location: [FileUse]] = [:]
    for use in uses {
      if groups[use.at] == nil { places.append(use.at) }
      groups[use.at, default: []].append(use)
    }
    return places.compactMap { MissingFiles(groups[$0] ?? []) }
  }

  /// `nil` where no file is missing. `uses` are those of one place.
  private init?(_ uses: [FileUse]) {
    var known: Set<String> = []
    let named = uses.filter { known.insert($0.file).inserted }
    let missing = named.filter(\.isMissing)
    guard let first = missing.first else { return nil }
    files = missing.map(\.file)
    count = named.count
    at = first.at
    isBase = first.isBase
    guard named.count > 1 else {
      message = "there is no file '\(first.file)'"
      return
    }
    // Indices that all files share tell none apart.
    let names = first.bindings.map(\.0).filter { name in Set(named.map { $0.value(of: name) }).count > 1 }
    let indices = names.map { name in
      let values = missing.map { $0.value(of: name) }
      return "\(name) = "
        + (values.prefix(Self.shown) + (values.count > Self.shown ? ["..."] : [])).joined(separator: ", ")
    }
    let which =
      indices.isEmpty
      ? missing.map { "'\($0.file)'" }.prefix(Self.shown).joined(separator: ", ") : indices.joined(separator: "; ")
    message = "\(missing.count) of \(named.count) files \(first.text) are missing: \(which)"
  }

  /// Indices that a message lists, at most.
  private static let shown = 32

  /// What keeps a checkpoint from being written.
  public var diagnostic: Diagnostic {
    Diagnostic(
      "weights.no-file", message, at: at,
      help: isBase ? "--base CHECKPOINT takes the place of the base's file, --base noise needs none" : nil,
      category: .inputMissing)
  }
}

extension FileUse {
  fileprivate func value(of name: String) -> String {
    bindings.last { $0.0 == name }?.1.description ?? ""
  }
}
