import Foundation
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner
import Testing

/// One case of a golden folder's manifest: a file of recorded tensors, and how close what graft computes has to come.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  /// The folder below `Tests/Fixtures`.
  let folder: String
  let facts: JSON

  var name: String { facts["name"]?.textValue ?? "" }
  var testDescription: String { "\(folder)/\(name)" }

  /// The path of one of the folder's files.
  func path(_ file: String) -> String { Golden.folder + "/\(folder)/\(file)" }

  /// The recorded tensors by name.
  func tensors() throws -> [String: Tensor] { try Golden.tensors(path(#require(facts["file"]?.textValue))) }

  /// The largest absolute difference to the recorded `output` that is allowed, or `nil` for what is no output.
  func tolerance(of output: String) -> Double? { facts["outputs"]?[output]?["tol"]?.doubleValue }

  /// The whole number called `name` of the case's `config`.
  func size(_ name: String) throws -> Int { try #require(facts["config"]?[name]?.intValue) }

  /// The names of the recorded outputs.
  var outputs: [String] { facts["outputs"]?.members?.map(\.name) ?? [] }
}

/// The files beside the tests.
enum Golden {
  /// The folder of the project.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  static let folder = root + "/Tests/Fixtures"

  /// The checkpoint of a small trained model.
  static let shapesModel = root + "/Demo/dit-shapes.pt"

  /// The cases of `folder`'s manifest that pass `isIncluded`; a folder that cannot be read has none, which tests of the
  /// numbers of cases find.
  static func cases(_ folder: String, where isIncluded: (GoldenCase) -> Bool = { _ in true }) -> [GoldenCase] {
    let manifest = try? json("\(folder)/manifest.json")
    return (manifest?["cases"]?.listValue ?? []).map { GoldenCase(folder: folder, facts: $0) }.filter(isIncluded)
  }

  /// The JSON file at `path` below the fixtures.
  static func json(_ path: String) throws -> JSON {
    try JSON(parsing: Data(contentsOf: URL(filePath: folder + "/" + path)), file: path)
  }

  /// Every tensor of the checkpoint at `path`, by name.
  static func tensors(_ path: String) throws -> [String: Tensor] {
    let reader = try Formats.open(path)
    var tensors: [String: Tensor] = [:]
    for (index, entry) in reader.entries.enumerated() { tensors[entry.name] = try reader.tensor(at: index) }
    return tensors
  }
}

extension InstructionSet {
  /// Those that this processor runs.
  static let supported = allCases.filter(\.isSupported)
}

extension OpenModel {
  /// The model ready to run on the loops of `isa`.
  func runner(_ isa: InstructionSet = .current) -> Model {
    Model(program, pool: .process, isa: isa) { name throws(Diagnostic) in try self.tensor(name) }
  }
}

/// Opens the one model that `text` names.
func openModel(_ text: String, assuming assumptions: [String] = []) throws -> OpenModel {
  var options = Compiler.Options()
  options.assumptions = assumptions
  let models = try Compiler(options: options).open(ModelAddress(text), randomWeights: false)
  try #require(models.count == 1)
  return models[0]
}

/// Expects `found` to be `expected` up to `tolerance`, neither of them nothing but zeros, and gives the largest
/// difference.
@discardableResult
func expectClose(
  _ found: Tensor?, _ expected: Tensor?, within tolerance: Double?, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> Double {
  let found = try #require(found, "\(what) is missing", sourceLocation: sourceLocation)
  let expected = try #require(expected, "\(what) is not recorded", sourceLocation: sourceLocation)
  let tolerance = try #require(tolerance, "\(what) has no tolerance", sourceLocation: sourceLocation)
  #expect(found.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
  let (a, b) = (found.doubles, expected.doubles)
  try #require(a.count == b.count, "\(what)", sourceLocation: sourceLocation)
  let largest = zip(a, b).reduce(0.0) { largest, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(largest, difference)
  }
  #expect(largest <= tolerance, "\(what)", sourceLocation: sourceLocation)
  #expect(a.contains { $0 != 0 } && b.contains { $0 != 0 }, "\(what) is all zeros", sourceLocation: sourceLocation)
  Deviations.record(what, largest, tolerance)
  return largest
}

/// Expects the same names, shapes and bits.
func expectSameBits(
  _ found: [String: Tensor], _ expected: [String: Tensor], sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.keys.sorted() == expected.keys.sorted(), sourceLocation: sourceLocation)
  for (name, tensor) in expected {
    guard let other = found[name] else { continue }
    #expect(other.type == tensor.type, "\(name)", sourceLocation: sourceLocation)
    #expect(other == tensor, "\(name)", sourceLocation: sourceLocation)
  }
}

/// Where `GRAFT_DEVIATIONS` names a file, every compared output is written there with its largest difference, so that a
/// change of kernels can be judged by more than "it passed".
enum Deviations {
  private static let path = ProcessInfo.processInfo.environment["GRAFT_DEVIATIONS"]

  static func record(_ what: String, _ largest: Double, _ tolerance: Double) {
    guard let path, let file = fopen(path, "a") else { return }
    fputs("\(what)\t\(largest)\t\(tolerance)\n", file)
    fclose(file)
  }
}
