import GraftIR

/// The types that an `emit` writes tensors in: `as bf16, f32 for pos_embed`.
struct EmittedTypes: Sendable {
  /// The type of every tensor, or `nil` to keep each as it is.
  var general: DType?
  /// Types of some parts, by the path that their names begin with; the last one that fits counts.
  var special: [(prefix: String, dtype: DType)] = []

  /// The type that the tensor called `name` is written in, or `nil` for its own.
  func dtype(of name: String) -> DType? {
    special.last { $0.prefix.isEmpty || name == $0.prefix || name.hasPrefix($0.prefix + ".") }?.dtype ?? general
  }

  /// The bytes of `parameter`, whose full name is `name`, as it is written; at most `Int.max`.
  func byteCount(of name: String, _ parameter: ModuleParameter) -> Int {
    parameter.shape.elementCount.flatMap { (dtype(of: name) ?? parameter.dtype).byteCount(of: $0) } ?? .max
  }

  /// The bytes of all tensors of `module`; at most `Int.max`.
  func byteCount(of module: Module) -> Int {
    var total = 0
    module.forEachParameter { total = total.addingClamped(byteCount(of: $0, $1)) }
    return total
  }
}
