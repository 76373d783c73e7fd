import GraftIR

// Layout of what torch wrote before 1.6, and still writes where it is asked to:
//
//   pickles    the number 0x1950a86a20f9469cfc6c, the number 1001, a dictionary of the writer's system,
//              the object that was saved, and the list of its storages' keys
//   storages   in the order of that list: u64 number of elements, then their bytes; nothing is aligned
//
// Source: torch 2.13.0 `torch/serialization.py`, `_legacy_save` and `_legacy_load`.

/// The legacy layout.
enum LegacyLayout {
  /// The number that stands first, 0x1950a86a20f9469cfc6c.
  private static let magic = "119547037146038801333356"
  /// How a pickle of that number begins, behind the opcode that names the protocol.
  private static let magicBytes: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  /// Whether `bytes` begin as such a file does, or end before that can be told.
  static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 4, bytes[0] == 0x80 else { return false }
    // From protocol 4 on, the opcode of a frame and its eight bytes come between.
    for start in [2, 11] where start == 2 || bytes[2] == 0x95 {
      let found = bytes.dropFirst(start).prefix(magicBytes.count)
      if found.count >= 2, magicBytes.starts(with: found) { return true }
    }
    return false
  }

  /// Reads the pickles of `mapped` and finds its storages.
  ///
  /// - Throws: rules of the page `pytorch`.
  static func read(_ mapped: MappedFile) throws(Diagnostic) -> PyTorchContent {
    var position = 0
    func next() throws(Diagnostic) -> Pickle {
      let pickle = try Unpickler.read(
        mapped, position..<min(mapped.byteCount, position + PyTorchArchive.pickleLimit))
      position = pickle.end
      return pickle
    }
    let isBigEndian = try header(magic: try next(), version: try next(), system: try next(), mapped)
    let start = position
    let object = try next()
    let byteCount = position - start
    let keyPickle = try next()
    let keys = try self.keys(keyPickle, mapped, position)
    let storages = try locate(object.storages, keys, mapped, from: position)
    return PyTorchContent(
      pickle: object, pickleByteCount: byteCount, storages: storages, isBigEndian: isBigEndian, metadata: [:])
  }

  /// Whether the header says that numbers stand in big-endian order.
  private static func header(
    magic: Pickle, version: Pickle, system: Pickle, _ mapped: MappedFile
  ) throws(Diagnostic) -> Bool {
    guard case .bigInt(Self.magic) = magic.values[Int(magic.root)], case .int(1001) = version.values[Int(version.root)],
      case .dictionary(let items) = system.values[Int(system.root)]
    else {
      throw Diagnostic(
        "pytorch.legacy-header", "the file does not begin with torch's number, version 1001 and a dictionary",
        at: Location(mapped.path, 0..<system.end))
    }
    for index in stride(from: 0, to: items.count - 1, by: 2) {
      if case .text("little_endian") = system.values[Int(items[index])],
        case .bool(false) = system.values[Int(items[index + 1])]
      {
        return true
      }
    }
    return false
  }

  private static func keys(_ pickle: Pickle, _ mapped: MappedFile, _ end: Int) throws(Diagnostic) -> [String] {
    guard case .sequence(let items) = pickle.values[Int(pickle.root)] else {
      throw Diagnostic(
        "pytorch.legacy-keys", "no list of storages follows the object", at: Location(mapped.path, end - 1..<end))
    }
    var keys: [String] = []
    for item in items {
      guard case .text(let key) = pickle.values[Int(item)] else {
        throw Diagnostic(
          "pytorch.legacy-keys", "the list of storages holds something else than keys",
          at: Location(mapped.path, end - 1..<end))
      }
      keys.append(key)
    }
    return keys
  }

  /// The bytes of each of `storages`, which follow each other from `start` on in the order of `keys`.
  private static func locate(
    _ storages: [Pickle.StorageReference], _ keys: [String], _ mapped: MappedFile, from start: Int
  ) throws(Diagnostic) -> [Range<Int>] {
    var byKey: [String: Pickle.StorageReference] = [:]
    for storage in storages {
      if let other = byKey[storage.key], other.typeName != storage.typeName || other.count != storage.count {
        throw Diagnostic(
          "pytorch.storage-reference", "the storage '\(storage.key.shortened)' is described twice, differently",
          at: Location(mapped.path))
      }
      byKey[storage.key] = storage
    }
    var reader = ByteReader(
      mapped.storage, start..<mapped.byteCount, file: mapped.path, truncationRule: "pytorch.legacy-truncated")
    var places: [String: Range<Int>] = [:]
    for key in keys {
      guard let storage = byKey[key] else {
        throw Diagnostic(
          "pytorch.legacy-keys", "the list of storages names '\(key.shortened)', which no tensor uses",
          at: Location(mapped.path, start - 1..<start))
      }
      let place = Location(mapped.path, reader.position..<reader.position + 8)
      let count = try reader.number(UInt64.self)
      guard count == UInt64(storage.count) else {
        throw Diagnostic(
          "pytorch.storage-size",
          "the storage '\(key.shortened)' has \(storage.count) elements, but \(count) are said to follow", at: place)
      }
      let width = storage.byteWidth ?? 1
      let (byteCount, overflow) = storage.count.multipliedReportingOverflow(by: width)
      let first = reader.position
      try reader.skip(overflow ? .max : byteCount)
      guard places.updateValue(first..<first + byteCount, forKey: key) == nil else {
        throw Diagnostic(
          "pytorch.legacy-keys", "the list of storages names '\(key.shortened)' twice",
          at: Location(mapped.path, start - 1..<start))
      }
    }
    guard reader.remaining == 0 else {
      throw Diagnostic(
        "pytorch.legacy-length", "\(reader.remaining) bytes follow the last storage",
        at: Location(mapped.path, reader.position..<reader.end))
    }
    var ranges: [Range<Int>] = []
    for storage in storages {
      guard let place = places[storage.key] else {
        throw Diagnostic(
          "pytorch.storage-missing", "the list of storages lacks '\(storage.key.shortened)'", at: Location(mapped.path))
      }
      ranges.append(storage.bytes(of: place))
    }
    return ranges
  }
}
