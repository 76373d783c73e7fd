import GraftIR
import GraftKernels

extension Kernel {
  /// `y = x weightᵀ + bias`, then steps; f32, with the weight in f32, bf16, f16 or packed in 8 bits.
  static let linear = Kernel("Linear", traits: [.takesSteps, .readsPanels, .writesPanels]) {
    request throws(Diagnostic) in
    for (index, operand) in request.inputs.enumerated() where index != 1 && operand.dtype != .f32 {
      throw request.refusal("works on \(operand.dtype)")
    }
    let layer = LinearLayer(request)
    let takesPanels = LinearLayer.worksOnPanels(weight: request.inputs[1], result: request.results[0])
    precondition(
      takesPanels || request.inputs[0].panelRows == nil && request.results[0].panelRows == nil, "it works on rows")
    switch request.inputs[1].dtype {
    case .f32: return takesPanels ? layer.product() : layer.fewRows()
    case .bf16, .f16: return takesPanels ? layer.product() : layer.widenedFewRows()
    case .i8: return layer.integerProduct()
    default: throw request.refusal("has a weight of \(request.inputs[1].dtype)")
    }
  }
}

/// One linear layer before there is memory.
struct LinearLayer {
  /// Products with at most so many rows need no panels: each thread reads its channels of the weight once.
  private static let fewRows = 4

  /// Whether a layer with such a weight and result takes its rows in panels: all but products of few rows or in 8 bits.
  static func worksOnPanels(weight: Operand, result: Operand) -> Bool {
    weight.dtype != .i8 && result.width > 0 && result.count / result.width > fewRows
  }

  let request: KernelRequest
  let rows: Int
  let columns: Int
  let depth: Int
  private let hasBias: Bool
  /// Whether the weight is of 16 bits.
  private let isWidened: Bool
  /// Whether rows come and go in panels.
  private let givenPanels: Bool
  private let givesPanels: Bool
  var isa: graft_isa { request.isa.variant }
  var pool: ThreadPool { request.pool }

  init(_ request: KernelRequest) {
    self.request = request
    let weight = request.inputs[1].shape
    (columns, depth) = (weight.axes[0], weight.axes[1])
    rows = columns == 0 ? 0 : request.results[0].count / columns
    isWidened = request.inputs[1].dtype != .f32
    givenPanels = request.inputs[0].panelRows != nil
    givesPanels = request.results[0].panelRows != nil
    hasBias = request.inputs.count - request.steps.count { $0.readsOperand } == 3
  }

  /// The memory of the layer.
  struct Memory {
    let x: UnsafePointer<Float>
    let weight: UnsafeRawPointer
    let bias: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>
    let scratch: UnsafeMutableRawPointer
    let steps: BoundRowSteps
    let columns: Int
    let isa: graft_isa

    /// Adds the bias, where one is left to add, and runs the steps on a part of the result.
    func finish(_ rows: Range<Int>, _ range: Range<Int>, addsBias: Bool = true) {
      if addsBias, let bias {
        for row in rows {
          let start = y + row * columns + range.lowerBound
          graft_binary(isa, GRAFT_ADD, start, 1, bias + range.lowerBound, 1, start, range.count)
        }
      }
      steps.apply(to: y, width: columns, rows: rows, columns: range)
    }
  }

  func memory(_ buffers: Buffers) -> Memory {
    Memory(
      x: buffers.input(0), weight: UnsafeRawPointer(buffers.inputs[1]), bias: hasBias ? buffers.input(2) : nil,
      y: buffers.result(), scratch: buffers.scratch, steps: BoundRowSteps(request, buffers), columns: columns,
      isa: isa)
  }

  // MARK: In f32

  /// Every thread reads its own channels of the weight once.
  func fewRows() -> PreparedKernel {
    PreparedKernel { buffers in
      let memory = self.memory(buffers)
      let weight = memory.weight.assumingMemoryBound(to: Float.self)
      return {
        pool.parallel(columns, grain: max(1, 65_536 / max(1, depth))) { range, _ in
          graft_linear_few_rows(
            isa, memory.x, weight, memory.y, rows, depth, columns, range.lowerBound, range.upperBound)
          memory.finish(0..<rows, range)
        }
      }
    }
  }

  // MARK: Panels of rows

  /// A tile is no smaller than a few panels by some strips.
  private static let leastTileElements = 24_576

  /// The rows are packed in panels, unless they came so; then the threads share the result in a grid of tiles and read
  /// the weight where it is. A weight of 16 bits is widened a block at a time, so that tiles have all rows: no block is
  /// widened twice.
  func product() -> PreparedKernel {
    let blocks = ProductBlocks(rows: rows, columns: columns, depth: depth, isa: isa)
    // Tiles of a widened weight take nearly a whole block each, since a part of one costs as much to widen as to read.
    let widened = rows * blocks.columns * 7 / 8
    let least = isWidened ? max(Self.leastTileElements, widened) : Self.leastTileElements
    let tiles = ProductTiles(
      rows: rows, columns: columns, depth: depth, threads: pool.threadCount, leastElements: least,
      unit: (isWidened ? rows : blocks.panelRows, Int(GRAFT_PRODUCT_LINE_COLUMNS)))
    // A layer without depth has one block, of nothing.
    let depths = depth == 0 ? [0..<0] : Array(blocks.parts(of: 0..<depth, by: blocks.depth))
    let packedByteCount = givenPanels ? 0 : blocks.panelByteCount(rows, depth)
    let weightByteCount = isWidened ? blocks.weightByteCount : 0
    let partRows = isWidened ? rows : min(rows, blocks.rows)
    let room = weightByteCount + (depth > blocks.depth ? blocks.panelByteCount(partRows, blocks.columns) : 0)
    return PreparedKernel(scratchByteCount: packedByteCount + room * pool.threadCount) { buffers in
      let memory = self.memory(buffers)
      let packed = memory.scratch.assumingMemoryBound(to: Float.self)
      func work(_ tile: (rows: Range<Int>, columns: Range<Int>), _ thread: Int) {
        let own = memory.scratch + packedByteCount + thread * room
        let product = Product(
          blocks: blocks, depths: depths, memory: memory, panels: givenPanels ? memory.x : UnsafePointer(packed),
          weight: own.assumingMemoryBound(to: Float.self),
          sums: (own + weightByteCount).assumingMemoryBound(to: Float.self))
        for part in blocks.parts(of: tile.rows, by: partRows) { multiply(product, part, tile.columns) }
      }
      return {
        if !givenPanels {
          pool.parallel(blocks.panelCount, grain: tiles.count == 1 ? max(1, blocks.panelCount) : 1) { range, _ in
            graft_pack_panels(isa, memory.x, depth, rows, depth, range.lowerBound, range.upperBound, packed)
          }
        }
        pool.parallel(tiles.count) { range, thread in
          for index in range { work(tiles[index], thread) }
        }
      }
    }
  }

  /// A product with its memory.
  private struct Product {
    let blocks: ProductBlocks
    let depths: [Range<Int>]
    let memory: Memory
    /// All rows.
    let panels: UnsafePointer<Float>
    /// A thread's room for a block of the weight where it is widened, and for sums between blocks of the depth.
    let weight: UnsafeMutablePointer<Float>
    let sums: UnsafeMutablePointer<Float>
  }

  /// Works out channels `range` of rows `part`, one block of the weight after the other.
  private func multiply(_ product: Product, _ part: Range<Int>, _ range: Range<Int>) {
    let (blocks, depths) = (product.blocks, product.depths)
    for channels in blocks.parts(of: range, by: blocks.columns) {
      for (index, inner) in depths.enumerated() {
        if isWidened { widen(product.memory.weight, channels, inner, into: product.weight) }
        let follows = channels.upperBound..<min(range.upperBound, channels.upperBound + blocks.columns)
        let next = index + 1 < depths.count ? (channels, depths[index + 1]) : (follows, depths[0])
        multiplyBlock(product, part, channels, inner, before: next)
      }
    }
  }

  /// Adds what elements `inner` of the depth give to channels `channels` of rows `part`, and finishes them with the
  /// last ones. `next` is the block of the weight that is read then.
  private func multiplyBlock(
    _ product: Product, _ part: Range<Int>, _ channels: Range<Int>, _ inner: Range<Int>,
    before next: (channels: Range<Int>, inner: Range<Int>)
  ) {
    let (blocks, memory) = (product.blocks, product.memory)
    let panelRows = blocks.panelRows
    let isLast = inner.upperBound == depth
    var block = graft_product_block()
    block.packed = product.panels + inner.lowerBound * panelRows
    block.panel_stride = depth * panelRows
    (block.rows, block.k_count) = (rows, inner.count)
    block.columns = channels.count
    block.weight = isWidened ? UnsafePointer(product.weight) : weight(memory, channels.lowerBound, inner.lowerBound)
    block.weight_stride = isWidened ? inner.count : depth
    // The part's sums begin with its first panel.
    block.sums_stride = blocks.columns * panelRows
    block.sums = product.sums - part.lowerBound / panelRows * block.sums_stride
    block.adds = inner.lowerBound > 0
    if isLast {
      block.bias = memory.bias.map { $0 + channels.lowerBound }
      if givesPanels {
        block.panels = memory.y + channels.lowerBound * panelRows
        block.panels_stride = columns * panelRows
      } else {
        block.y = memory.y + channels.lowerBound
        block.y_stride = columns
        block.beside = memory.steps.operandOfRows.map { $0 + channels.lowerBound }
      }
    }
    for rows in blocks.parts(of: part, by: ProductBlocks.finishedRows) {
      let panels = rows.lowerBound / panelRows..<(rows.upperBound + panelRows - 1) / panelRows
      bringNear(next.channels, next.inner, share: rows, of: part, memory, &block)
      graft_product(isa, &block, panels.lowerBound, panels.upperBound)
      if !isLast { continue }
      if givesPanels {
        for panel in panels {
          memory.steps.apply(
            toElements: block.panels + panel * block.panels_stride, count: channels.count * panelRows)
        }
      } else {
        memory.finish(rows, channels, addsBias: false)
      }
    }
  }

  /// Has `block` bring near what channels `wanted` of the weight have at elements `inner` of the depth: as much of it
  /// as rows `share` are of `all`.
  private func bringNear(
    _ wanted: Range<Int>, _ inner: Range<Int>, share: Range<Int>, of all: Range<Int>, _ memory: Memory,
    _ block: inout graft_product_block
  ) {
    if wanted.isEmpty { return }
    var count = wanted.count
    block.ahead_stride = depth
    if isWidened {
      // What a row of f32 asks for are two rows of 16 bits where one follows the other, else one and what is behind it.
      let isWhole = inner.count == depth
      count = isWhole ? (count + 1) / 2 : count
      block.ahead_stride = isWhole ? depth : depth / 2
    }
    let first = count * (share.lowerBound - all.lowerBound) / all.count
    block.ahead = weight(memory, wanted.lowerBound, inner.lowerBound) + first * block.ahead_stride
    block.ahead_rows = count * (share.upperBound - all.lowerBound) / all.count - first
  }

  /// Where the weight of `channel` has element `k`; of 16 bits, two stand where one float would.
  private func weight(_ memory: Memory, _ channel: Int, _ k: Int) -> UnsafePointer<Float> {
    (memory.weight + (channel * depth + k) * (isWidened ? 2 : 4)).assumingMemoryBound(to: Float.self)
  }

  // MARK: With a weight of 16 bits

  /// Elements that are widened to f32 together: what stays in the first-level cache.
  private static let widenedElements = 8192

  func widenedFewRows() -> PreparedKernel {
    let step = max(1, Self.widenedElements / max(1, depth))
    let room = min(step, columns) * depth * 4
    return widened(room) { memory, room, range in
      for first in stride(from: range.lowerBound, to: range.upperBound, by: step) {
        let part = first..<min(first + step, range.upperBound)
        widen(memory.weight, part.lowerBound * depth, part.count * depth, into: room)
        // The loop counts channels from its weight's first one.
        graft_linear_few_rows(
          isa, memory.x, UnsafePointer(room), memory.y + part.lowerBound, rows, depth, columns, 0, part.count)
        memory.finish(0..<rows, part)
      }
    }
  }

  /// A kernel whose threads share the channels, each with `roomByteCount` bytes for widened weights.
  private func widened(
    _ roomByteCount: Int, _ body: @escaping (Memory, UnsafeMutablePointer<Float>, Range<Int>) -> Void
  ) -> PreparedKernel {
    let room = (roomByteCount + 63) / 64 * 64
    return PreparedKernel(scratchByteCount: room * pool.threadCount) { buffers in
      let memory = self.memory(buffers)
      return {
        pool.parallel(columns, grain: 16) { range, thread in
          body(memory, (memory.scratch + thread * room).assumingMemoryBound(to: Float.self), range)
        }
      }
    }
  }

  /// Widens elements `inner` of the depth of channels `range`, one channel behind the other.
  private func widen(
    _ weight: UnsafeRawPointer, _ range: Range<Int>, _ inner: Range<Int>, into room: UnsafeMutablePointer<Float>
  ) {
    for (place, channel) in range.enumerated() {
      widen(weight, channel * depth + inner.lowerBound, inner.count, into: room + place * inner.count)
    }
  }

  /// Widens `count` elements of the weight from `first` on.
  private func widen(_ weight: UnsafeRawPointer, _ first: Int, _ count: Int, into room: UnsafeMutablePointer<Float>) {
    let from = weight + first * 2
    if request.inputs[1].dtype == .bf16 {
      graft_cast_bf16_to_f32(from, room, count)
    } else {
      graft_widen_f16(isa, from, room, count)
    }
  }
}
