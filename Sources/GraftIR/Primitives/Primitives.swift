/// The registry: every primitive, in the order of its pages.
public enum Primitives {
  /// All primitives.
  public static let all: [Primitive] =
    [.constant, .iota]

  private static let byName: [String: Primitive] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The primitive called `name`, or `nil`.
  public static func named(_ name: String) -> Primitive? { byName[name] }
}
