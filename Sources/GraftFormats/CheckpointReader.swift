public import GraftIR

/// One tensor that a checkpoint holds.
public struct TensorEntry: Sendable, Hashable {
  /// The name that commands use: the keys of nested dictionaries joined with `/`, then the tensor's own name.
  public let name: String
  /// The keys that lead to it, its own name last; one element in a flat file.
  public let path: [String]
  /// The type of its elements.
  public let dtype: DType
  /// The sizes of its axes.
  public let shape: Shape
  /// The bytes that its values fill when stored contiguously.
  public let byteCount: Int
  /// The blocks that the file holds its values in, which are then read as f32; `nil` where each stands for itself.
  public let blocks: BlockType?

  /// The bytes that its values fill in the file.
  public var storedByteCount: Int { blocks?.byteCount(of: shape.elementCount ?? 0) ?? byteCount }

  /// An entry; the caller has checked that `dtype` and `shape` fill whole bytes without overflow.
  public init(path: [String], dtype: DType, shape: Shape, blocks: BlockType? = nil) {
    self.path = path
    self.blocks = blocks
    name = path.joined(separator: "/")
    self.dtype = dtype
    self.shape = shape
    byteCount = shape.elementCount.flatMap(dtype.byteCount(of:)) ?? 0
  }
}

/// What a file holds beside tensors and texts, and no conversion carries.
public struct Omission: Sendable, Hashable {
  /// For a person, as `the graph of 12 nodes`.
  public let text: String
  /// Whether `--strict` refuses to go on without it: where it matters to more than who resumes a training in Python.
  public let isLoss: Bool

  /// What `text` tells of.
  public init(_ text: String, isLoss: Bool = true) {
    self.text = text
    self.isLoss = isLoss
  }
}

/// An open checkpoint of any format: names, types, shapes and metadata at once, bytes on demand.
///
/// Opening reads headers only and executes nothing. Every failure is a `Diagnostic` with file and byte offset.
public protocol CheckpointReader: AnyObject, Sendable {
  /// The format's name in the registry, such as `safetensors` or `pytorch`.
  var format: String { get }
  /// The path that was opened.
  var file: String { get }
  /// The size of the file, or of all files together.
  var byteCount: Int { get }
  /// Every tensor, in the order of the file.
  var entries: [TensorEntry] { get }
  /// Texts beside the tensors. A PyTorch trainer's plain entries come as `args/num_heads` and the like.
  var metadata: [String: String] { get }
  /// The entries that show nothing but elements of another entry, by their numbers: weights that are tied. Entries
  /// that are not listed have bytes of their own.
  var aliases: [Int: TensorAlias] { get }
  /// What a person should know of how the file was read, such as a type that it does not spell out.
  var notes: [String] { get }
  /// What the file holds and neither tensors nor texts show, such as the nodes of a graph.
  var omissions: [Omission] { get }
  /// The tensor of `entries[index]`, contiguous and little-endian. A view of the mapped file where the layout
  /// allows it; a copy where strides, byte order or packing forbid it.
  func tensor(at index: Int) throws(Diagnostic) -> Tensor
}

extension CheckpointReader {
  /// A format that stores every tensor for itself has none.
  public var aliases: [Int: TensorAlias] { [:] }

  /// Nothing was taken for granted.
  public var notes: [String] { [] }

  /// Tensors and texts show everything.
  public var omissions: [Omission] { [] }
}
