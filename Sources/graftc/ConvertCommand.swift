import ArgumentParser
import GraftCompiler
import GraftFormats
import GraftIR

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Turns a checkpoint of any format into any other, and tells what changed.",
    discussion: """
      Example: graftc convert model.pt model.safetensors --dtype bf16 --dtype '*.norm*=f32' --rename '^module\\.=>'

      Of the rules that are for a tensor the last one counts. GLOB has * ? [a-z] and matches whole names; a dtype without \
      GLOB is for all floating-point tensors. Sizes are 500000, 512MB, 5G, 4GiB.
      """)

  @Argument(help: "A checkpoint; 'train.pt:ema' is the part under that key.") var input: String
  @Argument(help: "The file to write; its extension says the format.") var output: String
  @Option(help: ArgumentHelp("The format, whatever the extension.", valueName: "format")) var to: String?
  @Option(
    parsing: .singleValue, help: ArgumentHelp("Cast to this dtype, or what matches.", valueName: "[GLOB=]dtype"))
  var dtype: [String] = []
  @Option(
    parsing: .singleValue, help: ArgumentHelp("Replace what matches in names.", valueName: "REGEX=>NEW"))
  var rename: [String] = []
  @Option(parsing: .singleValue, help: ArgumentHelp("Take only what matches.", valueName: "GLOB"))
  var include: [String] = []
  @Option(parsing: .singleValue, help: ArgumentHelp("Leave out what matches.", valueName: "GLOB"))
  var exclude: [String] = []
  @Option(
    help: ArgumentHelp("Take tensors as this model has them, or 'model': whichever it is.", valueName: "model"))
  var layout: String?
  @Option(help: ArgumentHelp("Write files of at most so many bytes of tensors, and an index.", valueName: "size"))
  var shardSize: String?
  @Flag(help: "Refuse to lose anything.") var strict = false
  @Flag(help: "Replace a file that exists.") var force = false
  @Flag(help: "Go on where the same command was killed.") var resume = false
  @Option(help: ArgumentHelp("Take no more memory than this.", valueName: "size")) var maxMemory: String?
  @Flag(help: "One JSON object.") var json = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let console = Console(common)
    Interruption.watch()
    try console.run { () throws(Diagnostic) in
      let options = try options()
      let reader = try openCheckpoint(input, layout: layout, console)
      let conversion = try Conversion(reader, to: output, options: options)
      let bar = console.progressBar("writing \(output)")
      let (ledger, report) = try conversion.run(
        progress: { bar($0.tensors, $0.tensorCount) }, isCancelled: { Interruption.isAsked })
      console.noteResuming(report)
      try console.print(json ? ledger.json.text() : ledger.text)
    }
  }

  private func options() throws(Diagnostic) -> ConversionOptions {
    var options = ConversionOptions()
    options.format = to
    for text in dtype { options.dtypes.append(try DTypeRule(text)) }
    for text in rename { options.renames.append(try RenameRule(text)) }
    options.includes = include.map(NamePattern.init)
    options.excludes = exclude.map(NamePattern.init)
    if let shardSize { options.shardByteCount = try ByteSize(shardSize).byteCount }
    if let maxMemory { options.memoryLimit = try ByteSize(maxMemory).byteCount }
    options.isStrict = strict
    options.force = force
    options.resumes = resume
    return options
  }
}
