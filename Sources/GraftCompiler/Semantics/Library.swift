import GraftFormats
package import GraftIR

/// Loads graft files with what they import, each once.
package final class Library {
  /// Reads a file's bytes; `nil` where there is none.
  package typealias ReadFile = (_ path: String) throws(Diagnostic) -> [UInt8]?

  package private(set) var diagnostics = Diagnostics()
  /// Every text that was loaded, for showing places in it.
  package private(set) var sources: [SourceText] = []
  /// Files that may take part, at most.
  private static let fileLimit = 1000
  let read: ReadFile
  private var loaded: [String: FileScope] = [:]
  private var loading: [String] = []

  package init(read: @escaping ReadFile) {
    self.read = read
    sources = Library.prelude.sources
  }

  /// Takes over the texts that another library read, for showing places in them.
  func adopt(_ other: Library) {
    for source in other.sources where !sources.contains(where: { $0.file == source.file }) { sources.append(source) }
  }

  /// Keeps a text of the command line, so that places in it can be shown.
  func keep(_ source: SourceText) {
    if !sources.contains(where: { $0.file == source.file }) { sources.append(source) }
  }

  /// The operators, models and presets that ship with graft.
  package static let prelude: FileScope = {
    var diagnostics = Diagnostics()
    var tree = SyntaxTree(imports: [], declarations: [])
    for source in Prelude.sources { tree.declarations += parse(source, into: &diagnostics).declarations }
    let scope = FileScope(tree, sources: Prelude.sources, parents: [], isPrelude: true, diagnostics: &diagnostics)
    let renderer = DiagnosticRenderer(sources: Prelude.sources)
    precondition(!diagnostics.hasErrors, "the prelude does not parse: \(renderer.render(diagnostics))")
    return scope
  }()

  /// The file at `path` and all that it imports, or `nil` where it cannot be read at all.
  package func load(_ path: String, importedAt: Location? = nil) -> FileScope? {
    let key = withoutDetours(path)
    if let known = loaded[key] { return known }
    if loading.contains(key) {
      let round = loading.drop { $0 != key } + [key]
      diagnostics.report(
        Diagnostic(
          "imports.cycle", "'\(path)' imports itself: \(round.joined(separator: " > "))", at: importedAt))
      return nil
    }
    if loading.count > 64 {
      diagnostics.report(Diagnostic("imports.depth", "imports are nested more than 64 deep", at: importedAt))
      return nil
    }
    do throws(Diagnostic) {
      guard let bytes = try read(path) else {
        let message = "there is no file '\(path)'"
        let help = suggestion(for: path, among: Zoo.names).map { "the zoo has '\($0)'" }
        diagnostics.report(
          importedAt == nil
            ? Diagnostic("files.missing", message, help: help, category: .inputMissing)
            : Diagnostic("imports.missing", message, at: importedAt, help: help))
        return nil
      }
      return load(try SourceText(file: path, bytes: bytes))
    } catch {
      diagnostics.report(error.at(importedAt))
      return nil
    }
  }

  /// A text that is already at hand, as if it stood in a file of that name.
  package func load(_ source: SourceText) -> FileScope {
    sources.append(source)
    let key = withoutDetours(source.file)
    loading.append(key)
    defer { loading.removeLast() }
    let tree = parse(source, into: &diagnostics)
    var parents: [FileScope] = []
    for item in tree.imports where diagnostics.items.count <= 100 {
      if sources.count > Self.fileLimit {
        diagnostics.report(
          Diagnostic("limits.files", "more than \(Self.fileLimit) files are imported", at: item.at))
        break
      }
      // Only the command line means standard input by a dash.
      let path = resolvePath(item.file == "-" ? "./-" : item.file, relativeTo: source.file)
      if let scope = load(path, importedAt: item.at) { parents.append(scope) }
    }
    let scope = FileScope(
      tree, sources: [source], parents: parents + [Library.prelude], isPrelude: false, diagnostics: &diagnostics)
    loaded[key] = scope
    return scope
  }
}

/// `path` as seen from the folder of `file`; an absolute path stays.
package func resolvePath(_ path: String, relativeTo file: String) -> String {
  guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
  return file[...slash] + path
}

/// `a/./b/../c` as `a/c`: how files are told apart.
private func withoutDetours(_ path: String) -> String {
  var pieces: [Substring] = []
  for piece in path.split(separator: "/") where piece != "." {
    if piece == "..", let last = pieces.last, last != ".." { pieces.removeLast() } else { pieces.append(piece) }
  }
  return (path.hasPrefix("/") ? "/" : "") + pieces.joined(separator: "/")
}
