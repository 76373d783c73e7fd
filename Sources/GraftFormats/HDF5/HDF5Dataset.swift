import GraftIR

/// A tensor of an open file: where its bytes are, and how they become its elements.
struct HDF5Dataset: Sendable {
  private enum Place: Sendable {
    case bytes(Int)
    case inline([UInt8])
    /// Never written: all elements are the fill value.
    case fill
    case chunks(HDF5Chunks)
  }

  let name: String
  let type: TensorType
  let byteCount: Int
  private let dtype: DType
  private let shape: Shape
  private let isBigEndian: Bool
  private let place: Place
  private let fill: HDF5Fill
  /// Of its bytes those that the file holds, packed or not, by its own account.
  let storedByteCount: Int

  /// What `description` tells of the dataset `name`, checked against the file that is `window` of `mapped`.
  ///
  /// - Throws: rules of the page `hdf5`.
  init(
    _ name: String, _ dtype: DType, isBigEndian: Bool, _ sizes: [UInt64], _ description: HDF5Description,
    _ mapped: MappedFile, _ window: Range<Int>
  ) throws(Diagnostic) {
    let location = Location(mapped.path, window, tensor: name)
    func refusal(_ rule: String, _ message: String, help: String? = nil) -> Diagnostic {
      Diagnostic(rule, "'\(name.shortened)' \(message)", at: location, help: help)
    }
    let shape = Shape(sizes.compactMap { Int(exactly: $0) })
    guard shape.rank == sizes.count, let elements = shape.elementCount, let byteCount = dtype.byteCount(of: elements)
    else { throw refusal("hdf5.size", "of \(dtype) \(sizes) has more bytes than 64 bits count") }
    var stored = 0
    switch description.layout {
    case .contiguous(let offset, let count): stored = offset == .max ? 0 : Int(clamping: count)
    case .compact(let bytes): stored = bytes.count
    case .chunked(let table): stored = Int(clamping: table.storedByteCount)
    case .outside: break
    }
    // No file unpacks to more, and where nothing is stored at all, memory must not follow a number.
    guard byteCount <= 1 << 20 || byteCount / 1032 <= window.count, !Self.isMostlyAbsent(byteCount, stored: stored)
    else {
      throw refusal(
        "hdf5.size", "of \(dtype) \(shape) has \(byteCount) bytes, of which the file holds \(stored)",
        help: "what nothing was written to is read up to 1 MB, or 1,032 times the file's size")
    }
    let width = dtype.byteWidth ?? 1
    let fill = HDF5Fill(description.fill, width: width)
    switch description.layout {
    case .outside: place = .fill  // Refused before it comes here.
    case .contiguous(let offset, let count):
      if byteCount == 0 || offset == .max {
        place = .fill
        break
      }
      guard count >= UInt64(byteCount), let range = Self.range(offset, UInt64(byteCount), in: window) else {
        throw refusal(
          "hdf5.range", "of \(byteCount) bytes has \(count) from byte \(offset) on, and the file \(window.count)")
      }
      place = .bytes(range.lowerBound)
    case .compact(let bytes):
      guard bytes.count == byteCount else {
        throw refusal("hdf5.range", "of \(byteCount) bytes has \(bytes.count) in its header")
      }
      place = .inline(bytes)
    case .chunked(let table):
      let chunks = try HDF5Chunks(
        table, name: name, shape: shape, width: width, byteCount: byteCount, fill: fill, mapped, window)
      place = chunks.isWritten ? .chunks(chunks) : .fill
    }
    self.name = name
    type = TensorType(dtype, shape)
    self.byteCount = byteCount
    self.dtype = dtype
    self.shape = shape
    self.isBigEndian = isBigEndian
    self.fill = fill
    storedByteCount = min(stored, window.count)
  }

  /// Whether next to nothing of what has `byteCount` bytes is in a file, and that is more than a disk should be filled
  /// with.
  static func isMostlyAbsent(_ byteCount: Int, stored: Int) -> Bool {
    byteCount > 4 << 30 && byteCount / 1000 > stored
  }

  /// The bytes of the map that a file tells of by an offset and a length, or `nil` where they are not in `window`.
  static func range(_ offset: UInt64, _ byteCount: UInt64, in window: Range<Int>) -> Range<Int>? {
    guard let offset = Int(exactly: offset), let count = Int(exactly: byteCount), offset <= window.count,
      count <= window.count - offset
    else { return nil }
    return window.lowerBound + offset..<window.lowerBound + offset + count
  }

  /// Its bytes in the file, where they are what a tensor has.
  func region(in mapped: MappedFile) -> FileRegion? {
    guard case .bytes(let offset) = place, !isBigEndian else { return nil }
    return FileRegion(file: mapped, offset: offset, byteCount: byteCount)
  }

  /// How the file holds the elements.
  var arrangement: Arrangement {
    switch place {
    case .chunks: .compressed
    case .bytes, .inline, .fill: isBigEndian ? .bigEndian : .plain
    }
  }

  /// Its values, a view of `mapped` where that is possible.
  ///
  /// - Throws: `hdf5.deflate`, `hdf5.checksum`, `hdf5.chunk`.
  func tensor(in mapped: MappedFile) throws(Diagnostic) -> Tensor {
    if let region = region(in: mapped) {
      return Tensor(dtype, shape, storage: mapped.storage, offsetInBytes: region.offset)
    }
    let tensor = Tensor(zeros: dtype, shape)
    let bytes = tensor.mutableBytes
    switch place {
    case .bytes, .inline, .fill: read(from: 0, into: bytes, mapped)
    case .chunks(let chunks):
      try chunks.read(rows: 0..<chunks.rowCount, into: bytes, mapped)
      if isBigEndian { swapBytes(of: dtype, in: bytes) }
    }
    return tensor
  }

  /// The memory that `stream` takes beside what is mapped.
  func streamingByteCount(inRunsOf run: Int, in mapped: MappedFile) -> Int {
    switch place {
    case .bytes: region(in: mapped) == nil ? min(run, byteCount) : 0
    case .inline, .fill: min(run, byteCount)
    case .chunks(let chunks):
      // A run that is put together, one of what was never written, and rows.
      (chunks.hasGaps ? 2 : 1) * min(run, byteCount) + chunks.rowCount(within: run) * chunks.rowByteCount
        + chunks.workingByteCount
    }
  }

  /// Gives the values to `body` in runs of `run` bytes, holding one of them and as many rows of chunks.
  ///
  /// - Throws: what `body` throws, `hdf5.deflate`, `hdf5.checksum`, `hdf5.chunk`.
  func stream(
    inRunsOf run: Int, in mapped: MappedFile, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    if region(in: mapped) != nil { return try tensor(in: mapped).forEachRun(of: run, body) }
    let room = Storage(byteCount: min(run, byteCount))
    guard case .chunks(let chunks) = place else {
      for start in stride(from: 0, to: byteCount, by: run) {
        let part = UnsafeMutableRawBufferPointer(start: room.start, count: min(run, byteCount - start))
        read(from: start, into: part, mapped)
        try body(UnsafeRawBufferPointer(part))
      }
      return
    }
    // Rows that make about a run together, so that several threads have work.
    let step = chunks.rowCount(within: run)
    var row: Storage?
    var blank: Storage?
    var filled = 0
    /// Rows and runs end where they will; what is left of a run waits for the next part of the tensor.
    func add(_ part: UnsafeRawBufferPointer) throws(Diagnostic) {
      var taken = 0
      while taken < part.count {
        if filled == 0 && part.count - taken >= run {
          try body(UnsafeRawBufferPointer(rebasing: part[taken..<taken + run]))
          taken += run
          continue
        }
        let count = min(room.byteCount - filled, part.count - taken)
        UnsafeMutableRawBufferPointer(start: room.start + filled, count: count)
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: part[taken..<taken + count]))
        filled += count
        taken += count
        if filled == room.byteCount {
          try body(UnsafeRawBufferPointer(start: room.start, count: filled))
          filled = 0
        }
      }
    }
    for number in stride(from: 0, to: chunks.rowCount, by: max(1, step)) {
      let rows = number..<min(number + step, chunks.rowCount)
      let count = chunks.bytes(ofRows: rows).count
      guard chunks.isWritten(rows) else {
        // What was never written takes no more memory than a run.
        let some = blank ?? Storage(byteCount: room.byteCount)
        if blank == nil {
          let bytes = UnsafeMutableRawBufferPointer(start: some.start, count: some.byteCount)
          fill.write(into: bytes)
          if isBigEndian { swapBytes(of: dtype, in: bytes) }
          blank = some
        }
        for start in stride(from: 0, to: count, by: some.byteCount) {
          try add(UnsafeRawBufferPointer(start: some.start, count: min(some.byteCount, count - start)))
        }
        continue
      }
      let all = row ?? Storage(byteCount: step * chunks.rowByteCount)
      row = all
      let part = UnsafeMutableRawBufferPointer(start: all.start, count: count)
      try chunks.read(rows: rows, into: part, mapped)
      if isBigEndian { swapBytes(of: dtype, in: part) }
      try add(UnsafeRawBufferPointer(part))
    }
    if filled > 0 { try body(UnsafeRawBufferPointer(start: room.start, count: filled)) }
  }

  /// Fills `target` with the bytes from `start` on, where these are in their order.
  private func read(from start: Int, into target: UnsafeMutableRawBufferPointer, _ mapped: MappedFile) {
    guard let to = target.baseAddress else { return }
    switch place {
    case .bytes(let offset):
      to.copyMemory(from: mapped.storage.start + offset + start, byteCount: target.count)
    case .inline(let bytes):
      target.copyBytes(from: bytes[start..<start + target.count])
    case .fill: fill.write(into: target)
    case .chunks: preconditionFailure("chunks are read by their rows")
    }
    if isBigEndian { swapBytes(of: dtype, in: target) }
  }
}
