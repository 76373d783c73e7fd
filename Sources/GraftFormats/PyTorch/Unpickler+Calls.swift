import GraftIR

/// What calls, tensors and states in a pickle stand for.
extension Unpickler {
  mutating func call(_ function: PickleGlobal, _ arguments: [Pickle.ID]) throws(Diagnostic) {
    switch function {
    case .dictionary: try push(.dictionary(try pairs(arguments)))
    case .defaultDictionary:
      guard arguments.count <= 1 else { throw failure("pytorch.pickle-structure", "a dictionary of several") }
      try push(.dictionary([]))
    case .sequence:
      guard arguments.count <= 1 else { throw failure("pytorch.pickle-structure", "a list of several lists") }
      guard let argument = arguments.first else { return try push(.sequence([])) }
      guard case .sequence(let items) = pickle.values[Int(argument)] else {
        throw failure("pytorch.pickle-structure", "a list is made of what is no list")
      }
      try chargeCopy(items.count)
      try push(.sequence(items))
    case .record:
      guard arguments.isEmpty else { throw failure("pytorch.pickle-structure", "a record is made with arguments") }
      try push(.record(nil))
    case .device: try push(.other(try texts(arguments).joined(separator: ":")))
    case .layout: try push(.other(try texts(arguments).joined()))
    case .text(let separator): try push(.text(try texts(arguments).joined(separator: separator)))
    case .complex: try push(.other(try complex(arguments)))
    case .bytes: try push(bytes(arguments))
    case .numpyType:
      guard let first = arguments.first, case .text(let name) = pickle.values[Int(first)] else {
        throw failure("pytorch.pickle-structure", "a type of NumPy has no name")
      }
      try push(.numpyType(name, isBigEndian: false))
    case .numpyScalar: try push(try numpyScalar(arguments))
    case .numpyArray: try push(.unreadable(.numpyArray))
    case .rebuild(let rebuild): try self.rebuild(rebuild, arguments)
    case .dtype(let name), .storage(let name), .other(let name):
      throw failure("pytorch.pickle-forbidden", "'\(name)' is called, which only counts as a name")
    }
  }

  private func texts(_ arguments: [Pickle.ID]) throws(Diagnostic) -> [String] {
    var parts: [String] = []
    var length = 0
    for argument in arguments {
      switch pickle.values[Int(argument)] {
      case .text(let text): parts.append(text)
      case .int(let index): parts.append(String(index))
      default: throw failure("pytorch.pickle-structure", "a name is made of neither texts nor numbers")
      }
      length += parts.last?.utf8.count ?? 0
      guard length <= 65_536 else {
        throw failure("pytorch.pickle-size", "a name of over 65536 bytes is put together")
      }
    }
    return parts
  }

  private func complex(_ arguments: [Pickle.ID]) throws(Diagnostic) -> String {
    guard arguments.count == 2, case .float(let real) = pickle.values[Int(arguments[0])],
      case .float(let imaginary) = pickle.values[Int(arguments[1])]
    else { throw failure("pytorch.pickle-structure", "a complex number is not made of two numbers") }
    return "\(real)\(imaginary.sign == .minus ? "" : "+")\(imaginary)j"
  }

  /// `_codecs.encode(text, 'latin1')` is how protocol 2 spells bytes.
  private func bytes(_ arguments: [Pickle.ID]) -> Pickle.Value {
    guard let argument = arguments.first else { return .bytes(count: 0, first: 0) }
    switch pickle.values[Int(argument)] {
    case .text(let text):
      let start = text.unicodeScalars.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1.value & 0xFF) }
      return .bytes(count: text.unicodeScalars.count, first: start)
    case .bytes(let count, let first): return .bytes(count: count, first: first)
    default: return .bytes(count: 0, first: 0)
    }
  }

  /// The number that `scalar(dtype, bytes)` means.
  private func numpyScalar(_ arguments: [Pickle.ID]) throws(Diagnostic) -> Pickle.Value {
    guard arguments.count == 2, case .numpyType(let name, let isBigEndian) = pickle.values[Int(arguments[0])],
      case .bytes(let count, let first) = pickle.values[Int(arguments[1])]
    else { throw failure("pytorch.pickle-structure", "a scalar of NumPy is not made of a type and bytes") }
    guard let kind = name.first, let width = Int(name.dropFirst()), width == count, (1...8).contains(count) else {
      return .other("a NumPy scalar of type '\(name.shortened)'")
    }
    let unused = 64 - 8 * UInt64(count)
    let bits = isBigEndian ? first.byteSwapped >> unused : first
    switch (kind, count) {
    case ("f", 8): return .float(Double(bitPattern: bits))
    case ("f", 4): return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case ("f", 2): return .float(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))))
    case ("i", 1), ("i", 2), ("i", 4), ("i", 8): return .int(Int(Int64(bitPattern: bits << unused) >> Int64(unused)))
    case ("u", 1), ("u", 2), ("u", 4), ("u", 8): return bits <= Int.max ? .int(Int(bits)) : .bigInt(String(bits))
    case ("b", 1): return .bool(bits != 0)
    default: return .other("a NumPy scalar of type '\(name.shortened)'")
    }
  }

  private mutating func pairs(_ arguments: [Pickle.ID]) throws(Diagnostic) -> [Pickle.ID] {
    guard let argument = arguments.first else { return [] }
    switch pickle.values[Int(argument)] {
    case .dictionary(let items) where arguments.count == 1:
      try chargeCopy(items.count)
      return items
    case .sequence(let items) where arguments.count == 1:
      try chargeCopy(2 * items.count)
      var flat: [Pickle.ID] = []
      for item in items {
        guard case .sequence(let pair) = pickle.values[Int(item)], pair.count == 2 else {
          throw failure("pytorch.pickle-structure", "a dictionary is made of what are no pairs")
        }
        flat += pair
      }
      return flat
    default: throw failure("pytorch.pickle-structure", "a dictionary is made of what is no dictionary")
    }
  }

  private mutating func rebuild(
    _ rebuild: PickleGlobal.Rebuild, _ arguments: [Pickle.ID]
  ) throws(Diagnostic) {
    switch rebuild {
    case .tensor: try pushTensor(arguments, counts: 4...4, dtypeAt: nil)
    case .tensorV2: try pushTensor(arguments, counts: 6...7, dtypeAt: nil)
    case .tensorV3: try pushTensor(arguments, counts: 7...8, dtypeAt: 6)
    case .parameter, .parameterWithState:
      guard let data = arguments.first else {
        throw failure("pytorch.tensor-arguments", "a parameter is made of nothing")
      }
      switch pickle.values[Int(data)] {
      case .tensor, .unreadable: stack.append(data)
      default: throw failure("pytorch.tensor-arguments", "a parameter is made of what is no tensor")
      }
    case .fromTypeV2:
      // (function, class, arguments, state): a tensor of a subclass, or with attributes of its own.
      guard arguments.count == 4, case .global(.rebuild(let inner)) = pickle.values[Int(arguments[0])],
        inner != .fromTypeV2, case .global(.other) = pickle.values[Int(arguments[1])],
        case .sequence(let innerArguments) = pickle.values[Int(arguments[2])]
      else { throw failure("pytorch.tensor-arguments", "a tensor is rebuilt from something unknown") }
      try self.rebuild(inner, innerArguments)
    case .fromCPU:
      // (tensor, dtype, device, requires_grad)
      guard arguments.count == 4, case .tensor(let tensor) = pickle.values[Int(arguments[0])],
        case .global(.dtype(let name)) = pickle.values[Int(arguments[1])]
      else { throw failure("pytorch.tensor-arguments", "a tensor of another device is made of what is no tensor") }
      let reference = pickle.tensors[tensor]
      let own = reference.dtypeName ?? pickle.storages[reference.storage].typeName
      guard name == own || PyTorchTypes.dtypes[name] == PyTorchTypes.storages[own] else {
        throw failure("pytorch.tensor-kind", "a tensor of another device is of '\(name)', but saved as '\(own)'")
      }
      stack.append(arguments[0])
    case .unreadable(let kind): try push(.unreadable(kind))
    }
  }

  private mutating func pushTensor(
    _ arguments: [Pickle.ID], counts: ClosedRange<Int>, dtypeAt dtypeIndex: Int?
  ) throws(Diagnostic) {
    guard counts.contains(arguments.count), case .storage(let storage) = pickle.values[Int(arguments[0])],
      case .int(let offset) = pickle.values[Int(arguments[1])]
    else {
      throw failure("pytorch.tensor-arguments", "a tensor is not made of a storage, an offset, sizes and strides")
    }
    let sizes = try integers(arguments[2], "sizes")
    let strides = try integers(arguments[3], "strides")
    guard sizes.count == strides.count else {
      throw failure("pytorch.tensor-arguments", "a tensor has \(sizes.count) sizes, but \(strides.count) strides")
    }
    guard sizes.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
      throw failure("pytorch.tensor-arguments", "a size or stride is negative: sizes \(sizes), strides \(strides)")
    }
    var dtypeName: String?
    if let dtypeIndex {
      guard case .global(.dtype(let name)) = pickle.values[Int(arguments[dtypeIndex])] else {
        throw failure("pytorch.tensor-arguments", "a tensor's dtype is no dtype")
      }
      dtypeName = name
    }
    var tensor = Pickle.TensorReference(
      storage: storage, dtypeName: dtypeName, offset: offset, sizes: sizes, strides: strides, position: position)
    if arguments.count == counts.upperBound, counts.count == 2 {
      (tensor.isNegated, tensor.isConjugated) = try pendingSigns(arguments[counts.upperBound - 1])
    }
    pickle.tensors.append(tensor)
    try push(.tensor(pickle.tensors.count - 1))
  }

  /// What the argument behind the regular ones says: whether values still wait to be negated or conjugated.
  private func pendingSigns(_ id: Pickle.ID) throws(Diagnostic) -> (isNegated: Bool, isConjugated: Bool) {
    var signs = (isNegated: false, isConjugated: false)
    switch pickle.values[Int(id)] {
    case .none: return signs
    case .dictionary(let items):
      for index in stride(from: 0, to: items.count - 1, by: 2) {
        guard case .bool(let isPending) = pickle.values[Int(items[index + 1])] else { break }
        switch pickle.values[Int(items[index])] {
        case .text("neg"): signs.isNegated = isPending
        case .text("conj"): signs.isConjugated = isPending
        default: throw failure("pytorch.tensor-kind", "a tensor's values wait for something other than a sign")
        }
      }
      return signs
    default: throw failure("pytorch.tensor-arguments", "what a tensor's values wait for is no dictionary")
    }
  }

  private func integers(_ id: Pickle.ID, _ what: String) throws(Diagnostic) -> [Int] {
    guard case .sequence(let items) = pickle.values[Int(id)] else {
      throw failure("pytorch.tensor-arguments", "a tensor's \(what) are no tuple")
    }
    guard items.count <= 64 else {  // torch stops at 64 axes too.
      throw failure("pytorch.tensor-size", "a tensor has \(items.count) axes, where 64 are the most")
    }
    var integers: [Int] = []
    for item in items {
      guard case .int(let value) = pickle.values[Int(item)] else {
        throw failure("pytorch.tensor-arguments", "a tensor's \(what) hold something else than whole numbers")
      }
      integers.append(value)
    }
    return integers
  }

  mutating func build() throws(Diagnostic) {
    let state = try pop()
    let target = Int(try top())
    switch pickle.values[target] {
    case .record:
      guard case .dictionary = pickle.values[Int(state)] else {
        throw failure("pytorch.pickle-structure", "the fields of a record are no dictionary")
      }
      pickle.values[target] = .record(state)
    case .numpyType(let name, _):
      // (3, byte order, …)
      guard case .sequence(let parts) = pickle.values[Int(state)], parts.count > 1,
        case .text(let order) = pickle.values[Int(parts[1])]
      else { throw failure("pytorch.pickle-structure", "the state of a type of NumPy names no byte order") }
      pickle.values[target] = .numpyType(name, isBigEndian: order == ">")
    // Attributes beside the values, such as `_metadata` of a state dict; an array's values are not read.
    case .dictionary, .tensor, .unreadable: break
    case .none, .bool, .int, .bigInt, .float, .text, .bytes, .sequence, .global, .storage, .other:
      throw failure("pytorch.pickle-forbidden", "a state is handed to something that is no allowed object")
    }
  }
}
