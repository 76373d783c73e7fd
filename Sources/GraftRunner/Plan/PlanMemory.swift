import Glibc
import GraftIR

/// Where the values of a plan lie: in the memory of parameters and constants, or in one arena for all activations.
struct PlanMemory {
  /// Where a value lies: at an offset, because a view shares its source's buffer.
  struct Place {
    fileprivate let buffer: Int
    let offsetInBytes: Int
    /// Elements from one row to the next, where the value is a part of the rows of another one.
    var rowSpacing: Int?

    /// The place `byteCount` bytes further on in the same buffer.
    func advanced(by byteCount: Int, rowSpacing: Int? = nil) -> Place {
      Place(buffer: buffer, offsetInBytes: offsetInBytes + byteCount, rowSpacing: rowSpacing)
    }
  }

  /// A run of bytes that values live in.
  private struct Buffer {
    let byteCount: Int
    /// Where it lies if not in the arena.
    var pointer: UnsafeMutableRawPointer?
    /// The launches that need it, the first and the last.
    var first = Int.max
    var last = -1
  }

  /// The machine's memory: allocating more would end the process.
  static let machineByteCount = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))

  /// The arena's blocks and where they lie.
  private(set) var blocks: [ArenaLayout.Block] = []
  private(set) var offsets: [Int] = []
  private(set) var arena: Storage?
  private var buffers: [Buffer] = []
  private var places: [Place?]
  /// What a pointer to no bytes points at.
  let nothing = Storage(byteCount: 64)

  /// Room for `valueCount` values, none of which has a place.
  init(valueCount: Int) { places = Array(repeating: nil, count: valueCount) }

  /// Where `value` lies; `nil` before it has a place.
  subscript(_ value: Value) -> Place? {
    get { places[value.index] }
    set { places[value.index] = newValue }
  }

  /// The numbers of the values that have places.
  var placed: Set<Int> { Set(places.indices.filter { places[$0] != nil }) }

  /// A place in the arena of its own, needed from launch `time` on.
  mutating func reserve(_ byteCount: Int, from time: Int) -> Place {
    buffers.append(Buffer(byteCount: byteCount, first: time, last: time))
    return Place(buffer: buffers.count - 1, offsetInBytes: 0)
  }

  /// The place of `byteCount` bytes that lie at `pointer`.
  mutating func adopt(_ pointer: UnsafeMutableRawPointer?, _ byteCount: Int) -> Place {
    buffers.append(Buffer(byteCount: byteCount, pointer: pointer ?? nothing.start))
    return Place(buffer: buffers.count - 1, offsetInBytes: 0)
  }

  /// Keeps what `value` lies in until launch `time`.
  mutating func keep(_ value: Value, until time: Int) {
    guard let place = places[value.index] else { return }
    buffers[place.buffer].first = min(buffers[place.buffer].first, time)
    buffers[place.buffer].last = max(buffers[place.buffer].last, time)
  }

  /// Whether `place` is a whole buffer of the arena, of `byteCount` bytes.
  func isWhole(_ place: Place, _ byteCount: Int) -> Bool {
    let buffer = buffers[place.buffer]
    return buffer.pointer == nil && place.offsetInBytes == 0 && buffer.byteCount == byteCount
  }

  /// The values that lie in the buffer of `place`, views among them.
  func values(beside place: Place) -> [Value] {
    places.indices.filter { places[$0]?.buffer == place.buffer }.map { Value($0) }
  }

  /// Gives every buffer that has none its place in the arena.
  ///
  /// - Parameter refusal: the error for an arena of so many bytes, which the machine has not.
  mutating func layOut(_ refusal: (Int) -> Diagnostic) throws(Diagnostic) {
    let inArena = buffers.indices.filter { buffers[$0].pointer == nil }
    blocks = inArena.map {
      ArenaLayout.Block(byteCount: buffers[$0].byteCount, first: buffers[$0].first, last: buffers[$0].last)
    }
    let layout = ArenaLayout(blocks)
    guard layout.byteCount <= Self.machineByteCount else { throw refusal(layout.byteCount) }
    let arena = Storage(byteCount: layout.byteCount)
    for (index, offset) in zip(inArena, layout.offsets) { buffers[index].pointer = arena.start + offset }
    offsets = layout.offsets
    self.arena = arena
  }

  /// The address of `place`, once the arena is laid out.
  func pointer(_ place: Place) -> UnsafeMutableRawPointer {
    guard let start = buffers[place.buffer].pointer else { preconditionFailure("the arena is not laid out yet") }
    return start + place.offsetInBytes
  }
}
