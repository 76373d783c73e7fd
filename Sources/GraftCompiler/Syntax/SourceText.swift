/// A file of graft text, for parsing it and for showing places in it.
public struct SourceText: Sendable, Hashable {
  /// As messages name it.
  public let file: String
  public let text: String

  /// The text of `file`.
  public init(file: String, text: String) {
    self.file = file
    self.text = text
  }
}
