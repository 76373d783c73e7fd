package import GraftFormats
package import GraftIR

/// The checkpoint files that a compilation speaks of, each opened at most once and headers only.
package final class Checkpoints {
  /// A checkpoint with the part of it that was chosen.
  package struct Opened {
    package let source: WeightPlan.Source
    package let reader: any CheckpointReader
    /// The position of each entry by the name that a model knows it under.
    package let entries: [String: Int]
    /// What was chosen or taken off, told to the user.
    package let notes: [String]
    /// Numbers that a file beside it notes, by name.
    package let settings: [String: String]

    package init(
      source: WeightPlan.Source, reader: any CheckpointReader, entries: [String: Int], notes: [String],
      settings: [String: String] = [:]
    ) {
      self.settings = settings
      self.source = source
      self.reader = reader
      self.entries = entries
      self.notes = notes
    }
  }

  /// Opens the file that `address` names, or gives `nil` where it is not there.
  package typealias Open = (_ address: String) throws(Diagnostic) -> Opened?

  private let open: Open
  private var opened: [String: Opened?] = [:]
  /// The sources of the plan, in the order of first use.
  package private(set) var sources: [WeightPlan.Source] = []
  package private(set) var readers: [(any CheckpointReader)?] = []

  package init(open: @escaping Open) { self.open = open }

  /// The number of `address` among the sources, and the file, or `nil` for the file where it is missing.
  package func use(_ address: String) throws(Diagnostic) -> (number: Int, checkpoint: Opened?) {
    let checkpoint = try peek(address)
    let source = checkpoint?.source ?? WeightPlan.Source(file: address, key: nil)
    if let number = sources.firstIndex(of: source) { return (number, checkpoint) }
    sources.append(source)
    readers.append(checkpoint?.reader)
    return (sources.count - 1, checkpoint)
  }

  /// The file, without making it a source.
  package func peek(_ address: String) throws(Diagnostic) -> Opened? {
    if let known = opened[address] { return known }
    let checkpoint = try open(address)
    opened[address] = .some(checkpoint)
    return checkpoint
  }

  /// The addresses that were asked for and are not there, in order of name.
  package var missing: [String] { opened.filter { $0.value == nil }.keys.sorted() }
}
