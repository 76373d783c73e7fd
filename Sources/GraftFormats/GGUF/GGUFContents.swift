import GraftIR

/// What the values of a GGUF file say of its tensors' types.
///
/// Source: gguf-py `constants.py`, `LlamaFileType`; ggml `docs/gguf.md`.
struct GGUFContents {
  /// The version of the quantisation, in files with blocks.
  static let versionKey = "general.quantization_version"
  /// The type of most weights.
  static let fileTypeKey = "general.file_type"
  /// The metadata that name values which graft put in by itself, and which go again when the file is read.
  static let addedKey = "graft.gguf-added"
  private static let version = "2"

  private let hasBlocks: Bool
  /// The numbers of file types that say what most elements are of; none where there is no such number.
  private let fileTypes: [Int]

  init(_ declarations: [TensorDeclaration]) {
    hasBlocks = declarations.contains { $0.blocks != nil }
    var counts: [GGUFType: Int] = [:]
    for declaration in declarations {
      guard let type = declaration.blocks.map(GGUFType.storing) ?? GGUFType.storing(declaration.dtype) else { continue }
      counts[type, default: 0] &+= declaration.shape.elementCount ?? 0
    }
    let most = counts.max { ($0.value, $1.key.id) < ($1.value, $0.key.id) }?.key
    fileTypes = most.map(Self.fileTypes) ?? []
  }

  /// Puts both values in, and notes which of them are new. A file type that stood there and is as right stays: for some
  /// types there are several.
  func note(in metadata: inout [String: String], _ types: inout [String: String]) {
    var added: [String] = []
    func put(_ key: String, _ value: String) {
      if metadata[key] == nil { added.append(key) }
      metadata[key] = value
      types[key] = "u32"
    }
    if hasBlocks { put(Self.versionKey, metadata[Self.versionKey] ?? Self.version) }
    let given = fileTypes.first { metadata[Self.fileTypeKey] == "\($0)" }
    if let type = given ?? fileTypes.first {
      put(Self.fileTypeKey, "\(type)")
    } else {
      metadata[Self.fileTypeKey] = nil
    }
    if !added.isEmpty { metadata[Self.addedKey] = JSON.list(added.map { .text($0) }).text() }
  }

  private static func fileTypes(_ type: GGUFType) -> [Int] {
    switch type.blocks {
    case .q4_0: [2]
    case .q4_1: [3]
    case .q8_0: [7]
    case .q5_0: [8]
    case .q5_1: [9]
    case .q2K: [10, 21]
    case .q3K: [12, 11, 13]
    case .q4K: [15, 14]
    case .q5K: [17, 16]
    case .q6K: [18]
    case nil: type.dtype == .f32 ? [0] : type.dtype == .f16 ? [1] : type.dtype == .bf16 ? [32] : []
    }
  }
}
