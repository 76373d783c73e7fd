import GraftIR

/// A loop over a result and the operands that are broadcast to it, with as few axes as possible.
///
/// Neighbouring axes along which every operand steps alike are one axis, so `[b, 1, d]` over `[b, n, d]` is three axes
/// and a bias `[d]` over `[b, n, d]` is two.
struct BroadcastLoop: Equatable {
  /// The sizes, outermost first; never empty.
  private(set) var sizes: [Int]
  /// For each operand the elements from one index of each axis to the next; 0 where it is broadcast.
  private(set) var strides: [[Int]]

  init(result: Shape, operands: [Shape]) {
    sizes = []
    strides = operands.map { _ in [] }
    for axis in 0..<result.rank where result.axes[axis] != 1 {
      sizes.append(result.axes[axis])
      for (index, operand) in operands.enumerated() {
        let own = axis - (result.rank - operand.rank)
        let stride = own < 0 || operand.axes[own] == 1 ? 0 : operand.strides[own]
        strides[index].append(stride)
      }
    }
    var axis = sizes.count - 2
    while axis >= 0 {
      if strides.allSatisfy({ $0[axis] == $0[axis + 1] * sizes[axis + 1] }) {
        sizes[axis] *= sizes[axis + 1]
        sizes.remove(at: axis + 1)
        for index in strides.indices { strides[index].remove(at: axis) }
      }
      axis -= 1
    }
    if sizes.isEmpty {
      sizes = [1]
      strides = operands.map { _ in [0] }
    }
  }

  /// The elements of a row, which runs along the last axis.
  var width: Int { sizes[sizes.count - 1] }
  /// The number of rows.
  var rowCount: Int { sizes.dropLast().reduce(1, *) }
  /// 0 or 1: how operand `index` steps inside a row.
  func step(_ index: Int) -> Int { strides[index][sizes.count - 1] }

  /// Where row `row` of operand `index` starts, in elements.
  func offset(_ index: Int, row: Int) -> Int {
    var rest = row
    var offset = 0
    for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
      offset += rest % sizes[axis] * strides[index][axis]
      rest /= sizes[axis]
    }
    return offset
  }

  /// Calls `body` with every run of elements: where it starts in the result and in each of the first three operands,
  /// and its length. Threads share the rows, or the one row's elements.
  func forEachRun(_ pool: ThreadPool, _ body: (_ start: Int, _ a: Int, _ b: Int, _ c: Int, _ count: Int) -> Void) {
    let width = width
    let rowCount = rowCount
    if width == 0 || rowCount == 0 { return }
    let operands = strides.count
    if rowCount == 1 {
      pool.parallel(width, grain: elementGrain) { range, _ in
        func at(_ index: Int) -> Int { index < operands ? range.lowerBound * step(index) : 0 }
        body(range.lowerBound, at(0), at(1), at(2), range.count)
      }
      return
    }
    pool.parallel(rowCount, grain: max(1, elementGrain / width)) { range, _ in
      for row in range {
        func at(_ index: Int) -> Int { index < operands ? offset(index, row: row) : 0 }
        body(row * width, at(0), at(1), at(2), width)
      }
    }
  }
}

/// The elements that one thread should have at least: below, waking another costs more than it saves.
let elementGrain = 16_384
