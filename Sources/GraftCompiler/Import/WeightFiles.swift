/// Files of weights, one for each of several blocks, as few texts: `block_\(i).pt` where their names follow the index.
struct WeightFiles {
  /// Blocks whose files are spelled alike.
  struct Group: Hashable {
    let indices: [Int]
    /// Pieces of the name between which the index stands.
    let pieces: [String]
  }

  /// Runs in order of their first block.
  let groups: [Group]
  /// Blocks whose files were named by another index than their own, and what was meant.
  let slips: [(index: Int, file: String, meant: String)]

  /// Three or more names that follow their index, and more than those that do not, show what the others mean.
  init(_ files: [(index: Int, file: String)]) {
    var groups: [Group] = []
    var slips: [(index: Int, file: String, meant: String)] = []
    var shapes: [[String]: [(index: Int, file: String, numbers: [String])]] = [:]
    var order: [[String]] = []
    for (index, file) in files {
      let (words, numbers) = Self.split(file)
      if shapes[words] == nil { order.append(words) }
      shapes[words, default: []].append((index, file, numbers))
    }
    for words in order {
      let alike = shapes[words] ?? []
      let template = Self.template(alike.map { ($0.index, $0.numbers) })
      guard let template else {
        groups += alike.map { Group(indices: [$0.index], pieces: [$0.file]) }
        continue
      }
      // The words and the numbers that stay, cut where the index goes.
      var pieces = [words[0]]
      for (position, number) in template.enumerated() {
        if let number {
          pieces[pieces.count - 1] += number + words[position + 1]
        } else {
          pieces.append(words[position + 1])
        }
      }
      for item in alike {
        let meant = pieces.joined(separator: String(item.index))
        if meant != item.file { slips.append((item.index, item.file, meant)) }
      }
      groups.append(Group(indices: alike.map(\.index).sorted(), pieces: pieces))
    }
    self.groups = groups.sorted { ($0.indices.first ?? 0) < ($1.indices.first ?? 0) }
    self.slips = slips
  }

  /// Each number that all names share, and `nil` where the index stands; `nil` for all where names follow no rule.
  private static func template(_ names: [(index: Int, numbers: [String])]) -> [String?]? {
    guard let first = names.first, names.count > 1 else { return nil }
    var template: [String?] = []
    for position in first.numbers.indices {
      let isShared = names.allSatisfy { $0.numbers[position] == first.numbers[position] }
      template.append(isShared ? first.numbers[position] : nil)
    }
    let following = names.filter { name in
      zip(template, name.numbers).allSatisfy { $0 != nil || $1 == String(name.index) }
    }
    let isRule = template.contains { $0 == nil } && following.count >= min(3, names.count)
    return isRule && following.count > names.count / 2 ? template : nil
  }

  /// `a/b12/c3` as the words `a/b`, `/c`, `` and the numbers `12`, `3`.
  private static func split(_ file: String) -> (words: [String], numbers: [String]) {
    var words = [""]
    var numbers: [String] = []
    var isNumber = false
    for character in file {
      let isDigit = character.isASCII && character.isNumber
      if isDigit {
        if isNumber { numbers[numbers.count - 1].append(character) } else { numbers.append(String(character)) }
      } else {
        if isNumber { words.append("") }
        words[words.count - 1].append(character)
      }
      isNumber = isDigit
    }
    if isNumber { words.append("") }
    return (words, numbers)
  }
}
