import GraftIR
import GraftKernels

extension Kernel {
  /// The selective scan, a head of a sequence at a time; f32. Time and memory follow the length of the sequence.
  static let selectiveScan = Kernel("SelectiveScan") { request throws(Diagnostic) in
    try request.requireFloats()
    let (x, dt, b) = (request.inputs[0].shape.axes, request.inputs[1].shape.axes, request.inputs[3].shape.axes)
    let groups = request.attributes.int("groups", default: 1)
    let (batch, places, heads) = (dt[0], dt[1], dt[2])
    let (width, state) = (x[2] / heads, b[2] / groups)
    let isa = request.isa.variant
    let pool = request.pool
    // Each thread keeps the state of a vector of features, at most 16 of them, on cache lines of its own.
    let scratch = (state * 16 * 4 + 63) / 64 * 64
    return PreparedKernel(scratchByteCount: scratch * pool.threadCount) { buffers in
      let (x, dt, rates) = (buffers.input(0), buffers.input(1), buffers.input(2))
      let (b, c, y) = (buffers.input(3), buffers.input(4), buffers.result())
      let skip = buffers.inputIfPresent(5, below: request.inputs.count)
      let scratchFloats = buffers.scratchFloats
      return {
        pool.parallel(batch * heads) { range, thread in
          for item in range {
            let (sequence, head) = (item / heads, item % heads)
            let group = head / (heads / groups)
            let scan = graft_scan(
              places: places, width: width, state: state, x_stride: heads * width, step_stride: heads,
              state_stride: groups * state, rate: rates[head], skip: skip?[head] ?? 0)
            let features = sequence * places * heads * width + head * width
            let weights = sequence * places * groups * state + group * state
            withUnsafePointer(to: scan) {
              graft_selective_scan(
                isa, $0, x + features, dt + sequence * places * heads + head, b + weights, c + weights, y + features,
                scratchFloats + thread * scratch / 4)
            }
          }
        }
      }
    }
  }
}
