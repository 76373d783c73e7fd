extension Module {
  /// The parts right below the model and the entries of its lists, each with the part of `base` that stands, or stood,
  /// in its place: paths, in the order of the model.
  ///
  /// An entry knows where it stood before the lines that moved it; of a parallel level it is the last branch that
  /// counts, since what the level gives is to be what that gave. Entries that know nothing, as those of a recognised
  /// checkpoint, are taken in order where they are as many as those of the base, branches counted one by one.
  func counterparts(in base: Module) -> [(path: [String], basePath: [String])] {
    var result: [(path: [String], basePath: [String])] = []
    for (name, part) in parts {
      guard let other = base.part(name) else { continue }
      guard part.isList else {
        if !other.isList { result.append(([name], [name])) }
        continue
      }
      guard other.isList else { continue }
      let places = Dictionary(
        other.parts.map { (spelledPath([name, $0.name]), [name, $0.name]) }, uniquingKeysWith: { first, _ in first })
      let knows = part.parts.contains { $0.module.lastBaseName != nil }
      let isWhole = part.parts.reduce(0) { $0 + $1.module.branchCount } == other.parts.count
      var passed = 0
      for (entryName, entry) in part.parts {
        passed += entry.branchCount
        let place: [String]? =
          if knows { entry.lastBaseName.flatMap { places[$0] } } else { isWhole ? [name, String(passed - 1)] : nil }
        if let place { result.append(([name, entryName], place)) }
      }
    }
    return result
  }

  /// Where the module, or what it replaced, stood in the base model; of a level or a list, where the last of its parts
  /// did.
  private var lastBaseName: String? {
    if isParallel { return part("branches")?.lastBaseName }
    if isList { return parts.last?.module.lastBaseName }
    return baseName ?? replacedName
  }

  /// The entries of a base that it is made of.
  private var branchCount: Int {
    isParallel ? part("branches")?.parts.reduce(0) { $0 + $1.module.branchCount } ?? 0 : 1
  }
}
