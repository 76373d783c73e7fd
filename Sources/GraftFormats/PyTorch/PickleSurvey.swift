public import GraftIR

/// A name that a pickle mentions, which a program that runs pickles would import.
public struct PickledName: Sendable, Hashable {
  /// Such as `collections`.
  public let module: String
  /// Such as `OrderedDict`.
  public let name: String
  /// Whether graft takes it for a shape of data. It never imports or calls it either way.
  public let isAllowed: Bool
  /// Whether something of that name would be called.
  public internal(set) var isCalled: Bool
  /// Where it is first mentioned, a byte of the file.
  public let offset: Int
}

/// Lists what a pickle would import, whatever its protocol and whatever else is wrong with it. Nothing is executed, and
/// no value is made: the walk keeps texts, since names may be put together from them, and what stands for a name.
///
/// Source: CPython 3.13 `Lib/pickletools.py`, which tells each opcode's argument and what it takes from the stack.
struct PickleSurvey {
  private enum Item {
    case mark, text(String), name(Int), other
  }

  /// In the order in which they are mentioned, each once.
  private(set) var names: [PickledName] = []
  /// Whether the end of the pickle came before anything unknown did.
  private(set) var isComplete = false
  /// Where the walk ended.
  private(set) var end = 0
  private var numbers: [String: Int] = [:]
  private var stack: [Item] = []
  private var memo: [UInt64: Item] = [:]
  private var reader: ByteReader
  private var position = 0

  /// Walks the pickle that starts where `range` of `mapped` does.
  init(_ mapped: MappedFile, _ range: Range<Int>) {
    let range = range.prefix(PyTorchArchive.pickleLimit)
    reader = ByteReader(mapped.storage, range, file: mapped.path, truncationRule: "pytorch.pickle-truncated")
    do throws(Diagnostic) {
      while !isComplete {
        position = reader.position
        guard try step(try reader.byte()) else { break }
      }
    } catch {}  // What was found before the end is the answer.
    end = reader.position
    stack = []
    memo = [:]
  }

  /// Whether the walk can go on behind `opcode`.
  private mutating func step(_ opcode: UInt8) throws(Diagnostic) -> Bool {
    switch opcode {
    case UInt8(ascii: "."): isComplete = true
    case UInt8(ascii: "c"):
      let module = try line()
      push(name: try line(), of: module)
    case UInt8(ascii: "i"):
      let module = try line()
      let name = try line()
      popToMark()
      push(name: name, of: module)
      callTop()
    case 0x93:
      guard case .text(let name)? = stack.popLast(), case .text(let module)? = stack.popLast() else {
        stack.append(.other)
        return true
      }
      push(name: name, of: module)
    case UInt8(ascii: "R"), 0x81: call(arguments: 1)
    case 0x92: call(arguments: 2)
    case UInt8(ascii: "o"):
      let first = stack.lastIndex { if case .mark = $0 { true } else { false } }.map { $0 + 1 }
      let function = first.flatMap { stack.indices.contains($0) ? stack[$0] : nil }
      popToMark()
      stack.append(function ?? .other)
      callTop()
    case UInt8(ascii: "("): stack.append(.mark)
    case UInt8(ascii: "0"): _ = stack.popLast()
    case UInt8(ascii: "1"): popToMark()
    case UInt8(ascii: "2"): stack.append(stack.last ?? .other)
    case UInt8(ascii: "p"): memo[UInt64(try line()) ?? 0] = stack.last
    case UInt8(ascii: "q"): memo[UInt64(try reader.byte())] = stack.last
    case UInt8(ascii: "r"): memo[UInt64(try reader.number(UInt32.self))] = stack.last
    case 0x94: memo[UInt64(memo.count)] = stack.last
    case UInt8(ascii: "g"): stack.append(memo[UInt64(try line()) ?? 0] ?? .other)
    case UInt8(ascii: "h"): stack.append(memo[UInt64(try reader.byte())] ?? .other)
    case UInt8(ascii: "j"): stack.append(memo[UInt64(try reader.number(UInt32.self))] ?? .other)
    default: return try argument(opcode)
    }
    return true
  }

  /// Opcodes that only push or take values.
  private mutating func argument(_ opcode: UInt8) throws(Diagnostic) -> Bool {
    switch opcode {
    // Texts.
    case UInt8(ascii: "S"), UInt8(ascii: "V"):
      let text = try line()
      let isQuoted = opcode == UInt8(ascii: "S") && text.utf8.count >= 2
      stack.append(.text(isQuoted ? String(text.dropFirst().dropLast()) : text))
    case 0x8C, UInt8(ascii: "U"): try pushText(UInt64(try reader.byte()))
    case UInt8(ascii: "X"), UInt8(ascii: "T"): try pushText(UInt64(try reader.number(UInt32.self)))
    case 0x8D: try pushText(try reader.number(UInt64.self))
    // Other values, with arguments of a fixed size, of a counted size, or up to the end of the line.
    case UInt8(ascii: "N"), 0x88, 0x89, UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ")"), 0x8F, 0x97:
      stack.append(.other)
    case UInt8(ascii: "K"), 0x82: try push(skipping: 1)
    case UInt8(ascii: "M"), 0x83: try push(skipping: 2)
    case UInt8(ascii: "J"), 0x84: try push(skipping: 4)
    case UInt8(ascii: "G"): try push(skipping: 8)
    case 0x8A, UInt8(ascii: "C"): try push(skipping: UInt64(try reader.byte()))
    case 0x8B, UInt8(ascii: "B"): try push(skipping: UInt64(try reader.number(UInt32.self)))
    case 0x8E, 0x96: try push(skipping: try reader.number(UInt64.self))
    case UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "F"), UInt8(ascii: "P"):
      _ = try line()
      stack.append(.other)
    // What takes from the stack.
    case UInt8(ascii: "t"), UInt8(ascii: "l"), UInt8(ascii: "d"), 0x91:
      popToMark()
      stack.append(.other)
    case 0x85: replace(1)
    case 0x86: replace(2)
    case 0x87: replace(3)
    case UInt8(ascii: "Q"), 0x98: replace(1)
    case UInt8(ascii: "e"), UInt8(ascii: "u"), 0x90: popToMark()
    case UInt8(ascii: "a"), UInt8(ascii: "b"): _ = stack.popLast()
    case UInt8(ascii: "s"): stack.removeLast(min(2, stack.count))
    case 0x80: try reader.skip(1)
    case 0x95: try reader.skip(8)
    default: return false
    }
    return true
  }

  private mutating func push(name: String, of module: String) {
    let full = module + "\n" + name  // Neither holds a line feed where the two come from lines.
    if numbers[full] == nil {
      numbers[full] = names.count
      names.append(
        PickledName(
          module: module, name: name, isAllowed: PickleGlobal(module: module, name: name) != nil, isCalled: false,
          offset: position))
    }
    stack.append(.name(numbers[full] ?? 0))
  }

  private mutating func call(arguments: Int) {
    stack.removeLast(min(arguments, stack.count))
    callTop()
  }

  /// Something is made by what stands on top, and stands there then.
  private mutating func callTop() {
    if case .name(let number)? = stack.popLast() { names[number].isCalled = true }
    stack.append(.other)
  }

  private mutating func popToMark() {
    while let item = stack.popLast() { if case .mark = item { return } }
  }

  private mutating func replace(_ count: Int) {
    stack.removeLast(min(count, stack.count))
    stack.append(.other)
  }

  private mutating func push(skipping count: UInt64) throws(Diagnostic) {
    try reader.skip(Int(clamping: count))
    stack.append(.other)
  }

  private mutating func pushText(_ count: UInt64) throws(Diagnostic) {
    let bytes = try reader.bytes(Int(clamping: count))
    // No name is longer; other texts need not be kept.
    stack.append(bytes.count <= 1000 ? String(validUTF8: bytes).map { .text($0) } ?? .other : .other)
  }

  private mutating func line() throws(Diagnostic) -> String {
    let bytes = try reader.line()
    return String(decoding: bytes.prefix(1000), as: UTF8.self)
  }
}

/// What the pickles of a file would import.
public enum PickleGlobals {
  /// The names that the pickles of the checkpoint at `path` mention, each once, in their order.
  ///
  /// A file without pickles mentions none. Archives are looked through for records that end in `.pkl`, an index for all
  /// files that it names.
  /// - Throws: rules of the pages `checkpoint`, `sharded` and `zip`, `pytorch.compressed` where a pickle is packed.
  public static func list(_ path: String) throws(Diagnostic) -> [PickledName] {
    let path = PathKind(of: path) == .folder ? try Folder.checkpoint(in: path) : path
    let mapped = try MappedFile(path: path)
    var found = NameList()
    guard ShardedCheckpoint.recognises(mapped.storage.bytes) else {
      try list(mapped, into: &found)
      return found.names
    }
    for shard in try ShardedCheckpoint.shardPaths(ofIndex: path) { try list(try MappedFile(path: shard), into: &found) }
    return found.names
  }

  /// Names of several pickles, each once, in the order in which they came.
  private struct NameList {
    private(set) var names: [PickledName] = []
    private var places: [String: Int] = [:]

    mutating func merge(_ others: [PickledName]) {
      for name in others {
        // No name holds a line feed, as pickles end names by it.
        if let place = places[name.module + "\n" + name.name] {
          names[place].isCalled = names[place].isCalled || name.isCalled
        } else {
          places[name.module + "\n" + name.name] = names.count
          names.append(name)
        }
      }
    }
  }

  private static func list(_ mapped: MappedFile, into found: inout NameList) throws(Diagnostic) {
    let bytes = mapped.storage.bytes
    if ZipArchive.recognises(bytes) {
      for record in try ZipArchive(mapped).records where record.name.hasSuffix(".pkl") {
        guard !record.isDeflated else {
          throw Diagnostic(
            "pytorch.compressed", "'\(record.name.shortened)' is compressed; torch only stores",
            at: Location(mapped.path, record.range))
        }
        found.merge(PickleSurvey(mapped, record.range).names)
      }
      return
    }
    // Legacy files are several pickles, followed by values; a bare pickle is one.
    let isLegacy = LegacyLayout.recognises(bytes)
    guard isLegacy || barePickle(mapped).isPickle else { return }
    var position = 0
    for _ in 0..<(isLegacy ? 5 : 1) where position < bytes.count {
      let survey = PickleSurvey(mapped, position..<bytes.count)
      found.merge(survey.names)
      guard survey.isComplete else { return }
      position = survey.end
    }
  }

  /// Whether `mapped` is a pickle, and then the first name in it that is not allowed.
  ///
  /// From protocol 2 on, a pickle says so; before, it is one where it is one from its first byte to its last.
  static func barePickle(_ mapped: MappedFile) -> (isPickle: Bool, forbidden: PickledName?) {
    let bytes = mapped.storage.bytes
    let saysSo = bytes.count >= 2 && bytes[0] == 0x80 && (2...5).contains(bytes[1])
    guard saysSo || (2...PyTorchArchive.pickleLimit).contains(bytes.count) else { return (false, nil) }
    let survey = PickleSurvey(mapped, 0..<bytes.count)
    let isPickle = saysSo || survey.isComplete && survey.end == bytes.count
    return (isPickle, survey.names.first { !$0.isAllowed })
  }
}
