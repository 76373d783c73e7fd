import CZlib
import GraftIR
import GraftKernels

/// What was done to a chunk before it was written. It is undone here: the library's own filters never see a file's
/// bytes.
///
/// Source: HDF5 File Format Specification 3.0, IV.A.2.l (filter pipeline); H5Zshuffle.c, H5Zfletcher32.c and
/// H5checksum.c of HDF5 1.10.8.
enum HDF5Filter {
  case deflate
  /// Of elements of so many bytes.
  case shuffle(Int)
  case fletcher32

  /// A name for each filter that is registered and met in files, for messages.
  private static let names: [UInt32: String] = [
    4: "szip", 5: "nbit", 6: "scale-offset", 32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle",
    32013: "ZFP", 32015: "Zstandard", 32017: "SZ", 32026: "Blosc2",
  ]

  /// The filter of number `id`, or `nil` where it is not undone here.
  init?(id: UInt32, values: [UInt32]) {
    switch id {
    case 1: self = .deflate
    case 2:
      guard let width = values.first, width > 0 else { return nil }
      self = .shuffle(Int(width))
    case 3: self = .fletcher32
    default: return nil
    }
  }

  /// What the filter `id` is called, which a file may call `name`.
  static func name(_ id: UInt32, _ name: String) -> String {
    "filter \(id)" + (names[id].map { ", \($0)," } ?? (name.isEmpty ? "" : ", '\(name.shortened)',"))
  }

  /// Puts elements together whose first bytes stand first, then their second ones, and so on.
  static func unshuffle(_ from: UnsafeRawBufferPointer, _ width: Int, into to: UnsafeMutableRawBufferPointer) {
    guard let from = from.baseAddress, let start = to.baseAddress else { return }
    let count = to.count / width
    guard width > 1, count > 1 else { return start.copyMemory(from: from, byteCount: to.count) }
    graft_unshuffle(width, from, start, count)
    // What fills no element stays at the end.
    let whole = count * width
    (start + whole).copyMemory(from: from + whole, byteCount: to.count - whole)
  }

  /// Whether `bytes` end in the checksum of what is before it, in one of the two orders in which versions wrote it.
  static func hasChecksum(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let count = bytes.count - 4
    let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: count, as: UInt32.self))
    let sum = fletcher32(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    return stored == sum || stored == (sum & 0x00FF_00FF) << 8 | (sum >> 8) & 0x00FF_00FF
  }

  /// Two sums of big-endian pairs of bytes, in arithmetic modulo 65535 where 65535 may stand for 0.
  private static func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var (sum, sumOfSums): (UInt32, UInt32) = (0, 0)
    let pairs = bytes.count / 2
    var pair = 0
    while pair < pairs {
      // So many additions do not overflow.
      let end = min(pair + 360, pairs)
      while pair < end {
        sum &+= UInt32(bytes[2 * pair]) << 8 | UInt32(bytes[2 * pair + 1])
        sumOfSums &+= sum
        pair += 1
      }
      sum = sum & 0xFFFF + sum >> 16
      sumOfSums = sumOfSums & 0xFFFF + sumOfSums >> 16
    }
    if bytes.count % 2 == 1 {
      sum &+= UInt32(bytes[bytes.count - 1]) << 8
      sumOfSums &+= sum
      sum = sum & 0xFFFF + sum >> 16
      sumOfSums = sumOfSums & 0xFFFF + sumOfSums >> 16
    }
    sum = sum & 0xFFFF + sum >> 16
    sumOfSums = sumOfSums & 0xFFFF + sumOfSums >> 16
    return sumOfSums << 16 | sum
  }

  /// Unpacks `from` into all of `to`; false where that does not come out even.
  static func inflate(_ from: UnsafeRawBufferPointer, into to: UnsafeMutableRawBufferPointer) -> Bool {
    guard let input = from.baseAddress, let output = to.baseAddress, let inputCount = UInt32(exactly: from.count),
      let outputCount = UInt32(exactly: to.count)
    else { return false }
    var stream = z_stream()
    guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return false }
    defer { inflateEnd(&stream) }
    stream.next_in = UnsafeMutableRawPointer(mutating: input).assumingMemoryBound(to: UInt8.self)
    stream.avail_in = inputCount
    stream.next_out = output.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = outputCount
    return CZlib.inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0
  }
}
