import GraftCompiler
import GraftFormats
import GraftIR

/// The checkpoint at `address` as its file holds it or, where a layout is said, as the model has it that its graph was
/// made of, without the prefixes of wrappers. What else the layout would do is for a graft.
///
/// - Parameter layout: A model's name, which the checkpoint has to be of, or `model` for whichever it is.
/// - Throws: `usage.layout`, what `Formats.open` throws, and what recognising a model throws.
func openCheckpoint(
  _ address: String, layout: String?, _ console: Console
) throws(Diagnostic) -> any CheckpointReader {
  let reader = try Formats.open(CheckpointAddress(parsing: address))
  guard let layout else { return reader }
  let (stripped, prefix) = reader.asModel.strippingWrapperPrefixes()
  if let prefix { console.note("taking the prefix '\(prefix)' off every name of '\(address)'") }
  if layout == SelfDescription.ownLayout { return stripped }
  var options = Compiler.Options()
  options.layout = layout
  options.leavesOpen = true
  let model = try Compiler(options: options).open(.checkpoint(address), randomWeights: false).first
  guard model?.layout == SelfDescription.ownLayout else {
    throw Diagnostic(
      "usage.layout", "layout '\(layout)' is for a graft to read, and names stay as they are here",
      help: "compile a graft: base MODEL from \"\(address)\" layout \(layout), then emit another file",
      category: .usage)
  }
  return stripped
}
