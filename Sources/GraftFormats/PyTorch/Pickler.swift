import GraftIR

/// Writes the `data.pkl` of a state dict: protocol 2, which every version of torch reads.
struct Pickler {
  private var out: [UInt8] = [0x80, 2]
  /// Slots of what is mentioned often, by what it is.
  private var slots: [String: Int] = [:]

  /// The pickle of `declarations` in their dictionaries, all under `key` where there is one. The n-th tensor that is no
  /// alias is in storage n. A dictionary that holds tensors is an ordered one, as torch's state dicts are.
  ///
  /// - Parameter values: texts by key, `args/depth`, which stand beside dictionaries of tensors as trainers put them;
  ///   those that found a place are taken out. What is spelled as a JSON number, truth, `null` or list is one.
  /// - Throws: `pytorch.unwritable`.
  static func pickle(
    _ declarations: [TensorDeclaration], key: String?, values: inout [String: String]
  ) throws(Diagnostic) -> [UInt8] {
    var root = PickledDictionary()
    for (index, declaration) in declarations.enumerated() {
      let keys = (key.map { [$0] } ?? []) + declaration.keys
      let prefix = declaration.keys.reduce(0) { $0 + $1.utf8.count + 1 }
      let name = String(decoding: declaration.name.utf8.dropFirst(prefix), as: UTF8.self)
      guard root.add(.tensor(index), name: name, keys[...]) else {
        throw Diagnostic(
          "pytorch.unwritable", "'\(declaration.name.shortened)' is called like a dictionary that holds tensors")
      }
    }
    // A file that is one state dict has no room for anything else.
    if root.holdsOnlyDictionaries {
      for (name, text) in values.sorted(by: { $0.key < $1.key }) {
        let keys = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let last = keys.last, keys.count <= PickleTree.depthLimit - 8,
          root.add(.value(plainValue(text)), name: last, keys.dropLast())
        else { continue }
        values[name] = nil
      }
    }
    var storages: [Int] = []  // By declaration; an alias takes no number.
    var count = 0
    for declaration in declarations {
      storages.append(count)
      if declaration.alias == nil { count += 1 }
    }
    var pickler = Pickler()
    try pickler.dictionary(root, declarations, storages)
    pickler.out.append(UInt8(ascii: "."))
    return pickler.out
  }

  private mutating func dictionary(
    _ dictionary: PickledDictionary, _ declarations: [TensorDeclaration], _ storages: [Int]
  ) throws(Diagnostic) {
    if dictionary.holdsOnlyDictionaries { out.append(UInt8(ascii: "}")) } else { orderedDictionary() }
    out.append(UInt8(ascii: "("))
    for (name, item) in dictionary.items {
      text(name)
      switch item {
      case .tensor(let index):
        let owner = declarations[index].alias?.target ?? index
        try tensor(declarations[index], storage: storages[owner], of: declarations[owner])
      case .dictionary(let below): try self.dictionary(below, declarations, storages)
      case .value(let value): plain(value)
      }
    }
    out.append(UInt8(ascii: "u"))
  }

  /// The value that `PickleTree` spells as `text`.
  private static func plainValue(_ text: String) -> JSON {
    guard let value = try? JSON(parsing: text, file: "metadata"), value.text() == text else { return .text(text) }
    if case .object = value { return .text(text) }  // Dictionaries are keys of their own.
    return value
  }

  private mutating func plain(_ value: JSON) {
    switch value {
    case .null: out.append(UInt8(ascii: "N"))
    case .bool(let truth): out.append(truth ? 0x88 : 0x89)
    case .int(let number): integer(number)
    case .number(let number):
      out.append(UInt8(ascii: "G"))
      withUnsafeBytes(of: number.bitPattern.bigEndian) { out += $0 }
    case .text(let text): self.text(text)
    case .list(let items):
      out += [UInt8(ascii: "]"), UInt8(ascii: "(")]
      for item in items { plain(item) }
      out.append(UInt8(ascii: "e"))
    case .object(let members):
      out += [UInt8(ascii: "}"), UInt8(ascii: "(")]
      for member in members {
        self.text(member.name)
        plain(member.value)
      }
      out.append(UInt8(ascii: "u"))
    }
  }

  private mutating func tensor(
    _ declaration: TensorDeclaration, storage: Int, of owner: TensorDeclaration
  ) throws(Diagnostic) {
    let dtype = declaration.dtype
    var sizes = declaration.shape.axes
    let storageType = PyTorchTypes.storages.first { $0.value == dtype }?.key
    let dtypeName = PyTorchTypes.dtypes.first { $0.value == dtype }?.key
    guard let dtypeName else {
      throw Diagnostic(
        "pytorch.unwritable", "'\(declaration.name.shortened)' is of \(dtype), which torch lacks",
        help: "convert it to another dtype, or write another format")
    }
    if dtype == .f4 {
      guard let last = sizes.popLast(), last % 2 == 0 else {
        throw Diagnostic(
          "pytorch.unwritable", "the last axis of '\(declaration.name.shortened)' does not fill whole bytes of two")
      }
      sizes.append(last / 2)
    }
    global("torch._utils", storageType == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    out += [UInt8(ascii: "("), UInt8(ascii: "(")]
    remembered("storage")
    if let storageType { global("torch", storageType) } else { global("torch.storage", "UntypedStorage") }
    text(String(storage))
    remembered("cpu")
    let elements = storageType == nil ? owner.byteCount : owner.shape.elementCount ?? 0
    integer(elements)
    out += [UInt8(ascii: "t"), UInt8(ascii: "Q")]
    let isPart = declaration.alias.map { !$0.isWhole(declaration.shape, ofTarget: owner.shape) } ?? false
    integer(isPart ? declaration.alias?.offset ?? 0 : 0)
    tuple(sizes)
    let plain = Shape(sizes).elementCount == 0 ? sizes.map { _ in 1 } : Shape(sizes).strides
    tuple(isPart ? declaration.alias?.strides ?? plain : plain)
    out.append(0x89)  // requires_grad
    orderedDictionary()  // hooks
    if storageType == nil { global("torch", dtypeName) }
    out += [UInt8(ascii: "t"), UInt8(ascii: "R")]
  }

  private mutating func tuple(_ integers: [Int]) {
    if integers.isEmpty { return out.append(UInt8(ascii: ")")) }
    out.append(UInt8(ascii: "("))
    for value in integers { integer(value) }
    out.append(UInt8(ascii: "t"))
  }

  private mutating func integer(_ value: Int) {
    switch value {
    case 0..<256: out += [UInt8(ascii: "K"), UInt8(value)]
    case 256..<65536: out += [UInt8(ascii: "M"), UInt8(value & 255), UInt8(value >> 8)]
    case 65536...Int(Int32.max):
      out.append(UInt8(ascii: "J"))
      little(UInt32(value))
    default:
      out += [0x8A, 8]
      little(UInt64(bitPattern: Int64(value)))
    }
  }

  private mutating func text(_ text: String) {
    out.append(UInt8(ascii: "X"))
    little(UInt32(text.utf8.count))
    out += text.utf8
  }

  private mutating func remembered(_ text: String) {
    if recall(text) { return }
    self.text(text)
    remember(text)
  }

  private mutating func global(_ module: String, _ name: String) {
    if recall(module + " " + name) { return }
    out += "c\(module)\n\(name)\n".utf8
    remember(module + " " + name)
  }

  private mutating func orderedDictionary() {
    global("collections", "OrderedDict")
    out += [UInt8(ascii: ")"), UInt8(ascii: "R")]
  }

  private mutating func recall(_ what: String) -> Bool {
    guard let slot = slots[what] else { return false }
    out += [UInt8(ascii: "h"), UInt8(slot)]
    return true
  }

  private mutating func remember(_ what: String) {
    out += [UInt8(ascii: "q"), UInt8(slots.count)]  // About twenty names exist.
    slots[what] = slots.count
  }

  private mutating func little(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { out += $0 }
  }
}

/// A dictionary that is going to be pickled, its items in the order in which they came.
private struct PickledDictionary {
  enum Item {
    /// A number of a declaration.
    case tensor(Int)
    /// Something else, which may stand beside dictionaries.
    case value(JSON)
    indirect case dictionary(PickledDictionary)
  }

  private(set) var items: [(name: String, item: Item)] = []
  private var places: [String: Int] = [:]

  /// Whether there are items, and no tensor among them.
  var holdsOnlyDictionaries: Bool {
    !items.isEmpty && items.allSatisfy { if case .tensor = $0.item { false } else { true } }
  }

  /// Puts `item` as `name` into the dictionary that `keys` lead to. False where something else has the name.
  mutating func add(_ item: Item, name: String, _ keys: ArraySlice<String>) -> Bool {
    guard let key = keys.first else {
      guard places[name] == nil else { return false }
      places[name] = items.count
      items.append((name, item))
      return true
    }
    let place = places[key] ?? items.count
    if place == items.count {
      places[key] = place
      items.append((key, .dictionary(PickledDictionary())))
    }
    guard case .dictionary(var below) = items[place].item else { return false }
    items[place].item = .dictionary(PickledDictionary())  // So that the copy below is the only one, and none is made.
    let isAdded = below.add(item, name: name, keys.dropFirst())
    items[place].item = .dictionary(below)
    return isAdded
  }
}
