import GraftKernels

extension LinearLayer {
  /// In 8 bits: rows become whole numbers first; then the threads share the channels, some panels at a time, and finish
  /// some rows while they are in the second-level cache.
  func integerProduct() -> PreparedKernel {
    let rowByteCount = graft_int8_row_bytes(isa, depth)
    let scalesStart = (rows * rowByteCount + 63) / 64 * 64
    let panel = Int(GRAFT_INT8_PANEL)
    // Half of the second-level cache is for channels, an eighth each for rows and for a part of the result.
    let (half, eighth) = (ProductBlocks.halfCacheByteCount, ProductBlocks.halfCacheByteCount / 4)
    let tile = graft_int8_tile_rows(isa)
    let rowsAtOnce = max(1, eighth / max(1, rowByteCount) / tile) * tile
    let most = min(half / max(1, depth), eighth / 4 / max(1, min(rows, rowsAtOnce)))
    let step = max(1, most / panel) * panel
    let panels = (columns + panel - 1) / panel
    let share = (panels + pool.threadCount - 1) / pool.threadCount * panel
    return PreparedKernel(scratchByteCount: scalesStart + rows * 4) { buffers in
      let memory = self.memory(buffers)
      let codes = buffers.scratch
      let weight = PackedWeight(request.inputs[1].shape).parts(of: memory.weight)
      let scales = (codes + scalesStart).assumingMemoryBound(to: Float.self)
      let channelByteCount = (depth + 3) / 4 * 4
      func multiply(_ part: Range<Int>, before end: Int) {
        let wanted = part.upperBound..<min(end, part.upperBound + step)
        for first in stride(from: 0, to: rows, by: rowsAtOnce) {
          let some = first..<min(first + rowsAtOnce, rows)
          // Each run of rows asks for its share of the channels that follow.
          func ahead(_ row: Int) -> UnsafePointer<Int8> {
            weight.channels + (wanted.lowerBound * rows + wanted.count * row) / rows * channelByteCount
          }
          var block = graft_int8_block(
            rows: codes + first * rowByteCount, row_scales: scales + first, row_count: some.count,
            depth: depth, weight: weight.channels, scales: weight.scales, sums: weight.sums, bias: memory.bias,
            y: memory.y + first * columns, y_stride: columns, ahead: ahead(first), ahead_end: ahead(some.upperBound))
          graft_int8_product(isa, &block, part.lowerBound, part.upperBound)
          memory.finish(some, part, addsBias: false)
        }
      }
      return {
        pool.parallel(rows, grain: 8) { range, _ in
          let row = range.lowerBound
          graft_int8_pack_rows(
            isa, memory.x + row * depth, range.count, depth, codes + row * rowByteCount, scales + row)
        }
        pool.parallel(columns, grain: min(step, share)) { range, _ in
          for first in stride(from: range.lowerBound, to: range.upperBound, by: step) {
            multiply(first..<min(first + step, range.upperBound), before: range.upperBound)
          }
        }
      }
    }
  }
}
