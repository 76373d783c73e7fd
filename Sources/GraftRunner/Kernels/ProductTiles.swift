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
      let most = threads * max(1, min(Self.mostOfThread, rows * columns / leastElements / threads))
      // Where no grid of so many is coarse enough for whole units, one of fewer is.
      for parts in stride(from: most, to: 1, by: -1) where best == (1, 1) {
        var leastReading = Int.max
        for rowParts in 1...parts where parts % rowParts == 0 {
          let columnParts = parts / rowParts
          let isTooFine =
            rowParts > 1 && rows / rowParts < unit.rows || columnParts > 1 && columns / columnParts < unit.columns
          let reading = rows * columnParts + columns * rowParts
          if !isTooFine && reading < leastReading {
            leastReading = reading
            best = (rowParts, columnParts)
          }
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
