import GraftIR

/// Writes an archive of stored records, each from a multiple of 64 on, with sizes and checksums in both headers.
final class ZipWriter {
  let output: OutputFile
  private var directory: [ZipEntry] = []
  /// The checksum of the record that is being written, so far.
  var checksum: UInt32 = 0

  init(_ output: OutputFile) { self.output = output }

  /// Starts the record `name` of `byteCount` bytes.
  ///
  /// - Throws: `transfer.write`.
  func open(_ name: String, byteCount: Int) throws(Diagnostic) {
    let entry = ZipEntry(name: name, byteCount: byteCount, offset: output.byteCount)
    directory.append(entry)
    checksum = 0
    try output.append(entry.localHeader)
  }

  /// Adds `chunk` to the record.
  ///
  /// - Throws: `transfer.write`.
  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) {
    checksum = ZipArchive.checksum(of: chunk, seed: checksum)
    try output.append(chunk)
  }

  /// Adds the bytes of `region` to the record.
  ///
  /// - Throws: `transfer.write`.
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

  /// Ends the record, all of whose bytes have come.
  ///
  /// - Throws: `transfer.write`.
  func close() throws(Diagnostic) {
    guard var entry = directory.popLast() else { preconditionFailure("a record is open") }
    precondition(
      output.byteCount == entry.dataOffset + entry.byteCount, "a tensor has as many bytes as were declared")
    entry.checksum = checksum
    directory.append(entry)
    try output.overwrite((0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * UInt32($0))) }, at: entry.offset + 14)
  }

  /// Writes a whole record.
  ///
  /// - Throws: `transfer.write`.
  func record(_ name: String, _ bytes: [UInt8]) throws(Diagnostic) {
    try open(name, byteCount: bytes.count)
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(Diagnostic) in try append(buffer) }
    }.get()
    try close()
  }

  /// Writes the directory.
  ///
  /// - Throws: `transfer.write`.
  func finish() throws(Diagnostic) {
    let start = output.byteCount
    var bytes: [UInt8] = []
    for entry in directory { bytes += entry.centralHeader }
    bytes += ZipEntry.endRecords(count: directory.count, start: start, byteCount: bytes.count)
    try output.append(bytes)
  }
}
