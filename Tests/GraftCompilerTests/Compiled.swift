import Foundation
import GraftFormats
import GraftIR

import GraftCompiler

/// A graft file in memory, compiled with seeded weights where it is not told otherwise.
struct Compiled {
  let grafts: [CompiledGraft]
  let diagnostics: [Diagnostic]
  let notes: [String]
  /// The text that each diagnostic points at.
  let places: [String]

  /// `text` as the file `a.graft`; `files` are others that it may import.
  init(_ text: String, files: [String: String] = [:], options: Compiler.Options = .noise) {
    let all = files.merging(["a.graft": text]) { old, _ in old }
    let compiler = Compiler(options: options) { path throws(Diagnostic) in all[path].map { Array($0.utf8) } }
    grafts = compiler.compile(file: "a.graft")
    diagnostics = compiler.diagnostics.inSourceOrder
    notes = compiler.notes
    let sources = compiler.sources
    places = diagnostics.map { item in
      guard let at = item.location, let source = sources.first(where: { $0.file == at.file }) else { return "" }
      let bytes = Array(source.text.utf8)
      return String(decoding: bytes[at.range.clamped(to: 0..<bytes.count)], as: UTF8.self)
    }
  }

  /// Statements behind `base MODEL noise(seed: 1)`.
  init(_ statements: String, model: String, before: String = "", options: Compiler.Options = .noise) {
    self.init("\(before)\ngraft \"g\" {\nbase \(model) noise(seed: 1)\n\(statements)\n}\n", options: options)
  }

  /// Statements on a DiT of four narrow blocks.
  static func small(_ statements: String, before: String = "", options: Compiler.Options = .noise) -> Compiled {
    Compiled(statements, model: smallModel, before: before, options: options)
  }

  static let smallModel = "dit(size: 4, width: 8, depth: 4, heads: 2, classes: 3)"

  var rules: [String] { diagnostics.map(\.rule) }

  var architecture: Module? { grafts.first?.architecture }

  /// The call of the operator at `path`: `mha(width: 8, heads: 2)`.
  func call(_ path: String) -> String? { part(path)?.callText }

  func part(_ path: String) -> Module? { architecture?[path: path.split(separator: ".").map(String.init)] }

  /// The formulas of all tensors by name.
  var weights: [String: WeightExpression] {
    var result: [String: WeightExpression] = [:]
    architecture?.forEachParameter { name, parameter in result[name] = parameter.weight }
    return result
  }

  var origins: [String: WeightOrigin] {
    var result: [String: WeightOrigin] = [:]
    architecture?.forEachParameter { name, parameter in result[name] = parameter.origin }
    return result
  }
}

extension Compiler.Options {
  /// Seeded weights instead of checkpoints.
  static var noise: Compiler.Options {
    var options = Compiler.Options()
    options.base = "noise"
    return options
  }

  /// The base that the text itself names.
  static let asWritten = Compiler.Options()

  static func setting(_ settings: [(String, String)]) -> Compiler.Options {
    var options = Compiler.Options.noise
    options.settings = settings.map { (name: $0.0, values: $0.1) }
    return options
  }
}

/// A checkpoint in memory that holds headers and no bytes.
final class ListedCheckpoint: CheckpointReader {
  let format = "memory"
  let file: String
  let byteCount = 0
  let entries: [TensorEntry]
  let metadata: [String: String]

  init(_ tensors: [(String, Shape)], metadata: [String: String] = [:], file: String = "memory.safetensors") {
    self.file = file
    entries = tensors.map { TensorEntry(path: [$0.0], dtype: .f32, shape: $0.1) }
    self.metadata = metadata
  }

  /// The tensors of `module`.
  convenience init(_ module: Module, metadata: [String: String] = [:]) {
    var tensors: [(String, Shape)] = []
    module.forEachParameter { name, parameter in tensors.append((name, parameter.shape)) }
    self.init(tensors, metadata: metadata)
  }

  func tensor(at index: Int) throws(Diagnostic) -> Tensor { throw Diagnostic("memory.headers-only", "no bytes") }

  /// The model in it, as `names` and `assumptions` tell it.
  func recognised(
    _ names: FileScope = Library.prelude, assuming assumptions: [String] = [], leavesOpen: Bool = false
  ) throws(Diagnostic) -> Module {
    var options = Compiler.Options()
    options.assumptions = assumptions
    options.leavesOpen = leavesOpen
    var positions: [String: Int] = [:]
    for (index, entry) in entries.enumerated() { positions[entry.name] = index }
    let opened = Checkpoints.Opened(
      source: WeightPlan.Source(file: file, key: nil), reader: self, entries: positions, notes: [])
    return try onDeepStack { () throws(Diagnostic) in
      try Compiler(options: options).recognise(opened, names, Evaluator())
    }
  }
}

/// The folder of the project.
enum Project {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: root.appending(path: path)), as: UTF8.self)
  }

  /// Every file below `folder` whose name ends in `.ext`, by path; what is built is left out.
  static func files(below folder: String, _ ext: String) -> [String] {
    let found = FileManager.default.enumerator(atPath: root.appending(path: folder).path)?.compactMap { $0 as? String }
    return (found ?? []).filter { $0.hasSuffix("." + ext) && !$0.contains(".build/") }
      .map { folder.isEmpty ? $0 : folder + "/" + $0 }.sorted()
  }
}
