import GraftIR

/// How the model that a graph was made of sees the tensors of a file, where the graph tells.
struct ModelView: Sendable, Hashable {
  /// The entries that are the model's, by their numbers.
  let kept: [Int]
  /// Those among them that are matrices of whole bytes with rows and columns changed about.
  let turned: [Int]
  /// The entries that the graph alone needs.
  let omitted: [Int]
}

extension CheckpointReader {
  /// The tensors as the model has them that a graph in the file was made of: its own, and matrices as it has them. The
  /// checkpoint itself where the file holds no graph.
  public var asModel: any CheckpointReader {
    guard let base = self as? any LocatedCheckpoint, let view = base.modelView else { return self }
    return ModelCheckpoint(base, view)
  }

  /// Whether matrices lie as a graph in the file takes them, and not as the model has them.
  public var holdsTurnedMatrices: Bool { (self as? any LocatedCheckpoint)?.modelView?.turned.isEmpty == false }
}

/// The tensors of a file as the model has them that its graph was made of.
final class ModelCheckpoint: CheckpointReader, LocatedCheckpoint {
  let base: any LocatedCheckpoint
  let entries: [TensorEntry]
  /// For each entry, its number in `base`.
  private let indices: [Int]
  /// Whether each entry is turned.
  private let isTurned: [Bool]

  var format: String { base.format }
  var file: String { base.file }
  var byteCount: Int { base.byteCount }
  var metadata: [String: String] { base.metadata }
  var files: [MappedFile] { base.files }
  /// Who asks for a model wants its weights: nothing else is a loss.
  var omissions: [Omission] { base.omissions.map { Omission($0.text, isLoss: false) } }
  let notes: [String]

  /// `base` as `view` has it.
  init(_ base: any LocatedCheckpoint, _ view: ModelView) {
    let turned = Set(view.turned)
    self.base = base
    let omitted = view.omitted.prefix(4).map { base.entries[$0].name }
    notes =
      base.notes
      + (omitted.isEmpty
        ? []
        : [
          "\(counted(view.omitted.count, "constant")) of the graph in '\(base.file)' "
            + "\(view.omitted.count == 1 ? "is" : "are") none of the model's tensors: \(listed(omitted))"
        ])
    indices = view.kept
    isTurned = view.kept.map { index in
      precondition(!turned.contains(index) || base.entries[index].dtype.byteWidth != nil, "whole bytes are turned")
      return turned.contains(index)
    }
    entries = zip(view.kept, isTurned).map { index, isTurned in
      let entry = base.entries[index]
      guard isTurned else { return entry }
      return TensorEntry(path: entry.path, dtype: entry.dtype, shape: Shape(entry.shape.axes.reversed()))
    }
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    let whole = try base.tensor(at: indices[index])
    guard isTurned[index], let layout = layout(of: index) else { return whole }
    let tensor = Tensor(zeros: whole.dtype, entries[index].shape)
    withExtendedLifetime(whole) { layout.gather(from: whole.bytes.baseAddress, into: tensor.mutableBytes) }
    return tensor
  }

  func region(at index: Int) -> FileRegion? { isTurned[index] ? nil : base.region(at: indices[index]) }

  func arrangement(at index: Int) -> Arrangement {
    isTurned[index] ? .firstAxisFastest : base.arrangement(at: indices[index])
  }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    guard isTurned[index] else { return base.streamingByteCount(at: indices[index], inRunsOf: byteCount) }
    let isMapped = base.region(at: indices[index]) != nil
    return min(byteCount, entries[index].byteCount) + (isMapped ? 0 : 2 * entries[index].byteCount)
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard isTurned[index] else { return try base.stream(indices[index], inRunsOf: byteCount, body) }
    guard let layout = layout(of: index) else { return try tensor(at: index).forEachRun(of: byteCount, body) }
    let whole = try base.tensor(at: indices[index])
    let total = entries[index].byteCount
    let room = Storage(byteCount: min(byteCount, total))
    for start in stride(from: 0, to: total, by: byteCount) {
      let run = UnsafeMutableRawBufferPointer(start: room.start, count: min(byteCount, total - start))
      layout.gather(from: whole.bytes.baseAddress, first: start / layout.width, into: run)
      try body(UnsafeRawBufferPointer(run))
    }
    withExtendedLifetime(whole) {}
  }

  /// Where the turned matrix has its elements in the one of the file.
  private func layout(of index: Int) -> StridedLayout? {
    let axes = entries[index].shape.axes
    guard axes.count == 2, let width = entries[index].dtype.byteWidth else { return nil }
    return StridedLayout(sizes: axes, strides: [1, axes[0]], width: width)
  }
}
