import GraftIR

/// What calls, tensors and states in a pickle stand for.
extension Unpickler {
  mutating func call(_ function: PickleGlobal, _ arguments: [Pickle.ID]) throws(Diagnostic) {
    switch function {
    case .dictionary: try push(.dictionary(try pairs(arguments)))
    case .sequence:
      guard arguments.count <= 1 else { throw failure("pytorch.pickle-structure", "a list of several lists") }
      guard let argument = arguments.first else { return try push(.sequence([])) }
      guard case .sequence(let items) = pickle.values[Int(argument)] else {
        throw failure("pytorch.pickle-structure", "a list is made of what is no list")
      }
      try push(.sequence(items))
    case .record:
      guard arguments.isEmpty else { throw failure("pytorch.pickle-structure", "a record is made with arguments") }
      try push(.record(nil))
    case .device:
      var parts: [String] = []
      for argument in arguments {
        switch pickle.values[Int(argument)] {
        case .text(let text): parts.append(text)
        case .int(let index): parts.append(String(index))
        default: throw failure("pytorch.pickle-structure", "a device is neither text nor number")
        }
      }
      try push(.other(parts.joined(separator: ":")))
    case .complex: try push(.other("complex"))
    case .bytes:
      // `_codecs.encode(text, 'latin1')` is how protocol 2 spells bytes.
      if let first = arguments.first, case .text(let text) = pickle.values[Int(first)] {
        return try push(.bytes(count: text.unicodeScalars.count))
      }
      try push(.bytes(count: 0))
    case .rebuild(let rebuild): try self.rebuild(rebuild, arguments)
    case .dtype(let name), .storage(let name), .other(let name):
      throw failure("pytorch.pickle-forbidden", "'\(name)' is called, which only counts as a name")
    }
  }

  private func pairs(_ arguments: [Pickle.ID]) throws(Diagnostic) -> [Pickle.ID] {
    guard let argument = arguments.first else { return [] }
    switch pickle.values[Int(argument)] {
    case .dictionary(let items) where arguments.count == 1: return items
    case .sequence(let items) where arguments.count == 1:
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
      guard let data = arguments.first, case .tensor = pickle.values[Int(data)] else {
        throw failure("pytorch.tensor-arguments", "a parameter is made of what is no tensor")
      }
      stack.append(data)
    case .fromTypeV2:
      // (function, class, arguments, state): a tensor of a subclass, or with attributes of its own.
      guard arguments.count == 4, case .global(.rebuild(let inner)) = pickle.values[Int(arguments[0])],
        inner != .fromTypeV2, case .global(.other) = pickle.values[Int(arguments[1])],
        case .sequence(let innerArguments) = pickle.values[Int(arguments[2])]
      else { throw failure("pytorch.tensor-arguments", "a tensor is rebuilt from something unknown") }
      try self.rebuild(inner, innerArguments)
    case .unsupported(let name):
      throw failure("pytorch.tensor-kind", "a tensor is made by '\(name)'; only dense tensors are read")
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
    // The argument behind the regular ones says whether values still wait to be negated or conjugated.
    if arguments.count == counts.upperBound, counts.count == 2 {
      switch pickle.values[Int(arguments[counts.upperBound - 1])] {
      case .none, .dictionary([]): break
      default:
        throw failure(
          "pytorch.tensor-kind", "a tensor's values wait to be negated or conjugated; save it after 'resolve_neg()'")
      }
    }
    pickle.tensors.append(
      Pickle.TensorReference(
        storage: storage, dtypeName: dtypeName, offset: offset, sizes: sizes, strides: strides, position: position))
    try push(.tensor(pickle.tensors.count - 1))
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
    case .dictionary, .tensor: break  // Attributes beside the values, such as `_metadata` of a state dict.
    case .none, .bool, .int, .bigInt, .float, .text, .bytes, .sequence, .global, .storage, .other:
      throw failure("pytorch.pickle-forbidden", "a state is handed to something that is no allowed object")
    }
  }
}
