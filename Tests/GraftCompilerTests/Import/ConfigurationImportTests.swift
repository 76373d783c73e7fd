import Foundation
import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// YAML configurations of the grafting paper's code as graft files.
@Suite struct ConfigurationImportTests {
  private static let folder = Project.root.appending(path: "Tests/Fixtures/configurations").path

  private static let published = [
    "sampling/3_swaps", "sampling/50p_hyena_se", "sampling/50p_hyena_x", "sampling/50p_hyena_y", "sampling/50p_mamba2",
    "sampling/50p_mha", "sampling/50p_mlp", "sampling/50p_mlp_hyena_x", "sampling/50p_swa", "sampling/75p_swa",
    "training/50p_hyena_y",
  ]

  /// What becomes of `files`, of which `c.yaml` is the configuration.
  private func imported(_ files: [String: String], operatorFile: String? = nil) -> ConfigurationImport {
    ConfigurationImport("c.yaml", operatorFile: operatorFile) { path throws(Diagnostic) in
      files[path].map { Array($0.utf8) }
    }
  }

  private func configuration(
    _ section: String = "  graft_indexes: [1, 2]", name: String = "hyena_x", type: String = "mha"
  ) -> String {
    """
    operator:
      type: \(type)
      name: \(name)
      config_filepath: o.yaml
    sample_config:
      init_type: graft
      dit_model_name: DiT-XL/2
      image_size: 256
    \(section)

    """
  }

  private func compiled(_ text: String) -> Compiled {
    var options = Compiler.Options()
    options.base = "noise"
    return Compiled(text, options: options)
  }

  @Test("Every configuration becomes a canonical graft that compiles", arguments: published)
  func compiles(_ name: String) throws {
    let result = ConfigurationImport("\(Self.folder)/\(name).yaml")
    #expect(!result.diagnostics.hasErrors, "\(result.diagnostics)")
    let text = try #require(result.text)
    var diagnostics = Diagnostics()
    #expect(formatted(SourceText(file: "a.graft", text: text), into: &diagnostics) == text)
    #expect(!diagnostics.hasErrors)
    #expect(text.contains("graft \"\(name.split(separator: "/")[1])\""))
  }

  /// The published table of checkpoints says how many parameters each half has.
  static let sizes = [
    ("sampling/50p_swa", "dit-xl2-mha-swa-50p"), ("sampling/75p_swa", "dit-xl2-mha-swa-75p"),
    ("sampling/50p_hyena_x", "dit-xl2-mha-hyena_x-50p"), ("sampling/50p_hyena_y", "dit-xl2-mha-hyena_y-50p"),
    ("sampling/50p_hyena_se", "dit-xl2-mha-hyena_se-50p"), ("sampling/50p_mamba2", "dit-xl2-mha-mamba_2-50p"),
    ("sampling/50p_mlp", "dit-xl2-mlp-mlp_r_3-50p"), ("sampling/50p_mlp_hyena_x", "dit-xl2-mlp-mlp_hyena_x-50p"),
  ]

  @Test("What is imported is the design of the zoo of that name", arguments: sizes)
  func isThatOfTheZoo(_ name: String, _ other: String) throws {
    let text = try #require(ConfigurationImport("\(Self.folder)/\(name).yaml").text)
    let design = try #require(Zoo.items.first { $0.name == other })
    let (found, expected) = (compiled(text), compiled(design.text))
    #expect(found.diagnostics == [] && expected.diagnostics == [])
    #expect(found.grafts.first?.grafted.parameters == expected.grafts.first?.grafted.parameters)
    func calls(_ compiled: Compiled) -> [String] {
      (compiled.grafts.first?.grafted.operators ?? []).map { "\($0.path) \($0.operator)(\($0.arguments))" }
    }
    #expect(calls(found) == calls(expected))
  }

  @Test("Weights of the blocks are loaded by their numbers, as a map and as a list of maps")
  func weights() throws {
    let text = try #require(ConfigurationImport("\(Self.folder)/sampling/3_swaps.yaml").text)
    #expect(text.contains("blocks[i in [6, 16, 27]].attn"))
    #expect(text.contains("block_\\(i)/l1/scaled_pred=False/seed=\\(i)/checkpoints/best_train.pt:model"))
    let result = ConfigurationImport("\(Self.folder)/training/50p_hyena_y.yaml")
    #expect(result.diagnostics.items.map(\.rule) == ["import.fault"])
    #expect(try #require(result.text).contains("finetune (samples: 128000, batch: 256, steps: 50000, rate: 0.0001)"))
  }

  static let operatorFile = "d_model: 1152\nshort_filter_order: 4\n"

  static let wrong: [(section: String, operatorFile: String, rule: String)] = [
    ("  graft_indexes: [1, -2]", operatorFile, "import.value"),
    ("  graft_indexes: [1, 28]", operatorFile, "paths.out-of-range"),
    ("  graft_indexes: 3", operatorFile, "import.value"),
    ("  graft_indexs: [3]", operatorFile, "import.missing-key"),
    ("  graft_indexes: [1, 2]\n  graft_weights: 5", operatorFile, "import.value"),
    ("  graft_indexes: [1, 2]\n  graft_weights: {one: a.pt}", operatorFile, "import.value"),
    ("  graft_indexes: [1, 2]\n  graft_weights: {1: [a.pt]}", operatorFile, "import.value"),
    ("  graft_indexes: &a [1, 2]", operatorFile, "import.alias"),
    ("  graft_indexes: [1, 2", operatorFile, "import.yaml"),
    ("  graft_indexes: [1]\n  graft_indexes: [2]", operatorFile, "import.yaml"),
    ("  graft_indexes: [1, 2]\n  grafted_dit_ckpt_path: \"a\\u0001b\"", operatorFile, "import.text"),
    ("  graft_indexes: [1, 2]", "d_model: 1152\nactivation: relu\n", "import.unsupported"),
    ("  graft_indexes: [1, 2]", "d_model: 1152\nshort_filter_order: four\n", "import.value"),
    ("  graft_indexes: [1, 2]", "d_model: \"\(String(repeating: "9", count: 70_000))\"", "import.size"),
  ]

  @Test("What cannot be imported is told by its rule, with its place", arguments: wrong)
  func isRefused(_ section: String, _ operatorFile: String, _ rule: String) {
    let result = imported(["c.yaml": configuration(section), "o.yaml": operatorFile])
    #expect(result.text == nil)
    #expect(result.diagnostics.items.filter { $0.severity == .error }.map(\.rule) == [rule])
    #expect(result.diagnostics.items.first?.location != nil)
  }

  @Test("Files, sections, operators and models that are not there")
  func missing() {
    func rules(_ result: ConfigurationImport) -> [String] { result.diagnostics.items.map(\.rule) }
    #expect(rules(imported([:])) == ["import.missing"])
    #expect(rules(imported(["c.yaml": configuration()])) == ["import.no-config"])
    #expect(rules(imported(["c.yaml": configuration()], operatorFile: "p.yaml")) == ["import.no-config"])
    #expect(rules(imported(["c.yaml": ""])) == ["import.section"])
    let alone = imported(["c.yaml": Self.operatorFile])
    #expect(rules(alone) == ["import.section"] && alone.diagnostics.items[0].help?.contains("operator's") == true)
    let unknown = imported(["c.yaml": configuration(name: "hyena_z"), "o.yaml": Self.operatorFile])
    #expect(rules(unknown) == ["import.operator"])
    let model = configuration().replacing("DiT-XL/2", with: "DiT-XXL/2")
    let misspelt = imported(["c.yaml": model, "o.yaml": Self.operatorFile])
    #expect(rules(misspelt) == ["import.model"])
    #expect(misspelt.diagnostics.items.first?.label == "did you mean 'DiT-XL/2'?")
  }

  @Test("What means nothing is left out and said, with the key that was meant")
  func unknownKeys() {
    let result = imported([
      "c.yaml": configuration("  graft_indexes: [1]\n  cfg_scal: 4"), "o.yaml": Self.operatorFile + "l_mx: 256\n",
    ])
    #expect(result.text != nil)
    #expect(result.diagnostics.items.map(\.rule) == ["import.unknown-key", "import.unknown-key"])
    #expect(result.diagnostics.items.map(\.label).contains("did you mean 'cfg_scale'?"))
  }

  @Test("No text traps: mutated configurations give a graft or a diagnostic")
  func mutated() throws {
    let seed = 20_251_125
    var random = SplitMix(seed)
    let base = Array(configuration("  graft_indexes: [1, 2]\n  graft_weights: {1: a1.pt, 2: a2.pt}").utf8)
    let words = [
      "- ", ": ", "[", "{", "\"", "'", "|", ">", "!!", "null", "1e400", "\n", "\t", "\u{2028}", "é", "#", "---",
    ]
    for round in 0..<400 {
      var bytes = base
      for _ in 0...Int.random(in: 0..<3, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.insert(contentsOf: Array(words.randomElement(using: &random)?.utf8 ?? "".utf8), at: at)
        default: bytes.removeSubrange(at..<min(bytes.count, at + 9))
        }
      }
      let result = ConfigurationImport("c.yaml") { path throws(Diagnostic) in
        path == "c.yaml" ? bytes : Array(Self.operatorFile.utf8)
      }
      #expect((result.text == nil) == result.diagnostics.hasErrors, "seed \(seed), round \(round)")
    }
  }
}
