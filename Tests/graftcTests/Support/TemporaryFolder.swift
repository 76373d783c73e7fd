import Foundation

/// A folder that is gone when the test is over.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "graftc-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The names in it, also of hidden files.
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

  /// The path of the file called `name`.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes `text` as `name` and gives its path.
  @discardableResult
  func write(_ text: String, as name: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: self(name)))
    return self(name)
  }

  /// Writes a safetensors file of `header`, as it stands, and `zeros` bytes of tensors.
  func write(header: String, zeros: Int, as name: String) throws {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (length + Data(header.utf8) + Data(count: zeros)).write(to: URL(filePath: self(name)))
  }

  /// The bytes of the file called `name`.
  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: self(name))) }
}
