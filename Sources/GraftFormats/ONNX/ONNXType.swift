import GraftIR

/// The types of tensors' elements in ONNX.
///
/// Source: ONNX 1.23 `onnx.in.proto`, `TensorProto.DataType`, and the comments of the fields that hold data.
struct ONNXType: Sendable, Hashable {
  /// The field of a `TensorProto` that holds elements one by one, where `raw_data` does not.
  enum Field: Int, Sendable, Hashable, CaseIterable {
    case floats = 4, int32s = 5, int64s = 7, doubles = 10, uint64s = 11
  }

  let number: Int
  /// As ONNX spells it.
  let name: String
  /// What graft reads it as, or `nil` where it has no such type.
  let dtype: DType?
  let field: Field?
  /// The versions of the format and of its operators that have it; older readers know a file by these.
  let versions: Versions

  struct Versions: Sendable, Hashable {
    let representation: Int64
    let operators: Int64

    /// What everything reads that is not old: IR 8 and operators 17, of 2022.
    static let usual = Versions(representation: 8, operators: 17)

    /// What has both.
    func with(_ other: Versions) -> Versions {
      Versions(
        representation: max(representation, other.representation), operators: max(operators, other.operators))
    }
  }

  private init(
    _ number: Int, _ name: String, _ dtype: DType?, _ field: Field?, _ versions: Versions = .usual
  ) {
    self.number = number
    self.name = name
    self.dtype = dtype
    self.field = field
    self.versions = versions
  }

  private static let float8 = Versions(representation: 9, operators: 19)
  private static let int4 = Versions(representation: 10, operators: 21)
  private static let float4 = Versions(representation: 11, operators: 23)
  private static let scales = Versions(representation: 12, operators: 24)

  /// All of them.
  static let all = [
    ONNXType(1, "FLOAT", .f32, .floats), ONNXType(2, "UINT8", .u8, .int32s), ONNXType(3, "INT8", .i8, .int32s),
    ONNXType(4, "UINT16", .u16, .int32s), ONNXType(5, "INT16", .i16, .int32s), ONNXType(6, "INT32", .i32, .int32s),
    ONNXType(7, "INT64", .i64, .int64s), ONNXType(8, "STRING", nil, nil), ONNXType(9, "BOOL", .bool, .int32s),
    ONNXType(10, "FLOAT16", .f16, .int32s), ONNXType(11, "DOUBLE", .f64, .doubles),
    ONNXType(12, "UINT32", .u32, .uint64s), ONNXType(13, "UINT64", .u64, .uint64s),
    ONNXType(14, "COMPLEX64", .c64, .floats), ONNXType(15, "COMPLEX128", .c128, .doubles),
    ONNXType(16, "BFLOAT16", .bf16, .int32s), ONNXType(17, "FLOAT8E4M3FN", .f8e4m3, .int32s, float8),
    ONNXType(18, "FLOAT8E4M3FNUZ", .f8e4m3fnuz, .int32s, float8), ONNXType(19, "FLOAT8E5M2", .f8e5m2, .int32s, float8),
    ONNXType(20, "FLOAT8E5M2FNUZ", .f8e5m2fnuz, .int32s, float8), ONNXType(21, "UINT4", nil, .int32s, int4),
    ONNXType(22, "INT4", nil, .int32s, int4), ONNXType(23, "FLOAT4E2M1", .f4, .int32s, float4),
    ONNXType(24, "FLOAT8E8M0", .f8e8m0, .int32s, scales), ONNXType(25, "UINT2", nil, .int32s),
    ONNXType(26, "INT2", nil, .int32s),
  ]

  /// The type of that number, or `nil`.
  static func numbered(_ number: Int) -> ONNXType? { all.first { $0.number == number } }

  /// The type that stores elements of `dtype`, or `nil`.
  static func storing(_ dtype: DType) -> ONNXType? { all.first { $0.dtype == dtype } }
}
