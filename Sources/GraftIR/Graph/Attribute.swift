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
}
