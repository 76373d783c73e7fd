import GraftFormats
import GraftIR

extension Datum {
  /// How metadata spells it, or `nil` for what is no plain value.
  var json: JSON? {
    switch self {
    case .number(.fraction(let top, 1)): return .int(top)
    case .number(.fraction(let top, let bottom)): return ["fraction": [.int(top), .int(bottom)]]
    case .number(.approximate(let value)): return ["number": .number(value)]
    case .bool(let value): return .bool(value)
    case .text(let value): return .text(value)
    case .word(let value): return ["word": .text(value)]
    case .dtype(let value): return ["dtype": .text(value.rawValue)]
    case .list(let values):
      var list: [JSON] = []
      for value in values {
        guard let json = value.json else { return nil }
        list.append(json)
      }
      return .list(list)
    case .number(.batch), .record, .tuple, .tensor, .distribution, .operation, .selection, .module, .function, .part:
      return nil
    }
  }

  init?(_ json: JSON) {
    switch json {
    case .int(let value): self = .number(Number(value))
    case .number(let value): self = .number(.approximate(value))
    case .bool(let value): self = .bool(value)
    case .text(let value): self = .text(value)
    case .list(let values):
      var list: [Datum] = []
      for value in values {
        guard let datum = Datum(value) else { return nil }
        list.append(datum)
      }
      self = .list(list)
    case .object:
      if case .list(let pair)? = json["fraction"], pair.count == 2, case .int(let top) = pair[0],
        case .int(let bottom) = pair[1],
        bottom != 0, let quotient = try? Number(top) / Number(bottom)
      {
        self = .number(quotient)
      } else if case .number(let value)? = json["number"] {
        self = .number(.approximate(value))
      } else if case .text(let word)? = json["word"] {
        self = .word(word)
      } else if case .text(let name)? = json["dtype"], let dtype = DType(rawValue: name) {
        self = .dtype(dtype)
      } else {
        return nil
      }
    default: return nil
    }
  }
}
