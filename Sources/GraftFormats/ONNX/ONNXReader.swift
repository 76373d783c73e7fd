import GraftIR

/// An open ONNX file: the weights of its graphs. What the graphs do with them is no part of a checkpoint.
final class ONNXReader: CheckpointReader, LocatedCheckpoint {
  static let formatName = "onnx"
  /// What the files that graft writes say of who did.
  static let producer = "graft"
  /// The metadata of a graph that list what the exported model holds.
  private static let signatureKey = "pkg.torch.export.ExportedProgram.graph_signature"

  let format = ONNXReader.formatName
  let entries: [TensorEntry]
  let metadata: [String: String]
  let notes: [String]
  let omissions: [Omission]
  let files: [MappedFile]
  let modelView: ModelView?
  private let mapped: MappedFile
  private let tensors: [ONNXTensor]

  var file: String { mapped.path }
  var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

  /// Reads everything of `mapped` but the data of its tensors.
  ///
  /// - Throws: rules of the page `onnx`.
  init(_ mapped: MappedFile) throws(Diagnostic) {
    let model = try ONNXModel(mapped)
    let initializers = model.tensors[..<model.initializerCount]
    let signature = ONNXNames.signature(model.graphMetadata[Self.signatureKey])
    let taken = Set(model.tensors[model.initializerCount...].map(\.name))
    let names = ONNXNames(initializers, model.uses, signature: signature, taken: taken)
    var metadata = model.metadata
    let unnamed = metadata.removeValue(forKey: ONNXWriter.unnamedKey)
    self.mapped = mapped
    self.metadata = metadata
    files = model.files
    let count = model.tensors.count
    tensors = model.tensors + names.copies.map { model.tensors[$0.index].named($0.name) }
    entries = tensors.enumerated().map { index, tensor in
      let name = tensor.name == unnamed ? "" : names.recovered[index] ?? tensor.name
      return TensorEntry(path: [name], dtype: tensor.dtype, shape: tensor.shape)
    }
    let turnedCopies = names.copies.indices.filter { names.copies[$0].isTurned }.map { count + $0 }
    let view = ModelView(
      kept: names.kept + Array(count..<tensors.count), turned: names.turned.sorted() + turnedCopies,
      omitted: names.unknown + Array(model.initializerCount..<count))
    modelView = model.nodeCount == 0 ? nil : view
    notes = Self.notes(model, names, turnedCount: view.turned.count)
    omissions = Self.omissions(model)
  }

  private static func notes(_ model: ONNXModel, _ names: ONNXNames, turnedCount: Int) -> [String] {
    var notes: [String] = []
    let recovered = names.recovered
    if !recovered.isEmpty {
      let examples = recovered.keys.sorted().prefix(2).map { index in
        "'\(model.tensors[index].name.shortened)' is '\((recovered[index] ?? "").shortened)'"
      }
      notes.append(
        "\(counted(recovered.count, "tensor")) that the exporter numbered \(recovered.count == 1 ? "is" : "are") called by "
          + "the modules of their nodes: \(examples.joined(separator: ", "))\(recovered.count > 2 ? ", ..." : "")")
    }
    if let first = names.missing.first {
      notes.append(
        "\(counted(names.missing.count, "tensor")) of the exported program, such as '\(first.shortened)', "
          + "\(names.missing.count == 1 ? "is" : "are") not in the graph: what the exporter folded them into has other "
          + "values than the model")
    }
    let copyCount = names.copies.count + model.uses.copies.count
    if copyCount > 0 {
      notes.append(
        "\(counted(copyCount, "tensor")) that the exporter keeps once with equal ones \(copyCount == 1 ? "is" : "are") listed by name"
      )
    }
    if turnedCount > 0 {
      notes.append(
        "\(counted(turnedCount, "weight")) of MatMul \(turnedCount == 1 ? "is" : "are") transposed, (in, out) where the model "
          + "has (out, in), to which --layout MODEL and grafts turn them")
    }
    return notes
  }

  private static func omissions(_ model: ONNXModel) -> [Omission] {
    var omissions: [Omission] = []
    if model.nodeCount > 0 { omissions.append(Omission("the graph of \(counted(model.nodeCount, "node"))")) }
    if model.omittedTextCount > 0 {
      omissions.append(Omission(counted(model.omittedTextCount, "constant") + " of texts"))
    }
    if model.hasTraining { omissions.append(Omission("the graphs for training")) }
    return omissions
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor {
    let entry = entries[index]
    switch tensors[index].source {
    case .region(let region):
      return Tensor(entry.dtype, entry.shape, storage: region.file.storage, offsetInBytes: region.offset)
    case .numbers(let numbers):
      let tensor = Tensor(zeros: entry.dtype, entry.shape)
      var filled = 0
      try numbers.forEachRun(of: 1 << 20, total: entry.byteCount) { (run) throws(Diagnostic) in
        UnsafeMutableRawBufferPointer(rebasing: tensor.mutableBytes[filled...]).copyMemory(from: run)
        filled += run.count
      }
      return tensor
    }
  }

  func region(at index: Int) -> FileRegion? {
    switch tensors[index].source {
    case .region(let region): region
    case .numbers: nil
    }
  }

  func arrangement(at index: Int) -> Arrangement { region(at: index) == nil ? .compressed : .plain }

  func streamingByteCount(at index: Int, inRunsOf byteCount: Int) -> Int {
    region(at: index) == nil ? min(byteCount, entries[index].byteCount) : 0
  }

  func stream(
    _ index: Int, inRunsOf byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    switch tensors[index].source {
    case .region: try tensor(at: index).forEachRun(of: byteCount, body)
    case .numbers(let numbers):
      try numbers.forEachRun(of: byteCount, total: entries[index].byteCount, body)
    }
  }
}
