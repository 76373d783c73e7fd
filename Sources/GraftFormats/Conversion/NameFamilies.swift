/// Names that differ in their numbers alone, as those of a model's equal blocks do.
///
///     blocks.0.mlp.weight, blocks.1.mlp.weight, blocks.2.mlp.weight  →  blocks.{0-2}.mlp.weight
package struct NameFamilies {
  package struct Family {
    /// The names as one text.
    package let pattern: String
    /// The numbers of the names, ascending.
    package let members: [Int]
  }

  /// In the order of their first members.
  package let families: [Family]

  package init(_ names: [String]) {
    var order: [[String]] = []
    var members: [[String]: [Int]] = [:]
    for (index, name) in names.enumerated() {
      let words = Self.split(name).words
      if members[words] == nil { order.append(words) }
      members[words, default: []].append(index)
    }
    families = order.map { words in
      let members = members[words] ?? []
      return Family(pattern: Self.pattern(words, members.map { Self.split(names[$0]).numbers }), members: members)
    }
  }

  /// What stands around the numbers of a name, and the numbers. Numbers too long for `Int` are words.
  private static func split(_ name: String) -> (words: [String], numbers: [Int]) {
    var words = [""]
    var numbers: [Int] = []
    var rest = name[...]
    while let first = rest.first {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      if !digits.isEmpty, let number = Int(digits), String(number) == digits {
        numbers.append(number)
        words.append("")
        rest = rest.dropFirst(digits.count)
      } else {
        let taken = digits.isEmpty ? String(first) : String(digits)
        words[words.count - 1] += taken
        rest = rest.dropFirst(taken.count)
      }
    }
    return (words, numbers)
  }

  private static func pattern(_ words: [String], _ numbers: [[Int]]) -> String {
    var pattern = words[0]
    for column in 0..<words.count - 1 {
      let values = Set(numbers.map { $0[column] }).sorted()
      pattern += (values.count == 1 ? "\(values[0])" : "{\(ranges(values))}") + words[column + 1]
    }
    return pattern
  }

  /// `0-3,7`; what would get long is cut.
  private static func ranges(_ values: [Int]) -> String {
    var runs: [(Int, Int)] = []
    for value in values {
      if let last = runs.last, last.1 + 1 == value {
        runs[runs.count - 1].1 = value
      } else {
        runs.append((value, value))
      }
    }
    let texts = runs.map { $0.0 == $0.1 ? "\($0.0)" : "\($0.0)-\($0.1)" }
    return texts.count <= 8 ? texts.joined(separator: ",") : texts.prefix(7).joined(separator: ",") + ",..."
  }
}
