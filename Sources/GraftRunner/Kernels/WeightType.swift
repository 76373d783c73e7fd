import GraftIR
import GraftKernels

/// How linear layers hold their weights while a model runs. Everything else is f32, and sums are.
public enum WeightType: String, Sendable, Hashable, CaseIterable {
  /// As the program states them.
  case f32
  /// Rounded to bf16, half the memory, and widened where they are used.
  case bf16
  /// The same in f16.
  case f16
  /// Whole numbers of 8 bits with a scale for each output channel; activations become such numbers, too, with a scale
  /// for each token.
  case int8

  /// The type of the elements as kernels see them.
  var dtype: DType {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    case .int8: .i8
    }
  }
}

/// Which parameters of a graph are held in a type of fewer bits. The rule looks at the graph alone.
///
/// Those that only weigh linear layers, and of int8 only where
///
/// - the layer works on tokens, and not on one vector a sample: embeddings of time and modulations steer everything
///   after them,
/// - no channel has more than 65,536 weights, so that sums fit 32 bits,
/// - a product comes before it and another one after it: the first and the last layer touch what goes in and comes out.
struct ReducedWeights {
  /// Numbers of the parameters' values.
  let values: Set<Int>

  init(_ graph: Graph, _ type: WeightType) {
    guard type != .f32 else {
      values = []
      return
    }
    let parameters = Set(graph.parameters.map(\.value.index))
    var weights: Set<Int> = []
    var others: Set<Int> = []
    let (before, after) = Self.productsAround(graph)
    for (index, node) in graph.nodes.enumerated() {
      let isLinear = node.primitive == "Linear" && node.inputs.count > 1 && parameters.contains(node.inputs[1].index)
      let isInside = before[index] && after[index] && graph.type(of: node.results[0]).rank > 2
      let isTaken = isLinear && (type != .int8 || isInside && Self.fitsSums(graph.type(of: node.inputs[1])))
      for (place, input) in node.inputs.enumerated() {
        if isTaken && place == 1 { weights.insert(input.index) } else { others.insert(input.index) }
      }
    }
    values = weights.subtracting(others).subtracting(graph.outputs.map(\.value.index))
  }

  private static func fitsSums(_ weight: TensorType) -> Bool {
    (weight.shape(batch: 1)?.axes.last ?? 0) <= Int(GRAFT_INT8_MOST_DEPTH)
  }

  /// For each node, whether a product leads to it, and whether it leads to a product.
  private static func productsAround(_ graph: Graph) -> (before: [Bool], after: [Bool]) {
    let products: Set<String> = ["Linear", "MatMul", "Conv"]
    var isFed = [Bool](repeating: false, count: graph.types.count)
    var before = [Bool](repeating: false, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      before[index] = node.inputs.contains { isFed[$0.index] }
      let feeds = before[index] || products.contains(node.primitive)
      for result in node.results { isFed[result.index] = feeds }
    }
    var isUsed = [Bool](repeating: false, count: graph.types.count)
    var after = [Bool](repeating: false, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated().reversed() {
      after[index] = node.results.contains { isUsed[$0.index] }
      if after[index] || products.contains(node.primitive) {
        for input in node.inputs { isUsed[input.index] = true }
      }
    }
    return (before, after)
  }
}

/// A weight [columns, depth] in 8 bits: scales, sums and packed channels in one run of bytes.
struct PackedWeight {
  let columns: Int
  let depth: Int

  init(_ shape: Shape) {
    columns = shape.axes[0]
    depth = shape.axes[1]
  }

  /// Channels are packed in whole panels.
  private var scaleByteCount: Int { (columns + panel - 1) / panel * panel * 4 }
  private var panel: Int { Int(GRAFT_INT8_PANEL) }
  private var channelByteCount: Int { graft_int8_weight_bytes(columns, depth) }
  private var byteCount: Int { 2 * scaleByteCount + channelByteCount }

  /// Packs `weight`, which is f32, on the threads of `pool`.
  func packing(_ weight: Tensor, _ pool: ThreadPool) -> Tensor {
    let packed = Tensor(zeros: .u8, Shape([byteCount]))
    guard let to = packed.mutableBytes.baseAddress, let from = weight.bytes.baseAddress, columns > 0 else {
      return packed
    }
    let (source, target) = (UInt(bitPattern: from), UInt(bitPattern: to))
    pool.parallel(columns, grain: panel) { range, _ in
      guard let from = UnsafeRawPointer(bitPattern: source), let to = UnsafeMutableRawPointer(bitPattern: target) else {
        return
      }
      let end = range.upperBound == columns ? (columns + panel - 1) / panel * panel : range.upperBound
      graft_int8_pack_weight(
        from.assumingMemoryBound(to: Float.self), columns, depth, range.lowerBound, end,
        (to + 2 * scaleByteCount).assumingMemoryBound(to: Int8.self), to.assumingMemoryBound(to: Float.self),
        (to + scaleByteCount).assumingMemoryBound(to: Int32.self))
    }
    return packed
  }

  /// The parts of packed bytes.
  func parts(
    of bytes: UnsafeRawPointer
  ) -> (channels: UnsafePointer<Int8>, scales: UnsafePointer<Float>, sums: UnsafePointer<Int32>) {
    (
      (bytes + 2 * scaleByteCount).assumingMemoryBound(to: Int8.self), bytes.assumingMemoryBound(to: Float.self),
      (bytes + scaleByteCount).assumingMemoryBound(to: Int32.self)
    )
  }
}
