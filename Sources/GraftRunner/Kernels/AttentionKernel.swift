import GraftIR
import GraftKernels

extension Kernel {
  /// Attention, a block of queries of one head at a time; f32.
  ///
  /// A block's scores are one product with all keys that any of its queries sees, so a window costs time in proportion
  /// to itself and not to the number of keys. They stand in a scratch of the thread: nothing of the size n * m exists.
  static let attention = Kernel("Attention") { request throws(Diagnostic) in
    try request.requireFloats()
    let (q, k, v) = (request.inputs[0].shape.axes, request.inputs[1].shape.axes, request.inputs[2].shape.axes)
    let heads = request.attributes.int("heads", default: 1)
    let kvHeads = request.attributes.int("kv_heads", default: heads)
    let (batch, n, m) = (q[0], q[1], k[1])
    let (e, f) = (q[2] / heads, v[2] / kvHeads)
    let scale = Float(request.attributes.float("scale", default: 1 / Double(max(1, e)).squareRoot()))
    let window = request.attributes.ints("window", default: [-1, -1])
    // An open side is a window as wide as everything.
    let left = window[0] < 0 ? max(n, m) : min(window[0], max(n, m))
    let right = window[1] < 0 ? max(n, m) : min(window[1], max(n, m))
    let mask =
      request.inputs.count == 4
      ? request.inputs[3].shape.broadcastStrides(over: Shape([batch, heads, n, m])) : nil

    let blockRows = queriesOfBlock(queries: n, keys: m, left: left, right: right)
    let blockWidth = min(m, blockRows + left + right)
    let blocks = blockRows == 0 ? 0 : (n + blockRows - 1) / blockRows
    let isa = request.isa.variant
    let pool = request.pool
    let blas = try BLAS.load()
    let scratch = (blockRows * blockWidth * 4 + 63) / 64 * 64
    return PreparedKernel(scratchByteCount: scratch * pool.threadCount) { buffers in
      let (q, k, v, y) = (buffers.input(0), buffers.input(1), buffers.input(2), buffers.result())
      let maskValues = buffers.inputIfPresent(3, below: request.inputs.count)
      let scratchFloats = buffers.scratchFloats
      return {
        pool.parallel(batch * heads * blocks) { range, thread in
          let scores = scratchFloats + thread * scratch / 4
          for item in range {
            let (b, head) = (item / blocks / heads, item / blocks % heads)
            let rows = item % blocks * blockRows..<min(n, (item % blocks + 1) * blockRows)
            let firstKey = max(0, rows.lowerBound - left)
            let width = max(0, min(m, rows.upperBound + right) - firstKey)
            let kvHead = head / (heads / kvHeads)
            blas.multiply(
              rows: rows.count, columns: width, depth: e, alpha: scale,
              a: q + ((b * n + rows.lowerBound) * heads + head) * e, aStride: heads * e,
              b: k + ((b * m + firstKey) * kvHeads + kvHead) * e, bStride: kvHeads * e, isBTransposed: true,
              c: scores, cStride: width)
            if let mask, let maskValues {
              let column = mask[3]
              for row in rows {
                let start = scores + (row - rows.lowerBound) * width
                let values =
                  maskValues + b * mask[0] + head * mask[1] + row * mask[2] + firstKey * column
                graft_binary(isa, GRAFT_ADD, start, 1, values, column, start, width)
              }
            }
            graft_softmax_band(
              isa, scores, rows.count, width, rows.lowerBound - left - firstKey,
              rows.lowerBound + right + 1 - firstKey)
            blas.multiply(
              rows: rows.count, columns: f, depth: width, a: scores, aStride: max(1, width),
              b: v + ((b * m + firstKey) * kvHeads + kvHead) * f, bStride: kvHeads * f,
              c: y + ((b * n + rows.lowerBound) * heads + head) * f, cStride: heads * f)
          }
        }
      }
    }
  }

  /// As many queries as keep the scores of a block within 256 KB, which the second-level cache holds; about as many as
  /// the window is wide where it is narrow, so that few scores outside it are worked out.
  private static func queriesOfBlock(queries: Int, keys: Int, left: Int, right: Int) -> Int {
    if queries == 0 { return 0 }
    let window = left + right + 1
    var rows = min(256, max(16, 65_536 / max(1, keys)))
    if window < keys { rows = min(rows, max(16, (window + 15) / 16 * 16)) }
    return min(queries, rows)
  }
}

extension Shape {
  /// The elements from one index of each axis of `result` to the next, where this shape is broadcast to it.
  func broadcastStrides(over result: Shape) -> [Int] {
    result.axes.indices.map { axis in
      let own = axis - (result.rank - rank)
      return own < 0 || axes[own] == 1 ? 0 : strides[own]
    }
  }
}
