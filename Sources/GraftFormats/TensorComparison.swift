import GraftIR
import GraftKernels

/// How far apart two tensors of one shape are.
struct TensorComparison: Sendable, Hashable {
  /// The largest difference of two elements, NaN where one is.
  var largest = 0.0
  /// The squares of all differences, added up.
  var square = 0.0
  /// The squares of the first tensor's elements, added up.
  var norm = 0.0
  /// Elements that differ by more than is allowed.
  var farCount = 0

  /// The norm of the difference over the norm of the first; the difference's own where that is 0.
  var relativeL2: Double { norm == 0 ? square.squareRoot() : (square / norm).squareRoot() }

  /// Elements that are brought into a common type together. Whole bytes in every type.
  private static let block = 4096

  /// Nothing compared yet.
  init() {}

  /// Adds `other`, of other elements.
  static func += (sum: inout TensorComparison, other: TensorComparison) {
    sum.largest = other.largest > sum.largest || other.largest.isNaN ? other.largest : sum.largest
    sum.square += other.square
    sum.norm += other.norm
    sum.farCount += other.farCount
  }

  /// Compares all elements, each part of a complex number for itself. Two NaN are equal; other elements may differ by
  /// `absolute` plus `relative` times the larger one.
  init(_ x: Tensor, _ y: Tensor, relative: Double = 0, absolute: Double = 0) {
    precondition(x.shape == y.shape, "tensors of one shape are compared")
    self.init()
    let (x, y) = x.isComplex && y.isComplex ? (x.components, y.components) : (x, y)
    let count = x.elementCount
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * Self.block) { room in
      let all = UnsafeMutableRawBufferPointer(room)
      let first = UnsafeMutableRawBufferPointer(rebasing: all[..<(8 * Self.block)])
      let second = UnsafeMutableRawBufferPointer(rebasing: all[(8 * Self.block)...])
      for start in stride(from: 0, to: count, by: Self.block) {
        let run = min(Self.block, count - start)
        if x.dtype.isInteger && y.dtype.isInteger {
          compareIntegers(x, y, start..<start + run, relative, absolute)
          continue
        }
        let isFloat = x.dtype.isWithinFloat && y.dtype.isWithinFloat
        guard let a = first.baseAddress, let b = second.baseAddress else { return }
        x.widen(start, run, into: first, asFloats: isFloat)
        y.widen(start, run, into: second, asFloats: isFloat)
        var result = graft_comparison()
        if isFloat {
          graft_compare_f32(a, b, run, relative, absolute, &result)
        } else {
          graft_compare_f64(a, b, run, relative, absolute, &result)
        }
        self += TensorComparison(result)
      }
    }
  }

  private init(_ result: graft_comparison) {
    largest = result.largest
    square = result.square
    norm = result.norm
    farCount = Int(result.far)
  }

  /// Doubles do not hold every whole number.
  private mutating func compareIntegers(
    _ x: Tensor, _ y: Tensor, _ elements: Range<Int>, _ relative: Double, _ absolute: Double
  ) {
    let (a, b) = (x.bytes, y.bytes)
    for index in elements {
      let (p, q) = (x.dtype.whole(index, of: a), y.dtype.whole(index, of: b))
      norm += Double(p) * Double(p)
      guard p != q else { continue }
      let difference = Double((p - q).magnitude)
      largest = max(largest, difference)
      square += difference * difference
      if difference > absolute + relative * Double(max(p.magnitude, q.magnitude)) { farCount += 1 }
    }
  }
}

extension DType {
  /// Whether f32 holds all its values and a kernel brings them there.
  fileprivate var isWithinFloat: Bool { isFloatingPoint && self != .f64 }
}

extension Tensor {
  fileprivate var isComplex: Bool { dtype.isComplex }

  /// Real and imaginary parts in turn.
  fileprivate var components: Tensor {
    Tensor(dtype == .c64 ? .f32 : .f64, [2 * elementCount], storage: storage, offsetInBytes: offsetInBytes)
  }

  /// Puts `count` elements from `start` on into `room` as floats or doubles; `start` is at a whole byte.
  fileprivate func widen(_ start: Int, _ count: Int, into room: UnsafeMutableRawBufferPointer, asFloats: Bool) {
    guard let to = room.baseAddress, let all = bytes.baseAddress else { return }
    let from = all + start * dtype.bitWidth / 8
    if asFloats { return dtype.decode(from, into: to, count: count) }
    if dtype == .f64 { return to.copyMemory(from: from, byteCount: 8 * count) }
    for index in 0..<count {
      room.storeBytes(of: dtype.load(start + index, from: bytes), toByteOffset: 8 * index, as: Double.self)
    }
  }
}
