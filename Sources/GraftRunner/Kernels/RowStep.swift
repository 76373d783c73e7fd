package import GraftIR
import GraftKernels

/// An elementwise node that runs on the rows of the node before it while they are in cache.
struct RowStep: Hashable {
  enum Operation: Hashable {
    case unary(UnaryOperation)
    /// `operand` counts the inputs of the whole launch. `isReversed` where the row is the second argument.
    case binary(BinaryOperation, operand: Int, layout: RowLayout, isReversed: Bool)
  }

  let primitive: String
  let operation: Operation
}

/// How an operand is broadcast over the rows of a result: row `r` of the result meets its row
/// `r / divisor % modulus`.
package struct RowLayout: Hashable {
  package let divisor: Int
  package let modulus: Int
  /// Elements from one row of the operand to the next.
  package let rowStride: Int
  /// 0 where one element stands for a whole row.
  package let columnStride: Int

  /// The layout of `operand` over `result`, or `nil` where it is no single run of axes.
  package init?(_ operand: Shape, over result: Shape) {
    guard result.rank >= 1, operand.rank <= result.rank else { return nil }
    let padded = [Int](repeating: 1, count: result.rank - operand.rank) + operand.axes
    let width = result.axes[result.rank - 1]
    let ownWidth = padded[result.rank - 1]
    guard ownWidth == width || ownWidth == 1 else { return nil }
    var divisor = 1
    var modulus = 1
    var state = 0  // 0: broadcast axes at the end, 1: the operand's own axes, 2: broadcast axes before them.
    for axis in stride(from: result.rank - 2, through: 0, by: -1) where result.axes[axis] != 1 {
      let size = result.axes[axis]
      guard padded[axis] == size || padded[axis] == 1 else { return nil }
      if padded[axis] == 1 {
        if state == 0 { divisor *= size } else { state = 2 }
      } else {
        if state == 2 { return nil }
        state = 1
        modulus *= size
      }
    }
    self.divisor = divisor
    self.modulus = modulus
    rowStride = ownWidth
    columnStride = ownWidth == 1 && width != 1 ? 0 : 1
  }
}

/// Steps with their memory.
struct BoundRowSteps {
  private let steps: [graft_row_step]
  private let isa: graft_isa
  /// The operand that has a row for each row of the result and is as wide, if a step reads one.
  let operandOfRows: UnsafePointer<Float>?

  init(_ request: KernelRequest, _ buffers: Buffers) {
    isa = request.isa.variant
    let rows = request.steps.lazy.compactMap { $0.operandOfRows(request.results[0]) }.first
    operandOfRows = rows.map { buffers.input($0) }
    steps = request.steps.map { step in
      switch step.operation {
      case .unary(let operation):
        graft_row_step(
          unary: operation.code, binary: GRAFT_ADD, operand: nil, divisor: 1, modulus: 1, row_stride: 0,
          column_stride: 0, is_reversed: 0)
      case .binary(let operation, let operand, let layout, let isReversed):
        graft_row_step(
          unary: GRAFT_NEG, binary: operation.code, operand: buffers.input(operand), divisor: layout.divisor,
          modulus: layout.modulus, row_stride: layout.rowStride, column_stride: layout.columnStride,
          is_reversed: isReversed ? 1 : 0)
      }
    }
  }

  /// Runs every step on columns `columns` of rows `rows`: the first reads `x`, the others what it left in `y`. Both are
  /// the first element of a matrix `width` wide; without `x` the first step reads `y`, too.
  func apply(
    from x: UnsafePointer<Float>? = nil, to y: UnsafeMutablePointer<Float>, width: Int, rows: Range<Int>,
    columns: Range<Int>
  ) {
    if steps.isEmpty { return }
    graft_row_steps(
      isa, steps, steps.count, x ?? UnsafePointer(y), y, width, rows.lowerBound, rows.upperBound, columns.lowerBound,
      columns.upperBound)
  }

  /// Runs every step, none of which has an operand, on `count` elements in place.
  func apply(toElements y: UnsafeMutablePointer<Float>, count: Int) {
    for step in steps { graft_unary(isa, step.unary, y, y, count) }
  }
}

extension RowStep {
  /// The input that has a row for each row of `result` and is as wide, if that is what it reads.
  fileprivate func operandOfRows(_ result: Operand) -> Int? {
    guard case .binary(_, let operand, let layout, _) = operation, layout.divisor == 1,
      layout.modulus * result.width == result.count, layout.rowStride == result.width
    else { return nil }
    return operand
  }

  /// Whether it adds an input to its launch.
  var readsOperand: Bool {
    switch operation {
    case .unary: false
    case .binary: true
    }
  }
}
