import GraftIR

/// A tensor as sizes and strides over a storage's bytes, checked to lie inside them.
struct StridedView: Sendable {
  let dtype: DType
  /// Of the tensor that comes out; a packed type has twice the elements that torch counts.
  let shape: Shape
  /// The first element's place in the file.
  let offsetInBytes: Int
  let isContiguous: Bool
  private let sizes: [Int]
  /// In elements of `width` bytes.
  private let strides: [Int]
  private let width: Int

  /// The view that `tensor` describes of `storage`, whose bytes are `bytes` of the file.
  init(
    _ tensor: Pickle.TensorReference, of storage: Pickle.StorageReference, at bytes: Range<Int>, _ place: Location
  ) throws(Diagnostic) {
    var name: String { (place.tensor ?? "").shortened }  // Only worked out for a message.
    let dtypeName = tensor.dtypeName ?? storage.typeName
    guard let dtype = tensor.dtypeName.map({ PyTorchTypes.dtypes[$0] }) ?? storage.dtype else {
      throw Diagnostic("pytorch.dtype", "'\(name)' is of '\(dtypeName)', which is not read", at: place)
    }
    let width = dtype.byteWidth ?? 1
    let available = bytes.count / width
    guard let count = Shape(tensor.sizes).elementCount, count.multipliedReportingOverflow(by: width).overflow == false
    else { throw Diagnostic("pytorch.tensor-size", "the sizes \(tensor.sizes) of '\(name)' overflow", at: place) }
    guard tensor.offset >= 0, tensor.offset <= available else {
      throw Diagnostic(
        "pytorch.tensor-range", "'\(name)' starts at element \(tensor.offset) of a storage of \(available)", at: place)
    }
    if count > 0 {
      var last = tensor.offset
      for (size, stride) in zip(tensor.sizes, tensor.strides) {
        let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
        let (sum, tooFar) = last.addingReportingOverflow(reach)
        guard !overflow, !tooFar else {
          throw Diagnostic("pytorch.tensor-range", "the strides \(tensor.strides) of '\(name)' overflow", at: place)
        }
        last = sum
      }
      guard last < available else {
        throw Diagnostic(
          "pytorch.tensor-range", "'\(name)' reaches element \(last) of a storage of \(available)", at: place)
      }
      guard count <= PyTorchReader.expansionFloor || count / PyTorchReader.expansionLimit <= available else {
        throw Diagnostic(
          "pytorch.tensor-size",
          "'\(name)' has \(count) elements, over \(PyTorchReader.expansionLimit) times the \(available) of its storage",
          at: place)
      }
    }
    isContiguous = Self.isContiguous(tensor.sizes, tensor.strides)
    if dtype == .f4 {
      var axes = tensor.sizes
      guard let last = axes.popLast(), last <= Int.max / 2 / max(1, count) else {
        throw Diagnostic("pytorch.dtype", "'\(name)' is packed, but has no axis along which it is", at: place)
      }
      shape = Shape(axes + [2 * last])
    } else {
      shape = Shape(tensor.sizes)
    }
    self.dtype = dtype
    self.width = width
    sizes = tensor.sizes
    strides = tensor.strides
    offsetInBytes = bytes.lowerBound + tensor.offset * width
  }

  /// Whether elements follow each other; the stride of an axis of size 1 may be anything.
  private static func isContiguous(_ sizes: [Int], _ strides: [Int]) -> Bool {
    if sizes.contains(0) { return true }
    var expected = 1
    for (size, stride) in zip(sizes, strides).reversed() where size != 1 {
      if stride != expected { return false }
      expected *= size
    }
    return true
  }

  /// Copies the elements out of `source`, the whole file, into `target`, row by row.
  func gather(from source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
    guard let to = target.baseAddress, let from = source.baseAddress, !target.isEmpty else { return }
    let source = from + offsetInBytes
    var index = [Int](repeating: 0, count: sizes.count)
    let inner = sizes.last ?? 1
    let step = (strides.last ?? 1) * width
    var row = source
    var out = to
    while true {
      var element = row
      for _ in 0..<inner {
        out.copyMemory(from: element, byteCount: width)
        out += width
        element += step
      }
      var axis = sizes.count - 2
      while axis >= 0 {
        index[axis] += 1
        row += strides[axis] * width
        if index[axis] < sizes[axis] { break }
        row -= strides[axis] * width * sizes[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

/// Turns big-endian elements around; the two parts of a complex number each on their own.
func swapBytes(of dtype: DType, in bytes: UnsafeMutableRawBufferPointer) {
  let width =
    switch dtype {
    case .c64, .c128: dtype.bitWidth / 16
    default: dtype.bitWidth / 8
    }
  switch width {
  case 2: swapBytes(UInt16.self, in: bytes)
  case 4: swapBytes(UInt32.self, in: bytes)
  case 8: swapBytes(UInt64.self, in: bytes)
  default: break
  }
}

private func swapBytes<Element: FixedWidthInteger & BitwiseCopyable>(
  _ type: Element.Type, in bytes: UnsafeMutableRawBufferPointer
) {
  for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size) {
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: Element.self)
    bytes.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: Element.self)
  }
}
