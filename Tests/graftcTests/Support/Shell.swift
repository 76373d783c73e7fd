import Foundation
import GraftCompiler
import GraftFormats
import GraftIR
import Testing

/// The examples of the pages, run as a reader would run them.
enum Shell {
  /// What a script left.
  struct Result {
    let code: Int32
    let error: String
    /// The rules that errors, warnings and findings name.
    let rules: Set<String>
  }

  /// Puts the files of `example` into a folder and runs its script there.
  static func run(_ example: RuleExample) throws -> Result {
    let folder = try TemporaryFolder()
    for file in example.files {
      switch file.kind {
      case .text: try folder.write(file.text, as: file.name)
      case .tensors: try TransferEngine.write(try tensors(file.text), to: folder(file.name))
      case .header(let count):
        try folder.write(header: String(file.text.dropLast()), zeros: count, as: file.name)
      case .graph: Issue.record("a graph is no file")
      }
    }
    let result = try run(example.script, in: folder)
    let rules = result.error.matches(of: /\n *= rule: (\S+)/).map { String($0.output.1) }
    let found = result.output.matches(of: /(?:^|\n)(?:found|warning): .*\((\S+)\)/).map { String($0.output.1) }
    return Result(code: result.code, error: result.error, rules: Set(rules + found))
  }

  /// Runs `script` in `folder`, where `graftc` is the one that was built.
  static func run(_ script: String, in folder: TemporaryFolder) throws -> Graftc.Result {
    let programs = URL(filePath: Graftc.path).deletingLastPathComponent().path
    return try Graftc.start(
      ["-c", script],
      environment: [
        "PATH": programs + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"),
        "FIXTURES": Golden.folder,
      ], folder: folder.path, program: "/bin/sh"
    ).wait()
  }

  /// `NAME DTYPE [SHAPE]` in each line, all zeros.
  private static func tensors(_ text: String) throws -> [(String, Tensor)] {
    try text.split(separator: "\n").map { line in
      let match = try #require(line.wholeMatch(of: /(\S+) (\w+) \[([0-9, ]*)\]/), "\(line)")
      let dtype = try #require(DType.allCases.first { $0.safetensorsName == String(match.output.2) })
      let axes = match.output.3.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
      return (String(match.output.1), Tensor(zeros: dtype, Shape(axes)))
    }
  }
}
