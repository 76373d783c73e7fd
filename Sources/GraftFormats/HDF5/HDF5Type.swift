import CHDF5
import GraftIR

/// The type of a dataset's elements.
enum HDF5Type {
  /// What graft has a type for.
  case tensor(DType, isBigEndian: Bool)
  /// Numbers in a layout that graft has no type for, in words.
  case unknownNumber(String)
  /// What is no number, in words.
  case noNumber(String)

  /// Reads what the child tells of a type.
  ///
  /// - Throws: `hdf5.answer`, also where it lies in more others than the child tells of; `hdf5.utf8`.
  init(_ reader: inout ByteReader) throws(Diagnostic) { self = try Self.read(&reader, depth: 0) }

  private static func read(_ reader: inout ByteReader, depth: Int) throws(Diagnostic) -> HDF5Type {
    guard depth <= Int(GRAFT_HDF5_TYPE_DEPTH) else {
      throw Diagnostic("hdf5.answer", "the child's answer has a type in \(depth) others", at: Location(reader.file))
    }
    // Classes of H5Tpublic.h.
    let kind = try reader.byte()
    let width = Int(try reader.number(UInt32.self))
    switch kind {
    case 0: return try integer(&reader, width)
    case 1: return try float(&reader, width)
    case 2: return .noNumber("times")
    case 3: return .noNumber("texts")
    case 4: return .noNumber("bit fields")
    case 5: return try opaque(&reader, width)
    case 6: return try compound(&reader, width, depth)
    case 7: return .noNumber("references")
    case 8: return try enumeration(&reader, width, depth)
    case 9: return .noNumber("lists of any length")
    case 10: return .noNumber("arrays")
    default:
      throw Diagnostic("hdf5.answer", "the child's answer has a type of class \(kind)", at: Location(reader.file))
    }
  }

  private static func integer(_ reader: inout ByteReader, _ width: Int) throws(Diagnostic) -> HDF5Type {
    let isBigEndian = try reader.byte() != 0
    let precision = Int(try reader.number(UInt32.self))
    let offset = Int(try reader.number(UInt32.self))
    let isSigned = try reader.byte() != 0
    let dtype: DType? =
      switch (width, isSigned) {
      case (1, true): .i8
      case (1, false): .u8
      case (2, true): .i16
      case (2, false): .u16
      case (4, true): .i32
      case (4, false): .u32
      case (8, true): .i64
      case (8, false): .u64
      default: nil
      }
    guard let dtype, offset == 0, precision == 8 * width else {
      return .unknownNumber("integers of \(precision) bits from bit \(offset) on in \(counted(width, "byte"))")
    }
    return .tensor(dtype, isBigEndian: isBigEndian && width > 1)
  }

  private static func float(_ reader: inout ByteReader, _ width: Int) throws(Diagnostic) -> HDF5Type {
    let order = try reader.byte()
    let precision = Int(try reader.number(UInt32.self))
    let offset = Int(try reader.number(UInt32.self))
    var fields: [Int] = []
    for _ in 0..<5 { fields.append(Int(try reader.number(UInt32.self))) }
    let bias = try reader.number(UInt64.self)
    let norm = try reader.byte()
    let known: [(DType, width: Int, fields: [Int], bias: UInt64)] = [
      (.f16, 2, [15, 10, 5, 0, 10], 15), (.bf16, 2, [15, 7, 8, 0, 7], 127), (.f32, 4, [31, 23, 8, 0, 23], 127),
      (.f64, 8, [63, 52, 11, 0, 52], 1023),
    ]
    // Normalisation 0 is the implied first bit of IEEE's numbers.
    guard order < 2, offset == 0, precision == 8 * width, norm == 0,
      let found = known.first(where: { $0.width == width && $0.fields == fields && $0.bias == bias })
    else {
      return .unknownNumber("floats of \(precision) bits with \(fields[2]) of exponent and \(fields[4]) of mantissa")
    }
    return .tensor(found.0, isBigEndian: order == 1)
  }

  /// h5py's truths are the names FALSE and TRUE for 0 and 1; any other enumeration is its numbers.
  private static func enumeration(
    _ reader: inout ByteReader, _ width: Int, _ depth: Int
  ) throws(Diagnostic) -> HDF5Type {
    let count = Int(try reader.number(UInt32.self))
    var members: [String: UInt64] = [:]
    for _ in 0..<min(count, 2) {
      let name = try reader.text()
      members[name] = try reader.number(UInt64.self)
    }
    let base = try read(&reader, depth: depth + 1)
    guard count == 2, width == 1, members == ["FALSE": 0, "TRUE": 1] else { return base }
    return .tensor(.bool, isBigEndian: false)
  }

  /// h5py's complex numbers have the members `r` and `i`.
  private static func compound(
    _ reader: inout ByteReader, _ width: Int, _ depth: Int
  ) throws(Diagnostic) -> HDF5Type {
    let count = Int(try reader.number(UInt32.self))
    var members: [(name: String, offset: Int, type: HDF5Type)] = []
    for _ in 0..<min(count, 2) {
      let name = try reader.text()
      let offset = Int(try reader.number(UInt32.self))
      members.append((name, offset, try read(&reader, depth: depth + 1)))
    }
    guard count == 2, members[0].name == "r", members[1].name == "i", members[0].offset == 0,
      members[1].offset == width / 2, case .tensor(let real, let isBigEndian) = members[0].type,
      case .tensor(let imaginary, let other) = members[1].type, real == imaginary, isBigEndian == other
    else { return .noNumber("compounds of \(counted(count, "member"))") }
    switch (real, width) {
    case (.f32, 8): return .tensor(.c64, isBigEndian: isBigEndian)
    case (.f64, 16): return .tensor(.c128, isBigEndian: isBigEndian)
    default: return .unknownNumber("complex numbers of two \(real)")
    }
  }

  /// What opaque bytes are, by the attribute `dtype` that Keras gives them: names of ml_dtypes.
  static let opaqueNames: [(name: String, dtype: DType)] = [
    ("bfloat16", .bf16), ("float8_e4m3fn", .f8e4m3), ("float8_e5m2", .f8e5m2), ("float8_e8m0fnu", .f8e8m0),
    ("float8_e4m3fnuz", .f8e4m3fnuz), ("float8_e5m2fnuz", .f8e5m2fnuz),
  ]

  private static func opaque(_ reader: inout ByteReader, _ width: Int) throws(Diagnostic) -> HDF5Type {
    _ = try reader.text()  // The tag, which no program reads.
    let (_, names) = try reader.texts()
    guard names.count == 1, let found = opaqueNames.first(where: { $0.name == names[0] }),
      found.dtype.byteWidth == width
    else { return .noNumber("opaque bytes") }
    return .tensor(found.dtype, isBigEndian: false)
  }
}
