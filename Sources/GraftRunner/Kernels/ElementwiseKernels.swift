import GraftIR
import GraftKernels

/// A function of one element.
enum UnaryOperation: Hashable {
  case neg, abs, exp, log, sqrt, rsqrt, sin, cos, tanh, erf, sigmoid, silu, softplus, relu, geluTanh, geluErf

  /// What the primitives of one element compute.
  private static let byPrimitive: [String: UnaryOperation] = [
    "Neg": .neg, "Abs": .abs, "Exp": .exp, "Log": .log, "Sqrt": .sqrt, "Rsqrt": .rsqrt, "Sin": .sin, "Cos": .cos,
    "Tanh": .tanh, "Erf": .erf, "Sigmoid": .sigmoid, "Silu": .silu, "Softplus": .softplus, "Relu": .relu,
    "Gelu": .geluErf,
  ]

  /// The primitives of one element.
  static var primitives: [String] { byPrimitive.keys.sorted() }

  /// What the node computes, or `nil` where it is no function of one element.
  init?(_ primitive: String, _ attributes: Attributes) {
    guard let operation = Self.byPrimitive[primitive] else { return nil }
    let isApproximate = attributes.text("approximate", default: "none") == "tanh"
    self = operation == .geluErf && isApproximate ? .geluTanh : operation
  }

  var code: graft_unary_op {
    switch self {
    case .neg: GRAFT_NEG
    case .abs: GRAFT_ABS
    case .exp: GRAFT_EXP
    case .log: GRAFT_LOG
    case .sqrt: GRAFT_SQRT
    case .rsqrt: GRAFT_RSQRT
    case .sin: GRAFT_SIN
    case .cos: GRAFT_COS
    case .tanh: GRAFT_TANH
    case .erf: GRAFT_ERF
    case .sigmoid: GRAFT_SIGMOID
    case .silu: GRAFT_SILU
    case .softplus: GRAFT_SOFTPLUS
    case .relu: GRAFT_RELU
    case .geluTanh: GRAFT_GELU_TANH
    case .geluErf: GRAFT_GELU_ERF
    }
  }
}

/// A function of two elements of one type.
package enum BinaryOperation: String, Hashable, CaseIterable {
  case add = "Add"
  case sub = "Sub"
  case mul = "Mul"
  case div = "Div"
  case pow = "Pow"
  case min = "Min"
  case max = "Max"

  var code: graft_binary_op {
    switch self {
    case .add: GRAFT_ADD
    case .sub: GRAFT_SUB
    case .mul: GRAFT_MUL
    case .div: GRAFT_DIV
    case .pow: GRAFT_POW
    case .min: GRAFT_MIN
    case .max: GRAFT_MAX
    }
  }
}

extension Kernel {
  /// `y[i] = f(x[i])`; f32.
  static func unary(_ primitive: String) -> Kernel {
    Kernel(primitive, traits: .inPlace) { request throws(Diagnostic) in
      try request.requireFloats()
      guard let operation = UnaryOperation(primitive, request.attributes) else {
        throw request.refusal("is no function of one element")
      }
      let isa = request.isa.variant
      let pool = request.pool
      let count = request.results[0].count
      return PreparedKernel { buffers in
        let x = buffers.input(0)
        let y = buffers.result()
        return {
          pool.parallel(count, grain: elementGrain) { range, _ in
            graft_unary(isa, operation.code, x + range.lowerBound, y + range.lowerBound, range.count)
          }
        }
      }
    }
  }

  /// `y = f(a, b)` with broadcasting; f32, i64 and i32.
  static func binary(_ operation: BinaryOperation) -> Kernel {
    Kernel(operation.rawValue, traits: .inPlace) { request throws(Diagnostic) in
      let dtype = request.inputs[0].dtype
      guard request.inputs[1].dtype == dtype, [.f32, .i64, .i32].contains(dtype), dtype == .f32 || operation != .pow
      else { throw request.refusal("works on \(dtype)") }
      let loop = BroadcastLoop(result: request.results[0].shape, operands: request.inputs.map(\.shape))
      let isa = request.isa.variant
      let pool = request.pool
      return PreparedKernel { buffers in
        let a = buffers.inputs[0]
        let b = buffers.inputs[1]
        let y = buffers.results[0]
        let (sa, sb) = (loop.step(0), loop.step(1))
        let divisors = UnsafeRawBufferPointer(start: b, count: request.inputs[1].byteCount)
        func requireDivisors() throws(Diagnostic) {
          guard operation == .div else { return }
          for index in 0..<request.inputs[1].count where dtype.loadInteger(index, from: divisors) == 0 {
            throw Diagnostic("Div.zero", "'b' holds a 0, by which no whole number is divided")
          }
        }
        if dtype == .i64 {
          return { () throws(Diagnostic) in
            try requireDivisors()
            loop.forEachRun(pool) { start, ia, ib, _, count in
              graft_binary_i64(
                operation.code, a.assumingMemoryBound(to: Int64.self) + ia, sa,
                b.assumingMemoryBound(to: Int64.self) + ib, sb, y.assumingMemoryBound(to: Int64.self) + start, count)
            }
          }
        }
        if dtype == .i32 {
          return { () throws(Diagnostic) in
            try requireDivisors()
            loop.forEachRun(pool) { start, ia, ib, _, count in
              graft_binary_i32(
                operation.code, a.assumingMemoryBound(to: Int32.self) + ia, sa,
                b.assumingMemoryBound(to: Int32.self) + ib, sb, y.assumingMemoryBound(to: Int32.self) + start, count)
            }
          }
        }
        return {
          loop.forEachRun(pool) { start, ia, ib, _, count in
            graft_binary(
              isa, operation.code, a.assumingMemoryBound(to: Float.self) + ia, sa,
              b.assumingMemoryBound(to: Float.self) + ib, sb, y.assumingMemoryBound(to: Float.self) + start, count)
          }
        }
      }
    }
  }

  /// A run of elementwise nodes, row by row. The first input holds what the first step works on.
  static let rowSteps = Kernel("RowSteps", traits: [.inPlace, .takesSteps]) { request throws(Diagnostic) in
    try request.requireFloats()
    let width = request.results[0].width
    let rows = width == 0 ? 0 : request.results[0].count / width
    let pool = request.pool
    return PreparedKernel { buffers in
      let steps = BoundRowSteps(request, buffers)
      let x = buffers.input(0)
      let y = buffers.result()
      return {
        pool.parallel(rows, grain: max(1, elementGrain / max(1, width))) { range, _ in
          steps.apply(from: x, to: y, width: width, rows: range, columns: 0..<width)
        }
      }
    }
  }

  /// A relation of two elements as `bool`; f32, i64 and i32.
  static func compare(_ primitive: String, _ relation: graft_compare_op) -> Kernel {
    let code = relation.rawValue
    return Kernel(primitive) { request throws(Diagnostic) in
      let relation = graft_compare_op(rawValue: code)
      let dtype = request.inputs[0].dtype
      guard request.inputs[1].dtype == dtype, [.f32, .i64, .i32].contains(dtype) else {
        throw request.refusal("compares \(dtype)")
      }
      let loop = BroadcastLoop(result: request.results[0].shape, operands: request.inputs.map(\.shape))
      let pool = request.pool
      return PreparedKernel { buffers in
        let a = buffers.inputs[0]
        let b = buffers.inputs[1]
        let y = buffers.results[0].assumingMemoryBound(to: UInt8.self)
        let (sa, sb) = (loop.step(0), loop.step(1))
        return {
          loop.forEachRun(pool) { start, ia, ib, _, count in
            if dtype == .i64 {
              graft_compare_i64(
                relation, a.assumingMemoryBound(to: Int64.self) + ia, sa, b.assumingMemoryBound(to: Int64.self) + ib,
                sb, y + start, count)
            } else if dtype == .i32 {
              graft_compare_i32(
                relation, a.assumingMemoryBound(to: Int32.self) + ia, sa, b.assumingMemoryBound(to: Int32.self) + ib,
                sb, y + start, count)
            } else {
              graft_compare(
                relation, a.assumingMemoryBound(to: Float.self) + ia, sa, b.assumingMemoryBound(to: Float.self) + ib,
                sb, y + start, count)
            }
          }
        }
      }
    }
  }

  /// One of two elements, as a third says; elements of 1, 4 or 8 bytes.
  static let select = Kernel("Where") { request throws(Diagnostic) in
    let size = request.results[0].dtype.byteWidth ?? 0
    guard request.inputs[0].dtype == .bool, [1, 4, 8].contains(size) else {
      throw request.refusal("works on \(request.results[0].dtype)")
    }
    let loop = BroadcastLoop(result: request.results[0].shape, operands: request.inputs.map(\.shape))
    let pool = request.pool
    return PreparedKernel { buffers in
      let condition = buffers.inputs[0].assumingMemoryBound(to: UInt8.self)
      let a = buffers.inputs[1]
      let b = buffers.inputs[2]
      let y = buffers.results[0]
      return {
        loop.forEachRun(pool) { start, ic, ia, ib, count in
          graft_where(
            size, condition + ic, loop.step(0), a + ia * size, loop.step(1), b + ib * size, loop.step(2),
            y + start * size, count)
        }
      }
    }
  }
}
