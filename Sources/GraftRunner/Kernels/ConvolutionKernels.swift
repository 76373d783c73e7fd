import GraftIR
import GraftKernels

extension Kernel {
  /// A convolution of pictures as products with the unfolded picture, some output pixels at a time; f32.
  static let conv = Kernel("Conv") { request throws(Diagnostic) in
    try request.requireFloats()
    let (x, w, y) = (request.inputs[0].shape.axes, request.inputs[1].shape.axes, request.results[0].shape.axes)
    let strides = request.attributes.ints("strides", default: [1, 1])
    let pads = request.attributes.ints("pads", default: [0, 0, 0, 0])
    let groups = request.attributes.int("group", default: 1)
    let shape = graft_unfolding(
      channels: w[1], height: x[2], width: x[3], kernel_height: w[2], kernel_width: w[3], stride_height: strides[0],
      stride_width: strides[1], pad_top: pads[0], pad_left: pads[1], output_width: y[3])
    if w[1] == 1, w[0] == groups, let kernel = depthwise(request, shape, outputHeight: y[2]) { return kernel }
    let depth = w[1] * w[2] * w[3]
    let outputs = w[0] / groups
    let pixels = y[2] * y[3]
    guard max(depth, outputs, pixels) <= Int32.max else { throw request.refusal("has a side above 2,147,483,647") }
    // A picture under one tap without stride or padding is its own unfolding.
    let isPlain = w[2] == 1 && w[3] == 1 && strides == [1, 1] && pads == [0, 0, 0, 0]
    let pool = request.pool
    // Some 2 MB of unfolded pixels for a thread: the third-level cache keeps them between writing and reading. Parts
    // are small enough for every thread to have one, and the same for every number of threads.
    let part = max(16, min(max(1, pixels), 524_288 / max(1, depth), max(256, pixels / 16)))
    let parts = (pixels + part - 1) / part
    let batch = x[0]
    let isa = request.isa.variant
    let blas = try BLAS.load()
    let scratch = isPlain ? 0 : (depth * part * 4 + 63) / 64 * 64
    return PreparedKernel(scratchByteCount: scratch * pool.threadCount) { buffers in
      let (picture, weight, result) = (buffers.input(0), buffers.input(1), buffers.result())
      let bias = buffers.inputIfPresent(2, below: request.inputs.count)
      let scratchFloats = buffers.scratchFloats
      return {
        pool.parallel(batch * groups * parts) { range, thread in
          for item in range {
            let (b, group) = (item / parts / groups, item / parts % groups)
            let from = item % parts * part
            let to = min(pixels, from + part)
            let plane = picture + (b * groups + group) * w[1] * x[2] * x[3]
            var column = UnsafePointer(plane + from)
            var columnStride = pixels
            if !isPlain {
              let own = scratchFloats + thread * scratch / 4
              withUnsafePointer(to: shape) { graft_unfold($0, plane, own, from, to) }
              column = UnsafePointer(own)
              columnStride = to - from
            }
            let first = result + (b * groups + group) * outputs * pixels + from
            blas.multiply(
              rows: outputs, columns: to - from, depth: depth, a: weight + group * outputs * depth, aStride: depth,
              b: column, bStride: columnStride, c: first, cStride: pixels)
            guard let bias else { continue }
            for output in 0..<outputs {
              let row = first + output * pixels
              graft_binary(isa, GRAFT_ADD, row, 1, bias + group * outputs + output, 0, row, to - from)
            }
          }
        }
      }
    }
  }

  /// Each channel by itself: products so small that unfolding would cost more than they do. `nil` where a padded plane
  /// is larger than 16 MB, which is no picture but a text's wide padding.
  private static func depthwise(
    _ request: KernelRequest, _ shape: graft_unfolding, outputHeight: Int
  ) -> PreparedKernel? {
    let (x, taps) = (request.inputs[0].shape.axes, Int(shape.kernel_height * shape.kernel_width))
    // As far as the last tap of the last output reaches, or the picture itself where strides leave some of it out.
    let height = max(
      x[2] + Int(shape.pad_top), (outputHeight - 1) * Int(shape.stride_height) + Int(shape.kernel_height))
    let width = max(
      x[3] + Int(shape.pad_left), (Int(shape.output_width) - 1) * Int(shape.stride_width) + Int(shape.kernel_width))
    let (plane, overflow) = height.multipliedReportingOverflow(by: width)
    guard !overflow, plane <= 1 << 22 else { return nil }
    let pixels = outputHeight * Int(shape.output_width)
    let scratch = ((plane + 16) * 4 + 63) / 64 * 64
    let (isa, pool) = (request.isa.variant, request.pool)
    return PreparedKernel(scratchByteCount: scratch * pool.threadCount) { buffers in
      let (picture, weight, result) = (buffers.input(0), buffers.input(1), buffers.result())
      let bias = buffers.inputIfPresent(2, below: request.inputs.count)
      let scratchFloats = buffers.scratchFloats
      return {
        pool.parallel(x[0] * x[1], grain: max(1, elementGrain / max(1, pixels * taps))) { range, thread in
          for plane in range {
            let channel = plane % x[1]
            withUnsafePointer(to: shape) {
              graft_depthwise_conv(
                isa, $0, picture + plane * x[2] * x[3], weight + channel * taps, bias?[channel] ?? 0,
                result + plane * pixels, outputHeight, scratchFloats + thread * scratch / 4, height, width)
            }
          }
        }
      }
    }
  }

  /// A convolution with what came before, along tokens or features; f32.
  static let causalConv = Kernel("CausalConv") { request throws(Diagnostic) in
    try request.requireFloats()
    let x = request.inputs[0].shape.axes
    let taps = request.inputs[1].shape.axes[2]
    let axis = request.inputs[0].shape.resolved(request.attributes.int("axis", default: 1))
    let (batch, tokens, features) = (x[0], x[1], x[2])
    let isa = request.isa.variant
    let pool = request.pool
    if axis == 2 {
      return PreparedKernel { buffers in
        let (x, weight, y) = (buffers.input(0), buffers.input(1), buffers.result())
        let bias = buffers.inputIfPresent(2, below: request.inputs.count)
        return {
          pool.parallel(batch * tokens, grain: max(1, elementGrain / max(1, features))) { range, _ in
            for row in range {
              graft_causal_conv_features(
                isa, x + row * features, weight + row % tokens * taps, bias?[row % tokens] ?? 0, y + row * features,
                features, taps)
            }
          }
        }
      }
    }
    return PreparedKernel(scratchByteCount: features * taps * 4) { buffers in
      let (x, weight, y, tapsFirst) = (buffers.input(0), buffers.input(1), buffers.result(), buffers.scratchFloats)
      let bias = buffers.inputIfPresent(2, below: request.inputs.count)
      return {
        for channel in 0..<features {
          for tap in 0..<taps { tapsFirst[tap * features + channel] = weight[channel * taps + tap] }
        }
        pool.parallel(batch * tokens, grain: max(1, elementGrain / max(1, features))) { range, _ in
          var row = range.lowerBound
          while row < range.upperBound {  // A part may reach over several sequences.
            let (b, first) = (row / tokens, row % tokens)
            let end = min(tokens, first + range.upperBound - row)
            let start = b * tokens * features
            graft_causal_conv_tokens(isa, x + start, tapsFirst, bias, y + start, features, taps, first, end)
            row += end - first
          }
        }
      }
    }
  }
}
