/// A walk over all elements of a shape in row-major order, following tensors that are laid out by other strides.
///
/// Axes of one element vanish and neighbouring axes that every tensor crosses in equal steps become one, so that rows
/// are as long as they can be: what is done once for a row costs little.
package struct StridedWalk {
  /// The number of elements of a row.
  package private(set) var rowLength = 1
  /// For each tensor, the elements from one element of a row to the next.
  package private(set) var steps: [Int]
  private var outer: [(size: Int, strides: [Int])] = []
  private let isEmpty: Bool

  /// A walk over `shape`; `strides` holds for each tensor the elements from one index of each axis to the next.
  package init(_ shape: Shape, _ strides: [[Int]]) {
    isEmpty = shape.axes.contains(0)
    steps = strides.map { _ in 0 }
    if isEmpty { return }
    for axis in shape.axes.indices.reversed() where shape.axes[axis] != 1 {
      let here = strides.map { $0[axis] }
      if rowLength == 1 {
        (rowLength, steps) = (shape.axes[axis], here)
      } else if outer.isEmpty, zip(here, steps).allSatisfy({ $0 == $1 * rowLength }) {
        rowLength *= shape.axes[axis]
      } else if let last = outer.last, zip(here, last.strides).allSatisfy({ $0 == $1 * last.size }) {
        outer[outer.count - 1].size *= shape.axes[axis]
      } else {
        outer.append((shape.axes[axis], here))
      }
    }
  }

  /// Calls `body` for each row with the number of its first element, and the place of that element in each tensor.
  package func forEachRow(_ body: (_ start: Int, _ places: [Int]) -> Void) {
    if isEmpty { return }
    var places = steps.map { _ in 0 }
    var index = outer.map { _ in 0 }
    var start = 0
    while true {
      body(start, places)
      start += rowLength
      var axis = 0  // `outer` holds the innermost axis first.
      while axis < outer.count {
        index[axis] += 1
        for tensor in places.indices { places[tensor] += outer[axis].strides[tensor] }
        if index[axis] < outer[axis].size { break }
        for tensor in places.indices { places[tensor] -= outer[axis].strides[tensor] * outer[axis].size }
        index[axis] = 0
        axis += 1
      }
      if axis == outer.count { return }
    }
  }
}

extension Tensor {
  /// The tensor whose element at (i, j, ...) is this one's element number `offset + i * strides[0] + j * strides[1]
  /// + ...`, bit for bit. Elements must fill whole bytes.
  func picked(_ shape: Shape, strides: [Int], from offset: Int = 0) -> Tensor {
    switch dtype.byteWidth {
    case 1: picked(shape, strides, offset, as: UInt8.self)
    case 2: picked(shape, strides, offset, as: UInt16.self)
    case 4: picked(shape, strides, offset, as: UInt32.self)
    case 8: picked(shape, strides, offset, as: UInt64.self)
    case 16: picked(shape, strides, offset, as: SIMD2<UInt64>.self)
    default: preconditionFailure("elements of \(dtype) share bytes")
    }
  }

  private func picked<Element: BitwiseCopyable>(
    _ shape: Shape, _ strides: [Int], _ offset: Int, as type: Element.Type
  ) -> Tensor {
    let result = Tensor(zeros: dtype, shape)
    let (source, target) = (bytes, result.mutableBytes)
    let width = MemoryLayout<Element>.size
    let walk = StridedWalk(shape, [strides])
    let step = walk.steps[0]
    walk.forEachRow { start, places in
      let place = offset + places[0]
      for index in 0..<walk.rowLength {
        let element = source.loadUnaligned(fromByteOffset: (place + index * step) * width, as: type)
        target.storeBytes(of: element, toByteOffset: (start + index) * width, as: type)
      }
    }
    return result
  }
}
