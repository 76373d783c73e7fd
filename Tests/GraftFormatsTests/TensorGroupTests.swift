import GraftFormats
import GraftIR
import Testing

@Suite struct TensorGroupTests {
  static let cases: [([String], [String])] = [
    (["a", "b"], ["a", "b"]),
    (["blocks.0.w", "blocks.0.b", "blocks.1.w", "blocks.1.b"], ["blocks.{0, 1}.w", "blocks.{0, 1}.b"]),
    (["b.0.w", "b.1.w", "b.2.w", "b.4.w", "end"], ["b.{0...2, 4}.w", "end"]),
    (["m/0", "m/1", "m/01"], ["m/{0, 1}", "m/01"]),
    (["x.9223372036854775807.w", "x.0.w"], ["x.{0, 9223372036854775807}.w"]),
    (["b.0.c.0", "b.0.c.1", "b.1.c.0"], ["b.{0, 1}.c.0", "b.0.c.1"]), ([".", "", "1"], [".", "", "1"]),
  ]

  @Test("Equal tensors of several blocks are one line", arguments: cases)
  func names(_ names: [String], _ expected: [String]) {
    let groups = TensorGroup.groups(of: names.map { TensorEntry(path: [$0], dtype: .f32, shape: [2]) })
    #expect(groups.map(\.name) == expected)
    #expect(groups.reduce(0) { $0 + $1.count } == names.count)
    #expect(groups.reduce(0) { $0 + $1.byteCount } == 8 * names.count)
  }

  @Test("Blocks that differ in a shape are lines of their own") func shapes() {
    let entries = [2, 2, 3].enumerated().map { TensorEntry(path: ["b.\($0).w"], dtype: .f32, shape: [$1]) }
    #expect(TensorGroup.groups(of: entries).map(\.name) == ["b.{0, 1}.w", "b.2.w"])
  }
}
