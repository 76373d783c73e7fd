import GraftIR

/// Tells two transfers apart that would not give the same bytes: by the plan, the sources and the options.
///
/// Sources count by file, size and time of the last change, since reading them whole is what resuming avoids.
struct TransferFingerprint {
  /// A SHA-256 in hexadecimal.
  let text: String

  init(_ plan: WeightPlan, sources: [[MappedFile]], format: Format, options: TransferEngine.Options) {
    var parts = ["format \(format.name)", "key \(options.key ?? "")", "shards \(options.shardByteCount ?? 0)"]
    parts += ["digests \(options.recordsDigests)", "counts \(options.countsCasts)"]
    for (name, text) in plan.metadata.sorted(by: { $0.key < $1.key }) { parts += ["metadata \(name)", text] }
    for files in sources { parts += files.map { "source \($0.version)" } + ["end"] }
    for tensor in plan.tensors {
      parts.append("tensor \(tensor.name)")
      parts.append("\(tensor.blocks?.rawValue ?? tensor.dtype.rawValue) \(tensor.shape.axes) \(tensor.keys)")
      if let alias = tensor.alias { parts.append("alias \(alias.target) \(alias.offset) \(alias.strides)") }
      tensor.expression.describe(into: &parts)
    }
    // Each part with its length, so that no two lists spell the same text.
    text = SHA256.hexadecimal(of: parts.flatMap { "\($0.utf8.count):\($0)\n".utf8 }) ?? ""
  }
}

extension WeightExpression {
  /// Adds texts that are equal for equal expressions alone.
  fileprivate func describe(into parts: inout [String]) {
    switch self {
    case .source(let source):
      parts.append("source \(source.source) \(source.dtype) \(source.shape.axes)")
      parts.append(source.name)
    case .fill(let value, let dtype, let shape): parts.append("fill \(value.bitPattern) \(dtype) \(shape.axes)")
    case .draw(let draw, let shape):
      parts.append("draw \(draw.distribution) \(draw.seed) \(shape.axes)")
      parts.append(draw.stream)
    case .apply(let primitive, let attributes, let arguments, let type):
      parts.append("apply \(primitive) \(arguments.count) \(type)")
      for (name, attribute) in attributes.sorted(by: { $0.key < $1.key }) { parts.append("\(name) = \(attribute)") }
      parts.append("to")
      for argument in arguments { argument.describe(into: &parts) }
    case .copies(let all):
      parts.append("copies \(all.count)")
      for copy in all { copy.describe(into: &parts) }
    case .computed(let graph):
      parts.append("graph \(graph.arguments.count) \(graph.type)")
      parts.append("\(graph.graph)")
      for argument in graph.arguments { argument.describe(into: &parts) }
    }
  }
}
