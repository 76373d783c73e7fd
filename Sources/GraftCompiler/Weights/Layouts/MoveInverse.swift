import GraftFormats
import GraftIR

/// Turns formulas round that only move elements: from what a file holds to the model's tensors.
///
///     q = slice(w, 0, 2), k = slice(w, 2, 2)   →   w = concat([q, k])
///     a = transpose(w)                         →   w = transpose(a)
struct MoveInverse {
  private struct Piece {
    let start: Int
    let length: Int
    let value: WeightExpression
  }

  /// An axis of a formula, of which some pieces are known.
  private struct Cut: Hashable {
    let whole: WeightExpression
    let axis: Int
  }

  /// The formulas found for each of the model's tensors, by its name; several where it is stored several times.
  private(set) var values: [String: [WeightExpression]] = [:]
  private var pieces: [Cut: [Piece]] = [:]

  /// Learns that `formula`, over the model's tensors, is `value`.
  ///
  /// - Throws: `layouts.invertible` where the formula computes something.
  mutating func add(_ value: WeightExpression, is formula: WeightExpression, at: Location) throws(Diagnostic) {
    switch formula {
    case .source(let tensor):
      values[tensor.name, default: []].append(value)
      return
    case .apply(let primitive, let attributes, let arguments, _):
      guard let argument = arguments.first else { break }
      let axis = attributes.axis(rank: argument.type.rank)
      switch primitive {
      case "Reshape": return try add(value.reshaped(argument.type.shape ?? []), is: argument, at: at)
      case "Reverse": return try add(value.reversed(axis: axis), is: argument, at: at)
      case "Transpose":
        let order = attributes.ints("perm")
        var inverse = [Int](repeating: 0, count: order.count)
        for (place, axis) in order.enumerated() { inverse[axis] = place }
        return try add(value.transposed(inverse), is: argument, at: at)
      case "Concat":
        var start = 0
        for part in arguments {
          let length = part.type.axes[axis].count
          try add(value.sliced(axis: axis, start: start, length: length), is: part, at: at)
          start += length
        }
        return
      case "Slice":
        let piece = Piece(
          start: attributes.dimension("start").count, length: attributes.dimension("length").count, value: value)
        return try add(piece, of: Cut(whole: argument, axis: axis), at: at)
      default: break
      }
      throw Diagnostic(
        "layouts.invertible", "'\(primitive)' cannot be turned round", at: at,
        help: "a layout renames, splits, joins, transposes, reshapes and reverses")
    case .fill, .draw, .computed, .copies: break
    }
    throw Diagnostic("layouts.invertible", "what holds no tensor of the model cannot be turned round", at: at)
  }

  /// Joins the pieces of an axis as soon as all of it is there.
  private mutating func add(_ piece: Piece, of cut: Cut, at: Location) throws(Diagnostic) {
    var known = pieces[cut] ?? []
    known.append(piece)
    known.sort { $0.start < $1.start }
    var end = 0
    for piece in known {
      guard piece.start == end else {
        pieces[cut] = known
        return
      }
      end += piece.length
    }
    pieces[cut] = nil
    guard end == cut.whole.type.axes[cut.axis].count else {
      pieces[cut] = known
      return
    }
    try add(.joined(known.map(\.value), axis: cut.axis), is: cut.whole, at: at)
  }

  /// Whether some tensor is known in part only.
  var isIncomplete: Bool { !pieces.isEmpty }
}
