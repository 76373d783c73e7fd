import GraftIR

/// An array of an open file: where its bytes are, and how they become a tensor.
struct NumpyArray: Sendable {
  /// Where the array file is.
  enum Place: Sendable {
    /// From a byte of the mapped file on.
    case bytes(Int)
    /// Packed in a record of an archive.
    case record(ZipArchive.Record)
  }

  let header: NumpyHeader
  let place: Place
  let entry: TensorEntry

  /// The array whose file is at `place` of `mapped` and has `byteCount` bytes; `declared` is the type that the
  /// checkpoint's own metadata give it.
  ///
  /// - Throws: rules of the pages `numpy` and `zip`.
  init(
    _ place: Place, byteCount: Int, path: [String], declared: DType?, in mapped: MappedFile
  ) throws(Diagnostic) {
    switch place {
    case .bytes(let start):
      let bytes = UnsafeRawBufferPointer(start: mapped.storage.start + start, count: byteCount)
      header = try Self.header(bytes, byteCount, declared, mapped.path, start)
    case .record(let record):
      header = try Self.inflatedHeader(record, declared, in: mapped)
    }
    self.place = place
    entry = TensorEntry(path: path, dtype: header.type.dtype, shape: header.shape)
  }

  private static func header(
    _ bytes: UnsafeRawBufferPointer, _ byteCount: Int, _ declared: DType?, _ file: String, _ start: Int
  ) throws(Diagnostic) -> NumpyHeader {
    let place = Location(file, start..<start + min(byteCount, NumpyHeader.prefixByteCount))
    let end = try NumpyHeader.end(bytes, available: byteCount, at: place)
    return try NumpyHeader(
      UnsafeRawBufferPointer(rebasing: bytes[..<end]), byteCount: byteCount, declared: declared, file: file,
      origin: start)
  }

  private static func inflatedHeader(
    _ record: ZipArchive.Record, _ declared: DType?, in mapped: MappedFile
  ) throws(Diagnostic) -> NumpyHeader {
    let inflater = try Inflater(record, in: mapped)
    let place = Location(mapped.path, record.range)
    let prefix = Storage(byteCount: min(NumpyHeader.prefixByteCount, record.byteCount))
    let count = try inflater.read(into: UnsafeMutableRawBufferPointer(start: prefix.start, count: prefix.byteCount))
    let end = try NumpyHeader.end(
      UnsafeRawBufferPointer(start: prefix.start, count: count), available: record.byteCount, at: place)
    let whole = Storage(byteCount: end)
    whole.start.copyMemory(from: prefix.start, byteCount: min(count, end))
    if end > count {
      let rest = UnsafeMutableRawBufferPointer(start: whole.start + count, count: end - count)
      _ = try inflater.read(into: rest)
    }
    return try NumpyHeader(
      whole.bytes, byteCount: record.byteCount, declared: declared, file: mapped.path,
      origin: record.range.lowerBound)
  }

  /// Its bytes in the file, where they are what a tensor has.
  func region(in mapped: MappedFile) -> FileRegion? {
    guard case .bytes(let start) = place, !header.type.isUnpacked, !header.type.isBigEndian,
      header.layout?.isContiguous ?? false
    else { return nil }
    return FileRegion(file: mapped, offset: start + header.dataOffset, byteCount: header.dataByteCount)
  }

  /// Its values, a view of `mapped` where that is possible.
  ///
  /// - Throws: `zip.deflate`, `zip.checksum`.
  func tensor(in mapped: MappedFile) throws(Diagnostic) -> Tensor {
    if let region = region(in: mapped) {
      return Tensor(entry.dtype, entry.shape, storage: mapped.storage, offsetInBytes: region.offset)
    }
    let tensor = Tensor(zeros: entry.dtype, entry.shape)
    guard let layout = header.layout else { return tensor }
    if case .bytes(let start) = place, !header.type.isUnpacked {
      layout.gather(from: UnsafeRawPointer(mapped.storage.start + start + header.dataOffset), into: tensor.mutableBytes)
      if header.type.isBigEndian { swapBytes(of: entry.dtype, in: tensor.mutableBytes) }
      return tensor
    }
    if streams, case .record(let record) = place {
      let inflater = try Inflater(record, in: mapped)
      try inflater.skip(header.dataOffset)
      var target = tensor.mutableBytes[...]
      while !target.isEmpty {
        target = target.dropFirst(try inflater.read(into: UnsafeMutableRawBufferPointer(rebasing: target)))
      }
      try inflater.finish()
      if header.type.isBigEndian { swapBytes(of: entry.dtype, in: tensor.mutableBytes) }
      return tensor
    }
    var scatter = NumpyScatter(header, into: tensor)
    try forEachStoredRun(of: Self.runByteCount, in: mapped) { (run) throws(Diagnostic) in scatter.add(run) }
    return tensor
  }

  /// How the file holds the elements.
  func arrangement(in mapped: MappedFile) -> Arrangement {
    switch place {
    case .record: .compressed
    case .bytes:
      if header.type.isUnpacked {
        .compressed
      } else if !(header.layout?.isContiguous ?? true) {
        .firstAxisFastest
      } else {
        header.type.isBigEndian ? .bigEndian : .plain
      }
    }
  }

  /// Whether the values come in their order as the file is read, so that none of them has to wait.
  private var streams: Bool {
    if header.type.isUnpacked { return false }
    if case .bytes = place { return true }
    return header.layout?.isContiguous ?? false
  }

  /// The memory that `stream` takes beside what is mapped.
  func streamingByteCount(inRunsOf byteCount: Int, in mapped: MappedFile) -> Int {
    if region(in: mapped) != nil { return 0 }
    return streams ? min(byteCount, entry.byteCount) : entry.byteCount + Self.runByteCount
  }

  /// Gives the values to `body` in runs of `byteCount`, without ever holding all of them where the order of the file
  /// allows it.
  ///
  /// - Throws: what `body` throws, `zip.deflate`, `zip.checksum`.
  func stream(
    inRunsOf byteCount: Int, in mapped: MappedFile, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard region(in: mapped) == nil, streams, let layout = header.layout else {
      return try tensor(in: mapped).forEachRun(of: byteCount, body)
    }
    let type = header.type
    guard case .bytes(let start) = place, !layout.isContiguous else {
      return try forEachStoredRun(of: byteCount, in: mapped) { (run) throws(Diagnostic) in
        if type.isBigEndian { swapBytes(of: type.dtype, in: run) }
        try body(UnsafeRawBufferPointer(run))
      }
    }
    let source = UnsafeRawPointer(mapped.storage.start + start + header.dataOffset)
    let room = Storage(byteCount: min(byteCount, header.dataByteCount))
    for offset in stride(from: 0, to: header.dataByteCount, by: byteCount) {
      let run = UnsafeMutableRawBufferPointer(start: room.start, count: min(byteCount, header.dataByteCount - offset))
      layout.gather(from: source, first: offset / type.width, into: run)
      if type.isBigEndian { swapBytes(of: type.dtype, in: run) }
      try body(UnsafeRawBufferPointer(run))
    }
  }

  /// Whole elements of every type.
  static let runByteCount = 1 << 20

  /// The data as they stand in the array file, in runs of `byteCount` that the caller may change.
  private func forEachStoredRun(
    of byteCount: Int, in mapped: MappedFile, _ body: (UnsafeMutableRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let room = Storage(byteCount: min(byteCount, header.dataByteCount))
    var inflater: Inflater?
    var start: UnsafeRawPointer?
    switch place {
    case .bytes(let offset): start = UnsafeRawPointer(mapped.storage.start + offset + header.dataOffset)
    case .record(let record):
      inflater = try Inflater(record, in: mapped)
      try inflater?.skip(header.dataOffset)
    }
    for offset in stride(from: 0, to: header.dataByteCount, by: byteCount) {
      let run = UnsafeMutableRawBufferPointer(start: room.start, count: min(byteCount, header.dataByteCount - offset))
      if let inflater { _ = try inflater.read(into: run) }
      if let start { run.copyMemory(from: UnsafeRawBufferPointer(start: start + offset, count: run.count)) }
      try body(run)
    }
    try inflater?.finish()
  }
}

/// Puts elements that come in the order of a file where they belong in a tensor.
private struct NumpyScatter {
  private let type: NumpyType
  private let target: UnsafeMutableRawBufferPointer
  /// Sizes of the axes, and elements of the tensor from one index to the next, the axis that varies fastest first.
  private let axes: [(size: Int, step: Int)]
  private var index: [Int]
  private var element = 0

  init(_ header: NumpyHeader, into tensor: Tensor) {
    type = header.type
    target = tensor.mutableBytes
    let axes = zip(header.shape.axes, header.shape.strides).map { (size: $0, step: $1) }
    self.axes = header.isFortranOrder ? axes : axes.reversed()
    index = [Int](repeating: 0, count: axes.count)
  }

  mutating func add(_ run: UnsafeMutableRawBufferPointer) {
    if type.isBigEndian { swapBytes(of: type.dtype, in: run) }
    let width = type.width
    for offset in stride(from: 0, to: run.count, by: width) {
      if type.isUnpacked {
        BitPacking.store(run[offset], at: element, bitWidth: type.dtype.bitWidth, in: target)
      } else {
        for byte in 0..<width { target[element * width + byte] = run[offset + byte] }
      }
      advance()
    }
  }

  private mutating func advance() {
    for axis in axes.indices {
      index[axis] += 1
      element += axes[axis].step
      if index[axis] < axes[axis].size { return }
      element -= axes[axis].size * axes[axis].step
      index[axis] = 0
    }
  }
}

/// Elements narrower than a byte: element n fills the bits from n times its width on, the lowest bit of a byte first.
enum BitPacking {
  /// Puts the low bits of `value` at the place of element `index`, whose bits are 0.
  static func store(_ value: UInt8, at index: Int, bitWidth: Int, in bytes: UnsafeMutableRawBufferPointer) {
    let bit = index * bitWidth
    let bits = UInt16(value & (1 << UInt8(bitWidth) &- 1)) << UInt16(bit % 8)
    bytes[bit / 8] |= UInt8(truncatingIfNeeded: bits)
    if bits > 0xFF { bytes[bit / 8 + 1] |= UInt8(bits >> 8) }
  }

  /// The bits of element `index`.
  static func load(at index: Int, bitWidth: Int, from bytes: UnsafeRawBufferPointer) -> UInt8 {
    let bit = index * bitWidth
    var bits = UInt16(bytes[bit / 8])
    if bit / 8 + 1 < bytes.count { bits |= UInt16(bytes[bit / 8 + 1]) << 8 }
    return UInt8(truncatingIfNeeded: bits >> UInt16(bit % 8)) & (1 << UInt8(bitWidth) &- 1)
  }
}
