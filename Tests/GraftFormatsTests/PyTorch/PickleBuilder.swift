/// Pickles by hand, of protocol 2.
enum PickleBuilder {
  static func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + text.utf8 }
  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
  static func integer(_ value: Int) -> [UInt8] { [0x4B, UInt8(value)] }
  static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.joined() + [0x74] }
  static func list(_ items: [[UInt8]]) -> [UInt8] { [0x5D, 0x28] + items.joined() + [0x65] }
  static func dictionary(_ items: [([UInt8], [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + items.flatMap { $0.0 + $0.1 } + [0x75]
  }
  static func call(_ function: [UInt8], _ arguments: [[UInt8]]) -> [UInt8] { function + tuple(arguments) + [0x52] }
  static let yes: [UInt8] = [0x88]
  static let no: [UInt8] = [0x89]
  static let none: [UInt8] = [0x4E]

  /// A whole pickle.
  static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [0x2E] }

  /// The storage `key` of `count` elements, or a part of it.
  static func storage(
    _ key: String, _ typeName: String = "FloatStorage", count: Int, part: [[UInt8]]? = nil, isLegacy: Bool = false
  ) -> [UInt8] {
    let view = part.map(tuple) ?? none
    let more = isLegacy || part != nil ? [view] : []
    return tuple([text("storage"), global("torch", typeName), text(key), text("cpu"), integer(count)] + more) + [0x51]
  }

  /// A tensor of one axis over all of `storage`.
  static func tensor(_ storage: [UInt8], count: Int) -> [UInt8] {
    call(
      global("torch._utils", "_rebuild_tensor"), [storage, integer(0), tuple([integer(count)]), tuple([integer(1)])])
  }

  /// A file of the legacy layout. `system` and `version` are what it begins with.
  static func legacy(
    _ object: [UInt8], keys: [String], storages: [(count: Int, bytes: [UInt8])], isLittleEndian: Bool = true,
    version: Int = 1001
  ) -> [UInt8] {
    let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    let system = dictionary([(text("little_endian"), isLittleEndian ? yes : no)])
    var bytes = pickle(magic) + pickle([0x4D, UInt8(version & 255), UInt8(version >> 8)]) + pickle(system)
    bytes += pickle(object) + pickle(list(keys.map(text)))
    for storage in storages {
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: storage.count >> (8 * $0)) } + storage.bytes
    }
    return bytes
  }
}
