import CHDF5
import GraftIR

/// What is in a file, as the child tells: believed no more than the file itself.
struct HDF5Survey {
  struct Group {
    let path: String
    /// Whether it was told of before under another path.
    let isAgain: Bool
    let address: UInt64
  }

  struct Attribute {
    /// Of its group.
    let path: String
    let name: String
    let isList: Bool
    let texts: [String]
  }

  struct Link {
    enum Kind { case soft, outside }
    let path: String
    let kind: Kind
    let target: String
  }

  struct Dataset {
    let path: String
    let address: UInt64
    /// `nil` where it was told of before under another path.
    let description: HDF5Description?
  }

  private(set) var groups: [Group] = []
  private(set) var attributes: [Attribute] = []
  private(set) var links: [Link] = []
  private(set) var datasets: [Dataset] = []
  /// The attributes that are no texts, or of datasets: of what, and how many.
  private var otherAttributes: [(path: String, count: Int)] = []

  /// What a person may miss.
  var omissions: [Omission] {
    guard !otherAttributes.isEmpty else { return [] }
    let count = otherAttributes.reduce(0) { $0 &+ $1.count }
    let owners = listed(otherAttributes.map { "/" + $0.path })
    let what = count == 1 ? "is no text of a group" : "are no texts of groups"
    return [Omission("\(counted(count, "attribute")) that \(what): of \(owners)")]
  }

  /// Has a child look at the file that is `range` of `mapped`.
  ///
  /// - Throws: rules of the page `hdf5`.
  init(_ mapped: MappedFile, _ range: Range<Int>) throws(Diagnostic) {
    let answer = try HDF5Child.survey(mapped, range)
    var reader = ByteReader(answer, 0..<answer.byteCount, file: mapped.path, truncationRule: "hdf5.answer")
    while try read(&reader, mapped, range) {}
  }

  /// Reads a record; false at the end.
  private mutating func read(
    _ reader: inout ByteReader, _ mapped: MappedFile, _ range: Range<Int>
  ) throws(Diagnostic) -> Bool {
    let kind = Int(try reader.byte())
    if kind == Int(GRAFT_HDF5_END) { return false }
    let path = try reader.text()
    switch kind {
    case Int(GRAFT_HDF5_GROUP):
      let address = try reader.number(UInt64.self)
      groups.append(Group(path: path, isAgain: try reader.byte() != 0, address: address))
    case Int(GRAFT_HDF5_ATTRIBUTE):
      let name = try reader.text()
      let (isList, texts) = try reader.texts()
      attributes.append(Attribute(path: path, name: name, isList: isList, texts: texts))
    case Int(GRAFT_HDF5_OTHER_ATTRIBUTES):
      otherAttributes.append((path, Int(try reader.number(UInt32.self))))
    case Int(GRAFT_HDF5_LINK):
      let kind = try reader.byte()
      links.append(
        Link(path: path, kind: kind == UInt8(ascii: "s") ? .soft : .outside, target: try reader.text()))
    case Int(GRAFT_HDF5_DATASET):
      let address = try reader.number(UInt64.self)
      let isAgain = try reader.byte() != 0
      datasets.append(
        Dataset(
          path: path, address: address, description: isAgain ? nil : try HDF5Description(&reader)))
    default:
      throw Diagnostic(
        "hdf5.answer", "the child's answer has a record of kind \(kind)", at: Location(mapped.path, range))
    }
    return true
  }
}

/// A dataset: its type, its shape, and where its bytes are.
struct HDF5Description {
  enum Layout {
    case contiguous(offset: UInt64, byteCount: UInt64)
    case compact([UInt8])
    case chunked(HDF5ChunkTable)
    case outside(String)
  }

  let type: HDF5Type
  /// `nil` where it has no space.
  let sizes: [UInt64]?
  let layout: Layout
  /// The bytes of a value; none for zero.
  let fill: [UInt8]

  init(_ reader: inout ByteReader) throws(Diagnostic) {
    type = try HDF5Type(&reader)
    let rank = try reader.byte()
    var sizes: [UInt64] = []
    for _ in 0..<(rank == 255 ? 0 : rank) { sizes.append(try reader.number(UInt64.self)) }
    self.sizes = rank == 255 ? nil : sizes
    switch try reader.byte() {
    case UInt8(ascii: "c"):
      layout = .contiguous(offset: try reader.number(UInt64.self), byteCount: try reader.number(UInt64.self))
    case UInt8(ascii: "p"): layout = .compact([UInt8](try reader.textBytes()))
    case UInt8(ascii: "k"): layout = .chunked(try HDF5ChunkTable(&reader, rank: sizes.count))
    case UInt8(ascii: "x"): layout = .outside("its values lie in other files")
    default: layout = .outside("it is virtual, made of datasets of other files")
    }
    fill = [UInt8](try reader.textBytes())
  }
}

/// The chunks of a dataset, as they are told.
struct HDF5ChunkTable {
  struct Chunk {
    /// All ones where it was never written.
    let offset: UInt64
    let byteCount: UInt64
    /// The filters that were left out, by bits.
    let mask: UInt32
  }

  let sizes: [UInt64]
  /// Whether chunks that reach past the dataset are not filtered.
  let leavesCutChunks: Bool
  let filters: [(id: UInt32, name: String, values: [UInt32])]
  let storedByteCount: UInt64
  /// In the order of their coordinates, the last one fastest; `nil` where there are too many to be told.
  let chunks: [Chunk]?

  init(_ reader: inout ByteReader, rank: Int) throws(Diagnostic) {
    var sizes: [UInt64] = []
    for _ in 0..<rank { sizes.append(try reader.number(UInt64.self)) }
    self.sizes = sizes
    leavesCutChunks = try reader.byte() != 0
    var filters: [(id: UInt32, name: String, values: [UInt32])] = []
    for _ in 0..<(try reader.byte()) {
      let id = try reader.number(UInt32.self)
      let name = try reader.text()
      var values: [UInt32] = []
      for _ in 0..<min(16, try reader.number(UInt32.self)) { values.append(try reader.number(UInt32.self)) }
      filters.append((id, name, values))
    }
    self.filters = filters
    storedByteCount = try reader.number(UInt64.self)
    let count = try reader.number(UInt64.self)
    guard count <= UInt64(reader.remaining / 20) else {
      chunks = nil
      return
    }
    var chunks: [Chunk] = []
    chunks.reserveCapacity(Int(count))
    for _ in 0..<count {
      chunks.append(
        Chunk(
          offset: try reader.number(UInt64.self), byteCount: try reader.number(UInt64.self),
          mask: try reader.number(UInt32.self)))
    }
    self.chunks = chunks
  }
}

extension ByteReader {
  /// A length, u32, and so many bytes.
  mutating func textBytes() throws(Diagnostic) -> UnsafeRawBufferPointer {
    let count = Int(try number(UInt32.self))
    return try bytes(count)
  }

  /// A length, u32, and a text of so many bytes.
  mutating func text() throws(Diagnostic) -> String {
    let bytes = try textBytes()
    guard let text = String(validUTF8: bytes) else {
      throw Diagnostic(
        "hdf5.utf8", "a name or text, '\(String(decoding: bytes, as: UTF8.self).shortened)', is not UTF-8",
        at: Location(file))
    }
    return text
  }

  /// Whether they are a list, and texts.
  mutating func texts() throws(Diagnostic) -> (isList: Bool, texts: [String]) {
    let isList = try byte() != 0
    var texts: [String] = []
    for _ in 0..<(try number(UInt32.self)) { texts.append(try text()) }
    return (isList, texts)
  }
}
