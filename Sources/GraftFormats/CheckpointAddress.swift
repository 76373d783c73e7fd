public import GraftIR

/// How a person names a checkpoint: a file or folder, and the key of a part of it, as in `train.pt:ema`.
public struct CheckpointAddress: Sendable, Hashable {
  /// The path of a file or folder.
  public let file: String
  /// The keys that lead to the part, joined with `/`, or `nil` for everything.
  public let key: String?

  /// The part of `file` under `key`, or all of it.
  public init(file: String, key: String? = nil) {
    self.file = file
    self.key = key
  }

  /// Reads `text`: what stands behind the last colon is a key, unless a file has this whole name.
  public init(parsing text: String) {
    guard PathKind(of: text) == .nothing, let colon = text.lastIndex(of: ":"), colon != text.startIndex,
      text.index(after: colon) != text.endIndex
    else {
      self.init(file: text)
      return
    }
    self.init(file: String(text[..<colon]), key: String(text[text.index(after: colon)...]))
  }
}

extension CheckpointAddress: CustomStringConvertible {
  /// As a person writes it.
  public var description: String { key.map { "\(file):\($0)" } ?? file }
}

extension Formats {
  /// Opens what `address` names, everything where it has no key.
  ///
  /// - Throws: what `open` throws; `checkpoint.unknown-key`.
  public static func open(_ address: CheckpointAddress) throws(Diagnostic) -> any CheckpointReader {
    let reader = try open(address.file)
    guard let key = address.key else { return reader }
    return try reader.selecting(key)
  }

  /// Opens the model that `address` names: without a key its `ema`, else its `model`, else its `state_dict`, and
  /// without the prefixes that wrappers put before every name. `notes` tell what was chosen, for a person to read.
  ///
  /// - Throws: what `open` throws; `checkpoint.unknown-key`.
  public static func openModel(
    _ address: CheckpointAddress
  ) throws(Diagnostic) -> (reader: any CheckpointReader, notes: [String]) {
    let whole = try open(address.file).asModel
    var notes = whole.notes
    var reader = whole
    if let key = address.key {
      reader = try whole.selecting(key)
    } else if let key = whole.defaultKey {
      reader = try whole.selecting(key)
      notes.append("'\(address.file)' holds \(whole.keyList); taking '\(key)'")
    }
    let (stripped, prefix) = reader.strippingWrapperPrefixes()
    if let prefix { notes.append("taking the prefix '\(prefix)' off every name of '\(address.file)'") }
    return (stripped, notes)
  }
}
