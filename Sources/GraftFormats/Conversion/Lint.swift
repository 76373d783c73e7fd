import GraftIR

/// What common readers of a format will refuse, or take otherwise, though the file keeps to the format.
enum Lint {
  /// The metadata by which transformers and others know whose tensors a safetensors file holds.
  static let formatMark = (name: "format", text: "pt")

  /// Source: safetensors 0.8.0 `tensor.rs`, transformers 4.57 `load_state_dict`.
  @Sendable static func safetensors(_ tensors: [TensorDeclaration], _ metadata: [String: String]) -> [Diagnostic] {
    var warnings: [Diagnostic] = []
    if metadata[formatMark.name] == nil {
      warnings.append(
        Diagnostic(
          "convert.lint-mark", "the metadata have no 'format', without which transformers refuses the file",
          severity: .warning))
    }
    let recent: Set<DType> = [.f4, .f6e2m3, .f6e3m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .c64]
    return warnings + dtypes(recent, of: tensors, "which safetensors before 0.6 does not read")
  }

  /// Source: torch `torch/_utils.py` of 1.13, 2.1, 2.3 and 2.8.
  @Sendable static func pytorch(_ tensors: [TensorDeclaration], _ metadata: [String: String]) -> [Diagnostic] {
    dtypes([.u16, .u32, .u64], of: tensors, "which torch before 2.3 does not read")
      + dtypes([.f8e4m3, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz], of: tensors, "which torch before 2.2 does not read")
      + dtypes([.f4, .f8e8m0], of: tensors, "which torch before 2.8 does not read")
  }

  /// Source: NumPy 2.4 `numpy/lib/_format_impl.py`, which has no other types than its own.
  @Sendable static func numpy(_ tensors: [TensorDeclaration], _ metadata: [String: String]) -> [Diagnostic] {
    let foreign = DType.allCases.filter { !NumpyType.isPlain($0) }
    return dtypes(Set(foreign), of: tensors, "which numpy.load gives as raw bytes, to be viewed by a type of ml_dtypes")
  }

  /// Source: ggml `gguf.cpp`, whose names end in a zero byte within 64, and whose programs know a model by its
  /// architecture.
  @Sendable static func gguf(_ tensors: [TensorDeclaration], _ metadata: [String: String]) -> [Diagnostic] {
    var warnings: [Diagnostic] = []
    if let (long, _) = named(tensors.filter { $0.name.utf8.count > 63 }) {
      warnings.append(
        Diagnostic("convert.lint-name", "\(long) of over 63 bytes, which ggml's reader refuses", severity: .warning))
    }
    if metadata[GGUFReader.ownArchitecture.key] == nil {
      warnings.append(
        Diagnostic(
          "convert.lint-architecture",
          "the metadata have no '\(GGUFReader.ownArchitecture.key)', by which programs know what to run",
          severity: .warning))
    }
    return warnings
  }

  /// Source: ONNX `docs/Versioning.md`: float 8 came with 1.14, float 4 with 1.18, scales of 8 bits with 1.19.
  @Sendable static func onnx(_ tensors: [TensorDeclaration], _ metadata: [String: String]) -> [Diagnostic] {
    let float8: Set<DType> = [.f8e4m3, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz]
    return dtypes(float8, of: tensors, "which onnx before 1.14 does not read")
      + dtypes([.f4], of: tensors, "which onnx before 1.18 does not read")
      + dtypes([.f8e8m0], of: tensors, "which onnx before 1.19 does not read")
  }

  private static func dtypes(
    _ dtypes: Set<DType>, of tensors: [TensorDeclaration], _ what: String
  ) -> [Diagnostic] {
    guard let (text, first) = named(tensors.filter { dtypes.contains($0.dtype) }) else { return [] }
    return [Diagnostic("convert.lint-dtype", "\(text) of \(first.dtype), \(what)", severity: .warning)]
  }

  /// `'a.weight' and 3 more`, and the first of them; `nil` where there are none.
  private static func named(_ found: [TensorDeclaration]) -> (text: String, first: TensorDeclaration)? {
    guard let first = found.first else { return nil }
    return ("'\(first.name.shortened)'" + (found.count > 1 ? " and \(found.count - 1) more" : ""), first)
  }
}
