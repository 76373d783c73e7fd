import CHDF5
import GraftIR
import Glibc
import Synchronization

/// A file without values that libhdf5 laid out in memory: everything but the bytes of tensors, and where those go.
final class HDF5Skeleton {
  /// What the file is to hold.
  struct Plan {
    /// Paths of groups, outer ones first.
    var groups: [String] = []
    var attributes: [(group: String, name: String, isList: Bool, texts: [String])] = []
    var datasets: [(path: String, dtype: DType, shape: Shape)] = []
    /// Whether bf16 is spelled as Keras does, as opaque bytes, and not as a float.
    var isKeras = false
  }

  /// The bytes of the whole file.
  let byteCount: Int
  /// Where the bytes of each dataset begin; `nil` where it has none.
  let offsets: [Int?]
  /// Whether the datasets' headers stand in the order of the plan.
  let isOrdered: Bool
  private let descriptor: Int32

  /// The library is used by one thread at a time.
  private static let lock = Mutex(())
  /// What data begin at a multiple of, so that they are read in place.
  private static let alignment: Int64 = 64

  /// Has libhdf5 lay out a file of `plan`.
  ///
  /// - Throws: `hdf5.library`, `hdf5.unwritable`, `transfer.write`.
  init(_ plan: Plan) throws(Diagnostic) {
    guard Self.lock.withLock({ _ in graft_hdf5_is_there() }) != 0 else {
      throw Diagnostic(
        "hdf5.library", "there is no libhdf5 1.10 to lay out a file with",
        help: "on Debian: apt-get install libhdf5-dev", category: .ioFailure)
    }
    try Self.checkLimit(plan)
    let file = graft_hdf5_memory_file()
    guard file >= 0 else {
      throw Diagnostic(
        "transfer.write", "there is no room to lay out a file in: \(systemMessage(errno))", category: .ioFailure)
    }
    descriptor = file
    let (offsets, headers, failure) = Self.lock.withLock { _ in Self.layOut(plan, in: file) }
    self.offsets = offsets
    isOrdered = zip(headers, headers.dropFirst()).allSatisfy { $0 < $1 }
    var status = stat()
    byteCount = fstat(file, &status) == 0 ? Int(status.st_size) : 0
    if let failure { throw Diagnostic("hdf5.unwritable", "libhdf5 cannot lay out the file: \(failure)") }
  }

  deinit { close(descriptor) }

  /// Refuses a `plan` that is larger than the files that this process may make: libhdf5 1.10 crashes when it cannot
  /// write, and its file in memory is under the same limit.
  private static func checkLimit(_ plan: Plan) throws(Diagnostic) {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return }
    // What a group, a dataset and an attribute take beside their bytes and names is less than this each.
    let structure = 4096 * (16 + plan.groups.count + plan.datasets.count + plan.attributes.count)
    let texts = plan.attributes.reduce(0) { $0 &+ $1.texts.reduce(0) { $0 &+ $1.utf8.count } }
    let bytes = plan.datasets.reduce(0) { $0 &+ ($1.shape.elementCount.flatMap($1.dtype.byteCount(of:)) ?? 0) }
    let needed = bytes &+ structure &+ texts
    guard UInt(clamping: needed) > limit.rlim_cur else { return }
    throw Diagnostic(
      "transfer.write", "\(needed) bytes may be needed, and this process makes files of at most \(limit.rlim_cur)",
      help: "raise the limit: ulimit -f", category: .ioFailure)
  }

  private static func layOut(
    _ plan: Plan, in file: Int32
  ) -> (offsets: [Int?], headers: [UInt64], failure: String?) {
    func failure() -> String { String(cString: graft_hdf5_failure()) }
    guard let skeleton = graft_hdf5_begin(file, alignment) else { return ([], [], failure()) }
    var offsets: [Int?] = []
    var headers: [UInt64] = []
    var isSound = plan.groups.allSatisfy { graft_hdf5_add_group(skeleton, $0) == 0 }
    for dataset in plan.datasets where isSound {
      let (kind, name) = spelling(dataset.dtype, plan.isKeras)
      var (offset, header): (Int64, UInt64) = (-1, 0)
      isSound =
        graft_hdf5_add_dataset(
          skeleton, dataset.path, kind, dataset.dtype.byteWidth ?? 1, name, Int32(dataset.shape.rank),
          dataset.shape.axes.map { UInt64($0) }, &offset, &header) == 0
      offsets.append(offset < 0 ? nil : Int(offset))
      headers.append(header)
    }
    for attribute in plan.attributes where isSound {
      let texts = attribute.texts.map { strdup($0) }
      defer { for text in texts { free(text) } }
      isSound =
        graft_hdf5_add_attribute(
          skeleton, attribute.group.isEmpty ? "/" : attribute.group, attribute.name, attribute.isList ? 1 : 0,
          texts.count, texts.map { UnsafePointer($0) }) == 0
    }
    let complaint = isSound ? nil : failure()
    let isEnded = graft_hdf5_end(skeleton) == 0
    return (offsets, headers, complaint ?? (isEnded ? nil : failure()))
  }

  /// How the type is spelled; types that HDF5 has no numbers for are bytes with a name.
  private static func spelling(_ dtype: DType, _ isKeras: Bool) -> (graft_hdf5_kind, name: String?) {
    let name = HDF5Type.opaqueNames.first { $0.dtype == dtype }?.name
    switch dtype {
    case .bool: return (GRAFT_HDF5_TRUTH, nil)
    case .u8, .u16, .u32, .u64: return (GRAFT_HDF5_UNSIGNED, nil)
    case .i8, .i16, .i32, .i64: return (GRAFT_HDF5_SIGNED, nil)
    case .f16, .f32, .f64: return (GRAFT_HDF5_FLOAT, nil)
    case .bf16: return isKeras ? (GRAFT_HDF5_OPAQUE, name) : (GRAFT_HDF5_BRAIN, nil)
    case .c64, .c128: return (GRAFT_HDF5_COMPLEX, nil)
    case .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4: return (GRAFT_HDF5_OPAQUE, name)
    }
  }

  /// Whether the type can be written.
  static func holds(_ dtype: DType) -> Bool { dtype.byteWidth != nil }

  /// Hands the bytes of `range` to `body` in runs.
  func forEachRun(
    of range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard !range.isEmpty else { return }
    let room = Storage(byteCount: min(range.count, 1 << 20))
    var position = range.lowerBound
    while position < range.upperBound {
      let count = pread(descriptor, room.start, min(room.byteCount, range.upperBound - position), off_t(position))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw Diagnostic(
          "transfer.write", "the file's structure cannot be read back: \(systemMessage(count == 0 ? EIO : errno))",
          category: .ioFailure)
      }
      try body(UnsafeRawBufferPointer(start: room.start, count: count))
      position += count
    }
  }
}
