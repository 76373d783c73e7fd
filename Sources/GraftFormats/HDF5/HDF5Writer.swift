import GraftIR

/// Writes an HDF5 file: libhdf5 lays it out without values, and these go where it has left room for them, in the order
/// of the file. A name that ends in `.weights.h5` or `.keras` gets what Keras 3 loads.
final class HDF5Writer: StreamingCheckpointWriter {
  let order: [Int]
  var output: OutputFile? { target.output }
  private let target: HDF5Target
  private let skeleton: HDF5Skeleton
  private let declarations: [TensorDeclaration]
  /// Where the file begins in the output.
  private let start: Int
  /// Where the texts of deferred metadata stand in the output.
  private let places: [String: Int]
  /// The bytes of graft's own dataset, and where they go.
  private let record: (bytes: [UInt8], offset: Int)?
  private var written = 0

  /// Writes nothing yet.
  ///
  /// - Throws: `hdf5.unwritable`, `hdf5.library`, `transfer.duplicate-name`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    declarations = request.declarations
    try Declarations.checkNames(declarations)
    for declaration in declarations where !HDF5Skeleton.holds(declaration.dtype) || declaration.shape.rank > 32 {
      throw Diagnostic(
        "hdf5.unwritable",
        declaration.shape.rank > 32
          ? "'\(declaration.name.shortened)' has \(declaration.shape.rank) axes, and HDF5 takes at most 32"
          : "'\(declaration.name.shortened)' is of \(declaration.dtype), whose elements are no whole bytes",
        help: "convert it to another dtype, or write another format")
    }
    let path = request.output.path.lowercased()
    let isArchive = path.hasSuffix(".keras")
    let contents = HDF5Metadata(request, isArchive: isArchive)
    if isArchive {
      for name in KerasArchive.textNames where request.metadata[name] == nil {
        throw Diagnostic(
          "hdf5.unwritable", "a '.keras' archive holds '\(name)', which the metadata lack",
          help:
            "convert a '.keras' archive, or write the kind of file that the tensors are from, '.h5' or '.weights.h5'")
      }
    }
    let isKeras = isArchive || path.hasSuffix(".weights.h5")
    var (skeleton, record, places) = try Self.layOut(declarations, contents, isKeras: isKeras, named: false)
    if !skeleton.isOrdered {
      (skeleton, record, places) = try Self.layOut(declarations, contents, isKeras: isKeras, named: true)
    }
    let offsets = Array(skeleton.offsets.suffix(declarations.count))
    order = Self.order(of: offsets)
    self.skeleton = skeleton
    target = isArchive ? try KerasTarget(request.output, contents, skeleton.byteCount) : PlainTarget(request.output)
    start = target.output.byteCount
    self.record = record
    self.places = isArchive ? [:] : places.mapValues { [start] in $0 + start }
  }

  /// By where the bytes are; tensors without any come where they were declared.
  private static func order(of offsets: [Int?]) -> [Int] {
    var last = 0
    let keys = offsets.map { offset -> Int in
      last = offset ?? last
      return last
    }
    return offsets.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
  }

  private static func layOut(
    _ declarations: [TensorDeclaration], _ metadata: HDF5Metadata, isKeras: Bool, named: Bool
  ) throws(Diagnostic) -> (HDF5Skeleton, record: (bytes: [UInt8], offset: Int)?, places: [String: Int]) {
    let names = declarations.map(\.name)
    var paths = HDF5Names(names)
    var texts = metadata.texts
    let renamed = paths.renamed(names)
    if !renamed.isEmpty { texts[HDF5Reader.namesKey] = JSON(renamed).text() }
    if named { texts[HDF5Reader.orderKey] = JSON.list(names.map { .text($0) }).text() }
    var plan = HDF5Skeleton.Plan()
    plan.isKeras = isKeras
    let datasets = Set(paths.paths)
    let (attributes, left) = metadata.groupAttributes { path in paths.addGroup(path, besides: datasets) }
    if let left { texts[HDF5Reader.attributesKey] = left }
    plan.attributes = metadata.attributes.map { ("", $0.key, false, [$0.value]) } + attributes
    plan.groups = paths.groups
    let (bytes, places) = metadata.record(of: texts)
    guard bytes.count <= HDF5Reader.metadataByteLimit else {
      throw Diagnostic(
        "hdf5.unwritable",
        "the metadata take \(bytes.count) bytes, and HDF5 files of graft have \(HDF5Reader.metadataByteLimit) at most")
    }
    if !bytes.isEmpty { plan.datasets.append((HDF5Reader.metadataName, .u8, [bytes.count])) }
    for (declaration, path) in zip(declarations, paths.paths) {
      plan.datasets.append((path, declaration.dtype, declaration.shape))
    }
    let skeleton = try HDF5Skeleton(plan)
    guard !bytes.isEmpty, let offset = skeleton.offsets.first ?? nil else { return (skeleton, nil, [:]) }
    return (skeleton, (bytes, offset), places.mapValues { $0 + offset })
  }

  private var offsets: ArraySlice<Int?> { skeleton.offsets.suffix(declarations.count) }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    guard let offset = offset(of: written) else { return }
    try fill(to: offset)
  }

  var seal: UInt32 {
    get { target.seal }
    set { target.seal = newValue }
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try target.append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) { try target.append(copying: region) }

  func end() throws(Diagnostic) {
    if let offset = offset(of: written) {
      precondition(
        target.output.byteCount - start == offset + declarations[order[written]].byteCount,
        "a tensor has as many bytes as were declared")
    }
    written += 1
  }

  func finish(deferred: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    try fill(to: skeleton.byteCount)
    try target.finish(deferred: deferred)
    try target.output.fill(places, with: deferred)
  }

  private func offset(of place: Int) -> Int? { offsets[offsets.startIndex + order[place]] }

  /// Writes the structure up to byte `end` of the file, with graft's own bytes in it.
  private func fill(to end: Int) throws(Diagnostic) {
    let position = target.output.byteCount - start
    precondition(position <= end, "the library has put two tensors in one place")
    guard let record, record.offset >= position, record.offset < end else {
      return try copy(position..<end)
    }
    try copy(position..<record.offset)
    try record.bytes.withUnsafeBytes { bytes in
      Result { () throws(Diagnostic) in try target.append(bytes) }
    }.get()
    try copy(record.offset + record.bytes.count..<end)
  }

  private func copy(_ range: Range<Int>) throws(Diagnostic) {
    try skeleton.forEachRun(of: range) { (bytes) throws(Diagnostic) in try target.append(bytes) }
  }
}

/// Where a file's bytes go.
protocol HDF5Target: AnyObject {
  var output: OutputFile { get }
  var seal: UInt32 { get set }
  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic)
  func append(copying region: FileRegion) throws(Diagnostic)
  func finish(deferred: [String: String]) throws(Diagnostic)
}

/// A file of its own.
private final class PlainTarget: HDF5Target {
  let output: OutputFile
  var seal: UInt32 = 0

  init(_ output: OutputFile) { self.output = output }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try output.append(chunk) }
  func append(copying region: FileRegion) throws(Diagnostic) { try output.append(copying: region) }
  func finish(deferred: [String: String]) throws(Diagnostic) {}
}

/// A record of a Keras archive, beside its texts.
private final class KerasTarget: HDF5Target {
  private let archive: ZipWriter
  private let texts: [String: String]
  private let deferred: [String]
  var output: OutputFile { archive.output }

  /// The checksum of everything up to here, since the tensors are one record.
  var seal: UInt32 {
    get { archive.checksum }
    set { archive.checksum = newValue }
  }

  init(_ output: OutputFile, _ metadata: HDF5Metadata, _ byteCount: Int) throws(Diagnostic) {
    archive = ZipWriter(output)
    texts = metadata.archiveTexts
    deferred = metadata.deferred
    for name in KerasArchive.textNames.reversed() {
      try archive.record(name, Array((metadata.kerasTexts[name] ?? "").utf8))
    }
    try archive.open(KerasArchive.weightsName, byteCount: byteCount)
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try archive.append(chunk) }
  func append(copying region: FileRegion) throws(Diagnostic) { try archive.append(copying: region) }

  func finish(deferred found: [String: String]) throws(Diagnostic) {
    try archive.close()
    var all = texts
    for name in deferred { all[name] = found[name] }
    if !all.isEmpty { try archive.record(MetadataRecord.name, MetadataRecord.bytes(all)) }
    try archive.finish()
  }
}
