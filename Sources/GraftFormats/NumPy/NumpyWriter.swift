import GraftIR

/// Writes one array to a `.npy` file, which has room for neither a name nor metadata.
final class NumpyWriter: StreamingCheckpointWriter {
  let order = [0]
  var output: OutputFile? { file }
  private let file: OutputFile
  private let byteCount: Int

  /// Writes the header.
  ///
  /// - Throws: `numpy.unwritable`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    guard let only = request.declarations.first, request.declarations.count == 1 else {
      throw Diagnostic(
        "numpy.unwritable", "a '.npy' file holds one array, not \(request.declarations.count)",
        help: "write '.npz' for several")
    }
    guard NumpyType.isPlain(only.dtype) || only.dtype == .bf16 else {
      throw Diagnostic(
        "numpy.unwritable", "'\(only.name.shortened)' is of \(only.dtype), which NumPy cannot spell",
        help: "convert it to another dtype, or write '.npz', which says so beside the arrays")
    }
    file = request.output
    let header = NumpyHeader.bytes(only.dtype, only.shape)
    byteCount = header.count + only.byteCount
    try file.append(header)
  }

  func begin() throws(Diagnostic) {}

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try file.append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) { try file.append(copying: region) }

  func end() throws(Diagnostic) {
    precondition(file.byteCount == byteCount, "a tensor has as many bytes as were declared")
  }

  func finish(deferred: [String: String]) throws(Diagnostic) {}
}

/// Writes an archive of arrays that `numpy.load` opens: stored, each array's data from a multiple of 64 on.
final class NumpyArchiveWriter: StreamingCheckpointWriter {
  let order: [Int]
  var output: OutputFile? { archive.output }
  private let archive: ZipWriter
  private let declarations: [TensorDeclaration]
  private let metadata: [String: String]
  private let deferred: [String]
  private var written = 0

  /// Writes nothing yet.
  ///
  /// - Throws: `numpy.unwritable`, `transfer.duplicate-name`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    archive = ZipWriter(request.output)
    declarations = request.declarations
    deferred = request.deferred
    order = Array(declarations.indices)
    try Declarations.checkNames(declarations)
    var dtypes: [String: String] = [:]
    for declaration in declarations {
      guard ZipEntry.isSafe(declaration.name + ".npy") else {
        throw Diagnostic(
          "numpy.unwritable", "'\(declaration.name.shortened)' cannot be the name of a file in an archive",
          help: "rename it, or leave it out with --exclude")
      }
      if !NumpyType.isPlain(declaration.dtype) { dtypes[declaration.name] = declaration.dtype.safetensorsName }
    }
    var metadata = request.metadata
    if !dtypes.isEmpty { metadata[NumpyArchiveReader.dtypesKey] = JSON(dtypes).text() }
    self.metadata = metadata
  }

  var seal: UInt32 {
    get { archive.checksum }
    set { archive.checksum = newValue }
  }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    let declaration = declarations[written]
    let header = NumpyHeader.bytes(declaration.dtype, declaration.shape)
    let byteCount = outputByteCount(of: declaration.byteCount)
    try archive.open(declaration.name + ".npy", byteCount: header.count + byteCount)
    try header.withUnsafeBytes { bytes in
      Result { () throws(Diagnostic) in try archive.append(bytes) }
    }.get()
  }

  func outputByteCount(of byteCount: Int) -> Int {
    isUnpacked ? declarations[written].shape.elementCount ?? 0 : byteCount
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) {
    guard isUnpacked else { return try archive.append(chunk) }
    // NumPy gives narrow types a byte each.
    let bitWidth = declarations[written].dtype.bitWidth
    let step = 48 << 10  // Whole elements of every width.
    for start in stride(from: 0, to: chunk.count, by: step) {
      let run = UnsafeRawBufferPointer(rebasing: chunk[start..<min(start + step, chunk.count)])
      let room = Storage(byteCount: run.count * 8 / bitWidth)
      for index in 0..<room.byteCount {
        room.start.storeBytes(
          of: BitPacking.load(at: index, bitWidth: bitWidth, from: run), toByteOffset: index, as: UInt8.self)
      }
      try archive.append(room.bytes)
    }
  }

  func append(copying region: FileRegion) throws(Diagnostic) {
    guard isUnpacked else { return try archive.append(copying: region) }
    try append(UnsafeRawBufferPointer(start: region.file.storage.start + region.offset, count: region.byteCount))
  }

  func end() throws(Diagnostic) {
    try archive.close()
    written += 1
  }

  func finish(deferred texts: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    var all = metadata
    for name in deferred { all[name] = texts[name] }
    if !all.isEmpty { try archive.record(MetadataRecord.name, MetadataRecord.bytes(all)) }
    try archive.finish()
  }

  private var isUnpacked: Bool { declarations[written].dtype.byteWidth == nil }
}
