import GraftIR

// Layout of a safetensors file (safetensors 0.8.0, README "Format"):
//
//   0  u64     length of the header, little-endian
//   8  header  JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {...}}
//   …  data    offsets count from here; no gaps, no overlaps, nothing behind
//
// Data need not be aligned, since a header may have any length and a tensor any size.

/// An open safetensors file.
final class SafetensorsReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "safetensors"
  /// The reference implementation refuses longer headers, so nobody writes them.
  static let headerLimit = 100_000_000

  let format = SafetensorsReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  private let mapped: MappedFile
  /// Where each entry's bytes start in the file.
  private let offsets: [Int]

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads the header of `mapped`.
  ///
  /// - Throws: a rule of the pages `safetensors` and `json`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    var reader = ByteReader(
      mapped.storage, 0..<mapped.byteCount, file: mapped.path, truncationRule: "safetensors.truncated")
    let length = try reader.number(UInt64.self)
    let rest = reader.remaining
    guard length <= UInt64(rest) else {
      throw Diagnostic(
        "safetensors.header-length", "a header of \(length) bytes does not fit the \(rest) that follow",
        at: Location(mapped.path, 0..<8))
    }
    guard length <= UInt64(Self.headerLimit) else {
      throw Diagnostic(
        "safetensors.header-limit", "the header has \(length) bytes, more than \(Self.headerLimit)",
        at: Location(mapped.path, 0..<8))
    }
    let dataStart = reader.position + Int(length)
    var header = SafetensorsHeader(file: mapped.path)
    try header.read(try reader.bytes(Int(length)), origin: 8)
    try header.checkLayout(dataByteCount: mapped.byteCount - dataStart)
    self.mapped = mapped
    entries = header.tensors.map(\.entry)
    offsets = header.tensors.map { dataStart + $0.begin }
    metadata = header.metadata
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    Tensor(entries[index].dtype, entries[index].shape, storage: mapped.storage, offsetInBytes: offsets[index])
  }

  func region(at index: Int) -> FileRegion? {
    FileRegion(file: mapped, offset: offsets[index], byteCount: entries[index].byteCount)
  }
}

/// What the JSON of a safetensors file says.
struct SafetensorsHeader {
  struct DeclaredTensor {
    let entry: TensorEntry
    /// The bytes, counted from the start of the data.
    let begin: Int
    let end: Int
    /// Where its entry stands in the file.
    let position: Int
  }

  /// In the order of their data once `checkLayout` has passed.
  private(set) var tensors: [DeclaredTensor] = []
  private(set) var metadata: [String: String] = [:]
  private let file: String

  init(file: String) { self.file = file }

  /// Reads `bytes`, which stand at `origin` in the file.
  mutating func read(_ bytes: UnsafeRawBufferPointer, origin: Int) throws(Diagnostic) {
    var scanner = JSONScanner(bytes, file: file, origin: origin)
    guard scanner.kind() == .object else {
      throw Diagnostic(
        "safetensors.header-object", "the header is no JSON object", at: Location(file, origin..<origin + bytes.count))
    }
    var found: [DeclaredTensor] = []
    var texts: [String: String] = [:]
    let file = file
    try scanner.object { (scanner, name) throws(Diagnostic) in
      if name == "__metadata__" {
        texts = try Self.metadata(&scanner)
        return
      }
      found.append(try Self.tensor(name, &scanner, file: file, origin: origin))
    }
    try scanner.end()
    tensors = found
    metadata = texts
  }

  private static func metadata(_ scanner: inout JSONScanner) throws(Diagnostic) -> [String: String] {
    if scanner.kind() == .null {  // MLX writes it where there is nothing to say.
      try scanner.null()
      return [:]
    }
    guard scanner.kind() == .object else {
      throw scanner.failure("safetensors.metadata", "'__metadata__' is no object of texts", scanner.position)
    }
    var texts: [String: String] = [:]
    try scanner.object { (scanner, name) throws(Diagnostic) in
      guard scanner.kind() == .text else {
        throw scanner.failure(
          "safetensors.metadata", "'\(name.shortened)' of '__metadata__' is no text", scanner.position)
      }
      texts[name] = try scanner.text()
    }
    return texts
  }

  private static func tensor(
    _ name: String, _ scanner: inout JSONScanner, file: String, origin: Int
  ) throws(Diagnostic) -> DeclaredTensor {
    let position = origin + scanner.position
    guard scanner.kind() == .object else {
      throw scanner.failure("safetensors.entry", "the entry of '\(name.shortened)' is no object", scanner.position)
    }
    var dtype: DType?
    var axes: [Int]?
    var offsets: [Int]?
    try scanner.object { (scanner, field) throws(Diagnostic) in
      switch field {
      case "dtype":
        guard scanner.kind() == .text else {
          throw scanner.failure("safetensors.entry", "'dtype' of '\(name.shortened)' is no text", scanner.position)
        }
        let spelling = try scanner.text()
        guard let known = DType(safetensorsName: spelling) else {
          throw scanner.failure(
            "safetensors.dtype", "'\(name.shortened)' has the unknown dtype '\(spelling.shortened)'", scanner.position)
        }
        dtype = known
      case "shape":
        axes = try sizes("shape", of: name, "safetensors.shape", &scanner)
      case "data_offsets":
        offsets = try sizes("data_offsets", of: name, "safetensors.offsets", &scanner)
      default: try scanner.skipValue()
      }
    }
    guard let dtype, let axes, let offsets else {
      let missing = dtype == nil ? "dtype" : axes == nil ? "shape" : "data_offsets"
      throw Diagnostic(
        "safetensors.entry", "'\(name.shortened)' has no '\(missing)'",
        at: Location(file, position..<position, tensor: name))
    }
    let place = Location(file, position..<position, tensor: name)
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw Diagnostic(
        "safetensors.offsets", "'data_offsets' of '\(name.shortened)' are not a begin and an end behind it", at: place)
    }
    let shape = Shape(axes)
    guard let count = shape.elementCount, let bytes = dtype.byteCount(of: count) else {
      throw Diagnostic(
        "safetensors.size", "\(dtype) \(shape) of '\(name.shortened)' is no whole number of bytes that fits 64 bits",
        at: place)
    }
    guard bytes == offsets[1] - offsets[0] else {
      throw Diagnostic(
        "safetensors.byte-count",
        "\(dtype) \(shape) of '\(name.shortened)' needs \(bytes) bytes, but its offsets hold \(offsets[1] - offsets[0])",
        at: place)
    }
    return DeclaredTensor(
      entry: TensorEntry(path: [name], dtype: dtype, shape: shape), begin: offsets[0], end: offsets[1],
      position: position)
  }

  private static func sizes(
    _ field: String, of name: String, _ rule: String, _ scanner: inout JSONScanner
  ) throws(Diagnostic) -> [Int] {
    guard scanner.kind() == .list else {
      throw scanner.failure(rule, "'\(field)' of '\(name.shortened)' is no list", scanner.position)
    }
    var sizes: [Int] = []
    try scanner.list { (scanner) throws(Diagnostic) in
      let start = scanner.position
      guard scanner.kind() != .list && scanner.kind() != .object else {
        try scanner.skipValue()  // Reports nesting that is too deep as such.
        throw scanner.failure(rule, "'\(field)' of '\(name.shortened)' holds something else than whole numbers", start)
      }
      guard scanner.kind() == .number, let size = try scanner.count() else {
        throw scanner.failure(
          rule, "'\(field)' of '\(name.shortened)' holds something else than whole numbers of 0 or more", start)
      }
      // More than any framework counts, so that a header of axes cannot fill the memory.
      guard sizes.count < 64 else {
        throw scanner.failure(rule, "'\(field)' of '\(name.shortened)' has over 64 entries", start)
      }
      sizes.append(size)
    }
    return sizes
  }

  /// Orders the tensors by their data and makes sure that they cover it without gap or overlap.
  mutating func checkLayout(dataByteCount: Int) throws(Diagnostic) {
    // Entries without bytes come before the one that starts at the same place; equal ones stay as the header has them.
    let order = tensors.indices.sorted {
      (tensors[$0].begin, tensors[$0].end, $0) < (tensors[$1].begin, tensors[$1].end, $1)
    }
    tensors = order.map { tensors[$0] }
    var end = 0
    for tensor in tensors {
      guard tensor.begin == end else {
        throw Diagnostic(
          "safetensors.layout",
          "'\(tensor.entry.name.shortened)' starts at byte \(tensor.begin) of the data, but the bytes before it end at \(end)",
          at: Location(file, tensor.position..<tensor.position, tensor: tensor.entry.name))
      }
      end = tensor.end
    }
    guard end == dataByteCount else {
      throw Diagnostic(
        "safetensors.data-length", "the tensors fill \(end) bytes, but \(dataByteCount) follow the header",
        at: Location(file))
    }
  }
}
