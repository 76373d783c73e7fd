import GraftIR
import GraftKernels
import GraftRunner
import Testing

@Suite struct IntegerProductsTests {
  /// The variants that the processor runs, by number.
  static let variants = [GRAFT_PLAIN, GRAFT_AVX2, GRAFT_AVX512].filter { graft_isa_supported($0) }.map(\.rawValue)

  /// Rows, output channels and depth: below, at and above tiles of rows, a panel of channels and four or 64 numbers.
  static let sizes = [(1, 1, 1), (5, 31, 7), (12, 32, 8), (13, 33, 12), (27, 96, 131), (40, 70, 300), (70, 64, 256)]

  /// The product of the matrices that the packed ones stand for, in whole numbers: exact, and so what each variant
  /// gives.
  private func expected(_ x: [Float], _ weight: [Float], _ bias: [Float]?, _ size: (Int, Int, Int)) -> [Float] {
    let (rows, columns, depth) = size
    func codes(_ values: ArraySlice<Float>) -> (codes: [Int], scale: Float) {
      let largest = values.map(\.magnitude).max() ?? 0
      let factor = largest > 0 ? 127 / largest : 0
      return (values.map { Int(($0 * factor).rounded(.toNearestOrEven)) }, largest / 127)
    }
    let channels = (0..<columns).map { codes(weight[$0 * depth..<($0 + 1) * depth]) }
    return (0..<rows).flatMap { row -> [Float] in
      let own = codes(x[row * depth..<(row + 1) * depth])
      return channels.enumerated().map { column, channel in
        let sum = zip(own.codes, channel.codes).reduce(0) { $0 + $1.0 * $1.1 }
        let value = Float(sum) * (own.scale * channel.scale)
        return bias.map { value + $0[column] } ?? value
      }
    }
  }

  private func product(
    _ x: [Float], _ weight: [Float], _ bias: [Float]?, _ size: (Int, Int, Int), _ isa: graft_isa
  ) -> [Float] {
    let (rows, columns, depth) = size
    let whole = (columns + Int(GRAFT_INT8_PANEL) - 1) / Int(GRAFT_INT8_PANEL) * Int(GRAFT_INT8_PANEL)
    func room<Element>(_ count: Int, _ zero: Element) -> UnsafeMutablePointer<Element> {
      let room = UnsafeMutablePointer<Element>.allocate(capacity: max(1, count))
      room.initialize(repeating: zero, count: count)
      return room
    }
    let packed = room(graft_int8_weight_bytes(columns, depth), Int8(0))
    let (scales, sums) = (room(whole, Float(0)), room(whole, Int32(0)))
    let (bytes, rowScales) = (room(rows * graft_int8_row_bytes(isa, depth), UInt8(0)), room(rows, Float(0)))
    let (numbers, y) = (room(columns, Float(0)), room(rows * columns, Float(0)))
    defer {
      packed.deallocate()
      scales.deallocate()
      sums.deallocate()
      bytes.deallocate()
      rowScales.deallocate()
      numbers.deallocate()
      y.deallocate()
    }
    graft_int8_pack_weight(weight, columns, depth, 0, whole, packed, scales, sums)
    graft_int8_pack_rows(isa, x, rows, depth, bytes, rowScales)
    if let bias { numbers.update(from: bias, count: columns) }
    // In two runs of rows, the second of which asks for the channels again.
    for part in [0..<rows / 2, rows / 2..<rows] {
      let row = part.lowerBound
      var block = graft_int8_block(
        rows: bytes + row * graft_int8_row_bytes(isa, depth), row_scales: rowScales + row, row_count: part.count,
        depth: depth, weight: packed, scales: scales, sums: sums, bias: bias == nil ? nil : UnsafePointer(numbers),
        y: y + row * columns, y_stride: columns, ahead: packed,
        ahead_end: packed + (row == 0 ? 0 : graft_int8_weight_bytes(columns, depth)))
      graft_int8_product(isa, &block, 0, columns)
    }
    return Array(UnsafeBufferPointer(start: y, count: rows * columns))
  }

  @Test("Every variant gives the whole-number product, bit for bit", arguments: variants)
  func products(_ variant: UInt32) {
    var random = SplitMix(state: 11)
    for size in Self.sizes {
      let x = random.tensor([size.0, size.2]).floats
      let weight = random.tensor([size.1, size.2]).floats
      for bias in [nil, random.tensor([size.1]).floats] {
        let found = product(x, weight, bias, size, graft_isa(rawValue: variant))
        let wanted = expected(x, weight, bias, size)
        #expect(found.map(\.bitPattern) == wanted.map(\.bitPattern), "\(size) on variant \(variant)")
      }
    }
  }

  @Test("A row or a channel of zeros gives zeros, one that is not finite gives NaN", arguments: variants)
  func extremes(_ variant: UInt32) {
    let size = (3, 3, 5)
    let x: [Float] = [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 1, .infinity, 0, 0, 1]
    let weight: [Float] = [1, -1, 1, -1, 1, 0, 0, 0, 0, 0, 1, .nan, 1, 1, 1]
    let found = product(x, weight, nil, size, graft_isa(rawValue: variant))
    #expect(found[0] == 0 && found[1] == 0 && found[4] == 0)
    #expect(found[3].isFinite && found[3] != 0)
    #expect([2, 5, 6, 7, 8].allSatisfy { found[$0].isNaN })
  }
}
