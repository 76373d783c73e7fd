import GraftIR

/// The paths under which tensors are written. A name is its own path wherever HDF5 takes it for one: with `/` between the
/// names of groups. Others get paths of graft's own, and are noted in the metadata.
struct HDF5Names {
  /// The path of each tensor.
  private(set) var paths: [String] = []
  /// Every group that these need, outer ones first, in the order in which they are needed.
  private(set) var groups: [String] = []
  private var known: Set<String> = []

  /// Longer paths are nothing that a person wrote.
  private static let byteLimit = 4096

  /// Finds paths for `names`, which differ.
  init(_ names: [String]) {
    // Where a tensor stands, there can be no group.
    var inner: Set<String> = []
    for name in names where Self.isPath(name) {
      for group in Self.groups(around: name) { inner.insert(group) }
    }
    for (number, name) in names.enumerated() {
      guard Self.isPath(name), !inner.contains(name) else {
        paths.append("\(HDF5Reader.metadataName).\(number)")
        continue
      }
      paths.append(name)
      addGroups(around: name)
    }
  }

  /// The names that are no paths, by the paths that they got.
  func renamed(_ names: [String]) -> [String: String] {
    Dictionary(zip(paths, names).filter { $0.0 != $0.1 }, uniquingKeysWith: { first, _ in first })
  }

  /// Adds the group at `path`, if a group may stand there, and those around it.
  mutating func addGroup(_ path: String, besides datasets: Set<String>) -> Bool {
    if path.isEmpty { return true }
    guard Self.isPath(path), !datasets.contains(path),
      Self.groups(around: path).allSatisfy({ !datasets.contains($0) })
    else { return false }
    addGroups(around: path + "/")
    return true
  }

  private mutating func addGroups(around name: String) {
    for group in Self.groups(around: name) where known.insert(group).inserted { groups.append(group) }
  }

  private static func isPath(_ name: String) -> Bool {
    let steps = name.split(separator: "/", omittingEmptySubsequences: false)
    return name.utf8.count <= byteLimit && steps.count <= 100 && !name.utf8.contains(0)
      && !name.hasPrefix(HDF5Reader.metadataName) && !steps.contains { $0.isEmpty || $0 == "." }
  }

  /// The beginnings of `name` that end before a `/`.
  private static func groups(around name: String) -> [String] {
    name.indices.filter { name[$0] == "/" }.map { String(name[..<$0]) }
  }
}
