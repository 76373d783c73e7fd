import GraftFormats
import GraftIR
import Testing

/// Patterns of names, rules for dtypes and sizes.
@Suite struct RuleTests {
  static let patterns: [(String, String, Bool)] = [
    ("*", "", true), ("*", "anything.at/all", true), ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "abd", false),
    ("a?c", "abc", true), ("a?c", "ac", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false),
    ("[!a-c]x", "dx", true),
    ("[]]x", "]x", true), ("a[", "a[", true), ("\\*", "*", true), ("\\*", "a", false), ("*.weight", "a.b.weight", true),
    ("*.weight", "a.weights", false), ("model/*", "model/a/b", true), ("blocks.*.attn.*", "blocks.3.attn.qkv", true),
    ("", "", true), ("", "a", false), ("*重*", "a重み", true), ("a**b", "ab", true), ("[a-]", "-", true),
  ]

  @Test("A pattern matches whole names", arguments: patterns)
  func matching(_ pattern: String, _ name: String, _ expected: Bool) {
    #expect(NamePattern(pattern).matches(name) == expected)
  }

  @Test("Many stars take no time", .timeLimit(.minutes(1))) func stars() {
    let pattern = NamePattern(String(repeating: "*a", count: 1000) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 10_000)))
  }

  static let dtypes: [(String, DType)] = [
    ("bf16", .bf16), ("BF16", .bf16), ("bfloat16", .bf16), ("float16", .f16), ("fp16", .f16), ("half", .f16),
    ("F8_E4M3", .f8e4m3),
    ("float8_e4m3fn", .f8e4m3), ("f8e5m2fnuz", .f8e5m2fnuz), ("int64", .i64), ("F4", .f4), ("complex64", .c64),
    ("c128", .c128), ("bool", .bool),
  ]

  @Test("A dtype has the names that formats give it", arguments: dtypes)
  func spelling(_ text: String, _ dtype: DType) throws {
    #expect(try DTypeRule(text).dtype == dtype)
    #expect(try DTypeRule("a=b=" + text).pattern?.text == "a=b")
  }

  @Test("What is no dtype is refused", arguments: ["", "bf17", "=bf16", "x=", "x=y"])
  func dtypeRefusals(_ text: String) {
    let error = #expect(throws: Diagnostic.self) { try DTypeRule(text) }
    #expect(error?.rule == "convert.dtype" && error?.category == .usage)
  }

  static let targets: [(String, String, DType, DType?)] = [
    ("bf16", "w", .f32, .bf16), ("bf16", "w", .f8e4m3, .bf16), ("bf16", "ids", .i64, nil), ("bf16", "mask", .bool, nil),
    ("*=bf16", "ids", .i64, nil), ("ids=bf16", "ids", .i64, .bf16), ("i*=i32", "ids", .i64, .i32),
    ("i32", "w", .f32, nil),
    ("w=i32", "w", .f32, .i32), ("w=i32", "v", .f32, nil), ("c64", "z", .c128, .c64), ("f32", "z", .c64, nil),
  ]

  @Test("A rule stays among numbers of one kind, unless it names a tensor", arguments: targets)
  func kinds(_ rule: String, _ name: String, _ source: DType, _ expected: DType?) throws {
    #expect(try DTypeRule(rule).target(for: name, source) == expected)
  }

  static let sizes: [(String, Int)] = [
    ("500000", 500_000), ("1K", 1000), ("512MB", 512_000_000), ("5G", 5_000_000_000), ("4GiB", 4 << 30),
    ("1.5kb", 1500),
    ("2 GB", 2_000_000_000), ("1TiB", 1 << 40), ("7b", 7),
  ]

  @Test("Sizes are in powers of 1000, or of 1024 where they say so", arguments: sizes)
  func size(_ text: String, _ expected: Int) throws { #expect(try ByteSize(text).byteCount == expected) }

  @Test(
    "What is no size is refused", arguments: ["", "GB", "-1", "1X", "1e9", "0", "99999999999999999999", "1.2.3G", "٣"])
  func sizeRefusals(_ text: String) {
    let error = #expect(throws: Diagnostic.self) { try ByteSize(text) }
    #expect(error?.rule == "convert.size" && error?.category == .usage)
  }

  @Test("Names that differ in their numbers alone are told together") func families() {
    let names = ["b.0.w", "b.1.w", "x", "b.2.w", "b.7.w", "b.01.w", "c.3.4", "c.3.5", "b.99999999999999999999.w"]
    let families = NameFamilies(names).families
    #expect(families.map(\.pattern) == ["b.{0-2,7}.w", "x", "b.01.w", "c.3.{4-5}", "b.99999999999999999999.w"])
    #expect(families.map(\.members) == [[0, 1, 3, 4], [2], [5], [6, 7], [8]])
  }
}
