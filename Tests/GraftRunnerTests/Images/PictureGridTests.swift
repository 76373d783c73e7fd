import GraftIR
import GraftRunner
import Testing

@Suite struct PictureGridTests {
  /// Two rows of three pictures of 2 by 1 pixels, every byte another.
  private let grid: PictureGrid

  init() throws {
    grid = try PictureGrid(
      rows: (0..<2).map { row in
        (0..<3).map { column in
          let first = UInt8(6 * (3 * row + column))
          return Picture(width: 2, height: 1, bytes: Array(first..<first + 6))
        }
      })
  }

  @Test("The plain grid is the pictures and nothing else")
  func plain() {
    #expect(grid.plain == Picture(width: 6, height: 2, bytes: Array(0..<36)))
  }

  @Test("Without labels there are no margins")
  func noLabels() {
    #expect(grid.labelled(columns: [], rows: [], scale: 3) == grid.plain.enlarged(by: 3))
  }

  @Test("Labels stand on white beside the pictures, which stay as they are", arguments: [1, 40, 96])
  func labels(_ scale: Int) {
    let picture = grid.labelled(columns: ["0", "207", ""], rows: ["seed 0", "1"], scale: scale)
    let plain = grid.plain.enlarged(by: scale)
    let left = picture.width - plain.width
    let top = picture.height - plain.height
    #expect(left > 0 && top > 0)
    for row in 0..<plain.height {
      let start = 3 * ((top + row) * picture.width + left)
      #expect(
        picture.bytes[start..<start + 3 * plain.width].elementsEqual(
          plain.bytes[3 * row * plain.width..<3 * (row + 1) * plain.width]))
    }
    let margin = picture.bytes.prefix(3 * top * picture.width)
    #expect(margin.allSatisfy { $0 == 0 || $0 == 255 })
    #expect(margin.contains(0) || scale == 1)  // In two pixels there is room for no character.
  }

  @Test("A label is drawn as the font draws it")
  func glyph() throws {
    // 'L' at twice its size: a bar of 2 by 14 and a foot of 10 by 2.
    let grid = try PictureGrid(rows: [[Picture(width: 40, height: 40, grey: 200)]])
    let picture = grid.labelled(columns: ["L"], rows: [], scale: 1)
    let black = stride(from: 0, to: picture.bytes.count, by: 3).filter { picture.bytes[$0] == 0 }
    #expect(picture.height == 40 + 14 + 8)
    #expect(black.count == 2 * 14 + 8 * 2)
    #expect(black.first == 3 * (4 * 40 + 15))
  }

  @Test("Small pictures are enlarged until they can be looked at", arguments: [(32, 3), (16, 6), (100, 1), (256, 1)])
  func viewable(_ side: Int, _ scale: Int) throws {
    let grid = try PictureGrid(rows: [[Picture(width: side, height: side, grey: 0)]])
    #expect(grid.viewableScale == scale)
  }

  private static let picture = Picture(width: 1, height: 1, grey: 0)
  static let refused: [[[Picture]]] = [
    [], [[]], [[picture, picture], [picture]], [[picture], []], [[picture, Picture(width: 2, height: 1, grey: 0)]],
  ]

  @Test("No pictures, and rows or pictures of different sizes, are refused", arguments: refused)
  func refusals(_ rows: [[Picture]]) {
    let error = #expect(throws: Diagnostic.self) { try PictureGrid(rows: rows) }
    #expect(error?.rule == "pictures.grid")
  }
}
