/// The name in `names` that a misspelt `word` most likely means, or `nil` where none is close.
///
/// Close is an edit distance (insert, delete, replace, swap of neighbours) of at most a third of the word's length,
/// at least one. One letter is no misspelling of another.
public func suggestion(for word: String, among names: some Sequence<String>) -> String? {
  guard word.count > 1 else { return nil }
  let limit = max(1, word.count / 3)
  var best: (distance: Int, name: String)?
  for name in names where name != word {
    if abs(name.utf8.count - word.utf8.count) > limit || name.utf8.count > 100 { continue }
    let distance = editDistance(Array(word.utf8), Array(name.utf8))
    if distance > limit { continue }
    if let found = best, (found.distance, found.name) <= (distance, name) { continue }
    best = (distance, name)
  }
  return best?.name
}

private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforePrevious: [Int] = []
  var previous = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var row = [i + 1]
    for (j, y) in b.enumerated() {
      var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (x == y ? 0 : 1))
      if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { cost = min(cost, beforePrevious[j - 1] + 1) }
      row.append(cost)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.count]
}
