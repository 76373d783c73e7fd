import GraftFormats
import GraftIR
import Testing

@Suite struct JSONTests {
  static let values: [(String, JSON)] = [
    ("null", nil), (" true ", true), ("[false]", [false]), ("0", 0), ("-12", -12), ("9223372036854775807", .int(.max)),
    ("9223372036854775808", .number(0x1p63)), ("1.5e3", 1500.0), ("-0", .number(-0.0)), ("\"\"", ""),
    ("\"\\u00fc\\ud83d\\ude00\\n\\/\"", "ü😀\n/"), ("{}", [:]), ("{\"b\":1,\"a\":[{}, []]}", ["b": 1, "a": [[:], []]]),
  ]

  @Test("JSON text gives the value that it spells", arguments: values)
  func parsing(_ text: String, _ value: JSON) throws { #expect(try JSON(parsing: text, file: "x") == value) }

  @Test("What is written reads back as the same value", arguments: values)
  func roundTrip(_ text: String, _ value: JSON) throws {
    #expect(try JSON(parsing: value.text(), file: "x") == value)
    #expect(try JSON(parsing: value.text(pretty: true), file: "x") == value)
  }

  @Test("Text is written in the shortest and in the pretty way") func spelling() {
    let value: JSON = ["a": [1, 2.5], "b": ["c": "\u{1}\"\\"], "d": []]
    #expect(value.text() == #"{"a":[1,2.5],"b":{"c":"\u0001\"\\"},"d":[]}"#)
    #expect(value.text(pretty: true).hasPrefix("{\n  \"a\": [\n    1,\n    2.5\n  ],"))
    #expect(JSON.list([.number(.infinity), .number(.nan)]).text() == #"["inf","nan"]"#)
  }

  static let broken: [(String, String)] = [
    ("", "json.syntax"), ("[1,]", "json.syntax"), ("{\"a\" 1}", "json.syntax"), ("[1 2]", "json.syntax"),
    ("01", "json.syntax"), ("1.", "json.syntax"), ("+1", "json.syntax"), ("nul", "json.syntax"), ("\"a", "json.syntax"),
    ("\"\n\"", "json.syntax"), ("\"\\x\"", "json.syntax"), ("1 1", "json.syntax"), ("\u{FEFF}1", "json.syntax"),
    ("{\"a\":1,\"a\":2}", "json.duplicate-name"), ("{\"a\":1,\"\\u0061\":2}", "json.duplicate-name"),
    ("\"\\ud800\"", "json.surrogate"), ("\"\\ud800\\u0041\"", "json.surrogate"), ("\"\\udc00\"", "json.surrogate"),
    ("1e999", "json.number"), (String(repeating: "1", count: 500), "json.number"),
    (String(repeating: "[", count: 100_000), "json.depth"),
  ]

  @Test("Broken JSON is refused by its rule", arguments: broken)
  func refusal(_ text: String, _ rule: String) {
    let error = #expect(throws: Diagnostic.self) { try JSON(parsing: text, file: "x") }
    #expect(error?.rule == rule)
  }

  @Test("Bytes that are not UTF-8 are refused") func encoding() {
    for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xC3, 0x22]] {
      let error = #expect(throws: Diagnostic.self) { try JSON(parsing: bytes, file: "x") }
      #expect(error?.rule == "json.utf8")
    }
  }
}
