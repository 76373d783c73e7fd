extension Program: CustomStringConvertible {
  /// The program as text, in the grammar of `specs/graph.md`; `Program(parsing:)` reads it back to an equal program
  /// where the program is valid.
  public var description: String {
    var lines = ["graft program 1"]
    if !parameters.isEmpty { lines.append("") }
    for parameter in parameters {
      lines.append(
        "parameter \(GraphText.name(parameter.name)) \(parameter.type)\(parameter.isFrozen ? " frozen" : "")")
    }
    for graph in graphs { lines += ["", graph.description] }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Graph: CustomStringConvertible {
  /// The graph as a part of a program's text.
  public var description: String {
    var lines = ["graph \(GraphText.name(name)) {"]
    for input in inputs { lines.append("  \(declaration("input", input))") }
    for parameter in parameters { lines.append("  \(declaration("parameter", parameter))") }
    for node in nodes { lines.append("  \(text(of: node))") }
    for output in outputs { lines.append("  output \(GraphText.name(output.name)) %\(output.value.index)") }
    for boundary in boundaries { lines.append("  boundary \(GraphText.name(boundary.name)) %\(boundary.value.index)") }
    return lines.joined(separator: "\n") + "\n}"
  }

  private func declaration(_ keyword: String, _ named: NamedValue) -> String {
    "%\(named.value.index) = \(keyword) \(GraphText.name(named.name)) \(typeText(named.value))"
  }

  /// One node, as a line of the text: `%2 = Linear(%0, %1) f32[B, 6] @blocks.0.mlp`.
  func text(of node: Node) -> String {
    let results = node.results.map { "%\($0.index)" }.joined(separator: ", ")
    let inputs = node.inputs.map { "%\($0.index)" }.joined(separator: ", ")
    let attributes = node.attributes.sorted { $0.key < $1.key }
      .map { "\(GraphText.name($0.key)): \(GraphText.attribute($0.value))" }
    let types = node.results.map { typeText($0) }.joined(separator: ", ")
    return "\(results) = \(GraphText.name(node.primitive))(\(inputs))"
      + (attributes.isEmpty ? "" : " {\(attributes.joined(separator: ", "))}")
      + " \(types)" + (node.path.isEmpty ? "" : " @\(GraphText.name(node.path))")
  }

  private func typeText(_ value: Value) -> String {
    // A graph that is being mended is printed too: a missing type is no reason to stop.
    types.indices.contains(value.index) ? types[value.index].description : "?"
  }
}

/// How names and attributes are spelled in the text of a graph.
enum GraphText {
  /// A name as it stands where it is a word, in quotes where it is not.
  static func name(_ name: String) -> String {
    guard let first = name.utf8.first, isWordStart(first), name.utf8.allSatisfy(isWordPart) else { return quoted(name) }
    return name
  }

  /// Whether a word can begin with `byte`: a letter or an underscore.
  static func isWordStart(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
  }

  /// Whether a word can go on with `byte`: also a digit or a dot.
  static func isWordPart(_ byte: UInt8) -> Bool { isWordStart(byte) || (0x30...0x39).contains(byte) || byte == 0x2E }

  /// A text in quotes.
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case "\r": quoted += "\\r"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          quoted += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
          quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }

  /// A number that reads back to the same bits: the shortest decimal, or the bits of a NaN that is not the usual one.
  static func number(_ value: Double) -> String {
    if !value.isNaN { return value.description }
    return value.bitPattern == Double.nan.bitPattern ? "nan" : "bits 0x\(String(value.bitPattern, radix: 16))"
  }

  /// An attribute, spelled so that its kind is seen.
  static func attribute(_ attribute: Attribute) -> String {
    switch attribute {
    case .int(let value): String(value)
    case .float(let value): number(value)
    case .bool(let value): value ? "true" : "false"
    case .text(let value): quoted(value)
    case .ints(let values): "[" + values.map(String.init).joined(separator: ", ") + "]"
    case .floats(let values):
      (values.isEmpty ? "floats " : "") + "[" + values.map(number).joined(separator: ", ") + "]"
    case .dtype(let dtype): "dtype \(dtype)"
    case .dimension(let size): "size \(size)"
    case .dimensions(let sizes): "sizes \(TensorType.text(of: sizes))"
    }
  }
}
