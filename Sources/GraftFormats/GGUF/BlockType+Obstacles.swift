import GraftIR

extension BlockType {
  /// What is said of blocks that are only read.
  var notMade: String { "\(rawValue) is read, and carried from one GGUF file to another, but not made from numbers" }

  /// What keeps such blocks from being in a file of `format`, or `nil`.
  func lack(in format: Format) -> (message: String, help: String)? {
    if format.holdsBlocks { return nil }
    return ("\(format.name) has no blocks as those of \(rawValue)", "formats with blocks: " + Formats.withBlocks)
  }

  /// What keeps tensors from being put into such blocks in a file of `format`, whatever they are, or `nil`; where
  /// others would not fill them either, `shapes` show it.
  func obstacle(in format: Format, for shapes: [Shape]) -> (message: String, help: String)? {
    if let lack = lack(in: format) { return lack }
    guard !isMade else { return nil }
    let made = "made are " + Self.allCases.filter(\.isMade).map(\.spelling).joined(separator: ", ")
    let lengths = Set(shapes.filter { $0.rank >= 2 && !fits($0) }.compactMap(\.axes.last)).sorted()
    guard !lengths.isEmpty else { return (notMade, made) }
    let rows = lengths.suffix(4).map(String.init).joined(separator: ", ")
    return (notMade + "; nor do its blocks of \(elementCount) fill rows of \(rows)", made)
  }
}
