import GraftIR
import GraftKernels

extension Kernel {
  /// Attention, a block of queries of one head at a time; f32.
  ///
  /// Scores of some keys with the block's queries stand in a scratch of the thread until their values are added:
  /// nothing of the size n * m exists. Keys that no query of a block sees are never read, so a window costs time in
  /// proportion to itself and not to the number of keys.
  static let attention = Kernel("Attention", traits: .readsSpacedRows) { request throws(Diagnostic) in
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

    let (qStride, kStride, vStride) = (
      request.inputs[0].rowStride, request.inputs[1].rowStride, request.inputs[2].rowStride
    )
    let isa = request.isa.variant
    let pool = request.pool
    let blockRows = graft_attention_queries(isa)
    let blocks = (n + blockRows - 1) / blockRows
    let room = (graft_attention_room(isa, e, f) * 4 + 63) / 64 * 64
    return PreparedKernel(scratchByteCount: room * pool.threadCount) { buffers in
      let (q, k, v, y) = (buffers.input(0), buffers.input(1), buffers.input(2), buffers.result())
      let maskValues = buffers.inputIfPresent(3, below: request.inputs.count)
      return {
        // Where the queries, keys and values of a block begin.
        func place(_ item: Int) -> (first: Int, q: Int, k: Int, v: Int) {
          let (b, head) = (item / blocks / heads, item / blocks % heads)
          let kvHead = head / (heads / kvHeads)
          let first = item % blocks * blockRows
          return (
            first, (b * n + first) * qStride + head * e, b * m * kStride + kvHead * e, b * m * vStride + kvHead * f
          )
        }
        pool.parallel(batch * heads * blocks) { range, thread in
          for item in range {
            let (b, head) = (item / blocks / heads, item / blocks % heads)
            let (first, queries, keys, values) = place(item)
            var block = graft_attention_block()
            block.q = q + queries
            block.q_stride = qStride
            (block.count, block.first) = (min(blockRows, n - first), first)
            block.k = k + keys
            block.k_stride = kStride
            block.v = v + values
            block.v_stride = vStride
            if item + 1 < batch * heads * blocks {
              let next = place(item + 1)
              (block.next_q, block.next_count) = (q + next.q, min(blockRows, n - next.first))
              if next.k != keys { (block.next_k, block.next_v) = (k + next.k, v + next.v) }
            }
            (block.keys, block.depth, block.width) = (m, e, f)
            block.scale = scale
            (block.left, block.right) = (left, right)
            if let mask, let maskValues {
              block.mask = maskValues + b * mask[0] + head * mask[1] + first * mask[2]
              (block.mask_rows, block.mask_columns) = (mask[2], mask[3])
            }
            block.y = y + ((b * n + first) * heads + head) * f
            block.y_stride = heads * f
            graft_attention(isa, &block, buffers.scratchFloats + thread * room / 4)
          }
        }
      }
    }
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
