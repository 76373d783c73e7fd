import GraftIR

/// The record `graft.json` of an archive: metadata, for formats that have none of their own.
enum MetadataRecord {
  static let name = "graft.json"

  /// The record's bytes for `metadata`, the same for the same texts.
  static func bytes(_ metadata: [String: String]) -> [UInt8] {
    var json: [UInt8] = []
    JSON(metadata).write(into: &json)
    return json
  }

  /// The texts of `record`, which is stored.
  ///
  /// - Throws: `zip.metadata`, and rules of the page `json`.
  static func read(_ record: ZipArchive.Record, in mapped: MappedFile) throws(Diagnostic) -> [String: String] {
    let place = Location(mapped.path, record.range)
    guard !record.isDeflated else {
      throw Diagnostic("zip.metadata", "'\(name)' is compressed, as graft never writes it", at: place)
    }
    let bytes = UnsafeRawBufferPointer(rebasing: mapped.storage.bytes[record.range])
    let json = try JSON(scanning: bytes, file: mapped.path, origin: record.range.lowerBound)
    guard let members = json.members else {
      throw Diagnostic("zip.metadata", "'\(name)' is no object of texts", at: place)
    }
    var texts: [String: String] = [:]
    for member in members {
      guard case .text(let text) = member.value else {
        throw Diagnostic("zip.metadata", "'\(member.name.shortened)' of '\(name)' is no text", at: place)
      }
      texts[member.name] = text
    }
    return texts
  }
}
