import GraftIR
import GraftKernels

/// Who works out which part of a matrix product.
///
/// The rule is fixed, never a timing, so that the same product gives the same bits on every run: graft's threads share
/// the result in a grid of tiles, and each tile is worked out on one thread. Of all grids with as many tiles it is the
/// one that reads the fewest elements: a tile reads its own rows of `a` and columns of `b`.
struct ProductTiles {
  let rows: Int
  let columns: Int
  /// Bounds of tiles lie on multiples of these.
  private let unit: (rows: Int, columns: Int)
  /// Tiles of a thread, so that others can take what a slow one does not come to.
  private static let mostOfThread = 8
  private let rowParts: Int
  private let columnParts: Int

  /// One tile a thread, or several of at least `leastElements`.
  init(
    rows: Int, columns: Int, depth: Int, threads: Int, leastElements: Int = .max,
    unit: (rows: Int, columns: Int) = (16, 16)
  ) {
    self.rows = rows
    self.columns = columns
    self.unit = unit
    var best = (rows: 1, columns: 1)
    // Below some 30 microseconds of work another thread costs more than it saves.
    if threads > 1 && Double(rows) * Double(columns) * Double(depth) >= 1_000_000 {
      var leastReading = Int.max
      let parts = threads * max(1, min(Self.mostOfThread, rows * columns / leastElements / threads))
      for rowParts in 1...parts where parts % rowParts == 0 {
        let columnParts = parts / rowParts
        if rowParts > 1 && rows / rowParts < unit.rows || columnParts > 1 && columns / columnParts < unit.columns {
          continue
        }
        let reading = rows * columnParts + columns * rowParts
        if reading < leastReading {
          leastReading = reading
          best = (rowParts, columnParts)
        }
      }
    }
    rowParts = best.rows
    columnParts = best.columns
  }

  /// The number of tiles.
  var count: Int { rowParts * columnParts }

  /// Rows and columns of tile `index`.
  subscript(index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    (
      part(index / columnParts, of: rowParts, size: rows, unit: unit.rows),
      part(index % columnParts, of: columnParts, size: columns, unit: unit.columns)
    )
  }

  private func part(_ index: Int, of parts: Int, size: Int, unit: Int) -> Range<Int> {
    let units = (size + unit - 1) / unit
    return min(size, units * index / parts * unit)..<min(size, units * (index + 1) / parts * unit)
  }
}

extension Kernel {
  /// `y[..., m, n] = a[..., m, k] b[..., k, n]` with broadcast leading axes; f32.
  static let matMul = Kernel("MatMul") { request throws(Diagnostic) in
    try request.requireFloats()
    let (a, b, y) = (request.inputs[0].shape.axes, request.inputs[1].shape.axes, request.results[0].shape.axes)
    let (rows, depth, columns) = (a[a.count - 2], a[a.count - 1], b[b.count - 1])
    let loop = BroadcastLoop(
      result: Shape(y.dropLast(2)), operands: [Shape(a.dropLast(2)), Shape(b.dropLast(2))])
    let count = loop.rowCount * loop.width
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

extension RowStep {
  /// Whether it adds an input to its launch.
  var readsOperand: Bool {
    switch operation {
    case .unary: false
    case .binary: true
    }
  }
}
