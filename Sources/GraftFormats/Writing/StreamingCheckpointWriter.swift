import GraftIR

/// What a writer is told before the first tensor.
struct WriterRequest {
  let output: OutputFile
  let declarations: [TensorDeclaration]
  let metadata: [String: String]
  /// Names of metadata that are known only when all tensors are written: texts of exactly 64 bytes.
  let deferred: [String]
  /// The bytes of each of these.
  static let deferredByteCount = 64
  /// What stands in a file for a text that is not known yet.
  static let deferredPlaceholder = String(repeating: "0", count: deferredByteCount)
  /// The dictionary key that the tensors go under, where the format has dictionaries.
  let key: String?
  /// The second file of the checkpoint, where its format says that there is one.
  var companion: OutputFile?
  /// Which of several files it is, where there are several.
  var shard: Shard?

  /// One of several files.
  struct Shard {
    /// From 0 on.
    let number: Int
    let count: Int
    /// The tensors of all files.
    let tensorCount: Int
  }
}

/// A writer that takes a tensor in pieces, or as a region of another file.
///
/// A tensor that an earlier process wrote is passed over in `output` instead of being appended, between `begin` and
/// `end`; the writer gets the `seal` that it had then.
protocol StreamingCheckpointWriter: CheckpointWriter {
  /// The file that the tensor goes to which has begun, or `nil` where tensors cannot be passed over.
  var output: OutputFile? { get }
  /// What the writer keeps of the bytes of the tensor that has begun, such as a checksum; 0 where it keeps nothing.
  var seal: UInt32 { get set }
  /// The bytes that the `byteCount` bytes of the tensor which has begun take in `output`.
  func outputByteCount(of byteCount: Int) -> Int
  /// Starts the next tensor of `order`.
  func begin() throws(Diagnostic)
  /// Adds `chunk` to the tensor.
  func append(_ chunk: UnsafeRawBufferPointer) throws(Diagnostic)
  /// Adds the bytes of `region` to the tensor.
  func append(copying region: FileRegion) throws(Diagnostic)
  /// Ends the tensor, all of whose bytes have come.
  func end() throws(Diagnostic)
  /// Writes what follows the last tensor, and the metadata that were deferred.
  func finish(deferred: [String: String]) throws(Diagnostic)
}

extension StreamingCheckpointWriter {
  var output: OutputFile? { nil }

  var seal: UInt32 {
    get { 0 }
    set {}
  }

  func outputByteCount(of byteCount: Int) -> Int { byteCount }

  func write(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic) {
    try begin()
    try append(bytes)
    try end()
  }

  func finish() throws(Diagnostic) { try finish(deferred: [:]) }
}

/// What holds for the tensors of a file together.
enum Declarations {
  /// What `declarations` fill together; an alias fills nothing.
  static func byteCount(of declarations: [TensorDeclaration]) -> Int {
    declarations.reduce(0) { $0 &+ ($1.alias == nil ? $1.byteCount : 0) }
  }

  /// Refuses names that stand twice.
  static func checkNames(_ declarations: [TensorDeclaration]) throws(Diagnostic) {
    var names: Set<String> = []
    for declaration in declarations where !names.insert(declaration.name).inserted {
      throw Diagnostic("transfer.duplicate-name", "two tensors are called '\(declaration.name.shortened)'")
    }
  }

  /// Makes sure that aliases show what is there; a caller's mistake otherwise.
  static func checkAliases(_ declarations: [TensorDeclaration]) {
    for declaration in declarations {
      guard let alias = declaration.alias else { continue }
      precondition(declarations.indices.contains(alias.target), "an alias shows a tensor that is declared")
      let target = declarations[alias.target]
      precondition(target.alias == nil && target.dtype == declaration.dtype, "an alias shows a tensor of its own type")
      if alias.isWhole(declaration.shape, ofTarget: target.shape) { continue }
      guard let width = declaration.dtype.byteWidth,
        let layout = StridedLayout(sizes: declaration.shape.axes, strides: alias.strides, width: width)
      else { preconditionFailure("an alias has sizes and strides of whole bytes") }
      precondition(
        layout.fits(offset: alias.offset, available: target.byteCount / width), "an alias lies inside what it shows")
    }
  }
}
