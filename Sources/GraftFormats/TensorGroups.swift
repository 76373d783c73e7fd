public import GraftIR

/// Tensors of equal type and shape whose names differ only in a number, as blocks of a model have them.
public struct TensorGroup: Sendable, Hashable {
  /// The name, with the numbers in the place of the one: `blocks.{0...27}.attn.qkv.weight`; a lone tensor's own name.
  public let name: String
  /// The type of the elements of each.
  public let dtype: DType
  /// The blocks that each is held in, or `nil`.
  public let blocks: BlockType?
  /// The sizes of the axes of each.
  public let shape: Shape
  /// How many there are.
  public let count: Int
  /// The bytes of all of them together, as they are stored.
  public let byteCount: Int

  /// The groups that `entries` fall into by the first number of their names, in the order of their first tensors.
  public static func groups(of entries: [TensorEntry]) -> [TensorGroup] {
    var order: [Key] = []
    var members: [Key: [(number: Int?, entry: TensorEntry)]] = [:]
    for entry in entries {
      let (pattern, number) = split(entry.name)
      let key = Key(pattern: pattern, dtype: entry.dtype, blocks: entry.blocks, shape: entry.shape)
      if members[key] == nil { order.append(key) }
      members[key, default: []].append((number, entry))
    }
    return order.flatMap { key -> [TensorGroup] in
      let group = members[key] ?? []
      let numbers = group.compactMap(\.number)
      // Without a number, tensors of one name are several all the same, as tensors without a name are.
      guard group.count > 1, numbers.count == group.count else { return group.map { TensorGroup($0.entry) } }
      let name = key.pattern.joined(separator: "{\(ranges(of: numbers))}")
      return [
        TensorGroup(
          name: name, dtype: key.dtype, blocks: key.blocks, shape: key.shape, count: group.count,
          byteCount: group.reduce(0) { $0 &+ $1.entry.storedByteCount })
      ]
    }
  }

  private init(name: String, dtype: DType, blocks: BlockType?, shape: Shape, count: Int, byteCount: Int) {
    self.name = name
    self.dtype = dtype
    self.blocks = blocks
    self.shape = shape
    self.count = count
    self.byteCount = byteCount
  }

  private init(_ entry: TensorEntry) {
    self.init(
      name: entry.name, dtype: entry.dtype, blocks: entry.blocks, shape: entry.shape, count: 1,
      byteCount: entry.storedByteCount)
  }

  private struct Key: Hashable {
    /// What stands before and behind the number; a single text where there is none.
    let pattern: [String]
    let dtype: DType
    let blocks: BlockType?
    let shape: Shape
  }

  /// The name around its first step that is a number, and that number.
  private static func split(_ name: String) -> (pattern: [String], number: Int?) {
    var start = name.startIndex
    while start < name.endIndex {
      let end = name[start...].firstIndex { $0 == "." || $0 == "/" } ?? name.endIndex
      let step = name[start..<end]
      if let number = Int(step), String(number) == step {
        return ([String(name[..<start]), String(name[end...])], number)
      }
      guard end < name.endIndex else { break }
      start = name.index(after: end)
    }
    return ([name], nil)
  }

  /// `0...3, 7` for 0, 1, 2, 3 and 7.
  private static func ranges(of numbers: [Int]) -> String {
    let sorted = Set(numbers).sorted()
    var texts: [String] = []
    var first = 0
    for index in sorted.indices {
      // Subtracting from the smaller number could overflow.
      let isLast = index + 1 == sorted.count || sorted[index + 1] != sorted[index] + 1
      guard isLast else { continue }
      texts.append(
        first == index
          ? String(sorted[index])
          : "\(sorted[first])\(index == first + 1 ? ", " : "...")\(sorted[index])")
      first = index + 1
    }
    return texts.joined(separator: ", ")
  }
}
