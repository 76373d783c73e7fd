public import GraftIR

/// Where each tensor of a checkpoint to be written comes from.
///
/// The same plan prints as `graftc plan` and executes as `graftc compile`, so the two cannot disagree. Names and types
/// are known without reading a byte of any tensor.
public struct WeightPlan: Sendable {
  /// The checkpoints that expressions read, by their number.
  public var sources: [Source]
  /// What the output holds, in the order of the architecture.
  public var tensors: [PlannedTensor]
  /// Texts for the output's metadata.
  public var metadata: [String: String]
  /// Tensors that are not written, since whoever reads the output makes them.
  public var omissions: [Omission] = []

  /// A tensor that is not written, and what its readers will take it for.
  public struct Omission: Sendable, Hashable {
    /// The model's name of it.
    public let name: String
    /// What it holds.
    public let expression: WeightExpression
    /// What it has to hold.
    public let expected: WeightExpression
    /// Where the output's form is told, for messages.
    public let form: String

    /// A tensor called `name` that is left out.
    public init(name: String, expression: WeightExpression, expected: WeightExpression, form: String) {
      self.name = name
      self.expression = expression
      self.expected = expected
      self.form = form
    }
  }

  /// A checkpoint file and the key that selects a part of it, such as `ema`.
  public struct Source: Sendable, Hashable {
    /// The path of the checkpoint.
    public let file: String
    /// The key of the part, or `nil` for all of it.
    public let key: String?

    /// The part of `file` under `key`, or all of it.
    public init(file: String, key: String?) {
      self.file = file
      self.key = key
    }
  }

  /// A plan of the given parts.
  public init(sources: [Source], tensors: [PlannedTensor], metadata: [String: String]) {
    self.sources = sources
    self.tensors = tensors
    self.metadata = metadata
  }
}

extension WeightPlan {
  /// A plan that takes over everything that `reader` holds, as its only source, cast to `dtype` where one is given and
  /// both types are floating point.
  public init(copying reader: any CheckpointReader, as dtype: DType? = nil, metadata: [String: String] = [:]) {
    let key = (reader as? SelectedCheckpoint)?.key
    self.init(
      sources: [Source(file: reader.file, key: key)],
      tensors: reader.entries.enumerated().map { index, entry in
        let target = entry.dtype.isFloatingPoint && dtype?.isFloatingPoint == true ? dtype ?? entry.dtype : entry.dtype
        let source = SourceTensor(source: 0, entry)
        var planned = PlannedTensor(
          name: entry.name, dtype: target, shape: entry.shape, expression: .source(source), origin: .kept,
          alias: reader.aliases[index])
        planned.keys = Array(entry.path.dropLast())
        return planned
      }, metadata: metadata)
  }
}

extension WeightPlan {
  /// The plan with the blocks that are kept in an output of `format`.
  func keepingBlocks(in format: Format) -> WeightPlan {
    guard format.holdsBlocks else { return self }
    var plan = self
    for (number, tensor) in tensors.enumerated() where tensor.keepsBlocks && tensor.dtype == .f32 {
      guard tensor.blocks == nil, tensor.alias == nil, case .source(let source) = tensor.expression else { continue }
      plan.tensors[number].blocks = source.blocks
    }
    return plan
  }
}

/// One tensor of the output.
public struct PlannedTensor: Sendable, Hashable {
  /// Its name in the output.
  public let name: String
  /// As it is written; the expression is cast to it last.
  public let dtype: DType
  /// The sizes of its axes.
  public let shape: Shape
  /// Where its values come from.
  public let expression: WeightExpression
  /// What a reader of the plan is told of them.
  public let origin: WeightOrigin
  /// The blocks that it is written in, or `nil` where each value stands for itself. The type is then f32, and rows are
  /// whole blocks; blocks that are not made from numbers come from a source that has them.
  public var blocks: BlockType?
  /// Whether a source that has its values in blocks gives them as they are to an output that has such blocks.
  public var keepsBlocks = false
  /// The tensor of the plan whose elements it shows, of the same dtype; it is then not written for itself.
  public var alias: TensorAlias?
  /// The keys of the dictionaries that it is in, outermost first; joined with `/` they begin its name.
  public var keys: [String] = []

  /// A tensor called `name`.
  public init(
    name: String, dtype: DType, shape: Shape, expression: WeightExpression, origin: WeightOrigin,
    alias: TensorAlias? = nil
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.expression = expression
    self.origin = origin
    self.alias = alias
  }
}

/// What a reader of the plan wants to know of a tensor's values.
public enum WeightOrigin: String, Sendable, Hashable, CaseIterable {
  /// The base model's own, where it stood.
  case kept
  /// Another operator's, through an `adopt` rule or the same name and shape.
  case adopted
  /// Another checkpoint's.
  case file
  /// Worked out from other tensors, or a constant.
  case computed
  /// Drawn at random.
  case fresh
}

/// A tensor's values as a formula over source tensors, seeded draws and graft's own primitives.
public indirect enum WeightExpression: Sendable, Hashable {
  /// A source tensor as it is.
  case source(SourceTensor)
  /// One number everywhere.
  case fill(Double, DType, Shape)
  case draw(Draw, Shape)
  /// A primitive's only result. Arguments of the same type as the primitive demands.
  case apply(primitive: String, Attributes, [WeightExpression], TensorType)
  /// What a graph gives, such as the call of a part.
  case computed(WeightGraph)
  /// One tensor that sources hold several times, at least once: the first, after all are seen to be equal.
  case copies([WeightExpression])

  /// What the expression gives.
  public var type: TensorType {
    switch self {
    case .source(let source): TensorType(source.dtype, source.shape)
    case .fill(_, let dtype, let shape): TensorType(dtype, shape)
    case .draw(_, let shape): TensorType(.f32, shape)
    case .apply(_, _, _, let type): type
    case .computed(let graph): graph.type
    case .copies(let all): all[0].type
    }
  }
}

/// A tensor of one of the plan's sources.
public struct SourceTensor: Sendable, Hashable {
  /// The number of the source in `WeightPlan.sources`.
  public let source: Int
  /// Its name below the source's key.
  public let name: String
  /// The type that the source has to give.
  public let dtype: DType
  /// The shape that the source has to give.
  public let shape: Shape
  /// The blocks that the source holds it in, or `nil` where each value stands for itself.
  public let blocks: BlockType?

  /// The tensor `name` of source number `source`.
  public init(source: Int, name: String, dtype: DType, shape: Shape, blocks: BlockType? = nil) {
    self.source = source
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.blocks = blocks
  }

  /// The tensor that `entry` tells of, of source number `source`.
  package init(source: Int, _ entry: TensorEntry) {
    self.init(source: source, name: entry.name, dtype: entry.dtype, shape: entry.shape, blocks: entry.blocks)
  }
}

/// Random numbers that depend on nothing but a seed and the tensor's name, so that an edit elsewhere changes no draw.
public struct Draw: Sendable, Hashable {
  /// The law of every element.
  public enum Distribution: Sendable, Hashable {
    /// Uniform in [low, high).
    case uniform(low: Double, high: Double)
    case normal(mean: Double, deviation: Double)
  }

  /// The law of every element.
  public let distribution: Distribution
  /// The number that makes all streams.
  public let seed: UInt64
  /// The name that makes the stream, usually the tensor's own.
  public let stream: String

  /// A draw of its own stream.
  public init(_ distribution: Distribution, seed: UInt64, stream: String) {
    self.distribution = distribution
    self.seed = seed
    self.stream = stream
  }
}
