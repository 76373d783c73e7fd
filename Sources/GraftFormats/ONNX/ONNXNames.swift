import GraftIR

/// What the tensors of an exported model are called in the model itself, and which of them the exporter turned.
///
/// Exporters of PyTorch keep the name of a parameter as long as they keep its values. The weight of a `Linear` whose
/// input has more than two axes becomes a constant of its own, turned to `(in, out)` and called by a number, for a node
/// `MatMul`; nodes and their notes still tell of the module. Everything else that is called by a number was worked out
/// and is no parameter.
struct ONNXNames {
  /// What each initializer is called in the model, by its number, where that is not its own name.
  private(set) var recovered: [Int: String] = [:]
  /// The initializers that are `(in, out)` and `(out, in)` in the model.
  private(set) var turned: Set<Int> = []
  /// What else initializers are called in the model, since the exporter kept equal ones once.
  private(set) var copies: [(name: String, index: Int, isTurned: Bool)] = []
  /// The initializers that are the model's.
  private(set) var kept: [Int] = []
  /// Those that were worked out from others, or that nothing tells of.
  private(set) var unknown: [Int] = []
  /// What the signature lists and no initializer is, in order: unused, or folded into others.
  private(set) var missing: [String] = []

  /// What a tensor of the model would be.
  private struct Proposal: Hashable {
    let index: Int
    let isTurned: Bool
  }

  /// Tells from `uses` what the first `count` of `tensors` are; `signature` lists what the model holds, where the file
  /// says so. No name is one of `taken`.
  init(_ tensors: ArraySlice<ONNXTensor>, _ uses: ONNXUses, signature: Set<String>?, taken: Set<String>) {
    let numbers = Dictionary(tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var proposals: [String: [Proposal: Int]] = [:]
    for product in uses.products {
      guard let index = numbers[product.weight], !product.module.isEmpty else { continue }
      let tensor = tensors[tensors.startIndex + index]
      let bias = uses.biases[product.output]
      // A module of another class may have worked its weight out. Where no class is told, a `Linear` without bias is
      // one node, alone in its module.
      let isLinear =
        product.isLinear ?? (bias == product.module + ".bias" || uses.moduleSizes[product.module] == 1)
      guard isLinear, tensor.shape.rank == 2, tensor.dtype.byteWidth != nil else { continue }
      let isNumber = Self.isNumber(product.weight)
      let isTurned = isNumber && product.takesTransposed
      if isNumber || signature != nil {
        proposals[product.module + ".weight", default: [:]][Proposal(index: index, isTurned: isTurned), default: 0] += 1
      }
      if signature != nil, let index = bias.flatMap({ numbers[$0] }) {
        proposals[product.module + ".bias", default: [:]][Proposal(index: index, isTurned: false), default: 0] += 1
      }
    }
    for (name, found) in proposals.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      guard found.count == 1, let (only, count) = found.first, numbers[name] == nil, !taken.contains(name) else {
        continue
      }
      let own = tensors[tensors.startIndex + only.index].name
      // Without a signature only one module may take it.
      guard signature.map({ $0.contains(name) }) ?? (uses.counts[own] == count) else { continue }
      if Self.isNumber(own), recovered[only.index] == nil {
        recovered[only.index] = name
        if only.isTurned { turned.insert(only.index) }
      } else {
        copies.append((name, only.index, only.isTurned))
      }
    }
    var absent = (signature ?? []).subtracting(taken).subtracting(copies.map(\.name))
    for (index, tensor) in tensors.enumerated() {
      let name = recovered[index] ?? tensor.name
      // A value inside the graph, which an optimiser worked out, begins with a slash.
      let isKept =
        signature.map { $0.contains(name) }
        ?? !(Self.isNumber(name) || name.hasPrefix("/") || uses.isShape(tensor.name))
      if isKept { kept.append(index) } else { unknown.append(index) }
      absent.remove(name)
    }
    missing = absent.sorted()
  }

  /// Whether an exporter gave the name by counting: `onnx::MatMul_537` or `val_26`.
  static func isNumber(_ name: String) -> Bool {
    guard let mark = ["onnx::", "val_"].first(where: { name.hasPrefix($0) }) else { return false }
    let rest = name.dropFirst(mark.count)
    guard let digits = mark == "val_" ? rest : rest.split(separator: "_").last.map({ $0 }), !digits.isEmpty else {
      return false
    }
    return digits.utf8.allSatisfy { (48...57).contains($0) }
  }

  /// The parameters and lasting buffers that a program's signature lists; `nil` where `text` lists none.
  ///
  ///     p_blocks_0_attn_qkv_bias: PARAMETER target='blocks.0.attn.qkv.bias'
  ///     b_table: BUFFER target='table' persistent=True
  ///
  /// Source: torch 2.13 `torch/export/graph_signature.py`, `ExportGraphSignature.__str__`.
  static func signature(_ text: String?) -> Set<String>? {
    guard let text else { return nil }
    var names: Set<String> = []
    for line in text.split(separator: "\n") {
      guard !line.hasSuffix("persistent=False"),
        let mark = [": PARAMETER target='", ": BUFFER target='"].first(where: { line.contains($0) }),
        let start = line.firstRange(of: mark)?.upperBound, let end = line[start...].firstIndex(of: "'")
      else { continue }
      names.insert(String(line[start..<end]))
    }
    return names.isEmpty ? nil : names
  }
}
