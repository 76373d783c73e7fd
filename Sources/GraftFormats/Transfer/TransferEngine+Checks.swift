package import GraftIR

extension TransferEngine {
  /// The format called `name`, else the one that `path` means by its extension.
  ///
  /// - Throws: `transfer.format` where there is none that can be written.
  static func format(for path: String, named name: String?) throws(Diagnostic) -> Format {
    let byName = Formats.format(ofPath: ShardPlan.basePath(of: path))
    guard let format = name.map({ Formats.named($0) }) ?? byName, format.isWritable else {
      let writable = Formats.all.filter(\.isWritable).map { "\($0.name) (\($0.extensions.joined(separator: ", ")))" }
      let meant = name.flatMap { name in Formats.all.first { $0.extensions.contains(".\(name)") }?.name }
      throw Diagnostic(
        "transfer.format", "'\(name ?? path)' names no format that can be written", at: Location(path),
        help: meant.map { "'.\(name ?? "")' is what names of the format \($0) end in" }
          ?? "formats: " + writable.joined(separator: ", "), category: .usage)
    }
    return format
  }

  /// Finds whether `path` names a checkpoint that can be written.
  ///
  /// - Throws: `transfer.format`.
  package static func checkName(_ path: String) throws(Diagnostic) { _ = try format(for: path, named: nil) }

  /// Finds whether tensors of `shapes` can be put into `blocks` in the checkpoint `path`, in general: that single ones
  /// do not fill them is no reason.
  ///
  /// - Throws: `transfer.blocks`.
  package static func check(_ blocks: BlockType, in path: String, for shapes: [Shape]) throws(Diagnostic) {
    guard let obstacle = blocks.obstacle(in: try format(for: path, named: nil), for: shapes) else { return }
    throw Diagnostic("transfer.blocks", obstacle.message, at: Location(path), help: obstacle.help, category: .usage)
  }

  /// Finds everything that can be wrong with a plan before a file is made.
  static func check(
    _ plan: WeightPlan, _ sources: WeightSources, _ memory: TransferMemory, for format: Format
  ) throws(Diagnostic) {
    var total = 0
    for tensor in plan.tensors {
      let type = tensor.expression.type
      guard type.shape == tensor.shape else {
        throw Diagnostic(
          "transfer.shape",
          "'\(tensor.name.shortened)' is planned as \(tensor.shape), but its values are \(type.shapeText)")
      }
      guard let count = tensor.shape.elementCount, tensor.dtype.byteCount(of: count) != nil,
        type.dtype == tensor.dtype || Cast(from: type.dtype, to: tensor.dtype) != nil
      else {
        throw Diagnostic(
          "transfer.cast", "'\(tensor.name.shortened)' of \(type) cannot become \(tensor.dtype) \(tensor.shape)")
      }
      try checkBlocks(of: tensor, sources, format)
      if case .fill(_, let dtype, _) = tensor.expression, Cast(from: .f64, to: dtype) == nil {
        throw Diagnostic("transfer.cast", "'\(tensor.name.shortened)' of \(dtype) cannot be filled with a number")
      }
      let (sum, overflow) = total.addingReportingOverflow(tensor.byteCount)
      guard !overflow else { throw Diagnostic("transfer.shape", "the plan's tensors together overflow 64 bits") }
      total = sum
      try tensor.expression.forEachSource { (source) throws(Diagnostic) in _ = try sources.index(of: source) }
      if tensor.alias == nil { try memory.check(tensor, sources) }
    }
  }

  /// Refuses blocks that do not fit a tensor, or that cannot be made.
  private static func checkBlocks(
    of tensor: PlannedTensor, _ sources: WeightSources, _ format: Format
  ) throws(Diagnostic) {
    guard let kind = tensor.blocks else { return }
    if let lack = kind.lack(in: format) {
      throw Diagnostic("transfer.blocks", lack.message, help: lack.help, category: .usage)
    }
    guard tensor.dtype == .f32, kind.fits(tensor.shape) else {
      throw Diagnostic(
        "transfer.blocks",
        "'\(tensor.name.shortened)' of \(tensor.dtype) \(tensor.shape) does not fill \(kind.rawValue), blocks of \(kind.elementCount) f32"
      )
    }
    let region = try sources.blockRegion(of: tensor)
    guard region != nil || kind.isMade else {
      throw Diagnostic("transfer.blocks", "'\(tensor.name.shortened)': \(kind.notMade)")
    }
  }

  static func checkOutput(_ path: String, isNoneOf files: some Sequence<MappedFile>) throws(Diagnostic) {
    guard files.contains(where: { $0.isSame(asFileAt: path) }) else { return }
    throw Diagnostic(
      "transfer.own-source", "'\(path)' is one of the files that it is made from", at: Location(path),
      help: "write to another name", category: .cannotCreate)
  }
}

extension PlannedTensor {
  /// The bytes of the tensor as it is written.
  package var byteCount: Int {
    shape.elementCount.flatMap { blocks?.byteCount(of: $0) ?? dtype.byteCount(of: $0) } ?? 0
  }
}

extension TensorDeclaration {
  /// What a writer is told of `planned`.
  init(_ planned: PlannedTensor) {
    self.init(
      name: planned.name, dtype: planned.dtype, shape: planned.shape, blocks: planned.blocks, alias: planned.alias,
      keys: planned.keys)
  }
}
