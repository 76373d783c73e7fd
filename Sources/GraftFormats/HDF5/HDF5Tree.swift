import GraftIR

/// A file's groups and what is in them, to be found by the steps of paths. Names are told apart by their bytes, as
/// HDF5 does it, and `/` is a byte between them, whatever stands behind it.
struct HDF5Tree {
  /// What a group has under a name, by its number in the survey.
  enum Member: Hashable {
    case group(Int)
    case dataset(Int)
    case link(Int)
  }

  private struct Step: Hashable {
    let group: Int
    let name: Substring.UTF8View

    static func == (one: Step, other: Step) -> Bool {
      one.group == other.group && one.name.elementsEqual(other.name)
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(group)
      for byte in name { hasher.combine(byte) }
    }
  }

  static let separator = UInt8(ascii: "/")

  /// The number under which a group's members are told: that of its first path.
  private var firstNumbers: [Int] = []
  /// The groups around those of first paths.
  private var outer: [Int] = []
  /// The group that each link is in.
  private(set) var groupsOfLinks: [Int] = []
  private var members: [Step: Member] = [:]

  /// Finds a place for everything that `survey` tells of `file`.
  ///
  /// - Throws: `hdf5.answer` where something is in a group that was not told of, `hdf5.cycle` where a group is in
  ///   itself.
  init(_ survey: HDF5Survey, _ file: String) throws(Diagnostic) {
    var numbers: [UInt64: Int] = [:]
    for (number, group) in survey.groups.enumerated() {
      if !group.isAgain { numbers[group.address] = number }
      guard let first = numbers[group.address] else { throw Self.missing(group.path, file) }
      firstNumbers.append(first)
      // The first one is the root.
      outer.append(number == 0 ? 0 : try add(.group(number), at: group.path, file))
      guard !group.isAgain || !has(first, around: outer[number]) else {
        throw Diagnostic(
          "hdf5.cycle", "'\(group.path.shortened)' is a group that it is in itself",
          at: Location(file, tensor: group.path))
      }
    }
    for (number, dataset) in survey.datasets.enumerated() { _ = try add(.dataset(number), at: dataset.path, file) }
    for (number, link) in survey.links.enumerated() {
      groupsOfLinks.append(try add(.link(number), at: link.path, file))
    }
  }

  /// Adds what is at `path`, and gives the group that it is in.
  private mutating func add(_ member: Member, at path: String, _ file: String) throws(Diagnostic) -> Int {
    let steps = Self.steps(of: path)
    var group = 0
    for step in steps.dropLast() {
      guard case .group(let number) = self.member(step, of: group) else { throw Self.missing(path, file) }
      group = number
    }
    guard !firstNumbers.isEmpty, let name = steps.last else { throw Self.missing(path, file) }
    let step = Step(group: group, name: name)
    if members[step] == nil { members[step] = member }
    return group
  }

  private static func missing(_ path: String, _ file: String) -> Diagnostic {
    Diagnostic(
      "hdf5.answer", "'\(path.shortened)' is told to be in a group that was not told of",
      at: Location(file, tensor: path))
  }

  /// Whether `group` is `inner` or around it.
  private func has(_ group: Int, around inner: Int) -> Bool {
    var inner = inner
    while inner != group && inner != 0 { inner = outer[inner] }
    return inner == group
  }

  static func steps(of path: String) -> [Substring.UTF8View] {
    path.utf8.split(separator: separator, omittingEmptySubsequences: false)
  }

  /// What `group` has under a name; a group by the number under which its members are told.
  func member(_ name: Substring.UTF8View, of group: Int) -> Member? {
    let found = members[Step(group: group, name: name)]
    if case .group(let number) = found { return .group(firstNumbers[number]) }
    return found
  }

  /// What is at `path`, counted from `group` on.
  func member(at path: String, from group: Int) -> Member? {
    var found = Member.group(group)
    for step in Self.steps(of: path) {
      guard case .group(let group) = found, let next = member(step, of: group) else { return nil }
      found = next
    }
    return found
  }
  /// The group at `path`, which is empty for the root; by the number under which its members are told.
  func group(at path: String) -> Int? {
    if path.isEmpty { return 0 }
    guard case .group(let number) = member(at: path, from: 0) else { return nil }
    return number
  }
}
