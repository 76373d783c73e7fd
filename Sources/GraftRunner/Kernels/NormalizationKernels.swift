import GraftIR
import GraftKernels

extension Kernel {
  /// LayerNorm over the last axis, then steps; f32.
  static let layerNormalization = Kernel("LayerNormalization", traits: [.inPlace, .takesSteps, .writesPanels]) {
    request throws(Diagnostic) in
    try normalization(request) { isa, x, scale, bias, epsilon, y, rows, width in
      graft_layer_norm(isa, x, scale, bias, epsilon, y, rows, width)
    }
  }

  /// RMSNorm over the last axis, then steps; f32.
  static let rmsNormalization = Kernel("RMSNormalization", traits: [.inPlace, .takesSteps, .writesPanels]) {
    request throws(Diagnostic) in
    try normalization(request) { isa, x, scale, _, epsilon, y, rows, width in
      graft_rms_norm(isa, x, scale, epsilon, y, rows, width)
    }
  }

  private typealias Rows = (
    graft_isa, UnsafePointer<Float>, UnsafePointer<Float>?, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>,
    Int, Int
  ) -> Void

  private static func normalization(
    _ request: KernelRequest, _ normalize: @escaping Rows
  ) throws(Diagnostic) -> PreparedKernel {
    try request.requireFloats()
    let own = request.inputs.count - request.steps.count { $0.readsOperand }
    let width = request.results[0].width
    let rows = width == 0 ? 0 : request.results[0].count / width
    let epsilon = Float(request.attributes.float("epsilon"))
    let isa = request.isa.variant
    let pool = request.pool
    let panelRows = request.results[0].panelRows
    let room = (panelRows ?? 0) * width
    return PreparedKernel(scratchByteCount: room * 4 * pool.threadCount) { buffers in
      let (x, y) = (buffers.input(0), buffers.result())
      let scale = buffers.inputIfPresent(1, below: own)
      let bias = buffers.inputIfPresent(2, below: own)
      let steps = BoundRowSteps(request, buffers)
      /// Works out rows `range` of a result that begins at `y`.
      func work(_ range: Range<Int>, _ y: UnsafeMutablePointer<Float>) {
        for row in range {
          normalize(isa, x + row * width, scale, bias, epsilon, y + row * width, 1, width)
          steps.apply(to: y, width: width, rows: row..<row + 1, columns: 0..<width)
        }
      }
      guard let panelRows else {
        return { pool.parallel(rows, grain: max(1, elementGrain / max(1, width))) { range, _ in work(range, y) } }
      }
      return {
        pool.parallel(rows, grain: panelRows) { range, thread in
          let own = buffers.scratchFloats + thread * room
          for first in stride(from: range.lowerBound, to: range.upperBound, by: panelRows) {
            let panel = first..<min(first + panelRows, range.upperBound)
            work(panel, own - first * width)
            graft_pack_panels(isa, own, width, panel.count, width, 0, 1, y + first * width)
          }
        }
      }
    }
  }

  /// Softmax along any axis; f32.
  static let softmax = Kernel("Softmax", traits: .inPlace) { request throws(Diagnostic) in
    try request.requireFloats()
    let shape = request.results[0].shape
    let lanes = Lanes(shape, axis: request.attributes.int("axis", default: -1))
    let isa = request.isa.variant
    let pool = request.pool
    return PreparedKernel { buffers in
      let (x, y) = (buffers.input(0), buffers.result())
      return {
        if lanes.inner == 1 {
          pool.parallel(lanes.outer, grain: max(1, elementGrain / max(1, lanes.length))) { range, _ in
            let start = range.lowerBound * lanes.length
            graft_softmax(isa, x + start, y + start, range.count, lanes.length)
          }
          return
        }
        let block = lanes.length * lanes.inner
        pool.parallel(lanes.outer, grain: max(1, elementGrain / max(1, block))) { range, _ in
          for outer in range {
            graft_softmax_strided(isa, x + outer * block, y + outer * block, lanes.length, lanes.inner)
          }
        }
      }
    }
  }
}

/// A tensor as [outer, length, inner] around one of its axes.
struct Lanes: Equatable {
  let outer: Int
  let length: Int
  let inner: Int

  /// Around `axis`, which counts from the end where it is negative.
  init(_ shape: Shape, axis: Int) {
    let axis = shape.resolved(axis)
    outer = shape.axes[..<axis].reduce(1, *)
    length = shape.rank == 0 ? 1 : shape.axes[axis]
    inner = shape.axes.dropFirst(axis + 1).reduce(1, *)
  }
}

extension Shape {
  /// `axis` counted from the start.
  func resolved(_ axis: Int) -> Int { axis < 0 ? max(0, axis + rank) : axis }
}
