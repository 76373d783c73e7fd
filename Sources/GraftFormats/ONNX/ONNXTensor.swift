import GraftIR

// Layout of a `TensorProto` (ONNX 1.23 `onnx.in.proto`):
//
//   1 dims, 2 data type, 3 segment, 8 name, 13 external data, 14 data location
//   9 raw data: the elements as they are in memory, little-endian
//   4, 5, 7, 10, 11 elements one by one, see `ONNXNumbers`; 6 texts

/// A tensor of an ONNX file, and where its elements are.
struct ONNXTensor: Sendable {
  enum Source: Sendable {
    /// As they are in memory.
    case region(FileRegion)
    /// One by one.
    case numbers(ONNXNumbers)
  }

  let name: String
  let dtype: DType
  let shape: Shape
  let byteCount: Int
  let source: Source
  /// The message, for messages of another kind.
  let place: Location

  /// More axes than any framework counts.
  private static let rankLimit = 64
  /// The fields that are small, by number.
  private static let small: [Int: ONNXField.Wire] = [
    1: .varint, 2: .varint, 3: .bytes, 8: .bytes, 13: .bytes, 14: .varint,
  ]

  /// Reads all of the `TensorProto` at `range` but its elements.
  ///
  /// - Parameter given: what it is called where it does not say so itself.
  /// - Throws: rules of the page `onnx`.
  init(
    _ range: Range<Int>, _ mapped: MappedFile, _ external: ONNXExternalData, name given: String? = nil
  ) throws(Diagnostic) {
    let file = mapped.path
    let start = range.lowerBound..<range.lowerBound
    guard let header = ONNXMessages.tensor(try ONNXSmallParts.bytes(of: range, mapped, Self.small, limit: 1 << 16))
    else {
      throw ONNXSmallParts.refusal("a tensor", file, range)
    }
    guard let name = given ?? String(validating: header.name, as: UTF8.self) else {
      throw Diagnostic("onnx.utf8", "a tensor's name is no UTF-8", at: Location(file, start))
    }
    let place = Location(file, start, tensor: name)
    let called = "'\(name.shortened)'"
    guard !header.isSegment else {
      throw Diagnostic("onnx.segment", "\(called) is a segment of a tensor, which is not read", at: place)
    }
    let type = ONNXType.numbered(header.dataType)
    guard let type, let dtype = type.dtype else {
      throw Diagnostic(
        "onnx.dtype", "\(called) is of type \(type.map { $0.name } ?? "number \(header.dataType)"), which is not read",
        at: place, help: "read are " + ONNXType.all.filter { $0.dtype != nil }.map(\.name).joined(separator: ", "))
    }
    guard header.dims.count <= Self.rankLimit, header.dims.allSatisfy({ $0 >= 0 }) else {
      let first = header.dims.first { $0 < 0 }
      throw Diagnostic(
        "onnx.axis", first.map { "\(called) has an axis of \($0)" } ?? "\(called) has over \(Self.rankLimit) axes",
        at: place)
    }
    let shape = Shape(header.dims.map { Int($0) })
    guard let count = shape.elementCount, let byteCount = dtype.byteCount(of: count), byteCount < Int.max / 2 else {
      throw Diagnostic(
        "onnx.size", "\(dtype) \(shape) of \(called) is no whole number of bytes that fits 64 bits", at: place)
    }
    let source = try Self.source(of: range, mapped, external, header, type, name, place)
    let found =
      switch source {
      case .region(let region): region.byteCount
      case .numbers(let numbers): try numbers.byteCount()
      }
    guard found == byteCount else {
      throw Diagnostic(
        "onnx.byte-count", "\(dtype) \(shape) of \(called) needs \(byteCount) bytes, but its data are \(found)",
        at: place)
    }
    self.init(name: name, dtype: dtype, shape: shape, byteCount: byteCount, source: source, place: place)
  }

  /// The value that an attribute of a constant holds by itself: `field` of the message at `range`.
  ///
  /// - Throws: rules of the page `onnx`.
  init(
    _ range: Range<Int>, _ mapped: MappedFile, name: String, _ kind: ONNXType.Field, field: Int, isScalar: Bool
  ) throws(Diagnostic) {
    let dtype = kind == .floats ? DType.f32 : .i64
    let place = Location(mapped.path, range.lowerBound..<range.lowerBound, tensor: name)
    let numbers = ONNXNumbers(mapped: mapped, message: range, field: field, kind: kind, dtype: dtype, tensor: name)
    let byteCount = try numbers.byteCount()
    let width = dtype.bitWidth / 8
    guard !isScalar || byteCount == width else {
      throw Diagnostic(
        "onnx.byte-count", "'\(name.shortened)' is one number, and \(byteCount / width) are there", at: place)
    }
    self.init(
      name: name, dtype: dtype, shape: isScalar ? [] : Shape([byteCount / width]), byteCount: byteCount,
      source: .numbers(numbers), place: place)
  }

  private init(name: String, dtype: DType, shape: Shape, byteCount: Int, source: Source, place: Location) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.byteCount = byteCount
    self.source = source
    self.place = place
  }

  /// The same under another name.
  func named(_ name: String) -> ONNXTensor {
    ONNXTensor(name: name, dtype: dtype, shape: shape, byteCount: byteCount, source: source, place: place)
  }

  /// Whether the `TensorProto` at `range` holds texts.
  static func isText(_ range: Range<Int>, _ mapped: MappedFile) throws(Diagnostic) -> Bool {
    let small = try ONNXSmallParts.bytes(of: range, mapped, [2: .varint], limit: 1 << 16)
    return ONNXMessages.tensor(small).flatMap { ONNXType.numbered($0.dataType) }?.name == "STRING"
  }

  /// Finds the one place that holds the elements.
  private static func source(
    of range: Range<Int>, _ mapped: MappedFile, _ external: ONNXExternalData, _ header: ONNXTensorHeader,
    _ type: ONNXType, _ name: String, _ place: Location
  ) throws(Diagnostic) -> Source {
    var raw: Range<Int>?
    var typed: ONNXType.Field?
    func refusal(_ what: String) -> Diagnostic {
      Diagnostic("onnx.data", "the data of '\(name.shortened)' are \(what)", at: place)
    }
    var fields = ONNXWire(mapped, range)
    while let field = try fields.next() {
      switch field.number {
      case 9:
        guard raw == nil else { throw refusal("there twice") }
        raw = try field.bytes("raw_data", mapped.path)
      case 4, 5, 6, 7, 10, 11:
        if field.wire == .bytes, field.content.isEmpty, field.number != 6 { continue }
        let found = ONNXType.Field(rawValue: field.number)
        guard found == type.field else { throw refusal("in a field that is not for \(type.name)") }
        typed = found
      default: break
      }
    }
    if header.isExternal {
      guard raw == nil, typed == nil else { throw refusal("in the model and in another file at once") }
      return .region(try external.region(header.externalData, of: name, place))
    }
    if let raw {
      guard typed == nil else { throw refusal("there raw and one by one at once") }
      return .region(FileRegion(file: mapped, offset: raw.lowerBound, byteCount: raw.count))
    }
    guard let typed, let dtype = type.dtype else {
      return .region(FileRegion(file: mapped, offset: range.lowerBound, byteCount: 0))
    }
    return .numbers(
      ONNXNumbers(mapped: mapped, message: range, field: typed.rawValue, kind: typed, dtype: dtype, tensor: name))
  }
}
