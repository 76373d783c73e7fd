import GraftIR

/// The name of a tensor or part in a layout: steps with dots between them.
///
///     transformer_blocks.{i}.attn1.{to_q, to_k}
///
/// `{i}` is an index, `{to_q, to_k}` several names in one.
struct LayoutName {
  enum Step: Equatable {
    case plain(String)
    case index(String)
    case several([String])
  }

  let steps: [Step]
  let at: Location

  init(steps: [Step], at: Location) {
    self.steps = steps
    self.at = at
  }

  /// `nil` where `expression` is no name.
  init?(_ expression: Expression) {
    switch expression.kind {
    case .name(let name): self.init(steps: [.plain(name)], at: expression.at)
    case .member(let base, let name):
      guard let front = LayoutName(base) else { return nil }
      self.init(steps: front.steps + [.plain(name.text)], at: expression.at)
    case .members(let base, let names):
      guard let front = LayoutName(base), let first = names.first else { return nil }
      let step = names.count == 1 ? Step.index(first.text) : .several(names.map(\.text))
      self.init(steps: front.steps + [step], at: expression.at)
    default: return nil
    }
  }

  /// Each of the names that it stands for, in order: the first braces change slowest.
  var alternatives: [LayoutName] {
    var all: [[Step]] = [[]]
    for step in steps {
      guard case .several(let names) = step else {
        for index in all.indices { all[index].append(step) }
        continue
      }
      all = all.flatMap { front in names.map { front + [.plain($0)] } }
    }
    return all.map { LayoutName(steps: $0, at: at) }
  }

  /// How many names it stands for, `limit` at most.
  func count(limit: Int) -> Int {
    var count = 1
    for case .several(let names) in steps where count < limit { count *= names.count }
    return min(count, limit)
  }

  var indices: [String] {
    steps.compactMap { if case .index(let name) = $0 { name } else { nil } }
  }

  /// The name where each index is what `indices` say; `nil` where one is not known. There are no several names in it.
  func filled(_ indices: [String: String]) -> String? {
    var names: [String] = []
    for step in steps {
      switch step {
      case .plain(let name): names.append(name)
      case .index(let index):
        guard let value = indices[index] else { return nil }
        names.append(value)
      case .several: return nil
      }
    }
    return names.joined(separator: ".")
  }

  /// What the indices are where `name` is this one, or that of a part with something behind it.
  func match(_ name: [Substring]) -> (indices: [String: String], rest: [Substring])? {
    var indices: [String: String] = [:]
    var rest = name[...]
    for step in steps {
      switch step {
      case .plain(let text): guard rest.popFirst().map({ $0 == text }) == true else { return nil }
      case .index(let index):
        guard let place = rest.popPlace(), indices.updateValue(place, forKey: index).map({ $0 == place }) != false
        else {
          return nil
        }
      case .several: return nil
      }
    }
    return (indices, Array(rest))
  }
}

extension ArraySlice<Substring> {
  /// Takes a list's entry off the front: a number, and the branches of parallel levels behind it.
  fileprivate mutating func popPlace() -> String? {
    guard let first, !first.isEmpty, first.count < 10, first.allSatisfy(\.isASCIIDigit) else { return nil }
    var place = String(first)
    self = dropFirst()
    while count >= 2, self[startIndex] == "branches", self[startIndex + 1].allSatisfy(\.isASCIIDigit) {
      place += ".branches." + self[startIndex + 1]
      self = dropFirst(2)
    }
    return place
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
