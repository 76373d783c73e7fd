import GraftIR

// Layout of an ONNX file (ONNX 1.23 `onnx.in.proto`): a protobuf message `ModelProto`, of which matter here
//
//   ModelProto    1 IR version, 2 and 3 producer, 7 graph, 8 operator sets, 14 metadata, 20 training, 25 functions
//   GraphProto    1 nodes, 5 initializers, 15 sparse initializers, 16 metadata
//   NodeProto     1 inputs, 2 outputs, 3 name, 4 operator, 5 attributes, 7 domain, 9 metadata
//   FunctionProto 1 name, 7 nodes, 10 domain, 13 overload
//   AttributeProto 1 name, 2 f, 3 i, 4 s, 5 tensor, 6 graph, 7 floats, 8 ints, 9 strings, 11 graphs, 22 sparse tensor
//   TensorProto   see `ONNXTensor`
//
// There is no magic number. Fields come in any order, and in practice nodes before initializers.

/// What an ONNX file holds: the tensors of all graphs, and what nodes do with those of the main one.
struct ONNXModel {
  /// Nodes of all graphs, and tensors, at most. An unrolled model of a hundred layers has some 50,000 nodes.
  static let countLimit = 500_000
  /// Operator sets, at most: a file names one for each domain.
  static let operatorSetLimit = 1000
  /// The bytes of the path of a graph in others, at most.
  static let pathLimit = 4096
  /// Uses of values by nodes, at most.
  static let useLimit = 4_000_000

  /// Initializers and constants of the main graph, then those of other graphs in the order of the file.
  private(set) var tensors: [ONNXTensor] = []
  /// The initializers of the main graph stand first.
  private(set) var initializerCount = 0
  private(set) var metadata: [String: String] = [:]
  private(set) var graphMetadata: [String: String] = [:]
  /// What stands for the nodes of the main graph where initializers' names are told from them.
  private(set) var uses = ONNXUses()
  private(set) var nodeCount = 0
  /// Constants of texts, which are no weights, and training graphs.
  private(set) var omittedTextCount = 0
  private(set) var hasTraining = false
  private(set) var files: [MappedFile]

  private let mapped: MappedFile
  private let external: ONNXExternalData
  private var names: Set<String> = []
  private var inner: [(tensor: ONNXTensor, prefix: String)] = []
  private var useCount = 0

  private var file: String { mapped.path }

  /// Reads everything of `mapped` but the data of its tensors.
  ///
  /// - Throws: rules of the page `onnx`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    self.mapped = mapped
    external = ONNXExternalData(of: mapped)
    files = [mapped]
    var graph: Range<Int>?
    var functions: [Range<Int>] = []
    var facts = Facts()
    var fields = ONNXWire(mapped, 0..<mapped.byteCount)
    while let field = try fields.next() {
      switch field.number {
      case 1: facts.version = try field.number("ir_version", file)
      case 2: facts.producer = try text(try field.bytes("producer_name", file), "a producer")
      case 3: facts.producerVersion = try text(try field.bytes("producer_version", file), "a producer")
      case 7:
        guard graph == nil else {
          throw Diagnostic("onnx.duplicate", "the model has two graphs", at: Location(file, field.whole))
        }
        graph = try field.bytes("graph", file)
      case 8:
        guard facts.operatorSets.count < Self.operatorSetLimit else {
          throw Diagnostic(
            "onnx.count", "there are over \(Self.operatorSetLimit) operator sets", at: Location(file, field.whole))
        }
        facts.operatorSets.append(try operatorSet(try field.bytes("opset_import", file)))
      case 14: try add(try field.bytes("metadata_props", file), to: &metadata)
      case 20: hasTraining = true
      case 25:
        guard functions.count < Self.countLimit else {
          throw Diagnostic(
            "onnx.count", "there are over \(Self.countLimit) functions", at: Location(file, field.whole))
        }
        functions.append(try field.bytes("functions", file))
      default: break
      }
    }
    guard let graph else {
      throw Diagnostic("onnx.no-graph", "the model has no graph", at: Location(file, 0..<0))
    }
    try readMainGraph(graph)
    try readFunctions(functions)
    try placeInner()
    metadata.merge(facts.texts) { own, _ in own }
    files += external.files
  }

  /// Whether `bytes` begin as a model does: with its version, and a field that models have.
  static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let next: Set<UInt8> = [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72]
    return bytes.count >= 4 && bytes[0] == 0x08 && (1...63).contains(bytes[1]) && next.contains(bytes[2])
  }

  // MARK: Graphs

  private mutating func readMainGraph(_ range: Range<Int>) throws(Diagnostic) {
    try readInitializers(of: range) { (model, tensor) throws(Diagnostic) in
      try model.claim(tensor.name, tensor.place)
      model.tensors.append(tensor)
    }
    initializerCount = tensors.count
    uses = ONNXUses(of: tensors.map(\.name))
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      switch field.number {
      case 1: try readNode(try field.bytes("node", file), prefix: nil, depth: 2)
      case 16: try add(try field.bytes("metadata_props", file), to: &graphMetadata)
      default: break
      }
    }
    try placeCopies()
  }

  /// Puts what initializers are called beside their names among them.
  private mutating func placeCopies() throws(Diagnostic) {
    var numbers = Dictionary(
      tensors[..<initializerCount].enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var copies: [ONNXTensor] = []
    for (name, initializer) in uses.copies {
      guard let number = numbers[initializer] else { continue }
      try count()
      let original = number < initializerCount ? tensors[number] : copies[number - initializerCount]
      try claim(name, original.place)
      numbers[name] = initializerCount + copies.count
      copies.append(original.named(name))
    }
    tensors.insert(contentsOf: copies, at: initializerCount)
    initializerCount += copies.count
  }

  private mutating func readInnerGraph(_ range: Range<Int>, prefix: String, depth: Int) throws(Diagnostic) {
    guard depth < ONNXWire.depthLimit else {
      throw Diagnostic(
        "onnx.depth", "graphs are in each other more than \(ONNXWire.depthLimit / 3) times",
        at: Location(file, range.lowerBound..<range.lowerBound))
    }
    try readInitializers(of: range) { (model, tensor) throws(Diagnostic) in model.inner.append((tensor, prefix)) }
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      guard field.number == 1 else { continue }
      try readNode(try field.bytes("node", file), prefix: prefix, depth: depth + 1)
    }
  }

  private mutating func readInitializers(
    of range: Range<Int>, _ add: (inout Self, ONNXTensor) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      switch field.number {
      case 5:
        try count()
        let tensor = try ONNXTensor(try field.bytes("initializer", file), mapped, external)
        guard !tensor.name.isEmpty else {
          throw Diagnostic("onnx.name", "an initializer has no name", at: tensor.place)
        }
        try add(&self, tensor)
      case 15: throw try sparse(try field.bytes("sparse_initializer", file), "")
      default: break
      }
    }
  }

  /// What tells a function from others: all three together.
  private struct FunctionIdentity: Hashable {
    var domain = ""
    var name = ""
    var overload = ""
  }

  /// A function of the file is a graph without initializers of its own. Its constants are told by its name, and by its
  /// domain and overload where another function has that name, too.
  private mutating func readFunctions(_ ranges: [Range<Int>]) throws(Diagnostic) {
    var identities: [FunctionIdentity] = []
    var seen: Set<FunctionIdentity> = []
    var nameCounts: [String: Int] = [:]
    for range in ranges {
      let identity = try identity(ofFunction: range)
      guard seen.insert(identity).inserted else {
        throw Diagnostic(
          "onnx.duplicate", "two functions are called '\(identity.name.shortened)', in one domain",
          at: Location(file, range.lowerBound..<range.lowerBound))
      }
      identities.append(identity)
      nameCounts[identity.name, default: 0] += 1
    }
    for (range, identity) in zip(ranges, identities) {
      let whole = [identity.domain, identity.name, identity.overload].filter { !$0.isEmpty }.joined(separator: ":")
      let prefix = nameCounts[identity.name] == 1 ? identity.name : whole
      var fields = ONNXWire(mapped, range)
      while let field = try fields.next() {
        guard field.number == 7 else { continue }
        try readNode(try field.bytes("node", file), prefix: prefix, depth: 2)
      }
    }
  }

  private func identity(ofFunction range: Range<Int>) throws(Diagnostic) -> FunctionIdentity {
    let small = try ONNXSmallParts.bytes(
      of: range, mapped, [1: .bytes, 10: .bytes, 13: .bytes], limit: Self.pathLimit)
    var identity = FunctionIdentity()
    var fields = ONNXWire(mapped, range)
    while !small.isEmpty, let field = try fields.next() {
      switch field.number {
      case 1: identity.name = try text(try field.bytes("name", file), "a function's name")
      case 10: identity.domain = try text(try field.bytes("domain", file), "a function's domain")
      case 13: identity.overload = try text(try field.bytes("overload", file), "a function's overload")
      default: break
      }
    }
    return identity
  }

  // MARK: Nodes

  /// Reads a node of the main graph, where `prefix` is `nil`, or of the one that `prefix` names.
  private mutating func readNode(_ range: Range<Int>, prefix: String?, depth: Int) throws(Diagnostic) {
    nodeCount += 1
    guard nodeCount <= Self.countLimit else {
      throw Diagnostic(
        "onnx.count", "there are over \(Self.countLimit) nodes", at: Location(file, range.lowerBound..<range.lowerBound)
      )
    }
    let small = try ONNXSmallParts.bytes(
      of: range, mapped, [1: .bytes, 2: .bytes, 3: .bytes, 4: .bytes, 7: .bytes, 9: .bytes], limit: 1 << 20)
    guard let header = ONNXMessages.node(small) else { throw ONNXSmallParts.refusal("a node", file, range) }
    useCount += header.inputs.count
    guard useCount <= Self.useLimit else {
      throw Diagnostic(
        "onnx.count", "nodes take over \(Self.useLimit) values", at: Location(file, range.lowerBound..<range.lowerBound)
      )
    }
    let isOwn = header.domain.isEmpty || header.domain.elementsEqual("ai.onnx".utf8)
    let isConstant = isOwn && header.operation.elementsEqual("Constant".utf8)
    var transposesSecond = false
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      guard field.number == 5 else { continue }
      let attribute = try field.bytes("attribute", file)
      if isConstant {
        try readConstant(attribute, of: header, prefix)
      } else {
        let (name, number) = try readAttribute(attribute, of: header, prefix, depth: depth + 1)
        if name == "transB" { transposesSecond = number != 0 }
      }
    }
    if prefix == nil { uses.add(header, isOwn: isOwn, transposesSecond: transposesSecond) }
  }

  /// Reads the graphs in an attribute, and gives its name and whole number.
  private mutating func readAttribute(
    _ range: Range<Int>, of node: ONNXNodeHeader, _ prefix: String?, depth: Int
  ) throws(Diagnostic) -> (name: String, number: Int64) {
    let small = try ONNXSmallParts.bytes(of: range, mapped, [1: .bytes, 3: .varint], limit: 1 << 16)
    guard let attribute = ONNXMessages.attribute(small) else {
      throw ONNXSmallParts.refusal("an attribute", file, range)
    }
    let name = String(decoding: attribute.name, as: UTF8.self)
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      guard field.number == 6 || field.number == 11 else { continue }
      let graph = try field.bytes("g", file)
      let owner = String(decoding: node.name.isEmpty ? node.outputs.first ?? [] : node.name, as: UTF8.self)
      let path = [prefix ?? "", owner, name].filter { !$0.isEmpty }.joined(separator: "/")
      // Each level has all names above it in its own.
      guard path.utf8.count <= Self.pathLimit else {
        throw Diagnostic(
          "onnx.limit", "the path of a graph in others has over \(Self.pathLimit) bytes",
          at: Location(file, range.lowerBound..<range.lowerBound))
      }
      try readInnerGraph(graph, prefix: path, depth: depth + 1)
    }
    return (name, attribute.number)
  }

  /// Reads the value of a node `Constant`, whichever of its attributes holds it.
  private mutating func readConstant(
    _ range: Range<Int>, of node: ONNXNodeHeader, _ prefix: String?
  ) throws(Diagnostic) {
    try count()
    let place = Location(file, range.lowerBound..<range.lowerBound)
    guard let output = node.outputs.first, let name = String(validating: output, as: UTF8.self), !name.isEmpty else {
      throw Diagnostic("onnx.name", "a constant has no name, or one that is no UTF-8", at: place)
    }
    let small = try ONNXSmallParts.bytes(of: range, mapped, [1: .bytes], limit: 1 << 16)
    guard let attribute = ONNXMessages.attribute(small) else {
      throw ONNXSmallParts.refusal("an attribute", file, range)
    }
    let tensor: ONNXTensor
    switch String(decoding: attribute.name, as: UTF8.self) {
    case "value":
      var value: Range<Int>?
      var fields = ONNXWire(mapped, range)
      while let field = try fields.next() {
        if field.number == 5 { value = try field.bytes("t", file) }
      }
      guard let value else { return }
      guard try !ONNXTensor.isText(value, mapped) else {
        omittedTextCount += 1
        return
      }
      tensor = try ONNXTensor(value, mapped, external, name: name)
    case "value_float": tensor = try ONNXTensor(range, mapped, name: name, .floats, field: 2, isScalar: true)
    case "value_floats": tensor = try ONNXTensor(range, mapped, name: name, .floats, field: 7, isScalar: false)
    case "value_int": tensor = try ONNXTensor(range, mapped, name: name, .int64s, field: 3, isScalar: true)
    case "value_ints": tensor = try ONNXTensor(range, mapped, name: name, .int64s, field: 8, isScalar: false)
    case "sparse_value":
      var fields = ONNXWire(mapped, range)
      while let field = try fields.next() {
        if field.number == 22 { throw try sparse(try field.bytes("sparse_tensor", file), name) }
      }
      return
    default:  // 'value_string' and 'value_strings'.
      omittedTextCount += 1
      return
    }
    guard let prefix else {
      try claim(name, tensor.place)
      tensors.append(tensor)
      return
    }
    inner.append((tensor, prefix))
  }

  // MARK: Names

  /// Notes that a tensor of the main graph is called `name`.
  private mutating func claim(_ name: String, _ place: Location) throws(Diagnostic) {
    guard names.insert(name).inserted else {
      throw Diagnostic("onnx.duplicate", "two tensors are called '\(name.shortened)'", at: place)
    }
  }

  /// Names the tensors of inner graphs: as there, and with the path of the graph in front where the name is taken.
  private mutating func placeInner() throws(Diagnostic) {
    for (tensor, prefix) in inner {
      let name = names.contains(tensor.name) ? prefix + "/" + tensor.name : tensor.name
      try claim(name, tensor.place)
      tensors.append(tensor.named(name))
    }
    inner = []
  }

  private mutating func count() throws(Diagnostic) {
    guard tensors.count + inner.count < Self.countLimit else {
      throw Diagnostic("onnx.count", "there are over \(Self.countLimit) tensors", at: Location(file, 0..<0))
    }
  }

  // MARK: Small parts

  /// Why a sparse tensor is not read.
  private func sparse(_ range: Range<Int>, _ output: String) throws(Diagnostic) -> Diagnostic {
    var name = output
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      guard name.isEmpty, field.number == 1 else { continue }
      let small = try ONNXSmallParts.bytes(of: try field.bytes("values", file), mapped, [8: .bytes], limit: 1 << 16)
      name = String(decoding: ONNXMessages.tensor(small)?.name ?? [], as: UTF8.self)
    }
    return Diagnostic(
      "onnx.sparse", "'\(name.shortened)' is a sparse tensor, which is not read",
      at: Location(file, range.lowerBound..<range.lowerBound, tensor: name))
  }

  private func text(_ range: Range<Int>, _ what: String) throws(Diagnostic) -> String {
    let bytes = UnsafeRawBufferPointer(start: mapped.storage.start + range.lowerBound, count: range.count)
    guard let text = String(validUTF8: bytes) else {
      throw Diagnostic("onnx.utf8", "\(what) is no UTF-8", at: Location(file, range))
    }
    return text
  }

  private func operatorSet(_ range: Range<Int>) throws(Diagnostic) -> (domain: String, version: Int64) {
    let small = try ONNXSmallParts.bytes(of: range, mapped, [1: .bytes, 2: .varint], limit: 1 << 16)
    guard let found = ONNXMessages.operatorSet(small) else {
      throw ONNXSmallParts.refusal("an operator set", file, range)
    }
    return (String(decoding: found.domain, as: UTF8.self), found.version)
  }

  private func add(_ range: Range<Int>, to metadata: inout [String: String]) throws(Diagnostic) {
    // Texts may be long: graft keeps whole programs in them.
    let small = try ONNXSmallParts.bytes(of: range, mapped, [1: .bytes, 2: .bytes], limit: 1 << 28)
    guard let pair = ONNXMessages.pair(small) else { throw ONNXSmallParts.refusal("a metadata entry", file, range) }
    guard let key = String(validating: pair.key, as: UTF8.self),
      let value = String(validating: pair.value, as: UTF8.self)
    else { throw Diagnostic("onnx.utf8", "a metadata entry is no UTF-8", at: Location(file, range)) }
    guard metadata.updateValue(value, forKey: key) == nil else {
      throw Diagnostic("onnx.duplicate", "the metadata '\(key.shortened)' stand twice", at: Location(file, range))
    }
  }
}

/// Who wrote a file, and by which version of the format.
private struct Facts {
  var version: Int64?
  var producer = ""
  var producerVersion = ""
  var operatorSets: [(domain: String, version: Int64)] = []

  /// As metadata; none for a file of graft, which says nothing of the model in them.
  var texts: [String: String] {
    if producer == ONNXReader.producer { return [:] }
    var texts: [String: String] = [:]
    if let version { texts["onnx/ir-version"] = String(version) }
    if !producer.isEmpty { texts["onnx/producer"] = producer + (producerVersion.isEmpty ? "" : " " + producerVersion) }
    let sets = operatorSets.map { ($0.domain.isEmpty ? "" : $0.domain + " ") + String($0.version) }
    if !sets.isEmpty { texts["onnx/operators"] = sets.joined(separator: ", ") }
    return texts
  }
}
