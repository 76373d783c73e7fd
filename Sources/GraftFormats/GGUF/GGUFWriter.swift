import GraftIR

/// Writes a GGUF file of version 3: tensors in the order in which they are declared, values in the order of their keys.
///
/// Source: ggml `docs/gguf.md`, gguf-py `GGUFWriter`.
final class GGUFWriter: StreamingCheckpointWriter {
  let order: [Int]
  var output: OutputFile? { file }
  private let file: OutputFile
  private let declarations: [TensorDeclaration]
  private let alignment: Int
  /// Where the texts of deferred metadata stand in the file.
  private var places: [String: Int] = [:]
  private var written = 0

  /// Writes everything before the data.
  ///
  /// - Throws: `gguf.unwritable`, `transfer.duplicate-name`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    file = request.output
    declarations = request.declarations
    order = Array(request.declarations.indices)
    try Declarations.checkNames(declarations)
    let isFirst = request.shard.map { $0.number == 0 } ?? true
    var metadata = isFirst ? request.metadata : [:]  // The first of several files tells everything.
    metadata.merge(request.deferred.map { ($0, WriterRequest.deferredPlaceholder) }) { _, later in later }
    var types = Self.types(metadata.removeValue(forKey: GGUFReader.typesKey))
    let own = GGUFReader.ownArchitecture
    if isFirst, metadata[own.key] == nil { metadata[own.key] = own.text }
    if isFirst {
      GGUFContents(declarations).note(in: &metadata, &types)
    }
    if let shard = request.shard { GGUFSplit(shard).note(in: &metadata, &types) }
    let scalars = declarations.filter { $0.shape.axes.isEmpty }.map(\.name)
    if !scalars.isEmpty { metadata[GGUFReader.scalarsKey] = JSON.list(scalars.map { .text($0) }).text() }
    alignment = Self.alignment(metadata[GGUFHeader.alignmentKey], types[GGUFHeader.alignmentKey])
    // What is no alignment would keep the file from being read.
    let isAlignment = types[GGUFHeader.alignmentKey] == "u32" && metadata[GGUFHeader.alignmentKey] == "\(alignment)"
    if !isAlignment { metadata[GGUFHeader.alignmentKey] = nil }
    let header = try header(metadata, types, deferred: Set(request.deferred))
    try file.append(header)
  }

  func begin() throws(Diagnostic) { precondition(written < order.count, "every tensor is written once") }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try file.append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) { try file.append(copying: region) }

  func end() throws(Diagnostic) {
    written += 1
    try file.append([UInt8](repeating: 0, count: padding(file.byteCount)))
  }

  func finish(deferred: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    try file.fill(places, with: deferred)
  }

  private func padding(_ position: Int) -> Int { (alignment - position % alignment) % alignment }

  // MARK: The header

  private func header(
    _ metadata: [String: String], _ types: [String: String], deferred: Set<String>
  ) throws(Diagnostic) -> [UInt8] {
    var out = GGUFHeader.magic
    out.append(UInt32(3))
    out.append(UInt64(declarations.count))
    out.append(UInt64(metadata.count))
    for (key, text) in metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      out.append(text: key)
      if let type = types[key], out.append(value: text, of: type) { continue }
      out.append(GGUFValueType.text.rawValue)
      if deferred.contains(key) { places[key] = out.count + 8 }
      out.append(text: text)
    }
    var offset = 0
    for declaration in declarations {
      let name = declaration.name.shortened
      guard let type = declaration.blocks.map(GGUFType.storing) ?? GGUFType.storing(declaration.dtype) else {
        throw Diagnostic(
          "gguf.unwritable", "'\(name)' is of \(declaration.dtype), which GGUF lacks",
          help: "convert it to another dtype, or write another format")
      }
      guard declaration.shape.rank <= GGUFHeader.rankLimit else {
        throw Diagnostic(
          "gguf.unwritable",
          "'\(name)' has \(declaration.shape.rank) axes, and GGUF takes at most \(GGUFHeader.rankLimit)",
          help: "write another format")
      }
      let axes = declaration.shape.axes.isEmpty ? [1] : declaration.shape.axes
      out.append(text: declaration.name)
      out.append(UInt32(axes.count))
      for size in axes.reversed() { out.append(UInt64(size)) }
      out.append(type.id)
      out.append(UInt64(offset))
      let (end, overflow) = offset.addingReportingOverflow(declaration.byteCount)
      guard !overflow, end <= Int.max - GGUFHeader.alignmentLimit else {
        throw Diagnostic("gguf.unwritable", "the tensors together overflow 64 bits")
      }
      offset = end + padding(end)
    }
    out += repeatElement(0, count: padding(out.count))
    return out
  }

  private static func types(_ text: String?) -> [String: String] {
    guard let text, let members = (try? JSON(parsing: text, file: GGUFReader.typesKey))?.members else { return [:] }
    return Dictionary(members.map { ($0.name, $0.value.textValue ?? "") }, uniquingKeysWith: { first, _ in first })
  }

  private static func alignment(_ text: String?, _ type: String?) -> Int {
    guard type == "u32", let text, let value = Int(text), value > 0, value & (value - 1) == 0,
      value <= GGUFHeader.alignmentLimit
    else { return 32 }
    return value
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ value: UInt32) { Swift.withUnsafeBytes(of: value.littleEndian) { self += $0 } }

  fileprivate mutating func append(_ value: UInt64) { Swift.withUnsafeBytes(of: value.littleEndian) { self += $0 } }

  fileprivate mutating func append(text: String) {
    append(UInt64(text.utf8.count))
    self += text.utf8
  }

  /// Adds the type and the value that graft spells as `text`; false, and nothing, where that is none of `type`.
  fileprivate mutating func append(value text: String, of type: String) -> Bool {
    let words = type.split(separator: " ").map(String.init)
    let types = words.compactMap { word in GGUFValueType.allCases.first { $0.name == word } }
    guard let first = types.first, types.count == words.count else { return false }
    var bytes: [UInt8] = []
    // A number as its digits: JSON's numbers have fewer.
    let isSpelled = first == .bool || first == .list
    let value = isSpelled ? (try? JSON(parsing: text, file: "metadata")) ?? .null : JSON.text(text)
    guard bytes.append(value, types[...]) else { return false }
    append(first.rawValue)
    self += bytes
    return true
  }

  private mutating func append(_ value: JSON, _ types: ArraySlice<GGUFValueType>) -> Bool {
    func whole<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
      switch value {
      case .int(let number): Number(exactly: number)
      case .text(let digits): Number(digits)
      case .null, .bool, .number, .list, .object: nil
      }
    }
    func real() -> Double? {
      switch value {
      case .int(let number): Double(number)
      case .number(let number): number
      case .text(let text): Double(text)
      case .null, .bool, .list, .object: nil
      }
    }
    func add<Number: FixedWidthInteger>(_ number: Number?) -> Bool {
      guard let number else { return false }
      Swift.withUnsafeBytes(of: number.littleEndian) { self += $0 }
      return true
    }
    switch types.first {
    case .u8: return add(whole(UInt8.self))
    case .i8: return add(whole(Int8.self))
    case .u16: return add(whole(UInt16.self))
    case .i16: return add(whole(Int16.self))
    case .u32: return add(whole(UInt32.self))
    case .i32: return add(whole(Int32.self))
    case .u64: return add(whole(UInt64.self))
    case .i64: return add(whole(Int64.self))
    case .f32: return add(real().map { Float($0).bitPattern })
    case .f64: return add(real().map { $0.bitPattern })
    case .bool:
      guard case .bool(let truth) = value else { return false }
      return add(UInt8(truth ? 1 : 0))
    case .text:
      guard case .text(let text) = value else { return false }
      append(text: text)
      return true
    case .list:
      guard case .list(let items) = value, let element = types.dropFirst().first else { return false }
      append(element.rawValue)
      append(UInt64(items.count))
      return items.allSatisfy { append($0, types.dropFirst()) }
    case nil: return false
    }
  }
}
