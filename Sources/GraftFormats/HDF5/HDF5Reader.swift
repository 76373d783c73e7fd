import GraftIR

/// An open HDF5 file, plain or of Keras. The library tells where things are; all values are read here.
final class HDF5Reader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "hdf5"
  /// The dataset of metadata that graft wrote, a JSON object of texts. Names that begin like it are graft's own.
  static let metadataName = "__graft__"
  /// The metadata that hold the names of tensors which are no paths, by the names that they have in the file.
  static let namesKey = "graft.hdf5-names"
  /// The metadata that hold the names of tensors in their order, where the file has another one.
  static let orderKey = "graft.hdf5-order"
  /// The metadata that hold texts and lists of texts which are attributes of groups, by the paths of these.
  static let attributesKey = "graft.hdf5-attributes"

  /// The most bytes that the dataset of metadata has, as many as a header of safetensors.
  static let metadataByteLimit = 100_000_000

  /// The most that are read in a file of `byteCount` bytes, which does not pack texts any further.
  private static func metadataByteLimit(inFileOf byteCount: Int) -> Int {
    byteCount < metadataByteLimit / 16 ? min(metadataByteLimit, 16 * byteCount + 1 << 20) : metadataByteLimit
  }

  let format = HDF5Reader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  let aliases: [Int: TensorAlias]
  let notes: [String]
  let omissions: [Omission]
  private let mapped: MappedFile
  private let datasets: [HDF5Dataset]

  var file: String { mapped.path }
  var byteCount: Int { mapped.byteCount }
  var files: [MappedFile] { [mapped] }

  /// Reads the structure of the file that is `window` of `mapped`, all of it where there is none; `texts` and
  /// `omissions` are what stands around it.
  ///
  /// - Throws: rules of the pages `hdf5` and `json`.
  init(
    _ mapped: MappedFile, window: Range<Int>? = nil, texts: [String: String] = [:], omissions: [Omission] = []
  ) throws(Diagnostic) {
    let window = window ?? 0..<mapped.byteCount
    try HDF5Superblock.check(mapped, window)
    let survey = try HDF5Survey(mapped, window)
    let tree = try HDF5Tree(survey, mapped.path)
    var content = try HDF5Content(survey, mapped, window)
    try content.resolveLinks(survey, tree)
    var metadata = texts
    content.addAttributes(of: survey, to: &metadata)
    if let own = content.metadata {
      let limit = Self.metadataByteLimit(inFileOf: window.count)
      guard own.byteCount <= limit else {
        throw Diagnostic(
          "hdf5.metadata", "'\(Self.metadataName)' has \(own.byteCount) bytes, and \(limit) are read at most",
          at: Location(mapped.path, window, tensor: Self.metadataName))
      }
      let attributes = metadata[Self.attributesKey]
      for (name, text) in try Self.texts(own.tensor(in: mapped), mapped) { metadata[name] = text }
      // Some may be attributes, and those which cannot be texts of graft's own.
      if let attributes, let left = metadata[Self.attributesKey], left != attributes {
        metadata[Self.attributesKey] = HDF5Metadata.merged(attributes, left)
      }
    }
    try content.rename(try Self.object(metadata.removeValue(forKey: Self.namesKey), mapped))
    try content.sort(
      by: try Self.list(metadata.removeValue(forKey: Self.orderKey), mapped),
      keras: try KerasNames(survey, tree, mapped)?.paths ?? [])
    self.mapped = mapped
    self.metadata = metadata
    datasets = content.tensors.map(\.dataset)
    entries = content.tensors.map { TensorEntry(path: [$0.name], dtype: $0.dataset.type) }
    aliases = content.aliases
    notes = KerasNames.notes(survey, mapped.path)
    self.omissions = omissions + content.omissions + survey.omissions
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor { try datasets[index].tensor(in: mapped) }

  func region(at index: Int) -> FileRegion? { datasets[index].region(in: mapped) }

  func arrangement(at index: Int) -> Arrangement { datasets[index].arrangement }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    datasets[index].streamingByteCount(inRunsOf: byteCount, in: mapped)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    try datasets[index].stream(inRunsOf: byteCount, in: mapped, body)
  }

  // MARK: What graft wrote

  private static func refusal(_ message: String, _ mapped: MappedFile) -> Diagnostic {
    Diagnostic("hdf5.metadata", message, at: Location(mapped.path))
  }

  /// The texts of the dataset of metadata.
  private static func texts(_ tensor: Tensor, _ mapped: MappedFile) throws(Diagnostic) -> [String: String] {
    let json = try JSON(scanning: tensor.bytes, file: mapped.path)
    guard let members = json.members else {
      throw refusal("'\(metadataName)' is no object of texts", mapped)
    }
    var texts: [String: String] = [:]
    for member in members {
      guard let text = member.value.textValue else {
        throw refusal("'\(member.name.shortened)' of '\(metadataName)' is no text", mapped)
      }
      texts[member.name] = text
    }
    return texts
  }

  private static func object(_ text: String?, _ mapped: MappedFile) throws(Diagnostic) -> [String: String] {
    guard let text else { return [:] }
    var names: [String: String] = [:]
    for member in try JSON(parsing: text, file: mapped.path).members ?? [] {
      names[member.name] = member.value.textValue
    }
    return names
  }

  private static func list(_ text: String?, _ mapped: MappedFile) throws(Diagnostic) -> [String] {
    guard let text else { return [] }
    return (try JSON(parsing: text, file: mapped.path).listValue ?? []).compactMap(\.textValue)
  }
}

extension TensorEntry {
  fileprivate init(path: [String], dtype type: TensorType) {
    self.init(path: path, dtype: type.dtype, shape: type.shape ?? [])
  }
}
