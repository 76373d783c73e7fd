import GraftIR
import GraftKernels

/// The kernels, in the order of the primitives' pages.
package enum Kernels {
  package static let all: [Kernel] =
    [.constant, .iota]
    + [
      "Neg", "Abs", "Exp", "Log", "Sqrt", "Rsqrt", "Sin", "Cos", "Tanh", "Erf", "Sigmoid", "Silu", "Softplus", "Relu",
      "Gelu",
    ].map { .unary($0) }
    + BinaryOperation.allCases.map { .binary($0) }
    + [
      .compare("Equal", GRAFT_EQUAL), .compare("Less", GRAFT_LESS), .compare("LessOrEqual", GRAFT_LESS_OR_EQUAL),
      .compare("Greater", GRAFT_GREATER), .compare("GreaterOrEqual", GRAFT_GREATER_OR_EQUAL), .select, .matMul, .linear,
      .reduce("ReduceSum"), .reduce("ReduceMean"), .reduce("ReduceMax"), .layerNormalization, .rmsNormalization,
      .softmax, .attention, .selectiveScan, .conv, .causalConv, .reshape, .transpose, .slice, .concat, .split, .pad,
      .reverse, .expand,
      .gather, .cast, .cumSum, .topIndices,
    ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.primitive, $0) })

  /// The kernel of the primitive called `name`, or `nil`.
  static func named(_ name: String) -> Kernel? { byName[name] }
}
