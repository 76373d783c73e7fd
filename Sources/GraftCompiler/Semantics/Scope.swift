/// Names and what they mean, innermost first.
package final class Scope: Sendable {
  /// Names that one place may see, at most.
  static let nameLimit = 4096
  /// Scopes inside each other; beyond it they are laid together, so that looking up stays quick and letting go shallow.
  private static let chainLimit = 24

  package let parent: Scope?
  package let file: FileScope
  private let names: [String: Datum]
  /// Names of this scope whose `let` failed: what uses one is not told again.
  private let broken: Set<String>
  private let chain: Int
  /// How many names there are, those counted twice that hide others.
  let nameCount: Int

  package init(parent: Scope?, file: FileScope, names: [String: Datum] = [:], broken: Set<String> = []) {
    self.file = file
    if let parent, parent.chain >= Self.chainLimit {
      var all = names
      var allBroken = broken
      var scope: Scope? = parent
      while let current = scope {
        allBroken.formUnion(current.broken.filter { all[$0] == nil })
        all.merge(current.names.filter { !allBroken.contains($0.key) }) { inner, _ in inner }
        scope = current.parent
      }
      self.parent = nil
      self.names = all
      self.broken = allBroken
      chain = 1
      nameCount = all.count
      return
    }
    self.parent = parent
    self.names = names
    self.broken = broken
    chain = (parent?.chain ?? 0) + 1
    nameCount = (parent?.nameCount ?? 0) + names.count
  }

  /// No names, of no file.
  static var bare: Scope { Scope(parent: nil, file: FileScope.empty) }

  package func lookup(_ name: String) -> Datum? {
    var scope: Scope? = self
    while let current = scope {
      if let datum = current.names[name] { return datum }
      if current.broken.contains(name) { return nil }
      scope = current.parent
    }
    return nil
  }

  /// Whether `name` is one whose `let` failed.
  package func isBroken(_ name: String) -> Bool {
    var scope: Scope? = self
    while let current = scope {
      if current.names[name] != nil { return false }
      if current.broken.contains(name) { return true }
      scope = current.parent
    }
    return false
  }

  package var visibleNames: [String] {
    var result: [String] = []
    var scope: Scope? = self
    while let current = scope {
      result += current.names.keys.sorted()
      scope = current.parent
    }
    return result
  }

  package func adding(_ names: [String: Datum]) -> Scope {
    names.isEmpty ? self : Scope(parent: self, file: file, names: names)
  }

  /// The same names, and one that has no value because its `let` failed.
  package func addingBroken(_ name: String) -> Scope { Scope(parent: self, file: file, broken: [name]) }
}
