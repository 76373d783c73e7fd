public import GraftIR

/// Casts tensors: all of a kind, or those whose names match a pattern.
///
///     bf16                    every floating-point tensor
///     q8_0                    every floating-point tensor of rows that fill such blocks, but vectors
///     *.weight=bf16           floating-point tensors with such names
///     position_ids=i32        this tensor, of whatever type it is
public struct DTypeRule: Sendable, Hashable {
  /// Which tensors, or `nil` for all.
  public let pattern: NamePattern?
  /// What they become: f32 where they go into blocks.
  public let dtype: DType
  /// The blocks that they go into, or `nil`.
  public let blocks: BlockType?

  /// As a person writes it.
  var text: String { (pattern.map { $0.text + "=" } ?? "") + (blocks?.spelling ?? dtype.rawValue) }

  /// Reads `D` or `GLOB=D`; the last `=` divides them.
  ///
  /// - Throws: `convert.dtype`.
  public init(_ text: String) throws(Diagnostic) {
    let sign = text.lastIndex(of: "=")
    let name = sign.map { String(text[text.index(after: $0)...]) } ?? text
    blocks = BlockType(spelling: name)
    guard let dtype = blocks == nil ? DType(spelling: name) : .f32, sign != text.startIndex else {
      let words = DType.allCases.map(\.rawValue) + BlockType.allCases.map(\.spelling)
      let near = suggestion(for: name.lowercased(), among: words)
      throw Diagnostic(
        "convert.dtype", "'\(text.shortened)' names no dtype",
        help: near.map { "did you mean '\($0)'?" } ?? "dtypes: "
          + words.joined(separator: ", "),
        category: .usage)
    }
    self.dtype = dtype
    pattern = sign.map { NamePattern(String(text[..<$0])) }
  }

  /// What a tensor becomes by this rule, or `nil` where the rule is not for it.
  ///
  /// A rule stays among numbers of one kind, since positions and counters are not meant by a dtype for weights; only a
  /// rule that names one tensor turns whole numbers into others and back.
  package func target(for name: String, _ source: DType) -> DType? {
    guard pattern?.matches(name) ?? true else { return nil }
    if source.kind == dtype.kind || pattern?.isPlainName == true { return dtype }
    return nil
  }
}

extension DType {
  /// What rules tell apart.
  fileprivate enum Kind { case truth, whole, floating, complex }

  fileprivate var kind: Kind {
    if self == .bool { return .truth }
    if isComplex { return .complex }
    return isInteger ? .whole : .floating
  }

  /// The type that a person calls `spelling`: graft's word, safetensors', PyTorch's, or `fp16` and the like.
  init?(spelling: String) {
    let word = spelling.lowercased()
    let short = ["fp64": DType.f64, "fp32": .f32, "fp16": .f16, "double": .f64, "float": .f32, "half": .f16]
    let found =
      DType.allCases.first { $0.rawValue == word || $0.safetensorsName?.lowercased() == word }
      ?? PyTorchTypes.dtypes[word] ?? short[word]
    guard let found else { return nil }
    self = found
  }
}
