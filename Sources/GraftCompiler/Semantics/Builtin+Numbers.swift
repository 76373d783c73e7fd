import GraftFormats
import GraftIR

extension Builtin {
  /// Functions of numbers and lists.
  static let numberFunctions: [Builtin] = [
    rounding("floor", .down), rounding("ceil", .up), rounding("round", .toNearestOrEven),
    Builtin("sum", "x axes?") { call throws(Diagnostic) in
      if case .tensor(let tensor)? = call.values["x"]?.datum { return try reduction("ReduceSum", tensor, call) }
      let entries = try call.entries("x")
      guard var total = entries.first else { return .number(Number(0)) }
      for entry in entries.dropFirst() { total = try call.add(total, entry) }
      return total
    },
    Builtin("mean", "x axes?") { call throws(Diagnostic) in
      if case .tensor(let tensor)? = call.values["x"]?.datum { return try reduction("ReduceMean", tensor, call) }
      let entries = try call.entries("x")
      guard var total = entries.first else { throw Diagnostic("values.empty", "the mean of nothing", at: call.at) }
      for entry in entries.dropFirst() { total = try call.add(total, entry) }
      let count = Number(entries.count)
      if case .tensor = total {
        let (sum, divisor) = try call.evaluator.alike(total, .number(count), at: call.at, call.environment)
        return try call.node("Div", [sum, divisor])
      }
      guard case .number(let number) = total else { return total }
      do throws(Number.Failure) { return .number(try number / count) } catch {
        throw call.evaluator.failure(error, at: call.at)
      }
    },
    extreme("min", "Min"), extreme("max", "Max"),
    Builtin("count", "x") { call throws(Diagnostic) in
      switch call.values["x"]?.datum {
      case .record(let entries)?: return .number(Number(entries.count))
      case .selection(let selection)?:
        guard selection.isWholeList, case .graft(let state) = call.environment.place,
          let path = selection.items.first?.path, let list = state.architecture[path: path]
        else { return .number(Number(selection.items.count)) }
        return .number(Number(list.parts.count))
      default: return .number(Number(try call.entries("x").count))
      }
    },
    ordered("top", largestFirst: true), ordered("bottom", largestFirst: false),
    Builtin("read", "file") { call throws(Diagnostic) in
      try call.evaluator.read(try call.word("file", default: ""), at: call.at, call.environment)
    },
    // Answered in `call`, because its argument may name what is not there.
    Builtin("has", "x") { _ throws(Diagnostic) in .bool(true) },
    Builtin("uniform", "within? low? high? shape?") { call throws(Diagnostic) in
      let bound = try call.single("within", default: 1)
      let low = try call.single("low", default: -bound)
      let high = try call.single("high", default: bound)
      guard low <= high, Float(high - low).isFinite else {
        throw Diagnostic("values.distribution", "'uniform' runs from \(low) to \(high)", at: call.at)
      }
      return try drawn(.uniform(low: low, high: high), call)
    },
    Builtin("normal", "std? mean? shape?") { call throws(Diagnostic) in
      let deviation = try call.single("std", default: 1)
      guard deviation >= 0 else {
        throw Diagnostic("values.distribution", "'std' is \(deviation), and must not be negative", at: call.at)
      }
      return try drawn(.normal(mean: try call.single("mean", default: 0), deviation: deviation), call)
    },
  ]

  /// A law for a whole tensor, or, with a shape, a tensor of draws that a formula goes on with.
  private static func drawn(_ law: Draw.Distribution, _ call: Call) throws(Diagnostic) -> Datum {
    guard call.has("shape") else { return .distribution(law) }
    let axes = try call.ints("shape")
    guard axes.allSatisfy({ $0 >= 0 }) else {
      throw Diagnostic("values.size", "'shape' is \(axes), and no size is below 0", at: call.place("shape"))
    }
    let shape = Shape(axes)
    guard let count = shape.elementCount, count <= Evaluator.elementLimit else {
      throw Diagnostic(
        "limits.elements", "a tensor of \(shape) has more than 2^40 elements", at: call.place("shape"))
    }
    let draw = Draw.open(law, number: call.evaluator.nextDraw())
    return .tensor(TracedTensor(origin: .weight(.draw(draw, shape)), type: TensorType(.f32, shape)))
  }

  private static func rounding(_ name: String, _ rule: FloatingPointRoundingRule) -> Builtin {
    Builtin(name, "x") { call throws(Diagnostic) in
      let number = try call.number("x")
      do throws(Number.Failure) { return .number(try number.rounded(rule)) } catch {
        throw call.evaluator.failure(error, at: call.at)
      }
    }
  }

  private static func extreme(_ name: String, _ primitive: String) -> Builtin {
    Builtin(name, "x y?") { call throws(Diagnostic) in
      if let y = call.values["y"] {
        let (a, b) = try call.evaluator.alike(
          call.values["x"]?.datum ?? .bool(false), y.datum, at: call.at, call.environment)
        return try call.node(primitive, [a, b])
      }
      if name == "max", case .tensor(let tensor)? = call.values["x"]?.datum {
        return try reduction("ReduceMax", tensor, call)
      }
      let numbers = try call.numbers("x")
      guard var best = numbers.first else { throw Diagnostic("values.empty", "'\(name)' of nothing", at: call.at) }
      for number in numbers.dropFirst() {
        do throws(Number.Failure) {
          if try name == "min" ? Number.isLess(number, best) : Number.isLess(best, number) { best = number }
        } catch { throw call.evaluator.failure(error, at: call.at) }
      }
      return .number(best)
    }
  }

  /// The indices of the `n` largest or smallest entries, ascending; of equal entries the first.
  private static func ordered(_ name: String, largestFirst: Bool) -> Builtin {
    Builtin(name, "n list") { call throws(Diagnostic) in
      let count = try call.int("n", default: 0)
      if case .tensor(let tensor)? = call.values["list"]?.datum {
        return try call.node("TopIndices", [tensor], ["count": .int(count), "largest": .bool(largestFirst)])
      }
      let values = try call.numbers("list").map { $0.double ?? .nan }
      guard count >= 0, count <= values.count else {
        throw Diagnostic("values.count", "\(count) of \(values.count) entries are wanted", at: call.place("n"))
      }
      let order = values.indices.sorted {
        values[$0] == values[$1] ? $0 < $1 : largestFirst ? values[$0] > values[$1] : values[$0] < values[$1]
      }
      return .list(order.prefix(count).sorted().map { .number(Number($0)) })
    }
  }

  static func reduction(_ primitive: String, _ tensor: TracedTensor, _ call: Call) throws(Diagnostic) -> Datum {
    let axes = call.has("axes") ? try call.ints("axes") : Array(0..<tensor.type.rank)
    return try call.node(primitive, [tensor], ["axes": .ints(axes), "keepdims": .bool(true)])
  }
}

extension Builtin.Call {
  /// A number that an f32 holds.
  func single(_ name: String, default fallback: Double) throws(Diagnostic) -> Double {
    let value = try double(name, default: fallback)
    guard Float(value).isFinite else {
      throw Diagnostic("values.distribution", "'\(name)' is \(value), which no f32 holds", at: place(name))
    }
    return value
  }

  func entries(_ name: String) throws(Diagnostic) -> [Datum] {
    guard let datum = values[name]?.datum, let entries = datum.entries else {
      throw Diagnostic(
        "values.list", "'\(self.name)' takes a list, and this is \(values[name]?.datum.kindText ?? "missing")",
        at: place(name))
    }
    try evaluator.spend(entries.count, at: at)
    return entries
  }

  func add(_ a: Datum, _ b: Datum) throws(Diagnostic) -> Datum {
    if case .number(let x) = a, case .number(let y) = b {
      do throws(Number.Failure) { return .number(try x + y) } catch { throw evaluator.failure(error, at: at) }
    }
    let (x, y) = try evaluator.alike(a, b, at: at, environment)
    return try node("Add", [x, y])
  }
}
