import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

@Suite struct ZooTests {
  @Test("The binary holds what stands in specs/zoo")
  func embedded() throws {
    let folder = Project.root.appending(path: "specs/zoo")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".graft") }
    #expect(Zoo.names == files.map { String($0.dropLast(6)) }.sorted())
    for item in Zoo.items where item.kind == .graft {
      let text = try String(contentsOf: folder.appending(path: item.name + ".graft"), encoding: .utf8)
      #expect(item.text == text)
    }
  }

  @Test("Everything that ships says what it is", arguments: Zoo.items)
  func summaries(_ item: Zoo.Item) { #expect(!item.summary.isEmpty && !item.text.isEmpty, "\(item.name)") }

  @Test("Every file compiles against DiT-XL/2 with seeded weights", arguments: Zoo.names)
  func compiles(_ name: String) throws {
    let grafts = try compiled(name)
    #expect(!grafts.isEmpty)
    // Not one of them leaves the base as it was.
    for graft in grafts { #expect(!graft.edits.isEmpty) }
  }

  private func compiled(_ name: String) throws -> [CompiledGraft] {
    var options = Compiler.Options()
    options.base = "noise"
    let compiler = Compiler(options: options)
    let grafts = compiler.compile(GraftAddress(file: name))
    let text = DiagnosticRenderer(sources: compiler.sources).render(compiler.diagnostics)
    #expect(!compiler.diagnostics.hasErrors, "\(text)")
    return grafts
  }

  /// Table 4 of the grafting paper: the changes in operator FLOPs, feature FLOPs and parameters in percent of what all
  /// replaced operators of the kind have over 28 blocks. Nobody can derive the features of Mamba-2 as they are printed
  /// (+77.89, +116.83, +155.77): counting its projections and filter as they are gives +28.05 for each 50 %.
  static let table: [(name: String, operator: Double, features: Double?, parameters: Double)] = [
    ("mha-hyena_se-50p", -49.52, 0.13, 0.22), ("mha-hyena_se-75p", -74.27, 0.20, 0.33),
    ("mha-hyena_se-100p", -99.03, 0.26, 0.43),
    ("mha-hyena_x-50p", -49.90, 0.13, 0.16), ("mha-hyena_x-75p", -74.85, 0.20, 0.24),
    ("mha-hyena_x-100p", -99.81, 0.26, 0.33),
    ("mha-hyena_y-50p", -49.52, 0, 0.05), ("mha-hyena_y-75p", -74.27, 0, 0.08), ("mha-hyena_y-100p", -99.03, 0, 0.11),
    ("mha-swa-50p", -48.24, 0, 0), ("mha-swa-75p", -72.36, 0, 0), ("mha-swa-100p", -96.48, 0, 0),
    ("mha-mamba_2-50p", -37.59, nil, 28.02), ("mha-mamba_2-75p", -56.38, nil, 42.04),
    ("mha-mamba_2-100p", -75.17, nil, 56.05),
    ("mlp-mlp_r_3-50p", -12.50, 0, -12.50), ("mlp-mlp_r_3-75p", -18.75, 0, -18.75), ("mlp-mlp_r_3-100p", -25, 0, -25),
    ("mlp-mlp_r_6-50p", 25, 0, 25), ("mlp-mlp_r_6-75p", 37.50, 0, 37.50), ("mlp-mlp_r_6-100p", 50, 0, 50),
    ("mlp-mlp_hyena_x-50p", 0.01, 0, 0.02), ("mlp-mlp_hyena_x-75p", 0.02, 0, 0.03),
    ("mlp-mlp_hyena_x-100p", 0.02, 0, 0.03),
  ]

  @Test("Table 4 of the paper comes out of the plan, cell by cell", arguments: table)
  func table4(_ name: String, _ operation: Double, _ features: Double?, _ parameters: Double) throws {
    let graft = try #require(try compiled("dit-xl2-" + name).first)
    let part = name.hasPrefix("mha") ? "].attn" : "].mlp"
    func sums(_ summary: ModelSummary) throws -> (operation: Double, features: Double, parameters: Double) {
      var total = (operation: 0.0, features: 0.0, parameters: 0.0)
      for row in summary.operators where row.path.hasSuffix(part) {
        let published = try #require(row.published)
        total.operation += published.operatorFlops
        total.features += published.featureFlops
        total.parameters += Double(row.parameters)
      }
      return total
    }
    let (base, grafted) = (try sums(graft.base), try sums(graft.grafted))
    func change(_ new: Double, _ old: Double) -> Double { old == 0 ? new : (new - old) / old * 100 }
    // Printed with two digits. With its biases counted, ratio 6 everywhere is 49.9946 % more parameters; the table says
    // 50.00.
    let digits = name == "mlp-mlp_r_6-100p" ? 0.0055 : 0.0051
    #expect(abs(change(grafted.operation, base.operation) - operation) < digits)
    #expect(abs(change(grafted.parameters, base.parameters) - parameters) < digits)
    if let features { #expect(abs(change(grafted.features, base.features) - features) < digits) }
  }
}
