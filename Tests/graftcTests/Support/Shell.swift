import Foundation
import GraftCompiler
import GraftFormats
import GraftIR
import Testing

/// The examples of rules, run as a reader would run them.
enum Shell {
  /// What a script left.
  struct Result {
    let code: Int32
    let error: String
    /// The rules that errors, warnings and findings name.
    let rules: Set<String>
  }

  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures").standardizedFileURL.path

  /// Puts the files of `example` into a folder and runs its script there.
  static func run(_ example: RuleExample) throws -> Result {
    let folder = try TemporaryFolder()
    for file in example.files {
      switch file.kind {
      case .text: try folder.write(file.text, as: file.name)
      case .tensors: try TransferEngine.write(try tensors(file.text), to: folder(file.name))
      case .header(let count):
        let header = Data(file.text.utf8.dropLast())
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
        try (length + header + Data(count: count)).write(to: URL(filePath: folder(file.name)))
      case .graph: Issue.record("a graph is no file")
      }
    }
    let programs = URL(filePath: Graftc.path).deletingLastPathComponent().path
    let result = try Graftc.start(
      ["-c", example.script],
      environment: [
        "PATH": programs + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"),
        "FIXTURES": fixtures,
      ], folder: folder.path, program: "/bin/sh"
    ).wait()
    let rules = result.error.matches(of: /\n *= rule: (\S+)/).map { String($0.output.1) }
    let found = result.output.matches(of: /(?:^|\n)(?:found|warning): .*\((\S+)\)/).map { String($0.output.1) }
    return Result(code: result.code, error: result.error, rules: Set(rules + found))
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
