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
