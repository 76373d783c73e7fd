import GraftFormats
import GraftIR
import Testing

import GraftCompiler

@Suite struct TracerTests {
  /// The graphs of `operator a() { body }` on four tokens of eight numbers.
  private func compiled(_ body: String, _ parameters: String = "") -> Compiled {
    Compiled(
      """
      operator a(\(parameters)) {
      \(body)
      }
      graft "g" { base a() noise }
      """)
  }

  private func primitives(_ compiled: Compiled) throws -> [String] {
    try #require(compiled.grafts.first?.program().graphs.first).nodes.map(\.primitive)
  }

  @Test("Conditions and loops over values known beforehand unroll")
  func unrolled() throws {
    let found = compiled(
      """
      stack = [linear(8, 8, bias: false) for i in 0..<3]
      if n > 2 { extra = linear(8, 8, bias: false) } else { other = linear(8, 8) }
      for i in 0..<1 { part = linear(8, 8, bias: false) }
      forward(x: [B, 8]) -> [B, 8] {
        let y = x
        for i in 0..<3 where i != 1 { y = stack[i](y) }
        if n > 2 { y = extra(y) } else { y = other(y) }
        if n == 3 { return part(y) }
        return y
      }
      """, "n: Int = 3")
    #expect(found.rules == [])
    #expect(try primitives(found) == ["Linear", "Linear", "Linear", "Linear"])
    #expect(found.architecture?.parts.map(\.name) == ["stack", "extra", "part"])
  }

  @Test("A list is called like one operator: the first input goes through, the others go to each")
  func lists() throws {
    let found = compiled(
      """
      steps = step(8) * 3
      forward(x: [B, 8], c: [B, 8]) -> [B, 8] { return steps(x, c) }
      }
      operator step(d: Int) {
      forward(x: [B, d], c: [B, d]) -> [B, d] { return x + c }
      """)
    #expect(found.rules == [])
    let nodes = try #require(found.grafts.first?.program().graphs.first?.nodes)
    #expect(nodes.map(\.primitive) == ["Add", "Add", "Add"])
    #expect(Set(nodes.map { $0.inputs[1] }).count == 1)
    #expect(nodes.map(\.path) == ["steps.0", "steps.1", "steps.2"])
  }

  @Test("Further entries are graphs of their own over the same tensors")
  func entries() throws {
    let found = compiled(
      """
      inner = linear(8, 8)
      encode(x: [2 * B, 8], y: [B] of i64) -> ([B, 8], [B, 8]) {
        let (a, b) = split(forward(x), 2, axis: 0)
        return (a, b)
      }
      forward(x: [B, 8]) -> [B, 8] { return inner(x) }
      """)
    #expect(found.rules == [])
    let program = try #require(try found.grafts.first?.program())
    #expect(program.graphs.map(\.name) == ["forward", "encode"])
    #expect(program.parameters.map(\.name) == ["inner.weight", "inner.bias"])
    let encode = try #require(program.graph(named: "encode"))
    #expect(encode.outputs.map(\.name) == ["out.0", "out.1"])
    #expect(encode.inputs.map { encode.type(of: $0.value).description } == ["f32[2 * B, 8]", "i64[B]"])
    #expect(encode.outputs.map { encode.type(of: $0.value).description } == ["f32[B, 8]", "f32[B, 8]"])
  }

  @Test("An input that a call does not give is taken by name from around it")
  func byName() {
    let before = """
      operator gated(width d: Int) {
        gate = linear(d, d)
        forward(x: [B, N, d], c: [B, d]) -> [B, N, d] { return x * reshape(gate(c), [B, 1, d]) }
      }
      operator lost(width d: Int) {
        forward(x: [B, N, d], mask: [B, N]) -> [B, N, d] { return x }
      }
      """
    #expect(Compiled.small("replace blocks[1].attn with gated()", before: before).rules == [])
    let lost = Compiled.small("replace blocks[1].attn with lost()", before: before)
    #expect(lost.rules == ["calls.missing-input"])
  }

  @Test("A table is computed and not stored, and an argument may be found among what the model names")
  func tables() {
    let before = """
      operator rope(width d: Int, grid: [Int]) {
        table angle: [grid[0] * grid[1], d] = reshape(iota(grid[0] * grid[1] * d), [grid[0] * grid[1], d])
        forward(x: [B, N, d]) -> [B, N, d] { return x * angle }
      }
      """
    let compiled = Compiled.small("replace blocks[1].attn with rope()", before: before)
    #expect(compiled.rules == [])
    #expect(compiled.call("blocks.1.attn") == "rope(width: 8, grid: [2, 2])")
    #expect(compiled.part("blocks.1.attn")?.parameterCount == 0)
  }

  @Test(
    "What replaces an operator may take fewer inputs, in lists and checkpoints too; what it holds may not be given more"
  )
  func fewerInputs() throws {
    let before = """
      operator still(width d: Int) { forward(x: [B, N, d]) -> [B, N, d] { return x } }
      operator pair(width d: Int) {
        a = two(d)
        b = [two(d), still(d)]
        forward(x: [B, N, d]) -> [B, N, d] { return b(a(x, x), x) + a(x, scale: x) }
      }
      operator two(width d: Int) { forward(x: [B, N, d], scale: [B, N, d]) -> [B, N, d] { return x * scale } }
      """
    for edit in [
      "replace blocks[1] with still()", "replace blocks with still() * 2", "replace blocks[0] with [still(), old]",
      "replace blocks[0].attn with pair()\nreplace blocks[0].attn.{a, b} with still()",
      "replace blocks[0].attn with pair()\nreplace blocks[0].attn.b[0] with still()",
      "replace blocks[all] with still()\nparallelize blocks in pairs with merge_sum()",
    ] {
      let compiled = Compiled.small(edit, before: before)
      #expect(compiled.rules == [], "\(edit) \(compiled.diagnostics)")
      guard let architecture = compiled.architecture else { continue }
      let description = try SelfDescription(architecture, Evaluator())
      let metadata = [
        SelfDescription.declarationsKey: description.declarations,
        SelfDescription.architectureKey: description.architecture,
      ]
      let read = try #require(try SelfDescription.module(from: metadata, file: "a.safetensors", Evaluator()))
      #expect(throws: Never.self) { try lower(read, Evaluator()) }
    }
    let named = """
      operator named(width d: Int) {
        part = linear(d, d)
        forward(x: [B, N, d]) -> [B, N, d] { return part(x, x) }
      }
      """
    #expect(Compiled.small("replace blocks[0].attn with named()", before: named).rules == ["calls.count"])
  }

  static let mistakes: [(String, String)] = [
    ("forward(x: [B, 8]) -> [B, 8] { let y = x }", "operators.no-return"),
    ("forward(x: [B, 8]) -> [B, 9] { return x }", "shapes.mismatch"),
    ("forward(x: [B, 8]) -> ([B, 8], [B, 8]) { return x }", "calls.count"),
    ("forward(x: [B, 8]) -> [B, 8] { return 4 }", "shapes.tensor"),
    ("forward(x: [B, 8]) -> [B, 8] { return [x, x] }", "shapes.tensor"),
    ("forward(x: [B, 8]) -> [B, 8] { return nothing }", "names.unknown"),
    ("forward(x: [B, 8]) -> [B, 8] { return nothing(x) }", "names.unknown-operator"),
    ("forward(x: [B, 8]) -> [B, 8] { z = x\nreturn z }", "names.unknown"),
    ("forward(x: [B, 8]) -> [B, 8] { let (a, b) = x\nreturn a }", "values.count"),
    ("forward(x: [B, 8]) -> [B, 8] { let (a, b, c) = split(x, 2)\nreturn a }", "values.count"),
    ("forward(x: [B, 8]) -> [B, 8] { for i in x { }\nreturn x }", "values.list"),
    ("forward(x: [B, 8]) -> [B, 8] { if x { return x }\nreturn x }", "values.truth"),
    ("forward(x: [B, 8]) -> [B, 8] { return forward(x) }", "limits.depth"),
    ("forward(x: [B, 8]) -> [B, 8] { return forward(x, y: x) }", "calls.label"),
    ("forward(x: [B, 8] of f33) -> [B, 8] { return x }", "names.dtype"),
    ("forward(x: [B, 8] of i64) -> [B, 8] { return x }", "shapes.dtype"),
    ("forward(x: [...]) -> [...] { return x }", "shapes.open"),
    ("forward(x: [B, 0.5]) -> [B, 8] { return x }", "values.size"),
    ("forward(x: [B, -1]) -> [B, 8] { return x }", "values.size"),
    ("forward(x: [B, 8]) -> [B, 8] { return split(x, 3)[0] }", "values.split"),
    ("forward(x: [B, 8]) -> [B, 8] { return x * B }", "values.batch"),
    ("forward(x: [B, 8]) -> [B, 8] { return reshape(x, [B + 1, 8]) }", "values.batch"),
    ("forward(x: [B, 8]) -> [B, 8] { return slice(x, 1 / 2, 1) }", "values.size"),
    ("forward(x: [B, 8]) -> [B, 8] { return size(x, 9) * x }", "values.axis"),
    ("forward(x: [B, 8]) -> [B, 8] { return iota(B) }", "values.whole"),
    ("part = [linear(8, 8)]\nforward(x: [B, 8]) -> [B, 8] { return part() }", "calls.count"),
    ("part = linear(8, 8)\nforward(x: [B, 8]) -> [B, 8] { return part(x, x) }", "calls.count"),
    ("part = linear(8, 8)\nforward(x: [B, 8]) -> [B, 8] { return part(x, x: x) }", "calls.twice"),
    ("part = [silu(), linear(8, 8)]\nforward(x: [B, 8]) -> [B, 8] { return part(x, x) }", "calls.count"),
    ("part = [silu(), linear(8, 8)]\nforward(x: [B, 8]) -> [B, 8] { return part(x, c: x) }", "calls.label"),
    ("forward(x: [B, 8]) -> [B, 8] { return other(x, x) }\nother(x: [B, 8]) -> [B, 8] { return x }", "calls.count"),
    ("part = linear(8, 8)\nforward(x: [B, 8]) -> [B, 8] { return part.nothing }", "names.no-part"),
    ("part = linear(8, 8) * 2\nforward(x: [B, 8]) -> [B, 8] { return part[2](x) }", "paths.out-of-range"),
    ("part = linear(8, 9)\nforward(x: [B, 8]) -> [B, 8] { return part(x) }", "shapes.mismatch"),
    ("part = linear(9, 8)\nforward(x: [B, 8]) -> [B, 8] { return part(x) }", "shapes.mismatch"),
    ("part = merge_sum(8, 2)\nforward(x: [B, 8]) -> [B, 8] { return part(x) }", "shapes.list"),
    ("param w: [..., 8]\nforward(x: [B, 8]) -> [B, 8] { return x }", "operators.shape"),
    ("param w: [-1]\nforward(x: [B, 8]) -> [B, 8] { return x }", "values.size"),
    ("param w: [10 ** 10, 10 ** 10]\nforward(x: [B, 8]) -> [B, 8] { return x }", "limits.elements"),
    ("param w: [8] = \"a\"\nforward(x: [B, 8]) -> [B, 8] { return x }", "starts.value"),
    ("param w: [8] = ones([9])\nforward(x: [B, 8]) -> [B, 8] { return x }", "starts.shape"),
    ("table w: [8]\nforward(x: [B, 8]) -> [B, 8] { return x }", "operators.table"),
    (
      "part = holder(linear(8, 9))\nforward(x: [B, 8]) -> [B, 8] { return x }\n}\n"
        + "operator holder(inner: [B, 8] -> [B, 8]) { forward(x: [B, 8]) -> [B, 8] { return x }", "shapes.mismatch"
    ),
    ("part = empty()\nforward(x: [B, 8]) -> [B, 8] { return part(x) }\n}\noperator empty() {", "operators.no-entry"),
    ("forward(x: [B, 8]) -> [B, 8] { let f(y) = y + w\nlet w = 1\nreturn f(x) }", "names.unknown"),
    ("part = causal(4, 8)\nforward(x: [B, 8]) -> [B, 8] { return x }", "names.no-member"),
  ]

  @Test("A mistake in an operator is told by its rule", arguments: mistakes)
  func isRefused(_ body: String, _ rule: String) {
    let found = compiled(body)
    #expect(found.rules == [rule], "\(found.diagnostics)")
    #expect(found.diagnostics.first?.location?.file == "a.graft")
  }

  // MARK: Other names

  /// The prelude's transformer and its operators, every name of them another one.
  private static let other: [String: String] = [
    "dit": "painter", "dit_block": "stage", "dit_final": "ending", "patch_embed": "patches", "timestep_embed": "clock",
    "label_embed": "labels", "mha": "looker", "swa": "nearby", "mlp": "mixer", "embedding": "lookup",
    "conv2d": "strided", "depthwise_conv1d": "taps", "blocks": "stages", "attn": "look", "qkv": "three", "proj": "out",
    "adaLN_modulation": "knobs", "x_embedder": "picture", "t_embedder": "time_of", "y_embedder": "kind_of",
    "final_layer": "last_one", "pos_embed": "places", "embedding_table": "entries", "fc1": "widen", "fc2": "narrow",
    "weight": "matrix", "bias": "offset", "Wqkv": "all_three", "out_proj": "result", "width": "breadth",
    "heads": "eyes", "depth": "levels", "patch": "side", "classes": "kinds", "linear": "dense", "silu": "swish",
  ]

  private static func renamed(_ text: String) -> String {
    text.replacing(/[A-Za-z_][A-Za-z0-9_]*/) { match in other[String(match.output)] ?? String(match.output) }
  }

  /// A file that declares them all; what the language itself calls `linear`, `silu` and `heads` stays.
  private static let otherFile: String = {
    var text = ""
    for name in ["linear", "layers", "attention", "mlp", "dit"] {
      guard let source = Prelude.sources.first(where: { $0.file == "prelude/\(name).graft" }) else { continue }
      var part = renamed(source.text)
      if name == "linear" { part = part.replacing("dense(x", with: "linear(x") }
      if name == "layers" { part = part.replacing("swish(x)", with: "silu(x)") }
      if name == "mlp" { part = part.replacing("swish(gate", with: "silu(gate") }
      if name == "attention" { part = part.replacing("eyes: eyes", with: "heads: eyes") }
      text += part
    }
    return text
  }()

  private static let otherModel = "painter(size: 4, breadth: 8, levels: 4, eyes: 2, kinds: 3)"

  @Test("A transformer under other names makes the same graphs, bit by bit, and is recognised by its own tensors")
  func otherNames() throws {
    let prelude = Compiled.small("replace blocks[1].attn with swa(window: [1, 1])")
    let renamed = Compiled(
      "replace stages[1].look with nearby(window: [1, 1])", model: Self.otherModel, before: Self.otherFile)
    #expect(renamed.diagnostics == [])
    let (first, second) = (try #require(prelude.grafts.first), try #require(renamed.grafts.first))
    let (a, b) = (try first.program(), try second.program())
    #expect(a.parameters.map { Self.renamed($0.name) } == b.parameters.map(\.name))
    #expect(a.parameters.map(\.type) == b.parameters.map(\.type))
    #expect(Set(a.parameters.map(\.name)).isDisjoint(with: Set(b.parameters.map(\.name))))
    for (x, y) in zip(a.graphs, b.graphs) {
      #expect(x.types == y.types)
      #expect(x.nodes.map(\.primitive) == y.nodes.map(\.primitive))
      #expect(x.nodes.map(\.attributes) == y.nodes.map(\.attributes))
      #expect(x.nodes.map(\.inputs) == y.nodes.map(\.inputs))
      #expect(x.nodes.map { Self.renamed($0.path) } == y.nodes.map(\.path))
    }
    #expect(first.grafted.macs == second.grafted.macs && first.grafted.parameters == second.grafted.parameters)
    #expect(second.grafted.depth == 4)

    // The same numbers, once under each name.
    var (ones, others): ([String: Tensor], [String: Tensor]) = ([:], [:])
    for tensor in try first.weightPlan(for: nil).tensors {
      let made = try tensor.expression.evaluate([])
      let values = Tensor(.f32, made.shape, doubles: made.doubles)  // What is written is f32.
      ones[tensor.name] = values
      others[Self.renamed(tensor.name)] = values
    }
    let x = Tensor(.f32, [1, 4, 4, 4], doubles: (0..<64).map { Double($0) / 32 - 1 })
    let inputs = [
      "x": x, "t": Tensor(.f32, [1], doubles: [400]), "y": Tensor(.i64, [1], integers: [2]),
    ]
    let left = try a.graphs[0].evaluate(inputs: inputs, parameters: ones).outputs
    let right = try b.graphs[0].evaluate(inputs: inputs, parameters: others).outputs
    #expect(left["out"]?.doubles == right["out"]?.doubles)
    #expect(left["out"]?.doubles.contains { $0 != 0 } == true)

    // The file of each is told apart by whoever knows both.
    let names = Library { _ throws(Diagnostic) in nil }.load(SourceText(file: "a.graft", text: Self.otherFile))
    let own = try ListedCheckpoint(second.architecture).recognised(
      names, assuming: ["painter(eyes: 2)", "nearby(window: [1, 1])"])
    #expect(own.isSameTree(as: second.architecture))
    let known = try ListedCheckpoint(first.architecture).recognised(
      names, assuming: ["dit(heads: 2)", "swa(window: [1, 1])"])
    #expect(known.isSameTree(as: first.architecture))
  }
}
