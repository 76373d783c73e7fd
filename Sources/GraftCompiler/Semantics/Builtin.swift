import GraftIR

/// A function that every file sees: of numbers and lists at compile time, of tensors wherever tensors are.
struct Builtin: Sendable {
  /// One argument: its name and whether it may be left out.
  struct Parameter: Sendable {
    let name: String
    let isOptional: Bool
  }

  /// A call with its arguments in their places.
  struct Call {
    let name: String
    let values: [String: (datum: Datum, at: Location)]
    let at: Location
    let evaluator: Evaluator
    let environment: Environment
  }

  let name: String
  let parameters: [Parameter]
  let body: @Sendable (Call) throws(Diagnostic) -> Datum

  /// `signature` lists the arguments, those with `?` may be left out.
  init(_ name: String, _ signature: String, _ body: @escaping @Sendable (Call) throws(Diagnostic) -> Datum) {
    self.name = name
    parameters = signature.split(separator: " ").map {
      Parameter(name: String($0.prefix { $0 != "?" }), isOptional: $0.hasSuffix("?"))
    }
    self.body = body
  }

  static let all: [Builtin] = numberFunctions + elementwiseFunctions + tensorFunctions
  static let names: [String] = all.map(\.name)
  private static let byName: [String: Builtin] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  static func named(_ name: String) -> Builtin? { byName[name] }

  /// What PyTorch, NumPy and ONNX call a function of graft.
  private static let otherNames = [
    "arange": "iota", "batch_matmul": "matmul", "bmm": "matmul", "broadcast_to": "expand", "cat": "concat",
    "chunk": "split", "concatenate": "concat", "conv1d": "causal_conv", "conv2d": "conv", "dot": "matmul",
    "embedding": "gather", "flip": "reverse", "index_select": "gather", "len": "count",
    "length": "count", "mm": "matmul", "narrow": "slice", "permute": "transpose",
    "reduce_max": "max", "reduce_mean": "mean", "reduce_sum": "sum", "repeat": "tile",
    "scaled_dot_product_attention": "attention", "sdpa": "attention", "shape": "size", "swish": "silu",
    "take": "gather", "to": "cast", "view": "reshape", "where": "select",
  ]

  /// The function that `name` most likely means, or `nil` where none is close.
  static func meant(by name: String) -> String? { otherNames[name.lowercased()] }

  func call(
    _ arguments: [Expression.Argument], at: Location, _ evaluator: Evaluator, _ environment: Environment
  ) throws(Diagnostic) -> Datum {
    if name == "has", let argument = arguments.first, arguments.count == 1 {
      return .bool((try? evaluator.evaluate(argument.value, environment)) != nil)
    }
    var values: [String: (datum: Datum, at: Location)] = [:]
    var position = 0
    // min(a, b, c) is min([a, b, c]).
    var all = try evaluator.evaluated(arguments, environment).map { argument in
      (label: argument.label, value: evaluator.resolved(argument.value, environment), at: argument.at)
    }
    if ["min", "max"].contains(name), all.count > 1, all.allSatisfy({ $0.label == nil }),
      all.allSatisfy({ if case .number = $0.value { true } else { false } })
    {
      all = [(nil, .list(all.map(\.value)), at)]
    }
    for argument in all {
      let parameter: Parameter
      if let label = argument.label {
        guard let found = parameters.first(where: { $0.name == label.text }) else {
          let hint = suggestion(for: label.text, among: parameters.map(\.name))
          throw Diagnostic(
            "calls.label", "'\(name)' has no argument '\(label.text)'", at: label.at,
            label: hint.map { "did you mean '\($0)'?" })
        }
        parameter = found
      } else {
        guard position < parameters.count else {
          throw Diagnostic(
            "calls.count", "'\(name)' takes \(parameters.count) arguments, and here are \(all.count)", at: at)
        }
        parameter = parameters[position]
        position += 1
      }
      guard values.updateValue((argument.value, argument.at), forKey: parameter.name) == nil else {
        throw Diagnostic("calls.twice", "'\(parameter.name)' is given twice", at: argument.at)
      }
    }
    for parameter in parameters where !parameter.isOptional && values[parameter.name] == nil {
      throw Diagnostic("calls.missing", "'\(name)' needs '\(parameter.name)'", at: at)
    }
    return try body(Call(name: name, values: values, at: at, evaluator: evaluator, environment: environment))
  }
}

extension Compiler {
  /// How each function that expressions may call is called: `softmax(x, axis?)`.
  package static var functionSignatures: [String] {
    Builtin.all.map { function in
      let parameters = function.parameters.map { $0.isOptional ? "\($0.name)?" : $0.name }
      return "\(function.name)(\(parameters.joined(separator: ", ")))"
    }
  }
}

extension Builtin.Call {
  func place(_ name: String) -> Location { values[name]?.at ?? at }

  func has(_ name: String) -> Bool { values[name] != nil }

  private func wrong(_ name: String, _ wanted: String, _ datum: Datum) -> Diagnostic {
    Diagnostic(
      "calls.type", "'\(name)' of '\(self.name)' is \(wanted), and this is \(datum.kindText)", at: place(name))
  }

  func tensor(_ name: String) throws(Diagnostic) -> TracedTensor {
    guard let datum = values[name]?.datum else {
      throw Diagnostic("calls.missing", "'\(self.name)' needs '\(name)'", at: at)
    }
    switch datum {
    case .tensor(let tensor): return tensor
    case .number(let number): return try evaluator.constant(number, .f32, at: place(name), environment)
    default: throw wrong(name, "a tensor", datum)
    }
  }

  func tensors(_ name: String) throws(Diagnostic) -> [TracedTensor] {
    guard let datum = values[name]?.datum, let entries = datum.entries else {
      throw Diagnostic("calls.type", "'\(name)' of '\(self.name)' is a list of tensors", at: place(name))
    }
    try evaluator.spend(entries.count, at: at)
    var result: [TracedTensor] = []
    for entry in entries {
      guard case .tensor(let tensor) = evaluator.resolved(entry, environment) else {
        throw wrong(name, "a list of tensors", entry)
      }
      result.append(tensor)
    }
    if result.isEmpty { throw Diagnostic("values.empty", "'\(self.name)' of no tensors at all", at: place(name)) }
    return result
  }

  func number(_ name: String) throws(Diagnostic) -> Number {
    guard let datum = values[name]?.datum, case .number(let number) = datum else {
      throw Diagnostic(
        "calls.type",
        "'\(name)' of '\(self.name)' is a number, and this is \(values[name]?.datum.kindText ?? "missing")",
        at: place(name))
    }
    return number
  }

  func numbers(_ name: String) throws(Diagnostic) -> [Number] {
    guard let datum = values[name]?.datum, let entries = datum.entries else {
      return [try number(name)]
    }
    try evaluator.spend(entries.count, at: at)
    var result: [Number] = []
    for entry in entries {
      guard case .number(let number) = entry else { throw wrong(name, "a list of numbers", entry) }
      result.append(number)
    }
    return result
  }

  func int(_ name: String, default fallback: Int) throws(Diagnostic) -> Int {
    guard has(name) else { return fallback }
    return try evaluator.whole(try number(name), at: place(name), what: "'\(name)'")
  }

  func ints(_ name: String) throws(Diagnostic) -> [Int] {
    var result: [Int] = []
    for number in try numbers(name) {
      result.append(try evaluator.whole(number, at: place(name), what: "'\(name)'"))
    }
    return result
  }

  func dimensions(_ name: String) throws(Diagnostic) -> [Dimension] {
    var result: [Dimension] = []
    for number in try numbers(name) {
      guard let dimension = number.dimension, dimension.count >= 0 else {
        throw Diagnostic("values.size", "a size must be whole and not negative, and is \(number)", at: place(name))
      }
      result.append(dimension)
    }
    return result
  }

  func double(_ name: String, default fallback: Double) throws(Diagnostic) -> Double {
    guard has(name) else { return fallback }
    guard let value = try number(name).double else {
      throw Diagnostic("values.batch", "'\(name)' must be known at compile time", at: place(name))
    }
    return value
  }

  func dtype(_ name: String, default fallback: DType) throws(Diagnostic) -> DType {
    guard let datum = values[name]?.datum else { return fallback }
    guard case .dtype(let dtype) = datum else { throw wrong(name, "a type", datum) }
    return dtype
  }

  func word(_ name: String, default fallback: String) throws(Diagnostic) -> String {
    guard let datum = values[name]?.datum else { return fallback }
    guard case .text(let text) = datum else { throw wrong(name, "a text", datum) }
    return text
  }

  func node(_ primitive: String, _ inputs: [TracedTensor], _ attributes: Attributes = [:]) throws(Diagnostic) -> Datum {
    try evaluator.apply(primitive, inputs, attributes, at: at, environment)
  }
}
