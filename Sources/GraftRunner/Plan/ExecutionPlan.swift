package import GraftIR
import GraftKernels

/// A graph made ready to run at one batch: its launches in order, and the memory of every value.
///
/// Everything that depends on shapes is decided here, once. What depends on constants alone is worked out here too. A
/// run then calls one closure after another and allocates no memory for tensors.
package final class ExecutionPlan {
  /// What a plan is made with.
  package struct Options {
    let isa: InstructionSet
    let pool: ThreadPool
    /// How linear layers hold their weights.
    let weights: WeightType
    /// Whether elementwise nodes join the launch before them, and layers exchange panels. Off in tests that compare both
    /// ways.
    let fuses: Bool

    package init(
      isa: InstructionSet = .current, pool: ThreadPool = .process, weights: WeightType = .f32, fuses: Bool = true
    ) {
      self.isa = isa
      self.pool = pool
      self.weights = weights
      self.fuses = fuses
    }
  }

  /// A launch and what it runs.
  package struct Step {
    /// The primitive of each node that the launch works out.
    package let primitives: [String]
    /// How often runs have launched it.
    package fileprivate(set) var launchCount = 0
    let launch: Launch
    /// What it has to do.
    let work: Work
    /// The module that its first node belongs to.
    let path: String

    /// What profiles call it: `Linear + Gelu`.
    package var name: String { primitives.joined(separator: " + ") }
  }

  /// What runs: the graph that was given, after `Pass.planning`.
  package let graph: Graph
  let batch: Int
  package private(set) var steps: [Step] = []
  /// The primitives of nodes that planning worked out, because they depend on constants alone.
  package private(set) var folded: [String] = []
  /// The primitives of nodes that only rename memory.
  package private(set) var renaming: [String] = []
  /// The bytes of all activations together.
  package var arenaByteCount: Int { memory.arena?.byteCount ?? 0 }
  /// The blocks of the arena and where they lie, for tests.
  package var arenaBlocks: [ArenaLayout.Block] { memory.blocks }
  package var arenaOffsets: [Int] { memory.offsets }

  private let options: Options
  /// Parameters that are held in fewer bits.
  private let reduced: Set<Int>
  /// Values that are parts of the rows of another one, and are read where they lie there.
  private let spaced: Set<Int>
  /// Values that lie in panels.
  private var paneled: Set<Int> = []
  private let shapes: [Shape]
  private var memory: PlanMemory
  private var storages: [Storage] = []  // Of constants and of scratch that made them.
  private var parameters: [Tensor] = []

  /// Plans `graph` at `batch`.
  ///
  /// - Parameters:
  ///   - traced: boundaries that are given back besides the outputs; others are not worked out.
  ///   - parameter: the bytes of a parameter, of the type that the graph states, or held as is said.
  /// - Throws: `graph.*` for a graph that is no formula, `run.kernel` for what no kernel runs, `run.size` for what fits
  ///   no memory.
  package init(
    _ given: Graph, batch: Int, tracing traced: Set<String> = [], options: Options = Options(),
    parameter: (String, WeightType) throws(Diagnostic) -> Tensor
  ) throws(Diagnostic) {
    var graph = given
    graph.boundaries = given.boundaries.filter { traced.contains($0.name) }
    // From here on attributes and types are what the primitives' shape rules accept.
    graph = try graph.applying(Pass.planning)
    self.graph = graph
    self.batch = batch
    self.options = options
    reduced = ReducedWeights(graph, options.weights).values
    var shapes: [Shape] = []
    for (index, type) in graph.types.enumerated() {
      guard let shape = type.shape(batch: batch), let count = shape.elementCount,
        let bytes = type.dtype.byteCount(of: count), bytes <= PlanMemory.machineByteCount
      else {
        throw Diagnostic(
          "run.size", "value \(index) of '\(graph.name)' is \(type) at batch \(batch), too large for memory")
      }
      shapes.append(shape)
    }
    self.shapes = shapes
    memory = PlanMemory(valueCount: graph.types.count)
    spaced = graph.partsOfRows(keeping: Set((graph.outputs + graph.boundaries).map(\.value)))

    let kept = results.map(\.value)
    for item in graph.parameters {
      let tensor = try parameter(item.name, reduced.contains(item.value.index) ? options.weights : .f32)
      parameters.append(tensor)
      memory[item.value] = memory.adopt(
        UnsafeMutableRawPointer(mutating: tensor.bytes.baseAddress), tensor.byteCount)
    }
    for item in graph.inputs { memory[item.value] = memory.reserve(operand(item.value).byteCount, from: -1) }

    let constant = try fold()
    let running = graph.nodes.indices.filter { !constant.contains($0) }
    var useCount = [Int](repeating: 0, count: graph.types.count)
    for node in running {
      for input in graph.nodes[node].inputs { useCount[input.index] += 1 }
    }
    for value in kept { useCount[value.index] += 1 }
    let groups =
      options.fuses
      ? Fusion(graph: graph, shape: { shapes[$0.index] }, useCount: useCount).groups(of: running)
      : running.map { Group($0, graph.nodes[$0]) }
    try verify(groups, of: running)
    if options.fuses {
      let panels = PanelValues(groups, panelRows: panelRows, useCount: useCount, operand: { operand($0) })
      paneled = panels.values
    }
    try schedule(groups, kept: kept)
  }

  /// What a run gives back: the outputs, then what is traced.
  package var results: [NamedValue] { graph.outputs + graph.boundaries }

  // MARK: Running

  /// Runs every launch once. Inputs must have been written to `bytes(of:)`.
  package func run(profile: Profile? = nil) throws(Diagnostic) {
    for index in steps.indices {
      let start = profile == nil ? 0 : Profile.now
      do throws(Diagnostic) { try steps[index].launch() } catch {
        let path = steps[index].path
        throw path.isEmpty
          ? error
          : Diagnostic(error.rule, "\(error.message), in '\(path)'", help: error.help, category: error.category)
      }
      steps[index].launchCount += 1
      profile?.add(steps[index].name, nanoseconds: Profile.now - start, steps[index].work)
    }
  }

  /// How many nodes of each primitive runs have worked out by its kernel so far.
  package var dispatches: [String: Int] {
    var counts: [String: Int] = [:]
    for step in steps where step.launchCount > 0 {
      for primitive in step.primitives { counts[primitive, default: 0] += step.launchCount }
    }
    return counts
  }

  /// Where `value`, a value of `graph`, lies.
  package func bytes(of value: Value) -> UnsafeMutableRawBufferPointer {
    let count = operand(value).byteCount
    guard let place = memory[value] else { preconditionFailure("value \(value.index) is not part of the plan") }
    return UnsafeMutableRawBufferPointer(start: memory.pointer(place), count: count)
  }

  /// A copy of `value` as it is after a run.
  package func tensor(_ value: Value) -> Tensor {
    let operand = operand(value)
    let tensor = Tensor(zeros: operand.dtype, operand.shape)
    tensor.mutableBytes.copyMemory(from: UnsafeRawBufferPointer(bytes(of: value)))
    return tensor
  }

  /// Fills the arena with NaN: what a run must not depend on.
  package func poison() {
    guard let arena = memory.arena else { return }
    arena.start.initializeMemory(as: UInt8.self, repeating: 0xFF, count: arena.byteCount)
  }

  // MARK: Planning

  private func operand(_ value: Value) -> Operand {
    let isReduced = reduced.contains(value.index)
    return Operand(
      dtype: isReduced ? options.weights.dtype : graph.type(of: value).dtype, shape: shapes[value.index],
      rowSpacing: memory[value]?.rowSpacing,
      panelRows: paneled.contains(value.index) ? panelRows : nil)
  }

  private var panelRows: Int { graft_panel_rows(options.isa.variant) }

  /// Works out the nodes that depend on constants alone, and gives their numbers.
  private func fold() throws(Diagnostic) -> Set<Int> {
    var isKnown: Set<Int> = []
    var numbers: Set<Int> = []
    var byteCount = 0
    func count(_ bytes: Int, _ node: Node) throws(Diagnostic) {
      let (sum, overflow) = byteCount.addingReportingOverflow(bytes)
      byteCount = overflow ? .max : sum
      guard byteCount <= PlanMemory.machineByteCount / 2 else {
        throw Diagnostic(
          "run.size", "what '\(graph.name)' works out of constants takes over half of the machine's memory",
          help: "'\(node.primitive)' of module '\(node.path)' is the first that is too much")
      }
    }
    for (index, node) in graph.nodes.enumerated() {
      guard node.inputs.allSatisfy({ isKnown.contains($0.index) }) else { continue }
      numbers.insert(index)
      folded.append(node.primitive)
      for result in node.results { isKnown.insert(result.index) }
      if view(node) { continue }
      for result in node.results {
        try count(operand(result).byteCount, node)
        let storage = Storage(byteCount: operand(result).byteCount)
        storages.append(storage)
        memory[result] = memory.adopt(storage.start, storage.byteCount)
      }
      let group = Group(index, node)
      let prepared = try prepare(group)
      try count(prepared.scratchByteCount, node)
      let scratch = Storage(byteCount: prepared.scratchByteCount)
      let launch = prepared.bind(buffers(of: group, scratch: scratch.start))
      defer { withExtendedLifetime(scratch) {} }  // The launch knows its address alone.
      try launch()
    }
    return numbers
  }

  /// Checks what fusing made, as passes are checked: each node that runs is in one group, and a group reads only what
  /// is there before it or what it works out itself.
  private func verify(_ groups: [Group], of running: [Int]) throws(Diagnostic) {
    var isThere = memory.placed
    for group in groups {
      guard group.inputs.allSatisfy({ isThere.contains($0.index) }) else {
        throw Diagnostic(
          "graph.pass", "pass 'Fusion' has '\(group.kernel)' read what is not worked out yet", category: .defect)
      }
      for result in group.results { isThere.insert(result.index) }
    }
    guard groups.flatMap(\.nodes).sorted() == running else {
      throw Diagnostic("graph.pass", "pass 'Fusion' loses or repeats a node of '\(graph.name)'", category: .defect)
    }
  }

  private func prepare(_ group: Group) throws(Diagnostic) -> PreparedKernel {
    let node = graph.nodes[group.nodes[0]]
    guard let kernel = Kernels.named(group.kernel) else {
      throw Diagnostic(
        "run.kernel", "'\(node.primitive)' has no kernel", help: "the node belongs to module '\(node.path)'")
    }
    return try kernel.prepare(
      KernelRequest(
        primitive: node.primitive, attributes: node.attributes, batch: batch, inputs: group.inputs.map { operand($0) },
        results: group.results.map { operand($0) }, steps: group.steps, isa: options.isa, pool: options.pool))
  }

  /// Gives the results of a node that only renames memory their places; false where it is no such node.
  private func view(_ node: Node) -> Bool {
    guard let source = node.inputs.first, let place = memory[source] else { return false }
    let x = operand(source)
    let width = x.dtype.byteWidth ?? 0
    switch node.primitive {
    case "Reshape": break
    case "Expand", "Cast":
      guard operand(node.results[0]).dtype == x.dtype, operand(node.results[0]).count == x.count else { return false }
    case "Transpose":  // Only axes of size 1 move.
      let moved = node.attributes.ints("perm").filter { x.shape.axes[$0] != 1 }
      guard moved == moved.sorted() else { return false }
    case "Slice", "Split":
      let axis = x.shape.resolved(node.attributes.int("axis"))
      if node.results.allSatisfy({ spaced.contains($0.index) }), place.rowSpacing == nil {
        var start = 0
        for result in node.results {
          memory[result] = place.advanced(by: start * width, rowSpacing: x.width)
          start += shapes[result.index].axes[axis]
        }
        return true
      }
      guard width > 0, x.shape.axes[..<axis].allSatisfy({ $0 == 1 }) else { return false }
      let rowBytes = x.shape.strides[axis] * width
      var start = node.attributes.dimension("start").bound(batch: batch) ?? 0
      for result in node.results {
        memory[result] = place.advanced(by: start * rowBytes)
        start += shapes[result.index].axes[axis]
      }
      return true
    default: return false
    }
    memory[node.results[0]] = place
    return true
  }

  private func schedule(_ groups: [Group], kept: [Value]) throws(Diagnostic) {
    // What each launch reads, before views are known: the last reader of a value.
    var launches: [(group: Group, prepared: PreparedKernel, scratch: PlanMemory.Place?)] = []
    let readers = lastReaders(groups, kept: kept)
    for (time, group) in groups.enumerated() {
      if group.nodes.count == 1, view(graph.nodes[group.nodes[0]]) {
        renaming.append(group.kernel)
        continue
      }
      let prepared = try prepare(group)
      for result in group.results where memory[result] == nil {
        memory[result] =
          inPlace(result, group, at: time, readers) ?? memory.reserve(operand(result).byteCount, from: time)
      }
      let scratch = prepared.scratchByteCount > 0 ? memory.reserve(prepared.scratchByteCount, from: time) : nil
      for value in group.inputs + group.results { memory.keep(value, until: time) }
      launches.append((group, prepared, scratch))
    }
    for value in kept { memory.keep(value, until: groups.count) }
    try memory.layOut { byteCount in
      Diagnostic(
        "run.size",
        "'\(graph.name)' needs \(byteCount) bytes for activations at batch \(batch), "
          + "but the machine has \(PlanMemory.machineByteCount)", help: "run fewer at a time")
    }

    for launch in launches {
      let scratch = launch.scratch.map { memory.pointer($0) } ?? memory.nothing.start
      let buffers = buffers(of: launch.group, scratch: scratch)
      let primitives = launch.group.nodes.map { graph.nodes[$0].primitive }
      let path = graph.nodes[launch.group.nodes[0]].path
      steps.append(
        Step(primitives: primitives, launch: launch.prepared.bind(buffers), work: work(of: launch.group), path: path))
    }
  }

  /// What a group has to do: its products, and each of its inputs and results once to or from memory.
  private func work(of group: Group) -> Work {
    var work = Work()
    for index in group.nodes {
      let node = graph.nodes[index]
      let operations = 2 * Double(graph.multiplyAdds(of: node, batch: batch))
      if node.inputs.count > 1, operand(node.inputs[1]).dtype == .i8 {
        work.integerOperations += operations
      } else {
        work.operations += operations
      }
    }
    // Of a table only the rows that come out are read.
    let table = group.kernel == "Gather" ? group.inputs.first : nil
    for value in Set(group.inputs + group.results) {
      work.byteCount += Double(operand(value == table ? group.results[0] : value).byteCount)
    }
    return work
  }

  /// For each value the last group that reads it or a view of it; `Int.max` where it is kept.
  private func lastReaders(_ groups: [Group], kept: [Value]) -> [Int] {
    var last = [Int](repeating: -1, count: graph.types.count)
    for value in kept { last[value.index] = .max }
    for (time, group) in groups.enumerated().reversed() {
      for input in group.inputs { last[input.index] = max(last[input.index], time) }
      // A view is read as late as what was made of it, so it hands its own readers to its source.
      if group.nodes.count == 1, let source = group.inputs.first, Self.mayBeView.contains(group.kernel) {
        for result in group.results { last[source.index] = max(last[source.index], last[result.index]) }
      }
    }
    return last
  }

  private static let mayBeView: Set<String> = ["Reshape", "Expand", "Cast", "Transpose", "Slice", "Split"]

  /// The place of the first input, where `result` may overwrite it: nothing reads that later, and only the launch's
  /// first loop reads it now.
  private func inPlace(_ result: Value, _ group: Group, at time: Int, _ readers: [Int]) -> PlanMemory.Place? {
    guard Kernels.named(group.kernel)?.traits.contains(.inPlace) ?? false, group.results.count == 1,
      let input = group.inputs.first, let place = memory[input], operand(input) == operand(result),
      memory.isWhole(place, operand(input).byteCount)
    else { return nil }
    // Everything in the buffer must be done with: the input, what it is a view of, and other views of that.
    for value in memory.values(beside: place) {
      if readers[value.index] > time { return nil }
      if readers[value.index] == time, group.inputs.dropFirst().contains(value) { return nil }
    }
    return place
  }

  private func buffers(of group: Group, scratch: UnsafeMutableRawPointer) -> Buffers {
    Buffers(
      inputs: group.inputs.map { bytes(of: $0).baseAddress ?? scratch },
      results: group.results.map { bytes(of: $0).baseAddress ?? scratch }, scratch: scratch)
  }
}

extension Graph {
  /// The results of each `Split` of rows that are read by nothing but kernels that take rows apart from each other.
  fileprivate func partsOfRows(keeping kept: Set<Value>) -> Set<Int> {
    var readsInPlace: [Value: Bool] = [:]
    for node in nodes {
      let takes = Kernels.named(node.primitive)?.traits.contains(.readsSpacedRows) ?? false
      for (place, input) in node.inputs.enumerated() {
        readsInPlace[input] = (readsInPlace[input] ?? true) && takes && place < 3
      }
    }
    var parts: Set<Int> = []
    for node in nodes where node.primitive == "Split" {
      let rank = type(of: node.inputs[0]).rank
      let axis = node.attributes.int("axis")
      guard (axis < 0 ? axis + rank : axis) == rank - 1,
        node.results.allSatisfy({ readsInPlace[$0] == true && !kept.contains($0) })
      else { continue }
      parts.formUnion(node.results.map(\.index))
    }
    return parts
  }
}
