import GraftIR
import GraftKernels

extension Kernel {
  /// Products with at most so many rows read the weight once instead of packing it for BLAS.
  private static let fewRows = 4

  /// `y = x weightᵀ + bias`, then steps; f32, with the weight in f32, bf16, f16 or packed in 8 bits.
  static let linear = Kernel("Linear", traits: .takesSteps) { request throws(Diagnostic) in
    for (index, operand) in request.inputs.enumerated() where index != 1 && operand.dtype != .f32 {
      throw request.refusal("works on \(operand.dtype)")
    }
    let layer = LinearLayer(request)
    switch request.inputs[1].dtype {
    case .f32: return layer.rows <= fewRows ? layer.fewRows() : layer.product(try BLAS.load())
    case .bf16, .f16:
      return layer.rows <= fewRows ? layer.widenedFewRows() : layer.widenedProduct(try BLAS.load())
    case .i8: return layer.integerProduct()
    default: throw request.refusal("has a weight of \(request.inputs[1].dtype)")
    }
  }
}

/// One linear layer before there is memory.
private struct LinearLayer {
  let request: KernelRequest
  let rows: Int
  let columns: Int
  let depth: Int
  private let hasBias: Bool
  private var isa: graft_isa { request.isa.variant }
  private var pool: ThreadPool { request.pool }

  init(_ request: KernelRequest) {
    self.request = request
    let weight = request.inputs[1].shape
    (columns, depth) = (weight.axes[0], weight.axes[1])
    rows = columns == 0 ? 0 : request.results[0].count / columns
    hasBias = request.inputs.count - request.steps.count { $0.readsOperand } == 3
  }

  /// The memory of the layer.
  private struct Memory {
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
      let bias = addsBias ? self.bias : nil
      if bias == nil && steps.isEmpty { return }
      for row in rows {
        let start = y + row * columns + range.lowerBound
        if let bias { graft_binary(isa, GRAFT_ADD, start, 1, bias + range.lowerBound, 1, start, range.count) }
        if !steps.isEmpty { steps.apply(from: UnsafePointer(start), to: start, row: row, columns: range) }
      }
    }
  }

  private func memory(_ buffers: Buffers) -> Memory {
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
        pool.parallel(columns, grain: max(2, 65_536 / max(1, depth) & ~1)) { range, _ in
          graft_linear_few_rows(
            isa, memory.x, weight, memory.y, rows, depth, columns, range.lowerBound, range.upperBound)
          memory.finish(0..<rows, range)
        }
      }
    }
  }

  /// The threads share the result in a grid of tiles.
  func product(_ blas: BLAS) -> PreparedKernel {
    let tiles = ProductTiles(rows: rows, columns: columns, depth: depth, threads: pool.threadCount)
    return PreparedKernel { buffers in
      let memory = self.memory(buffers)
      let weight = memory.weight.assumingMemoryBound(to: Float.self)
      return {
        pool.parallel(tiles.count) { range, _ in
          for index in range {
            let tile = tiles[index]
            multiply(blas, memory, tile.rows, weight + tile.columns.lowerBound * depth, tile.columns)
            memory.finish(tile.rows, tile.columns)
          }
        }
      }
    }
  }

  /// Channels `range`, whose weights begin at `weight`, for rows `rows`.
  private func multiply(
    _ blas: BLAS, _ memory: Memory, _ rows: Range<Int>, _ weight: UnsafePointer<Float>, _ range: Range<Int>
  ) {
    blas.multiply(
      rows: rows.count, columns: range.count, depth: depth, a: memory.x + rows.lowerBound * depth, aStride: depth,
      b: weight, bStride: depth, isBTransposed: true, c: memory.y + rows.lowerBound * columns + range.lowerBound,
      cStride: columns)
  }

  // MARK: With a weight of 16 bits

  /// Channels that are widened to f32 together: enough that packing the rows anew for each run of them counts for little.
  private static let widenedColumns = 256
  /// The same where nothing is packed: what stays in the second-level cache.
  private static let widenedElements = 65_536

  func widenedFewRows() -> PreparedKernel {
    let step = max(2, Self.widenedElements / max(1, depth) & ~1)
    let room = min(step, columns) * depth * 4
    return widened(room) { memory, room, range in
      for first in stride(from: range.lowerBound, to: range.upperBound, by: step) {
        let part = first..<min(first + step, range.upperBound)
        widen(memory.weight, part, into: room)
        // The loop counts channels from its weight's first one.
        graft_linear_few_rows(
          isa, memory.x, UnsafePointer(room), memory.y + part.lowerBound, rows, depth, columns, 0, part.count)
        memory.finish(0..<rows, part)
      }
    }
  }

  func widenedProduct(_ blas: BLAS) -> PreparedKernel {
    let step = Self.widenedColumns
    return widened(min(step, columns) * depth * 4) { memory, room, range in
      for first in stride(from: range.lowerBound, to: range.upperBound, by: step) {
        let part = first..<min(first + step, range.upperBound)
        widen(memory.weight, part, into: room)
        multiply(blas, memory, 0..<rows, UnsafePointer(room), part)
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

  private func widen(_ weight: UnsafeRawPointer, _ range: Range<Int>, into room: UnsafeMutablePointer<Float>) {
    let (from, count) = (weight + range.lowerBound * depth * 2, range.count * depth)
    if request.inputs[1].dtype == .bf16 {
      graft_cast_bf16_to_f32(from, room, count)
    } else {
      graft_cast_f16_to_f32(from, room, count)
    }
  }

  // MARK: In 8 bits

  /// Rows become whole numbers first; then the threads share the channels, some panels at a time, so that what follows a product finds
  /// it in the second-level cache.
  func integerProduct() -> PreparedKernel {
    let rowByteCount = graft_int8_row_bytes(isa, depth)
    let scalesStart = (rows * rowByteCount + 63) / 64 * 64
    let step = max(1, 65_536 / max(1, rows * Int(GRAFT_INT8_PANEL))) * Int(GRAFT_INT8_PANEL)
    return PreparedKernel(scratchByteCount: scalesStart + rows * 4) { buffers in
      let memory = self.memory(buffers)
      let weight = PackedWeight(request.inputs[1].shape).parts(of: memory.weight)
      let scales = (memory.scratch + scalesStart).assumingMemoryBound(to: Float.self)
      return {
        pool.parallel(rows, grain: 8) { range, _ in
          graft_int8_pack_rows(
            isa, memory.x + range.lowerBound * depth, range.count, depth,
            memory.scratch + range.lowerBound * rowByteCount, scales + range.lowerBound)
        }
        pool.parallel(columns, grain: Int(GRAFT_INT8_PANEL)) { range, _ in
          for first in stride(from: range.lowerBound, to: range.upperBound, by: step) {
            let part = first..<min(first + step, range.upperBound)
            graft_int8_product(
              isa, memory.scratch, scales, rows, depth, weight.channels, weight.scales, weight.sums, memory.bias,
              memory.y, columns, part.lowerBound, part.upperBound)
            memory.finish(0..<rows, part, addsBias: false)
          }
        }
      }
    }
  }
}
