extension String {
  /// The text for a message: at most 80 characters of it, and none that would command a terminal.
  package var shortened: String {
    var shown = ""
    for scalar in unicodeScalars.prefix(80) {
      let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
      shown += isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return unicodeScalars.count <= 80 ? shown : shown + "…"
  }
}

/// The first of `names` in quotes, for a message.
func listed(_ names: [String]) -> String {
  names.prefix(3).map { "'\($0.shortened)'" }.joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
}

/// The first bytes of a file for a message: as text where they are that.
func shown(_ bytes: UnsafeRawBufferPointer) -> String {
  if bytes.isEmpty { return "nothing" }
  if bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) { return "'\(String(decoding: bytes, as: UTF8.self))'" }
  return "bytes " + bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: " ")
}
