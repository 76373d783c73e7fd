import GraftIR

/// Where metadata go: texts that other programs may ask for become attributes of the root, others the dataset
/// `__graft__`; in a Keras archive, records of its own.
struct HDF5Metadata {
  /// Attributes of the root, by their names.
  let attributes: [(key: String, value: String)]
  /// What goes to graft's own dataset.
  let texts: [String: String]
  /// Names of texts of 64 bytes that are known at the end.
  let deferred: [String]
  /// The texts that Keras keeps beside the tensors.
  let kerasTexts: [String: String]
  /// What goes to a record of graft's own beside them.
  let archiveTexts: [String: String]
  /// The text of attributes of groups.
  private let groups: String?

  /// More attributes of the root than these are no person's, nor more of a group.
  private static let attributeLimit = 200
  private static let groupAttributeLimit = 1000
  private static let attributeByteLimit = 1 << 20
  /// An attribute's name stands in the header, which has no room for any length.
  private static let nameByteLimit = 255

  init(_ request: WriterRequest, isArchive: Bool) {
    var metadata = request.metadata
    groups = metadata.removeValue(forKey: HDF5Reader.attributesKey)
    var keras: [String: String] = [:]
    if isArchive {
      for name in KerasArchive.textNames { keras[name] = metadata.removeValue(forKey: name) }
    }
    kerasTexts = keras
    for name in request.deferred { metadata[name] = nil }
    var attributes: [(key: String, value: String)] = []
    for (key, value) in metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
    where Self.isAttribute(key, value) && attributes.count < Self.attributeLimit {
      attributes.append((key, value))
      metadata[key] = nil
    }
    self.attributes = attributes
    deferred = request.deferred
    archiveTexts = isArchive ? metadata : [:]
    if !isArchive {
      for name in request.deferred { metadata[name] = WriterRequest.deferredPlaceholder }
    }
    texts = isArchive ? [:] : metadata
  }

  private static func isAttribute(_ key: String, _ value: String) -> Bool {
    isAttributeName(key) && value.utf8.count <= attributeByteLimit && !value.utf8.contains(0)
      && !key.hasPrefix("graft.") && !key.hasPrefix("dtype")
  }

  private static func isAttributeName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= nameByteLimit && !name.utf8.contains(0)
  }

  /// The attributes of groups, where `add` takes the group; and the text of all where it is not as graft writes it.
  func groupAttributes(
    _ add: (String) -> Bool
  ) -> (attributes: [(group: String, name: String, isList: Bool, texts: [String])], left: String?) {
    guard let groups else { return ([], nil) }
    guard let members = Self.members(of: groups) else {
      return ([], groups)
    }
    var found: [(group: String, name: String, isList: Bool, texts: [String])] = []
    var left: [JSON.Member] = []
    for member in members {
      let attributes = member.value.members ?? []
      let texts = attributes.map { Self.texts($0.value) }
      // A list has its place in a header of 64 KB, 16 bytes a text; Keras splits longer ones.
      let isSound =
        member.value.members != nil
        && (!member.name.isEmpty || attributes.allSatisfy { one in !self.attributes.contains { $0.key == one.name } })
        && attributes.count <= Self.groupAttributeLimit && attributes.allSatisfy { Self.isAttributeName($0.name) }
        && texts.allSatisfy { $0.map { $0.count <= 4000 && $0.allSatisfy { !$0.utf8.contains(0) } } ?? false }
      guard isSound, add(member.name) else {
        left.append(member)
        continue
      }
      for (attribute, texts) in zip(attributes, texts) {
        found.append((member.name, attribute.name, attribute.value.listValue != nil, texts ?? []))
      }
    }
    return (found, left.isEmpty ? nil : JSON.object(left).text())
  }

  /// `text`, the attributes of groups, without those of `groups`, and the groups whose attributes these were.
  static func attributes(_ text: String, without groups: Set<String>) -> (text: String?, gone: [String]) {
    guard let members = members(of: text) else { return (text, []) }
    let kept = members.filter { !groups.contains($0.name) }
    let gone = members.map(\.name).filter { groups.contains($0) }
    return (kept.isEmpty ? nil : gone.isEmpty ? text : JSON.object(kept).text(), gone)
  }

  /// The text of the attributes of two texts; the second one where they are no two objects of different groups.
  static func merged(_ first: String, _ second: String) -> String {
    guard let one = members(of: first), let other = members(of: second),
      Set(one.map(\.name)).isDisjoint(with: other.map(\.name))
    else { return second }
    return JSON.object((one + other).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }).text()
  }

  /// Each group of `text`, the attributes of groups; `nil` where it is not as graft writes it.
  private static func members(of text: String) -> [JSON.Member]? {
    (try? JSON(parsing: text, file: HDF5Reader.attributesKey))?.members
  }

  private static func texts(_ value: JSON) -> [String]? {
    if let text = value.textValue { return [text] }
    guard let list = value.listValue else { return nil }
    let texts = list.compactMap(\.textValue)
    return texts.count == list.count ? texts : nil
  }

  /// The bytes of graft's own dataset, none where it is not needed, and where in them deferred texts stand.
  func record(of texts: [String: String]) -> (bytes: [UInt8], places: [String: Int]) {
    guard !texts.isEmpty else { return ([], [:]) }
    var out: [UInt8] = []
    var places: [String: Int] = [:]
    out += "{".utf8
    for (index, (name, text)) in texts.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }).enumerated() {
      if index > 0 { out += ",".utf8 }
      JSON.write(name, into: &out)
      out += ":".utf8
      if deferred.contains(name) { places[name] = out.count + 1 }  // Behind the quotation mark.
      JSON.write(text, into: &out)
    }
    out += "}".utf8
    return (out, places)
  }
}
