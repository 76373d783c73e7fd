/// The name of one of several files: `STEM-00001-of-00003.EXTENSION`.
struct ShardName: Sendable, Hashable {
  /// Everything before the number.
  let stem: String
  /// From 1 on.
  let number: Int
  let count: Int
  /// With its dot.
  let suffix: String

  /// The parts of `path`, or `nil` where it is no such name.
  init?(path: String) {
    guard let dot = path.lastIndex(of: ".") else { return nil }
    let words = path[..<dot].split(separator: "-", omittingEmptySubsequences: false)
    guard words.count > 3, words[words.count - 2] == "of", let count = Self.number(words[words.count - 1]),
      let number = Self.number(words[words.count - 3]), (1...max(1, count)).contains(number)
    else { return nil }
    stem = words.dropLast(3).joined(separator: "-")
    suffix = String(path[dot...])
    self.number = number
    self.count = count
  }

  /// The path of the file `number` beside this one.
  func path(ofNumber number: Int) -> String { Self.text(stem, number, of: count, suffix) }

  /// The name of file `number` of `count`.
  static func text(_ stem: String, _ number: Int, of count: Int, _ suffix: String) -> String {
    "\(stem)-\(digits(number))-of-\(digits(count))\(suffix)"
  }

  private static func number(_ text: Substring) -> Int? {
    text.utf8.count == 5 && text.allSatisfy { ("0"..."9").contains($0) } ? Int(text) : nil
  }

  /// Five digits.
  private static func digits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }
}
