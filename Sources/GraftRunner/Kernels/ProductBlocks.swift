import Glibc
import GraftKernels

/// How a product is cut so that caches hold what is read again and again.
///
/// A block of the weight stays in the second-level cache while the panels of some rows meet it, then the next block of
/// the depth adds to the same sums; what the last one leaves in the result is still there for the steps that follow. At
/// most half of that cache is for the weight; how many columns that makes changes no bit of the result. Blocks of the
/// depth, which do, are the same on every machine, and long against the time that their sums take to and from the cache.
struct ProductBlocks {
  /// Rows that are packed side by side.
  let panelRows: Int
  let panelCount: Int
  /// Rows, columns and depth of a block, at most; rows are whole panels.
  let rows: Int
  let columns: Int
  let depth: Int

  /// Rows that the steps behind a product take at once, while the second-level cache holds them; whole panels.
  static let finishedRows = 128
  private static let mostRows = 512
  private static let mostDepth = 1152
  /// Half of the second-level cache.
  static let halfCacheByteCount: Int = {
    // Processors with AVX2 have 256 KB at least; 0 where the system does not tell.
    let cache = sysconf(Int32(_SC_LEVEL2_CACHE_SIZE))
    return max(cache, 256 << 10) / 2
  }()

  init(rows: Int, columns: Int, depth: Int, isa: graft_isa) {
    panelRows = graft_panel_rows(isa)
    panelCount = (rows + panelRows - 1) / panelRows
    self.rows = Self.mostRows
    // Blocks of the depth are about as long as each other.
    let count = max(1, (depth + Self.mostDepth - 1) / Self.mostDepth)
    self.depth = max(1, ((depth + count - 1) / count + 15) / 16 * 16)
    let most = min(Int(GRAFT_PRODUCT_MOST_COLUMNS), Self.halfCacheByteCount / 4 / self.depth)
    let step = Int(most < GRAFT_PRODUCT_LINE_COLUMNS ? GRAFT_PRODUCT_COLUMNS : GRAFT_PRODUCT_LINE_COLUMNS)
    self.columns = max(step, most / step * step)
  }

  /// The bytes of `width` elements of each of `rows` rows in panels, a multiple of 64.
  func panelByteCount(_ rows: Int, _ width: Int) -> Int {
    ((rows + panelRows - 1) / panelRows * panelRows * width * 4 + 63) / 64 * 64
  }

  /// The bytes of a block of the weight in f32, a multiple of 64.
  var weightByteCount: Int { (columns * depth * 4 + 63) / 64 * 64 }

  /// `range` in parts of `size`, the last one shorter.
  func parts(of range: Range<Int>, by size: Int) -> some Sequence<Range<Int>> {
    stride(from: range.lowerBound, to: range.upperBound, by: size).lazy
      .map { $0..<min($0 + size, range.upperBound) }
  }
}
