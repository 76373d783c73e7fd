extension JSON {
  /// The value as text: the same value gives the same bytes. `pretty` puts each member on a line of its own.
  ///
  /// Infinities and NaN, for which JSON has no spelling, are written as the texts `inf`, `-inf` and `nan`.
  public func text(pretty: Bool = false) -> String {
    var out: [UInt8] = []
    write(into: &out, pretty: pretty, indentation: 0)
    return String(decoding: out, as: UTF8.self)
  }

  /// Appends the value's bytes to `out`.
  func write(into out: inout [UInt8], pretty: Bool = false, indentation: Int = 0) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let value): out += String(value).utf8
    case .number(let value):
      if value.isFinite {
        out += "\(value)".utf8  // Swift prints the shortest digits that read back as the same value.
      } else {
        JSON.write(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf", into: &out)
      }
    case .text(let value): JSON.write(value, into: &out)
    case .list(let elements):
      JSON.write(elements, open: "[", close: "]", into: &out, pretty, indentation) { element, out in
        element.write(into: &out, pretty: pretty, indentation: indentation + 1)
      }
    case .object(let members):
      JSON.write(members, open: "{", close: "}", into: &out, pretty, indentation) { member, out in
        JSON.write(member.name, into: &out)
        out += (pretty ? ": " : ":").utf8
        member.value.write(into: &out, pretty: pretty, indentation: indentation + 1)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], open: String, close: String, into out: inout [UInt8], _ pretty: Bool, _ indentation: Int,
    element: (Element, inout [UInt8]) -> Void
  ) {
    out += open.utf8
    for (index, item) in elements.enumerated() {
      if index > 0 { out += ",".utf8 }
      if pretty { startLine(indentation + 1, &out) }
      element(item, &out)
    }
    if pretty && !elements.isEmpty { startLine(indentation, &out) }
    out += close.utf8
  }

  private static func startLine(_ indentation: Int, _ out: inout [UInt8]) {
    out.append(0x0A)
    out += repeatElement(0x20, count: 2 * indentation)
  }

  /// Appends `text` in quotation marks; what must be escaped is, and nothing else.
  static func write(_ text: String, into out: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    out.append(0x22)
    for byte in text.utf8 {
      switch byte {
      case 0x22: out += "\\\"".utf8
      case 0x5C: out += "\\\\".utf8
      case 0x0A: out += "\\n".utf8
      case 0x0D: out += "\\r".utf8
      case 0x09: out += "\\t".utf8
      case 0..<0x20, 0x7F: out += "\\u00".utf8 + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: out.append(byte)
      }
    }
    out.append(0x22)
  }
}
