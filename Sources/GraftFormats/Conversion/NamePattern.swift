/// A pattern that whole names match: `*` for any characters, `?` for one, `[a-z]` and `[!a-z]` for one of some, `\`
/// before any of these for itself.
public struct NamePattern: Sendable, Hashable {
  /// As it was written.
  public let text: String
  private let tokens: [Token]

  fileprivate enum Token: Sendable, Hashable {
    case scalar(Unicode.Scalar)
    case one
    case set(ScalarSet)
    case any
  }

  /// Reads `text`; every text is a pattern.
  public init(_ text: String) {
    self.text = text
    var tokens: [Token] = []
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "*": if tokens.last != .any { tokens.append(.any) }
      case "?": tokens.append(.one)
      case "[": tokens.append(Self.set(&rest).map(Token.set) ?? .scalar(scalar))
      case "\\": tokens.append(.scalar(rest.popFirst() ?? scalar))
      default: tokens.append(.scalar(scalar))
      }
    }
    self.tokens = tokens
  }

  /// Whether the pattern is a name, and matches nothing else.
  public var isPlainName: Bool { tokens.allSatisfy { if case .scalar = $0 { true } else { false } } }

  /// Whether the whole of `name` matches. Takes at most the product of both lengths.
  public func matches(_ name: String) -> Bool {
    let scalars = Array(name.unicodeScalars)
    var (place, token) = (0, 0)
    var retry: (place: Int, token: Int)?  // Behind the last star, which takes one more each time.
    while place < scalars.count {
      if token < tokens.count, tokens[token] == .any {
        token += 1
        retry = (place, token)
      } else if token < tokens.count, tokens[token].matches(scalars[place]) {
        place += 1
        token += 1
      } else if let last = retry {
        retry = (last.place + 1, last.token)
        (place, token) = (last.place + 1, last.token)
      } else {
        return false
      }
    }
    return tokens[token...].allSatisfy { $0 == .any }
  }

  /// A class, read up to its end, or `nil` where it has none.
  private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> ScalarSet? {
    var body = rest
    let isInverted = body.first == "!" || body.first == "^"
    if isInverted { body.removeFirst() }
    guard let end = body.dropFirst().firstIndex(of: "]") else { return nil }
    let members = Array(body[..<end])
    var set = ScalarSet([], isInverted: isInverted)
    var index = 0
    while index < members.count {
      if index + 2 < members.count, members[index + 1] == "-", members[index] <= members[index + 2] {
        set.ranges.append(members[index].value...members[index + 2].value)
        index += 3
      } else {
        set.ranges.append(members[index].value...members[index].value)
        index += 1
      }
    }
    rest = body[(end + 1)...]
    return set
  }
}

extension NamePattern.Token {
  fileprivate func matches(_ scalar: Unicode.Scalar) -> Bool {
    switch self {
    case .scalar(let own): own == scalar
    case .one: true
    case .set(let set): set.contains(scalar)
    case .any: false
    }
  }
}
