import GraftFormats
import GraftIR
import Yams

/// A value of a YAML file, and where it stands.
///
/// Plain scalars are resolved as YAML 1.1 does (`True`, `null`, `4`, `1e-4` too); keys are texts.
struct YAMLValue: Sendable {
  indirect enum Kind: Sendable {
    case scalar(JSON)
    case list([YAMLValue])
    case map([(key: String, at: Location, value: YAMLValue)])
  }

  let kind: Kind
  let at: Location

  /// The most bytes of a file. Configurations have a few thousand; what is refused keeps reading quick.
  static let maximumByteCount = 64 << 10
}

extension YAMLValue {
  /// The value that `source` spells; no value at all is null.
  ///
  /// - Throws: `import.size`, `import.alias`, `import.yaml`.
  init(_ source: SourceText) throws(Diagnostic) {
    let count = source.text.utf8.count
    guard count <= Self.maximumByteCount else {
      throw Diagnostic(
        "import.size", "'\(source.file)' has \(count) bytes, and a configuration has at most \(Self.maximumByteCount)",
        at: Location(source.file))
    }
    // A few lines of aliases of aliases stand for more values than any memory holds.
    if let offset = firstAnchor(in: Array(source.text.utf8)) {
      throw Diagnostic(
        "import.alias", "a configuration holds no anchors and aliases", at: Location(source.file, offset..<offset + 1))
    }
    let places = Places(source)
    do {
      // The encoding is said because Yams would look for one in the environment, and print it.
      let node = try Yams.Parser(yaml: source.text, encoding: .utf8).singleRoot()
      self = try node.map { try YAMLValue($0, places) } ?? YAMLValue(kind: .scalar(.null), at: Location(source.file))
    } catch let error as YamlError {
      throw Self.diagnostic(error, places)
    } catch let error as Diagnostic {
      throw error
    } catch {
      throw Diagnostic("import.yaml", "'\(source.file)' is no YAML", at: Location(source.file))
    }
  }

  private init(_ node: Yams.Node, _ places: Places) throws {
    switch node {
    case .scalar(let scalar): self.init(kind: .scalar(resolved(node)), at: places.location(node, scalar.string))
    case .sequence(let items):
      self.init(kind: .list(try items.map { try YAMLValue($0, places) }), at: places.location(node, "-"))
    case .mapping(let pairs):
      let entries = try pairs.map { pair in
        guard let key = pair.key.scalar?.string else {
          throw Diagnostic("import.yaml", "a key is a text or a number", at: places.location(pair.key, "?"))
        }
        return (key, places.location(pair.key, key), try YAMLValue(pair.value, places))
      }
      self.init(kind: .map(entries), at: entries.first?.1 ?? places.location(node, ""))
    case .alias: throw Diagnostic("import.alias", "a configuration holds no anchors and aliases")
    }
  }

  private static func diagnostic(_ error: YamlError, _ places: Places) -> Diagnostic {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      Diagnostic("import.yaml", problem, at: places.location(mark, "?"))
    case .duplicatedKeysInMapping(let duplicates, let context):
      Diagnostic(
        "import.yaml", "\(duplicates.sorted().map { "'\($0)'" }.joined(separator: ", ")) stands twice in one map",
        at: places.location(context.mark, "?"))
    case .no, .memory, .reader, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      Diagnostic("import.yaml", "'\(places.file)' is no YAML: its text cannot be read", at: Location(places.file))
    }
  }
}

extension YAMLValue {
  /// The value under `key`, or `nil`.
  subscript(_ key: String) -> YAMLValue? { entries?.first { $0.key == key }?.value }

  /// What a map holds, in order.
  var entries: [(key: String, at: Location, value: YAMLValue)]? {
    if case .map(let entries) = kind { return entries }
    return nil
  }

  /// What a list holds.
  var items: [YAMLValue]? {
    if case .list(let items) = kind { return items }
    return nil
  }

  /// Whether nothing stands here.
  var isNull: Bool { json == .null }

  /// A text, or a number or truth as a text.
  var text: String? {
    guard case .scalar(let value) = kind else { return nil }
    switch value {
    case .text(let text): return text
    case .int, .number, .bool: return value.text()
    case .null, .list, .object: return nil
    }
  }

  /// The value as JSON.
  var json: JSON {
    switch kind {
    case .scalar(let value): value
    case .list(let items): .list(items.map(\.json))
    case .map(let entries): .object(entries.map { JSON.Member($0.key, $0.value.json) })
    }
  }
}

/// What a scalar means; a quoted one is a text.
private func resolved(_ node: Yams.Node) -> JSON {
  guard let scalar = node.scalar else { return .null }
  guard scalar.style == .plain || scalar.style == .any else { return .text(scalar.string) }
  if node.null != nil { return .null }
  if let value = node.bool { return .bool(value) }
  if let value = Int(scalar.string) { return .int(value) }
  // `1e-4` is a text to YAML 1.1 and a number to whoever writes it.
  if scalar.string.first.map({ $0.isNumber || "+-.".contains($0) }) == true, let value = Double(scalar.string),
    value.isFinite
  {
    return .number(value)
  }
  return .text(scalar.string)
}

/// Where the first anchor or alias may stand: `&` or `*` at the start of a word, wherever that is but in a line of
/// comment. Quotes and the texts of blocks are not told apart, so that nothing hides behind them.
private func firstAnchor(in bytes: [UInt8]) -> Int? {
  var isComment = false
  var isFirst = true  // Of its line, spaces aside.
  var previous = UInt8(ascii: "\n")
  for (offset, byte) in bytes.enumerated() {
    defer { previous = byte }
    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
      isComment = false
      isFirst = true
      continue
    }
    if isFirst, byte == UInt8(ascii: "#") { isComment = true }
    if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t") { isFirst = false }
    guard !isComment, byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") else { continue }
    let next = offset + 1 < bytes.count ? bytes[offset + 1] : UInt8(ascii: "\n")
    // A word goes on behind letters, digits and most signs; spaces of other scripts count as starts.
    let isInside = (0x21...0x7E).contains(previous) && !"[]{},:-?!".utf8.contains(previous)
    if !isInside, next > 0x20 { return offset }
  }
  return nil
}

/// Byte offsets of the lines and columns that YAML counts.
private struct Places {
  let file: String
  private let text: String
  private let lines: [Substring]

  init(_ source: SourceText) {
    file = source.file
    text = source.text
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  func location(_ node: Yams.Node, _ word: String) -> Location { location(node.mark, word) }

  /// From `mark`, as long as `word`, which may be quoted there, and at least one byte.
  func location(_ mark: Mark?, _ word: String) -> Location {
    guard let mark, lines.indices.contains(mark.line - 1) else { return Location(file) }
    let line = lines[mark.line - 1]
    let scalars = line.unicodeScalars
    let start = scalars.index(scalars.startIndex, offsetBy: max(0, mark.column - 1), limitedBy: scalars.endIndex)
    let offset = text.utf8.distance(from: text.startIndex, to: start ?? scalars.endIndex)
    let rest = line.utf8.count - line.utf8.distance(from: line.startIndex, to: start ?? scalars.endIndex)
    return Location(file, offset..<offset + max(1, min(word.utf8.count, rest)))
  }
}
