import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// Layouts of a model: what they say of files, and what is wrong with them.
@Suite struct LayoutTests {
  private static let model = """
    model net(width d: Int = 4, depth: Int = 2) {
        inner = [linear(d, 2 * d) for i in 0..<depth]
        outer = [linear(2 * d, d) for i in 0..<depth]
        mixer = linear(d, d)
        param place: [1, d] = reshape(iota(d), [1, d]) frozen
        param drawn: [d] = normal(1) frozen
        param trained: [d] = 0

        forward(x: [B, d]) -> [B, d] {
            let y = x + place + drawn + trained
            for i in 0..<depth { y = y + outer[i](inner[i](y)) }
            return mixer(y)
        }
        recover width = mixer.weight[0]
        recover depth = count(inner)
    }

    """

  /// A graft that writes `net` in a layout of `lines`.
  private func compiled(_ lines: String, edits: String = "", of name: String = "net") -> Compiled {
    Compiled(
      """
      \(Self.model)layout other of \(name) {
      \(lines)
      }
      graft "g" {
          base net() noise
          \(edits)
          emit "a.safetensors" layout other
      }
      """)
  }

  private func plan(_ compiled: Compiled) throws -> WeightPlan {
    let graft = try #require(compiled.grafts.first, "\(compiled.diagnostics)")
    return try graft.weightPlan(for: graft.emits.first)
  }

  @Test("Each line names what it says, the deepest part first, and the rest keeps its name")
  func names() throws {
    let lines = """
      layers.{i} = inner.{i}
      layers.{i}.{up, down}.kernel = split(inner.{i}.weight, 2)
      mix.{i}.in = mixer
      a.{x, y}.{1, 2} = outer.{0, 1}.{weight, bias}
      without place
      """
    let tensors = try plan(compiled(lines)).tensors
    let found = Dictionary(tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    let expected: [String: Shape] = [
      "drawn": [4], "trained": [4], "layers.0.up.kernel": [4, 4], "layers.0.down.kernel": [4, 4], "layers.0.bias": [8],
      "layers.1.up.kernel": [4, 4], "layers.1.down.kernel": [4, 4], "layers.1.bias": [8], "mix.0.in.weight": [4, 4],
      "mix.0.in.bias": [4], "mix.1.in.weight": [4, 4], "mix.1.in.bias": [4], "a.x.1": [4, 8], "a.x.2": [4],
      "a.y.1": [4, 8], "a.y.2": [4],
    ]
    #expect(found == expected)
    #expect(tensors.count == expected.count)
  }

  /// Lines that can be turned round, however they are put together.
  static let formulas = [
    "a.{i}.{x, y} = split(inner.{i}, 2)", "a.{i}.{x, y} = split(inner.{i}.weight, [1, 3], axis: 1)",
    "a = transpose(mixer.weight, [1, 0])", "a.{i} = reshape(inner.{i}.weight, [2, 4, d])",
    "a = concat(outer.{0, 1})", "a.{i} = inner.{i}\nb.{i} = outer.{i}",
    "a = concat([mixer.weight, outer.0.weight], axis: 1)",
    "a.{x, y} = split(transpose(concat(outer.{1, 0}.weight), [1, 0]), 2)", "a = reverse(mixer.weight, axis: 0)",
    "a.{x, y} = [slice(mixer.weight, 3, 1, axis: 0), slice(mixer.weight, 0, 3, axis: 0)]",
    "a = concat([slice(mixer.weight, 2, 2, axis: 0), slice(mixer.weight, 0, 2, axis: 0)])",
    "a.{i}.{x, y} = split(mixer, 2)",
    "a = reshape(transpose(reshape(outer.0.weight, [2, 2, 4, 2]), [0, 2, 1, 3]), [d, 2 * d])",
  ]

  @Test("What is read back from what is written is the same formula", arguments: formulas)
  func turnedRound(_ line: String) throws {
    let compiled = compiled(line + "\nrest.{i} = inner.{i}")
    let model = try #require(compiled.architecture, "\(compiled.diagnostics)")
    let layout = try #require(compiled.grafts.first?.emits.first?.layout)
    let map = try onDeepStack { () throws(Diagnostic) in
      try LayoutMap(layout, of: model, Evaluator())
    }
    // Numbers that tell elements apart, for every tensor of the model; then through a file and back.
    var numbers: [String: Tensor] = [:]
    var next: Float = 0
    model.forEachParameter { name, parameter in
      let count = parameter.shape.elementCount ?? 0
      numbers[name] = Tensor((0..<count).map { next + Float($0) }, parameter.shape)
      next += Float(count)
    }
    let own = MemoryCheckpoint(numbers)
    var stored: [String: Tensor] = [:]
    for tensor in map.stored { stored[tensor.name] = try tensor.formula.evaluate([own]) }
    let file = MemoryCheckpoint(stored)
    for (name, tensor) in numbers {
      let back = try #require(map.formulas[name], "\(name)").evaluate([file])
      #expect(back.shape == tensor.shape && back.floats == tensor.floats, "\(name)")
    }
    // Written as it was read, each tensor of the file is that tensor again, and nothing is computed.
    for tensor in map.stored {
      let again = try tensor.formula.substituting { (source) throws(Diagnostic) in
        map.formulas[source.name] ?? .source(source)
      }
      let all = if case .copies(let all) = again { all } else { [again] }
      for expression in all {
        #expect(try expression.evaluate([file]).floats == tensor.formula.evaluate([own]).floats, "\(tensor.name)")
      }
    }
  }

  static let wrong: [(String, String, String)] = [
    ("a = inner.{0, 1}", "layouts.count", "inner.{0, 1}"), ("a.{x, y} = mixer", "layouts.count", "mixer"),
    ("a.{x, y, z} = split(mixer, 2)", "layouts.count", "split(mixer, 2)"),
    ("a = [d]", "layouts.part", "[d]"), ("a = mixr", "layouts.part", "mixr"),
    ("without mixr", "layouts.part", "mixr"), ("without 4", "layouts.name", "4"),
    ("a.{x, y} = split(concat([mixer, place]), 2)", "layouts.part", "split(concat([mixer, place]), 2)"),
    ("a(1) = mixer", "layouts.name", "a(1)"), ("a.{j} = mixer", "layouts.index", "a.{j}"),
    ("a = inner.{i}", "layouts.index", "inner.{i}"),
    ("a.{i} = inner.{i}\nb.{i} = outer.{i}\nc.{i} = mixer", "layouts.index", "c.{i}"),
    ("a = 2 * mixer.weight", "layouts.invertible", "2 * mixer.weight"),
    ("a = slice(mixer.weight, 0, 2, axis: 0)", "layouts.invertible", "other"),
    ("a = zeros([4])", "layouts.part", "zeros([4])"),
    ("trained = mixer.bias", "layouts.names-apart", "mixer.bias"),
    ("without trained", "layouts.without", "trained"), ("without drawn", "layouts.without", "drawn"),
    ("a.{x, y, z} = split(mixer, 3)", "values.split", "3"), ("a = concat(mixer, inner.0)", "calls.type", "mixer"),
  ]

  @Test("A wrong line is told with its rule, at its place", arguments: wrong)
  func mistakes(_ line: String, _ rule: String, _ place: String) {
    let compiled = compiled(line)
    #expect(compiled.rules == [rule], "\(compiled.diagnostics)")
    #expect(compiled.places.first == place || rule == "calls.type")
  }

  @Test("A layout is of a model in sight, once for each name")
  func declarations() {
    #expect(Compiled("layout a of dot { }\nlet b = 1").rules == ["layouts.model"])
    #expect(Compiled("layout a of linear { }\nlet b = 1").rules == ["layouts.model"])
    #expect(Compiled("layout a of dit { }\nlayout a of dit { }\nlet b = 1").rules == ["names.declared-twice"])
    #expect(Compiled("layout a of dit { x = y }\nlet b = 1").rules == ["layouts.part"])
  }

  @Test("A name that stands for too many names is refused before it is spelled out")
  func manyNames() {
    let braces = String(repeating: ".{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}", count: 30)
    #expect(Compiled("layout a of dit { x\(braces) = blocks }\nlet b = 1").rules == ["layouts.name"])
    #expect(Compiled("layout a of dit { x = blocks\(braces) }\nlet b = 1").rules == ["layouts.name"])
    #expect(Compiled("layout a of dit { x = concat(blocks\(braces)) }\nlet b = 1").rules == ["layouts.name"])
    let some = String(repeating: ".{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}", count: 2)
    let list = Array(repeating: "blocks\(some)", count: 20).joined(separator: ", ")
    #expect(Compiled("layout a of dit { x = concat([\(list)]) }\nlet b = 1").rules == ["layouts.name"])
    let lines = String(repeating: "x\(some).{0, 1, 2} = blocks\(some).{0, 1, 2}\n", count: 200)
    #expect(Compiled("layout a of dit { \(lines) }\nlet b = 1").rules == ["layouts.name"])
  }

  @Test(
    "Indices that multiply end at a limit",
    arguments: ["a.{i}.{j}.{k} = mixer", "a.{i}.{j}.{k} = concat([inner.{i}.bias, inner.{j}.bias, inner.{k}.bias])"])
  func manyPlaces(_ line: String) {
    let lines = "\(line)\n" + ["i", "j", "k"].map { "x.\($0).{\($0)} = inner.{\($0)}.bias" }.joined(separator: "\n")
    let compiled = Compiled(
      "\(Self.model)layout other of net {\n\(lines)\n}\ngraft \"g\" { base net(depth: 400) noise\nemit \"a.pt\" layout other }"
    )
    #expect(compiled.rules == ["limits.steps"])
  }
}

/// Tensors in memory by name.
private final class MemoryCheckpoint: CheckpointReader {
  let format = "memory"
  let file = "memory"
  let byteCount = 0
  let entries: [TensorEntry]
  let metadata: [String: String] = [:]
  private let tensors: [Tensor]

  init(_ tensors: [String: Tensor]) {
    let sorted = tensors.sorted { $0.key < $1.key }
    entries = sorted.map { TensorEntry(path: [$0.key], dtype: $0.value.dtype, shape: $0.value.shape) }
    self.tensors = sorted.map(\.value)
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor { tensors[index] }
}
