import GraftIR

// Layout of an ONNX file as graft writes it; any other order of fields would be as good to a reader:
//
//   ModelProto    IR version, producer, description and operator set, metadata, then the graph to the end of the file
//   GraphProto    its name, then the initializers in the order of the declarations, and no nodes
//   TensorProto   type, axes, name, a description of spaces, then the data, from a multiple of 64 on; or, in place of both,
//                 where in the second file the data are, from a multiple of 4096 on

/// Writes an ONNX file whose graph is nothing but initializers, and where these are large, a second file with their
/// data.
///
/// Source: ONNX 1.23 `onnx.in.proto`, `docs/IR.md`, `docs/ExternalData.md`.
final class ONNXWriter: StreamingCheckpointWriter {
  /// A message of protobuf ends at 2 GiB; this leaves room for names and metadata.
  static let inlineLimit = 1_900_000_000
  /// Smaller tensors stay in the model, as in those that onnx writes.
  static let externalFloor = 1024
  /// The metadata that tell what the tensor without a name is called, since an initializer needs one.
  static let unnamedKey = "graft.unnamed"

  let order: [Int]
  private let model: OutputFile
  private let data: OutputFile?
  private let declarations: [TensorDeclaration]
  private var pieces: [Piece] = []
  /// Where the texts of deferred metadata stand in the model.
  private var places: [String: Int] = [:]
  private var written = 0

  /// What goes to the model before the data of a tensor, and where these go in the second file.
  private struct Piece {
    let prefix: [UInt8]
    let offset: Int?
  }

  var output: OutputFile? { written < pieces.count && pieces[written].offset != nil ? data : model }

  /// Writes everything before the first tensor.
  ///
  /// - Throws: `onnx.unwritable`, `transfer.duplicate-name`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    model = request.output
    data = request.companion
    declarations = request.declarations
    order = Array(request.declarations.indices)
    try Declarations.checkNames(declarations)
    var metadata = request.metadata.merging(
      request.deferred.map { ($0, WriterRequest.deferredPlaceholder) }
    ) { _, later in later }
    metadata[Self.unnamedKey] = declarations.contains { $0.name.isEmpty } ? Self.freeName(declarations) : nil
    let graph = try planGraph(unnamed: metadata[Self.unnamedKey] ?? "")
    try model.append(try head(metadata, deferred: Set(request.deferred), graphByteCount: graph.byteCount) + graph.start)
  }

  /// The second file of a checkpoint at `path`, or `nil` where the model holds everything: where tensors together have
  /// over `limit` bytes.
  @Sendable static func companion(_ declarations: [TensorDeclaration], limit: Int?, path: String) -> String? {
    var byteCount = 0
    for declaration in declarations {
      let (sum, overflow) = byteCount.addingReportingOverflow(declaration.byteCount)
      if overflow { return path + ".data" }
      byteCount = sum
    }
    return byteCount > min(limit ?? inlineLimit, inlineLimit) ? path + ".data" : nil
  }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    try model.append(pieces[written].prefix)
    guard let offset = pieces[written].offset, let data else { return }
    try data.append([UInt8](repeating: 0, count: offset - data.byteCount))
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try output?.append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) { try output?.append(copying: region) }

  func end() throws(Diagnostic) { written += 1 }

  func finish(deferred: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    try model.fill(places, with: deferred)
  }

  // MARK: The model

  /// Everything before the content of the graph, which begins at a multiple of 64.
  private func head(
    _ metadata: [String: String], deferred: Set<String>, graphByteCount: Int
  ) throws(Diagnostic) -> [UInt8] {
    let versions = try versions()
    var texts: [(bytes: [UInt8], key: String)] = []
    for (key, value) in metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      texts.append((Self.field(14, ONNXMessages.pack(key: key, value: value)), key))
    }
    let tail = Self.tag(7) + Self.varint(graphByteCount)
    func start(_ spaces: Int) -> [UInt8] {
      ONNXMessages.packModel(
        irVersion: versions.representation, operatorSet: versions.operators, producer: ONNXReader.producer,
        description: "Weights alone, without nodes." + String(repeating: " ", count: spaces))
    }
    let rest = texts.reduce(tail.count) { $0 + $1.bytes.count }
    var out = start((64 - (start(0).count + rest) % 64) % 64)
    for (bytes, key) in texts {
      out += bytes
      if deferred.contains(key) { places[key] = out.count - WriterRequest.deferredByteCount }
    }
    out += tail
    let (end, overflow) = out.count.addingReportingOverflow(graphByteCount)
    guard !overflow, end <= Int(Int32.max) else {
      throw Diagnostic(
        "onnx.unwritable", "the model would have \(graphByteCount) bytes, and a message of protobuf ends at 2^31",
        help: "write another format")
    }
    return out
  }

  /// What the graph begins with, and its length; fills `pieces`.
  private func planGraph(unnamed: String) throws(Diagnostic) -> (start: [UInt8], byteCount: Int) {
    let start = ONNXMessages.packGraph(name: ONNXReader.producer)
    let location = data.map { OutputName($0.path).name } ?? ""
    guard !location.utf8.contains(UInt8(ascii: "\\")) else {
      throw Diagnostic(
        "onnx.unwritable", "'\(location.shortened)' is no name for a file of data", at: Location(location))
    }
    var position = start.count
    var offset = 0
    for declaration in declarations {
      let name = Array((declaration.name.isEmpty ? unnamed : declaration.name).utf8)
      guard let type = ONNXType.storing(declaration.dtype) else {
        throw Diagnostic(
          "onnx.unwritable", "'\(declaration.name.shortened)' is of \(declaration.dtype), which ONNX lacks",
          help: "convert it to another dtype, or write another format")
      }
      let dims = declaration.shape.axes.map { Int64($0) }
      if data != nil, declaration.byteCount >= Self.externalFloor {
        let message = ONNXMessages.pack(
          name: name, dims: dims, dataType: Int32(type.number),
          externalData: [("location", location), ("offset", "\(offset)"), ("length", "\(declaration.byteCount)")])
        pieces.append(Piece(prefix: Self.field(5, message), offset: offset))
        let (end, overflow) = offset.addingReportingOverflow(declaration.byteCount)
        guard !overflow, end < Int.max - 4096 else {
          throw Diagnostic("onnx.unwritable", "the tensors together overflow 64 bits")
        }
        offset = (end + 4095) / 4096 * 4096
        position += pieces[pieces.count - 1].prefix.count
      } else {
        let prefix = Self.prefix(name, dims, Int32(type.number), declaration.byteCount, at: position)
        pieces.append(Piece(prefix: prefix, offset: nil))
        // What is inline is less than the limit, whatever that is.
        position += prefix.count + declaration.byteCount
      }
    }
    return (start, position)
  }

  /// What stands before the data of a tensor in the graph, where `position` bytes are before it; with spaces in its
  /// description, so that the data begin at a multiple of 64.
  private static func prefix(
    _ name: [UInt8], _ dims: [Int64], _ type: Int32, _ byteCount: Int, at position: Int
  ) -> [UInt8] {
    let plain = ONNXMessages.pack(name: name, dims: dims, dataType: type)
    let raw = tag(9) + varint(byteCount)
    func lead(_ added: Int) -> [UInt8] { tag(5) + varint(plain.count + added + raw.count + byteCount) }
    func isAligned(_ added: Int) -> Bool {
      (position + lead(added).count + plain.count + added + raw.count) % 64 == 0
    }
    if byteCount == 0 || isAligned(0) { return lead(0) + plain + raw }
    // Tag and length of the description are two bytes. Where the length in front grows by one just then, none fits;
    // that is no harm.
    let spaces = (0..<128).first { isAligned(2 + $0) } ?? 0
    let described = ONNXMessages.pack(
      name: name, dims: dims, dataType: type, description: [UInt8](repeating: 0x20, count: spaces))
    return lead(2 + spaces) + described + raw
  }

  private func versions() throws(Diagnostic) -> ONNXType.Versions {
    declarations.reduce(.usual) { versions, declaration in
      ONNXType.storing(declaration.dtype).map { versions.with($0.versions) } ?? versions
    }
  }

  /// A name that no tensor has.
  private static func freeName(_ declarations: [TensorDeclaration]) -> String {
    let names = Set(declarations.map(\.name))
    var number = 0
    while names.contains("unnamed" + (number > 0 ? "_\(number)" : "")) { number += 1 }
    return "unnamed" + (number > 0 ? "_\(number)" : "")
  }

  // MARK: Fields

  /// The tag of a field with a length.
  private static func tag(_ number: Int) -> [UInt8] { varint(number << 3 | 2) }

  private static func field(_ number: Int, _ message: [UInt8]) -> [UInt8] {
    tag(number) + varint(message.count) + message
  }

  private static func varint(_ value: Int) -> [UInt8] {
    var out: [UInt8] = []
    var rest = UInt64(value)
    while rest >= 0x80 {
      out.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    out.append(UInt8(rest))
    return out
  }
}
