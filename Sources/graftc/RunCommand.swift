import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR
import GraftRunner

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs a model, or one operator, on tensors from a file.",
    discussion: """
      Example: graftc run model.safetensors --input x.safetensors --output out.safetensors
      Example: graftc run part.safetensors --operator 'mine.graft:gated(width: 64)' --input x.safetensors --output out.safetensors
      """)

  @Argument(help: "A checkpoint, a graft file or a model such as 'dit.xl2(image: 512)'.") var model: String
  @Option(help: "A file of input tensors by name.") var input: String
  @Option(name: .shortAndLong, help: "The file to write every result to, by name.") var output: String
  @Option(help: "The entry to run.") var function: String = "forward"
  @Option(parsing: .singleValue, help: "Also write what these parts gave, such as 'blocks[all].attn'.") var trace:
    [String] = []
  @Option(
    name: .customLong("operator"),
    help: "Run one operator alone, such as 'FILE.graft:gated(width: 64)', its parameters from the checkpoint.")
  var operatorText: String?
  @Option(help: "The type of linear layers' weights as they run: f32, bf16, f16 or int8.") var dtype: String = "f32"
  @Option(help: "The threads to run on.") var threads: Int?
  @Flag(help: "Seeded weights where there is no checkpoint.") var randomWeights = false
  @Option(help: "The seed of random weights.") var seed: Int = 0
  @Flag(help: "Replace a file that exists.") var force = false
  @OptionGroup var compilation: CompilationOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    let compiler = try compilation.compiler(console, seed: UInt64(bitPattern: Int64(seed)))
    try console.run(compiler) { () throws(Diagnostic) in
      let weights = try weightType(dtype)
      var options = TransferEngine.Options()
      options.force = force
      let reader = try Formats.open(CheckpointAddress(parsing: input))
      try TransferEngine.checkSources([reader], areNot: output)
      try TransferEngine.checkOutput(output, options: options)
      var inputs: [String: Tensor] = [:]
      for (index, entry) in reader.entries.enumerated() { inputs[entry.name] = try reader.tensor(at: index) }
      let pool = try ThreadPool.sized(threads)
      let results: [(name: String, tensor: Tensor)]
      if let operatorText {
        let address = ExpressionAddress(parsing: operatorText)
        let single = try compiler.openOperator(address, checkpoint: model, inputs: inputs.mapValues(\.shape))
        try TransferEngine.checkSources(single.readers, areNot: output)
        try compiler.refuseUnusedSettings()
        results = try Model(single.program, pool: pool, weights: weights) { name throws(Diagnostic) in
          try single.tensor(name)
        }
        .run(function: function, inputs: inputs)
      } else {
        let opened = try one(try compiler.open(ModelAddress(model), randomWeights: randomWeights))
        try TransferEngine.checkSources(opened.readers, areNot: output)
        try compiler.refuseUnusedSettings()
        let paths = try opened.tracePaths(trace, compiler)
        results = try Model(opened.program, pool: pool, weights: weights) { name throws(Diagnostic) in
          try opened.tensor(name)
        }
        .run(function: function, inputs: inputs, trace: Set(paths))
      }
      console.notes(of: compiler)
      Interruption.watch()  // What is there is written to its end.
      for result in results { console.detail("'\(result.name)' is \(result.tensor.dtype) \(result.tensor.shape)") }
      try TransferEngine.write(results.map { ($0.name, $0.tensor) }, to: output, options: options)
      console.note("wrote \(output): \(counted(results.count, "tensor"))")
    }
    try console.finish(compiler)
  }

  private func one(_ models: [OpenModel]) throws(Diagnostic) -> OpenModel {
    guard let model = models.first, models.count == 1 else {
      throw Diagnostic(
        "usage.one-model", "'\(self.model)' gives \(models.count) models, and one is run", help: "FILE.graft:NAME",
        category: models.isEmpty ? .badData : .usage)
    }
    return model
  }
}
