import GraftIR

/// Writes a PyTorch checkpoint of the zip layout, which `torch.load(weights_only=True)` opens, mapped too.
///
/// Records are stored uncompressed, each from a multiple of 64 on. Unlike torch, sizes and checksums stand in the local
/// headers too, so that any zip program can read the file from its start. The records lie in a folder `archive`,
/// whatever the file is called: the same tensors give the same bytes.
final class PyTorchWriter: StreamingCheckpointWriter {
  static let stem = "archive"
  let order: [Int]
  private let output: OutputFile
  private let declarations: [TensorDeclaration]
  private let metadata: [String: String]
  private let deferred: [String]
  private var directory: [ZipEntry] = []
  private var written = 0
  private var checksum: UInt32 = 0

  /// Writes everything that comes before the first tensor.
  ///
  /// - Throws: `pytorch.unwritable`, `transfer.duplicate-name`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    output = request.output
    declarations = request.declarations
    metadata = request.metadata
    deferred = request.deferred
    order = request.declarations.indices.filter { request.declarations[$0].alias == nil }
    try Declarations.checkNames(declarations)
    let pickle = try Pickler.pickle(declarations, key: request.key)
    try record("data.pkl", pickle)
    try record(".format_version", Array("1".utf8))
    try record(".storage_alignment", Array("64".utf8))
    try record("byteorder", Array("little".utf8))
  }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    try open("data/\(written)", byteCount: declarations[order[written]].byteCount)
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) {
    checksum = ZipArchive.checksum(of: chunk, seed: checksum)
    try output.append(chunk)
  }

  func append(copying region: FileRegion) throws(Diagnostic) {
    // In steps that fit a cache, so that the bytes are fetched once for the checksum and the copy.
    let step = 1 << 20
    for offset in stride(from: region.offset, to: region.offset + region.byteCount, by: step) {
      let count = min(step, region.offset + region.byteCount - offset)
      let bytes = UnsafeRawBufferPointer(start: region.file.storage.start + offset, count: count)
      checksum = ZipArchive.checksum(of: bytes, seed: checksum)
      try output.append(copying: FileRegion(file: region.file, offset: offset, byteCount: count))
    }
  }

  func end() throws(Diagnostic) {
    try close()
    written += 1
  }

  func finish(deferred texts: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    try record("version", Array("3\n".utf8))
    var all = metadata
    for name in deferred { all[name] = texts[name] }
    if !all.isEmpty {
      var json: [UInt8] = []
      JSON(all).write(into: &json)
      try record("graft.json", json)
    }
    let start = output.byteCount
    var bytes: [UInt8] = []
    for entry in directory { bytes += entry.centralHeader }
    bytes += ZipEntry.endRecords(count: directory.count, start: start, byteCount: bytes.count)
    try output.append(bytes)
  }

  private func record(_ name: String, _ bytes: [UInt8]) throws(Diagnostic) {
    try open(name, byteCount: bytes.count)
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(Diagnostic) in try append(buffer) }
    }.get()
    try close()
  }

  private func open(_ name: String, byteCount: Int) throws(Diagnostic) {
    let entry = ZipEntry(name: Self.stem + "/" + name, byteCount: byteCount, offset: output.byteCount)
    directory.append(entry)
    checksum = 0
    try output.append(entry.localHeader)
  }

  private func close() throws(Diagnostic) {
    guard var entry = directory.popLast() else { preconditionFailure("a record is open") }
    precondition(
      output.byteCount == entry.dataOffset + entry.byteCount, "a tensor has as many bytes as were declared")
    entry.checksum = checksum
    directory.append(entry)
    try output.overwrite((0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * UInt32($0))) }, at: entry.offset + 14)
  }
}
