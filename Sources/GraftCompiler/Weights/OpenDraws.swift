import GraftFormats
import GraftIR

/// Draws inside a formula: `log(uniform(low: 1, high: 16, shape: [h]))`.
///
/// Which numbers they are is decided where the formula is placed, by the seed and by the name of the tensor that holds
/// it. Until then a draw is open, and its stream is a number that tells it from the others.
extension Draw {
  private static let mark = "\0"

  /// A draw without seed and stream, different from every other `number`.
  static func open(_ law: Distribution, number: Int) -> Draw { Draw(law, seed: 0, stream: mark + String(number)) }

  /// Whether the draw waits for its place.
  var isOpen: Bool { stream.hasPrefix(Self.mark) }
}

extension WeightExpression {
  /// The formula in its place: its first draw has the stream `stream`, a further one `stream#2`, `stream#3` and so on.
  func placed(seed: UInt64, stream: String) -> WeightExpression {
    var streams: [Draw: Draw] = [:]
    return placed(seed, stream, &streams)
  }

  private func placed(_ seed: UInt64, _ stream: String, _ streams: inout [Draw: Draw]) -> WeightExpression {
    switch self {
    case .draw(let draw, let shape) where draw.isOpen:
      if let known = streams[draw] { return .draw(known, shape) }
      let name = streams.isEmpty ? stream : "\(stream)#\(streams.count + 1)"
      let placed = Draw(draw.distribution, seed: seed, stream: name)
      streams[draw] = placed
      return .draw(placed, shape)
    case .source, .fill, .draw, .copies: return self
    case .apply(let primitive, let attributes, let arguments, let type):
      return .apply(
        primitive: primitive, attributes, arguments.map { $0.placed(seed, stream, &streams) }, type)
    case .computed(let graph):
      // The graph stays the same object where nothing in it waits, so that it is worked out once.
      guard graph.arguments.contains(where: \.holdsOpenDraw) else { return self }
      return .computed(graph.mapArguments { $0.placed(seed, stream, &streams) })
    }
  }

  private var holdsOpenDraw: Bool {
    switch self {
    case .draw(let draw, _): draw.isOpen
    case .source, .fill, .copies: false
    case .apply(_, _, let arguments, _): arguments.contains(where: \.holdsOpenDraw)
    case .computed(let graph): graph.arguments.contains(where: \.holdsOpenDraw)
    }
  }
}
