import GraftIR

/// Examples for the rules of primitives: a use that a primitive's own file gives as an example, and the same with one
/// thing changed.
enum PrimitiveExamples {
  /// One node's inputs and attributes.
  private struct Use {
    var inputs: [TensorType]
    var attributes: Attributes
  }

  /// The pair for `rule`, or `nil` where it is no primitive's, or no such change breaks it.
  static func of(_ rule: String) -> RuleExamples? {
    guard let dot = rule.firstIndex(of: "."), let primitive = Primitives.named(String(rule[..<dot])) else { return nil }
    for example in primitive.examples {
      let use = Use(inputs: example.inputs.map(\.type), attributes: example.attributes)
      guard let results = try? primitive.infer(use.inputs, use.attributes) else { continue }
      for changed in changes(of: use) where brokenRule(primitive, changed) == rule {
        var pair = RuleExamples()
        pair.breaking.add("graph", text(primitive, changed, results))
        pair.keeping.add("graph", text(primitive, use, results))
        return pair
      }
    }
    return nil
  }

  private static func brokenRule(_ primitive: Primitive, _ use: Use) -> String? {
    do {
      _ = try primitive.infer(use.inputs, use.attributes)
      return nil
    } catch { return error.rule }
  }

  /// A program of this one node.
  private static func text(_ primitive: Primitive, _ use: Use, _ results: [TensorType]) -> String {
    var graph = Graph(name: "forward")
    graph.types = use.inputs + results
    let inputs = use.inputs.indices.map { Value($0) }
    let outputs = results.indices.map { Value(use.inputs.count + $0) }
    graph.inputs = inputs.map { NamedValue("x\($0.index)", $0) }
    graph.nodes = [
      Node(primitive: primitive.name, attributes: use.attributes, inputs: inputs, results: outputs, path: "")
    ]
    graph.outputs = outputs.enumerated().map { NamedValue("y\($0.offset)", $0.element) }
    return Program(parameters: [], graphs: [graph]).description
  }

  // MARK: Changes

  /// The use with one thing changed, each in turn.
  private static func changes(of use: Use) -> [Use] {
    var result: [Use] = []
    func change(_ body: (inout Use) -> Void) {
      var changed = use
      body(&changed)
      result.append(changed)
    }
    if !use.inputs.isEmpty { change { $0.inputs.removeLast() } }
    change { $0.inputs = [] }
    change { $0.inputs.append($0.inputs.last ?? TensorType(.f32, [2])) }
    change { $0.inputs = $0.inputs.enumerated().map { TensorType($1.dtype, [Dimension($0 + 2)] + $1.axes) } }
    // Of inputs that must be alike, a change of one alone breaks that first.
    for dtype in DType.allCases {
      for first in [0, 1] {
        change { use in
          for index in use.inputs.indices.dropFirst(first) {
            use.inputs[index] = TensorType(dtype, use.inputs[index].axes)
          }
        }
      }
    }
    for (index, type) in use.inputs.enumerated() {
      for dtype in DType.allCases where dtype != type.dtype {
        change { $0.inputs[index] = TensorType(dtype, type.axes) }
      }
      for axes in axesBeside(type.axes) { change { $0.inputs[index] = TensorType(type.dtype, axes) } }
    }
    change { $0.attributes["colour"] = .int(1) }
    for (name, value) in use.attributes {
      change { $0.attributes[name] = nil }
      for other in valuesBeside(value) { change { $0.attributes[name] = other } }
    }
    return result
  }

  private static func axesBeside(_ axes: [Dimension]) -> [[Dimension]] {
    let two = Dimension(2)
    var result: [[Dimension]] = [Array(axes.dropFirst()), Array(axes.dropLast()), [two] + axes, axes + [two], []]
    for index in axes.indices {
      let count = axes[index].count
      for size in [Dimension(count + 1), Dimension(0), Dimension(1 << 49), Dimension.batch(count)] {
        var changed = axes
        changed[index] = size
        result.append(changed)
      }
    }
    return result
  }

  private static func valuesBeside(_ value: Attribute) -> [Attribute] {
    switch value {
    case .int(let number): return [-1, 0, number + 1, 5, 1000, 1 << 49].map { .int($0) }
    case .float: return [.float(-1), .float(.nan), .float(.infinity)]
    case .bool: return []
    case .text: return [.text("other")]
    case .ints(let numbers):
      var result: [Attribute] = [.ints(Array(numbers.dropLast())), .ints(numbers + [1])]
      for index in numbers.indices {
        for number in [numbers[index] + 1, 0, -1, -2, 1000, 1 << 49] {
          var changed = numbers
          changed[index] = number
          result.append(.ints(changed))
        }
      }
      return result
    case .floats(let numbers): return [.floats(Array(numbers.dropLast())), .floats(numbers + [0])]
    case .dtype: return DType.allCases.map { .dtype($0) }
    case .dimension: return [-1, 0, 1000, 1 << 49].map { .dimension(Dimension($0)) }
    case .dimensions(let sizes):
      return [.dimensions(sizes + [3]), .dimensions(Array(sizes.dropLast())), .dimensions([Dimension(1 << 49)])]
    }
  }
}
