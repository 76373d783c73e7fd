import GraftIR

/// Which values lie in panels, as products take them: what nothing but linear layers reads, and comes from a kernel
/// that can write panels. It is then neither turned to rows nor packed.
///
///     LayerNormalization + [* scale, + shift] -> Linear
///     Attention                               -> Linear
///     Linear + [gelu]                         -> Linear
struct PanelValues {
  /// Numbers of the values.
  let values: Set<Int>

  /// - Parameters:
  ///   - panelRows: the rows of a panel.
  ///   - useCount: how many inputs of nodes that run read a value; kept values count once more.
  ///   - operand: a value as kernels see it.
  init(_ groups: [Group], panelRows: Int, useCount: [Int], operand: (Value) -> Operand) {
    var readers: [Value: Int] = [:]
    for group in groups where Self.reads(group, operand) { readers[group.inputs[0], default: 0] += 1 }
    values = Set(
      groups.filter { Self.writes($0, panelRows, operand) }.compactMap(\.results.first)
        .filter { readers[$0] == useCount[$0.index] }.map(\.index))
  }

  private static func reads(_ group: Group, _ operand: (Value) -> Operand) -> Bool {
    guard traits(group).contains(.readsPanels), let result = group.results.first.map(operand) else { return false }
    return LinearLayer.worksOnPanels(weight: operand(group.inputs[1]), result: result)
  }

  private static func writes(_ group: Group, _ panelRows: Int, _ operand: (Value) -> Operand) -> Bool {
    guard traits(group).contains(.writesPanels), let result = group.results.first.map(operand) else { return false }
    switch group.kernel {
    case "Linear":  // In panels there are steps of one argument only.
      return reads(group, operand) && !group.steps.contains(where: \.readsOperand)
    case "Attention":  // A panel's rows are those of one sample.
      return result.shape.axes[1] % panelRows == 0
    default:
      return true
    }
  }

  private static func traits(_ group: Group) -> Kernel.Traits { Kernels.named(group.kernel)?.traits ?? [] }
}
