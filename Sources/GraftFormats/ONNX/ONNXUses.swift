import GraftIR

/// What the nodes of the main graph do with its initializers, as far as that tells what these are in the model that was
/// exported.
struct ONNXUses {
  /// A node that multiplies with an initializer on the right: `MatMul`, or `Gemm`.
  struct Product {
    /// The initializer.
    let weight: String
    let output: String
    /// The module that the node comes from, as `blocks.0.attn.qkv`; empty where nothing tells.
    let module: String
    /// Whether the module is a `Linear`, where the exporter says what it is.
    let isLinear: Bool?
    /// Whether the node takes the weight as `(in, out)`.
    let takesTransposed: Bool
  }

  private(set) var products: [Product] = []
  /// How many nodes take each initializer.
  private(set) var counts: [String: Int] = [:]
  /// How many nodes take each initializer as sizes or axes.
  private var shapeCounts: [String: Int] = [:]
  /// How many nodes come from each module.
  private(set) var moduleSizes: [String: Int] = [:]
  /// The initializer that is added to a value, by the value.
  private(set) var biases: [String: String] = [:]
  /// The names that initializers have beside their own, since the exporter keeps equal ones once.
  private(set) var copies: [(name: String, initializer: String)] = []
  private var initializers: Set<String>

  /// The operators whose second input is sizes or axes. Source: the ONNX specification, "ONNX Operators".
  private static let shapeTakers: Set<String> = ["Expand", "Reshape", "Split", "Squeeze", "Tile", "Unsqueeze"]

  init() { initializers = [] }

  /// Whether nodes take the initializer called `name` as sizes or axes and nothing else, as those that optimisers add.
  func isShape(_ name: String) -> Bool { shapeCounts[name].map { $0 == counts[name] } ?? false }

  init(of initializers: [String]) { self.initializers = Set(initializers) }

  /// Notes what `node` does.
  ///
  /// - Parameters:
  ///   - isOwn: whether the operator is one of ONNX.
  ///   - transposesSecond: whether it says `transB`.
  mutating func add(_ node: ONNXNodeHeader, isOwn: Bool, transposesSecond: Bool) {
    guard !initializers.isEmpty else { return }
    let inputs = node.inputs.map { String(decoding: $0, as: UTF8.self) }
    if isOwn, let copy = copy(by: node, of: inputs) {
      copies.append(copy)
      initializers.insert(copy.name)
      return
    }
    for input in inputs where initializers.contains(input) { counts[input, default: 0] += 1 }
    let operation = String(decoding: node.operation, as: UTF8.self)
    let origin = Origin(node)
    // A constant of a module says nothing of what it does.
    if operation != "Constant", !origin.module.isEmpty { moduleSizes[origin.module, default: 0] += 1 }
    guard isOwn, let output = node.outputs.first.map({ String(decoding: $0, as: UTF8.self) }) else { return }
    if Self.shapeTakers.contains(operation), inputs.count >= 2, initializers.contains(inputs[1]) {
      shapeCounts[inputs[1], default: 0] += 1
    }
    switch operation {
    case "MatMul", "Gemm":
      guard inputs.count >= 2, initializers.contains(inputs[1]) else { return }
      products.append(
        Product(
          weight: inputs[1], output: output, module: origin.module, isLinear: origin.isLinear,
          takesTransposed: operation == "MatMul" || !transposesSecond))
      if operation == "Gemm", inputs.count == 3, initializers.contains(inputs[2]) { biases[output] = inputs[2] }
    case "Add":
      guard inputs.count == 2 else { return }
      if initializers.contains(inputs[0]) { biases[inputs[1]] = inputs[0] }
      if initializers.contains(inputs[1]) { biases[inputs[0]] = inputs[1] }
    default: break
    }
  }

  /// What a node `Identity` calls an initializer beside its own name, where that is the name of a parameter or a
  /// number.
  ///
  ///     Identity(blocks.0.attn.proj.bias) = blocks.1.attn.proj.bias
  ///
  /// Source: torch 2.13 `torch/csrc/jit/passes/onnx/deduplicate_initializers.cpp`.
  private func copy(by node: ONNXNodeHeader, of inputs: [String]) -> (name: String, initializer: String)? {
    guard node.operation.elementsEqual("Identity".utf8), inputs.count == 1, initializers.contains(inputs[0]),
      let output = node.outputs.first, let name = String(validating: output, as: UTF8.self),
      !initializers.contains(name), ONNXNames.isNumber(name) || name.contains(".") && !name.hasPrefix("/")
    else { return nil }
    return (name, inputs[0])
  }

  /// The module that a node comes from, as PyTorch's exporters note it.
  ///
  ///     /blocks.0/attn/qkv/MatMul             the node's name, of the exporter that traces
  ///     /blocks.0/attn/qkv/MatMul/MatMulAddFusion   the same after ONNX Runtime has optimised the graph
  ///     ['', 'blocks.0.attn.qkv', 'linear']   `pkg.torch.onnx.name_scopes`, of the one that exports programs
  ///
  /// Source: torch 2.13 `torch/onnx/_internal/exporter/_ir_passes.py`, `torch/csrc/jit/passes/onnx/naming.cpp`;
  /// onnxruntime 1.20 `core/optimizer/matmul_add_fusion.cc`.
  struct Origin {
    let module: String
    let isLinear: Bool?

    init(_ node: ONNXNodeHeader) {
      func text(_ key: String) -> String? {
        node.metadata.first { $0.key.elementsEqual(key.utf8) }.map { String(decoding: $0.value, as: UTF8.self) }
      }
      if let scopes = text("pkg.torch.onnx.name_scopes").flatMap(Self.quoted) {
        module = scopes.count >= 2 ? scopes[scopes.count - 2] : ""
        let classes = text("pkg.torch.onnx.class_hierarchy").flatMap(Self.quoted) ?? []
        isLinear = classes.count < 2 ? nil : classes[classes.count - 2] == "torch.nn.modules.linear.Linear"
        return
      }
      isLinear = nil
      let name = String(decoding: node.name, as: UTF8.self)
      guard name.hasPrefix("/") else {
        module = ""
        return
      }
      var path = name.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
      // ONNX Runtime puts what it made of a node behind that node's name.
      while let last = path.last, last.isEmpty || last.contains("Fusion") { path.removeLast() }
      var steps: [Substring] = []
      for step in path.dropLast() {
        // An entry of a list or a sequence is called by both: `/mlp/mlp.0`.
        if let last = steps.last, step.hasPrefix(last + ".") { steps.removeLast() }
        steps.append(step)
      }
      module = steps.joined(separator: ".")
    }

    /// The texts of a Python list of texts in single quotes, or `nil` where it is something else.
    static func quoted(_ list: String) -> [String]? {
      guard list.hasPrefix("['"), list.hasSuffix("']"), !list.contains("\\"), !list.contains("\"") else { return nil }
      var items: [String] = []
      let pieces = list.dropFirst(1).dropLast(1).split(separator: "'", omittingEmptySubsequences: false)
      for (index, piece) in pieces.enumerated() {
        if index % 2 == 1 {
          items.append(String(piece))
        } else if index > 0, index < pieces.count - 1, piece != ", " {
          return nil
        }
      }
      return items
    }
  }
}
