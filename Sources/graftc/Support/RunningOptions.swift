import GraftIR
import GraftRunner

/// How `--dtype` has linear layers hold their weights. All else is in single precision.
func weightType(_ name: String) throws(Diagnostic) -> WeightType {
  if let type = WeightType(rawValue: name) { return type }
  let names = WeightType.allCases.map(\.rawValue)
  throw Diagnostic(
    "usage.dtype", "--dtype \(name): graft computes in \(names.joined(separator: ", "))",
    help: suggestion(for: name, among: names).map { "did you mean '\($0)'?" }, category: .usage)
}

extension ThreadPool {
  /// A pool of so many threads, or that of the process.
  static func sized(_ count: Int?) throws(Diagnostic) -> ThreadPool {
    guard let count else { return .process }
    guard (1...1024).contains(count) else {
      throw Diagnostic("usage.threads", "--threads is \(count), and must be from 1 to 1024", category: .usage)
    }
    return ThreadPool(threadCount: count)
  }
}

/// `1,2,3` or `1, 2, 3` as whole numbers.
func wholeNumbers(_ text: String, _ option: String) throws(Diagnostic) -> [Int] {
  var result: [Int] = []
  for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
    let start = piece.firstIndex { $0 != " " } ?? piece.endIndex
    guard let number = Int(piece[start...]) else {
      throw Diagnostic("usage.numbers", "\(option) \(text): '\(piece)' is no whole number", category: .usage)
    }
    result.append(number)
  }
  return result
}
