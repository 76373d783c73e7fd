import GraftIR

/// The tensors of a file, found in what a child tells of it.
struct HDF5Content {
  struct Found {
    var name: String
    let dataset: HDF5Dataset
    /// Where its header stands, which tells the order in which a file was written.
    let address: UInt64
    /// The number of the tensor that it is another name of.
    var target: Int?
  }

  private(set) var tensors: [Found] = []
  /// What graft wrote beside the tensors.
  private(set) var metadata: HDF5Dataset?
  /// Those that are no tensors, with what they hold.
  private var others: [(path: String, what: String)] = []
  /// Links to groups, and groups under other names: what is in them is there already.
  private var otherGroups: [String] = []
  /// The tensor that each dataset of the survey is, `nil` where it is none.
  private var tensorsOfDatasets: [Int?] = []
  private let file: String

  /// Takes the datasets of `survey`.
  ///
  /// - Throws: rules of the page `hdf5`.
  init(_ survey: HDF5Survey, _ mapped: MappedFile, _ window: Range<Int>) throws(Diagnostic) {
    file = mapped.path
    var numbers: [UInt64: Int] = [:]
    var ignored: Set<UInt64> = []
    var (declared, stored) = (0, 0)
    for dataset in survey.datasets {
      tensorsOfDatasets.append(nil)
      guard let description = dataset.description else {
        if let number = numbers[dataset.address] {
          tensorsOfDatasets[tensorsOfDatasets.count - 1] = tensors.count
          tensors.append(
            Found(
              name: dataset.path, dataset: tensors[number].dataset, address: dataset.address, target: number))
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
          dataset.path, dtype, isBigEndian: isBigEndian, sizes, description, mapped, window)
        if dataset.path == HDF5Reader.metadataName, dtype == .u8, sizes.count == 1 {
          metadata = tensor
          ignored.insert(dataset.address)
          continue
        }
        declared += tensor.byteCount
        stored = min(stored + tensor.storedByteCount, window.count)
        guard !HDF5Dataset.isMostlyAbsent(declared, stored: stored) else {
          throw Diagnostic(
            "hdf5.size",
            "the datasets up to '\(dataset.path.shortened)' have \(declared) bytes, of which the file holds \(stored)",
            at: Location(file, window, tensor: dataset.path))
        }
        numbers[dataset.address] = tensors.count
        tensorsOfDatasets[tensorsOfDatasets.count - 1] = tensors.count
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
  mutating func resolveLinks(_ survey: HDF5Survey, _ tree: HDF5Tree) throws(Diagnostic) {
    func refusal(_ rule: String, _ path: String, _ message: String) -> Diagnostic {
      Diagnostic(rule, "'\(path.shortened)' \(message)", at: Location(file, tensor: path))
    }
    for group in survey.groups where group.isAgain { otherGroups.append(group.path) }
    for link in survey.links where link.kind != .soft {
      throw refusal("hdf5.outside", link.path, "is a link that leads into another file")
    }
    var links = HDF5Links(survey, tree)
    for (number, link) in survey.links.enumerated() {
      switch links.goal(of: number) {
      case .dataset(let dataset):
        guard let number = tensorsOfDatasets[dataset] else { continue }
        let target = tensors[number]
        tensors.append(
          Found(
            name: link.path, dataset: target.dataset, address: target.address, target: target.target ?? number))
      case .group: otherGroups.append(link.path)
      case .nothing:
        throw refusal("hdf5.dangling", link.path, "is a link to '\(link.target.shortened)', which is not there")
      case nil:
        throw refusal(
          "hdf5.cycle", link.path, "is a link that goes in a circle, or through \(HDF5Links.limit) others")
      }
    }
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
    let order = tensors.indices.sorted { keys[$0] < keys[$1] }
    var newNumbers = [Int](repeating: 0, count: order.count)
    for (new, old) in order.enumerated() { newNumbers[old] = new }
    tensors = order.map { old in
      var tensor = tensors[old]
      tensor.target = tensor.target.map { newNumbers[$0] }
      return tensor
    }
  }

  /// What each tensor is another name of, by numbers.
  var aliases: [Int: TensorAlias] {
    var aliases: [Int: TensorAlias] = [:]
    for (index, tensor) in tensors.enumerated() {
      guard let target = tensor.target else { continue }
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

  /// What a person may miss.
  var omissions: [Omission] {
    var omissions: [Omission] = []
    if let first = others.first {
      let are = others.count == 1 ? "is no tensor" : "are no tensors"
      omissions.append(
        Omission("\(counted(others.count, "dataset")) that \(are): '\(first.path.shortened)' holds \(first.what)"))
    }
    if !otherGroups.isEmpty {
      omissions.append(
        Omission("\(counted(otherGroups.count, "other name")) of groups, of which one is kept: \(listed(otherGroups))"))
    }
    return omissions
  }
}
