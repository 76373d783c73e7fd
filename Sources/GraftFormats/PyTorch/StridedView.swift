import GraftIR

/// A tensor as sizes and strides over a storage's bytes, checked to lie inside them.
struct StridedView: Sendable {
  let dtype: DType
  /// Of the tensor that comes out; a packed type has twice the elements that torch counts.
  let shape: Shape
  /// The first element's place in the file.
  let offsetInBytes: Int
  let isContiguous: Bool
  /// Which signs the values still lack.
  let sign: PendingSign
  private let layout: StridedLayout

  /// What torch leaves to whoever reads a value.
  enum PendingSign: Sendable, Hashable {
    case none
    /// Every number is to be negated.
    case all
    /// Imaginary parts are to be negated.
    case imaginary
    /// Real parts are: conjugated, then negated.
    case real
  }

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
    // Where nothing starts does not matter: slices of tensors without elements start behind their storage.
    let start = count == 0 ? min(tensor.offset, available) : tensor.offset
    guard start >= 0, start <= available else {
      throw Diagnostic(
        "pytorch.tensor-range", "'\(name)' starts at element \(tensor.offset) of a storage of \(available)", at: place)
    }
    guard let layout = StridedLayout(sizes: tensor.sizes, strides: tensor.strides, width: width) else {
      throw Diagnostic("pytorch.tensor-range", "the strides \(tensor.strides) of '\(name)' overflow", at: place)
    }
    guard layout.reach <= available - start else {
      throw Diagnostic(
        "pytorch.tensor-range",
        "'\(name)' has \(layout.reach) elements from element \(tensor.offset) on, in a storage of \(available)",
        at: place)
    }
    guard layout.isModest(available: available) else {
      throw Diagnostic(
        "pytorch.tensor-size",
        "'\(name)' has \(count) elements, over \(StridedLayout.expansionLimit) times the \(available) of its storage",
        at: place)
    }
    isContiguous = layout.isContiguous
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
    self.layout = layout
    sign =
      switch (tensor.isNegated, tensor.isConjugated) {
      case (false, false): .none
      case (true, false): .all
      case (false, true): .imaginary
      case (true, true): .real
      }
    guard sign == .none || Self.canNegate(dtype, parts: sign != .all) else {
      throw Diagnostic("pytorch.tensor-kind", "'\(name)' of \(dtype) waits for a sign that it cannot have", at: place)
    }
    offsetInBytes = bytes.lowerBound + start * width
  }

  /// Copies the elements out of `source`, the whole file, into `target`, from element `first` on.
  func gather(from source: UnsafeRawBufferPointer, first: Int = 0, into target: UnsafeMutableRawBufferPointer) {
    layout.gather(from: source.baseAddress.map { $0 + offsetInBytes }, first: first, into: target)
  }

  /// The bytes of one element, or of what counts as one where a byte holds several.
  var width: Int { layout.width }

  private static func canNegate(_ dtype: DType, parts: Bool) -> Bool {
    switch dtype {
    case .c64, .c128: true
    case .f16, .bf16, .f32, .f64: !parts
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz,
      .f6e2m3, .f6e3m2, .f4:
      false
    }
  }

  /// For each of `views` that shows nothing but elements of another one, what it shows.
  ///
  /// Equal views are aliases of the first of them. Others are aliases of the largest contiguous one that covers
  /// them. Storages do not overlap, so places in the file tell what is shared.
  static func aliases(among views: [StridedView]) -> [Int: TensorAlias] {
    var aliases: [Int: TensorAlias] = [:]
    var firsts: [Identity: Int] = [:]
    var groups: [Group: [Int]] = [:]
    for (index, view) in views.enumerated() {
      if let first = firsts[view.identity] {
        aliases[index] = TensorAlias(wholeOf: first, shape: view.shape)
        continue
      }
      firsts[view.identity] = index
      // Elements that share a byte cannot be counted from the start of another tensor.
      guard view.dtype.byteWidth != nil, view.layout.count > 0 else { continue }
      groups[Group(dtype: view.dtype, sign: view.sign), default: []].append(index)
    }
    for members in groups.values where members.count > 1 {
      for (index, alias) in parts(members, of: views) { aliases[index] = alias }
    }
    // The first of equal views may itself show a part of a larger one.
    for (index, alias) in aliases {
      if let further = aliases[alias.target] { aliases[index] = further }
    }
    return aliases
  }

  /// The views among `members`, all of one type, that a contiguous one covers.
  private static func parts(_ members: [Int], of views: [StridedView]) -> [(Int, TensorAlias)] {
    func end(_ index: Int) -> Int { views[index].offsetInBytes + views[index].layout.reach * views[index].layout.width }
    let contiguous = members.filter { views[$0].isContiguous }.sorted {
      (views[$0].offsetInBytes, -end($0), $0) < (views[$1].offsetInBytes, -end($1), $1)
    }
    // Those that no other one covers, so that starts and ends both ascend.
    var roots: [Int] = []
    for index in contiguous where end(index) > roots.last.map(end) ?? -1 { roots.append(index) }
    var found: [(Int, TensorAlias)] = []
    for index in members {
      let view = views[index]
      let next = roots.firstIndex(fromSorted: { views[$0].offsetInBytes > view.offsetInBytes })
      guard next > 0 else { continue }
      let root = roots[next - 1]
      guard root != index, end(root) >= end(index),
        view.layout.isModest(available: views[root].layout.count)
      else { continue }
      let offset = (view.offsetInBytes - views[root].offsetInBytes) / view.layout.width
      found.append((index, TensorAlias(target: root, offset: offset, strides: view.layout.strides)))
    }
    return found
  }

  private var identity: Identity {
    // The stride of an axis of size 1 means nothing.
    let strides = zip(layout.sizes, layout.strides).map { $0 == 1 ? 1 : $1 }
    return Identity(
      dtype: dtype, sign: sign, offset: offsetInBytes, sizes: layout.sizes, strides: isContiguous ? [] : strides)
  }

  private struct Identity: Hashable {
    let dtype: DType
    let sign: PendingSign
    let offset: Int
    let sizes: [Int]
    let strides: [Int]
  }

  private struct Group: Hashable {
    let dtype: DType
    let sign: PendingSign
  }
}

extension [Int] {
  /// The number of the first element of which `predicate` is true; it is false of all before and true of all behind.
  fileprivate func firstIndex(fromSorted predicate: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
