public import GraftIR

/// Pictures of one size in rows and columns, without borders.
public struct PictureGrid: Sendable, Hashable {
  /// The pictures, row by row from the top.
  public let rows: [[Picture]]

  /// A grid of at least one picture, of rows that are equally long.
  ///
  /// - Throws: `pictures.grid` where there is no picture, or rows or pictures differ in size.
  public init(rows: [[Picture]]) throws(Diagnostic) {
    guard let first = rows.first?.first else { throw Diagnostic("pictures.grid", "a grid of no pictures") }
    guard rows.allSatisfy({ $0.count == rows[0].count }) else {
      let counts = rows.map { "\($0.count)" }.joined(separator: ", ")
      throw Diagnostic("pictures.grid", "the rows of a grid hold \(counts) pictures, and must be equally long")
    }
    for picture in rows.joined() where (picture.width, picture.height) != (first.width, first.height) {
      throw Diagnostic(
        "pictures.grid",
        "a grid holds pictures of \(first.width) by \(first.height) and of \(picture.width) by \(picture.height) pixels"
      )
    }
    self.rows = rows
  }

  /// The number of pictures in a row.
  public var columnCount: Int { rows[0].count }

  /// The smallest whole enlargement that makes a picture at least 96 pixels wide and high, so that the smallest models'
  /// can be looked at.
  public var viewableScale: Int {
    let side = min(rows[0][0].width, rows[0][0].height)
    return (96 + side - 1) / side
  }

  /// The pictures side by side, pixel for pixel.
  public var plain: Picture { assembled(scale: 1, left: 0, top: 0) }

  /// The pictures, each pixel a square of `scale` by `scale`, with labels above the columns and at the left of the
  /// rows.
  ///
  /// Fewer labels than columns or rows leave the others bare, and none take no room. A label that is wider than its
  /// column is cut; one of a row may have several lines. `corner` says what the columns' labels are.
  public func labelled(
    columns: [String], rows rowLabels: [String], corner: String = "", scale: Int
  ) -> Picture {
    precondition(columns.count <= columnCount && rowLabels.count <= rows.count, "a label has nothing to name")
    let cellWidth = rows[0][0].width * scale
    let cellHeight = rows[0][0].height * scale
    let padding = 4
    let widest = columns.map { BitmapFont.width(of: $0) }.max() ?? 0
    let dot = 2 * widest + padding <= cellWidth && cellHeight >= 2 * BitmapFont.glyphHeight ? 2 : 1
    let lines = rowLabels.map { $0.split(separator: "\n").map(String.init) }
    let left = ((lines.joined() + [corner]).map { BitmapFont.width(of: $0) }.max() ?? 0) * dot
    let margin = left == 0 ? 0 : left + 3 * padding
    let top = columns.isEmpty ? 0 : BitmapFont.glyphHeight * dot + 2 * padding

    var picture = assembled(scale: scale, left: margin, top: top)
    let fitting = (cellWidth / dot + BitmapFont.advance - BitmapFont.glyphWidth) / BitmapFont.advance
    for (index, label) in columns.enumerated() {
      let shown = String(label.prefix(fitting))
      let indent = (cellWidth - BitmapFont.width(of: shown) * dot) / 2
      picture.draw(shown, left: margin + index * cellWidth + indent, top: padding, scale: dot)
    }
    if !corner.isEmpty, top > 0 { picture.draw(corner, left: padding, top: padding, scale: dot) }
    let lineHeight = (BitmapFont.glyphHeight + 3) * dot
    for (index, lines) in lines.enumerated() {
      let indent = (cellHeight - lines.count * lineHeight + 3 * dot) / 2
      for (number, line) in lines.enumerated() {
        picture.draw(
          line, left: padding, top: top + index * cellHeight + indent + number * lineHeight, scale: dot)
      }
    }
    return picture
  }

  /// The enlarged pictures on white, with room at the left and above.
  private func assembled(scale: Int, left: Int, top: Int) -> Picture {
    let cellWidth = rows[0][0].width * scale
    let cellHeight = rows[0][0].height * scale
    var whole = Picture(width: left + columnCount * cellWidth, height: top + rows.count * cellHeight, grey: 255)
    for (row, pictures) in rows.enumerated() {
      for (column, picture) in pictures.enumerated() {
        whole.place(picture.enlarged(by: scale), left: left + column * cellWidth, top: top + row * cellHeight)
      }
    }
    return whole
  }
}
