import GraftIR
import GraftRunner
import Testing

/// Repeatable numbers. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func tensor(_ shape: Shape, in range: ClosedRange<Float> = -2...2) -> Tensor {
    Tensor((0..<(shape.elementCount ?? 0)).map { _ in Float.random(in: range, using: &self) }, shape)
  }

  mutating func integers(_ dtype: DType, _ shape: Shape, in range: ClosedRange<Int>) -> Tensor {
    Tensor(dtype, shape, integers: (0..<(shape.elementCount ?? 0)).map { _ in Int.random(in: range, using: &self) })
  }
}

/// How far a kernel may be from the reference, which computes in double precision.
enum Tolerance: Sendable {
  /// The same number: moves, relations, whole numbers.
  case exact
  /// So many ulps of each result.
  case ulps(Double)
  /// So many ulps of the largest result: sums whose terms are larger than what is left of them.
  case ulpsOfLargest(Double)
  /// So many ulps of the element of the first input, for functions that are `x` times something below 1.
  case ulpsOfInput(Double)
}

extension Tensor {
  /// A copy of the bytes. (A tensor that is not used later may be freed before its `bytes` are read.)
  var copiedBytes: [UInt8] { withExtendedLifetime(storage) { Array(bytes) } }
}

/// One use of a primitive on random inputs.
struct KernelCase: Sendable, CustomTestStringConvertible {
  let primitive: String
  var attributes: Attributes = [:]
  let inputs: [Tensor]
  let tolerance: Tolerance

  var testDescription: String { "\(primitive) \(inputs.map { "\($0.dtype)\($0.shape)" }) \(attributes)" }
}

/// Runs one primitive through a plan whose arena holds garbage.
func run(
  _ primitive: Primitive, _ inputs: [Tensor], _ attributes: Attributes, isa: InstructionSet = .current,
  pool: ThreadPool = .process
) throws(Diagnostic) -> [Tensor] {
  var builder = GraphBuilder(name: "forward")
  let values = inputs.enumerated().map { builder.input("x\($0)", $1.type) }
  let results = try builder.node(primitive, values, attributes)
  for (index, result) in results.enumerated() { builder.output("y\(index)", result) }
  return try run(builder.graph, inputs, isa: isa, pool: pool)
}

/// Runs a graph whose inputs are given in order.
func run(
  _ graph: Graph, _ inputs: [Tensor], batch: Int = 1, isa: InstructionSet = .current, pool: ThreadPool = .process,
  fuses: Bool = true
) throws(Diagnostic) -> [Tensor] {
  let plan = try ExecutionPlan(
    graph, batch: batch, options: ExecutionPlan.Options(isa: isa, pool: pool, fuses: fuses)
  ) { name, _ throws(Diagnostic) in throw Diagnostic("test.parameter", "no parameter '\(name)'") }
  plan.poison()
  for (input, tensor) in zip(plan.graph.inputs, inputs) { plan.bytes(of: input.value).copyMemory(from: tensor.bytes) }
  try plan.run()
  return plan.results.map { plan.tensor($0.value) }
}

/// Records where `got` is further from `want` than `tolerance` allows.
func expect(
  _ got: Tensor, near want: Tensor, _ tolerance: Tolerance, input: Tensor? = nil, _ comment: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(got.type == want.type, "\(comment)", sourceLocation: sourceLocation)
  guard got.type == want.type else { return }
  let (got, want) = (got.doubles, want.doubles)
  let largest = want.lazy.filter(\.isFinite).map(\.magnitude).max() ?? 0
  let inputs = input?.doubles ?? []
  for index in want.indices {
    let (a, b) = (got[index], want[index])
    if a == b || a.isNaN && b.isNaN { continue }
    let ulp = { (value: Double) in max(value.magnitude, 0x1p-126) * 0x1p-23 }
    let allowed =
      switch tolerance {
      case .exact: 0.0
      case .ulps(let count): count * ulp(b)
      case .ulpsOfLargest(let count): count * ulp(largest)
      case .ulpsOfInput(let count): count * ulp(inputs[index])
      }
    if !((a - b).magnitude <= allowed) {
      Issue.record(
        "\(comment): element \(index) is \(a), the reference \(b), \((a - b).magnitude / ulp(b)) ulps",
        sourceLocation: sourceLocation)
      return
    }
  }
}
