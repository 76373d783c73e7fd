import GraftIR
import GraftKernels

/// A copy of a strided box of elements.
private struct StridedCopy {
  var sizes: [Int] = []
  var source: [Int] = []
  var target: [Int] = []
  let elementSize: Int
  let sourceOffset: Int
  let targetOffset: Int

  /// Neighbouring axes that step as one are made one.
  init(
    _ sizes: [Int], source: [Int], target: [Int], elementSize: Int, sourceOffset: Int = 0, targetOffset: Int = 0
  ) {
    self.elementSize = elementSize
    self.sourceOffset = sourceOffset
    self.targetOffset = targetOffset
    for axis in sizes.indices where sizes[axis] != 1 {
      let size = sizes[axis]
      if let last = self.sizes.indices.last, self.source[last] == source[axis] * size,
        self.target[last] == target[axis] * size
      {
        self.sizes[last] *= size
        self.source[last] = source[axis]
        self.target[last] = target[axis]
        continue
      }
      self.sizes.append(size)
      self.source.append(source[axis])
      self.target.append(target[axis])
    }
    if self.sizes.isEmpty { (self.sizes, self.source, self.target) = ([1], [1], [1]) }
  }

  func run(_ pool: ThreadPool, from: UnsafeMutableRawPointer, to: UnsafeMutableRawPointer) {
    if sizes.contains(0) { return }
    let source = self.source
    let target = self.target
    if sizes.count == 1 {
      let (step, targetStep) = (source[0], target[0])
      pool.parallel(sizes[0], grain: elementGrain) { range, _ in
        graft_copy_strided(
          elementSize, 1, [range.count], from + (sourceOffset + range.lowerBound * step) * elementSize, [step],
          to + (targetOffset + range.lowerBound * targetStep) * elementSize, [targetStep], 0, 1)
      }
      return
    }
    let rows = sizes.dropLast().reduce(1, *)
    let grain = max(1, elementGrain / sizes[sizes.count - 1])
    pool.parallel(rows, grain: grain) { range, _ in
      graft_copy_strided(
        elementSize, sizes.count, sizes, from + sourceOffset * elementSize, source, to + targetOffset * elementSize,
        target, range.lowerBound, range.upperBound)
    }
  }
}

extension KernelRequest {
  fileprivate func elementSize() throws(Diagnostic) -> Int {
    guard let size = results.first?.dtype.byteWidth, [1, 2, 4, 8].contains(size) else {
      throw refusal("moves \(results.first?.dtype ?? .c128)")
    }
    return size
  }
}

extension Kernel {
  private static func copies(
    _ primitive: String,
    _ plan: @escaping @Sendable (KernelRequest, Int) -> [(copy: StridedCopy, input: Int, result: Int)]
  ) -> Kernel {
    Kernel(primitive) { request throws(Diagnostic) in
      let copies = plan(request, try request.elementSize())
      let pool = request.pool
      return PreparedKernel { buffers in
        return {
          for item in copies {
            item.copy.run(pool, from: buffers.inputs[item.input], to: buffers.results[item.result])
          }
        }
      }
    }
  }

  /// The same elements under another shape. A plan lets it alias its input; this runs where it cannot.
  static let reshape = copies("Reshape") { request, size in
    [(StridedCopy([request.results[0].count], source: [1], target: [1], elementSize: size), 0, 0)]
  }

  static let transpose = copies("Transpose") { request, size in
    let strides = request.inputs[0].shape.strides
    let result = request.results[0].shape
    return [
      (
        StridedCopy(
          result.axes, source: request.attributes.ints("perm").map { strides[$0] }, target: result.strides,
          elementSize: size), 0, 0
      )
    ]
  }

  static let expand = copies("Expand") { request, size in
    let result = request.results[0].shape
    return [
      (
        StridedCopy(
          result.axes, source: request.inputs[0].shape.strides(over: result), target: result.strides,
          elementSize: size),
        0, 0
      )
    ]
  }

  static let slice = copies("Slice") { request, size in
    let (x, result) = (request.inputs[0].shape, request.results[0].shape)
    let axis = x.resolved(request.attributes.int("axis"))
    return [
      (
        StridedCopy(
          result.axes, source: x.strides, target: result.strides, elementSize: size,
          sourceOffset: request.size("start") * x.strides[axis]), 0, 0
      )
    ]
  }

  static let split = copies("Split") { request, size in
    let x = request.inputs[0].shape
    let axis = x.resolved(request.attributes.int("axis"))
    var start = 0
    var list: [(copy: StridedCopy, input: Int, result: Int)] = []
    for (index, result) in request.results.enumerated() {
      list.append(
        (
          StridedCopy(
            result.shape.axes, source: x.strides, target: result.shape.strides, elementSize: size,
            sourceOffset: start * x.strides[axis]), 0, index
        ))
      start += result.shape.axes[axis]
    }
    return list
  }

  static let concat = copies("Concat") { request, size in
    let result = request.results[0].shape
    let axis = result.resolved(request.attributes.int("axis"))
    var start = 0
    var list: [(copy: StridedCopy, input: Int, result: Int)] = []
    for (index, x) in request.inputs.enumerated() {
      list.append(
        (
          StridedCopy(
            x.shape.axes, source: x.shape.strides, target: result.strides, elementSize: size,
            targetOffset: start * result.strides[axis]), index, 0
        ))
      start += x.shape.axes[axis]
    }
    return list
  }

  static let reverse = copies("Reverse") { request, size in
    let shape = request.results[0].shape
    let axis = shape.resolved(request.attributes.int("axis"))
    var source = shape.strides
    let last = max(0, shape.axes[axis] - 1) * source[axis]
    source[axis] = -source[axis]
    return [
      (StridedCopy(shape.axes, source: source, target: shape.strides, elementSize: size, sourceOffset: last), 0, 0)
    ]
  }

  /// The input with a number before and after it along an axis; f32, f64 and whole numbers.
  static let pad = Kernel("Pad") { request throws(Diagnostic) in
    let size = try request.elementSize()
    let (x, result) = (request.inputs[0].shape, request.results[0].shape)
    let dtype = request.results[0].dtype
    guard size != 2 || dtype.isInteger else { throw request.refusal("pads \(dtype)") }
    let axis = x.resolved(request.attributes.int("axis"))
    let copy = StridedCopy(
      x.axes, source: x.strides, target: result.strides, elementSize: size,
      targetOffset: request.attributes.int("before") * result.strides[axis])
    let filling = Tensor(dtype, [1], doubles: [request.attributes.float("value")])
    let fill = StridedCopy(result.axes, source: result.axes.map { _ in 0 }, target: result.strides, elementSize: size)
    let pool = request.pool
    return PreparedKernel { buffers in
      return {
        fill.run(pool, from: filling.mutableBytes.baseAddress ?? buffers.inputs[0], to: buffers.results[0])
        copy.run(pool, from: buffers.inputs[0], to: buffers.results[0])
      }
    }
  }

  /// Rows of a table, by number.
  static let gather = Kernel("Gather") { request throws(Diagnostic) in
    let table = request.inputs[0].shape
    let rows = table.axes[0]
    let indices = request.inputs[1]
    guard let element = indices.dtype.element, indices.dtype.isInteger else {
      throw request.refusal("is indexed by \(indices.dtype)")
    }
    guard let size = request.inputs[0].dtype.byteWidth else {
      throw request.refusal("moves \(request.inputs[0].dtype)")
    }
    let rowSize = table.axes.dropFirst().reduce(1, *) * size
    return PreparedKernel { buffers in
      let index = UnsafeRawBufferPointer(start: buffers.inputs[1], count: indices.byteCount)
      return { () throws(Diagnostic) in
        let wrong = graft_gather(
          buffers.inputs[0], rows, rowSize, element, buffers.inputs[1], indices.count, buffers.results[0])
        if wrong >= 0 {
          throw Diagnostic(
            "run.index",
            "index \(indices.dtype.loadInteger(wrong, from: index)) at place \(wrong) is none of the table's \(rows) rows"
          )
        }
      }
    }
  }

  /// The same numbers in another type; to f32, f64, whole numbers and bool.
  static let cast = Kernel("Cast") { request throws(Diagnostic) in
    let (from, to) = (request.inputs[0].dtype, request.results[0].dtype)
    guard let source = from.element, let target = to.element, let width = from.byteWidth, let ownWidth = to.byteWidth,
      to != .f16, to != .bf16
    else { throw request.refusal("turns \(from) into \(to)") }
    let count = request.results[0].count
    let pool = request.pool
    return PreparedKernel { buffers in
      return {
        pool.parallel(count, grain: elementGrain) { range, _ in
          _ = graft_convert(
            source, buffers.inputs[0] + range.lowerBound * width, target,
            buffers.results[0] + range.lowerBound * ownWidth, range.count)
        }
      }
    }
  }

  /// Numbers written in the program, copied once when the plan is made.
  static let constant = Kernel("Constant") { request throws(Diagnostic) in
    let operand = request.results[0]
    guard operand.dtype.byteWidth != nil, operand.dtype != .c64, operand.dtype != .c128 else {
      throw request.refusal("holds \(operand.dtype)")
    }
    let values = request.attributes.floats("values")
    if values.count == 1 {
      return PreparedKernel { buffers in
        return {
          let bytes = UnsafeMutableRawBufferPointer(start: buffers.results[0], count: operand.byteCount)
          for index in 0..<operand.count { operand.dtype.store(values[0], index, in: bytes) }
        }
      }
    }
    let tensor = Tensor(operand.dtype, operand.shape, doubles: values)
    return PreparedKernel { buffers in
      return {
        buffers.results[0].copyMemory(
          from: tensor.bytes.baseAddress ?? UnsafeRawPointer(buffers.results[0]), byteCount: tensor.byteCount)
      }
    }
  }

  /// 0, 1, 2, ..., written once when the plan is made.
  static let iota = Kernel("Iota") { request throws(Diagnostic) in
    let operand = request.results[0]
    guard operand.dtype.byteWidth != nil, operand.dtype.isInteger || operand.dtype.isFloatingPoint else {
      throw request.refusal("counts in \(operand.dtype)")
    }
    return PreparedKernel { buffers in
      return {
        let bytes = UnsafeMutableRawBufferPointer(start: buffers.results[0], count: operand.byteCount)
        for index in 0..<operand.count { operand.dtype.store(Double(index), index, in: bytes) }
      }
    }
  }
}

extension DType {
  /// The type as the loops name it, or `nil` where they do not know it.
  var element: graft_element? {
    switch self {
    case .bool: GRAFT_BOOL
    case .u8: GRAFT_U8
    case .i8: GRAFT_I8
    case .u16: GRAFT_U16
    case .i16: GRAFT_I16
    case .u32: GRAFT_U32
    case .i32: GRAFT_I32
    case .u64: GRAFT_U64
    case .i64: GRAFT_I64
    case .f16: GRAFT_F16
    case .bf16: GRAFT_BF16
    case .f32: GRAFT_F32
    case .f64: GRAFT_F64
    case .c64, .c128, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f6e2m3, .f6e3m2, .f4: nil
    }
  }
}
