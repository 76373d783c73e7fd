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

/// How a person names an operator or model by a call: `mlp(width: 64)`, or `FILE.graft:gated(width: 64)` for one that a
/// file declares.
public struct ExpressionAddress: Sendable, Hashable {
  /// The call.
  public let text: String
  /// The graft file whose names the call sees, or `nil` for what ships with graft.
  public let file: String?

  /// Reads `text`: what stands behind `.graft:` is the call.
  public init(parsing text: String) {
    let address = GraftAddress(parsing: text)
    self.text = address.name ?? text
    file = address.name == nil ? nil : address.file
  }

  /// Whether `text` begins with the name of what is called, and ends with the call: a graft's name is other text.
  fileprivate static func isCall(_ text: String) -> Bool {
    guard text.hasSuffix(")"), let open = text.firstIndex(of: "("), open != text.startIndex else { return false }
    return text[..<open].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
  }
}

/// What a person names as MODEL.
public enum ModelAddress: Sendable, Hashable {
  /// A checkpoint file or folder, with the key of a part of it where there is one.
  case checkpoint(String)
  /// A graft file, and which of its grafts.
  case graft(GraftAddress)
  /// `dit.xl2(image: 512)`, or one operator, `mlp(width: 64)`, of a file or of what ships with graft.
  case expression(ExpressionAddress)

  /// Tells the three apart by their spelling; a name from the zoo is a graft where no file has it.
  public init(_ text: String) {
    let graft = GraftAddress(parsing: text)
    let isFromZoo = Zoo.names.contains(text) && access(text, F_OK) != 0
    if let name = graft.name, ExpressionAddress.isCall(name) {
      self = .expression(ExpressionAddress(parsing: text))
    } else if text == "-" || graft.file.hasSuffix(".graft") || isFromZoo {
      self = .graft(graft)
    } else if text.hasSuffix(")"), text.contains("(") {
      self = .expression(ExpressionAddress(parsing: text))
    } else {
      self = .checkpoint(text)
    }
  }
}
