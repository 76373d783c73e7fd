import GraftIR
import GraftKernels

extension Kernel {
  /// Attention, a block of queries of one head at a time; f32.
  ///
  /// Scores of some keys with the block's queries stand in a scratch of the thread until their values are added:
  /// nothing of the size n * m exists. Keys that no query of a block sees are never read, so a window costs time in
  /// proportion to itself and not to the number of keys.
  static let attention = Kernel("Attention", traits: [.readsSpacedRows, .writesPanels]) { request throws(Diagnostic) in
    try request.requireFloats()
    let layer = AttentionLayer(request)
    let room = (graft_attention_room(request.isa.variant, layer.depth, layer.width) * 4 + 63) / 64 * 64
    return PreparedKernel(scratchByteCount: room * request.pool.threadCount) { buffers in
      {
        request.pool.parallel(layer.itemCount) { range, thread in
          for item in range {
            var block = layer.block(item, buffers)
            graft_attention(request.isa.variant, &block, buffers.scratchFloats + thread * room / 4)
          }
        }
      }
    }
  }
}

/// One attention before there is memory: its sizes, and which block of queries is which.
private struct AttentionLayer {
  /// The elements of a query and of a value, in one head.
  let depth: Int
  let width: Int
  /// Blocks of queries, of all samples and heads.
  let itemCount: Int
  private let queryCount: Int
  private let keyCount: Int
  private let heads: Int
  private let kvHeads: Int
  private let scale: Float
  /// The keys that a query sees before and behind its own place.
  private let window: (left: Int, right: Int)
  /// Elements from one row to the next.
  private let rowStrides: (q: Int, k: Int, v: Int)
  /// Elements of the mask from one sample, head, query and key to the next.
  private let mask: [Int]?
  private let blockRows: Int
  /// The rows of a panel where the result lies in panels.
  private let panelRows: Int?
  private let blockCount: Int

  init(_ request: KernelRequest) {
    let (q, k, v) = (request.inputs[0].shape.axes, request.inputs[1].shape.axes, request.inputs[2].shape.axes)
    heads = request.attributes.int("heads", default: 1)
    kvHeads = request.attributes.int("kv_heads", default: heads)
    (queryCount, keyCount) = (q[1], k[1])
    (depth, width) = (q[2] / heads, v[2] / kvHeads)
    scale = Float(request.attributes.float("scale", default: 1 / Double(max(1, depth)).squareRoot()))
    let sides = request.attributes.ints("window", default: [-1, -1])
    // An open side is a window as wide as everything.
    let all = max(queryCount, keyCount)
    window = (sides[0] < 0 ? all : min(sides[0], all), sides[1] < 0 ? all : min(sides[1], all))
    mask =
      request.inputs.count == 4
      ? request.inputs[3].shape.strides(over: Shape([q[0], heads, queryCount, keyCount])) : nil
    rowStrides = (request.inputs[0].rowStride, request.inputs[1].rowStride, request.inputs[2].rowStride)
    panelRows = request.results[0].panelRows
    blockRows = graft_attention_queries(request.isa.variant)
    blockCount = (queryCount + blockRows - 1) / blockRows
    itemCount = q[0] * heads * blockCount
  }

  /// A block's sample and head, its first query, and where its queries, keys and values begin.
  private func place(_ item: Int) -> (sample: Int, head: Int, first: Int, q: Int, k: Int, v: Int) {
    let (sample, head) = (item / blockCount / heads, item / blockCount % heads)
    let kvHead = head / (heads / kvHeads)
    let first = item % blockCount * blockRows
    return (
      sample, head, first, (sample * queryCount + first) * rowStrides.q + head * depth,
      sample * keyCount * rowStrides.k + kvHead * depth, sample * keyCount * rowStrides.v + kvHead * width
    )
  }

  /// Block `item`, and what the one behind it reads, to be brought near.
  func block(_ item: Int, _ buffers: Buffers) -> graft_attention_block {
    let place = place(item)
    let (q, k, v) = (buffers.input(0), buffers.input(1), buffers.input(2))
    var block = graft_attention_block()
    (block.q, block.q_stride) = (q + place.q, rowStrides.q)
    (block.k, block.k_stride) = (k + place.k, rowStrides.k)
    (block.v, block.v_stride) = (v + place.v, rowStrides.v)
    (block.count, block.first) = (min(blockRows, queryCount - place.first), place.first)
    (block.keys, block.depth, block.width) = (keyCount, depth, width)
    (block.left, block.right) = window
    block.scale = scale
    if item + 1 < itemCount {
      let next = self.place(item + 1)
      (block.next_q, block.next_count) = (q + next.q, min(blockRows, queryCount - next.first))
      if next.k != place.k { (block.next_k, block.next_v) = (k + next.k, v + next.v) }
    }
    if let mask {
      block.mask = buffers.input(3) + place.sample * mask[0] + place.head * mask[1] + place.first * mask[2]
      (block.mask_rows, block.mask_columns) = (mask[2], mask[3])
    }
    let row = place.sample * queryCount + place.first
    block.y = buffers.result() + row * heads * width + place.head * width * (panelRows ?? 1)
    block.y_stride = heads * width
    block.y_in_panels = panelRows != nil
    return block
  }
}
