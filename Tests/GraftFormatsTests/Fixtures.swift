import CCrypto
import Foundation
import GraftFormats
import GraftIR

/// The files beside the tests.
enum Fixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

  /// The JSON of the fixture at `path`.
  static func json(_ path: String) throws -> JSON {
    try JSON(parsing: bytes(folder + "/" + path), file: path)
  }

  /// The bytes of the file at `path`.
  static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// The SHA-256 of `tensor`'s values, in hexadecimal.
  static func digest(_ tensor: Tensor) -> String { digest(tensor.bytes) }

  /// The SHA-256 of `bytes`, in hexadecimal.
  static func digest(_ bytes: UnsafeRawBufferPointer) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let result = EVP_Digest(bytes.baseAddress, bytes.count, &digest, &length, EVP_sha256(), nil)
    precondition(result == 1 && length == 32)
    return digest.map { String(format: "%02x", $0) }.joined()
  }
}

/// A folder that is gone when the test is over.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "graft-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes `bytes` as `name` and gives its path.
  @discardableResult
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    let path = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// The names in it that begin with a dot.
  var hidden: [String] { names.filter { $0.hasPrefix(".") } }

  /// The names in it.
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

/// Numbers that a seed decides, the same everywhere (SplitMix64, Steele et al. 2014).
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
