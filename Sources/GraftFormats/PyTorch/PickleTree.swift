import GraftIR

/// The tensors and plain entries of a pickle, under the keys that lead to them.
struct PickleTree {
  /// Deeper than any trainer nests.
  static let depthLimit = 64
  /// The most bytes that all keys and texts together may have, however large the pickle.
  static let textLimit = 64_000_000

  struct Leaf {
    let path: [String]
    let tensor: Pickle.TensorReference
  }

  private(set) var tensors: [Leaf] = []
  private(set) var metadata: [String: String] = [:]
  /// The objects that come back as dictionaries of their fields.
  private var objects = Places()
  /// The values of which nothing but a text comes back, or nothing.
  private var lost = Places()

  /// Where something is, of which messages name the first.
  private struct Places {
    private(set) var count = 0
    /// One more than are named, so that it shows that there are more.
    private(set) var first: [String] = []

    mutating func add(_ path: [String]) {
      count += 1
      if first.count < 4 { first.append(path.joined(separator: "/")) }
    }
  }

  private let pickle: Pickle
  private let file: String
  private var knowledge: [Knowledge]
  /// What may still be visited: a value that is shared may be visited often, but not more often than it has bytes.
  private var visitsLeft: Int
  private var textLeft: Int

  /// What does not come back, for a person.
  var omissions: [Omission] {
    var omissions: [Omission] = []
    if objects.count > 0 {
      omissions.append(
        Omission(
          "the class of \(counted(objects.count, "object")), whose fields are kept: \(listed(objects.first))",
          isLoss: false))
    }
    if lost.count > 0 {
      omissions.append(
        Omission("\(counted(lost.count, "value")) of bytes, classes or empty objects: \(listed(lost.first))"))
    }
    return omissions
  }

  private struct Knowledge {
    var isOpen = false
    var height: UInt8 = 0  // 0 where the value has not been looked at.
    var holdsTensors = false
  }

  /// Walks `pickle`, which fills `byteCount` bytes of `file`.
  ///
  /// - Throws: a rule `pytorch.…` of the page `pytorch`.
  init(_ pickle: Pickle, byteCount: Int, file: String) throws(Diagnostic) {
    self.pickle = pickle
    self.file = file
    knowledge = Array(repeating: Knowledge(), count: pickle.values.count)
    visitsLeft = 4 * byteCount + 1000
    textLeft = min(Self.textLimit, 16 * byteCount + 1_000_000)
    switch pickle.values[Int(pickle.root)] {
    case .tensor, .unreadable, .storage, .sequence, .dictionary, .record: break
    case .none, .bool, .int, .bigInt, .float, .text, .bytes, .global, .numpyType, .other:
      throw Diagnostic("pytorch.no-tensors", "the file holds a single plain value, no tensors", at: Location(file))
    }
    _ = try examine(pickle.root, depth: 1)
    try walk(pickle.root, [])
  }

  private func children(_ id: Pickle.ID) -> [Pickle.ID] {
    switch pickle.values[Int(id)] {
    case .sequence(let items), .dictionary(let items): items
    case .record(let state?): [state]
    case .none, .bool, .int, .bigInt, .float, .text, .bytes, .global, .record(nil), .storage, .tensor, .unreadable,
      .numpyType,
      .other:
      []
    }
  }

  /// Finds circles, depth, and which values lead to tensors; looks at each value once.
  private mutating func examine(_ id: Pickle.ID, depth: Int) throws(Diagnostic) -> Knowledge {
    let index = Int(id)
    if knowledge[index].isOpen {
      throw Diagnostic("pytorch.cycle", "a value contains itself", at: Location(file))
    }
    var known = knowledge[index]
    if known.height == 0 {
      guard depth <= Self.depthLimit else { throw tooDeep() }
      knowledge[index].isOpen = true
      switch pickle.values[index] {
      case .tensor, .unreadable, .storage: known.holdsTensors = true
      default: break
      }
      known.height = 1
      for child in children(id) {
        let below = try examine(child, depth: depth + 1)
        known.height = max(known.height, below.height + 1)
        known.holdsTensors = known.holdsTensors || below.holdsTensors
      }
      knowledge[index] = known
    }
    guard Int(known.height) + depth - 1 <= Self.depthLimit else { throw tooDeep() }
    return known
  }

  private func tooDeep() -> Diagnostic {
    Diagnostic("pytorch.pickle-depth", "values are nested deeper than \(Self.depthLimit) levels", at: Location(file))
  }

  private mutating func spend(_ bytes: Int) throws(Diagnostic) {
    visitsLeft -= 1
    textLeft -= bytes
    guard visitsLeft >= 0, textLeft >= 0 else {
      throw Diagnostic(
        "pytorch.pickle-size", "the values unfold to far more than the file holds", at: Location(file))
    }
  }

  private mutating func walk(_ id: Pickle.ID, _ path: [String]) throws(Diagnostic) {
    try spend(path.reduce(0) { $0 + $1.utf8.count + 1 })
    switch pickle.values[Int(id)] {
    case .tensor(let tensor): tensors.append(Leaf(path: path, tensor: pickle.tensors[tensor]))
    case .storage(let storage): tensors.append(Leaf(path: path, tensor: whole(storage)))
    case .unreadable(let kind):
      throw Diagnostic(
        "pytorch.tensor-kind", "'\(path.joined(separator: "/").shortened)' \(kind.meaning), which is not read",
        at: Location(file), help: kind.help)
    case .dictionary(let items): try walk(items, path)
    case .record(let state?):
      objects.add(path)
      try walk(state, path)
    case .sequence(let items) where knowledge[Int(id)].holdsTensors:
      for (index, item) in items.enumerated() { try walk(item, path + [String(index)]) }
    case .text(let text):
      try spend(text.utf8.count)
      metadata[path.joined(separator: "/")] = text
    case .global(.dtype), .none, .bool, .int, .bigInt, .float, .bytes, .sequence, .numpyType, .other:
      metadata[path.joined(separator: "/")] = plainText(try plain(id, in: path))
    case .global, .record(nil): lost.add(path)
    }
  }

  /// A storage that stands for itself, as a tensor of one axis.
  private func whole(_ storage: Int) -> Pickle.TensorReference {
    let reference = pickle.storages[storage]
    let count = reference.part?.count ?? reference.count
    return Pickle.TensorReference(
      storage: storage, dtypeName: reference.typeName == "UntypedStorage" ? "uint8" : nil, offset: 0, sizes: [count],
      strides: [1], position: 0)
  }

  private mutating func walk(_ items: [Pickle.ID], _ path: [String]) throws(Diagnostic) {
    var names: Set<String> = []
    for index in stride(from: 0, to: items.count - 1, by: 2) {
      let name = plainText(try plain(items[index], in: path))
      guard names.insert(name).inserted else {
        throw Diagnostic(
          "pytorch.duplicate-key", "the key '\(name.shortened)' stands twice in one dictionary", at: Location(file))
      }
      try walk(items[index + 1], path + [name])
    }
  }

  private func plainText(_ value: JSON) -> String {
    if case .text(let text) = value { return text }
    return value.text()
  }

  /// A value without tensors as JSON. What JSON does not hold is told to be lost at `path`, that of the text.
  private mutating func plain(_ id: Pickle.ID, in path: [String]) throws(Diagnostic) -> JSON {
    try spend(1)
    switch pickle.values[Int(id)] {
    case .none: return .null
    case .record(nil):
      lost.add(path)
      return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .bigInt(let digits): return .text(digits)
    case .float(let value): return .number(value)
    case .text(let text):
      try spend(text.utf8.count)
      return .text(text)
    case .bytes(let count, _):
      lost.add(path)
      return .text("\(count) bytes")
    case .other(let text): return .text(text)
    case .numpyType(let name, _): return .text(name)
    case .tensor, .unreadable: return .text("tensor")
    case .storage: return .text("storage")
    case .global(let global):
      if case .dtype = global {} else { lost.add(path) }
      return .text(spelling(global))
    case .record(let state?):
      objects.add(path)
      return try plain(state, in: path)
    case .sequence(let items):
      var elements: [JSON] = []
      for item in items { elements.append(try plain(item, in: path)) }
      return .list(elements)
    case .dictionary(let items):
      var members: [JSON.Member] = []
      for index in stride(from: 0, to: items.count - 1, by: 2) {
        let key = plainText(try plain(items[index], in: path))
        members.append(JSON.Member(key, try plain(items[index + 1], in: path)))
      }
      return .object(members)
    }
  }

  private func spelling(_ global: PickleGlobal) -> String {
    switch global {
    case .dtype(let name), .storage(let name): "torch.\(name)"
    case .other(let name): name
    case .dictionary, .defaultDictionary, .sequence, .record, .rebuild, .device, .layout, .complex, .bytes, .text,
      .numpyType, .numpyScalar, .numpyArray:
      "a class"
    }
  }
}
