/// What breaks or keeps a rule: files, and the commands that are run beside them.
///
/// In `specs/rules/` it is written as fenced blocks; the word behind the fence tells what a block is, the next one the
/// name of its file:
///
///     ```graft other.graft        a graft file, `a.graft` where it has no name
///     ```json x.json              any other text file
///     ```tensors x.safetensors    a checkpoint of zeros: NAME DTYPE [SHAPE] in each line
///     ```header x.safetensors 16  a checkpoint with this header and 16 zero bytes behind it
///     ```graph                    the text of a graph, which is read
///     ```sh                       commands, of which the last shows the rule; `graftc check a.graft` where there are none
///
/// Where no file can show it, a line of text stands instead.
public struct RuleExample: Sendable, Hashable {
  /// How the block of a file is read.
  public enum Kind: Sendable, Hashable {
    case text
    case tensors
    case header(byteCount: Int)
    case graph
  }

  /// A file that stands beside the script.
  public struct File: Sendable, Hashable {
    /// Empty for a graph and a node of one.
    public let name: String
    /// How `text` is read.
    public let kind: Kind
    /// The block's text.
    public let text: String
  }

  /// What is said instead of files.
  public internal(set) var note = ""
  /// What is put beside the script.
  public internal(set) var files: [File] = []
  /// The lines of a shell script that was written for them; empty for the usual one.
  public internal(set) var commands = ""

  /// What is run; empty where nothing is.
  public var script: String {
    if !commands.isEmpty { return commands }
    return files.contains { $0.name == "a.graft" } ? "graftc check a.graft\n" : ""
  }

  /// Whether there is nothing in it.
  var isEmpty: Bool { note.isEmpty && files.isEmpty && commands.isEmpty }

  /// Adds a fenced block with `info` behind its fence.
  mutating func add(_ info: String, _ text: String) {
    let words = info.split(separator: " ").map(String.init)
    let name = words.dropFirst().first
    switch words.first {
    case "sh": commands += text
    case "graph": files.append(File(name: "", kind: .graph, text: text))
    case "tensors": files.append(File(name: name ?? "", kind: .tensors, text: text))
    case "header":
      let count = words.count > 2 ? Int(words[2]) ?? 0 : 0
      files.append(File(name: name ?? "", kind: .header(byteCount: count), text: text))
    default: files.append(File(name: name ?? "a.graft", kind: .text, text: text))
    }
  }

  /// With those of `common` that its script or its files name, before its own.
  func taking(_ common: [File]) -> RuleExample {
    var result = self
    // A file that is taken may name others.
    while true {
      let texts = [result.script] + result.files.map(\.text)
      let named = common.filter { file in
        !result.files.contains { $0.name == file.name } && texts.contains { $0.contains(file.name) }
      }
      if named.isEmpty { return result }
      result.files = named + result.files
    }
  }
}
