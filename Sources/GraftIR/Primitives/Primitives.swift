/// The registry: every primitive, in the order of its pages.
public enum Primitives {
  /// All primitives.
  public static let all: [Primitive] = [
    .constant, .iota,
    .neg, .abs, .exp, .log, .sqrt, .rsqrt, .sin, .cos, .tanh, .erf, .sigmoid, .silu, .softplus, .relu, .gelu,
    .add, .sub, .mul, .div, .pow, .min, .max,
    .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .where,
    .matMul, .linear,
    .reduceSum, .reduceMean, .reduceMax,
    .layerNormalization, .rmsNormalization, .softmax,
    .attention, .selectiveScan, .conv, .causalConv,
    .reshape, .transpose, .slice, .concat, .split, .pad, .reverse, .expand, .gather, .cast, .cumSum, .topIndices,
  ]

  private static let byName: [String: Primitive] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The primitive called `name`, or `nil`.
  public static func named(_ name: String) -> Primitive? { byName[name] }
}
