import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner
import Testing

/// Outputs of whole models and of single operators beside those of PyTorch, on every variant of graft's own loops.
///
/// Expected numbers: `Tests/Fixtures/{dit,parallel,operators,fresh}`, made with PyTorch. The tolerance of an output is
/// the manifest's: 2e-5 of its largest magnitude, or eight times what PyTorch's own single precision differs from
/// double.
@Suite struct ForwardTests {
  static let models =
    Golden.cases("dit") { $0.name.hasSuffix("_io") } + Golden.cases("parallel") { $0.name.hasSuffix("_io") }
    + Golden.cases("fresh") { $0.name.hasSuffix("_io") }
  static let operators = Golden.cases("operators") + Golden.cases("fresh") { $0.facts["config"]?["kind"] != nil }

  @Test("The golden folders are there")
  func folders() {
    // 3 sequential and 23 grafted models, 4 parallel ones, 5 of other sizes; 29 operators, 24 of other sizes.
    #expect(Self.models.count == 35)
    #expect(Self.operators.count == 53)
  }

  /// The model of a case, under the name that `check` gives it.
  private func model(_ golden: GoldenCase) throws -> (path: String, assumptions: [String]) {
    let owner = golden.facts["model"]?.textValue
    let described = Golden.cases(golden.folder) { $0.name == owner }.first ?? golden
    var assumptions = ["dit(heads: \(try described.size("num_heads")))"]
    // Only what is assumed of an operator that the model holds counts, so windows are told of every model.
    if "\(described.facts["config"]?["attn"] ?? .null)".contains("swa") { assumptions.append("swa(window: [4, 4])") }
    let file = owner.map { $0 + ".safetensors" } ?? golden.facts["checkpoint"]?.textValue
    return (golden.path(try #require(file)), assumptions)
  }

  @Test("A model gives what PyTorch gives", arguments: models, InstructionSet.supported)
  func outputs(_ golden: GoldenCase, _ isa: InstructionSet) throws {
    let recorded = try golden.tensors()
    let (path, assumptions) = try model(golden)
    let opened = try openModel(path, assuming: assumptions)
    let runner = opened.runner(isa)
    let what = "\(golden.testDescription) \(isa.rawValue)"

    let blocks = golden.outputs.filter { $0.hasPrefix("block.") }
    let results = try runner.run(
      inputs: recorded.filter { ["x", "t", "y"].contains($0.key) },
      trace: Set(blocks.isEmpty ? [] : opened.tracePaths(["blocks[all]"])))
    let found = Dictionary(results.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    try expectClose(found["out"], recorded["out"], within: golden.tolerance(of: "out"), what + " out")
    for block in blocks {
      try expectClose(
        found["blocks" + block.dropFirst(5)], recorded[block], within: golden.tolerance(of: block), "\(what) \(block)")
    }
    if let time = recorded["t_fraction"] {
      let inputs = ["x": recorded["x"], "t": time, "y": recorded["y"]].compactMapValues(\.self)
      let out = try runner.run(inputs: inputs).first?.tensor
      try expectClose(
        out, recorded["out_fraction"], within: golden.tolerance(of: "out_fraction"), what + " out_fraction")
    }
    if let scale = golden.facts["guidance"]?.doubleValue, recorded["guided.x"] != nil {
      var inputs = ["x": recorded["guided.x"], "t": recorded["guided.t"], "y": recorded["guided.y"]].compactMapValues(
        \.self)
      inputs["cfg_scale"] = Tensor([Float(scale)], [])
      let out = try runner.run(function: "forward_with_cfg", inputs: inputs).first?.tensor
      try expectClose(out, recorded["guided.out"], within: golden.tolerance(of: "guided.out"), what + " guided.out")
    }
  }

  @Test("An operator alone gives what PyTorch gives", arguments: operators, InstructionSet.supported)
  func operatorOutputs(_ golden: GoldenCase, _ isa: InstructionSet) throws {
    let recorded = try golden.tensors()
    let folder = try TemporaryFolder()
    let parameters = recorded.compactMap { name, tensor in
      name.hasPrefix("param.") ? (name: String(name.dropFirst(6)), tensor: tensor) : nil
    }
    try TransferEngine.write(parameters.sorted { $0.name < $1.name }, to: folder("parameters.safetensors"))
    let x = try #require(recorded["x"])
    let opened = try Compiler().openOperator(
      ExpressionAddress(parsing: try call(golden)), checkpoint: folder("parameters.safetensors"), inputs: ["x": x.shape]
    )
    let out = try opened.runner(isa).run(inputs: ["x": x]).first { $0.name == "out" }?.tensor
    try expectClose(
      out, recorded["y"], within: golden.tolerance(of: "y"), "\(golden.testDescription) \(isa.rawValue) y")
  }

  @Test("What is not said of an operator alone is read off its tensors", arguments: operators)
  func recovered(_ golden: GoldenCase) throws {
    let recorded = try golden.tensors()
    let folder = try TemporaryFolder()
    let parameters = recorded.compactMap { name, tensor in
      name.hasPrefix("param.") ? (name: String(name.dropFirst(6)), tensor: tensor) : nil
    }
    try TransferEngine.write(parameters.sorted { $0.name < $1.name }, to: folder("parameters.safetensors"))
    // Heads of attention, windows, grids and groups stand in no tensor.
    let call = try call(golden, only: ["heads", "window", "grid", "groups"])
    let x = try #require(recorded["x"])
    let opened = try Compiler().openOperator(
      ExpressionAddress(parsing: call), checkpoint: folder("parameters.safetensors"), inputs: ["x": x.shape])
    let out = try opened.runner().run(inputs: ["x": x]).first { $0.name == "out" }?.tensor
    try expectClose(out, recorded["y"], within: golden.tolerance(of: "y"), "\(golden.testDescription) recovered y")
  }

  /// The case's operator as graft spells it: the reference's names of sizes are put in graft's.
  private func call(_ golden: GoldenCase, only told: Set<String>? = nil) throws -> String {
    let config = try #require(golden.facts["config"]?.members)
    let kind = try #require(golden.facts["config"]?["kind"]?.textValue)
    let isInnerOnly = kind.hasPrefix("hyena_y")
    let labels = [
      "dim": "width", "short_taps": "kernel", "inner_taps": isInnerOnly ? "kernel" : "inner_kernel",
      "d_state": "state", "d_conv": "kernel", "headdim": "head_width",
    ]
    let arguments = config.filter { $0.name != "kind" && told?.contains($0.name) != false }.map {
      "\(labels[$0.name] ?? $0.name): \($0.value.text())"
    }
    return "\(kind.replacing("_groups", with: ""))(\(arguments.joined(separator: ", ")))"
  }
}
