import GraftIR

/// Random numbers that are the same in every run. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014 (SplitMix64).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A tensor of numbers from -2 to 2; whole ones where the type holds those.
  mutating func tensor(_ dtype: DType, _ shape: Shape) -> Tensor {
    let count = shape.elementCount ?? 0
    if dtype.isInteger || dtype == .bool {
      return Tensor(dtype, shape, integers: (0..<count).map { _ in Int.random(in: 0...2, using: &self) })
    }
    if !dtype.isWritable { return Tensor(zeros: dtype, shape) }
    return Tensor(dtype, shape, doubles: (0..<count).map { _ in Double.random(in: -2...2, using: &self) })
  }

  /// An attribute of the kind: mostly small and sensible, now and then neither.
  mutating func attribute(_ kind: Attribute.Kind) -> Attribute {
    switch kind {
    case .int: .int(number())
    case .float: .float([0, 0.5, 1e-6, -1, .infinity, .nan, -0.0, 0.1].randomElement(using: &self) ?? 0)
    case .bool: .bool(Bool.random(using: &self))
    case .text: .text(["tanh", "none", "", "a \"quoted\"\n\u{1F333}\u{7}\\"].randomElement(using: &self) ?? "")
    case .ints: .ints((0..<Int.random(in: 0...4, using: &self)).map { _ in number() })
    case .floats:
      .floats((0..<Int.random(in: 0...4, using: &self)).map { _ in Double.random(in: -1e9...1e9, using: &self) })
    case .dtype: .dtype(DType.allCases.randomElement(using: &self) ?? .f32)
    case .dimension: .dimension(dimension())
    case .dimensions: .dimensions((0..<Int.random(in: 0...4, using: &self)).map { _ in dimension() })
    }
  }

  private mutating func number() -> Int {
    if Int.random(in: 0..<40, using: &self) == 0 {
      return [Int.min, .max, -2, 1 << 50, 100].randomElement(using: &self) ?? 0
    }
    return Int.random(in: -1...4, using: &self)
  }

  private mutating func dimension() -> Dimension {
    Int.random(in: 0..<4, using: &self) == 0 ? .batch(number()) : Dimension(number())
  }

  /// A type of at most four small axes.
  mutating func type(batches: Bool = true) -> TensorType {
    let dtype =
      Int.random(in: 0..<4, using: &self) > 0 ? DType.f32 : DType.allCases.randomElement(using: &self) ?? .f32
    let rank = Int.random(in: 0...4, using: &self)
    var axes = (0..<rank).map { _ in Dimension([0, 1, 1, 2, 2, 3, 4].randomElement(using: &self) ?? 1) }
    if batches, rank > 0, Bool.random(using: &self) { axes[0] = .batch(Int.random(in: 1...2, using: &self)) }
    return TensorType(dtype, axes)
  }

  /// A use of `primitive`, as likely wrong as right.
  mutating func use(of primitive: Primitive, _ pool: [TensorType]) -> (inputs: [Int], attributes: Attributes) {
    let most = min(primitive.inputCount.upperBound, primitive.inputCount.lowerBound + 2)
    let count = Int.random(in: primitive.inputCount.lowerBound...most, using: &self)
    let inputs = (0..<count).map { _ in Int.random(in: 0..<pool.count, using: &self) }
    var attributes: Attributes = [:]
    for declaration in primitive.attributes where declaration.isRequired || Bool.random(using: &self) {
      attributes[declaration.name] = attribute(declaration.kind)
    }
    return (inputs, attributes)
  }

  private static func constant(_ tensor: Tensor) -> Attributes {
    ["dtype": .dtype(tensor.dtype), "shape": .ints(tensor.shape.axes), "values": .floats(tensor.doubles)]
  }

  /// A valid program of random nodes.
  mutating func program(batches: Bool = true) -> Program {
    var builder = GraphBuilder(name: ["forward", "a graph", "encode.2"].randomElement(using: &self) ?? "")
    var parameters: [Parameter] = []
    var pool: [Value] = []
    for index in 0..<3 { pool.append(builder.input("x\(index)", type(batches: batches))) }
    for name in ["blocks.0.weight", "0.bias", "a b"] {
      let type = type(batches: false)
      pool.append(builder.parameter(name, type))
      parameters.append(Parameter(name: name, type: type, isFrozen: Bool.random(using: &self)))
    }
    for _ in 0..<400 {
      guard let primitive = Primitives.all.randomElement(using: &self) else { continue }
      if Int.random(in: 0..<8, using: &self) == 0, let example = primitive.examples.randomElement(using: &self) {
        // What chance hardly ever hits: an example of the primitive, its inputs as constants.
        let inputs = example.inputs.compactMap { try? builder.node(.constant, [], Seeded.constant($0))[0] }
        if let results = try? builder.node(primitive, inputs, example.attributes) { pool += results }
        continue
      }
      let (inputs, attributes) = use(of: primitive, pool.map { builder.type(of: $0) })
      let path = ["", "blocks.0", "out put"].randomElement(using: &self) ?? ""
      if let results = try? builder.node(primitive, inputs.map { pool[$0] }, attributes, path: path) {
        // Small things only, so that a random graph can be evaluated.
        pool += results.filter { (builder.type(of: $0).elementCount?.count ?? .max) <= 256 }
      }
    }
    for (index, value) in pool.shuffled(using: &self).prefix(3).enumerated() { builder.output("y\(index)", value) }
    for (index, value) in pool.suffix(2).enumerated() { builder.boundary("blocks.\(index)", value) }
    return Program(parameters: parameters, graphs: [builder.graph])
  }
}
