import GraftIR
import GraftKernels

extension Kernel {
  /// `y[..., m, n] = a[..., m, k] b[..., k, n]` with broadcast leading axes; f32.
  static let matMul = Kernel("MatMul") { request throws(Diagnostic) in
    try request.requireFloats()
    let (a, b, y) = (request.inputs[0].shape.axes, request.inputs[1].shape.axes, request.results[0].shape.axes)
    let (rows, depth, columns) = (a[a.count - 2], a[a.count - 1], b[b.count - 1])
    let loop = BroadcastLoop(
      result: Shape(y.dropLast(2)), operands: [Shape(a.dropLast(2)), Shape(b.dropLast(2))])
    let count = loop.rowCount * loop.width
    guard max(rows, columns, depth) <= Int32.max else { throw request.refusal("has a side above 2,147,483,647") }
    let pool = request.pool
    let blas = try BLAS.load()
    // Many products are shared out whole, a few are each split.
    let isShared = count >= 2 * pool.threadCount
    let tiles = ProductTiles(rows: rows, columns: columns, depth: depth, threads: isShared ? 1 : pool.threadCount)
    return PreparedKernel { buffers in
      let (a, b, y) = (buffers.input(0), buffers.input(1), buffers.result())
      func product(_ index: Int, _ rowRange: Range<Int>, _ columnRange: Range<Int>) {
        let (row, column) = (index / loop.width, index % loop.width)
        let first = a + (loop.offset(0, row: row) + column * loop.step(0)) * rows * depth
        let second = b + (loop.offset(1, row: row) + column * loop.step(1)) * depth * columns
        blas.multiply(
          rows: rowRange.count, columns: columnRange.count, depth: depth, a: first + rowRange.lowerBound * depth,
          aStride: depth, b: second + columnRange.lowerBound, bStride: columns,
          c: y + index * rows * columns + rowRange.lowerBound * columns + columnRange.lowerBound, cStride: columns)
      }
      return {
        if isShared {
          pool.parallel(count) { range, _ in
            for index in range { product(index, 0..<rows, 0..<columns) }
          }
          return
        }
        for index in 0..<count {
          pool.parallel(tiles.count) { range, _ in
            for tile in range { product(index, tiles[tile].rows, tiles[tile].columns) }
          }
        }
      }
    }
  }
}
