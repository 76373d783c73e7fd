extension Program {
  /// The program that `text` describes in the grammar of `specs/graph.md`, verified.
  ///
  /// The text may be anything: what is wrong is told with the bytes it points at. `file` is its name in messages.
  ///
  /// - Throws: `graph.syntax`, or the rule of `verify` or of a primitive that is broken.
  public init(parsing text: String, file: String = "graph") throws(Diagnostic) {
    var parser = try GraphParser(text, file: file)
    self = try parser.program()
    let places = parser.places
    try verify { graph, part in places[graph][part].map { Location(file, $0) } }
  }
}

/// Reads the text of a program, one word ahead. Nothing nests, so nothing recurses.
private struct GraphParser {
  private var lexer: GraphLexer
  private var token: GraphToken
  /// Where the parts of each graph stand.
  private(set) var places: [[GraphPart: Range<Int>]] = []

  init(_ text: String, file: String) throws(Diagnostic) {
    lexer = GraphLexer(text, file: file)
    token = try lexer.next()
  }

  mutating func program() throws(Diagnostic) -> Program {
    try expect("graft")
    try expect("program")
    guard try int() == 1 else { throw fault("version 1 is the only one") }
    var program = Program(parameters: [], graphs: [])
    while try take("parameter") {
      let (name, type) = (try name(), try type())
      program.parameters.append(Parameter(name: name, type: type, isFrozen: try take("frozen")))
    }
    while token.kind != .end { program.graphs.append(try graph()) }
    return program
  }

  private mutating func graph() throws(Diagnostic) -> Graph {
    let start = token.range
    try expect("graph")
    var graph = Graph(name: try name())
    places.append([.graph: start])
    var types: [Int: TensorType] = [:]
    try expect("{" as Character)
    while case .value = token.kind { try statement(&graph, &types) }
    while try take("output") { graph.outputs.append(try named(.output(graph.outputs.count))) }
    while try take("boundary") { graph.boundaries.append(try named(.boundary(graph.boundaries.count))) }
    try expect("}" as Character)
    for index in 0..<types.count {
      // Numbers have no gaps, so that the largest is no larger than the text.
      guard let type = types[index] else {
        throw Diagnostic(
          "graph.value", "\(types.count) values are defined, but %\(index) is not", at: lexer.location(start))
      }
      graph.types.append(type)
    }
    return graph
  }

  /// An input, a parameter or a node.
  private mutating func statement(_ graph: inout Graph, _ types: inout [Int: TensorType]) throws(Diagnostic) {
    let start = token.range
    let results = try values()
    try expect("=" as Character)
    let primitive = try name()
    let isCall = token.kind == .symbol("(")
    var given: [TensorType] = []
    let part: GraphPart
    if !isCall, primitive == "input" || primitive == "parameter", results.count == 1 {
      let named = NamedValue(try name(), results[0])
      given = [try type()]
      if !graph.nodes.isEmpty || (primitive == "input" && !graph.parameters.isEmpty) {
        throw fault("inputs come first, then parameters, then nodes", at: start)
      }
      if primitive == "input" {
        part = .input(graph.inputs.count)
        graph.inputs.append(named)
      } else {
        part = .parameter(graph.parameters.count)
        graph.parameters.append(named)
      }
    } else {
      part = .node(graph.nodes.count)
      try expect("(" as Character)
      let inputs = token.kind == .symbol(")") ? [] : try values()
      try expect(")" as Character)
      let attributes = try attributes()
      repeat { given.append(try type()) } while try take("," as Character)
      let path = try take("@" as Character) ? try name() : ""
      graph.nodes.append(
        Node(primitive: primitive, attributes: attributes, inputs: inputs, results: results, path: path))
    }
    places[places.count - 1][part] = start
    guard given.count == results.count else {
      throw fault("\(results.count) results have \(given.count) types", at: start)
    }
    for (result, type) in zip(results, given) {
      guard types.updateValue(type, forKey: result.index) == nil else {
        throw Diagnostic("graph.defined-once", "%\(result.index) is defined twice", at: lexer.location(start))
      }
    }
  }

  private mutating func named(_ part: GraphPart) throws(Diagnostic) -> NamedValue {
    places[places.count - 1][part] = token.range
    let name = try name()
    return NamedValue(name, try value())
  }

  private mutating func value() throws(Diagnostic) -> Value {
    guard case .value(let index) = token.kind else { throw fault("a value such as %0 is missing") }
    try advance()
    return Value(index)
  }

  private mutating func values() throws(Diagnostic) -> [Value] {
    var values: [Value] = []
    repeat { values.append(try value()) } while try take("," as Character)
    return values
  }

  // MARK: Types

  private mutating func type() throws(Diagnostic) -> TensorType { TensorType(try dtype(), try sizes()) }

  private mutating func dtype() throws(Diagnostic) -> DType {
    guard case .word(let word) = token.kind, let dtype = DType(rawValue: word) else {
      throw fault("a type of elements such as f32 is missing")
    }
    try advance()
    return dtype
  }

  private mutating func sizes() throws(Diagnostic) -> [Dimension] {
    var sizes: [Dimension] = []
    try expect("[" as Character)
    if try take("]" as Character) { return [] }
    repeat { sizes.append(try size()) } while try take("," as Character)
    try expect("]" as Character)
    return sizes
  }

  /// A number, `B`, or so many times `B`.
  private mutating func size() throws(Diagnostic) -> Dimension {
    if try take("B") { return .batch() }
    let count = try int()
    guard try take("*" as Character) else { return Dimension(count) }
    try expect("B")
    return .batch(count)
  }

  // MARK: Attributes

  private mutating func attributes() throws(Diagnostic) -> Attributes {
    var attributes: Attributes = [:]
    guard try take("{" as Character) else { return [:] }
    repeat {
      let start = token.range
      let name = try name()
      try expect(":" as Character)
      guard attributes.updateValue(try attribute(), forKey: name) == nil else {
        throw fault("attribute '\(name)' stands twice", at: start)
      }
    } while try take("," as Character)
    try expect("}" as Character)
    return attributes
  }

  private mutating func attribute() throws(Diagnostic) -> Attribute {
    if case .quoted(let text) = token.kind {
      try advance()
      return .text(text)
    }
    if try take("true") { return .bool(true) }
    if try take("false") { return .bool(false) }
    if try take("dtype") { return .dtype(try dtype()) }
    if try take("size") { return .dimension(try size()) }
    if try take("sizes") { return .dimensions(try sizes()) }
    if try take("floats") {
      try expect("[" as Character)
      try expect("]" as Character)
      return .floats([])
    }
    if try take("[" as Character) { return try numbers() }
    return try number()
  }

  /// What follows `[`: whole numbers, or numbers that each have a point or an exponent.
  private mutating func numbers() throws(Diagnostic) -> Attribute {
    var (ints, floats): ([Int], [Double]) = ([], [])
    if try take("]" as Character) { return .ints([]) }
    repeat {
      switch try number() {
      case .int(let value): ints.append(value)
      case .float(let value): floats.append(value)
      case .bool, .text, .ints, .floats, .dtype, .dimension, .dimensions: break
      }
      if !ints.isEmpty, !floats.isEmpty { throw fault("a list holds 1 and 1.0: numbers of one kind only") }
    } while try take("," as Character)
    try expect("]" as Character)
    return floats.isEmpty ? .ints(ints) : .floats(floats)
  }

  private mutating func number() throws(Diagnostic) -> Attribute {
    if try take("inf") { return .float(.infinity) }
    if try take("nan") { return .float(.nan) }
    if try take("bits") {
      guard case .number(let text) = token.kind, text.hasPrefix("0x"), let bits = UInt64(text.dropFirst(2), radix: 16)
      else { throw fault("the bits of a number, such as 0x7ff8000000000001, are missing") }
      try advance()
      return .float(Double(bitPattern: bits))
    }
    guard case .number(let text) = token.kind else { throw fault("an attribute is missing") }
    if text == "-inf" {
      try advance()
      return .float(-.infinity)
    }
    if text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D }) { return .int(try int()) }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.e".utf8.contains($0) }), let value = Double(text),
      value.isFinite
    else { throw fault("'\(text)' is no number") }
    try advance()
    return .float(value)
  }

  private mutating func int() throws(Diagnostic) -> Int {
    guard case .number(let text) = token.kind, let value = Int(text) else { throw fault("a whole number is missing") }
    try advance()
    return value
  }

  // MARK: Words

  private mutating func name() throws(Diagnostic) -> String {
    switch token.kind {
    case .word(let name), .quoted(let name):
      try advance()
      return name
    case .end, .number, .value, .symbol: throw fault("a name is missing")
    }
  }

  private mutating func take(_ word: String) throws(Diagnostic) -> Bool { try take(.word(word)) }

  private mutating func take(_ symbol: Character) throws(Diagnostic) -> Bool { try take(.symbol(symbol)) }

  private mutating func take(_ kind: GraphToken.Kind) throws(Diagnostic) -> Bool {
    if token.kind != kind { return false }
    try advance()
    return true
  }

  private mutating func expect(_ word: String) throws(Diagnostic) {
    guard try take(word) else { throw fault("'\(word)' is missing") }
  }

  private mutating func expect(_ symbol: Character) throws(Diagnostic) {
    guard try take(symbol) else { throw fault("'\(symbol)' is missing") }
  }

  private mutating func advance() throws(Diagnostic) { token = try lexer.next() }

  private func fault(_ message: String, at range: Range<Int>? = nil) -> Diagnostic {
    Diagnostic("graph.syntax", message, at: lexer.location(range ?? token.range))
  }
}
