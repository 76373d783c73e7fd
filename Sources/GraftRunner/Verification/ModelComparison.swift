public import GraftIR

/// Runs an original and a grafted model on the same seeded inputs and compares what their parts and outputs give.
public struct ModelComparison: Sendable {
  /// A value that both models have.
  public struct Point: Sendable, Hashable {
    /// The boundary, or the output, of the grafted model's graph.
    public let name: String
    /// That of the original's.
    public let baseName: String
    /// The name as reports spell it: `blocks[3]`.
    public let path: String
    /// The original's, likewise.
    public let basePath: String
    /// Whether it is an output.
    public let isOutput: Bool
    /// Whether both are proved to be the same numbers under the reference evaluation.
    public let isExact: Bool

    /// A value under its names in both graphs and in reports.
    public init(
      name: String, baseName: String, path: String, basePath: String, isOutput: Bool, isExact: Bool
    ) {
      self.name = name
      self.baseName = baseName
      self.path = path
      self.basePath = basePath
      self.isOutput = isOutput
      self.isExact = isExact
    }
  }

  /// A model to run: its graphs, and its parameters by name.
  public struct Side {
    let program: Program
    let parameters: @Sendable (_ name: String) throws(Diagnostic) -> Tensor

    /// `program` with what `parameters` gives.
    public init(
      _ program: Program, parameters: @escaping @Sendable (_ name: String) throws(Diagnostic) -> Tensor
    ) {
      self.program = program
      self.parameters = parameters
    }
  }

  /// How the models are run and judged.
  public struct Options: Sendable {
    /// The number that makes the inputs.
    public var seed: UInt64 = 0
    /// The samples that run at once.
    public var batch = 2
    /// Whether the reference evaluates both models too; `nil` where something is exact and `referenceLimit` allows.
    public var evaluatesReference: Bool?
    /// Outputs may differ by this times the larger number, plus `absolute`; not bounded where both are `nil`.
    public var relative: Double?
    /// Outputs may differ by this, plus `relative` times the larger number.
    public var absolute: Double?

    /// Seed 0, two samples, no bound.
    public init() {}
  }

  /// Multiply-adds of both models together up to which the reference evaluates them unasked: two seconds of one core.
  public static let referenceLimit = 1 << 32

  private let points: [Point]
  private let options: Options
  private let pool: ThreadPool

  /// A comparison at `points`.
  public init(_ points: [Point], options: Options, pool: ThreadPool = .process) {
    self.points = points
    self.options = options
    self.pool = pool
  }

  /// Runs the original, keeps what it gave at the points, and runs the grafted model beside it. Only one of the models
  /// is planned at a time.
  ///
  /// - Throws: what `Model.run` throws; what `Graph.evaluate` throws where the reference takes part.
  public func run(base: Side, grafted: Side) throws(Diagnostic) -> ComparisonReport {
    let graphs = try [base, grafted].map { side throws(Diagnostic) in
      guard let graph = side.program.graph(named: "forward") else {
        throw Diagnostic("run.function", "the program has no function 'forward'")
      }
      return graph
    }
    let inputs = try SeededInputs.draw(for: graphs, batch: options.batch, seed: options.seed)
    let given = Dictionary(inputs.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    let expected = try values(of: base, graphs[0], given) { $0.baseName }
    let found = try values(of: grafted, graphs[1], given) { $0.name }
    var references: [Deviation?] = points.map { _ in nil }
    let work = graphs.reduce(0) { sum, graph in
      let (next, overflow) = sum.addingReportingOverflow(graph.multiplyAdds(batch: options.batch))
      return overflow ? .max : next
    }
    let isWanted = options.evaluatesReference ?? (work <= Self.referenceLimit && points.contains { $0.isExact })
    if isWanted {
      let expected = try referenceValues(of: base, graphs[0], given) { $0.baseName }
      let found = try referenceValues(of: grafted, graphs[1], given) { $0.name }
      references = deviations(of: found, from: expected)
    }
    let blas = try BLAS.load()
    return ComparisonReport(
      machine: ComparisonReport.Machine(
        processor: Machine.processor, instructionSet: Machine.instructionSet, blas: blas.library,
        blasCore: blas.coreName,
        threads: pool.threadCount),
      seed: options.seed, batch: options.batch,
      inputs: inputs.map { ComparisonReport.Input(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape) },
      rows: zip(points, zip(deviations(of: found, from: expected), references)).map {
        ComparisonReport.Row(point: $0, executor: $1.0, reference: $1.1)
      },
      isBounded: options.relative != nil || options.absolute != nil, evaluatedReference: isWanted)
  }

  /// What the executor gives at each point.
  private func values(
    of side: Side, _ graph: Graph, _ inputs: [String: Tensor], name: (Point) -> String
  ) throws(Diagnostic) -> [Tensor?] {
    let traced = Set(points.filter { !$0.isOutput }.map(name))
    // The model is let go with everything that it converted.
    let results = try Model(side.program, pool: pool, parameters: side.parameters).run(inputs: inputs, trace: traced)
    func named(_ some: ArraySlice<(name: String, tensor: Tensor)>) -> [String: Tensor] {
      Dictionary(some.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    }
    let outputs = named(results.prefix(graph.outputs.count))
    let parts = named(results.dropFirst(graph.outputs.count))
    return points.map { ($0.isOutput ? outputs : parts)[name($0)] }
  }

  /// What the reference evaluation gives at each point.
  private func referenceValues(
    of side: Side, _ graph: Graph, _ inputs: [String: Tensor], name: (Point) -> String
  ) throws(Diagnostic) -> [Tensor?] {
    let traced = Set(points.filter { !$0.isOutput }.map(name))
    var graph = graph
    graph.boundaries = graph.boundaries.filter { traced.contains($0.name) }
    var parameters: [String: Tensor] = [:]
    for parameter in graph.parameters {
      let tensor = try side.parameters(parameter.name)
      let dtype = graph.type(of: parameter.value).dtype
      parameters[parameter.name] =
        tensor.dtype == dtype ? tensor : Tensor(dtype, tensor.shape, doubles: tensor.doubles)
    }
    let evaluation = try graph.evaluate(inputs: inputs, parameters: parameters, recordingBoundaries: true)
    return points.map { ($0.isOutput ? evaluation.outputs : evaluation.boundaries)[name($0)] }
  }

  private func deviations(of found: [Tensor?], from expected: [Tensor?]) -> [Deviation?] {
    zip(found, expected).map { found, expected in
      guard let found, let expected, found.shape == expected.shape else { return nil }
      return Deviation(
        of: found, from: expected, relative: options.relative ?? 0, absolute: options.absolute ?? 0)
    }
  }
}
