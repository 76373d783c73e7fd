import GraftIR

/// A diffusion transformer of the shape of DiT (Peebles, Xie, 2023), small enough for the reference.
struct SmallDiT {
  var layers = 2
  var width = 64
  var heads = 4
  var size = 8  // Of the latent picture, in patches of 2.
  var classes = 10
  var window: [Int] = [-1, -1]

  /// `forward(x [B, 4, size, size], t [B], y [B]) -> eps`, with a boundary for each block.
  func graph() throws(Diagnostic) -> Graph {
    var b = GraphBuilder(name: "forward")
    let d = Dimension(width)
    let tokens = size / 2 * (size / 2)
    let n = Dimension(tokens)
    func one(_ primitive: Primitive, _ inputs: [Value], _ attributes: Attributes = [:]) throws(Diagnostic) -> Value {
      try b.node(primitive, inputs, attributes)[0]
    }
    func constant(_ value: Double) throws(Diagnostic) -> Value {
      try one(.constant, [], ["dtype": .dtype(.f32), "shape": .ints([]), "values": .floats([value])])
    }
    func reshape(_ value: Value, _ shape: [Dimension]) throws(Diagnostic) -> Value {
      try one(.reshape, [value], ["shape": .dimensions(shape)])
    }
    func linear(_ x: Value, _ name: String, _ from: Int, _ to: Int) throws(Diagnostic) -> Value {
      let weight = b.parameter(name + ".weight", TensorType(.f32, [Dimension(to), Dimension(from)]))
      let bias = b.parameter(name + ".bias", TensorType(.f32, [Dimension(to)]))
      return try one(.linear, [x, weight, bias])
    }
    func modulate(_ x: Value, _ shift: Value, _ scale: Value) throws(Diagnostic) -> Value {
      let normed = try one(.layerNormalization, [x], ["epsilon": .float(1e-6)])
      let factor = try one(.add, [constant(1), scale])
      return try one(.add, [one(.mul, [normed, factor]), shift])
    }

    let picture = b.input("x", TensorType(.f32, [.batch(), 4, Dimension(size), Dimension(size)]))
    let time = b.input("t", TensorType(.f32, [.batch()]))
    let label = b.input("y", TensorType(.i64, [.batch()]))

    let patchWeight = b.parameter("x_embedder.weight", TensorType(.f32, [d, 4, 2, 2]))
    let patchBias = b.parameter("x_embedder.bias", TensorType(.f32, [d]))
    let patches = try one(.conv, [picture, patchWeight, patchBias], ["strides": .ints([2, 2])])
    var x = try one(.transpose, [reshape(patches, [.batch(), d, n])], ["perm": .ints([0, 2, 1])])
    x = try one(.add, [x, b.parameter("pos_embed", TensorType(.f32, [1, n, d]))])

    let half = width / 2
    let steps = try one(.iota, [], ["count": .int(half), "dtype": .dtype(.f32)])
    let frequencies = try one(.exp, [one(.mul, [steps, constant(-9.210340371976184 / Double(half))])])
    let angles = try one(.mul, [reshape(time, [.batch(), 1]), reshape(frequencies, [1, Dimension(half)])])
    let waves = try one(.concat, [one(.cos, [angles]), one(.sin, [angles])], ["axis": .int(1)])
    let embedded = try linear(one(.silu, [linear(waves, "t.0", width, width)]), "t.2", width, width)
    let table = b.parameter("y_embedder.weight", TensorType(.f32, [Dimension(classes + 1), d]))
    let condition = try one(.silu, [one(.add, [embedded, one(.gather, [table, label])])])

    func chunks(_ name: String, _ count: Int) throws(Diagnostic) -> [Value] {
      let all = try linear(condition, name, width, count * width)
      let parts = try b.node(
        .split, [all], ["axis": .int(1), "sizes": .dimensions(Array(repeating: d, count: count))])
      var values: [Value] = []
      for part in parts { values.append(try reshape(part, [.batch(), 1, d])) }
      return values
    }

    for layer in 0..<layers {
      let path = "blocks.\(layer)"
      let m = try chunks(path + ".adaLN", 6)
      let qkv = try b.node(
        .split, [linear(modulate(x, m[0], m[1]), path + ".attn.qkv", width, 3 * width)],
        ["axis": .int(2), "sizes": .dimensions([d, d, d])])
      let mixed = try one(.attention, qkv, ["heads": .int(heads), "window": .ints(window)])
      x = try one(.add, [x, one(.mul, [m[2], linear(mixed, path + ".attn.proj", width, width)])])
      let hidden = try linear(modulate(x, m[3], m[4]), path + ".mlp.fc1", width, 4 * width)
      let active = try one(.gelu, [hidden], ["approximate": .text("tanh")])
      x = try one(.add, [x, one(.mul, [m[5], linear(active, path + ".mlp.fc2", 4 * width, width)])])
      b.boundary(path, x)
    }
    let m = try chunks("final.adaLN", 2)
    let pixels = try linear(modulate(x, m[0], m[1]), "final.linear", width, 2 * 2 * 8)
    let side = Dimension(size / 2)
    let folded = try one(
      .transpose, [reshape(pixels, [.batch(), side, side, 2, 2, 8])], ["perm": .ints([0, 5, 1, 3, 2, 4])])
    let eps = try reshape(folded, [.batch(), 8, Dimension(size), Dimension(size)])
    b.output("eps", eps)
    return b.graph
  }

  /// A program of that graph alone.
  func program() throws(Diagnostic) -> Program {
    let graph = try graph()
    return Program(
      parameters: graph.parameters.map { Parameter(name: $0.name, type: graph.type(of: $0.value)) }, graphs: [graph])
  }

  /// Random parameters of a trained model's size: about 1 / sqrt(inputs of the layer).
  func parameters(of graph: Graph, seed: UInt64 = 5) -> [String: Tensor] {
    var random = SplitMix(state: seed)
    var tensors: [String: Tensor] = [:]
    for parameter in graph.parameters {
      guard let shape = graph.type(of: parameter.value).shape else { continue }
      let spread = Float(1.7) / Float(shape.axes.dropFirst().reduce(1, *)).squareRoot()
      tensors[parameter.name] = random.tensor(shape, in: -spread...spread)
    }
    return tensors
  }

  /// Random inputs for `batch` pictures.
  func inputs(batch: Int, seed: UInt64 = 6) -> [String: Tensor] {
    var random = SplitMix(state: seed)
    return [
      "x": random.tensor([batch, 4, size, size]),
      "t": random.integers(.i64, [batch], in: 0...999), "y": random.integers(.i64, [batch], in: 0...classes),
    ]
  }
}

/// The value of every node of `graph` by the primitives' references.
func reference(_ graph: Graph, batch: Int, _ given: [String: Tensor]) throws(Diagnostic) -> [Value: Tensor] {
  var tensors: [Value: Tensor] = [:]
  for item in graph.inputs + graph.parameters {
    guard let tensor = given[item.name], let shape = graph.type(of: item.value).shape(batch: batch) else { continue }
    let dtype = graph.type(of: item.value).dtype
    tensors[item.value] = tensor.dtype == dtype ? tensor : Tensor(dtype, shape, doubles: tensor.doubles)
  }
  for node in graph.nodes {
    guard let primitive = Primitives.named(node.primitive) else { continue }
    let bound = node.attributes.mapValues { attribute -> Attribute in
      switch attribute {
      case .dimension(let size): .int(size.bound(batch: batch) ?? 0)
      case .dimensions(let sizes): .ints(sizes.map { $0.bound(batch: batch) ?? 0 })
      case .int, .float, .bool, .text, .ints, .floats, .dtype: attribute
      }
    }
    let inputs = node.inputs.compactMap { tensors[$0] }
    for (value, tensor) in zip(node.results, try primitive.evaluate(inputs, bound)) { tensors[value] = tensor }
  }
  return tensors
}
