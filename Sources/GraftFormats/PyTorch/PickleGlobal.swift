import GraftIR

/// A name that a pickle may mention. Nothing of that name is ever looked up or called: each is a shape of data.
enum PickleGlobal: Sendable, Hashable {
  /// `dict` and its ordered kin.
  case dictionary
  /// `list`, `tuple`, `set` and `torch.Size`.
  case sequence
  /// A class whose instances are plain fields.
  case record
  case dtype(String)
  case storage(String)
  case rebuild(Rebuild)
  case device, complex, bytes
  /// `defaultdict`, made with the class of its missing values.
  case defaultDictionary
  /// `torch.serialization._get_layout`, made with the name of a layout.
  case layout
  /// A class whose instances are texts, made of parts that the separator joins.
  case text(separator: String)
  /// `numpy.dtype`, and the functions that make NumPy's scalars and arrays.
  case numpyType, numpyScalar, numpyArray
  /// A class or constant that only appears as an argument, such as `torch.nn.parameter.Parameter`.
  case other(String)

  /// What `torch._utils` offers to put tensors together again.
  enum Rebuild: Sendable, Hashable {
    case tensor, tensorV2, tensorV3, parameter, parameterWithState, fromTypeV2
    /// What a device without storages of its own saves: a tensor of the CPU, and the type that it had.
    case fromCPU
    /// Known, but no dense tensor comes of it.
    case unreadable(UnreadableTensor)
  }

  /// The global `name` of `module`, or `nil` where it is not on the list.
  ///
  /// Source: torch 2.13.0 `torch/_weights_only_unpickler.py`, and what else trainers save: `argparse.Namespace`,
  /// paths, NumPy's scalars.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"), ("collections", "Counter"): self = .dictionary
    case ("builtins", _), ("__builtin__", _):
      switch name {
      case "dict": self = .dictionary
      case "list", "tuple", "set", "frozenset": self = .sequence
      case "bytearray", "bytes": self = .bytes
      case "complex": self = .complex
      default: return nil
      }
    case ("collections", "defaultdict"): self = .defaultDictionary
    case ("argparse", "Namespace"): self = .record
    case ("pathlib", "PosixPath"), ("pathlib", "PurePosixPath"), ("pathlib", "WindowsPath"),
      ("pathlib", "PureWindowsPath"), ("pathlib", "Path"), ("pathlib", "PurePath"),
      ("pathlib._local", "PosixPath"), ("pathlib._local", "WindowsPath"):
      self = .text(separator: "/")
    case ("torch.torch_version", "TorchVersion"): self = .text(separator: "")
    case ("torch.serialization", "_get_layout"): self = .layout
    case ("numpy", "dtype"): self = .numpyType
    case ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"): self = .numpyScalar
    case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"): self = .numpyArray
    case ("numpy", "ndarray"): self = .other("ndarray")
    case ("_codecs", "encode"): self = .bytes
    case ("torch", "Size"): self = .sequence
    case ("torch", "device"): self = .device
    case ("torch", "Tensor"), ("torch.nn.parameter", "Parameter"), ("torch.nn", "Parameter"),
      ("torch.nn.parameter", "Buffer"):
      self = .other("\(module).\(name)")
    case ("torch._utils", _):
      switch name {
      case "_rebuild_tensor": self = .rebuild(.tensor)
      case "_rebuild_tensor_v2": self = .rebuild(.tensorV2)
      case "_rebuild_tensor_v3": self = .rebuild(.tensorV3)
      case "_rebuild_parameter": self = .rebuild(.parameter)
      case "_rebuild_parameter_with_state": self = .rebuild(.parameterWithState)
      case "_rebuild_device_tensor_from_cpu_tensor": self = .rebuild(.fromCPU)
      default:
        guard let kind = UnreadableTensor(rawValue: name) else { return nil }
        self = .rebuild(.unreadable(kind))
      }
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuild(.fromTypeV2)
    case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .storage("UntypedStorage")
    case ("torch.cuda", _) where PyTorchTypes.storages[name] != nil: self = .storage(name)
    case ("torch", _):
      if PyTorchTypes.storages[name] != nil || PyTorchTypes.unsupportedStorages.contains(name) {
        self = .storage(name)
      } else if PyTorchTypes.dtypes[name] != nil || PyTorchTypes.unsupportedDTypes.contains(name) {
        self = .dtype(name)
      } else if PyTorchTypes.constants.contains(name) {
        self = .other("torch.\(name)")
      } else {
        return nil
      }
    default: return nil
    }
  }
}

/// Tensors that have no dense values to read, by the functions of `torch._utils` that make them.
enum UnreadableTensor: String, Sendable, Hashable {
  case quantised = "_rebuild_qtensor"
  case sparse = "_rebuild_sparse_tensor"
  case sparseRows = "_rebuild_sparse_csr_tensor"
  case nested = "_rebuild_nested_tensor"
  case meta = "_rebuild_meta_tensor_no_storage"
  case wrapper = "_rebuild_wrapper_subclass"
  case otherDevice = "_rebuild_device_tensor_from_numpy"
  case xla = "_rebuild_xla_tensor"
  case numpyArray = "_reconstruct"

  /// What it is, for a message that names it before.
  var meaning: String {
    switch self {
    case .quantised: "is a quantised tensor"
    case .sparse, .sparseRows: "is a sparse tensor"
    case .nested: "is a nested tensor"
    case .meta: "is on the device 'meta' and has no values"
    case .wrapper: "is a subclass that wraps other tensors"
    case .otherDevice, .xla: "comes from a device that keeps its values in a NumPy array"
    case .numpyArray: "is a NumPy array"
    }
  }

  /// What makes it readable.
  var help: String {
    switch self {
    case .quantised: "save what its 'dequantize()' gives, or its 'int_repr()' with scale and zero point"
    case .sparse, .sparseRows: "save what its 'to_dense()' gives, or its indices and values"
    case .nested: "save its 'unbind()' as a list, or what its 'to_padded_tensor()' gives"
    case .meta: "load the model with its values before it is saved"
    case .wrapper: "save what it wraps"
    case .otherDevice, .xla: "save what its 'cpu()' gives"
    case .numpyArray: "save what 'torch.from_numpy' makes of it"
    }
  }
}

/// PyTorch's names of element types.
///
/// Source: torch 2.13.0 `torch/storage.py` (`_dtype_to_storage_type_map`), and its list of dtypes.
enum PyTorchTypes {
  /// Storage classes that say what they hold.
  static let storages: [String: DType] = [
    "DoubleStorage": .f64, "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16, "LongStorage": .i64,
    "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8, "ByteStorage": .u8, "BoolStorage": .bool,
    "ComplexFloatStorage": .c64, "ComplexDoubleStorage": .c128,
  ]
  static let unsupportedStorages: Set<String> = [
    "QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage", "QUInt2x4Storage",
  ]
  /// Attributes of `torch` that name element types. `float4_e2m1fn_x2` holds two elements in what torch counts as one.
  static let dtypes: [String: DType] = [
    "float64": .f64, "float32": .f32, "float16": .f16, "bfloat16": .bf16, "int64": .i64, "int32": .i32, "int16": .i16,
    "int8": .i8, "uint8": .u8, "uint16": .u16, "uint32": .u32, "uint64": .u64, "bool": .bool, "complex64": .c64,
    "complex128": .c128, "float8_e4m3fn": .f8e4m3, "float8_e5m2": .f8e5m2, "float8_e4m3fnuz": .f8e4m3fnuz,
    "float8_e5m2fnuz": .f8e5m2fnuz, "float8_e8m0fnu": .f8e8m0, "float4_e2m1fn_x2": .f4,
  ]
  static let unsupportedDTypes: Set<String> = [
    "complex32", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8", "bits2x4",
    "bits4x2",
    "int1", "int2", "int3", "int4", "int5", "int6", "int7", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6",
    "uint7",
  ]
  static let constants: Set<String> = [
    "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
    "per_channel_affine_float_qparams", "strided", "sparse_coo", "sparse_csr", "preserve_format", "contiguous_format",
    "channels_last",
  ]
}
