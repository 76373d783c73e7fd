import GraftIR

/// Writes a safetensors file: wide types first, then by name, the data from a multiple of 8 on.
///
/// Source: safetensors 0.8.0 `serialize`, which orders and pads like this, so that all data are aligned.
final class SafetensorsWriter: StreamingCheckpointWriter {
  let order: [Int]
  var output: OutputFile? { file }
  private let file: OutputFile
  private let declarations: [TensorDeclaration]
  /// Where the texts of deferred metadata stand in the file.
  private var places: [String: Int] = [:]
  private var written = 0
  private var tensorStart = 0

  /// Writes the header.
  ///
  /// - Throws: `safetensors.unwritable`, `transfer.duplicate-name`, `transfer.write`.
  init(_ request: WriterRequest) throws(Diagnostic) {
    file = request.output
    declarations = request.declarations
    try Declarations.checkNames(declarations)
    let declarations = declarations
    order = declarations.indices.sorted {
      let (a, b) = (declarations[$0], declarations[$1])
      if a.dtype.bitWidth != b.dtype.bitWidth { return a.dtype.bitWidth > b.dtype.bitWidth }
      return a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
    }
    try file.append(try header(metadata: request.metadata, deferred: request.deferred))
  }

  func begin() throws(Diagnostic) {
    precondition(written < order.count, "every tensor is written once")
    tensorStart = file.byteCount
  }

  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic) { try file.append(chunk) }

  func append(copying region: FileRegion) throws(Diagnostic) { try file.append(copying: region) }

  func end() throws(Diagnostic) {
    let expected = declarations[order[written]].byteCount
    precondition(file.byteCount - tensorStart == expected, "a tensor has as many bytes as were declared")
    written += 1
  }

  func finish(deferred: [String: String]) throws(Diagnostic) {
    precondition(written == order.count, "every declared tensor is written")
    try file.fill(places, with: deferred)
  }

  private func header(metadata: [String: String], deferred: [String]) throws(Diagnostic) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: 8)
    out += "{".utf8
    let texts = metadata.merging(deferred.map { ($0, WriterRequest.deferredPlaceholder) }) { _, later in later }
    if !texts.isEmpty {
      out += "\"__metadata__\":{".utf8
      for (index, (name, text)) in texts.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }).enumerated()
      {
        if index > 0 { out += ",".utf8 }
        JSON.write(name, into: &out)
        out += ":".utf8
        if deferred.contains(name) { places[name] = out.count + 1 }  // Behind the quotation mark.
        JSON.write(text, into: &out)
      }
      out += "}".utf8
    }
    var end = 0
    for index in order {
      let declaration = declarations[index]
      guard let dtype = declaration.dtype.safetensorsName, declaration.name != "__metadata__" else {
        throw Diagnostic(
          "safetensors.unwritable",
          "'\(declaration.name.shortened)' is of \(declaration.dtype), or has a name, that safetensors lacks",
          help: "convert it to another dtype, or write another format")
      }
      let (next, overflow) = end.addingReportingOverflow(declaration.byteCount)
      guard !overflow else { throw Diagnostic("safetensors.unwritable", "the tensors together overflow 64 bits") }
      if out.count > 9 { out += ",".utf8 }
      JSON.write(declaration.name, into: &out)
      out += ":{\"dtype\":\"\(dtype)\",\"shape\":[".utf8
      out += declaration.shape.axes.map(String.init).joined(separator: ",").utf8
      out += "],\"data_offsets\":[\(end),\(next)]}".utf8
      end = next
    }
    out += "}".utf8
    out += repeatElement(0x20, count: (8 - out.count % 8) % 8)
    guard out.count - 8 <= SafetensorsReader.headerLimit else {
      throw Diagnostic(
        "safetensors.unwritable",
        "the header would have \(out.count - 8) bytes, more than \(SafetensorsReader.headerLimit)")
    }
    for byte in 0..<8 { out[byte] = UInt8(truncatingIfNeeded: (out.count - 8) >> (8 * byte)) }
    return out
  }
}
