import GraftIR

/// What a pickle describes. Values refer to each other by number, so that neither circles nor depth cost anything.
struct Pickle {
  /// The number of a value in `values`.
  typealias ID = Int32

  enum Value {
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number beyond `Int`, in decimal.
    case bigInt(String)
    case float(Double)
    case text(String)
    /// Bytes, by their number and the first eight of them as a little-endian number.
    case bytes(count: Int, first: UInt64)
    /// A list, tuple or set.
    case sequence([ID])
    /// Keys and values in turn.
    case dictionary([ID])
    case global(PickleGlobal)
    /// An instance of a plain class, by the dictionary of its fields.
    case record(ID?)
    /// A number in `storages`.
    case storage(Int)
    /// A number in `tensors`.
    case tensor(Int)
    /// A tensor that is not read, by what it is.
    case unreadable(UnreadableTensor)
    /// How NumPy spells an element type, such as `f8`, and whether its bytes stand in big-endian order.
    case numpyType(String, isBigEndian: Bool)
    /// Something that has no meaning for weights, described.
    case other(String)
  }

  /// The bytes that tensors view, by the key of their record.
  struct StorageReference: Hashable {
    let key: String
    /// The name of its class; `UntypedStorage` counts bytes, the others elements.
    let typeName: String
    let count: Int
    /// The part of the record that is meant, where it is not all: torch before 0.4 saved views of storages.
    var part: Range<Int>?
  }

  struct TensorReference {
    let storage: Int
    /// Of the type that the storage's class says, or `nil` where a dtype was named.
    let dtypeName: String?
    let offset: Int
    let sizes: [Int]
    let strides: [Int]
    /// Whether values wait to be negated, and imaginary parts alone.
    var isNegated = false
    var isConjugated = false
    /// Where the call that makes it stands in the file.
    let position: Int
  }

  var values: [Value] = []
  var storages: [StorageReference] = []
  var tensors: [TensorReference] = []
  var root: ID = 0
  /// One past its last byte in the file.
  var end = 0
}

/// Reads a pickle of protocol 2 to 5 into a description. Nothing is imported, looked up or called.
///
/// Source: CPython 3.13 `Lib/pickletools.py`, which explains every opcode.
struct Unpickler {
  /// Half a million tensors need about a tenth of it.
  static let valueLimit = 8_000_000

  var reader: ByteReader
  var pickle = Pickle()
  var stack: [Pickle.ID] = []
  private var marks: [Int] = []
  private var memo: [Pickle.ID] = []
  private var smallIntegers = [Pickle.ID](repeating: -1, count: 256)
  private var storageNumbers: [String: Int] = [:]
  private let start: Int
  /// How many items may still be copied from one value to another, so that values do not outgrow the pickle.
  private var copiesLeft: Int
  /// Where the opcode at work stands.
  private(set) var position = 0

  /// Reads the pickle in `range` of `mapped`.
  ///
  /// - Throws: a rule of the page `pytorch`.
  static func read(_ mapped: MappedFile, _ range: Range<Int>) throws(Diagnostic) -> Pickle {
    var unpickler = Unpickler(mapped, range)
    return try unpickler.run()
  }

  private init(_ mapped: MappedFile, _ range: Range<Int>) {
    reader = ByteReader(mapped.storage, range, file: mapped.path, truncationRule: "pytorch.pickle-truncated")
    start = range.lowerBound
    copiesLeft = 4 * range.count + 1000
  }

  private mutating func run() throws(Diagnostic) -> Pickle {
    while true {
      position = reader.position
      let opcode = try reader.byte()
      if opcode == UInt8(ascii: ".") {
        pickle.root = try pop()
        pickle.end = reader.position
        return pickle
      }
      try execute(opcode)
    }
  }

  private mutating func execute(_ opcode: UInt8) throws(Diagnostic) {
    switch opcode {
    case 0x80:  // PROTO
      let version = try reader.byte()
      guard (2...5).contains(version) else {
        throw failure("pytorch.pickle-protocol", "pickle protocol \(version), where 2 to 5 are read")
      }
    case 0x95:  // FRAME
      let length = try reader.number(UInt64.self)
      guard length <= UInt64(reader.remaining) else {
        throw failure("pytorch.pickle-truncated", "a frame of \(length) bytes, where \(reader.remaining) are left")
      }
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "J"): try push(integer: Int(try reader.number(Int32.self)))
    case UInt8(ascii: "K"): try push(integer: Int(try reader.byte()))
    case UInt8(ascii: "M"): try push(integer: Int(try reader.number(UInt16.self)))
    case 0x8A: try pushLong(byteCount: Int(try reader.byte()))
    case 0x8B: try pushLong(byteCount: Int(try reader.number(Int32.self)))
    case UInt8(ascii: "G"):
      try push(.float(Double(bitPattern: UInt64(bigEndian: try reader.number(UInt64.self)))))
    case UInt8(ascii: "X"): try pushText(byteCount: UInt64(try reader.number(UInt32.self)))
    case 0x8C: try pushText(byteCount: UInt64(try reader.byte()))
    case 0x8D: try pushText(byteCount: try reader.number(UInt64.self))
    case UInt8(ascii: "U"): try pushString(byteCount: UInt64(try reader.byte()))
    case UInt8(ascii: "T"): try pushString(byteCount: UInt64(try reader.number(UInt32.self)))
    case UInt8(ascii: "C"): try pushBytes(byteCount: UInt64(try reader.byte()))
    case UInt8(ascii: "B"): try pushBytes(byteCount: UInt64(try reader.number(UInt32.self)))
    case 0x8E, 0x96: try pushBytes(byteCount: try reader.number(UInt64.self))
    case UInt8(ascii: "}"): try push(.dictionary([]))
    case UInt8(ascii: "]"), UInt8(ascii: ")"), 0x8F: try push(.sequence([]))
    case 0x85: try pushTuple(1)
    case 0x86: try pushTuple(2)
    case 0x87: try pushTuple(3)
    case UInt8(ascii: "t"), 0x91: try push(.sequence(try popToMark()))
    case UInt8(ascii: "("):
      guard marks.count < 1000 else { throw failure("pytorch.pickle-depth", "over 1000 marks are open") }
      marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "a"):
      let item = try pop()
      try append([item])
    case UInt8(ascii: "e"), 0x90: try append(try popToMark())
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try setItems([key, value])
    case UInt8(ascii: "u"): try setItems(try popToMark())
    case UInt8(ascii: "q"): try memoize(UInt32(try reader.byte()))
    case UInt8(ascii: "r"): try memoize(try reader.number(UInt32.self))
    case 0x94: try memoize(UInt32(clamping: memo.count))
    case UInt8(ascii: "h"): try recall(UInt32(try reader.byte()))
    case UInt8(ascii: "j"): try recall(try reader.number(UInt32.self))
    case UInt8(ascii: "c"):
      let module = try asciiLine()
      try pushGlobal(module: module, name: try asciiLine())
    case 0x93:  // STACK_GLOBAL
      guard case .text(let name) = try popValue(), case .text(let module) = try popValue() else {
        throw failure("pytorch.pickle-structure", "a global's name is no text")
      }
      try pushGlobal(module: module, name: name)
    case UInt8(ascii: "Q"): try pushStorage(try popValue())
    case UInt8(ascii: "P"):
      throw failure("pytorch.storage-reference", "a reference to a storage is a text, as no program writes it")
    case UInt8(ascii: "R"), 0x81:
      let arguments = try popSequence("the arguments of a call")
      guard case .global(let function) = try popValue() else {
        throw failure("pytorch.pickle-forbidden", "something that is no allowed name is called")
      }
      try call(function, arguments)
    case 0x92:
      _ = try pop()
      let arguments = try popSequence("the arguments of a call")
      guard case .global(let function) = try popValue() else {
        throw failure("pytorch.pickle-forbidden", "something that is no allowed name is called")
      }
      try call(function, arguments)
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "i"), UInt8(ascii: "o"), 0x82, 0x83, 0x84:
      throw failure("pytorch.pickle-forbidden", "opcode \(opcode) makes objects of any class, which is never done")
    default: throw failure("pytorch.pickle-opcode", "\(opcode) is no opcode of a pickle that torch writes")
    }
  }

  // MARK: Stack and memo

  mutating func push(_ value: Pickle.Value) throws(Diagnostic) { stack.append(try add(value)) }

  private mutating func add(_ value: Pickle.Value) throws(Diagnostic) -> Pickle.ID {
    guard pickle.values.count < Self.valueLimit else {
      throw failure("pytorch.pickle-size", "the pickle describes more than \(Self.valueLimit) values")
    }
    pickle.values.append(value)
    return Pickle.ID(pickle.values.count - 1)
  }

  private mutating func push(integer value: Int) throws(Diagnostic) {
    guard (0..<256).contains(value) else { return try push(.int(value)) }
    if smallIntegers[value] < 0 { smallIntegers[value] = try add(.int(value)) }
    stack.append(smallIntegers[value])
  }

  func top() throws(Diagnostic) -> Pickle.ID {
    guard let last = stack.last, stack.count > marks.last ?? 0 else { throw underflow() }
    return last
  }

  mutating func pop() throws(Diagnostic) -> Pickle.ID {
    let last = try top()
    stack.removeLast()
    return last
  }

  private mutating func popValue() throws(Diagnostic) -> Pickle.Value { pickle.values[Int(try pop())] }

  private mutating func popSequence(_ what: String) throws(Diagnostic) -> [Pickle.ID] {
    guard case .sequence(let items) = try popValue() else {
      throw failure("pytorch.pickle-structure", "\(what) are no tuple")
    }
    return items
  }

  private mutating func popToMark() throws(Diagnostic) -> [Pickle.ID] {
    guard let mark = marks.popLast() else { throw failure("pytorch.pickle-structure", "no mark is open") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private mutating func pushTuple(_ count: Int) throws(Diagnostic) {
    guard stack.count - (marks.last ?? 0) >= count else { throw underflow() }
    let items = Array(stack.suffix(count))
    stack.removeLast(count)
    try push(.sequence(items))
  }

  private mutating func memoize(_ slot: UInt32) throws(Diagnostic) {
    let value = try top()
    // Every slot costs a byte of the pickle at least, so a higher number is a wish for memory.
    guard Int(slot) < reader.end - start, Int(slot) < 2 * Self.valueLimit else {
      throw failure("pytorch.pickle-size", "memo slot \(slot) in a pickle of \(reader.end - start) bytes")
    }
    while memo.count <= Int(slot) { memo.append(-1) }
    memo[Int(slot)] = value
  }

  private mutating func recall(_ slot: UInt32) throws(Diagnostic) {
    guard Int(slot) < memo.count, memo[Int(slot)] >= 0 else {
      throw failure("pytorch.pickle-structure", "memo slot \(slot) is read, but was never written")
    }
    stack.append(memo[Int(slot)])
  }

  // MARK: Values

  private mutating func pushLong(byteCount: Int) throws(Diagnostic) {
    guard byteCount >= 0 else {
      throw failure("pytorch.pickle-structure", "a whole number of \(byteCount) bytes")
    }
    // Enough for any hash or seed; turning a long number into decimals takes quadratic time.
    guard byteCount <= 255 else {
      throw failure("pytorch.pickle-size", "a whole number of \(byteCount) bytes, where 255 are the most")
    }
    let bytes = try reader.bytes(byteCount)
    let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
    if byteCount <= 8 {
      var value: UInt64 = isNegative ? .max : 0
      for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
      return try push(integer: Int(Int64(bitPattern: value)))
    }
    try push(.bigInt(decimal(bytes, isNegative: isNegative)))
  }

  private func decimal(_ bytes: UnsafeRawBufferPointer, isNegative: Bool) -> String {
    var magnitude = [UInt8](bytes)
    if isNegative {  // Two's complement.
      var carry: UInt16 = 1
      for index in magnitude.indices {
        carry += UInt16(~magnitude[index])
        magnitude[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
    }
    var digits: [UInt8] = []
    while magnitude.contains(where: { $0 != 0 }) {
      var remainder: UInt16 = 0
      for index in magnitude.indices.reversed() {
        remainder = remainder << 8 | UInt16(magnitude[index])
        magnitude[index] = UInt8(remainder / 10)
        remainder %= 10
      }
      digits.append(UInt8(ascii: "0") + UInt8(remainder))
    }
    return (isNegative ? "-" : "") + (digits.isEmpty ? "0" : String(decoding: digits.reversed(), as: UTF8.self))
  }

  private mutating func run(_ byteCount: UInt64) throws(Diagnostic) -> UnsafeRawBufferPointer {
    guard byteCount <= UInt64(reader.remaining) else {
      throw failure(
        "pytorch.pickle-truncated", "a run of \(byteCount) bytes is due, but only \(reader.remaining) are left")
    }
    return try reader.bytes(Int(byteCount))
  }

  private mutating func pushText(byteCount: UInt64) throws(Diagnostic) {
    guard let text = String(validUTF8: try run(byteCount)) else {
      throw failure("pytorch.pickle-utf8", "a text is not UTF-8")
    }
    try push(.text(text))
  }

  /// A text of Python 2, which may as well be bytes.
  private mutating func pushString(byteCount: UInt64) throws(Diagnostic) {
    let bytes = try run(byteCount)
    try push(String(validUTF8: bytes).map { .text($0) } ?? .bytes(count: bytes.count, first: first(of: bytes)))
  }

  private mutating func pushBytes(byteCount: UInt64) throws(Diagnostic) {
    let bytes = try run(byteCount)
    try push(.bytes(count: bytes.count, first: first(of: bytes)))
  }

  private func first(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func asciiLine() throws(Diagnostic) -> String {
    let line = try reader.line()
    guard line.count <= 1000, let text = String(validUTF8: line) else {
      throw failure("pytorch.pickle-utf8", "a global's name is not UTF-8, or has \(line.count) bytes")
    }
    return text
  }

  private mutating func append(_ items: [Pickle.ID]) throws(Diagnostic) {
    let target = Int(try top())
    guard case .sequence(var list) = pickle.values[target] else {
      throw failure("pytorch.pickle-structure", "something is appended to what is no list")
    }
    pickle.values[target] = .none  // So that the list is not copied for every item.
    list += items
    pickle.values[target] = .sequence(list)
  }

  private mutating func setItems(_ items: [Pickle.ID]) throws(Diagnostic) {
    let target = Int(try top())
    guard items.count % 2 == 0, case .dictionary(var dictionary) = pickle.values[target] else {
      throw failure("pytorch.pickle-structure", "items are set in what is no dictionary, or a key has no value")
    }
    pickle.values[target] = .none
    dictionary += items
    pickle.values[target] = .dictionary(dictionary)
  }

  private mutating func pushGlobal(module: String, name: String) throws(Diagnostic) {
    guard let global = PickleGlobal(module: module, name: name) else {
      let hint =
        module.hasPrefix("numpy")
        ? "save the values as tensors or plain numbers"
        : "'graftc inspect --pickle-globals' lists all names; a program that runs them does what the file's author wants"
      throw Diagnostic(
        "pytorch.pickle-forbidden",
        "the file names '\((module + "." + name).shortened)', which is not on the list of allowed names",
        at: Location(reader.file, position..<reader.position), help: hint)
    }
    try push(.global(global))
  }

  /// Counts `items` against what may be copied in all.
  mutating func chargeCopy(_ items: Int) throws(Diagnostic) {
    copiesLeft -= items
    guard copiesLeft >= 0 else {
      throw failure("pytorch.pickle-size", "values are copied until they are far larger than the pickle")
    }
  }

  private mutating func pushStorage(_ id: Pickle.Value) throws(Diagnostic) {
    guard case .sequence(let parts) = id, parts.count == 5 || parts.count == 6,
      case .text("storage") = pickle.values[Int(parts[0])],
      case .global(.storage(let typeName)) = pickle.values[Int(parts[1])],
      case .text(let key) = pickle.values[Int(parts[2])], case .text = pickle.values[Int(parts[3])],
      case .int(let count) = pickle.values[Int(parts[4])]
    else {
      throw failure(
        "pytorch.storage-reference", "a reference is not ('storage', class, key, location, number of elements)")
    }
    guard count >= 0 else {
      throw failure("pytorch.storage-reference", "the storage '\(key.shortened)' has \(count) elements")
    }
    var storage = Pickle.StorageReference(key: key, typeName: typeName, count: count)
    if parts.count == 6 { storage.part = try part(parts[5], of: storage) }
    let identity = key + (storage.part.map { "/\($0)" } ?? "")
    if let known = storageNumbers[identity] {
      guard pickle.storages[known] == storage else {
        throw failure("pytorch.storage-reference", "the storage '\(key.shortened)' is described twice, differently")
      }
      return try push(.storage(known))
    }
    storageNumbers[identity] = pickle.storages.count
    pickle.storages.append(storage)
    try push(.storage(pickle.storages.count - 1))
  }

  /// The elements that `(key, first element, number of elements)` means, or `nil` for all of them.
  private func part(_ id: Pickle.ID, of storage: Pickle.StorageReference) throws(Diagnostic) -> Range<Int>? {
    if case .none = pickle.values[Int(id)] { return nil }
    guard case .sequence(let parts) = pickle.values[Int(id)], parts.count == 3,
      case .text = pickle.values[Int(parts[0])], case .int(let first) = pickle.values[Int(parts[1])],
      case .int(let count) = pickle.values[Int(parts[2])], first >= 0, count >= 0, first <= storage.count,
      count <= storage.count - first
    else {
      throw failure("pytorch.storage-reference", "a view of the storage '\(storage.key.shortened)' lies outside it")
    }
    return first..<first + count
  }

  // MARK: Failures

  func failure(_ rule: String, _ message: String) -> Diagnostic {
    Diagnostic(rule, message, at: Location(reader.file, position..<max(position + 1, reader.position)))
  }

  private func underflow() -> Diagnostic {
    failure("pytorch.pickle-structure", "a value is taken from an empty stack")
  }
}
