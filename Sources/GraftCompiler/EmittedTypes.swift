import GraftFormats
import GraftIR

/// What an `emit` says of how tensors are written: a dtype, or blocks of the format.
enum EmittedType: Sendable, Hashable {
  case dtype(DType)
  case blocks(BlockType)

  /// As a graft spells it.
  var text: String {
    switch self {
    case .dtype(let dtype): dtype.rawValue
    case .blocks(let blocks): blocks.spelling
    }
  }
}

/// The types that an `emit` writes tensors in: `as bf16, f32 for pos_embed`, `as q8_0`.
struct EmittedTypes: Sendable {
  /// The type of every tensor, or `nil` to keep each as it is.
  var general: EmittedType?
  /// Whether the output can hold blocks, and so those that a source has.
  var keepsBlocks = true
  /// Types of some parts, by the path that their names begin with; the last one that fits counts.
  var special: [(prefix: String, type: EmittedType)] = []

  /// The type that the tensor called `name` is written in, or `nil` for its own.
  func type(of name: String) -> EmittedType? {
    special.last { $0.prefix.isEmpty || name == $0.prefix || name.hasPrefix($0.prefix + ".") }?.type ?? general
  }

  /// How `parameter`, whose full name is `name`, is written with `shape`, its own or that of a layout; as it is where it
  /// does not fill the blocks that are asked for.
  func form(of name: String, _ parameter: ModuleParameter, _ shape: Shape) -> (dtype: DType, blocks: BlockType?) {
    switch type(of: name) {
    case .dtype(let written): (written, nil)
    case .blocks(let blocks): blocks.obstacle(to: shape) == nil ? (.f32, blocks) : (parameter.dtype, nil)
    case nil: (parameter.dtype, nil)
    }
  }

  /// The bytes of `parameter`, whose full name is `name`, as it is written; at most `Int.max`.
  func byteCount(of name: String, _ parameter: ModuleParameter) -> Int {
    var (dtype, blocks) = form(of: name, parameter, parameter.shape)
    if keepsBlocks, type(of: name) == nil, case .source(let source)? = parameter.weight { blocks = source.blocks }
    return parameter.shape.elementCount.flatMap { blocks?.byteCount(of: $0) ?? dtype.byteCount(of: $0) } ?? .max
  }

  /// The bytes of all tensors of `module`; at most `Int.max`.
  func byteCount(of module: Module) -> Int {
    var total = 0
    module.forEachParameter { total = total.addingClamped(byteCount(of: $0, $1)) }
    return total
  }
}
