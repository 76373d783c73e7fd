public import GraftIR
import Synchronization

/// The open checkpoints that a plan's expressions read, by source number, and what they hold by name.
public final class WeightSources: Sendable {
  /// By source number; each is restricted to its source's key already.
  public let readers: [any CheckpointReader]
  private let indices: [[String: Int]]
  private let computed = ComputedTensors()
  /// Copies that were compared.
  private let agreed = Mutex<Set<[WeightExpression]>>([])

  /// The sources of a plan, opened, in the plan's order.
  public init(_ readers: [any CheckpointReader]) {
    self.readers = readers
    indices = readers.map { reader in
      Dictionary(reader.entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// The number of `source` among its reader's entries.
  ///
  /// - Throws: `transfer.missing-source`, `transfer.source-type`.
  func index(of source: SourceTensor) throws(Diagnostic) -> Int {
    guard readers.indices.contains(source.source) else {
      throw Diagnostic(
        "transfer.missing-source", "'\(source.name)' is in source \(source.source), but \(readers.count) are open")
    }
    let reader = readers[source.source]
    guard let index = indices[source.source][source.name] else {
      let near = suggestion(for: source.name, among: reader.entries.lazy.map(\.name))
      throw Diagnostic(
        "transfer.missing-source", "'\(reader.file)' holds no tensor '\(source.name)'", at: Location(reader.file),
        help: near.map { "did you mean '\($0)'?" })
    }
    let entry = reader.entries[index]
    guard entry.dtype == source.dtype && entry.shape == source.shape else {
      throw Diagnostic(
        "transfer.source-type",
        "'\(source.name)' of '\(reader.file)' is \(entry.dtype) \(entry.shape), not \(source.dtype) \(source.shape)",
        at: Location(reader.file, tensor: source.name))
    }
    return index
  }

  /// The values of `expression`; a source tensor comes as the view that its reader gives.
  ///
  /// - Throws: `transfer.size`, `transfer.missing-source`, `transfer.source-type`, `transfer.unknown-primitive`,
  ///   `transfer.expression-type`, and what primitives and readers throw.
  public func evaluate(_ expression: WeightExpression) throws(Diagnostic) -> Tensor {
    // What is made from nothing may be of any size; a source is a file's, and a primitive has a limit of its own.
    if let count = expression.type.shape?.elementCount, count > 1 << 32 {
      throw Diagnostic("transfer.size", "a formula works on \(expression.type), which is more than 2^32 elements")
    }
    switch expression {
    case .source(let source): return try readers[source.source].tensor(at: try index(of: source))
    case .copies(let all): return try evaluate(try agreed(all))
    case .fill(let value, let dtype, let shape):
      guard let tensor = Tensor.filled(with: value, dtype, shape) else {
        throw Diagnostic("transfer.cast", "\(dtype) \(shape) cannot be filled with a number")
      }
      return tensor
    case .draw(let draw, let shape): return draw.tensor(shape)
    case .apply(let name, let attributes, let arguments, let type):
      guard let primitive = Primitives.named(name) else {
        throw Diagnostic("transfer.unknown-primitive", "there is no primitive '\(name)'", category: .defect)
      }
      var inputs: [Tensor] = []
      for argument in arguments { inputs.append(try evaluate(argument)) }
      let results = try primitive.evaluate(inputs, attributes)
      guard let result = results.first, results.count == 1, result.type == type else {
        let found = results.map { "\($0.type)" }.joined(separator: ", ")
        throw Diagnostic(
          "transfer.expression-type", "'\(name)' gives \(found.isEmpty ? "nothing" : found), not \(type)",
          category: .defect)
      }
      return result
    case .computed(let graph):
      if let known = computed.tensor(of: graph) { return known }
      var parameters: [String: Tensor] = [:]
      for (parameter, argument) in zip(graph.graph.parameters, graph.arguments) {
        parameters[parameter.name] = try evaluate(argument)
      }
      guard let result = try graph.graph.evaluate(inputs: [:], parameters: parameters).outputs.values.first else {
        throw Diagnostic("transfer.expression-type", "a graph gives nothing", category: .defect)
      }
      computed.keep(result, of: graph)
      return result
    }
  }
}

extension WeightSources {
  /// The blocks that `planned` is made of as they are in a source, or `nil` where it takes them over from none.
  func blockRegion(of planned: PlannedTensor) throws(Diagnostic) -> FileRegion? {
    guard let blocks = planned.blocks, case .source(let source) = planned.expression else { return nil }
    let index = try index(of: source)
    let reader = readers[source.source]
    guard reader.entries[index].blocks == blocks else { return nil }
    return (reader as? any LocatedCheckpoint)?.blockRegion(at: index)
  }

  /// The first of `copies`, after all are seen to hold the same bits.
  ///
  /// - Throws: `transfer.copies` where they do not.
  func agreed(_ copies: [WeightExpression]) throws(Diagnostic) -> WeightExpression {
    if agreed.withLock({ $0.contains(copies) }) { return copies[0] }
    let first = try evaluate(copies[0])
    for copy in copies.dropFirst() {
      guard try evaluate(copy) == first else {
        let names = [copies[0], copy].map { "'\($0.sourceName)'" }.joined(separator: " and ")
        throw Diagnostic(
          "transfer.copies", "\(names) are one tensor of the model, and differ",
          at: readers.first.map { Location($0.file) })
      }
    }
    agreed.withLock { _ = $0.insert(copies) }
    return copies[0]
  }

  /// Refuses to leave out what readers of the output would take for something else.
  ///
  /// It may be off a little: who worked it out in single precision was, and so is a trainer's moving average of a
  /// constant (5.7e-6 for the table of sines in the model that ships).
  ///
  /// - Throws: `transfer.omission`.
  func check(_ omission: WeightPlan.Omission) throws(Diagnostic) {
    if omission.expression == omission.expected { return }
    let (found, expected) = (try evaluate(omission.expression), try evaluate(omission.expected))
    let isSameShape = found.shape == expected.shape
    let largest = isSameShape ? TensorComparison(found, expected, relative: 0, absolute: 0).largest : .infinity
    // What is stored narrower was rounded to it; what is no number is within no tolerance.
    let tolerance = found.dtype.bitWidth < 32 ? 0x1p-7 : 0x1p-13
    guard largest <= tolerance else {
      throw Diagnostic(
        "transfer.omission",
        "\(omission.form) does not hold '\(omission.name)', which would be another one there: it differs by \(largest)")
    }
  }
}

/// What graphs gave, since several tensors start from one: a condition and a table of it for each block.
private final class ComputedTensors: Sendable {
  private static let limit = 32 << 20

  private struct State {
    var tensors: [WeightGraph: Tensor] = [:]
    var byteCount = 0
  }

  private let state = Mutex(State())

  func tensor(of graph: WeightGraph) -> Tensor? { state.withLock { $0.tensors[graph] } }

  /// Keeps `tensor` where it is small; forgets all others where they become too many.
  func keep(_ tensor: Tensor, of graph: WeightGraph) {
    guard tensor.byteCount <= Self.limit else { return }
    state.withLock { state in
      if state.byteCount + tensor.byteCount > Self.limit { state = State() }
      state.tensors[graph] = tensor
      state.byteCount += tensor.byteCount
    }
  }
}

extension WeightExpression {
  /// The values over the open checkpoints `readers`, which come by source number. To evaluate many expressions, make
  /// one `WeightSources`.
  ///
  /// - Throws: what `WeightSources.evaluate` throws.
  public func evaluate(_ readers: [any CheckpointReader]) throws(Diagnostic) -> Tensor {
    try WeightSources(readers).evaluate(self)
  }

  /// Whether a source tensor takes part.
  var readsSources: Bool {
    switch self {
    case .source: true
    case .fill, .draw: false
    case .apply(_, _, let arguments, _): arguments.contains(where: \.readsSources)
    case .computed(let graph): graph.arguments.contains(where: \.readsSources)
    case .copies(let all): all.contains(where: \.readsSources)
    }
  }

  /// The name of the first source tensor that takes part.
  fileprivate var sourceName: String {
    var name = ""
    try? forEachSource { if name.isEmpty { name = $0.name } }
    return name
  }

  /// Every source tensor that takes part.
  package func forEachSource(_ body: (SourceTensor) throws(Diagnostic) -> Void) throws(Diagnostic) {
    switch self {
    case .source(let source): try body(source)
    case .fill, .draw: break
    case .apply(_, _, let arguments, _):
      for argument in arguments { try argument.forEachSource(body) }
    case .computed(let graph):
      for argument in graph.arguments { try argument.forEachSource(body) }
    case .copies(let all):
      for copy in all { try copy.forEachSource(body) }
    }
  }
}

extension Tensor {
  /// `value` everywhere, or `nil` where the type is only carried.
  static func filled(with value: Double, _ dtype: DType, _ shape: Shape) -> Tensor? {
    guard let count = shape.elementCount, dtype.byteCount(of: count) != nil,
      let unit = Tensor(.f64, [8], doubles: Array(repeating: value, count: 8)).cast(to: dtype)
    else { return nil }
    let tensor = Tensor(zeros: dtype, shape)
    let out = tensor.mutableBytes
    withExtendedLifetime(unit) {
      guard let to = out.baseAddress, let from = unit.bytes.baseAddress else { return }
      // Eight elements are whole bytes in every type, and so are what is left of them.
      for start in stride(from: 0, to: out.count, by: unit.byteCount) {
        (to + start).copyMemory(from: from, byteCount: min(unit.byteCount, out.count - start))
      }
    }
    return tensor
  }
}
