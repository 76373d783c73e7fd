import GraftIR
import Testing

@Suite struct PrimitivesTests {
  static let names = Primitives.all.map(\.name)

  @Test("Every example gives its outputs", arguments: names)
  func examples(_ name: String) throws {
    let primitive = try #require(Primitives.named(name))
    #expect(!primitive.examples.isEmpty)
    for example in primitive.examples {
      let types = try primitive.infer(example.inputs.map(\.type), example.attributes)
      let outputs = try primitive.evaluate(example.inputs, example.attributes)
      #expect(types == example.outputs.map(\.type))
      #expect(outputs.map(\.type) == types)
      for (found, expected) in zip(outputs, example.outputs) {
        if example.tolerance == 0 {
          #expect(found.bytes.elementsEqual(expected.bytes), "\(found.doubles) is not \(expected.doubles)")
        }
        #expect(found.largestDifference(from: expected) <= example.tolerance, "\(found.doubles), \(expected.doubles)")
      }
    }
  }

  /// Uses of every primitive that has a definition: attributes, and the shapes of the inputs.
  static let composites: [(String, Attributes, [Shape])] = [
    ("Rsqrt", [:], [[7]]), ("Sigmoid", [:], [[40]]), ("Silu", [:], [[40]]), ("Softplus", [:], [[40]]),
    ("Relu", [:], [[40]]),
    ("Gelu", ["approximate": .text("tanh")], [[3, 5]]), ("Gelu", ["approximate": .text("none")], [[3, 5]]),
    ("Linear", [:], [[2, 3, 4], [5, 4]]), ("Linear", [:], [[4], [5, 4], [5]]),
    ("Linear", [:], [[2, 0], [3, 0], [3]]),
    ("LayerNormalization", ["epsilon": .float(1e-6)], [[2, 3, 8]]),
    ("LayerNormalization", ["epsilon": .float(1e-5)], [[2, 8], [8]]),
    ("LayerNormalization", ["epsilon": .float(1e-5)], [[2, 8], [8], [8]]),
    ("RMSNormalization", ["epsilon": .float(1e-6)], [[2, 3, 8]]),
    ("RMSNormalization", ["epsilon": .float(1e-6)], [[8], [8]]),
    ("Softmax", [:], [[2, 3, 4]]), ("Softmax", ["axis": .int(0)], [[3, 4]]), ("Softmax", ["axis": .int(-2)], [[3, 4]]),
    ("Attention", ["heads": .int(2)], [[2, 5, 6], [2, 3, 6], [2, 3, 8]]),
    ("Attention", ["heads": .int(4), "kv_heads": .int(2)], [[2, 5, 8], [2, 3, 4], [2, 3, 6]]),
    ("Attention", ["heads": .int(2), "scale": .float(0.3)], [[1, 2, 6], [1, 3, 6], [1, 3, 2], [2, 1, 3]]),
    ("Attention", ["heads": .int(2), "window": .ints([1, 2])], [[2, 6, 4], [2, 6, 4], [2, 6, 4]]),
    ("Attention", ["heads": .int(1), "window": .ints([-1, 0])], [[1, 4, 2], [1, 4, 2], [1, 4, 2], [4, 4]]),
    ("Attention", ["heads": .int(1), "window": .ints([2, -1])], [[1, 4, 2], [1, 4, 2], [1, 4, 2]]),
    ("SelectiveScan", [:], [[2, 5, 6], [2, 5, 3], [3], [2, 5, 4], [2, 5, 4]]),
    ("SelectiveScan", ["groups": .int(2)], [[1, 4, 8], [1, 4, 4], [4], [1, 4, 6], [1, 4, 6], [4]]),
    ("SelectiveScan", [:], [[2, 1, 3], [2, 1, 1], [1], [2, 1, 5], [2, 1, 5], [1]]),
    ("CausalConv", ["axis": .int(1)], [[2, 5, 3], [3, 1, 4]]),
    ("CausalConv", ["axis": .int(2)], [[2, 3, 5], [3, 1, 4], [3]]),
    ("CausalConv", ["axis": .int(1)], [[2, 2, 3], [3, 1, 1], [3]]),
  ]

  @Test("A definition gives what the primitive gives", arguments: composites)
  func definitionAgrees(_ name: String, _ attributes: Attributes, _ shapes: [Shape]) throws {
    let primitive = try #require(Primitives.named(name))
    let define = try #require(primitive.definition)
    for seed in 0..<10 {
      var random = Seeded(seed)
      var inputs = shapes.map { random.tensor(.f64, $0) }
      if name == "Rsqrt" { inputs = inputs.map { Tensor(.f64, $0.shape, doubles: $0.doubles.map { $0 * $0 + 0.1 }) } }
      if name == "Softplus" { inputs = inputs.map { Tensor(.f64, $0.shape, doubles: $0.doubles.map { $0 * 15 }) } }

      if name == "SelectiveScan" {  // Steps forward in time, rates that forget.
        inputs[1] = Tensor(.f64, inputs[1].shape, doubles: inputs[1].doubles.map(abs))
        inputs[2] = Tensor(.f64, inputs[2].shape, doubles: inputs[2].doubles.map { -abs($0) })
      }

      var builder = GraphBuilder(name: "definition")
      let values = inputs.enumerated().map { builder.input("x\($0)", $1.type) }
      let results = try define(&builder, values, attributes)
      for (index, result) in results.enumerated() { builder.output("y\(index)", result) }
      let named = inputs.enumerated().map { ("x\($0)", $1) }
      let found = try builder.graph.evaluate(inputs: Dictionary(uniqueKeysWithValues: named)).outputs
      let expected = try primitive.evaluate(inputs, attributes)
      #expect(results.count == expected.count)
      for (index, tensor) in expected.enumerated() {
        let other = try #require(found["y\(index)"])
        #expect(other.type == tensor.type)
        // Numbers below 32, and a few dozen roundings of half a unit, 2^-49, each.
        #expect(other.largestDifference(from: tensor) <= 0x1p-43, "seed \(seed)")
      }
    }
  }

  @Test("Every definition is tested")
  func compositesAreComplete() {
    let defined = Primitives.all.filter { $0.definition != nil }.map(\.name)
    #expect(Set(defined) == Set(Self.composites.map(\.0)))
  }

  @Test("A definition keeps the batch open")
  func definitionOfBatches() throws {
    var builder = GraphBuilder(name: "definition")
    let x = builder.input("x", TensorType(.f32, [.batch(2), 4, 6]))
    let define = try #require(Primitive.attention.definition)
    let y = try define(&builder, [x, x, x], ["heads": .int(3), "kv_heads": .int(3), "window": .ints([1, 1])])
    #expect(builder.type(of: y[0]) == TensorType(.f32, [.batch(2), 4, 6]))
    try builder.graph.verify()
  }

  @Test("Every primitive has its page, which names its attributes and lists its rules", arguments: names)
  func pages(_ name: String) throws {
    let primitive = try #require(Primitives.named(name))
    let page = try Specification.page("primitives/\(name)")
    #expect(page.hasPrefix("# \(primitive.name)\n"))
    for attribute in primitive.attributes { #expect(page.contains("`\(attribute.name)`")) }
    #expect(page.contains("- `\(primitive.name).inputs`: "))
    #expect(page.contains("Source: "))
  }

  @Test(
    "What a primitive refuses is a rule of its page, and what it accepts can be evaluated", arguments: names)
  func randomUses(_ name: String) throws {
    let primitive = try #require(Primitives.named(name))
    let page = try Specification.page("primitives/\(name)")
    for seed in 0..<1000 {
      var random = Seeded(seed)
      let pool = (0..<4).map { _ in random.type(batches: seed % 2 == 0) }
      var (numbers, attributes) = random.use(of: primitive, pool)
      var inputs = numbers.map { pool[$0] }
      if seed % 3 > 0, let example = primitive.examples.randomElement(using: &random) {
        // An example with at most one thing changed: nearly right is where the rules are.
        let change = Int.random(in: 0..<4, using: &random)
        let name = attributes.keys.sorted().randomElement(using: &random)
        let other = name.map { attributes[$0] }
        (inputs, attributes) = (example.inputs.map(\.type), example.attributes)
        if change == 0, !inputs.isEmpty { inputs[Int.random(in: 0..<inputs.count, using: &random)] = pool[0] }
        if change == 1, let name, let other { attributes[name] = other }
        if change == 2 { inputs.append(pool[0]) }
      }
      do {
        let results = try primitive.infer(inputs, attributes)
        let shapes = inputs.compactMap(\.shape)
        guard shapes.count == inputs.count, results.allSatisfy({ ($0.shape?.elementCount ?? .max) < 10_000 }),
          zip(inputs, shapes).allSatisfy({ $0.dtype.byteCount(of: $1.elementCount ?? 0) != nil })
        else { continue }
        let tensors = zip(inputs, shapes).map { random.tensor($0.dtype, $1) }
        #expect(try primitive.evaluate(tensors, attributes).map(\.type) == results, "seed \(seed)")
      } catch {
        #expect(
          page.contains("- `\(error.rule)`: ") || error.rule == "graph.type",
          "seed \(seed): \(error.rule): \(error.message)")
      }
    }
  }

  @Test("A wrong number of inputs, and an attribute that is missing, unknown or mistyped, are refused")
  func declarations() {
    let x = TensorType(.f32, [2])
    #expect(rule { try Primitive.add.infer([x], [:]) } == "Add.inputs")
    #expect(rule { try Primitive.concat.infer([], ["axis": .int(0)]) } == "Concat.inputs")
    #expect(rule { try Primitive.slice.infer([x], ["axis": .int(0), "start": .int(0)]) } == "Slice.attributes")
    #expect(rule { try Primitive.softmax.infer([x], ["axes": .int(0)]) } == "Softmax.attributes")
    #expect(rule { try Primitive.softmax.infer([x], ["axis": .float(0)]) } == "Softmax.attributes")
    #expect(rule { try Primitive.neg.infer([TensorType(.f32, [-1])], [:]) } == "graph.type")
    #expect(rule { try Primitive.iota.infer([], ["count": .int(1 << 50)]) } == "graph.type")
    #expect(rule { try Primitive.iota.evaluate([], ["count": .int(1 << 33)]) } == "graph.evaluate-size")
  }

  static let refusals: [(String, String, [TensorType], Attributes)] = [
    ("Constant.count", "Constant", [], ["shape": .ints([2]), "values": .floats([1, 2, 3])]),
    ("Constant.dtype", "Constant", [], ["dtype": .dtype(.c64), "values": .floats([1])]),
    ("Add.broadcast", "Add", [TensorType(.f32, [.batch(), 1152]), TensorType(.f32, [.batch(), 256, 1152])], [:]),
    ("Add.dtype", "Add", [TensorType(.f32, [2]), TensorType(.f16, [2])], [:]),
    ("Pow.dtype", "Pow", [TensorType(.i32, [2]), TensorType(.i32, [2])], [:]),
    ("MatMul.inner", "MatMul", [TensorType(.f32, [2, 3]), TensorType(.f32, [2, 3])], [:]),
    ("Linear.width", "Linear", [TensorType(.f32, [.batch(), 4]), TensorType(.f32, [4, 5])], [:]),
    ("Linear.bias", "Linear", [TensorType(.f32, [4]), TensorType(.f32, [5, 4]), TensorType(.f32, [4])], [:]),
    ("ReduceSum.axes", "ReduceSum", [TensorType(.f32, [2, 3])], ["axes": .ints([1, -1])]),
    ("Softmax.axis", "Softmax", [TensorType(.f32, [2, 3])], ["axis": .int(2)]),
    ("Reshape.count", "Reshape", [TensorType(.f32, [.batch(), 4])], ["shape": .dimensions([4])]),
    ("Slice.range", "Slice", [TensorType(.f32, [4])], ["axis": .int(0), "start": .int(2), "length": .int(3)]),
    ("Slice.range", "Slice", [TensorType(.f32, [.batch()])], ["axis": .int(0), "start": .int(0), "length": .int(1)]),
    ("Split.sizes", "Split", [TensorType(.f32, [4])], ["axis": .int(0), "sizes": .ints([1, 2])]),
    ("Concat.shape", "Concat", [TensorType(.f32, [4]), TensorType(.f32, [.batch()])], ["axis": .int(0)]),
    ("Pad.range", "Pad", [TensorType(.f32, [4])], ["axis": .int(0), "before": .int(-1), "after": .int(0)]),
    (
      "Attention.window", "Attention",
      [TensorType(.f32, [1, 4, 2]), TensorType(.f32, [1, 3, 2]), TensorType(.f32, [1, 3, 2])],
      ["heads": .int(1), "window": .ints([1, 1])]
    ),
    (
      "Attention.heads", "Attention",
      [TensorType(.f32, [1, 4, 6]), TensorType(.f32, [1, 3, 6]), TensorType(.f32, [1, 3, 6])],
      ["heads": .int(4)]
    ),
    (
      "CausalConv.weight", "CausalConv", [TensorType(.f32, [1, 4, 6]), TensorType(.f32, [4, 1, 3])],
      ["axis": .int(1)]
    ),
    (
      "SelectiveScan.heads", "SelectiveScan",
      [
        TensorType(.f32, [1, 4, 6]), TensorType(.f32, [1, 4, 4]), TensorType(.f32, [4]), TensorType(.f32, [1, 4, 2]),
        TensorType(.f32, [1, 4, 2]),
      ], [:]
    ),
    (
      "SelectiveScan.rates", "SelectiveScan",
      [
        TensorType(.f32, [.batch(), 4, 6]), TensorType(.f32, [.batch(), 4, 3]), TensorType(.f32, [1]),
        TensorType(.f32, [.batch(), 4, 2]), TensorType(.f32, [.batch(), 4, 2]),
      ], [:]
    ),
    ("TopIndices.count", "TopIndices", [TensorType(.f32, [2, 3])], ["count": .int(4)]),
    ("TopIndices.rank", "TopIndices", [TensorType(.f32, [])], ["count": .int(0)]),
    ("Conv.size", "Conv", [TensorType(.f32, [1, 1, 2, 2]), TensorType(.f32, [1, 1, 3, 3])], [:]),
    ("Transpose.whole-bytes", "Transpose", [TensorType(.f4, [2, 2])], ["perm": .ints([1, 0])]),
    ("Cast.whole-bytes", "Cast", [TensorType(.f32, [3])], ["to": .dtype(.f4)]),
  ]

  @Test("A shape rule refuses what breaks it", arguments: refusals)
  func refusal(_ expected: String, _ name: String, _ inputs: [TensorType], _ attributes: Attributes) throws {
    let primitive = try #require(Primitives.named(name))
    #expect(rule { try primitive.infer(inputs, attributes) } == expected)
  }

  @Test("A message of broadcasting shows both shapes")
  func broadcastMessage() {
    #expect(throws: Diagnostic("Add.broadcast", "[B, 1152] does not spread over [B, 256, 1152]")) {
      try Primitive.add.infer(
        [TensorType(.f32, [.batch(), 1152]), TensorType(.f32, [.batch(), 256, 1152])], [:])
    }
  }

  static let batches: [(String, [TensorType], Attributes, [TensorType])] = [
    (
      "Reshape", [TensorType(.f32, [.batch(), 4, 6])], ["shape": .dimensions([.batch(2), 12])],
      [TensorType(.f32, [.batch(2), 12])]
    ),
    (
      "Split", [TensorType(.f32, [.batch(2), 4])], ["axis": .int(0), "sizes": .dimensions([.batch(), .batch()])],
      [TensorType(.f32, [.batch(), 4]), TensorType(.f32, [.batch(), 4])]
    ),
    (
      "Concat", [TensorType(.f32, [.batch(), 4]), TensorType(.f32, [.batch(2), 4])], ["axis": .int(0)],
      [TensorType(.f32, [.batch(3), 4])]
    ),
    (
      "Slice", [TensorType(.f32, [.batch(2), 4])],
      ["axis": .int(0), "start": .dimension(.batch()), "length": .dimension(.batch())],
      [TensorType(.f32, [.batch(), 4])]
    ),
    (
      "Expand", [TensorType(.f32, [1, 4])], ["shape": .dimensions([.batch(), 3, 4])],
      [TensorType(.f32, [.batch(), 3, 4])]
    ),
    (
      "MatMul", [TensorType(.f32, [.batch(), 2, 3, 4]), TensorType(.f32, [4, 5])], [:],
      [TensorType(.f32, [.batch(), 2, 3, 5])]
    ),
    (
      "Gather", [TensorType(.bf16, [1001, 8]), TensorType(.i64, [.batch()])], [:], [TensorType(.bf16, [.batch(), 8])]
    ),
  ]

  @Test("Sizes count in batches where they may", arguments: batches)
  func sizesInBatches(
    _ name: String, _ inputs: [TensorType], _ attributes: Attributes, _ results: [TensorType]
  ) throws {
    let primitive = try #require(Primitives.named(name))
    #expect(try primitive.infer(inputs, attributes) == results)
  }

  @Test("Gathering a row that is not there, and dividing whole numbers by 0, are refused when evaluated")
  func evaluationRefusals() {
    let table = Tensor([1, 2], [2])
    for index in [-1, 2] {
      #expect(
        rule { try Primitive.gather.evaluate([table, Tensor(.i64, [1], integers: [index])], [:]) } == "Gather.range")
    }
    let zero = Tensor(.i32, [1], integers: [0])
    #expect(rule { try Primitive.div.evaluate([zero, zero], [:]) } == "Div.zero")
  }

  @Test("Whole numbers of 64 bits are exact")
  func wideIntegers() throws {
    let large = Tensor(.i64, [2], integers: [.max, 1 << 53])
    let one = Tensor(.i64, [], integers: [1])
    #expect(try Primitive.sub.evaluate([large, one], [:])[0].integers == [.max - 1, (1 << 53) - 1])
    #expect(
      try Primitive.equal.evaluate([large, Tensor(.i64, [], integers: [(1 << 53) + 1])], [:])[0].integers == [0, 0])
    let unsigned = Tensor(.u64, [2], integers: [-1, 1])  // 2^64 - 1 and 1.
    #expect(try Primitive.greater.evaluate([unsigned, Tensor(.u64, [], integers: [2])], [:])[0].integers == [1, 0])
  }
}

extension Tensor {
  /// The largest absolute difference of any element; equal infinities and NaNs differ by nothing.
  func largestDifference(from other: Tensor) -> Double {
    zip(doubles, other.doubles).reduce(0) { largest, pair in
      if pair.0 == pair.1 || (pair.0.isNaN && pair.1.isNaN) { return largest }
      let difference = abs(pair.0 - pair.1)
      return difference.isNaN ? .infinity : max(largest, difference)
    }
  }
}

/// The rule that `body` says is broken, or `nil`.
func rule(_ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch { return (error as? Diagnostic)?.rule }
}
