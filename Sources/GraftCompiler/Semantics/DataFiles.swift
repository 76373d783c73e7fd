import GraftFormats
package import GraftIR

/// The JSON files that grafts read with `read("x.json")`, each opened once.
package final class DataFiles {
  /// What a file holds, and how it is told in the metadata of what is made from it.
  package struct File: Sendable {
    /// As the graft spells it.
    package let name: String
    package let digest: String
    package let value: Datum
  }

  /// Bytes of a file, at most.
  private static let byteLimit = 4 << 20
  private let read: Library.ReadFile
  private var known: [String: File] = [:]

  package init(read: @escaping Library.ReadFile) { self.read = read }

  /// The file called `name` in a text of the file `file`.
  package func file(_ name: String, saidIn file: String, at: Location) throws(Diagnostic) -> File {
    // Only the command line means standard input by a dash.
    let path = resolvePath(name == "-" ? "./-" : name, relativeTo: file)
    if let known = known[path] { return known }
    guard !name.isEmpty, !name.utf8.contains(0), let bytes = try read(path) else {
      throw Diagnostic("files.missing", "there is no file '\(path)'", at: at, category: .inputMissing)
    }
    guard bytes.count <= Self.byteLimit else {
      throw Diagnostic("files.too-large", "'\(path)' has more than 4 MiB, which is too much to read", at: at)
    }
    guard let digest = SHA256.hexadecimal(of: bytes) else {
      throw Diagnostic("transfer.digest", "the SHA-256 of '\(path)' cannot be taken", at: at, category: .defect)
    }
    var entries = 0
    let value = try datum(try JSON(parsing: bytes, file: path), path, &entries, depth: 0, at: at)
    let result = File(name: name, digest: digest, value: value)
    known[path] = result
    return result
  }

  /// A value of the language: objects are records, and a member that is null is not there.
  private func datum(
    _ json: JSON, _ path: String, _ entries: inout Int, depth: Int, at: Location
  ) throws(Diagnostic) -> Datum {
    entries += 1
    let isNested = json.listValue != nil || json.members != nil
    guard entries <= Evaluator.listLimit, depth + (isNested ? 1 : 0) <= Evaluator.nestingLimit else {
      throw Diagnostic(
        "limits.list",
        "'\(path)' holds more than \(Evaluator.listLimit) values, or more than \(Evaluator.nestingLimit) inside each other",
        at: at)
    }
    switch json {
    case .null: throw Diagnostic("files.null", "'\(path)' has a null where a value is wanted", at: at)
    case .bool(let value): return .bool(value)
    case .int(let value): return .number(Number(value))
    case .number(let value): return .number(.approximate(value))
    case .text(let value):
      guard value.utf8.count <= Evaluator.textLimit else {
        throw Diagnostic(
          "limits.text", "'\(path)' has a text of more than \(Evaluator.textLimit) bytes", at: at)
      }
      return .text(value)
    case .list(let values):
      var list: [Datum] = []
      for value in values { list.append(try datum(value, path, &entries, depth: depth + 1, at: at)) }
      return .list(list)
    case .object(let members):
      var record: [String: Datum] = [:]
      for member in members where member.value != .null {
        record[member.name] = try datum(member.value, path, &entries, depth: depth + 1, at: at)
      }
      return .record(record)
    }
  }
}

extension Evaluator {
  /// `read("x.json")`, in a graft or a `let` that it uses.
  ///
  /// An operator reads nothing: a checkpoint carries its operators, and is opened without any other file.
  func read(_ name: String, at: Location, _ environment: Environment) throws(Diagnostic) -> Datum {
    var isGraft = instantiating.isEmpty
    switch environment.place {
    case .graft: isGraft = true
    case .forward: isGraft = false
    case .compileTime: break
    }
    guard isGraft, let dataFiles else {
      throw Diagnostic(
        "calls.read", "'read' stands in grafts; an operator is given what it needs of a file as an argument", at: at)
    }
    let file = try dataFiles.file(name, saidIn: at.file, at: at)
    try spend(size(of: file.value), at: at)
    if !filesRead.contains(where: { $0.name == file.name && $0.digest == file.digest }) { filesRead.append(file) }
    return file.value
  }
}
