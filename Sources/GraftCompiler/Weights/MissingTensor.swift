import GraftFormats
import GraftIR

/// The refusal of a checkpoint that lacks a tensor, with what it may hold under another name.
///
/// - Parameters:
///   - rest: the names of the file's tensors that the model has no place for.
///   - layouts: how else the model's tensors are called.
func missingTensor(
  _ name: String, _ shape: Shape, in file: String, beside rest: Set<String>, layouts: [LayoutMap] = [], at: Location
) -> Diagnostic {
  // What is damaged is one part mostly, so its other tensors are looked at first; a long list is not searched.
  let part = name[...].upToLastDot
  let owner = part.dropLast().upToLastDot
  let candidates = rest.sorted().prefix(20_000)
  if let nested = candidates.first(where: { $0.hasSuffix("/" + name) || $0.hasSuffix("." + name) }) {
    let key = nested.dropLast(name.count + 1)
    return Diagnostic(
      "weights.missing", "tensor '\(name)' is missing from \(file): expected f32 \(shape)", at: at,
      help: "the file has '\(nested)': the part below '\(key)' is \(file):\(key)")
  }
  let near =
    suggestion(for: name, among: candidates.filter { $0.hasPrefix(part) })
    ?? suggestion(for: name, among: candidates.filter { $0.hasPrefix(owner) })
    ?? suggestion(for: name, among: candidates)
  let strange = layouts.lazy.compactMap { $0.stranger(for: name, among: rest) }.first
  return Diagnostic(
    "weights.missing", "tensor '\(name)' is missing from \(file): expected f32 \(shape)", at: at,
    help: strange ?? near.map { "the file has '\($0)'" })
}

extension LayoutMap {
  /// What is said where the tensor `name` is not there, but one that is called as this layout calls it, or as its part
  /// in this layout: `blocks.3.attn.to_q.weight`.
  fileprivate func stranger(for name: String, among rest: Set<String>) -> String? {
    let names = stored.filter { omitted.contains(name) || $0.formula.readsTensor(name) }.map(\.name)
    if let found = names.first(where: rest.contains) {
      return "the file has '\(found)', which looks like layout '\(self.name)': --layout \(self.name) reads it so"
    }
    let owner = name[...].upToLastDot.dropLast().upToLastDot
    if owner.isEmpty { return nil }
    for strange in names {
      let end = "." + strange.split(separator: ".").suffix(2).joined(separator: ".")
      // The shortest is right below the part.
      let found = rest.filter { $0.hasPrefix(owner) && $0.hasSuffix(end) }.min { ($0.count, $0) < ($1.count, $1) }
      if let found { return "the file has '\(found)', which looks like layout '\(self.name)'" }
    }
    return nil
  }
}

extension WeightExpression {
  /// Whether a source tensor called `name` takes part.
  fileprivate func readsTensor(_ name: String) -> Bool {
    var isRead = false
    try? forEachSource { if $0.name == name { isRead = true } }
    return isRead
  }
}

extension Substring {
  /// `blocks.3.attn.` of `blocks.3.attn.weight`; empty where there is no dot.
  fileprivate var upToLastDot: Substring { lastIndex(of: ".").map { self[...$0] } ?? prefix(0) }
}
