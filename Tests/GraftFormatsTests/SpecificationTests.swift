import Foundation
import Testing

/// Rules stand in three places: the page that states them, the guard that throws them, the test that expects them.
@Suite struct SpecificationTests {
  static let root = Fixtures.folder + "/../.."
  static let pages = [
    "convert", "checkpoint", "json", "sharded", "safetensors", "pytorch", "zip", "numpy", "gguf", "hdf5", "onnx",
    "transfer",
  ]

  /// What no test can bring about: a library that fails.
  static let untested: Set<String> = ["transfer.digest", "hdf5.library", "hdf5.child", "hdf5.answer"]

  @Test("A page states exactly the rules that code throws and tests expect", arguments: pages)
  func rules(_ page: String) throws {
    let folder = page == "convert" ? "/specs/" : "/specs/formats/"
    let text = try String(contentsOfFile: Self.root + folder + "\(page).md", encoding: .utf8)
    let stated = Set(
      text.split(separator: "\n").compactMap { line -> String? in
        guard line.hasPrefix("- `\(page).") else { return nil }
        return line.dropFirst(3).prefix { $0 != "`" }.description
      })
    let thrown = try rules(of: page, in: Self.root + "/Sources/GraftFormats")
    let expected = try rules(of: page, in: Self.root + "/Tests/GraftFormatsTests")
    #expect(thrown.subtracting(stated) == [], "thrown, but not stated")
    #expect(stated.subtracting(thrown) == [], "stated, but not thrown")
    #expect(stated.subtracting(expected).subtracting(Self.untested) == [], "stated, but not expected by a test")
  }

  /// The texts `"page.rule"` in all Swift files below `folder`.
  private func rules(of page: String, in folder: String) throws -> Set<String> {
    var found: Set<String> = []
    let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    for file in files where file.hasSuffix(".swift") {
      let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
      for piece in text.split(separator: "\"") where piece.hasPrefix(page + ".") {
        let rule = piece.dropFirst(page.count + 1)
        guard !rule.isEmpty, rule.allSatisfy({ $0 == "-" || $0.isASCII && $0.isLowercase || $0.isNumber }) else {
          continue
        }
        found.insert(String(piece))
      }
    }
    return found
  }
}
