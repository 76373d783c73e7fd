import GraftIR

/// One fast way to run a primitive: looks at types and attributes once, when a plan is made, and gives what to run.
package struct Kernel: Sendable {
  /// What a kernel may do with the memory of its inputs, and with the nodes after it.
  struct Traits: OptionSet, Sendable {
    let rawValue: Int

    /// The result may stand where the first input stood, if they have one shape.
    static let inPlace = Traits(rawValue: 1)
    /// Row steps may follow while a row of the result is in cache.
    static let takesSteps = Traits(rawValue: 2)
    /// Rows of the first three inputs may lie further apart than they are wide.
    static let readsSpacedRows = Traits(rawValue: 4)
    /// The first input may lie in panels.
    static let readsPanels = Traits(rawValue: 8)
    /// The result may lie in panels.
    static let writesPanels = Traits(rawValue: 16)
  }

  package let primitive: String
  let traits: Traits
  /// - Throws: `run.kernel` for what the primitive allows and this kernel does not do.
  let prepare: @Sendable (KernelRequest) throws(Diagnostic) -> PreparedKernel

  init(
    _ primitive: String, traits: Traits = [],
    prepare: @escaping @Sendable (KernelRequest) throws(Diagnostic) -> PreparedKernel
  ) {
    self.primitive = primitive
    self.traits = traits
    self.prepare = prepare
  }
}

/// A tensor as a kernel sees it before there is memory.
struct Operand: Hashable {
  let dtype: DType
  let shape: Shape
  /// Elements from one row, along the last axis, to the next, where that is more than a row has.
  var rowSpacing: Int?
  /// The rows of a panel where it lies in panels: element `k` of row `r` of one at `k * panelRows + r`, and one panel
  /// behind the other. What is missing of the last one's rows has no meaning: it may be worked with, NaN included, but
  /// never meets another row.
  var panelRows: Int?

  var rowStride: Int { rowSpacing ?? width }
  var count: Int { shape.elementCount ?? 0 }
  var byteCount: Int {
    guard let panelRows, width > 0 else { return dtype.byteCount(of: count) ?? 0 }
    return dtype.byteCount(of: (count / width + panelRows - 1) / panelRows * panelRows * width) ?? 0
  }
  /// The size of the last axis; 1 for a scalar.
  var width: Int { shape.axes.last ?? 1 }
}

/// What a kernel is asked to run.
struct KernelRequest {
  let primitive: String
  let attributes: Attributes
  let batch: Int
  /// The node's own inputs, then those of its steps.
  let inputs: [Operand]
  let results: [Operand]
  let steps: [RowStep]
  let isa: InstructionSet
  let pool: ThreadPool

  /// The sizes under `name` where the batch is bound.
  func sizes(_ name: String) -> [Int] { attributes.dimensions(name).map { $0.bound(batch: batch) ?? 0 } }

  /// The size under `name` where the batch is bound.
  func size(_ name: String) -> Int { attributes.dimension(name).bound(batch: batch) ?? 0 }

  /// The failure that says that no kernel does `what`.
  func refusal(_ what: String) -> Diagnostic {
    Diagnostic(
      "run.kernel", "'\(primitive)' \(what), which no kernel of this program runs", category: .badData)
  }

  /// - Throws: `run.kernel` unless every input from `first` on, and every result, holds `f32`.
  func requireFloats(from first: Int = 0) throws(Diagnostic) {
    for operand in inputs.dropFirst(first) + results where operand.dtype != .f32 {
      throw refusal("works on \(operand.dtype)")
    }
  }
}

/// A kernel that knows its sizes and waits for its memory.
struct PreparedKernel {
  /// Room that only the launch itself needs.
  var scratchByteCount = 0
  let bind: (Buffers) -> Launch
}

/// The memory of one launch. It stays where it is for as long as the plan lives.
struct Buffers {
  let inputs: [UnsafeMutableRawPointer]
  let results: [UnsafeMutableRawPointer]
  let scratch: UnsafeMutableRawPointer

  func input(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(inputs[index].assumingMemoryBound(to: Float.self))
  }
  func inputIfPresent(_ index: Int, below count: Int) -> UnsafePointer<Float>? { index < count ? input(index) : nil }
  func result(_ index: Int = 0) -> UnsafeMutablePointer<Float> {
    results[index].assumingMemoryBound(to: Float.self)
  }
  var scratchFloats: UnsafeMutablePointer<Float> { scratch.assumingMemoryBound(to: Float.self) }
}

/// Runs a kernel once.
typealias Launch = () throws(Diagnostic) -> Void
