import GraftCompiler
import GraftFormats
import GraftIR
import Testing

/// Formulas that are read off the numbers of a checkpoint.
@Suite struct WeightRecoveryTests {
  /// A checkpoint in memory.
  private final class Numbers: CheckpointReader {
    let format = "memory"
    let file = "memory"
    let byteCount = 0
    let metadata: [String: String] = [:]
    let tensors: [(name: String, tensor: Tensor)]

    init(_ tensors: [(String, Tensor)]) { self.tensors = tensors }

    var entries: [TensorEntry] {
      tensors.map { TensorEntry(path: [$0.name], dtype: $0.tensor.dtype, shape: $0.tensor.shape) }
    }

    func tensor(at index: Int) throws(Diagnostic) -> Tensor { tensors[index].tensor }
  }

  private static let weight = Tensor([1, 2, 3, 4], [2, 2])
  private static let base = Numbers([
    ("a.weight", weight), ("b.weight", Tensor([1, 2, 3, 5], [2, 2])), ("b.bias", Tensor([7, 8], [2])),
  ])

  private static func source(_ name: String, _ tensor: Tensor, number: Int = 0) -> WeightExpression {
    .source(SourceTensor(source: number, name: name, dtype: tensor.dtype, shape: tensor.shape))
  }

  /// The formula of `tensor`, called `name` in source 1, beside the tensors of `base`.
  private func formula(_ name: String, _ tensor: Tensor) throws -> WeightExpression {
    var recovery = WeightRecovery(WeightSources([Self.base]))
    for entry in Self.base.tensors { _ = try recovery.add(entry.name, Self.source(entry.name, entry.tensor)) }
    return try recovery.recovered(name, tensor, Self.source(name, tensor, number: 1))
  }

  @Test("A tensor of the original's numbers is the original's, whatever it is called")
  func equal() throws {
    let copy = Tensor([1, 2, 3, 5], [2, 2])
    #expect(try formula("c.weight", copy) == Self.source("b.weight", copy))
    let other = Tensor([1, 2, 3, 6], [2, 2])
    #expect(try formula("b.weight", other) == Self.source("b.weight", other, number: 1))
    // The same bytes in another shape or type are not the same tensor.
    let long = Tensor([1, 2, 3, 4], [4])
    #expect(try formula("a.weight", long) == Self.source("a.weight", long, number: 1))
    let wide = Tensor(.f64, [2, 2], doubles: [1, 2, 3, 4])
    #expect(try formula("a.weight", wide) == Self.source("a.weight", wide, number: 1))
  }

  @Test("One number everywhere is a fill, and 0 and -0 are one number")
  func fills() throws {
    #expect(try formula("x", Tensor([0, -0.0, 0], [3])) == .fill(0, .f32, [3]))
    #expect(try formula("x", Tensor([2.5, 2.5], [2])) == .fill(2.5, .f32, [2]))
    let steps = Tensor([2.5, 2.5, 2.25], [3])
    #expect(try formula("x", steps) == Self.source("x", steps, number: 1))
    let nothing = Tensor([Float.nan, .nan], [2])
    #expect(try formula("x", nothing) == Self.source("x", nothing, number: 1))
  }

  @Test("Columns of zeros at the end come off, and what is left may be the original's")
  func columns() throws {
    let wide = Tensor([1, 2, 0, -0.0, 3, 4, 0, 0], [2, 4])
    guard case .apply("Concat", let attributes, let parts, _) = try formula("a.weight", wide) else {
      Issue.record("the columns stay")
      return
    }
    #expect(attributes == ["axis": .int(1)])
    #expect(parts == [Self.source("a.weight", Self.weight), .fill(0, .f32, [2, 2])])
    let full = Tensor([1, 2, 0, 0, 3, 4, 0, 1e-30], [2, 4])
    #expect(try formula("a.weight", full) == Self.source("a.weight", full, number: 1))
  }

  @Test("A tensor that begins with rows of the original is joined from them and its own")
  func rows() throws {
    let tall = Tensor([1, 2, 3, 5, 6, 7], [3, 2])
    guard case .apply("Concat", let attributes, let parts, _) = try formula("b.weight", tall) else {
      Issue.record("the rows are not found")
      return
    }
    #expect(attributes == ["axis": .int(0)])
    #expect(parts.first == Self.source("b.weight", Tensor([1, 2, 3, 5], [2, 2])))
    guard case .apply("Slice", let slice, let whole, _)? = parts.last else {
      Issue.record("the rest is no slice")
      return
    }
    #expect(slice["start"] == .int(2) && slice["length"] == .int(1))
    #expect(whole == [Self.source("b.weight", tall, number: 1)])
    let bias = Tensor([7, 8, 9], [3])
    if case .source = try formula("b.bias", bias) { Issue.record("the numbers are not found") }
    let late = Tensor([0, 0, 1, 2, 3, 4], [3, 2])
    #expect(try formula("a.weight", late) == Self.source("a.weight", late, number: 1))
  }

  @Test("What a formula says is what the tensor holds", arguments: 0..<40)
  func evaluates(seed: Int) throws {
    // Every tensor of up to three rows and columns of a few numbers is right, found or not.
    func digit(_ place: Int) -> Int { (seed * 7919 + place * 104_729 + seed * seed * place) / 13 % 3 }
    let shape: Shape = [1 + digit(1), 1 + digit(2)]
    let count = shape.elementCount ?? 0
    let tensor = Tensor((0..<count).map { Float($0 % 4 < 1 + digit(3) ? 1 + $0 : 0) }, shape)
    let formula = try formula("a.weight", tensor)
    let own = Numbers([("a.weight", tensor)])
    #expect(try formula.evaluate([Self.base, own]).doubles == tensor.doubles)
  }
}
