import GraftIR
import GraftRunner
import Testing

@Suite struct RespacingTests {
  /// By hand from the rule: a stride of (size - 1) / (count - 1), added up and rounded, halves to even.
  static let spacings: [(text: String, total: Int, steps: [Int])] = [
    ("1", 1000, [0]),
    ("2", 1000, [0, 999]),
    ("5", 5, [0, 1, 2, 3, 4]),
    ("3", 4, [0, 2, 3]),  // 1.5 rounds to the even 2.
    ("5", 11, [0, 2, 5, 8, 10]),  // 2.5 rounds to 2, 7.5 to 8.
    ("1,1,1", 10, [0, 4, 7]),  // Sections of 4, 3 and 3.
    ("2,3", 7, [0, 3, 4, 5, 6]),
    ("ddim4", 10, [0, 3, 6, 9]),
    ("ddim10", 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("007", 7, [0, 1, 2, 3, 4, 5, 6]),
  ]

  @Test("Steps are spread as the published sampler spreads them", arguments: spacings)
  func steps(_ text: String, _ total: Int, _ expected: [Int]) throws {
    #expect(try Respacing(text).steps(of: total) == expected)
  }

  static let refusals: [(text: String, rule: String)] = [
    ("", "diffusion.steps-syntax"), ("many", "diffusion.steps-syntax"), ("ddim", "diffusion.steps-syntax"),
    ("10,", "diffusion.steps-syntax"), ("-5", "diffusion.steps-syntax"), ("+5", "diffusion.steps-syntax"),
    ("2.5", "diffusion.steps-syntax"), ("ddim5,5", "diffusion.steps-syntax"), ("DDIM50", "diffusion.steps-syntax"),
    (" 50", "diffusion.steps-syntax"), ("٥٠", "diffusion.steps-syntax"),
    ("99999999999999999999", "diffusion.steps-syntax"),
    ("0", "diffusion.steps-count"), ("2000", "diffusion.steps-count"), ("10,0,10", "diffusion.steps-count"),
    ("500,501", "diffusion.steps-count"), (String(repeating: "1,", count: 1000) + "1", "diffusion.steps-count"),
    ("ddim37", "diffusion.steps-stride"), ("ddim0", "diffusion.steps-stride"), ("ddim1001", "diffusion.steps-stride"),
    ("ddim9223372036854775807", "diffusion.steps-stride"),
  ]

  @Test("A choice that makes no sense is refused by its rule", arguments: refusals)
  func refusal(_ text: String, _ rule: String) {
    #expect {
      _ = try Respacing(text).steps(of: 1000)
    } throws: { error in
      let diagnostic = error as? Diagnostic
      return diagnostic?.rule == rule && diagnostic?.category == .usage
    }
  }
}
