public import GraftIR
import GraftKernels
import Synchronization

/// A program with its parameters, ready to run.
///
/// Parameters are used where they are when they hold what the program says, aligned; a checkpoint's 16-bit floats are
/// converted once, when the first function that reads them is planned. Results are the same bits on every run with the
/// same number of threads.
public final class Model: Sendable {
  /// What it runs.
  public let program: Program

  private let source: @Sendable (String) throws(Diagnostic) -> Tensor
  private let pool: ThreadPool
  private let isa: InstructionSet
  private let weights: WeightType
  private let state = Mutex(State())

  private struct State {
    var parameters: [Parameter: Tensor] = [:]
    var plans: [Key: ExecutionPlan] = [:]
  }

  private struct Parameter: Hashable {
    let name: String
    let type: WeightType
  }

  private struct Key: Hashable {
    let function: String
    let batch: Int
    let traced: Set<String>
  }

  /// A model of `program`, whose parameters `parameters` gives by name when they are first needed.
  ///
  /// - Parameter weights: how linear layers hold theirs. With fewer bits the results are near those of f32, and not the same.
  public convenience init(
    _ program: Program, pool: ThreadPool = .process, weights: WeightType = .f32,
    parameters: @escaping @Sendable (_ name: String) throws(Diagnostic) -> Tensor
  ) {
    self.init(program, pool: pool, isa: .current, weights: weights, parameters: parameters)
  }

  /// The same on the loops of `isa`, which has to be one that the processor runs.
  package init(
    _ program: Program, pool: ThreadPool, isa: InstructionSet, weights: WeightType = .f32,
    parameters: @escaping @Sendable (_ name: String) throws(Diagnostic) -> Tensor
  ) {
    self.program = program
    self.pool = pool
    self.isa = isa
    self.weights = weights
    source = parameters
  }

  /// A model of the same parameters whose program also has the two parts of `split`.
  func splitting(_ split: ConditionSplit) -> Model {
    var program = program
    program.graphs += [split.first, split.rest]
    return Model(program, pool: pool, isa: isa, weights: weights, parameters: source)
  }

  /// Runs one of the program's functions.
  ///
  /// The batch is what the inputs' shapes make it. An input may hold another real type than the function states, but
  /// not a fraction where that is a whole number. Inputs that the function does not know are ignored.
  ///
  /// - Parameters:
  ///   - function: the graph's name.
  ///   - inputs: one tensor for each of its inputs.
  ///   - trace: paths of modules whose results are given back too.
  ///   - profile: collects how long each kind of launch takes.
  /// - Returns: the outputs, then the traced results, in the graph's order.
  /// - Throws: `run.function`, `run.trace`, `run.input-missing`, `run.input-shape`, `run.input-dtype`, `run.batch`,
  ///   `run.parameter-shape`, `run.parameter-dtype`, `run.index`, `run.kernel`, `run.size`, `run.blas`.
  public func run(
    function: String = "forward", inputs: [String: Tensor], trace: Set<String> = [], profile: Profile? = nil
  ) throws(Diagnostic) -> [(name: String, tensor: Tensor)] {
    guard let graph = program.graph(named: function) else {
      throw Diagnostic(
        "run.function", "the program has no function '\(function)'",
        label: suggestion(for: function, among: program.graphs.map(\.name)).map { "did you mean '\($0)'?" },
        help: "it has " + program.graphs.map { "'\($0.name)'" }.joined(separator: ", "), category: .usage)
    }
    try graph.requireBoundaries(trace)
    let batch = try graph.batch(of: inputs)
    return try state.withLock { state throws(Diagnostic) in
      let plan = try plan(graph, batch: batch, traced: trace, &state)
      for input in plan.graph.inputs {
        guard let tensor = inputs[input.name] else { continue }
        try tensor.convert(to: plan.graph.type(of: input.value).dtype, plan.bytes(of: input.value), name: input.name)
      }
      try plan.run(profile: profile)
      return plan.results.map { ($0.name, plan.tensor($0.value)) }
    }
  }

  /// Plans a function without running it, so that what is wrong shows and the first run is as fast as the others.
  public func prepare(function: String = "forward", batch: Int = 1) throws(Diagnostic) {
    guard let graph = program.graph(named: function) else {
      throw Diagnostic("run.function", "the program has no function '\(function)'", category: .usage)
    }
    try state.withLock { state throws(Diagnostic) in _ = try plan(graph, batch: batch, traced: [], &state) }
  }

  private func plan(
    _ graph: Graph, batch: Int, traced: Set<String>, _ state: inout State
  ) throws(Diagnostic) -> ExecutionPlan {
    let key = Key(function: graph.name, batch: batch, traced: traced)
    if let plan = state.plans[key] { return plan }
    let types = Dictionary(
      graph.parameters.map { ($0.name, graph.type(of: $0.value)) }, uniquingKeysWith: { first, _ in first })
    var known = state.parameters
    let plan = try ExecutionPlan(
      graph, batch: batch, tracing: traced, options: ExecutionPlan.Options(isa: isa, pool: pool, weights: weights)
    ) { name, type throws(Diagnostic) in
      let key = Parameter(name: name, type: type)
      if let tensor = known[key] { return tensor }
      let tensor = try parameter(name, types[name], type)
      known[key] = tensor
      return tensor
    }
    state.parameters = known
    state.plans[key] = plan
    return plan
  }

  /// The parameter as its graph states it, or held as `held`: the tensor itself where it is that already, else a
  /// converted copy.
  private func parameter(_ name: String, _ type: TensorType?, _ held: WeightType) throws(Diagnostic) -> Tensor {
    let tensor = try source(name)
    guard let type else { return tensor }
    guard let shape = type.shape, shape == tensor.shape else {
      throw Diagnostic(
        "run.parameter-shape", "parameter '\(name)' is \(tensor.shape), but the program needs \(type.shapeText)")
    }
    let dtype = held == .bf16 || held == .f16 ? held.dtype : type.dtype
    if tensor.dtype == dtype && tensor.isAligned {
      return held == .int8 ? PackedWeight(shape).packing(tensor, pool) : tensor
    }
    if dtype != type.dtype, let rounded = tensor.cast(to: dtype) { return rounded }
    let copy = Tensor(zeros: type.dtype, shape)
    try tensor.convert(to: type.dtype, copy.mutableBytes, name: name, rule: "run.parameter-dtype", pool: pool)
    if held == .int8 { return PackedWeight(shape).packing(copy, pool) }
    return copy
  }
}

extension Graph {
  /// - Throws: `run.trace` unless a boundary has each of `names`.
  fileprivate func requireBoundaries(_ names: Set<String>) throws(Diagnostic) {
    for name in names.sorted() where !boundaries.contains(where: { $0.name == name }) {
      throw Diagnostic(
        "run.trace", "'\(self.name)' has no module '\(name)'",
        label: suggestion(for: name, among: boundaries.map(\.name)).map { "did you mean '\($0)'?" }, category: .usage)
    }
  }

  /// The batch that the shapes of `tensors` make, each checked against its input; 1 where no input counts in batches.
  fileprivate func batch(of tensors: [String: Tensor]) throws(Diagnostic) -> Int {
    var batch: (size: Int, name: String)?
    for input in inputs {
      let type = type(of: input.value)
      guard let tensor = tensors[input.name] else {
        throw Diagnostic(
          "run.input-missing", "'\(name)' needs an input '\(input.name)', \(type)",
          label: suggestion(for: input.name, among: tensors.keys.sorted()).map { "did you mean '\($0)'?" },
          category: .usage)
      }
      let mismatch = Diagnostic(
        "run.input-shape", "input '\(input.name)' is \(tensor.shape), but '\(name)' needs \(type.shapeText)",
        category: .usage)
      guard tensor.shape.rank == type.rank else { throw mismatch }
      for (size, axis) in zip(tensor.shape.axes, type.axes) {
        guard axis.isBatch else {
          guard size == axis.count else { throw mismatch }
          continue
        }
        guard axis.count > 0, size > 0, size % axis.count == 0 else { throw mismatch }
        let own = size / axis.count
        if let batch, batch.size != own {
          throw Diagnostic(
            "run.batch",
            "input '\(input.name)' is \(tensor.shape), a batch of \(own), but '\(batch.name)' has a batch of \(batch.size)",
            category: .usage)
        }
        batch = batch ?? (own, input.name)
      }
    }
    return batch?.size ?? 1
  }
}

extension Tensor {
  /// Writes the elements as `dtype` to `bytes`, which hold as many.
  fileprivate func convert(
    to dtype: DType, _ bytes: UnsafeMutableRawBufferPointer, name: String, rule: String = "run.input-dtype",
    pool: ThreadPool? = nil
  ) throws(Diagnostic) {
    if elementCount == 0 { return }
    if self.dtype == dtype {
      bytes.copyMemory(from: self.bytes)
      return
    }
    let losesFraction = self.dtype.isFloatingPoint && !dtype.isFloatingPoint
    guard !losesFraction, self.dtype != .c64, self.dtype != .c128, dtype.isFloatingPoint || dtype.isInteger else {
      throw Diagnostic(rule, "'\(name)' holds \(self.dtype), but the program needs \(dtype)", category: .usage)
    }
    if let from = self.dtype.element, let to = dtype.element, let width = self.dtype.byteWidth, dtype != .f16,
      dtype != .bf16, let ownWidth = dtype.byteWidth, let source = self.bytes.baseAddress,
      let target = bytes.baseAddress
    {
      let address = UInt(bitPattern: target)
      (pool ?? .process).parallel(elementCount, grain: elementGrain) { range, _ in
        guard let target = UnsafeMutableRawPointer(bitPattern: address) else { return }
        _ = graft_convert(
          from, source + range.lowerBound * width, to, target + range.lowerBound * ownWidth, range.count)
      }
      return
    }
    let source = self.bytes
    for index in 0..<elementCount { dtype.store(self.dtype.load(index, from: source), index, in: bytes) }
  }
}
