import GraftIR
import GraftKernels

extension Kernel {
  /// Sum, mean or maximum over some axes, one run of neighbouring axes at a time, the last first; f32.
  static func reduce(_ primitive: String) -> Kernel {
    Kernel(primitive) { request throws(Diagnostic) in
      try request.requireFloats()
      let shape = request.inputs[0].shape
      let axes = Set(request.attributes.ints("axes").map { shape.resolved($0) })
      let count = axes.reduce(1) { $0 * shape.axes[$1] }
      let factor: Float = primitive == "ReduceMean" ? 1 / Float(count) : 1
      let op = primitive == "ReduceMax" ? GRAFT_REDUCE_MAX : GRAFT_REDUCE_SUM
      let passes = Passes(shape, axes)
      // Each pass but the last leaves its result in one of two halves of the scratch.
      let half = passes.list.dropLast().map { $0.outer * $0.inner }.max() ?? 0
      let isa = request.isa.variant
      let pool = request.pool
      return PreparedKernel(scratchByteCount: half * 8) { buffers in
        let (x, y, scratch) = (buffers.input(0), buffers.result(), buffers.scratchFloats)
        return {
          var source = x
          for (index, pass) in passes.list.enumerated() {
            let isLast = index == passes.list.count - 1
            let target = isLast ? y : scratch + index % 2 * half
            let block = pass.length * pass.inner
            let from = source
            pool.parallel(pass.outer, grain: max(1, elementGrain / max(1, block))) { range, _ in
              graft_reduce(
                isa, op, from + range.lowerBound * block, isLast ? factor : 1, target + range.lowerBound * pass.inner,
                range.count, pass.length, pass.inner)
            }
            source = UnsafePointer(target)
          }
        }
      }
    }
  }

  private struct Passes {
    struct Pass {
      let outer: Int
      let length: Int
      let inner: Int
    }
    var list: [Pass] = []

    init(_ shape: Shape, _ axes: Set<Int>) {
      var sizes = shape.axes
      var axis = sizes.count - 1
      while axis >= 0 {
        guard axes.contains(axis) else {
          axis -= 1
          continue
        }
        var first = axis
        while first > 0 && axes.contains(first - 1) { first -= 1 }
        list.append(
          Pass(
            outer: sizes[..<first].reduce(1, *), length: sizes[first...axis].reduce(1, *),
            inner: sizes[(axis + 1)...].reduce(1, *)))
        for reduced in first...axis { sizes[reduced] = 1 }
        axis = first - 1
      }
      if list.isEmpty { list = [Pass(outer: shape.elementCount ?? 0, length: 1, inner: 1)] }  // No axes: a copy.
    }
  }

  /// The places of the largest or smallest elements of rows; f32. Rows are sorted, which is what a few of them cost.
  static let topIndices = Kernel("TopIndices") { request throws(Diagnostic) in
    guard request.inputs[0].dtype == .f32 else { throw request.refusal("works on \(request.inputs[0].dtype)") }
    let length = request.inputs[0].width
    let count = request.attributes.int("count")
    let largest = request.attributes.bool("largest", default: true)
    let rows = length == 0 ? 0 : request.inputs[0].count / length
    let pool = request.pool
    return PreparedKernel { buffers in
      let x = buffers.input(0)
      let y = buffers.results[0].assumingMemoryBound(to: Int64.self)
      return {
        pool.parallel(rows) { range, _ in
          for row in range {
            let values = UnsafeBufferPointer(start: x + row * length, count: length)
            let order = values.indices.sorted { a, b in
              if values[a].isNaN || values[b].isNaN {
                return values[a].isNaN == values[b].isNaN ? a < b : values[b].isNaN
              }
              return values[a] == values[b] ? a < b : largest == (values[a] > values[b])
            }
            for (place, index) in order.prefix(count).sorted().enumerated() {
              y[row * count + place] = Int64(index)
            }
          }
        }
      }
    }
  }

  /// The running sum along an axis; f32.
  static let cumSum = Kernel("CumSum", traits: .inPlace) { request throws(Diagnostic) in
    try request.requireFloats()
    let lanes = Lanes(request.results[0].shape, axis: request.attributes.int("axis"))
    let block = lanes.length * lanes.inner
    let pool = request.pool
    return PreparedKernel { buffers in
      let (x, y) = (buffers.input(0), buffers.result())
      return {
        pool.parallel(lanes.outer, grain: max(1, elementGrain / max(1, block))) { range, _ in
          let start = range.lowerBound * block
          graft_cumulative_sum(x + start, y + start, range.count, lanes.length, lanes.inner)
        }
      }
    }
  }
}
