import GraftIR

/// The paths under which tensors are written. A name is its own path wherever HDF5 takes it for one: with `/` between
/// the names of groups. Others get paths of graft's own, and are noted in the metadata.
struct HDF5Names {
  /// The path of each tensor.
  private(set) var paths: [String] = []
  /// Every group that these need, outer ones first, in the order in which they are needed.
  private(set) var groups: [String] = []
  /// HDF5 tells names apart by their bytes, where Swift takes texts that look the same for one.
  private var known: Set<[UInt8]> = []

  /// Longer paths are nothing that a person wrote.
  private static let byteLimit = 4096

  /// Finds paths for `names`, which differ.
  init(_ names: [String]) {
    // Where a tensor stands, there can be no group.
    var inner: Set<[UInt8]> = []
    for name in names where Self.isPath(name) {
      for group in Self.groups(around: name) { inner.insert(Array(group.utf8)) }
    }
    for (number, name) in names.enumerated() {
      guard Self.isPath(name), !inner.contains(Array(name.utf8)) else {
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
    for group in Self.groups(around: name) where known.insert(Array(group.utf8)).inserted { groups.append(group) }
  }

  private static func isPath(_ name: String) -> Bool {
    guard name.utf8.count <= byteLimit, !name.utf8.contains(0), !name.utf8.starts(with: HDF5Reader.metadataName.utf8)
    else { return false }
    let steps = HDF5Tree.steps(of: name)
    return steps.count <= 100 && !steps.contains { $0.isEmpty || $0.elementsEqual(".".utf8) }
  }

  /// The beginnings of `name` that end before a `/`.
  private static func groups(around name: String) -> [String] {
    name.utf8.indices.filter { name.utf8[$0] == HDF5Tree.separator }.map { String(name[..<$0]) }
  }
}
