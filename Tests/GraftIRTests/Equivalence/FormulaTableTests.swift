import GraftIR
import Testing

/// Normal forms of random graphs, worked out by the reference beside the graphs themselves.
@Suite struct FormulaTableTests {
  /// A random graph of one small input and numbers that rules look for: 0, 1, 2, unit matrices, blocks of zeros.
  private struct RandomGraph {
    var random: Seeded
    var builder = GraphBuilder(name: "forward")
    var pool: [Value] = []
    var tensors: [String: Tensor] = [:]

    init(seed: Int, batches: Bool) {
      random = Seeded(seed)
      let rows: Dimension = batches ? .batch() : 2
      let leaves: [(String, [Dimension])] = [
        ("x", [rows, 4]), ("y", [rows, 4]), ("z", [4]), ("t", [rows, 3, 4]), ("w", [4, 4]), ("v", [4, 2]),
        ("f", [4, 1, 2]),
      ]
      for (name, axes) in leaves {
        let type = TensorType(.f32, axes)
        pool.append(builder.input(name, type))
        tensors[name] = type.shape(batch: 2).map { random.tensor(.f32, $0) }
      }
      let blocks: [Double] = (0..<16).map { $0 % 4 < 2 ? 0.5 + Double($0) : 0 }
      let unit: [Double] = (0..<16).map { $0 / 4 == $0 % 4 ? 1 : 0 }
      let constants: [([Int], [Double])] = [
        ([], [0]), ([], [1]), ([], [2]), ([4], [0]), ([4], [1]), ([2], [0]), ([4, 4], [0]), ([4, 4], unit),
        ([4, 4], blocks),
        ([4, 1, 2], [0, 3, 0, 1, 0, 2, 0, 1]), ([4, 1, 1], [1]), ([3, 4], [0]), ([3, 1], [0]),
      ]
      for (shape, values) in constants {
        let attributes: Attributes = ["shape": .ints(shape), "values": .floats(values)]
        if let made = try? builder.node(.constant, [], attributes) { pool += made }
      }
      // Weights that are 0 in part.
      let (v, f) = (pool[5], pool[6])
      for (x, axis, before, after) in [(v, 1, 0, 2), (v, 1, 1, 1), (v, 0, 0, 2), (f, 2, 2, 0), (f, 2, 1, 1)] {
        let attributes: Attributes = ["axis": .int(axis), "before": .int(before), "after": .int(after)]
        if let made = try? builder.node(.pad, [x], attributes) { pool += made }
      }
    }

    mutating func grow(_ attempts: Int) {
      let names = [
        "Add", "Add", "Mul", "Mul", "Sub", "Div", "Min", "Max", "Neg", "Exp", "Gelu", "Silu", "Slice", "Slice", "Slice",
        "Concat",
        "Concat", "Split", "Reshape", "Transpose", "Expand", "Pad", "Linear", "Linear", "Linear", "CausalConv",
        "MatMul",
        "CausalConv", "Where", "Less", "ReduceSum", "ReduceMean", "CumSum", "LayerNormalization", "LayerNormalization",
        "RMSNormalization", "Attention", "Attention", "Reverse", "Cast", "Gather",
      ]
      for _ in 0..<attempts {
        guard let name = names.randomElement(using: &random), let primitive = Primitives.named(name) else { continue }
        let most = min(primitive.inputCount.upperBound, primitive.inputCount.lowerBound + 2)
        // Most choices do not fit each other; a few tries find some that do.
        var made: [Value] = []
        for _ in 0..<4 where made.isEmpty {
          let inputs = (0..<Int.random(in: primitive.inputCount.lowerBound...most, using: &random)).map { _ in
            (Bool.random(using: &random) ? pool : pool.suffix(6)).randomElement(using: &random) ?? pool[0]
          }
          guard let first = inputs.first else { continue }
          let attributes = attributes(name, builder.type(of: first))
          made = (try? builder.node(primitive, inputs, attributes)) ?? []
        }
        pool += made.filter { (builder.type(of: $0).elementCount?.count ?? .max) <= 200 }
      }
    }

    private mutating func attributes(_ name: String, _ type: TensorType) -> Attributes {
      func axis() -> Int { Int.random(in: -1..<max(type.rank, 1), using: &random) }
      switch name {
      case "Gelu": return ["approximate": .text("tanh")]
      case "Slice":
        let axis = axis()
        guard type.rank > 0 else { return [:] }
        let size = type.axes[axis < 0 ? axis + type.rank : axis]
        let start = Int.random(in: 0...max(size.count - 1, 0), using: &random)
        let length = Int.random(in: 0...max(size.count - start, 0), using: &random)
        func sized(_ count: Int) -> Attribute { .dimension(size.isBatch ? .batch(count) : Dimension(count)) }
        return ["axis": .int(axis), "start": sized(start), "length": sized(length)]
      case "Concat", "Reverse", "CumSum": return ["axis": .int(axis())]
      case "Split":
        let axis = axis()
        guard type.rank > 0 else { return [:] }
        let size = type.axes[axis < 0 ? axis + type.rank : axis]
        if size.isBatch || size.count == 0 { return ["axis": .int(axis), "sizes": .dimensions([size])] }
        return ["axis": .int(axis), "sizes": .ints([1, size.count - 1])]
      case "Reshape":
        var axes = type.axes
        switch Int.random(in: 0..<3, using: &random) {
        case 0: axes.insert(1, at: Int.random(in: 0...axes.count, using: &random))
        case 1:
          if let place = axes.indices.dropLast().randomElement(using: &random), !axes[place + 1].isBatch {
            let (a, b) = (axes[place], axes[place + 1].count)
            axes[place] = a.isBatch ? .batch(a.count * b) : Dimension(a.count * b)
            axes.remove(at: place + 1)
          }
        default:
          if let place = axes.indices.randomElement(using: &random), axes[place].count % 2 == 0 {
            axes[place] = axes[place].isBatch ? .batch(axes[place].count / 2) : Dimension(axes[place].count / 2)
            axes.insert(2, at: place + 1)
          }
        }
        return ["shape": .dimensions(axes)]
      case "Transpose": return ["perm": .ints(Array(0..<type.rank).shuffled(using: &random))]
      case "Expand":
        let axes = type.axes.map { $0 == 1 && Bool.random(using: &random) ? 3 : $0 }
        return ["shape": .dimensions((Bool.random(using: &random) ? [2] : []) + axes)]
      case "Pad":
        return ["axis": .int(axis()), "before": .int(Int.random(in: 0...2, using: &random)), "after": .int(1)]
      case "CausalConv": return ["axis": .int(Int.random(in: 1...2, using: &random))]
      case "ReduceSum", "ReduceMean": return ["axes": .ints([axis()])]
      case "LayerNormalization", "RMSNormalization": return ["epsilon": .float(1e-6)]
      case "Attention":
        let sides = (0..<2).map { _ in Int.random(in: -1...3, using: &random) }
        return ["heads": .int([1, 2].randomElement(using: &random) ?? 1), "window": .ints(sides)]
      case "Cast": return ["to": .dtype(.f32)]
      default: return [:]
      }
    }
  }

  /// Works formulas out by the reference.
  private struct Worker {
    let table: FormulaTable
    let inputs: [Formula: Tensor]
    var known: [Formula: Tensor] = [:]

    mutating func value(_ formula: Formula) throws -> Tensor {
      if let tensor = inputs[formula] ?? known[formula] ?? table.tensor(formula) { return tensor }
      let type = table.type(formula)
      let tensor: Tensor
      switch table.node(formula) {
      case .fill(let bits):
        let shape = try #require(type.shape(batch: 2))
        let count = try #require(shape.elementCount)
        tensor = Tensor(type.dtype, shape, doubles: [Double](repeating: Double(bitPattern: bits), count: count))
      case .use(let use, let result):
        var arguments: [Tensor] = []
        for argument in use.arguments { arguments.append(try value(argument)) }
        let attributes = try #require(use.attributes.bound(batch: 2))
        tensor = try #require(Primitives.named(use.primitive)).evaluate(arguments, attributes)[result]
      case .leaf, .constant: throw Diagnostic("test.leaf", "a leaf without its numbers")
      }
      known[formula] = tensor
      return tensor
    }
  }

  @Test("A normal form gives the numbers of the graph, exactly, wherever all numbers are finite", arguments: 0..<120)
  func sameNumbers(seed: Int) throws {
    var random = RandomGraph(seed: seed, batches: seed % 2 == 0)
    random.grow(400)
    for (index, value) in random.pool.enumerated() { random.builder.output("v\(index)", value) }
    let graph = random.builder.graph
    let evaluation = try graph.evaluate(inputs: random.tensors)

    var table = FormulaTable()
    let formulas = try table.add(graph) { table, name, type throws(Diagnostic) in table.leaf(name, type) }
    let inputs = Dictionary(
      graph.inputs.compactMap { input in random.tensors[input.name].map { (formulas[input.value.index], $0) } },
      uniquingKeysWith: { first, _ in first })
    var worker = Worker(table: table, inputs: inputs)

    // What reads a number that is not finite may be anything: the page says so.
    var isFinite = [Bool](repeating: true, count: graph.types.count)
    let names = Dictionary(graph.outputs.map { ($0.value, $0.name) }, uniquingKeysWith: { first, _ in first })
    for node in graph.nodes {
      let isSound = node.inputs.allSatisfy { isFinite[$0.index] }
      for value in node.results {
        let numbers = names[value].flatMap { evaluation.outputs[$0]?.doubles }
        isFinite[value.index] = isSound && numbers?.allSatisfy(\.isFinite) != false
      }
    }
    var compared = 0
    for (value, name) in names where isFinite[value.index] {
      let expected = try #require(evaluation.outputs[name])
      let found = try worker.value(formulas[value.index])
      #expect(found.type == expected.type, "seed \(seed), %\(value.index)\n\(graph)")
      // 0 and -0 are one number.
      #expect(found.doubles == expected.doubles, "seed \(seed), %\(value.index)\n\(graph)")
      compared += 1
    }
    #expect(compared > 20)
  }
}
