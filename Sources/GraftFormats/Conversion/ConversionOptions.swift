/// What a conversion is told to do differently from copying everything.
public struct ConversionOptions: Sendable {
  /// The name of a format, or `nil` for the one that the output's extension says.
  public var format: String?
  /// Casts; of those that are for a tensor the last one counts.
  public var dtypes: [DTypeRule] = []
  /// New names; of those that match a name the last one counts. The others are not applied before or after.
  public var renames: [RenameRule] = []
  /// Only tensors that match one of these are taken; all where there are none.
  public var includes: [NamePattern] = []
  /// Tensors that match one of these are left out.
  public var excludes: [NamePattern] = []
  /// The most bytes of tensors in a file, or `nil` for one file.
  public var shardByteCount: Int?
  /// Whether a loss is refused: a cast that changes a value, a tie or a text that cannot be kept.
  public var isStrict = false
  /// Whether an output that exists is replaced.
  public var force = false
  /// Whether to go on from where a killed process stopped that did the same.
  public var resumes = false
  /// The most memory that the process may take, in bytes, or `nil` for no limit.
  public var memoryLimit: Int?

  /// Everything as it is.
  public init() {}
}
