import Glibc

/// How a person names a graft: a file, `-` for standard input, or `FILE.graft:NAME` for one of the grafts in a file.
public struct GraftAddress: Sendable, Hashable {
  /// The path of the graft file, or `-`.
  public let file: String
  /// Which of the file's grafts is meant; `nil` for all of them.
  public let name: String?

  /// The graft called `name` in `file`, or all of them.
  public init(file: String, name: String? = nil) {
    self.file = file
    self.name = name
  }

  /// Reads `text`: what stands behind `.graft:` is a name.
  public init(parsing text: String) {
    guard let range = text.range(of: ".graft:") else {
      file = text
      name = nil
      return
    }
    let colon = text.index(before: range.upperBound)
    file = String(text[..<colon])
    name = String(text[range.upperBound...])
  }
}

/// What a person names as MODEL.
public enum ModelAddress: Sendable, Hashable {
  /// A checkpoint file or folder, with the key of a part of it where there is one.
  case checkpoint(String)
  /// A graft file, and which of its grafts.
  case graft(GraftAddress)
  /// `dit.xl2(image: 512)`, or one operator, `mlp(width: 64)`.
  case expression(String)

  /// Tells the three apart by their spelling; a name from the zoo is a graft where no file has it.
  public init(_ text: String) {
    let graft = GraftAddress(parsing: text)
    let isFromZoo = Zoo.names.contains(text) && access(text, F_OK) != 0
    if text == "-" || graft.file.hasSuffix(".graft") || isFromZoo {
      self = .graft(graft)
    } else if text.hasSuffix(")"), text.contains("(") {
      self = .expression(text)
    } else {
      self = .checkpoint(text)
    }
  }
}
