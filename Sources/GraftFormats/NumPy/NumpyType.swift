import GraftIR

/// How the elements of an array are stored, by NumPy's spelling of their type.
struct NumpyType: Sendable, Hashable {
  let dtype: DType
  let isBigEndian: Bool
  /// Whether the spelling says only how wide elements are, and what they are was taken for granted.
  var isAssumed = false

  /// The bytes of an element in the file; NumPy gives types of 4 and 6 bits a byte each.
  var width: Int { dtype.byteWidth ?? 1 }
  /// Whether elements fill bytes in the file that they share in a tensor.
  var isUnpacked: Bool { dtype.byteWidth == nil }

  /// The type that `spelling` means, such as `<f4`; `declared` is what the file's own metadata say it is.
  ///
  /// - Throws: `numpy.object`, `numpy.type`.
  init(_ spelling: String, declared: DType?, at place: Location) throws(Diagnostic) {
    var rest = Substring(spelling)
    let order = rest.first
    if let order, "<>|=".contains(order) { rest = rest.dropFirst() }
    guard let kind = rest.popFirst() else { throw Self.refusal(spelling, "names no type", place) }
    if kind == "O" {
      throw Diagnostic(
        "numpy.object", "the array holds Python objects, which are a pickle; nothing in a file is executed", at: place,
        help: "save the array with a type of numbers")
    }
    guard let width = Int(rest), rest.utf8.count <= 4, width > 0, order != "=" || kind != "V" else {
      throw Self.refusal(spelling, "names no type", place)
    }
    isBigEndian = order == ">" && width > 1
    if kind == "V", width <= 2, order != ">" {
      if let declared, Self.spelling(of: declared) == (width == 1 ? "|V1" : "<V2") {
        dtype = declared
        return
      }
      // ml_dtypes writes '<V2' for bfloat16; '|V2' is what NumPy calls raw bytes.
      guard width == 2, order == "<", declared == nil else {
        throw Self.refusal(
          spelling, "may be any type of \(width == 1 ? "a byte" : "\(width) bytes"), and the file does not say which",
          place,
          help: "save the array as '<V2' for bf16, or viewed as unsigned integers")
      }
      dtype = .bf16
      isAssumed = true
      return
    }
    guard let found = Self.types["\(kind)\(width)"] else {
      let meaning = Self.meanings[kind] ?? "is not read"
      throw Self.refusal(spelling, meaning, place)
    }
    dtype = found
  }

  /// The spelling that NumPy, with ml_dtypes where it lacks the type, writes for `dtype`.
  static func spelling(of dtype: DType) -> String {
    switch dtype {
    case .bool: "|b1"
    case .u8: "|u1"
    case .i8: "|i1"
    case .u16: "<u2"
    case .i16: "<i2"
    case .u32: "<u4"
    case .i32: "<i4"
    case .u64: "<u8"
    case .i64: "<i8"
    case .f16: "<f2"
    case .f32: "<f4"
    case .f64: "<f8"
    case .c64: "<c8"
    case .c128: "<c16"
    case .bf16: "<V2"
    case .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4: "|V1"
    }
  }

  /// Whether the spelling of `dtype` says all of it.
  static func isPlain(_ dtype: DType) -> Bool { types.values.contains(dtype) && dtype != .f8e5m2 }

  /// `f1` is what ml_dtypes makes of float8_e5m2, although NumPy itself cannot read it.
  private static let types: [String: DType] = [
    "b1": .bool, "u1": .u8, "i1": .i8, "u2": .u16, "i2": .i16, "u4": .u32, "i4": .i32, "u8": .u64, "i8": .i64,
    "f1": .f8e5m2, "f2": .f16, "f4": .f32, "f8": .f64, "c8": .c64, "c16": .c128,
  ]
  private static let meanings: [Character: String] = [
    "U": "is text", "S": "is text", "a": "is text", "M": "is a date", "m": "is a time span", "V": "is raw bytes",
  ]

  private static func refusal(
    _ spelling: String, _ meaning: String, _ place: Location, help: String? = nil
  ) -> Diagnostic {
    Diagnostic("numpy.type", "the type '\(spelling.shortened)' \(meaning)", at: place, help: help)
  }
}
