import Testing

import GraftRunner

@Suite struct BitmapFontTests {
  static let printable = (0x20...0x7E).map { Character(UnicodeScalar(UInt8($0))) }

  @Test("Every printable character has a shape of its own")
  func shapes() {
    let shapes = Self.printable.map(BitmapFont.ink)
    #expect(Set(shapes).count == 95)
    #expect(shapes.allSatisfy { $0.count == 35 })
    #expect(shapes[0].allSatisfy { !$0 })
  }

  @Test("Other characters are a filled box", arguments: ["é", "\n", "\u{7F}", "图"] as [Character])
  func others(_ character: Character) {
    #expect(BitmapFont.ink(of: character).allSatisfy { $0 })
  }

  @Test("A line is as wide as its glyphs and the gaps between them", arguments: [("", 0), ("a", 5), ("abc", 17)])
  func width(_ text: String, _ pixels: Int) {
    #expect(BitmapFont.width(of: text) == pixels)
  }
}
