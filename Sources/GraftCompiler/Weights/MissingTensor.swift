import GraftIR

/// The refusal of a checkpoint that lacks a tensor, with what it may hold under another name.
///
/// - Parameters:
///   - rest: the names of the file's tensors that the model has no place for.
func missingTensor(
  _ name: String, _ shape: Shape, in file: String, beside rest: Set<String>, at: Location
) -> Diagnostic {
  // What is damaged is one part mostly, so its other tensors are looked at first; a long list is not searched.
  let part = name[...].upToLastDot
  let owner = part.dropLast().upToLastDot
  let candidates = rest.sorted().prefix(20_000)
  let near =
    suggestion(for: name, among: candidates.filter { $0.hasPrefix(part) })
    ?? suggestion(for: name, among: candidates.filter { $0.hasPrefix(owner) })
    ?? suggestion(for: name, among: candidates)
  return Diagnostic(
    "weights.missing", "tensor '\(name)' is missing from \(file): expected f32 \(shape)", at: at,
    help: near.map { "the file has '\($0)'" })
}

extension Substring {
  /// `blocks.3.attn.` of `blocks.3.attn.weight`; empty where there is no dot.
  fileprivate var upToLastDot: Substring { lastIndex(of: ".").map { self[...$0] } ?? prefix(0) }
}
