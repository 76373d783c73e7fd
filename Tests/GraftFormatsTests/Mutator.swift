import Foundation
import GraftFormats
import GraftIR
import Testing

/// Damages files in the ways that files are damaged, or that people who mean harm damage them.
struct Mutator {
  private var random: SeededNumbers

  /// The same seed makes the same damages.
  init(seed: UInt64) { random = SeededNumbers(seed: seed) }

  /// Numbers at which sizes, counts and offsets turn over.
  private static let numbers: [UInt64] = [
    0, 1, 2, 7, 8, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
    0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
  ]

  /// `original` with one to eight changes; text numbers and binary numbers are changed as such.
  mutating func mutate(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      guard !bytes.isEmpty else { break }
      let index = place(in: bytes)
      switch UInt8.random(in: 0..<12, using: &random) {
      case 0, 1: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 2, 3: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 4: bytes.remove(at: index)
      case 5: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
      case 6, 7: overwriteNumber(at: index, in: &bytes)
      case 8: changeDigits(from: index, in: &bytes)
      case 9:  // A run stands twice.
        let run = bytes[index..<min(bytes.count, index + Int.random(in: 1...64, using: &random))]
        bytes.insert(contentsOf: run, at: place(in: bytes))
      case 10:  // A run is missing.
        bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...64, using: &random)))
      default:
        if Int.random(in: 0..<8, using: &random) == 0 { bytes.removeSubrange(index...) }
      }
    }
    return bytes
  }

  /// Headers are at the ends of files more often than in the middle.
  private mutating func place(in bytes: [UInt8]) -> Int {
    let window = min(bytes.count, 600)
    switch UInt8.random(in: 0..<4, using: &random) {
    case 0: return Int.random(in: 0..<window, using: &random)
    case 1: return bytes.count - 1 - Int.random(in: 0..<window, using: &random)
    default: return Int.random(in: 0..<bytes.count, using: &random)
    }
  }

  private mutating func overwriteNumber(at index: Int, in bytes: inout [UInt8]) {
    let width = [1, 2, 4, 8].randomElement(using: &random) ?? 1
    var number = Self.numbers.randomElement(using: &random) ?? 0
    number &+= UInt64(truncatingIfNeeded: Int.random(in: -1...1, using: &random))
    for byte in 0..<width where index + byte < bytes.count {
      bytes[index + byte] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(byte)))
    }
  }

  private mutating func changeDigits(from index: Int, in bytes: inout [UInt8]) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard let start = bytes[index...].firstIndex(where: digits.contains) else { return }
    let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
    let number = Self.numbers.randomElement(using: &random) ?? 0
    bytes.replaceSubrange(start..<end, with: String(number).utf8)
  }
}

/// A file in memory, where the system has such: writing to a disk would be most of what a damage costs.
final class MemoryFile {
  private let descriptor: Int32
  /// What the file is opened by.
  let path: String

  init() {
    let folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()
    var name = Array((folder + "graft-damage-XXXXXX").utf8CString)
    descriptor = mkstemp(&name)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    unlink(path)
    close(descriptor)
  }

  /// Makes `bytes` the content.
  func replace(with bytes: [UInt8]) {
    ftruncate(descriptor, off_t(bytes.count))
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }
}
