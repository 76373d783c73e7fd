public import GraftIR

/// Times a model's `forward` on seeded inputs.
public struct ForwardBenchmark {
  private let model: Model
  private let graph: Graph
  private let pool: ThreadPool

  /// A benchmark of `model`.
  ///
  /// - Throws: `run.function` where it has no `forward`.
  public init(_ model: Model, pool: ThreadPool) throws(Diagnostic) {
    guard let graph = model.program.graph(named: "forward") else {
      throw Diagnostic("run.function", "the model has no 'forward'")
    }
    self.model = model
    self.graph = graph
    self.pool = pool
  }

  /// The threads it runs on.
  public var threadCount: Int { pool.threadCount }

  /// Two floating-point operations for each product of the graph.
  public func flop(batch: Int) -> Double { 2 * Double(graph.multiplyAdds(batch: batch)) }

  /// Plans, so that a run begins with its first kernel.
  ///
  /// - Throws: What `Model.prepare` throws.
  public func prepare(batch: Int) throws(Diagnostic) { try model.prepare(batch: batch) }

  /// Plans and runs once, so that what follows is only the work.
  public func warmUp(batch: Int) throws(Diagnostic) { _ = try run(batch: batch, profile: nil) }

  /// The seconds of one run.
  ///
  /// - Throws: `run.size` for inputs that fit no memory, and what `Model.run` throws.
  public func run(batch: Int, profile: Profile?) throws(Diagnostic) -> Double {
    var random = TorchRandom(seed: 0)
    var inputs: [String: Tensor] = [:]
    for input in graph.inputs {
      let type = graph.type(of: input.value)
      // A draw holds each number as a double, then as it is wanted.
      guard let shape = type.shape(batch: batch), let count = shape.elementCount,
        count <= PlanMemory.machineByteCount / 16
      else {
        throw Diagnostic("run.size", "input '\(input.name)' is \(type) at batch \(batch), too large for memory")
      }
      // Times and classes stay small: every table has a second row.
      inputs[input.name] =
        type.dtype.isFloatingPoint && shape.rank > 1
        ? Tensor(random.normals(count), shape)
        : Tensor(type.dtype, shape, doubles: [Double](repeating: 1, count: count))
    }
    let start = Profile.now
    _ = try model.run(inputs: inputs, profile: profile)
    return Double(Profile.now - start) / 1e9
  }

  /// The seconds that BLAS takes for the matrix products alone, each with matrices of its own where they differ in
  /// shape; `nil` where there are none, or a side is too long for BLAS.
  ///
  /// - Throws: `run.blas` where OpenBLAS is not installed.
  public func blasSeconds(batch: Int) throws(Diagnostic) -> Double? {
    let blas = try BLAS.load()
    var products: [[Int]: Int] = [:]
    for node in graph.nodes {
      func shape(_ value: Value) -> [Int] { graph.type(of: value).shape(batch: batch)?.axes ?? [] }
      switch node.primitive {
      case "Linear":
        let weight = shape(node.inputs[1])
        let rows = shape(node.inputs[0]).dropLast().reduce(1, *)
        products[[rows, weight[0], weight[1]], default: 0] += 1
      case "MatMul":
        let (left, right) = (shape(node.inputs[0]), shape(node.inputs[1]))
        let count = shape(node.results[0]).dropLast(2).reduce(1, *)
        products[[left[left.count - 2], right[right.count - 1], right[right.count - 2]], default: 0] += count
      case "Attention":
        let (query, key) = (shape(node.inputs[0]), shape(node.inputs[1]))
        let heads = node.attributes.int("heads", default: 1)
        let width = query[2] / heads
        // In a window a query meets some keys.
        let window = node.attributes.ints("window", default: [-1, -1])
        let sides = window.map { $0 < 0 ? key[1] : min($0, key[1]) }
        let keys = min(key[1], sides[0] + sides[1] + 1)
        products[[query[1], keys, width], default: 0] += query[0] * heads
        products[[query[1], width, keys], default: 0] += query[0] * heads
      default: break
      }
    }
    // BLAS counts in 32 bits.
    if products.isEmpty || products.keys.contains(where: { ($0.max() ?? 0) > Int32.max }) { return nil }
    var total = 0.0
    for (sizes, count) in products.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let seconds = blas.seconds(rows: sizes[0], columns: sizes[1], depth: sizes[2], threadCount: pool.threadCount)
      total += seconds * Double(count)
    }
    return total
  }
}
