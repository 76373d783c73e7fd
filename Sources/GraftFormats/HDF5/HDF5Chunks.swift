import Dispatch
import Glibc
import GraftIR
import Synchronization

/// The pieces that a dataset is cut into, and how their bytes become elements. A row of chunks, those that share their
/// place along the first axis, is a run of the tensor.
struct HDF5Chunks: Sendable {
  private struct Chunk: Sendable {
    /// In the file; `nil` where it was never written.
    let range: Range<Int>?
    let mask: UInt32
  }

  private enum Step: Sendable {
    case deflate, fletcher32
    case shuffle(Int)
  }

  /// A row of chunks takes so much memory, where the file does not hold a hundredth of it.
  private static let memoryLimit = 1 << 30

  private let name: String
  private let shape: Shape
  private let chunk: [Int]
  /// Chunks along each axis.
  private let counts: [Int]
  private let width: Int
  private let steps: [Step]
  private let leavesCutChunks: Bool
  /// In the order of their coordinates; none where nothing was ever written.
  private let chunks: [Chunk]
  /// How many there are in a row.
  private let countPerRow: Int
  private let fill: HDF5Fill
  private let chunkByteCount: Int
  /// The bytes of a place in which one thread unpacks a chunk.
  private let placeByteCount: Int
  /// The bytes of a row of the tensor, along its first axis.
  private let lineByteCount: Int
  /// Whether some chunks were never written.
  let hasGaps: Bool

  /// Checks what the child tells of the chunks of `name`, a tensor of `byteCount` bytes, against the file.
  ///
  /// - Throws: `hdf5.chunk`, `hdf5.filter`, `hdf5.limit`, `hdf5.range`, `hdf5.size`.
  init(
    _ table: HDF5ChunkTable, name: String, shape: Shape, width: Int, byteCount tensorByteCount: Int, fill: HDF5Fill,
    _ mapped: MappedFile, _ window: Range<Int>
  ) throws(Diagnostic) {
    let place = Location(mapped.path, window, tensor: name)
    func refusal(_ rule: String, _ message: String) -> Diagnostic {
      Diagnostic(rule, "'\(name.shortened)' \(message)", at: place)
    }
    var steps: [Step] = []
    for filter in table.filters {
      switch HDF5Filter(id: filter.id, values: filter.values) {
      case .deflate: steps.append(.deflate)
      case .shuffle(let width): steps.append(.shuffle(width))
      case .fletcher32: steps.append(.fletcher32)
      case nil:
        throw Diagnostic(
          "hdf5.filter",
          "'\(name.shortened)' went through \(HDF5Filter.name(filter.id, filter.name)) which is not undone", at: place,
          help: "read are deflate, shuffle and fletcher32; h5repack writes the file with them")
      }
    }
    let isPacked = steps.contains { if case .deflate = $0 { true } else { false } }
    guard steps.count(where: { if case .deflate = $0 { true } else { false } }) <= 1 else {
      throw refusal("hdf5.filter", "was deflated twice")
    }
    let chunk = table.sizes.compactMap { Int(exactly: $0) }
    guard shape.rank > 0, chunk.count == shape.rank, table.sizes.count == shape.rank, !chunk.contains(0),
      let byteCount = Shape(chunk).elementCount.flatMap({ count -> Int? in
        let (bytes, overflow) = count.multipliedReportingOverflow(by: width)
        return overflow || bytes > Int(UInt32.max) ? nil : bytes
      })
    else { throw refusal("hdf5.chunk", "has chunks of the size \(table.sizes)") }
    counts = zip(shape.axes, chunk).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) }
    guard let told = table.chunks else {
      throw refusal("hdf5.limit", "has more chunks than are read, 1,048,576 of a file")
    }
    guard told.isEmpty || told.count == Shape(counts).elementCount else {
      throw refusal("hdf5.chunk", "has \(told.count) chunks, not \(Shape(counts))")
    }
    var chunks: [Chunk] = []
    chunks.reserveCapacity(told.count)
    for one in told {
      guard one.offset != .max else {
        chunks.append(Chunk(range: nil, mask: 0))
        continue
      }
      guard let range = HDF5Dataset.range(one.offset, one.byteCount, in: window) else {
        throw refusal("hdf5.range", "has a chunk of \(one.byteCount) bytes at \(one.offset), past the end of the file")
      }
      // Deflate makes at most 1,032 bytes of one; nothing else changes the size but for a checksum.
      guard isPacked ? byteCount / 1032 <= range.count : byteCount <= range.count else {
        throw refusal(
          "hdf5.chunk", "has a chunk of \(range.count) bytes, which cannot hold the \(byteCount) of its elements")
      }
      chunks.append(Chunk(range: range, mask: one.mask))
    }
    self.name = name
    self.shape = shape
    self.chunk = chunk
    self.width = width
    self.steps = steps
    leavesCutChunks = table.leavesCutChunks
    self.chunks = chunks
    self.fill = fill
    chunkByteCount = byteCount
    // Deflate may leave more than there was, but not much.
    let largest = chunks.reduce(0) { max($0, $1.range?.count ?? 0) }
    placeByteCount = max(byteCount + 4 * steps.count, min(largest, byteCount + byteCount / 8 + 64))
    hasGaps = chunks.contains { $0.range == nil }
    // Of an empty tensor, the product of the sizes may overflow, and the number of chunks.
    lineByteCount = tensorByteCount == 0 ? 0 : tensorByteCount / shape.axes[0]
    countPerRow = counts[0] == 0 ? 0 : chunks.count / counts[0]
    try checkMemory(of: window, place)
  }

  /// Refuses rows that would take memory for what the file has next to nothing of.
  private func checkMemory(of window: Range<Int>, _ place: Location) throws(Diagnostic) {
    let needed = rowByteCount + roomByteCount
    guard needed > Self.memoryLimit else { return }
    for row in 0..<rowCount where isWritten(row..<row + 1) {
      let stored = chunks[row * countPerRow..<(row + 1) * countPerRow].reduce(0) {
        min($0 + ($1.range?.count ?? 0), window.count)
      }
      guard needed / 100 <= stored else {
        throw Diagnostic(
          "hdf5.size",
          "'\(name.shortened)' takes \(needed) bytes to unpack a row of chunks, of which the file holds \(stored)",
          at: place)
      }
    }
  }

  /// How many places one thread needs: a filter puts what it gives into another one than it reads.
  private var placeCount: Int {
    min(2, steps.count { if case .fletcher32 = $0 { false } else { true } })
  }

  /// The bytes in which one thread unpacks a chunk.
  private var roomByteCount: Int { placeCount * placeByteCount }

  /// How many threads unpack chunks: as many as there are processors, while that takes little memory.
  private var workerCount: Int {
    let room = roomByteCount
    return room == 0
      ? 1 : max(1, min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), chunks.count, 16, (16 << 20) / room))
  }

  /// The bytes that unpacking takes beside what is unpacked.
  var workingByteCount: Int { workerCount * roomByteCount }

  /// The bytes of a row of chunks, the last of which may be shorter.
  var rowByteCount: Int { min(chunk[0], shape.axes[0]) * lineByteCount }

  /// Whether any chunk of `rows` was ever written.
  func isWritten(_ rows: Range<Int>) -> Bool {
    !chunks.isEmpty
      && chunks[rows.lowerBound * countPerRow..<rows.upperBound * countPerRow].contains { $0.range != nil }
  }

  /// Whether any chunk was.
  var isWritten: Bool { isWritten(0..<rowCount) }

  /// How many rows of chunks there are.
  var rowCount: Int { shape.elementCount == 0 ? 0 : counts[0] }

  /// How many rows of chunks are read together, to take about `byteCount` bytes; at least one, where there is one.
  func rowCount(within byteCount: Int) -> Int { min(rowCount, max(1, byteCount / max(1, rowByteCount))) }

  /// The bytes of the tensor that rows fill.
  func bytes(ofRows rows: Range<Int>) -> Range<Int> {
    rows.lowerBound * chunk[0] * lineByteCount..<min(rows.upperBound * chunk[0], shape.axes[0]) * lineByteCount
  }

  /// Fills `target`, which has the bytes of `rows`.
  ///
  /// - Throws: `hdf5.deflate`, `hdf5.checksum`, `hdf5.chunk`.
  func read(
    rows: Range<Int>, into target: UnsafeMutableRawBufferPointer, _ mapped: MappedFile
  ) throws(Diagnostic) {
    let numbers = rows.lowerBound * countPerRow..<rows.upperBound * countPerRow
    let workers = min(workerCount, numbers.count)
    let (placeCount, placeByteCount) = (placeCount, placeByteCount)
    // The first chunk that cannot be read, whichever thread comes to it first.
    let failure = Mutex<(number: Int, diagnostic: Diagnostic)?>(nil)
    // Each chunk has bytes of its own in it.
    nonisolated(unsafe) let target = target
    let next = Atomic(numbers.lowerBound)
    @Sendable func work(_: Int) {
      let room = (0..<placeCount).map { _ in Storage(byteCount: placeByteCount) }
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < numbers.upperBound else { return }
        do throws(Diagnostic) { try read(number, rows.lowerBound, into: target, room, mapped) } catch {
          failure.withLock { if $0.map({ $0.number > number }) ?? true { $0 = (number, error) } }
          return
        }
      }
    }
    if workers > 1 { DispatchQueue.concurrentPerform(iterations: workers, execute: work) } else { work(0) }
    if let found = failure.withLock({ $0 }) { throw found.diagnostic }
  }

  /// Puts the chunk `number` where it belongs in `target`, which begins with row `firstRow`.
  private func read(
    _ number: Int, _ firstRow: Int, into target: UnsafeMutableRawBufferPointer, _ room: [Storage], _ mapped: MappedFile
  ) throws(Diagnostic) {
    var place = [Int](repeating: 0, count: counts.count)
    var rest = number
    for axis in counts.indices.reversed() {
      place[axis] = rest % counts[axis] * chunk[axis]
      rest /= counts[axis]
    }
    let box = zip(zip(place, chunk), shape.axes).map { min($0.1, $1 - $0.0) }
    var bytes: UnsafeRawBufferPointer?
    if let range = chunks[number].range {
      bytes = try unpack(range, leavesCutChunks && box != chunk ? .max : chunks[number].mask, room, mapped)
    }
    place[0] -= firstRow * chunk[0]
    scatter(bytes, place, box, into: target)
  }

  /// The elements of the chunk at `range`, undoing the filters that `mask` does not leave out.
  private func unpack(
    _ range: Range<Int>, _ mask: UInt32, _ room: [Storage], _ mapped: MappedFile
  ) throws(Diagnostic) -> UnsafeRawBufferPointer {
    var bytes = UnsafeRawBufferPointer(rebasing: mapped.storage.bytes[range])
    func refusal(_ rule: String, _ message: String) -> Diagnostic {
      Diagnostic(rule, "a chunk of '\(name.shortened)' \(message)", at: Location(mapped.path, range, tensor: name))
    }
    var next = 0
    /// The place that `bytes` are not in.
    func nextPlace(_ count: Int) -> UnsafeMutableRawBufferPointer {
      next = (next + 1) % room.count
      return UnsafeMutableRawBufferPointer(start: room[next].start, count: count)
    }
    for (number, step) in steps.enumerated().reversed() where number >= 32 || mask >> UInt32(number) & 1 == 0 {
      switch step {
      case .fletcher32:
        guard bytes.count >= 4 else { throw refusal("hdf5.chunk", "has no room for its checksum") }
        guard HDF5Filter.hasChecksum(bytes) else { throw refusal("hdf5.checksum", "has another checksum than it says") }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 4)])
      case .shuffle(let width):
        guard bytes.count <= room[0].byteCount else { throw refusal("hdf5.chunk", "is larger than its elements") }
        let target = nextPlace(bytes.count)
        HDF5Filter.unshuffle(bytes, width, into: target)
        bytes = UnsafeRawBufferPointer(target)
      case .deflate:
        let sums = steps[..<number].enumerated().count {
          if case .fletcher32 = $0.element { mask >> UInt32($0.offset) & 1 == 0 } else { false }
        }
        let target = nextPlace(chunkByteCount + 4 * sums)
        guard HDF5Filter.inflate(bytes, into: target) else {
          throw refusal("hdf5.deflate", "cannot be unpacked to the \(target.count) bytes that it has")
        }
        bytes = UnsafeRawBufferPointer(target)
      }
    }
    guard bytes.count >= chunkByteCount else {
      throw refusal("hdf5.chunk", "has \(bytes.count) bytes, not \(chunkByteCount)")
    }
    return bytes
  }

  /// Puts the part `box` of a chunk where it belongs, from `place` of `target` on; the fill value where there is none.
  private func scatter(
    _ bytes: UnsafeRawBufferPointer?, _ place: [Int], _ box: [Int], into target: UnsafeMutableRawBufferPointer
  ) {
    guard let to = target.baseAddress, !box.contains(0) else { return }
    let rank = box.count
    var index = [Int](repeating: 0, count: rank)
    let targetStrides = shape.strides.map { $0 * width }
    let sourceStrides = Shape(chunk).strides.map { $0 * width }
    var start = 0
    for axis in 0..<rank { start += place[axis] * targetStrides[axis] }
    let run = box[rank - 1] * width
    var (source, goal) = (0, start)
    while true {
      if let from = bytes?.baseAddress {
        (to + goal).copyMemory(from: from + source, byteCount: run)
      } else {
        fill.write(into: UnsafeMutableRawBufferPointer(start: to + goal, count: run))
      }
      var axis = rank - 2
      while axis >= 0 {
        index[axis] += 1
        source += sourceStrides[axis]
        goal += targetStrides[axis]
        if index[axis] < box[axis] { break }
        source -= box[axis] * sourceStrides[axis]
        goal -= box[axis] * targetStrides[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
