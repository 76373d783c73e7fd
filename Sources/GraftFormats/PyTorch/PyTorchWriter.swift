import GraftIR

/// Writes a PyTorch checkpoint of the zip layout, which `torch.load(weights_only=True)` opens, mapped too.
///
/// Records are stored uncompressed, each from a multiple of 64 on. Unlike torch, sizes and checksums stand in the local
/// headers too, so that any zip program can read the file from its start. The records lie in a folder `archive`,
/// whatever the file is called: the same tensors give the same bytes.
final class PyTorchWriter: StreamingCheckpointWriter {
  static let stem = "archive"
  let order: [Int]
  var output: OutputFile? { archive.output }
  private let archive: ZipWriter
  private let declarations: [TensorDeclaration]
  private let metadata: [String: String]
  private let deferred: [String]
  private var written = 0

  /// Writes everything that comes before the first tensor.
  ///
  /// - Throws: `pytorch.unwritable`, `transfer.duplicate-name`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    archive = ZipWriter(request.output)
    declarations = request.declarations
    deferred = request.deferred
    order = request.declarations.indices.filter { request.declarations[$0].alias == nil }
    try Declarations.checkNames(declarations)
    // What graft tells of the file stands beside the pickle, which holds what trainers told.
    let own = request.metadata.filter { $0.key.hasPrefix("graft.") || $0.key == "format" }
    var values = request.metadata.filter { own[$0.key] == nil }
    let pickle = try Pickler.pickle(declarations, key: request.key, values: &values)
    metadata = own.merging(values) { own, _ in own }
    try record("data.pkl", pickle)
    try record(".format_version", Array("1".utf8))
    try record(".storage_alignment", Array("64".utf8))
    try record("byteorder", Array("little".utf8))
  }

  var seal: UInt32 {
    get { archive.checksum }
    set { archive.checksum = newValue }
  }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    try archive.open("\(Self.stem)/data/\(written)", byteCount: declarations[order[written]].byteCount)
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try archive.append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) { try archive.append(copying: region) }

  func end() throws(Diagnostic) {
    try archive.close()
    written += 1
  }

  func finish(deferred texts: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    try record("version", Array("3\n".utf8))
    var all = metadata
    for name in deferred { all[name] = texts[name] }
    if !all.isEmpty { try record(MetadataRecord.name, MetadataRecord.bytes(all)) }
    try archive.finish()
  }

  private func record(_ name: String, _ bytes: [UInt8]) throws(Diagnostic) {
    try archive.record("\(Self.stem)/\(name)", bytes)
  }
}
