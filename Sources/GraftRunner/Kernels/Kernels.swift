import GraftIR
import GraftKernels

/// The kernels, in the order of the primitives' pages.
package enum Kernels {
  package static let all: [Kernel] =
    [.constant, .iota]
    + UnaryOperation.primitives.map { .unary($0) }
    + BinaryOperation.allCases.map { .binary($0) }
    + [
      .compare("Equal", GRAFT_EQUAL), .compare("Less", GRAFT_LESS), .compare("LessOrEqual", GRAFT_LESS_OR_EQUAL),
      .compare("Greater", GRAFT_GREATER), .compare("GreaterOrEqual", GRAFT_GREATER_OR_EQUAL), .select, .matMul, .linear,
      .reduce("ReduceSum"), .reduce("ReduceMean"), .reduce("ReduceMax"), .layerNormalization, .rmsNormalization,
      .softmax, .attention, .selectiveScan, .conv, .causalConv, .reshape, .transpose, .slice, .concat, .split, .pad,
      .reverse, .expand,
      .gather, .cast, .cumSum, .topIndices,
    ]

  private static let byName = Dictionary(uniqueKeysWithValues: (all + [.rowSteps]).map { ($0.primitive, $0) })

  /// The kernel of the primitive called `name`, or of a launch of steps alone (`RowSteps`); `nil` where there is none.
  static func named(_ name: String) -> Kernel? { byName[name] }
}
