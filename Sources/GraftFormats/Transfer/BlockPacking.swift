import GraftIR
import GraftKernels

/// Turns runs of f32 into blocks, and tells what became of the values.
struct BlockPacking {
  /// The bytes of numbers that are packed together, whole blocks of every kind.
  static let runByteCount = 1 << 17
  /// The room for their blocks, and for what these are read as.
  static let roomByteCount = 2 * runByteCount

  let blocks: BlockType

  /// Packs into `blocks`, which are of a kind that is made.
  init(_ blocks: BlockType) { self.blocks = blocks }

  /// The blocks of `numbers`, at most a run, which stay in `room` until the next call; adds to `counts`, where it is
  /// given, what became of the numbers.
  func run(
    _ numbers: UnsafeRawBufferPointer, through room: Storage, counts: inout CastCounts?
  ) -> UnsafeRawBufferPointer {
    let count = numbers.count / 4
    blocks.pack(numbers, into: room.start)
    let packed = UnsafeRawBufferPointer(start: room.start, count: blocks.byteCount(of: count))
    guard counts != nil, let from = numbers.baseAddress else { return packed }
    let back = UnsafeMutableRawBufferPointer(start: room.start + Self.runByteCount, count: numbers.count)
    blocks.unpack(room.start, into: back)
    var found = graft_cast_counts()
    // What overflows is an infinity here; blocks saturate at nothing.
    graft_count_f32(
      from, (room.start + Self.runByteCount).assumingMemoryBound(to: Float.self), count, .nan, &found)
    counts? += CastCounts(
      overflow: Int(found.overflow), underflow: Int(found.underflow), nan: Int(found.nan), inexact: Int(found.inexact))
    return packed
  }
}
