import CZlib
import GraftIR

/// Unpacks a deflated record piece by piece, so that memory does not follow its size.
///
/// Source: zlib's manual, "Advanced Functions", raw deflate (RFC 1951).
final class Inflater {
  private let record: ZipArchive.Record
  private let mapped: MappedFile
  private let stream: UnsafeMutablePointer<z_stream>
  private var packedLeft: Int
  private var checksum: UInt32 = 0
  /// The bytes that were unpacked.
  private(set) var byteCount = 0

  /// Starts at the beginning of `record`.
  ///
  /// - Throws: `zip.deflate` where zlib cannot start.
  init(_ record: ZipArchive.Record, in mapped: MappedFile) throws(Diagnostic) {
    precondition(record.isDeflated, "only what is deflated is inflated")
    self.record = record
    self.mapped = mapped
    packedLeft = record.range.count
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Negative: no header and no checksum around the data.
    guard inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw failure("zlib cannot start")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Fills `buffer` with the next bytes, all of it while the record lasts, and gives their number.
  ///
  /// - Throws: `zip.deflate`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Diagnostic) -> Int {
    guard let start = buffer.baseAddress, !buffer.isEmpty else { return 0 }
    let wanted = min(buffer.count, record.byteCount - byteCount, 1 << 30)
    stream.pointee.next_out = start.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(wanted)
    while stream.pointee.avail_out > 0 {
      if stream.pointee.avail_in == 0 { feed() }
      let result = inflate(stream, Z_NO_FLUSH)
      if result == Z_STREAM_END { break }
      guard result == Z_OK, stream.pointee.avail_out == 0 || stream.pointee.avail_in > 0 || packedLeft > 0 else {
        throw failure(result == Z_OK ? "the data end early" : "the data are damaged")
      }
    }
    let count = wanted - Int(stream.pointee.avail_out)
    guard count == wanted else { throw failure("the data end early") }
    byteCount += count
    checksum = ZipArchive.checksum(of: UnsafeRawBufferPointer(start: start, count: count), seed: checksum)
    return count
  }

  /// Leaves out the next `count` bytes.
  ///
  /// - Throws: `zip.deflate`.
  func skip(_ count: Int) throws(Diagnostic) {
    var left = count
    let room = Storage(byteCount: min(count, 1 << 16))
    while left > 0 {
      let run = UnsafeMutableRawBufferPointer(start: room.start, count: min(left, room.byteCount))
      left -= try read(into: run)
    }
  }

  /// Makes sure, once all bytes are read, that nothing follows them and that they have the record's checksum.
  ///
  /// - Throws: `zip.deflate`, `zip.checksum`.
  func finish() throws(Diagnostic) {
    precondition(byteCount == record.byteCount, "a record is read to its end")
    var extra: UInt8 = 0
    var result = Z_OK
    while result == Z_OK {
      stream.pointee.avail_out = 1
      if stream.pointee.avail_in == 0 { feed() }
      result = withUnsafeMutablePointer(to: &extra) { room in
        stream.pointee.next_out = room
        return inflate(stream, Z_NO_FLUSH)
      }
      guard stream.pointee.avail_out == 1 else { throw failure("the data go on behind their end") }
    }
    guard result == Z_STREAM_END, stream.pointee.avail_in == 0, packedLeft == 0 else {
      throw failure("the data end elsewhere than the record")
    }
    guard record.checksum == 0 || checksum == record.checksum else {
      throw Diagnostic(
        "zip.checksum",
        "the bytes of '\(record.name.shortened)' have the checksum \(checksum), but the directory says \(record.checksum)",
        at: Location(mapped.path, record.range))
    }
  }

  private func feed() {
    let start = mapped.storage.start + record.range.upperBound - packedLeft
    let count = min(packedLeft, 1 << 30)
    stream.pointee.next_in = start.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(count)
    packedLeft -= count
  }

  private func failure(_ message: String) -> Diagnostic {
    Diagnostic(
      "zip.deflate", "'\(record.name.shortened)' cannot be unpacked: \(message), after \(byteCount) bytes",
      at: Location(mapped.path, record.range))
  }
}
