import GraftIR

/// The tensors of a file, found in what a child tells of it.
struct HDF5Content {
  struct Found {
    var name: String
    let dataset: HDF5Dataset
    /// Where its header stands, which tells the order in which a file was written.
    let address: UInt64
    /// The path of the tensor that it is another name of.
    var target: String?
  }

  private(set) var tensors: [Found] = []
  /// What graft wrote beside the tensors.
  private(set) var metadata: HDF5Dataset?
  /// Those that are no tensors, with what they hold.
  private var others: [(path: String, what: String)] = []
  /// Links to groups, and groups under other names: what is in them is there already.
  private var otherGroups: [String] = []
  private let file: String

  /// Takes the datasets of `survey`.
  ///
  /// - Throws: rules of the page `hdf5`.
  init(
    _ survey: HDF5Survey, _ mapped: MappedFile, _ window: Range<Int>, base: Int
  ) throws(Diagnostic) {
    file = mapped.path
    var numbers: [UInt64: Int] = [:]
    var ignored: Set<UInt64> = []
    for dataset in survey.datasets {
      guard let description = dataset.description else {
        if let number = numbers[dataset.address] {
          tensors.append(
            Found(
              name: dataset.path, dataset: tensors[number].dataset, address: dataset.address,
              target: tensors[number].name))
        } else if !ignored.contains(dataset.address) {
          throw Diagnostic(
            "hdf5.answer", "'\(dataset.path.shortened)' is told to be a dataset that was not told of",
            at: Location(file, window))
        }
        continue
      }
      if case .outside(let why) = description.layout {
        throw Diagnostic(
          "hdf5.outside", "'\(dataset.path.shortened)' is not read: \(why)",
          at: Location(file, window, tensor: dataset.path))
      }
      switch (description.type, description.sizes) {
      case (.unknownNumber(let what), _):
        throw Diagnostic(
          "hdf5.type", "'\(dataset.path.shortened)' holds \(what), which no type of graft holds",
          at: Location(file, window, tensor: dataset.path))
      case (.noNumber(let what), _):
        others.append((dataset.path, what))
        ignored.insert(dataset.address)
      case (_, nil):
        others.append((dataset.path, "nothing"))
        ignored.insert(dataset.address)
      case (.tensor(let dtype, let isBigEndian), let sizes?):
        let tensor = try HDF5Dataset(
          dataset.path, dtype, isBigEndian: isBigEndian, sizes, description, mapped, window, base: base)
        if dataset.path == HDF5Reader.metadataName, dtype == .u8, sizes.count == 1 {
          metadata = tensor
          ignored.insert(dataset.address)
          continue
        }
        numbers[dataset.address] = tensors.count
        tensors.append(Found(name: dataset.path, dataset: tensor, address: dataset.address))
      }
    }
    guard !tensors.isEmpty || others.isEmpty else {
      throw Diagnostic(
        "hdf5.no-tensors", "the file holds no tensors: '\(others[0].path.shortened)' holds \(others[0].what)",
        at: Location(file, window, tensor: others[0].path))
    }
  }

  // MARK: Links

  /// Adds what soft links lead to, and refuses what leads nowhere or out of the file.
  ///
  /// - Throws: `hdf5.outside`, `hdf5.cycle`, `hdf5.dangling`.
  mutating func resolveLinks(_ survey: HDF5Survey) throws(Diagnostic) {
    func refusal(_ rule: String, _ path: String, _ message: String) -> Diagnostic {
      Diagnostic(rule, "'\(path.shortened)' \(message)", at: Location(file, tensor: path))
    }
    var paths: [UInt64: String] = [:]
    var groups: [String: String] = [:]  // To the path under which a group's members are told.
    for group in survey.groups {
      guard group.isAgain else {
        paths[group.address] = group.path
        groups[group.path] = group.path
        continue
      }
      guard let first = paths[group.address], !first.isEmpty, !group.path.hasPrefix(first + "/") else {
        throw refusal("hdf5.cycle", group.path, "is a group that it is in itself")
      }
      groups[group.path] = first
      otherGroups.append(group.path)
    }
    var softLinks: [String: String] = [:]
    for link in survey.links {
      guard link.kind == .soft else {
        throw refusal("hdf5.outside", link.path, "is a link that leads into another file")
      }
      softLinks[link.path] = link.target
    }
    let numbers = Dictionary(tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let others = Set(others.map(\.path))
    for link in survey.links {
      var steps = 0
      guard let path = Self.follow(link.path, softLinks, groups, &steps) else {
        throw refusal("hdf5.cycle", link.path, "is a link that goes in a circle, or through more than 64 others")
      }
      if let number = numbers[path] {
        let target = tensors[number]
        tensors.append(
          Found(
            name: link.path, dataset: target.dataset, address: target.address, target: target.target ?? target.name))
      } else if groups[path] != nil {
        otherGroups.append(link.path)
      } else if !others.contains(path) {
        throw refusal("hdf5.dangling", link.path, "is a link to '\(link.target.shortened)', which is not there")
      }
    }
  }

  /// The path that `path` leads to once no step of it is a link, or `nil` where that takes too many steps.
  private static func follow(
    _ path: String, _ links: [String: String], _ groups: [String: String], _ steps: inout Int
  ) -> String? {
    var left = path.split(separator: "/").map(String.init)[...]
    var reached = ""
    while let step = left.popFirst() {
      if step == "." { continue }
      let next = reached.isEmpty ? step : reached + "/" + step
      if let target = links[next] {
        steps += 1
        guard steps <= 64, left.count <= 4096 else { return nil }
        if target.hasPrefix("/") { reached = "" }
        left = (target.split(separator: "/").map(String.init) + left)[...]
      } else {
        reached = groups[next] ?? next
      }
    }
    return reached
  }

  // MARK: Names, order and ties

  /// Gives tensors the names that graft noted.
  ///
  /// - Throws: `hdf5.metadata`.
  mutating func rename(_ names: [String: String]) throws(Diagnostic) {
    guard !names.isEmpty else { return }
    var seen: Set<String> = []
    for index in tensors.indices {
      if let name = names[tensors[index].name] { tensors[index].name = name }
      if let name = tensors[index].target.flatMap({ names[$0] }) { tensors[index].target = name }
      guard seen.insert(tensors[index].name).inserted else {
        throw Diagnostic(
          "hdf5.metadata", "two tensors are called '\(tensors[index].name.shortened)'", at: Location(file))
      }
    }
  }

  /// Brings the tensors into the order of the names `order` and then `keras`, and of the file.
  mutating func sort(by order: [String], keras: [String]) throws(Diagnostic) {
    let places = Dictionary(
      (order + keras).enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    // What is another name of a tensor comes behind it.
    let keys = tensors.enumerated().map { number, tensor in
      (places[tensor.name] ?? .max, tensor.address, tensor.target == nil ? 0 : 1, number)
    }
    tensors = tensors.indices.sorted { keys[$0] < keys[$1] }.map { tensors[$0] }
  }

  /// What each tensor is another name of, by numbers.
  var aliases: [Int: TensorAlias] {
    let numbers = Dictionary(
      tensors.enumerated().filter { $1.target == nil }.map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var aliases: [Int: TensorAlias] = [:]
    for (index, tensor) in tensors.enumerated() {
      guard let target = tensor.target.flatMap({ numbers[$0] }) else { continue }
      aliases[index] = TensorAlias(wholeOf: target, shape: tensor.dataset.type.shape ?? [])
    }
    return aliases
  }

  // MARK: What is no tensor

  /// Texts of the root are metadata of their names; lists, and what other groups have, is one text for all of it.
  func addAttributes(of survey: HDF5Survey, to metadata: inout [String: String]) {
    var groups: [String: [JSON.Member]] = [:]
    for attribute in survey.attributes {
      if attribute.path.isEmpty, !attribute.isList, let text = attribute.texts.first {
        metadata[attribute.name] = text
        continue
      }
      let value: JSON =
        attribute.isList ? .list(attribute.texts.map { .text($0) }) : .text(attribute.texts.first ?? "")
      groups[attribute.path, default: []].append(JSON.Member(attribute.name, value))
    }
    guard !groups.isEmpty else { return }
    let members = groups.map { path, members in
      JSON.Member(path, .object(members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }))
    }
    metadata[HDF5Reader.attributesKey] =
      JSON.object(members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }).text()
  }

  func notes(in path: String) -> [String] {
    var notes: [String] = []
    if let first = others.first {
      notes.append(
        "\(counted(others.count, "dataset")) of '\(path)' \(others.count == 1 ? "is" : "are") no tensor\(others.count == 1 ? "" : "s"): "
          + "'\(first.path.shortened)' holds \(first.what)")
    }
    if let first = otherGroups.first {
      notes.append(
        "\(counted(otherGroups.count, "group")) of '\(path)' \(otherGroups.count == 1 ? "is" : "are") left out as another name of one that is there: '\(first.shortened)'"
      )
    }
    return notes
  }
}
