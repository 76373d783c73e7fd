import GraftIR
import GraftKernels

/// What a machine does at most, measured with graft's own innermost loops on the threads of a pool.
public struct MachineLimits: Sendable, Hashable {
  /// Floating-point operations a second of products in f32, from the first-level cache.
  public let operationRate: Double
  /// Operations a second of products of 8-bit integers.
  public let integerOperationRate: Double
  /// Bytes a second that memory gives.
  public let byteRate: Double

  /// The limits that a calibration of some 0.3 s finds, the best of three measurements each.
  public static func measured(pool: ThreadPool = .process) -> MachineLimits {
    let isa = InstructionSet.current.variant
    return MachineLimits(
      operationRate: operationRate(isa, pool), integerOperationRate: integerOperationRate(isa, pool),
      byteRate: byteRate(isa, pool))
  }

  /// The least seconds that `work` takes: products and memory at their limits, beside each other.
  public func leastSeconds(_ work: Work) -> Double {
    max(
      work.operations / operationRate + work.integerOperations / integerOperationRate, work.byteCount / byteRate)
  }

  /// `amount` of each thread over the least seconds of three runs.
  private static func rate(_ pool: ThreadPool, _ amount: Double, _ body: (_ thread: Int) -> Void) -> Double {
    var least = Double.infinity
    for _ in 0..<3 {
      let start = Profile.now
      pool.parallel(pool.threadCount) { range, _ in
        for thread in range { body(thread) }
      }
      least = min(least, Double(max(1, Profile.now - start)) / 1e9)
    }
    return amount * Double(pool.threadCount) / least
  }

  private static func operationRate(_ isa: graft_isa, _ pool: ThreadPool) -> Double {
    let floats = Int(GRAFT_PEAK_FLOATS)
    let rooms = Storage(byteCount: floats * 4 * pool.threadCount)
    // A first run wakes wide units and fills the room; 20 ms at 100 GFLOP/s.
    let rounds = 20_000
    let products = graft_product_peak(isa, 1, rooms.start.assumingMemoryBound(to: Float.self))
    return rate(pool, 2 * products * Double(rounds)) { thread in
      _ = graft_product_peak(isa, rounds, rooms.start.assumingMemoryBound(to: Float.self) + thread * floats)
    }
  }

  private static func integerOperationRate(_ isa: graft_isa, _ pool: ThreadPool) -> Double {
    // Whole tiles of every variant, in the first-level cache.
    let (rows, columns, depth, rounds) = (96, Int(GRAFT_INT8_PANEL), 256, 200)
    let weight = Storage(byteCount: graft_int8_weight_bytes(columns, depth))
    let packed = Storage(byteCount: rows * graft_int8_row_bytes(isa, depth))
    let scales = Storage(byteCount: max(rows, columns) * 4)
    let results = Storage(byteCount: rows * columns * 4 * pool.threadCount)
    for storage in [weight, packed, scales, results] {
      storage.start.initializeMemory(as: UInt8.self, repeating: 0, count: storage.byteCount)
    }
    return rate(pool, 2 * Double(rows * columns * depth * rounds)) { thread in
      let y = results.start.assumingMemoryBound(to: Float.self) + thread * rows * columns
      let factors = scales.start.assumingMemoryBound(to: Float.self)
      let channels = weight.start.assumingMemoryBound(to: Int8.self)
      var block = graft_int8_block(
        rows: packed.start, row_scales: factors, row_count: rows, depth: depth, weight: channels, scales: factors,
        sums: scales.start.assumingMemoryBound(to: Int32.self), bias: nil, y: y, y_stride: columns, ahead: channels,
        ahead_end: channels)
      for _ in 0..<rounds { graft_int8_product(isa, &block, 0, columns) }
    }
  }

  private static func byteRate(_ isa: graft_isa, _ pool: ThreadPool) -> Double {
    // More than caches hold.
    let floats = 32 << 20
    let memory = Storage(byteCount: floats * 4)
    memory.start.initializeMemory(as: UInt8.self, repeating: 0, count: memory.byteCount)
    let sums = Storage(byteCount: 64 * pool.threadCount)  // A thread's own cache line each.
    let part = floats / pool.threadCount
    return rate(pool, Double(part * 4)) { thread in
      let from = memory.start.assumingMemoryBound(to: Float.self) + thread * part
      sums.start.storeBytes(of: graft_sum(isa, from, part), toByteOffset: thread * 64, as: Float.self)
    }
  }
}
