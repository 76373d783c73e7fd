import GraftIR
import Testing

@Suite struct GraphTextTests {
  static let text = """
    graft program 1

    parameter blocks.0.mlp.weight f32[6, 4]
    parameter "pos embed" f32[1, 256, 4] frozen

    graph forward {
      %0 = input x f32[B, 256, 4]
      %1 = parameter "pos embed" f32[1, 256, 4]
      %2 = parameter blocks.0.mlp.weight f32[6, 4]
      %3 = Add(%0, %1) f32[B, 256, 4]
      %4 = Linear(%3, %2) f32[B, 256, 6] @blocks.0.mlp
      %5, %6 = Split(%4) {axis: -1, sizes: sizes [2, 4]} f32[B, 256, 2], f32[B, 256, 4] @blocks.0
      output y %6
      boundary blocks.0.mlp %4
    }

    """

  @Test("A text is read and printed as it was")
  func printed() throws {
    let program = try Program(parsing: Self.text)
    #expect(program.description == Self.text)
    #expect(program.parameters.map(\.isFrozen) == [false, true])
    let graph = try #require(program.graph(named: "forward"))
    #expect(graph.nodes.map(\.path) == ["", "blocks.0.mlp", "blocks.0"])
    #expect(graph.nodes[2].attributes == ["axis": .int(-1), "sizes": .dimensions([2, 4])])
    #expect(graph.types[0] == TensorType(.f32, [.batch(), 256, 4]))
  }

  @Test("A random program is read back equal", arguments: 0..<40)
  func roundTrip(seed: Int) throws {
    var random = Seeded(seed)
    let program = random.program()
    try program.verify()
    let text = program.description
    let again = try Program(parsing: text)
    #expect(again == program, "seed \(seed)")
    #expect(again.description == text, "seed \(seed)")
  }

  static let numbers: [Double] = [
    0, -0.0, 0.1, -1, 1e16, 1e-300, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity, .nan,
    -.nan, .pi,
    Double(nan: 7, signaling: false),
  ]

  @Test("A number is read back bit for bit", arguments: numbers)
  func exactNumbers(_ number: Double) throws {
    var builder = GraphBuilder(name: "forward")
    let y = try builder.node(
      .constant, [], ["dtype": .dtype(.f64), "shape": .ints([2]), "values": .floats([number, 1])])
    builder.output("y", y[0])
    let program = Program(parameters: [], graphs: [builder.graph])
    #expect(try Program(parsing: program.description) == program)
  }

  static let faults: [(String, String, String)] = [
    ("graft program 1", "graft program 2", "graph.syntax"),
    ("f32[6, 4]\n", "f31[6, 4]\n", "graph.syntax"),
    ("\"pos embed\" f32[1, 256, 4] frozen", "\"pos embed f32", "graph.syntax"),
    ("Add(%0, %1)", "Add(%0 %1)", "graph.syntax"),
    ("Add(%0, %1)", "Ad(%0, %1)", "graph.primitive"),
    ("Add(%0, %1)", "Add(%0)", "Add.inputs"),
    ("Add(%0, %1)", "Add(%0, %6)", "graph.defined-before-use"),
    ("Add(%0, %1)", "Add(%0, %99999999999999999999)", "graph.syntax"),
    ("output y %6", "output y %7", "graph.defined-before-use"),
    ("%3 = Add", "%2 = Add", "graph.defined-once"),
    ("%3 = Add", "%9 = Add", "graph.value"),
    ("axis: -1", "axis: -1, axis: 1", "graph.syntax"),
    ("axis: -1", "axis: 99999999999999999999", "graph.syntax"),
    ("axis: -1", "axis: 1e", "graph.syntax"),
    ("[2, 4]}", "[2, 3]}", "Split.sizes"),
    ("f32[B, 256, 2], ", "", "graph.syntax"),
    ("f32[B, 256, 2], ", "f32[B, 256, 1], ", "graph.result"),
    ("%0 = input x f32[B, 256, 4]", "%0 = input x f32[B, -256, 4]", "graph.type"),
    ("%0 = input x f32[B, 256, 4]", "%0 = input x f32[B, 9000000000000000000, 4]", "graph.type"),
    ("parameter blocks.0.mlp.weight f32[6, 4]\n", "", "graph.parameter"),
    ("parameter blocks.0.mlp.weight f32[6, 4]\n", "parameter blocks.0.mlp.weight f32[6, 5]\n", "graph.parameter"),
    ("mlp %4\n}", "mlp %4 } graph forward {}", "graph.names"),
    ("boundary blocks.0.mlp %4", "boundary a %4 boundary a %4", "graph.names"),
  ]

  @Test("A fault is refused with its rule", arguments: faults)
  func refusals(_ found: String, _ replacement: String, _ expected: String) throws {
    let range = try #require(Self.text.firstRange(of: found))
    var text = Self.text
    text.replaceSubrange(range, with: replacement)
    #expect(rule { try Program(parsing: text) } == expected)
  }

  @Test("A fault in a node points at its line")
  func places() throws {
    let text = Self.text.replacing("Linear(%3, %2)", with: "Linear(%2, %3)")
    let start = try #require(text.utf8.firstRange(of: Array("%4 = Linear".utf8)))
    do {
      _ = try Program(parsing: text, file: "model")
      Issue.record("the graph is wrong")
    } catch {
      #expect(error.rule == "Linear.rank")
      #expect(error.location?.file == "model")
      #expect(error.location?.range.lowerBound == text.utf8.distance(from: text.utf8.startIndex, to: start.lowerBound))
    }
  }

  @Test("Whatever is done to a text, it is read or refused", arguments: 0..<10)
  func mutations(part: Int) {
    var random = Seeded(part)
    let texts = [Self.text, random.program().description].map { Array($0.utf8) }
    let words = [
      "%", "\"", "\\", "{", "}", "[", "-", "9223372036854775807", "-9223372036854775808", "* B", "inf", "\\u{",
    ]
    for _ in 0..<1000 {
      var bytes = texts[Int.random(in: 0...9, using: &random) == 0 ? 1 : 0]
      for _ in 0...Int.random(in: 0...2, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: (words.randomElement(using: &random) ?? "").utf8, at: place)
        case 3: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
        default: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &random)))
        }
        if bytes.isEmpty { break }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      guard let program = try? Program(parsing: text) else { continue }
      // What is still a program is a valid one, with a cost.
      for graph in program.graphs { #expect(graph.multiplyAdds() >= 0) }
    }
  }

  @Test("A long text needs no depth")
  func depth() {
    let text = "graft program 1 graph g { %0 = " + String(repeating: "[", count: 100_000)
    #expect(rule { try Program(parsing: text) } == "graph.syntax")
  }
}
