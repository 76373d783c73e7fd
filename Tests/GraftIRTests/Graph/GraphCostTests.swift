import GraftIR
import Testing

@Suite struct GraphCostTests {
  static func cost(
    _ primitive: Primitive, _ inputs: [TensorType], _ attributes: Attributes = [:], batch: Int = 1
  ) throws -> Int {
    var builder = GraphBuilder(name: "forward")
    let values = inputs.enumerated().map { builder.input("x\($0)", $1) }
    _ = try builder.node(primitive, values, attributes)
    return builder.graph.multiplyAdds(batch: batch)
  }

  @Test("Products are counted, and nothing elementwise")
  func products() throws {
    let x = TensorType(.f32, [.batch(), 256, 1152])
    #expect(try Self.cost(.linear, [x, TensorType(.f32, [4608, 1152])]) == 256 * 1152 * 4608)
    #expect(try Self.cost(.linear, [x, TensorType(.f32, [4608, 1152])], batch: 8) == 8 * 256 * 1152 * 4608)
    #expect(try Self.cost(.matMul, [x, TensorType(.f32, [1152, 10])]) == 256 * 1152 * 10)
    #expect(try Self.cost(.silu, [x]) == 0)
    #expect(
      try Self.cost(.causalConv, [x, TensorType(.f32, [1152, 1, 4])], ["axis": .int(1)]) == 1152 * 256 * 4)
    // DiT's patches: 1152 filters of 4 x 2 x 2 over 16 x 16 places.
    #expect(
      try Self.cost(
        .conv, [TensorType(.f32, [.batch(), 4, 32, 32]), TensorType(.f32, [1152, 4, 2, 2])],
        ["strides": .ints([2, 2])]) == 1152 * 256 * 16)
  }

  /// Pairs counted by hand: 256 * 9 less 4 + 3 + 2 + 1 at each end is 2,284; the causal triangle is n (n + 1) / 2.
  static let windows: [([Int], Int)] = [
    ([4, 4], 2284), ([-1, -1], 65536), ([-1, 0], 32896), ([0, -1], 32896), ([0, 0], 256), ([300, 300], 65536),
  ]

  @Test("Attention costs the pairs inside its window", arguments: windows)
  func pairsInWindow(_ window: [Int], _ pairs: Int) throws {
    let x = TensorType(.f32, [.batch(), 256, 1152])
    let found = try Self.cost(.attention, [x, x, x], ["heads": .int(16), "window": .ints(window)], batch: 2)
    #expect(found == 2 * pairs * 16 * (72 + 72))
    let seen = (0..<256).map { AttentionWindow(window).keys(of: $0, among: 256).count }.reduce(0, +)
    #expect(seen == pairs)
  }

  @Test("Work that no Int holds is the largest Int")
  func saturation() throws {
    let x = TensorType(.f32, [1 << 24, 1 << 24])
    #expect(try Self.cost(.matMul, [x, x], batch: 1) == .max)
  }
}
