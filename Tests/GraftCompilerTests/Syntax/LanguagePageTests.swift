import Foundation
import GraftIR
import Testing

import GraftCompiler

/// `specs/language.md` and the parser say the same.
@Suite struct LanguagePageTests {
  static let root = Examples.folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func read(_ url: URL) throws -> String { String(decoding: try Data(contentsOf: url), as: UTF8.self) }

  @Test("Every example of the page parses without a word")
  func examples() throws {
    let pieces = try Self.read(Self.root.appending(path: "specs/language.md")).components(separatedBy: "```graft\n")
    #expect(pieces.count > 5)
    for piece in pieces.dropFirst() {
      let text = piece.components(separatedBy: "```").first ?? ""
      var diagnostics = Diagnostics()
      _ = parse(SourceText(file: "language.md", text: text), into: &diagnostics)
      #expect(diagnostics.items.isEmpty, "\(text)\n\(diagnostics.items)")
    }
  }

  @Test("The page states the rules that the parser throws, and no others")
  func rules() throws {
    let stated = try Self.read(Self.root.appending(path: "specs/language.md")).split(separator: "\n")
      .filter { $0.hasPrefix("- `syntax.") }.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
    let folder = Self.root.appending(path: "Sources/GraftCompiler/Syntax")
    var thrown: Set<String> = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) where file.hasSuffix(".swift") {
      let pieces = try Self.read(folder.appending(path: file)).split(separator: "\"")
      for piece in pieces where piece.hasPrefix("syntax.") && !piece.contains(" ") { thrown.insert(String(piece)) }
    }
    #expect(stated.count == Set(stated).count)
    #expect(Set(stated) == thrown)
  }
}
