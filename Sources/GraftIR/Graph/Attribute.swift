/// A constant that a node carries beside its inputs.
public enum Attribute: Sendable, Hashable {
  case int(Int)
  case float(Double)
  case bool(Bool)
  case text(String)
  case ints([Int])
  case floats([Double])
  case dtype(DType)
  /// A size that may count in batches.
  case dimension(Dimension)
  /// Sizes that may count in batches.
  case dimensions([Dimension])

  /// What an attribute holds.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case int, float, bool, text, ints, floats, dtype, dimension, dimensions
  }

  /// What this one holds.
  public var kind: Kind {
    switch self {
    case .int: .int
    case .float: .float
    case .bool: .bool
    case .text: .text
    case .ints: .ints
    case .floats: .floats
    case .dtype: .dtype
    case .dimension: .dimension
    case .dimensions: .dimensions
    }
  }

  /// Whether it can be read as `other`: whole numbers are numbers, and sizes.
  public func isUsable(as other: Kind) -> Bool {
    switch (kind, other) {
    case (.int, .float), (.int, .dimension), (.ints, .floats), (.ints, .dimensions): true
    default: kind == other
    }
  }

  /// The attribute where the batch is `batch`, or `nil` where a size does not fit an `Int`.
  public func bound(batch: Int) -> Attribute? {
    switch self {
    case .dimension(let size): return size.bound(batch: batch).map { .dimension(Dimension($0)) }
    case .dimensions(let sizes):
      let bound = sizes.compactMap { $0.bound(batch: batch) }
      return bound.count == sizes.count ? .dimensions(bound.map { Dimension($0) }) : nil
    case .int, .float, .bool, .text, .ints, .floats, .dtype: return self
    }
  }
}

// Numbers are compared by their bits: -0 is not 0, since 1/x tells them apart, and a NaN is the same NaN. Otherwise a
// builder would take one constant for the other.
extension Attribute {
  /// Whether two are of one kind and hold the same, numbers bit by bit.
  public static func == (a: Attribute, b: Attribute) -> Bool {
    switch (a, b) {
    case (.int(let a), .int(let b)): a == b
    case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
    case (.bool(let a), .bool(let b)): a == b
    case (.text(let a), .text(let b)): a == b
    case (.ints(let a), .ints(let b)): a == b
    case (.floats(let a), .floats(let b)): a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    case (.dtype(let a), .dtype(let b)): a == b
    case (.dimension(let a), .dimension(let b)): a == b
    case (.dimensions(let a), .dimensions(let b)): a == b
    default: false
    }
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    switch self {
    case .int(let value): hasher.combine(value)
    case .float(let value): hasher.combine(value.bitPattern)
    case .bool(let value): hasher.combine(value)
    case .text(let value): hasher.combine(value)
    case .ints(let value): hasher.combine(value)
    case .floats(let value): for number in value { hasher.combine(number.bitPattern) }
    case .dtype(let value): hasher.combine(value)
    case .dimension(let value): hasher.combine(value)
    case .dimensions(let value): hasher.combine(value)
    }
  }
}

/// The attributes of a node, by name.
public typealias Attributes = [String: Attribute]

extension Attributes {
  /// The whole number under `name`, or `fallback` where it is absent.
  public func int(_ name: String, default fallback: Int = 0) -> Int {
    if case .int(let value)? = self[name] { return value }
    return fallback
  }

  /// The number under `name`, or `fallback` where it is absent.
  public func float(_ name: String, default fallback: Double = 0) -> Double {
    switch self[name] {
    case .float(let value)?: value
    case .int(let value)?: Double(value)
    default: fallback
    }
  }

  /// The truth under `name`, or `fallback` where it is absent.
  public func bool(_ name: String, default fallback: Bool = false) -> Bool {
    if case .bool(let value)? = self[name] { return value }
    return fallback
  }

  /// The text under `name`, or `fallback` where it is absent.
  public func text(_ name: String, default fallback: String = "") -> String {
    if case .text(let value)? = self[name] { return value }
    return fallback
  }

  /// The whole numbers under `name`, or `fallback` where they are absent.
  public func ints(_ name: String, default fallback: [Int] = []) -> [Int] {
    if case .ints(let value)? = self[name] { return value }
    return fallback
  }

  /// The numbers under `name`, or `fallback` where they are absent.
  public func floats(_ name: String, default fallback: [Double] = []) -> [Double] {
    switch self[name] {
    case .floats(let value)?: value
    case .ints(let value)?: value.map(Double.init)
    default: fallback
    }
  }

  /// The type under `name`, or `fallback` where it is absent.
  public func dtype(_ name: String, default fallback: DType = .f32) -> DType {
    if case .dtype(let value)? = self[name] { return value }
    return fallback
  }

  /// The size under `name`, which may count in batches, or `fallback` where it is absent.
  public func dimension(_ name: String, default fallback: Dimension = 0) -> Dimension {
    switch self[name] {
    case .dimension(let value)?: value
    case .int(let value)?: Dimension(value)
    default: fallback
    }
  }

  /// The sizes under `name`, which may count in batches, or none where they are absent.
  public func dimensions(_ name: String) -> [Dimension] {
    switch self[name] {
    case .dimensions(let value)?: value
    case .ints(let value)?: value.map { Dimension($0) }
    default: []
    }
  }

  /// The axis under `name` of a tensor of `rank` axes, or `fallback` where it is absent; -1 is the last one.
  public func axis(_ name: String = "axis", rank: Int, default fallback: Int = 0) -> Int {
    let axis = int(name, default: fallback)
    return axis < 0 ? axis + rank : axis
  }

  /// The attributes where the batch is `batch`, or `nil` where a size does not fit an `Int`.
  public func bound(batch: Int) -> Attributes? {
    var bound = self
    for (name, attribute) in self {
      guard let attribute = attribute.bound(batch: batch) else { return nil }
      bound[name] = attribute
    }
    return bound
  }
}
