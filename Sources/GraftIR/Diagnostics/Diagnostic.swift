/// What a user of graft can do wrong, or a file can hold, told so that it can be mended.
///
/// A rule is spelled `page.rule-in-kebab-case`; the page of that name in `specs/` states it. The message starts in
/// lower case, names the thing in quotes, and gives what was found and what was expected.
public struct Diagnostic: Error, Sendable, Hashable {
  /// How much it matters: an error stops the stage that reports it, a warning does not.
  public enum Severity: Sendable, Hashable { case error, warning }

  /// The kind of failure, which decides the exit code of a command (`specs/cli.md`).
  public enum Category: Int, Sendable, Hashable, CaseIterable {
    case usage = 64
    case badData = 65
    case inputMissing = 66
    case defect = 70
    case cannotCreate = 73
    case ioFailure = 74
    case interrupted = 130

    /// The exit code of a command that ends with it.
    public var exitCode: Int32 { Int32(rawValue) }
  }

  /// The rule that is broken: `page.rule-in-kebab-case`.
  public let rule: String
  /// What was found and what was expected.
  public let message: String
  /// What it points at, where it has a place.
  public var location: Location?
  /// What stands beside the caret, such as `did you mean 'mha'?`.
  public var label: String?
  /// What to do about it.
  public var help: String?
  /// Whether it stops the stage.
  public var severity: Severity
  /// What kind of failure it is.
  public var category: Category

  /// Describes one failure.
  public init(
    _ rule: String, _ message: String, at location: Location? = nil, label: String? = nil, help: String? = nil,
    severity: Severity = .error, category: Category = .badData
  ) {
    self.rule = rule
    self.message = message
    self.location = location
    self.label = label
    self.help = help
    self.severity = severity
    self.category = category
  }

  /// The same failure, at `location` where it had no place of its own.
  public func at(_ location: Location?) -> Diagnostic {
    var copy = self
    copy.location = copy.location ?? location
    return copy
  }
}

/// A run of bytes in a file: in graft text it is shown as line, column and caret, in a checkpoint as a byte offset.
public struct Location: Sendable, Hashable {
  /// The file, as messages name it.
  public let file: String
  /// The bytes, from the start of the file.
  public let range: Range<Int>
  /// The tensor that the bytes belong to, where there is one.
  public let tensor: String?

  /// Points at `range`, in bytes from the start of `file`.
  public init(_ file: String, _ range: Range<Int> = 0..<0, tensor: String? = nil) {
    self.file = file
    self.range = range
    self.tensor = tensor
  }
}
