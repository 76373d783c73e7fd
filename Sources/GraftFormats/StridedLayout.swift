import GraftIR

/// How the elements of a tensor lie in a run of memory that may hold others too.
struct StridedLayout: Sendable, Hashable {
  /// The most that a layout may repeat its elements, so that a small file does not unfold to terabytes.
  static let expansionLimit = 16
  /// Elements that a layout may always have.
  static let expansionFloor = 65_536

  let sizes: [Int]
  /// In elements of `width` bytes.
  let strides: [Int]
  let width: Int
  /// The number of elements.
  let count: Int
  /// The elements from the first one to the last, both included; 0 where there are none.
  let reach: Int

  /// A layout of elements of `width` bytes, or `nil` where numbers are negative, differ in number, or overflow.
  init?(sizes: [Int], strides: [Int], width: Int) {
    guard sizes.count == strides.count, sizes.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }),
      let count = Shape(sizes).elementCount, !count.multipliedReportingOverflow(by: width).overflow
    else { return nil }
    var last = 0
    if count > 0 {
      for (size, stride) in zip(sizes, strides) {
        let (span, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
        let (sum, tooFar) = last.addingReportingOverflow(span)
        guard !overflow, !tooFar, sum < Int.max else { return nil }
        last = sum
      }
    }
    self.sizes = sizes
    self.strides = strides
    self.width = width
    self.count = count
    reach = count > 0 ? last + 1 : 0
  }

  /// Whether the elements lie inside a run of `available`, from element `offset` on, and do not repeat it without end.
  func fits(offset: Int, available: Int) -> Bool {
    offset >= 0 && offset <= available && reach <= available - offset && isModest(available: available)
  }

  /// Whether the elements are not far more than the run of `available` that they show.
  func isModest(available: Int) -> Bool {
    count <= Self.expansionFloor || count / Self.expansionLimit <= available
  }

  /// Whether elements follow each other; the stride of an axis of size 1 may be anything.
  var isContiguous: Bool {
    if count == 0 { return true }
    var expected = 1
    for (size, stride) in zip(sizes, strides).reversed() where size != 1 {
      if stride != expected { return false }
      expected *= size
    }
    return true
  }

  /// Copies elements into `target` until that is full, row by row, from element `first` on. The layout's first element
  /// is at `source`.
  func gather(from source: UnsafeRawPointer?, first: Int = 0, into target: UnsafeMutableRawBufferPointer) {
    guard let to = target.baseAddress, let source, count > 0, target.count >= width else { return }
    var index = [Int](repeating: 0, count: sizes.count)
    var rest = first
    var row = source
    for axis in sizes.indices.reversed() {
      index[axis] = rest % sizes[axis]
      rest /= sizes[axis]
      row += index[axis] * strides[axis] * width
    }
    let inner = sizes.last ?? 1
    let step = (strides.last ?? 1) * width
    var start = index.last ?? 0  // Where in the first row the run begins; `row` is there already.
    var out = to
    var left = min(target.count / width, count - first)
    while left > 0 {
      let length = min(inner - start, left)
      if step == width {
        out.copyMemory(from: row, byteCount: length * width)
        out += length * width
      } else {
        var element = row
        for _ in 0..<length {
          out.copyMemory(from: element, byteCount: width)
          out += width
          element += step
        }
      }
      left -= length
      row -= start * step
      start = 0
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
