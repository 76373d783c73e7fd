/// Primitives whose result at a place depends on their inputs at that place alone, all spread over each other.
enum Elementwise {
  static let names: Set<String> = [
    "Neg", "Abs", "Exp", "Log", "Sqrt", "Rsqrt", "Sin", "Cos", "Tanh", "Erf", "Sigmoid", "Silu", "Softplus", "Relu",
    "Gelu", "Cast", "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Equal", "Less", "LessOrEqual", "Greater",
    "GreaterOrEqual", "Where",
  ]
}

extension Attributes {
  /// The same attributes, each spelled in one way only: what is absent or is the default is left out, axes are counted
  /// from the front, sizes are sizes whether or not they count in batches.
  func normal(for primitive: String, _ inputs: [TensorType]) -> Attributes {
    var normal = self
    let rank = inputs.first?.rank ?? 0
    func drop(_ name: String, where isDefault: (Attribute) -> Bool) {
      if let value = normal[name], isDefault(value) { normal[name] = nil }
    }
    switch primitive {
    case "Slice", "Concat", "Split", "Pad", "Reverse", "CumSum":
      normal["axis"] = .int(axis(rank: rank))
      if primitive == "Slice" {
        normal["start"] = .dimension(dimension("start"))
        normal["length"] = .dimension(dimension("length"))
      }
      if primitive == "Split" { normal["sizes"] = .dimensions(dimensions("sizes")) }
      drop("value") { _ in float("value") == 0 }
    case "Softmax": normal["axis"] = .int(axis(rank: rank, default: -1))
    case "ReduceSum", "ReduceMean", "ReduceMax":
      normal["axes"] = .ints(ints("axes").map { $0 < 0 ? $0 + rank : $0 }.sorted())
      drop("keepdims") { $0 == .bool(true) }
    case "Reshape", "Expand": normal["shape"] = .dimensions(dimensions("shape"))
    case "Conv":
      drop("strides") { $0 == .ints([1, 1]) }
      drop("pads") { $0 == .ints([0, 0, 0, 0]) }
      drop("group") { $0 == .int(1) }
    case "Attention":
      let heads = int("heads")
      drop("kv_heads") { $0 == .int(heads) }
      drop("window") { $0 == .ints([-1, -1]) }
      if heads > 0, let width = inputs.first?.axes.last?.count {
        drop("scale") { _ in float("scale") == 1 / Double(width / heads).squareRoot() }
      }
    default: break
    }
    return normal
  }
}
