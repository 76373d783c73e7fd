import GraftIR
import Testing

@Suite struct ShapeTests {
  static let cases: [(Shape, Int?)] = [
    ([], 1), ([2, 3], 6), ([.max, 2], nil), ([.max, 2, 0], 0),
  ]

  @Test("Element count is the product of the axes, where it fits", arguments: cases)
  func elementCount(_ shape: Shape, _ expected: Int?) {
    #expect(shape.elementCount == expected)
  }

  @Test("Strides are those of row-major order, and never overflow")
  func strides() {
    #expect(Shape([2, 3, 4]).strides == [12, 4, 1])
    #expect(Shape([]).strides == [])
    #expect(Shape([0, .max, .max]).strides.count == 3)
  }

  static let spreads: [([Dimension], [Dimension], [Dimension]?)] = [
    ([2, 1], [3], [2, 3]), ([], [4], [4]), ([2], [3], nil), ([.batch(), 1], [5], [.batch(), 5]),
    ([.batch()], [2], nil), ([.batch()], [1], [.batch()]), ([.batch(2)], [.batch()], nil), ([1, 0], [5, 1], [5, 0]),
  ]

  @Test("Shapes spread as in NumPy, and a batch only over 1 or as many batches", arguments: spreads)
  func broadcast(_ a: [Dimension], _ b: [Dimension], _ expected: [Dimension]?) {
    #expect(TensorType.broadcast(a, b) == expected)
    #expect(TensorType.broadcast(b, a) == expected)
  }

  static let counts: [(TensorType, Dimension?)] = [
    (TensorType(.f32, [2, .batch(3), 4]), .batch(24)), (TensorType(.f32, [.batch(), .batch()]), nil),
    (TensorType(.f32, [.batch(), .batch(), 0]), 0), (TensorType(.f32, [Dimension(.max), 2]), nil),
    (TensorType(.f32, [0, Dimension(.max), 2]), 0), (TensorType(.f32, []), 1),
  ]

  @Test("The elements of a type are a number or a multiple of the batch", arguments: counts)
  func elements(_ type: TensorType, _ expected: Dimension?) {
    #expect(type.elementCount == expected)
  }

  @Test("A walk follows other strides, and merges what it can")
  func walk() {
    // A table of 2 x 3, read by rows and by columns.
    var seen: [[Int]] = []
    StridedWalk([2, 1, 3], [[3, 9, 1], [1, 9, 2]]).forEachRow { start, places in seen.append([start] + places) }
    #expect(seen == [[0, 0, 0], [3, 3, 1]])
    let contiguous = StridedWalk([4, 5, 6], [[30, 6, 1], [0, 0, 0]])
    #expect(contiguous.rowLength == 120)
    #expect(contiguous.steps == [1, 0])
    StridedWalk([2, 0], [[0, 1]]).forEachRow { _, _ in Issue.record("an empty shape has no rows") }
  }
}
