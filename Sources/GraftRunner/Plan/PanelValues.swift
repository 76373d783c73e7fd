import GraftIR
import GraftKernels

/// Which values lie in panels, as products take them: what one linear layer hands to another, with nothing but steps of
/// one argument between. It is then neither turned to rows nor packed again.
struct PanelValues {
  /// Numbers of the values.
  let values: Set<Int>

  /// - Parameters:
  ///   - operand: a value as kernels see it.
  ///   - useCount: how many inputs of nodes that run read a value; kept values count once more.
  init(_ groups: [Group], useCount: [Int], operand: (Value) -> Operand) {
    var values: Set<Int> = []
    let takers = groups.filter { Self.takes($0, operand) }
    let first = Set(takers.compactMap(\.inputs.first))
    let read = Set(takers.flatMap { $0.inputs.dropFirst() })
    for group in takers {
      guard let result = group.results.first, useCount[result.index] == 1, first.contains(result),
        !read.contains(result), !group.steps.contains(where: \.readsOperand)
      else { continue }
      values.insert(result.index)
    }
    self.values = values
  }

  /// Products of many rows, whose weights are no whole numbers.
  private static func takes(_ group: Group, _ operand: (Value) -> Operand) -> Bool {
    guard Kernels.named(group.kernel)?.traits.contains(.takesPanels) ?? false, group.inputs.count > 1,
      let result = group.results.first.map(operand)
    else { return false }
    return operand(group.inputs[1]).dtype != .i8 && result.width > 0
      && result.count / result.width > LinearLayer.fewRows
  }
}
