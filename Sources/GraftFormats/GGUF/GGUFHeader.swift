import GraftIR

// Layout of a GGUF file (ggml, `docs/gguf.md`), all numbers little-endian:
//
//   0  magic     "GGUF"
//   4  version   u32, 2 or 3
//   8  tensors   u64, how many
//  16  values    u64, how many
//   …  values    key (u64 length, UTF-8), u32 type, value
//   …  tensors   name, u32 axes, u64 sizes with the innermost first, u32 type, u64 offset
//   …  data      from a multiple of `general.alignment` (32) on; so does each tensor, and the file ends at one

/// What a GGUF file says before its data.
struct GGUFHeader {
  static let magic: [UInt8] = [0x47, 0x47, 0x55, 0x46]
  static let alignmentKey = "general.alignment"
  /// More is nothing that a memory map could use.
  static let alignmentLimit = 1 << 20
  /// The axes of a tensor, at most; a constant of the reference.
  static let rankLimit = 4

  struct DeclaredTensor {
    let name: String
    let type: GGUFType
    /// The outermost axis first.
    let shape: Shape
    let byteCount: Int
    /// Counted from the start of the file.
    let offset: Int
  }

  private(set) var values: [(key: String, value: GGUFValue)] = []
  private(set) var tensors: [DeclaredTensor] = []
  private(set) var alignment = 32

  /// Reads `mapped` up to its data.
  ///
  /// - Throws: rules of the page `gguf`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    let file = mapped.path
    var reader = ByteReader(mapped.storage, 0..<mapped.byteCount, file: file, truncationRule: "gguf.truncated")
    let magic = try reader.bytes(min(4, mapped.byteCount))
    guard magic.elementsEqual(Self.magic) else {
      throw Diagnostic(
        "gguf.magic", "the file begins with \(shown(magic)), and not with 'GGUF'", at: Location(file, 0..<magic.count))
    }
    let version = try reader.number(UInt32.self)
    guard version == 2 || version == 3 else {
      let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
      throw Diagnostic(
        "gguf.version", isSwapped ? "the file is big-endian, which is not read" : "version \(version) is not read",
        at: Location(file, 4..<8), help: "versions 2 and 3 are read")
    }
    // Name, axes, type and offset; key, type and value.
    let tensorCount = try Self.count(&reader, of: 24, "the file's list of tensors")
    let valueCount = try Self.count(&reader, of: 13, "the file's list of values")
    try readValues(valueCount, &reader)
    try readTensors(tensorCount, &reader)
    try checkLayout(dataStart: reader.position, mapped)
  }

  private mutating func readValues(_ count: Int, _ reader: inout ByteReader) throws(Diagnostic) {
    var keys: Set<String> = []
    var entriesLeft = Self.listLimit
    for _ in 0..<count {
      let place = Location(reader.file, reader.position..<reader.position)
      let key = try Self.text(&reader, "a key")
      guard keys.insert(key).inserted else {
        throw Diagnostic("gguf.duplicate", "the key '\(key.shortened)' stands twice", at: place)
      }
      let type = try Self.valueType(&reader)
      let value = try Self.value(type, &reader, entriesLeft: &entriesLeft)
      if key == Self.alignmentKey {
        guard type == .u32, let given = Int(value.text), given > 0, given & (given - 1) == 0,
          given <= Self.alignmentLimit
        else {
          throw Diagnostic(
            "gguf.alignment", "'\(key)' is \(value.text.shortened), and must be a u32 and a power of two up to 2^20",
            at: place)
        }
        alignment = given
      }
      values.append((key, value))
    }
  }

  private mutating func readTensors(_ count: Int, _ reader: inout ByteReader) throws(Diagnostic) {
    var names: Set<String> = []
    for _ in 0..<count {
      let start = reader.position
      let name = try Self.text(&reader, "a tensor's name")
      let place = Location(reader.file, start..<start, tensor: name)
      guard names.insert(name).inserted else {
        throw Diagnostic("gguf.duplicate", "two tensors are called '\(name.shortened)'", at: place)
      }
      let rank = Int(try reader.number(UInt32.self))
      guard rank <= reader.end / 8 else {
        throw Diagnostic("gguf.count", "'\(name.shortened)' claims \(rank) axes", at: place)
      }
      guard rank <= Self.rankLimit else {
        throw Diagnostic(
          "gguf.rank", "'\(name.shortened)' has \(rank) axes, more than \(Self.rankLimit)", at: place)
      }
      var axes: [Int] = []
      for _ in 0..<rank {
        let size = try reader.number(UInt64.self)
        guard let axis = Int(exactly: size) else {
          throw Diagnostic("gguf.axis", "'\(name.shortened)' has an axis of \(size)", at: place)
        }
        axes.insert(axis, at: 0)
      }
      let id = try reader.number(UInt32.self)
      guard let type = GGUFType.numbered(id), type.isReadable else {
        let what = GGUFType.numbered(id).map { "'\($0.name)'" } ?? "number \(id)"
        throw Diagnostic(
          "gguf.type", "'\(name.shortened)' is of type \(what), which is not read", at: place,
          help: "read are " + GGUFType.all.filter(\.isReadable).map(\.name).joined(separator: ", "))
      }
      let shape = Shape(axes)
      guard (axes.last ?? 1) % type.blockCount == 0 else {
        throw Diagnostic(
          "gguf.block", "rows of \(axes.last ?? 1) in '\(name.shortened)' do not fill blocks of \(type.blockCount)",
          at: place)
      }
      guard let elements = shape.elementCount, elements <= Int.max / 16 else {
        throw Diagnostic("gguf.size", "\(shape) of '\(name.shortened)' is more than 64 bits count", at: place)
      }
      let given = try reader.number(UInt64.self)
      guard let offset = Int(exactly: given) else {
        throw Diagnostic("gguf.range", "'\(name.shortened)' begins at byte \(given) of the data", at: place)
      }
      tensors.append(
        DeclaredTensor(
          name: name, type: type, shape: shape, byteCount: elements / type.blockCount * type.blockByteCount,
          offset: offset))
    }
  }

  /// Makes sure that the tensors follow each other, each from the alignment on, and lie inside the file.
  private mutating func checkLayout(dataStart end: Int, _ mapped: MappedFile) throws(Diagnostic) {
    let start = aligned(end)
    var next = 0
    for (index, tensor) in tensors.enumerated() {
      let place = Location(mapped.path, end..<end, tensor: tensor.name)
      guard tensor.offset <= mapped.byteCount, start + tensor.offset <= mapped.byteCount,
        tensor.byteCount <= mapped.byteCount - start - tensor.offset
      else {
        throw Diagnostic(
          "gguf.range",
          "'\(tensor.name.shortened)' of \(tensor.byteCount) bytes from byte \(tensor.offset) of the data on "
            + "reaches past the file",
          at: place)
      }
      guard tensor.offset % alignment == 0 else {
        throw Diagnostic(
          "gguf.offset", "'\(tensor.name.shortened)' begins at byte \(tensor.offset), no multiple of \(alignment)",
          at: place)
      }
      guard tensor.offset == next else {
        throw Diagnostic(
          "gguf.layout",
          "'\(tensor.name.shortened)' begins at byte \(tensor.offset) of the data, "
            + "and the tensor before it ends at \(next)",
          at: place)
      }
      next = aligned(tensor.offset + tensor.byteCount)
      tensors[index] = DeclaredTensor(
        name: tensor.name, type: tensor.type, shape: tensor.shape, byteCount: tensor.byteCount,
        offset: start + tensor.offset)
    }
  }

  private func aligned(_ position: Int) -> Int { (position + alignment - 1) / alignment * alignment }
}
